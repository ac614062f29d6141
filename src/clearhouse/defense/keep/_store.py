"""Where cards, keys of organisations and pools are kept: contents sealed."""

from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pydantic import TypeAdapter

from clearhouse.defense.compare.card import Signed, document, read_card
from clearhouse.defense.compare.sharing import Shared, read_shared, shared_document
from clearhouse.defense.keep.record import CardFile, CardKind, KeptCard, Pool, ReleasedPool
from clearhouse.defense.keep.refusal import KeyTakenError
from clearhouse.formats.dsse import key_id
from clearhouse.kernel.identity import Actor
from clearhouse.kernel.ids import Compartment, PartyId, PayloadId, new_id
from clearhouse.kernel.services import Desk
from clearhouse.kernel.store.database import Row, Transaction
from clearhouse.kernel.vault import Box

_POOL, _DOCUMENT = TypeAdapter(Pool), TypeAdapter(dict[str, object])
_CARD = "card_id, party_id, kind, sha256, key_id, pack_sha256, handed_in_at"


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Who reads a row."""

    compartment: Compartment
    readers: tuple[str, ...]


def insert_key(transaction: Transaction, box: Box, party_id: PartyId, key: Ed25519PublicKey) -> str:
    """Let a key speak for an organisation. Raises: KeyTakenError."""
    done = transaction.execute(
        "INSERT INTO defense_key (key_id, public_key, party_id, added_at, compartment, readers)"
        " VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT (key_id) DO UPDATE SET ended_at = NULL"
        " WHERE defense_key.party_id = excluded.party_id",
        [
            key_id(key), key.public_bytes_raw(), party_id, transaction.now, box.compartment,
            list(box.readers),
        ],
    )  # fmt: skip
    if not done:
        raise KeyTakenError("this key speaks for another organisation; each has keys of its own")
    return key_id(key)


def end_key(transaction: Transaction, key: str) -> Place | None:
    """End a key; None when no such key is trusted."""
    row = transaction.one(
        "UPDATE defense_key SET ended_at = %s WHERE key_id = %s AND ended_at IS NULL"
        " RETURNING compartment, readers",
        [transaction.now, key],
    )
    if row is None:
        return None
    return Place(compartment=Compartment(row["compartment"]), readers=tuple(row["readers"]))


def keys_of(transaction: Transaction, party_id: PartyId) -> list[Ed25519PublicKey]:
    """Return the keys that speak for an organisation now."""
    rows = transaction.all(
        "SELECT public_key FROM defense_key WHERE party_id = %s AND ended_at IS NULL", [party_id]
    )
    return [Ed25519PublicKey.from_public_bytes(bytes(row["public_key"])) for row in rows]


def known(transaction: Transaction, party_id: PartyId, sha256: str) -> str | None:
    """Return the id of a card that an organisation handed in already."""
    row = transaction.one(
        "SELECT card_id FROM defense_card WHERE party_id = %s AND sha256 = %s", [party_id, sha256]
    )
    return None if row is None else str(row["card_id"])


def insert(transaction: Transaction, actor: Actor, box: Box, signed: Signed, kind: CardKind) -> str:
    """Store a card and return its id."""
    content = signed.content
    said = shared_document(content) if isinstance(content, Shared) else document(content)
    card_id = new_id("crd")
    payload = box.seal(transaction, "defense-card", _DOCUMENT.dump_json(dict(said)))
    transaction.execute(
        "INSERT INTO defense_card (card_id, party_id, actor_id, kind, sha256, key_id, pack_sha256,"
        " handed_in_at, content_payload, compartment, readers)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        [
            card_id, actor.party_id, actor.actor_id, kind, signed.sha256, signed.key_id,
            signed.pack_sha256, transaction.now, payload, box.compartment, list(box.readers),
        ],
    )  # fmt: skip
    return card_id


def newest(transaction: Transaction, limit: int) -> list[KeptCard]:
    """Return cards, the newest first."""
    rows = transaction.all(
        f"SELECT {_CARD} FROM defense_card ORDER BY handed_in_at DESC, card_id LIMIT %s",  # noqa: S608 - a constant
        [limit],
    )
    return [_kept(row) for row in rows]


def files(desk: Desk, transaction: Transaction, card_ids: Sequence[str]) -> list[CardFile]:
    """Return those of the cards that the actor may read, with what they say."""
    rows = transaction.all(
        f"SELECT {_CARD}, content_payload FROM defense_card WHERE card_id = ANY(%s)"  # noqa: S608 - a constant
        " ORDER BY handed_in_at, card_id",
        [list(card_ids)],
    )
    opened = desk.vault.open_many(transaction, [PayloadId(row["content_payload"]) for row in rows])
    made = []
    for row in rows:
        kept, text = _kept(row), opened[row["content_payload"]]
        said = _DOCUMENT.validate_json(text)
        content = read_shared(said) if kept.kind is CardKind.SHARED else read_card(said)
        made.append(CardFile(kept=kept, content=content))
    return made


def shared_ids(transaction: Transaction, own: Ed25519PublicKey) -> list[str]:
    """Return the shared cards whose key still speaks for whoever handed them in, or is ours."""
    rows = transaction.all(
        "SELECT card_id FROM defense_card c WHERE kind = 'shared' AND (key_id = %s OR EXISTS ("
        "SELECT FROM defense_key k WHERE k.key_id = c.key_id AND k.party_id = c.party_id"
        " AND k.ended_at IS NULL))",
        [key_id(own)],
    )
    return [str(row["card_id"]) for row in rows]


def insert_pool(transaction: Transaction, actor: Actor, box: Box, made: Pool) -> str:
    """Store what was pooled and return its id."""
    pool_id = new_id("pol")
    payload = box.seal(transaction, "defense-pool", _POOL.dump_json(made))
    transaction.execute(
        "INSERT INTO defense_pool (pool_id, released_at, released_by, networks, content_payload,"
        " compartment, readers) VALUES (%s, %s, %s, %s, %s, %s, %s)",
        [
            pool_id, transaction.now, actor.actor_id, made.networks, payload, box.compartment,
            list(box.readers),
        ],
    )  # fmt: skip
    return pool_id


def pools(
    desk: Desk, transaction: Transaction, *, limit: int, pool_id: str | None = None
) -> list[ReleasedPool]:
    """Return pools, the newest first, or the one of that id."""
    rows = transaction.all(
        "SELECT pool_id, released_at, content_payload FROM defense_pool"
        " WHERE pool_id = coalesce(%s, pool_id) ORDER BY released_at DESC, pool_id LIMIT %s",
        [pool_id, limit],
    )
    opened = desk.vault.open_many(transaction, [PayloadId(row["content_payload"]) for row in rows])
    return [
        ReleasedPool(
            pool_id=row["pool_id"],
            released_at=row["released_at"],
            pool=_POOL.validate_json(opened[row["content_payload"]]),
        )
        for row in rows
    ]


def _kept(row: Row) -> KeptCard:
    return KeptCard(
        card_id=row["card_id"],
        party_id=PartyId(row["party_id"]),
        kind=CardKind(row["kind"]),
        sha256=row["sha256"],
        key_id=row["key_id"],
        pack_sha256=row["pack_sha256"],
        handed_in_at=row["handed_in_at"],
    )
