"""Every act, append-only, in a Merkle tree that outsiders verify without seeing content.

In: events, written in the same transaction as what they describe. Out: signed tree heads,
inclusion and consistency proofs, and an export that `ledger_export.verify` checks alone.
Refused: changing or removing what was written (triggers in the database refuse it, and the
proofs would show it).

An event is canonical JSON with 128 random bits in it, so its hash cannot be guessed back to its
content. It waits as a bare hash until the sequencer gives it a place in the tree; that way many
transactions commit side by side.
Source: RFC 9162 §2.1 (tree), RFC 8785 (canonical JSON), DSSE (signature).
"""

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from clearhouse.formats import dsse, merkle
from clearhouse.formats.canonical import Json, canonical_bytes
from clearhouse.kernel.ids import Compartment, EventId, new_id
from clearhouse.kernel.store.database import Transaction

TREE_HEAD_TYPE = "application/vnd.clearhouse.tree-head+json"
_SEQUENCER_LOCK = 0x6C656467  # "ledg"
_BATCH = 5000
_BETWEEN = "\n"
"""Stands between the names of readers, none of which holds it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TreeHead:
    """The state of the ledger at one instant, signed."""

    size: int
    root: bytes
    at: datetime
    envelope: dict[str, Json]


@dataclass(frozen=True, kw_only=True, slots=True)
class Proof:
    """That one event is in the tree of a signed head."""

    event: bytes
    """The event's canonical JSON, whose leaf hash the path proves."""
    leaf_index: int
    path: tuple[bytes, ...]
    head: TreeHead

    def as_json(self) -> dict[str, Json]:
        """Return the proof as a JSON document that stands alone."""
        return {
            "event": json.loads(self.event),
            "leaf_index": self.leaf_index,
            "path": [step.hex() for step in self.path],
            "tree_head": self.head.envelope,
        }


@dataclass(frozen=True, slots=True)
class Event:
    """One act as it is to be written down."""

    kind: str
    subject: str
    data: Mapping[str, Json]
    readers: tuple[str, ...]
    compartment: Compartment | None = None


def append(
    transaction: Transaction,
    kind: str,
    subject: str,
    data: Mapping[str, Json],
    *,
    readers: Sequence[str],
    compartment: Compartment | None = None,
) -> EventId:
    """Write one event with the transaction and return its id.

    `data` holds facts about the act (versions, rules, hashes), never report text.
    """
    event = Event(kind, subject, data, tuple(readers), compartment)
    return append_all(transaction, [event])[0]


def append_all(transaction: Transaction, events: Sequence[Event]) -> list[EventId]:
    """Write several events with the transaction, in this order, and return their ids."""
    ids = [EventId(new_id("evt")) for _ in events]
    bodies = [_body(transaction, *both) for both in zip(ids, events, strict=True)]
    transaction.execute(
        "WITH event AS (INSERT INTO ledger_event"
        " (event_id, at, kind, actor_id, subject, body, compartment, readers)"
        " SELECT event_id, %s, kind, %s, subject, body, compartment, string_to_array(readers, %s)"
        " FROM unnest(%s::text[], %s::text[], %s::text[], %b::bytea[], %s::text[], %s::text[])"
        " AS e (event_id, kind, subject, body, compartment, readers))"
        " INSERT INTO ledger_pending (event_id, leaf_hash)"
        " SELECT * FROM unnest(%s::text[], %b::bytea[])",
        [
            transaction.now,
            transaction.actor or "nobody",
            _BETWEEN,
            ids,
            [event.kind for event in events],
            [event.subject for event in events],
            bodies,
            [event.compartment for event in events],
            [_BETWEEN.join(event.readers) for event in events],
            ids,
            [merkle.leaf_hash(body) for body in bodies],
        ],
    )
    return ids


def _body(transaction: Transaction, event_id: EventId, event: Event) -> bytes:
    return canonical_bytes(
        {
            "id": event_id,
            "at": transaction.now.astimezone(UTC).isoformat(),
            "kind": event.kind,
            "actor": transaction.actor or "nobody",
            "subject": event.subject,
            "data": event.data,
            "salt": secrets.token_hex(16),
        }
    )


