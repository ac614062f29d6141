"""Notes what is given out to whom, and gives each copy its mark.

In: a reader and what is given to it. Out: the marks of that reader's copies. The first time that
somebody is given something is in the ledger, so what each party has seen can be answered from
there. Refused: nothing; who may be given what is decided before. A mark is an HMAC of the thing and
the reader under a key of this installation: the same copy has the same mark each time, and nobody
else can make one to accuse somebody.
"""

import hashlib
import hmac
from collections.abc import Mapping, Sequence

from clearhouse.clearing.coordinate import canary
from clearhouse.clearing.coordinate.duty import HOUSE_READERS
from clearhouse.formats.canonical import Json
from clearhouse.kernel import ledger
from clearhouse.kernel.identity import Actor, ActorKind
from clearhouse.kernel.services import Desk
from clearhouse.kernel.store.database import Transaction


def given(
    desk: Desk, transaction: Transaction, actor: Actor, case_id: str, things: Sequence[str]
) -> dict[str, bytes]:
    """Note that an actor is given these things, and return the marks of its copies.

    The house's own machinery hands nothing out, so it has no copies.
    """
    marks = {one: _marked(desk, actor.actor_id, one) for one in things}
    if actor.kind is not ActorKind.SYSTEM and marks:
        _note(transaction, actor.actor_id, actor.party_id, case_id, marks)
    return marks


def _note(
    transaction: Transaction, reader: str, party: str, case_id: str, marks: Mapping[str, bytes]
) -> None:
    rows = transaction.all(
        "INSERT INTO case_copy (what, actor_id, party_id, case_id, given_at, mark, readers)"
        " SELECT what, %s, %s, %s, %s, mark, %s FROM unnest(%s::text[], %b::bytea[]) AS c"
        " (what, mark) ON CONFLICT DO NOTHING RETURNING what",
        [reader, party, case_id, transaction.now, [*HOUSE_READERS, reader], list(marks),
         list(marks.values())],
    )  # fmt: skip
    fresh: list[Json] = [row["what"] for row in rows]
    if fresh:
        ledger.append(
            transaction,
            "copy.given",
            case_id,
            {"to": reader, "party": party, "what": fresh},
            readers=HOUSE_READERS,
        )


def given_to_party(
    desk: Desk, transaction: Transaction, party: str, case_id: str, what: str
) -> bytes:
    """Note that a party is sent something as a whole, and return the mark of its copy."""
    mark = _marked(desk, party, what)
    _note(transaction, party, party, case_id, {what: mark})
    return mark


def _marked(desk: Desk, reader: str, what: str) -> bytes:
    words = f"{what}\n{reader}".encode()
    return hmac.digest(desk.keys.canary_key(), words, hashlib.sha256)[: canary.MARK_BYTES]
