"""What time alone does to cases: an embargo ends at its instant, a read-in at its own.

In: the clock of the store. Out: how many cases changed. Running it again changes nothing. A case
that another process works on is left for the next run, a second later.
The store keeps the next instant of each case beside it, so looking at ten thousand cases opens only
those that are due. Of these, an embargo whose end lets nobody read who did not read before is ended
without opening the case, thousands at once, each with its own entry in the ledger. Nothing here
publishes: that is publish's, and never before the instant.
"""

from datetime import UTC

from clearhouse.clearing.coordinate import _store, transitions
from clearhouse.clearing.coordinate._store import Ended
from clearhouse.clearing.coordinate.casework import write
from clearhouse.clearing.coordinate.embargo_management import EmState
from clearhouse.clearing.coordinate.record import CaseFile
from clearhouse.kernel import ledger
from clearhouse.kernel.services import Desk
from clearhouse.kernel.store.database import Transaction

_AT_ONCE = 200
"""Cases to a transaction, when each is opened."""
_AT_ONCE_PLAINLY = 2500


def sweep(desk: Desk) -> int:
    """Bring every case up to the present instant, and return how many that changed."""
    changed = 0
    while True:
        with desk.database.transaction(desk.clearing_actor.actor_id) as transaction:
            ended = _store.end_plainly(transaction, _AT_ONCE_PLAINLY)
            _note(desk, transaction, ended)
        changed += len(ended)
        if len(ended) < _AT_ONCE_PLAINLY:
            break
    while True:
        with desk.database.transaction(desk.clearing_actor.actor_id) as transaction:
            due = _store.clocks_due(desk, transaction, _AT_ONCE)
            for stored in due:
                _tick(desk, transaction, stored)
        changed += len(due)
        if len(due) < _AT_ONCE:
            return changed


def _note(desk: Desk, transaction: Transaction, ended: list[Ended]) -> None:
    """Write down each end, as `write` does for a case that was opened."""
    events = [
        ledger.Event(
            kind="embargo.ended",
            subject=one.case_id,
            data={
                "authority": desk.authority.demand(
                    desk.clearing_actor, "case.tick", one.readers
                ).policy,
                "policy": one.policy,
                "rule": one.rule,
                "embargo": one.instant.astimezone(UTC).isoformat(),
                "embargo_state": EmState.EXITED.value,
            },
            readers=one.readers,
            compartment=one.compartment,
        )
        for one in ended
    ]
    if events:
        ledger.append_all(transaction, events)


def _tick(desk: Desk, transaction: Transaction, stored: CaseFile) -> None:
    """Write down what time changed; writing computes who reads and the next instant anew."""
    case = transitions.tick(stored.case, transaction.now)
    what = "embargo.ended" if case != stored.case else "case.read_in_expired"
    decision = desk.authority.demand(desk.clearing_actor, "case.tick", stored.readers)
    write(desk, transaction, stored, case, what, {"authority": decision.policy})
