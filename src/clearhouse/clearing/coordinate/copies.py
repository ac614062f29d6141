"""Notes what was given out to whom, gives each copy its mark, and names the recipient of a leak.

In: a reader and what is given to it; or a leaked text. Out: the marks of that reader's copies; or
whose copies the text was made from. The first time that somebody is given something is in the
ledger, so what each party has seen can be answered from there. Refused: whoever may not look.
A mark is an HMAC of the thing and the reader under a key of this installation: the same copy has
the same mark each time, and nobody else can make one to accuse somebody.
"""

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from clearhouse.clearing.coordinate import canary
from clearhouse.clearing.coordinate.casework import HOUSE_READERS, case
from clearhouse.formats.canonical import Json
from clearhouse.kernel import ledger
from clearhouse.kernel.identity import Actor, ActorKind
from clearhouse.kernel.services import Desk
from clearhouse.kernel.store.database import Row, Transaction


@dataclass(frozen=True, kw_only=True, slots=True)
class Copy:
    """Something that somebody was given."""

    what: str
    """The id of a case, of a message, or of a part of a case."""
    case_id: str
    actor_id: str
    party_id: str
    given_at: datetime
    mark: str
    """As three words."""


def given(
    desk: Desk, transaction: Transaction, actor: Actor, case_id: str, things: Sequence[str]
) -> dict[str, bytes]:
    """Note that an actor is given these things, and return the marks of its copies.

    The house's own machinery hands nothing out, so it has no copies.
    """
    marks = {one: _mark(desk, actor, one) for one in things}
    if actor.kind is ActorKind.SYSTEM or not marks:
        return marks
    rows = transaction.all(
        "INSERT INTO case_copy (what, actor_id, party_id, case_id, given_at, mark, readers)"
        " SELECT what, %s, %s, %s, %s, mark, %s FROM unnest(%s::text[], %s::bytea[]) AS c"
        " (what, mark) ON CONFLICT DO NOTHING RETURNING what",
        [actor.actor_id, actor.party_id, case_id, transaction.now,
         [*HOUSE_READERS, actor.actor_id], list(marks), list(marks.values())],
    )  # fmt: skip
    fresh: list[Json] = [row["what"] for row in rows]
    if fresh:
        ledger.append(
            transaction,
            "copy.given",
            case_id,
            {"to": actor.actor_id, "party": actor.party_id, "what": fresh},
            readers=HOUSE_READERS,
        )
    return marks


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


def _mark(desk: Desk, actor: Actor, what: str) -> bytes:
    words = f"{what}\n{actor.actor_id}".encode()
    return hmac.digest(desk.keys.canary_key(), words, hashlib.sha256)[: canary.MARK_BYTES]


def _copy(row: Row) -> Copy:
    return Copy(
        what=row["what"],
        case_id=row["case_id"],
        actor_id=row["actor_id"],
        party_id=row["party_id"],
        given_at=row["given_at"],
        mark=canary.named(row["mark"]),
    )
