"""Offering two finders of one flaw to each other, and showing what both lay down.

In: a ticket of something that was found known; then fields, one by one. Out: the introduction as
the actor's side reads it. Refused with a `Refusal`: a ticket that nobody else holds, a field too
long or laid down already, an introduction that is over or not the actor's. By exception: whoever
may not. Neither side learns who the other is, or what it has laid down, before it has laid the same
field down itself; so an event is read by the side that acted, and by auditors.
"""

import hmac

from clearhouse.clearing.deconflict.introductions.record import (
    Field,
    Introduction,
    Shown,
    Side,
    State,
)
from clearhouse.clearing.deconflict.refusal import Refusal
from clearhouse.formats.canonical import Json
from clearhouse.kernel import ledger
from clearhouse.kernel.identity import WATCHERS, Actor
from clearhouse.kernel.ids import new_id
from clearhouse.kernel.services import Desk
from clearhouse.kernel.store.database import Row, Transaction

ASK = "introduction.ask"
MOST_CHARACTERS = 20_000
HOUSE = ("role:clearing",)
"""Who of the house may read what the sides lay down: its machinery, which nobody signs in as."""
_NOT_YOURS = Refusal(code="no-such-introduction", reason="your party has no introduction like that")


def seek(
    desk: Desk, transaction: Transaction, actor: Actor, ticket: bytes
) -> list[Introduction] | Refusal:
    """Ask to be introduced to whoever else holds what a ticket stands for.

    Raises: ForbiddenError.
    """
    decision = desk.authority.demand(actor, ASK)
    rows = transaction.all("SELECT * FROM known_holders(%s)", [ticket])
    holders = [row["party_id"] for row in rows if row["party_id"] != actor.party_id]
    if not holders:
        return Refusal(code="nobody", reason="nobody else holds what this ticket stands for")
    found = []
    for holder in holders:
        row = transaction.one(
            "SELECT introduce(%s, %s, %s, %s, %s, %s) AS id",
            [new_id("int"), _pair_mark(desk, ticket, actor.party_id, holder), actor.party_id,
             holder, transaction.now, list(HOUSE)],
        )  # fmt: skip
        found.append(row["id"] if row else "")
        facts: dict[str, Json] = {"authority": decision.policy}
        _note(transaction, "exchange.introduced", found[-1], facts, actor.party_id)
    return [one for one in mine(desk, transaction, actor) if one.introduction_id in set(found)]


def lay_down(
    desk: Desk,
    transaction: Transaction,
    actor: Actor,
    introduction_id: str,
    field: Field,
    text: str,
) -> Introduction | Refusal:
    """Lay a field down; it is shown to both sides once the other has laid it down too.

    Raises: ForbiddenError.
    """
    decision = desk.authority.demand(actor, ASK)
    own = _own(transaction, actor, introduction_id)
    if own is None:
        return _NOT_YOURS
    if own["state"] != State.OFFERED:
        return Refusal(code="over", reason="your party has declined this introduction")
    if not 0 < len(text) <= MOST_CHARACTERS:
        return Refusal(code="malformed", reason=f"a field has 1 to {MOST_CHARACTERS} characters")
    box = desk.vault.new_box(transaction, (actor.party_id, *HOUSE))
    laid = transaction.execute(
        "INSERT INTO introduction_field (introduction_id, side, field, content_payload, laid_at,"
        " compartment, readers) VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
        [introduction_id, own["side"], field, box.seal(transaction, "introduction", text.encode()),
         transaction.now, box.compartment, list(box.readers)],
    )  # fmt: skip
    if not laid:
        return Refusal(code="laid-down", reason="this field was laid down before, and stays")
    shown = transaction.one(
        "SELECT show_field(%s, %s, %s) AS both", [introduction_id, field, list(HOUSE)]
    )
    facts: dict[str, Json] = {"field": field.value, "authority": decision.policy}
    facts["shown_to_both"] = shown is not None and bool(shown["both"])
    _note(transaction, "exchange.laid_down", introduction_id, facts, actor.party_id)
    return _introduction(desk, transaction, own)


def decline(
    desk: Desk, transaction: Transaction, actor: Actor, introduction_id: str
) -> Introduction | Refusal:
    """Go no further; what was shown was shown, and nothing more will be.

    Raises: ForbiddenError.
    """
    decision = desk.authority.demand(actor, ASK)
    own = _own(transaction, actor, introduction_id)
    if own is None:
        return _NOT_YOURS
    transaction.execute(
        "UPDATE introduction_side SET state = 'declined' WHERE introduction_id = %s AND side = %s",
        [introduction_id, own["side"]],
    )
    facts: dict[str, Json] = {"authority": decision.policy}
    _note(transaction, "exchange.declined", introduction_id, facts, actor.party_id)
    return _introduction(desk, transaction, {**own, "state": State.DECLINED})


def mine(desk: Desk, transaction: Transaction, actor: Actor) -> list[Introduction]:
    """Return the introductions of the actor's party, the newest first.

    Raises: ForbiddenError.
    """
    desk.authority.demand(actor, ASK)
    rows = transaction.all(
        "SELECT introduction_id, side, state, offered_at FROM introduction_side"
        " WHERE party_id = %s ORDER BY offered_at DESC, introduction_id LIMIT 200",
        [actor.party_id],
    )
    return [_introduction(desk, transaction, row) for row in rows]


def _own(transaction: Transaction, actor: Actor, introduction_id: str) -> Row | None:
    return transaction.one(
        "SELECT introduction_id, side, state, offered_at FROM introduction_side"
        " WHERE introduction_id = %s AND party_id = %s FOR UPDATE",
        [introduction_id, actor.party_id],
    )


def _introduction(desk: Desk, transaction: Transaction, own: Row) -> Introduction:
    """Return what the actor's side reads; the store gives it nothing else."""
    rows = transaction.all(
        "SELECT side, field, content_payload FROM introduction_field WHERE introduction_id = %s",
        [own["introduction_id"]],
    )
    opened = desk.vault.open_many(transaction, [row["content_payload"] for row in rows])
    said = {
        (row["side"], Field(row["field"])): opened[row["content_payload"]].decode() for row in rows
    }
    side = Side(own["side"])
    other = Side.HOLDER if side is Side.SEEKER else Side.SEEKER
    return Introduction(
        introduction_id=own["introduction_id"],
        side=side,
        state=State(own["state"]),
        offered_at=own["offered_at"],
        fields=tuple(
            Shown(field=field, mine=said[side, field], theirs=said.get((other, field)))
            for field in Field
            if (side, field) in said
        ),
    )


def _pair_mark(desk: Desk, ticket: bytes, seeker: str, holder: str) -> bytes:
    """Return what stands for a ticket and two parties, whichever of them seeks."""
    pair = "\n".join(sorted((seeker, holder))).encode()
    return hmac.digest(desk.keys.index_key(), b"introduction\n" + ticket + pair, "sha256")


def _note(
    transaction: Transaction, kind: str, introduction_id: str, facts: dict[str, Json], party: str
) -> None:
    """Write down what one side did or was told, where the other side does not read it."""
    ledger.append(transaction, kind, introduction_id, facts, readers=(party, *WATCHERS))
