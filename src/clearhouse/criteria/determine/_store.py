"""Where determinations are kept: outcome and state in the clear, names and reasons sealed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from pydantic import TypeAdapter

from clearhouse.criteria.define.sealing import Opening
from clearhouse.criteria.determine.machine import DeterminationState
from clearhouse.criteria.determine.record import Appeal, Determination, Outcome, Released
from clearhouse.criteria.determine.statement import annex
from clearhouse.formats.canonical import Json, canonical_bytes
from clearhouse.kernel.identity import Actor
from clearhouse.kernel.ids import Compartment, PayloadId, new_id
from clearhouse.kernel.services import Desk
from clearhouse.kernel.store.database import Row, Transaction
from clearhouse.kernel.vault import Box

_OPENINGS: TypeAdapter[dict[str, Opening]] = TypeAdapter(dict[str, Opening])


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """A determination's row."""

    determination_id: str
    outcome: Outcome
    state: DeterminationState
    decided_at: datetime
    expires_at: datetime
    proposed_by: str
    countersigned_by: str | None
    superseded_by: str | None
    subject_mark: bytes
    annex_payload: PayloadId
    envelope_payload: PayloadId
    compartment: Compartment
    readers: tuple[str, ...]


def insert(
    transaction: Transaction,
    box: Box,
    actor: Actor,
    determination: Determination,
    envelope: Mapping[str, Json],
    mark: bytes,
) -> str:
    """Store a proposed determination and return its id."""
    determination_id = new_id("det")
    transaction.execute(
        "INSERT INTO determination (determination_id, subject_mark, outcome, state, decided_at,"
        " expires_at, proposed_by, annex_payload, envelope_payload, compartment, readers)"
        " VALUES (%s, %s, %s, 'proposed', %s, %s, %s, %s, %s, %s, %s)",
        [
            determination_id, mark, determination.outcome, determination.decided_at,
            determination.expires_at, actor.actor_id,
            box.seal(transaction, "determination annex", annex(determination)),
            box.seal(transaction, "determination", canonical_bytes(envelope)),
            box.compartment, list(box.readers),
        ],
    )  # fmt: skip
    return determination_id


def find(transaction: Transaction, determination_id: str, *, lock: bool = False) -> Standing | None:
    """Return a row that the actor may read."""
    if lock:
        transaction.execute(
            "SELECT FROM determination WHERE determination_id = %s FOR UPDATE", [determination_id]
        )
    row = transaction.one(
        "SELECT * FROM determination WHERE determination_id = %s", [determination_id]
    )
    return None if row is None else _row(row)


def newest(transaction: Transaction, limit: int) -> list[Standing]:
    """Return rows, the newest first."""
    rows = transaction.all(
        "SELECT * FROM determination ORDER BY decided_at DESC, determination_id LIMIT %s", [limit]
    )
    return [_row(row) for row in rows]


def standing(transaction: Transaction, mark: bytes, besides: str) -> list[Standing]:
    """Return what stands of a criterion and model, besides one."""
    rows = transaction.all(
        "SELECT * FROM determination WHERE subject_mark = %s AND determination_id <> %s"
        " AND state IN ('determined', 'released') FOR UPDATE",
        [mark, besides],
    )
    return [_row(row) for row in rows]


def countersigned(
    transaction: Transaction, box: Box, row: Standing, actor: Actor, envelope: Mapping[str, Json]
) -> None:
    """Keep the second signature."""
    transaction.execute(
        "UPDATE determination SET state = 'determined', countersigned_by = %s,"
        " envelope_payload = %s WHERE determination_id = %s",
        [
            actor.actor_id, box.seal(transaction, "determination", canonical_bytes(envelope)),
            row.determination_id,
        ],
    )  # fmt: skip


def set_state(
    transaction: Transaction, row: Standing, state: DeterminationState, *, by: str | None = None
) -> None:
    """Change the state; an end also ends what is public."""
    transaction.execute(
        "UPDATE determination SET state = %s, superseded_by = %s WHERE determination_id = %s",
        [state, by, row.determination_id],
    )
    if state in {DeterminationState.SUPERSEDED, DeterminationState.WITHDRAWN}:
        transaction.execute(
            "UPDATE released_determination SET ended_at = %s"
            " WHERE determination_id = %s AND ended_at IS NULL",
            [transaction.now, row.determination_id],
        )


