"""What time alone does to cases: an embargo ends at its instant, a read-in at its own.

In: the clock of the store. Out: how many cases changed. Running it again changes nothing. A case
that another process works on is left for the next run, a second later.
The store keeps the next instant of each case beside it, so looking at ten thousand cases opens only
those that are due. Nothing here publishes: that is publish's, and never before the instant.
"""

from clearhouse.clearing.coordinate import _store, transitions
from clearhouse.clearing.coordinate.casework import write
from clearhouse.clearing.coordinate.record import CaseFile
from clearhouse.kernel.services import Desk
from clearhouse.kernel.store.database import Transaction

_AT_ONCE = 200
"""Cases to a transaction."""


def sweep(desk: Desk) -> int:
    """Bring every case up to the present instant, and return how many that changed."""
    changed = 0
    while True:
        with desk.database.transaction(desk.clearing_actor.actor_id) as transaction:
            due = _store.clocks_due(desk, transaction, _AT_ONCE)
            for stored in due:
                _tick(desk, transaction, stored)
        changed += len(due)
        if len(due) < _AT_ONCE:
            return changed


def _tick(desk: Desk, transaction: Transaction, stored: CaseFile) -> None:
    """Write down what time changed; writing computes who reads and the next instant anew."""
    case = transitions.tick(stored.case, transaction.now)
    what = "embargo.ended" if case != stored.case else "case.read_in_expired"
    decision = desk.authority.demand(desk.clearing_actor, "case.tick", stored.readers)
    write(desk, transaction, stored, case, what, {"authority": decision.policy})