def sequence(transaction: Transaction) -> int:
    """Give waiting events their place in the tree; return how many got one.

    One sequencer works at a time; another that comes meanwhile does nothing.
    """
    locked = transaction.one("SELECT pg_try_advisory_xact_lock(%s) AS mine", [_SEQUENCER_LOCK])
    if locked is None or not locked["mine"]:
        return 0
    waiting = transaction.all(
        "DELETE FROM ledger_pending WHERE seq IN"
        " (SELECT seq FROM ledger_pending ORDER BY seq LIMIT %s)"
        " RETURNING seq, event_id, leaf_hash",
        [_BATCH],
    )
    waiting.sort(key=lambda row: int(row["seq"]))
    size = tree_size(transaction)
    nodes = _Nodes(transaction)
    fresh: list[tuple[int, int, bytes]] = []
    for offset, row in enumerate(waiting):
        for level, index, value in merkle.new_nodes(size + offset, row["leaf_hash"], nodes):
            nodes.known[level, index] = value
            fresh.append((level, index, value))
    transaction.many(
        "INSERT INTO ledger_leaf (leaf_index, event_id, leaf_hash) VALUES (%s, %s, %s)",
        [(size + i, row["event_id"], row["leaf_hash"]) for i, row in enumerate(waiting)],
    )
    transaction.many(
        "INSERT INTO ledger_node (level, node_index, hash) VALUES (%s, %s, %s)",
        [node for node in fresh if node[0] > 0],
    )
    return len(waiting)


def sign_head(transaction: Transaction, key: Ed25519PrivateKey) -> TreeHead:
    """Sign the present tree and keep the head; the same size is signed once."""
    size = tree_size(transaction)
    known = head(transaction)
    if known is not None and known.size == size:
        return known
    root = merkle.root(size, _Nodes(transaction))
    statement: dict[str, Json] = {
        "size": size,
        "root": root.hex(),
        "at": transaction.now.astimezone(UTC).isoformat(),
    }
    envelope = dsse.seal(canonical_bytes(statement), TREE_HEAD_TYPE, [key])
    transaction.execute(
        "INSERT INTO tree_head (size, at, root, envelope) VALUES (%s, %s, %s, %s)"
        " ON CONFLICT (size) DO NOTHING",
        [size, transaction.now, root, json.dumps(envelope)],
    )
    # Another signer may have been first; then its head is the one head of this size.
    row = transaction.one("SELECT size, root, at, envelope FROM tree_head WHERE size = %s", [size])
    if row is None:
        raise LookupError(f"the ledger lost its head of size {size}")
    return TreeHead(**row)


def tree_size(transaction: Transaction) -> int:
    """Return how many events are in the tree; those that still wait are not counted."""
    row = transaction.one("SELECT coalesce(max(leaf_index) + 1, 0) AS size FROM ledger_leaf")
    return int(row["size"]) if row else 0


def head(transaction: Transaction) -> TreeHead | None:
    """Return the newest signed head, None before the first was signed."""
    row = transaction.one(
        "SELECT size, root, at, envelope FROM tree_head ORDER BY size DESC LIMIT 1"
    )
    return None if row is None else TreeHead(**row)


def prove(transaction: Transaction, event_id: EventId) -> Proof | None:
    """Prove that an event the actor may read is in the newest signed tree.

    Returns None when it is not (or not yet) there, or the actor may not read it.
    """
    newest = head(transaction)
    row = transaction.one(
        "SELECT body, leaf_index FROM ledger_event JOIN ledger_leaf USING (event_id)"
        " WHERE event_id = %s",
        [event_id],
    )
    if newest is None or row is None or row["leaf_index"] >= newest.size:
        return None
    path = merkle.inclusion_path(row["leaf_index"], newest.size, _Nodes(transaction))
    return Proof(event=row["body"], leaf_index=row["leaf_index"], path=tuple(path), head=newest)


def prove_extends(transaction: Transaction, old_size: int) -> tuple[TreeHead, list[bytes]] | None:
    """Prove that the newest signed tree extends the one of `old_size`; None without a head."""
    newest = head(transaction)
    if newest is None or not 0 <= old_size <= newest.size:
        return None
    return newest, merkle.consistency_path(old_size, newest.size, _Nodes(transaction))


class _Nodes:
    """Looks subtree hashes up in the store, keeping what it has seen."""

    def __init__(self, transaction: Transaction) -> None:
        self.known: dict[tuple[int, int], bytes] = {}
        self._transaction = transaction

    def __call__(self, level: int, index: int) -> bytes:
        if (level, index) not in self.known:
            row = (
                self._transaction.one(
                    "SELECT leaf_hash AS hash FROM ledger_leaf WHERE leaf_index = %s", [index]
                )
                if level == 0
                else self._transaction.one(
                    "SELECT hash FROM ledger_node WHERE level = %s AND node_index = %s",
                    [level, index],
                )
            )
            if row is None:
                raise LookupError(f"the ledger lost node {index} of level {level}")
            self.known[level, index] = row["hash"]
        return self.known[level, index]