def release(transaction: Transaction, row: Standing, envelope: bytes) -> None:
    """Make the statement public."""
    transaction.execute(
        "INSERT INTO released_determination (determination_id, released_at, envelope)"
        " VALUES (%s, %s, %s)",
        [row.determination_id, transaction.now, envelope],
    )


def released(transaction: Transaction, determination_id: str | None = None) -> list[Released]:
    """Return what is public, the newest first."""
    rows = transaction.all(
        "SELECT determination_id, released_at, ended_at, envelope FROM released_determination"
        " WHERE %s::text IS NULL OR determination_id = %s"
        " ORDER BY released_at DESC, determination_id LIMIT 500",
        [determination_id, determination_id],
    )
    return [Released(**row | {"envelope": bytes(row["envelope"])}) for row in rows]


def add_appeal(transaction: Transaction, box: Box, row: Standing, actor: Actor, words: str) -> str:
    """Keep an objection."""
    appeal_id = new_id("apl")
    transaction.execute(
        "INSERT INTO determination_appeal (appeal_id, determination_id, at, actor_id,"
        " content_payload, compartment, readers) VALUES (%s, %s, %s, %s, %s, %s, %s)",
        [
            appeal_id, row.determination_id, transaction.now, actor.actor_id,
            box.seal(transaction, "appeal", words.encode()), box.compartment, list(box.readers),
        ],
    )  # fmt: skip
    return appeal_id


def appeals(desk: Desk, transaction: Transaction, determination_id: str) -> list[Appeal]:
    """Return objections, the oldest first."""
    rows = transaction.all(
        "SELECT appeal_id, at, actor_id, content_payload FROM determination_appeal"
        " WHERE determination_id = %s ORDER BY at, appeal_id",
        [determination_id],
    )
    opened = desk.vault.open_many(transaction, [PayloadId(row["content_payload"]) for row in rows])
    return [
        Appeal(
            appeal_id=row["appeal_id"],
            at=row["at"],
            actor_id=row["actor_id"],
            words=opened[row["content_payload"]].decode(),
        )
        for row in rows
    ]


def keep_openings(
    transaction: Transaction, box: Box, criterion_sha256: str, openings: Mapping[str, Opening]
) -> None:
    """Keep what opens a criterion's sealed values."""
    payload = box.seal(transaction, "criterion openings", _OPENINGS.dump_json(dict(openings)))
    transaction.execute(
        "INSERT INTO criterion_opening (criterion_sha256, content_payload, compartment, readers)"
        " VALUES (%s, %s, %s, %s) ON CONFLICT (criterion_sha256) DO NOTHING",
        [criterion_sha256, payload, box.compartment, list(box.readers)],
    )


def openings(desk: Desk, transaction: Transaction, criterion_sha256: str) -> dict[str, Opening]:
    """Return what opens a criterion's sealed values; nothing when it is not here."""
    row = transaction.one(
        "SELECT content_payload FROM criterion_opening WHERE criterion_sha256 = %s",
        [criterion_sha256],
    )
    if row is None:
        return {}
    return _OPENINGS.validate_json(desk.vault.open(transaction, PayloadId(row["content_payload"])))


def _row(row: Row) -> Standing:
    return Standing(
        determination_id=row["determination_id"],
        outcome=Outcome(row["outcome"]),
        state=DeterminationState(row["state"]),
        decided_at=row["decided_at"],
        expires_at=row["expires_at"],
        proposed_by=row["proposed_by"],
        countersigned_by=row["countersigned_by"],
        superseded_by=row["superseded_by"],
        subject_mark=bytes(row["subject_mark"]),
        annex_payload=PayloadId(row["annex_payload"]),
        envelope_payload=PayloadId(row["envelope_payload"]),
        compartment=Compartment(row["compartment"]),
        readers=tuple(row["readers"]),
    )
