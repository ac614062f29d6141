"""Where evidence, statements about it and trusted keys are kept: contents sealed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pydantic import TypeAdapter

from clearhouse.criteria.measure.attest import Attestation, Attested, Trusted
from clearhouse.criteria.measure.record import Evidence
from clearhouse.formats.canonical import Json, canonical_bytes
from clearhouse.formats.dsse import key_id
from clearhouse.kernel.identity import Actor
from clearhouse.kernel.ids import PayloadId, new_id
from clearhouse.kernel.services import Desk
from clearhouse.kernel.store.database import Transaction
from clearhouse.kernel.vault import Box

_EVIDENCE = TypeAdapter(Evidence)
_ENVELOPE: TypeAdapter[dict[str, object]] = TypeAdapter(dict[str, object])


@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """A log as it is kept, without its content."""

    evidence_id: str
    sha256: str
    added_at: datetime
    samples: int
    readers: tuple[str, ...]


def insert(transaction: Transaction, actor: Actor, box: Box, evidence: Evidence) -> str:
    """Store evidence and return its id."""
    evidence_id = new_id("evd")
    payload = box.seal(transaction, "evidence", _EVIDENCE.dump_json(evidence))
    transaction.execute(
        "INSERT INTO evidence (evidence_id, sha256, added_at, actor_id, samples, content_payload,"
        " compartment, readers) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
        [
            evidence_id, evidence.sha256, transaction.now, actor.actor_id, len(evidence.samples),
            payload, box.compartment, list(box.readers),
        ],
    )  # fmt: skip
    return evidence_id


def known(transaction: Transaction, sha256: str) -> str | None:
    """Return the id of a log that is here already, as far as the actor may see."""
    row = transaction.one("SELECT evidence_id FROM evidence WHERE sha256 = %s", [sha256])
    return None if row is None else str(row["evidence_id"])


def newest(transaction: Transaction, limit: int) -> list[Kept]:
    """Return logs, the newest first."""
    rows = transaction.all(
        "SELECT evidence_id, sha256, added_at, samples, readers FROM evidence"
        " ORDER BY added_at DESC, evidence_id LIMIT %s",
        [limit],
    )
    return [Kept(**row | {"readers": tuple(row["readers"])}) for row in rows]


def contents(
    desk: Desk, transaction: Transaction, evidence_ids: Sequence[str]
) -> dict[str, Evidence]:
    """Return the evidence of those ids that the actor may read."""
    rows = transaction.all(
        "SELECT evidence_id, content_payload FROM evidence WHERE evidence_id = ANY(%s)",
        [list(evidence_ids)],
    )
    opened = desk.vault.open_many(transaction, [PayloadId(row["content_payload"]) for row in rows])
    return {
        row["evidence_id"]: _EVIDENCE.validate_json(opened[row["content_payload"]]) for row in rows
    }


def insert_attestation(
    transaction: Transaction, box: Box, attestation: Attestation, envelope: Mapping[str, Json]
) -> str:
    """Store a signed statement and return its id."""
    attestation_id = new_id("att")
    payload = box.seal(transaction, "attestation", canonical_bytes(envelope))
    transaction.execute(
        "INSERT INTO attestation (attestation_id, kind, subjects, added_at, content_payload,"
        " compartment, readers) VALUES (%s, %s, %s, %s, %s, %s, %s)",
        [
            attestation_id, attestation.kind, sorted(attestation.subjects), transaction.now,
            payload, box.compartment, list(box.readers),
        ],
    )  # fmt: skip
    return attestation_id


def envelopes_about(
    desk: Desk, transaction: Transaction, hashes: Sequence[str]
) -> list[dict[str, object]]:
    """Return what was signed about any of these logs, the oldest first."""
    rows = transaction.all(
        "SELECT content_payload FROM attestation WHERE subjects && %s OR kind = 'run'"
        " ORDER BY added_at, attestation_id",
        [list(hashes)],
    )
    ids = [PayloadId(row["content_payload"]) for row in rows]
    opened = desk.vault.open_many(transaction, ids)
    return [_ENVELOPE.validate_json(opened[one]) for one in ids]


def insert_key(
    transaction: Transaction,
    box: Box,
    key: Ed25519PublicKey,
    kinds: Sequence[Attested],
    holder: str,
) -> str:
    """Trust a key from now on, for these kinds of statements alone."""
    transaction.execute(
        "INSERT INTO trusted_key (key_id, public_key, kinds, holder, added_at, compartment,"
        " readers) VALUES (%s, %s, %s, %s, %s, %s, %s)"
        " ON CONFLICT (key_id) DO UPDATE SET kinds = excluded.kinds, revoked_at = NULL",
        [
            key_id(key), key.public_bytes_raw(), sorted(kinds), holder, transaction.now,
            box.compartment, list(box.readers),
        ],
    )  # fmt: skip
    return key_id(key)


def trusted(transaction: Transaction) -> list[Trusted]:
    """Return the keys that are trusted now."""
    rows = transaction.all("SELECT public_key, kinds FROM trusted_key WHERE revoked_at IS NULL")
    return [
        Trusted(
            Ed25519PublicKey.from_public_bytes(bytes(row["public_key"])),
            frozenset(Attested(kind) for kind in row["kinds"]),
        )
        for row in rows
    ]
