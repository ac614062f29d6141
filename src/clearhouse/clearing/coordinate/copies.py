"""Says who was given what, and names the recipient of a leak.

In: a case, or a leaked text. Out: the copies of the case; or whose copies the text was made from.
Refused: whoever may not look.
"""

from dataclasses import dataclass
from datetime import datetime

from clearhouse.clearing.coordinate import canary
from clearhouse.clearing.coordinate.casework import case
from clearhouse.clearing.coordinate.duty import HOUSE_READERS
from clearhouse.kernel import ledger
from clearhouse.kernel.identity import Actor
from clearhouse.kernel.services import Desk
from clearhouse.kernel.store.database import Row, Transaction


@dataclass(frozen=True, kw_only=True, slots=True)
class Copy:
    """Something that somebody was given."""

    what: str
    """The id of a case, of a message, or of a part of a case."""
    case_id: str
    actor_id: str
    """The reader; a party where the copy went to it as a whole, by encrypted mail."""
    party_id: str
    given_at: datetime
    mark: str
    """As three words."""


def seen(desk: Desk, transaction: Transaction, actor: Actor, case_id: str) -> list[Copy]:
    """Return who was given what of a case, the latest first, to those who may read people in.

    Raises: NoSuchCaseError, ForbiddenError.
    """
    case(desk, transaction, actor, case_id)
    desk.authority.demand(actor, "case.read_in")
    rows = transaction.all(
        "SELECT * FROM case_copy WHERE case_id = %s ORDER BY given_at DESC, what, actor_id"
        " LIMIT 2000",
        [case_id],
    )
    return [_copy(row) for row in rows]


def recipients(desk: Desk, transaction: Transaction, actor: Actor, text: str) -> list[Copy]:
    """Return whose copies a text holds marks of, as far as the actor may read their cases.

    The search itself is in the ledger. Raises: ForbiddenError.
    """
    decision = desk.authority.demand(actor, "case.read_in")
    marks = sorted(canary.held(text))
    rows = transaction.all(
        "SELECT * FROM case_copy WHERE mark = ANY(%s) ORDER BY given_at, what, actor_id", [marks]
    )
    ledger.append(
        transaction,
        "copy.traced",
        actor.actor_id,
        {"marks": len(marks), "found": len(rows), "authority": decision.policy},
        readers=HOUSE_READERS,
    )
    return [_copy(row) for row in rows]


def _copy(row: Row) -> Copy:
    return Copy(
        what=row["what"],
        case_id=row["case_id"],
        actor_id=row["actor_id"],
        party_id=row["party_id"],
        given_at=row["given_at"],
        mark=canary.named(row["mark"]),
    )
