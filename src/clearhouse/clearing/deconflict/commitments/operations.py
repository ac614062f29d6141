"""Committing to a finding, and revealing it later.

In: a digest, or a commitment and its opening. Out: the commitment, with the ledger's event that
proves it. Refused with a `Refusal`: a digest that is not 32 bytes or was committed to before, an
opening that is not the one, a commitment of another party. By exception: whoever may not.
"""

import hmac
from collections.abc import Sequence

from clearhouse.clearing.deconflict.blind.record import Fingerprint
from clearhouse.clearing.deconflict.blind.rules import text_of
from clearhouse.clearing.deconflict.commitments import rules
from clearhouse.clearing.deconflict.commitments.record import Commitment, HeldSince, Opening
from clearhouse.clearing.deconflict.refusal import Refusal
from clearhouse.formats.canonical import canonical_bytes
from clearhouse.kernel import ledger
from clearhouse.kernel.identity import WATCHERS, Actor
from clearhouse.kernel.ids import ActorId, PartyId, new_id
from clearhouse.kernel.services import Desk
from clearhouse.kernel.store.database import Row, Transaction

MAKE = "commitment.make"
DIGEST_BYTES = 32
MOST_LISTED = 500
HOUSE = ("role:clearing", *WATCHERS)


def commit(
    desk: Desk, transaction: Transaction, actor: Actor, digest: bytes
) -> Commitment | Refusal:
    """Write down that the actor's party holds what this digest stands for.

    Raises: ForbiddenError.
    """
    decision = desk.authority.demand(actor, MAKE)
    if len(digest) != DIGEST_BYTES:
        return Refusal(code="malformed", reason="a digest has 32 bytes")
    commitment_id, readers = new_id("cmt"), (actor.party_id, *HOUSE)
    event_id = ledger.append(
        transaction,
        rules.MADE,
        commitment_id,
        {"digest": digest.hex(), "party": actor.party_id, "authority": decision.policy},
        readers=readers,
    )
    row = transaction.one(
        "INSERT INTO commitment (commitment_id, party_id, actor_id, digest, made_at, event_id,"
        " compartment, readers) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)"
        " ON CONFLICT (digest) DO NOTHING RETURNING commitment_id, party_id, actor_id, digest,"
        " made_at, event_id, revealed_at",
        [commitment_id, actor.party_id, actor.actor_id, digest, transaction.now, event_id,
         f"commitment_{commitment_id}", list(readers)],
    )  # fmt: skip
    if row is None:
        reason = "this digest was committed to before; draw another blinding"
        return Refusal(code="known-digest", reason=reason)
    return _commitment(row)


def reveal(
    desk: Desk, transaction: Transaction, actor: Actor, commitment_id: str, opening: Opening
) -> Commitment | Refusal:
    """Open a commitment of the actor's party to the house.

    Raises: ForbiddenError.
    """
    decision = desk.authority.demand(actor, MAKE)
    row = transaction.one(
        "SELECT commitment_id, party_id, actor_id, digest, made_at, event_id, revealed_at"
        " FROM commitment WHERE commitment_id = %s FOR UPDATE",
        [commitment_id],
    )
    if row is None or row["party_id"] != actor.party_id:
        reason = "your party has made no commitment of that id"
        return Refusal(code="no-such-commitment", reason=reason)
    if not hmac.compare_digest(bytes(row["digest"]), rules.digest_of(opening)):
        return Refusal(code="wrong-opening", reason="this does not open the commitment")
    if row["revealed_at"] is None:
        box = desk.vault.new_box(transaction, (actor.party_id, "role:clearing"))
        payload = box.seal(transaction, "opening", canonical_bytes(rules.write_opening(opening)))
        transaction.execute(
            "UPDATE commitment SET revealed_at = %s, content_payload = %s, marks = %s"
            " WHERE commitment_id = %s",
            [transaction.now, payload, _marks(desk, opening.fingerprints), commitment_id],
        )
        ledger.append(
            transaction,
            "commitment.revealed",
            commitment_id,
            {"fingerprints": len(opening.fingerprints), "authority": decision.policy},
            readers=(actor.party_id, *HOUSE),
        )
    return _commitment({**row, "revealed_at": row["revealed_at"] or transaction.now})


def mine(desk: Desk, transaction: Transaction, actor: Actor) -> list[Commitment]:
    """Return the commitments of the actor's party, the newest first.

    Raises: ForbiddenError.
    """
    desk.authority.demand(actor, MAKE)
    rows = transaction.all(
        "SELECT commitment_id, party_id, actor_id, digest, made_at, event_id, revealed_at"
        " FROM commitment WHERE party_id = %s ORDER BY made_at DESC, commitment_id LIMIT %s",
        [actor.party_id, MOST_LISTED],
    )
    return list(map(_commitment, rows))


def held_since(
    desk: Desk, machinery: Transaction, fingerprints: Sequence[Fingerprint]
) -> list[HeldSince]:
    """Return which parties have revealed that they held one of these, and since when.

    `machinery` is a transaction of the house itself.
    """
    rows = machinery.all(
        "SELECT party_id, made_at FROM commitment WHERE marks && %s ORDER BY made_at",
        [_marks(desk, fingerprints)],
    )
    return [HeldSince(party=row["party_id"], at=row["made_at"]) for row in rows]


def _marks(desk: Desk, fingerprints: Sequence[Fingerprint]) -> list[bytes]:
    key = desk.keys.index_key()
    return [hmac.digest(key, b"commitment\n" + text_of(one), "sha256") for one in fingerprints]


def _commitment(row: Row) -> Commitment:
    return Commitment(
        commitment_id=row["commitment_id"],
        party_id=PartyId(row["party_id"]),
        actor_id=ActorId(row["actor_id"]),
        digest=bytes(row["digest"]),
        made_at=row["made_at"],
        event_id=row["event_id"],
        revealed_at=row["revealed_at"],
    )
