"""Where priorities and assessments are kept: states in the clear, reasons sealed."""

from collections.abc import Sequence

from pydantic import TypeAdapter

from clearhouse.clearing.match.record import Finding
from clearhouse.clearing.prioritize.record import Assessment, PastPriority, Priority
from clearhouse.kernel.identity import Actor
from clearhouse.kernel.ids import FindingId, new_id
from clearhouse.kernel.services import Desk
from clearhouse.kernel.store.database import Row, Transaction

_PRIORITY = TypeAdapter(Priority)
_ASSESSMENT = TypeAdapter(Assessment)


def lock(transaction: Transaction, finding_id: FindingId) -> None:
    """Let one transaction at a time prioritize a finding."""
    transaction.execute(
        "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"priority {finding_id}"]
    )


def supersede(transaction: Transaction, finding_ids: Sequence[FindingId]) -> int:
    """End the priorities in force of these findings and return how many there were."""
    return transaction.execute(
        "UPDATE priority SET superseded_at = %s"
        " WHERE finding_id = ANY(%s) AND superseded_at IS NULL",
        [transaction.now, list(finding_ids)],
    )


def insert(
    desk: Desk, transaction: Transaction, finding: Finding, priority: Priority, basis: bytes
) -> str:
    """Store a priority as the one in force and return its id."""
    priority_id = new_id("pri")
    box = desk.vault.open_box(transaction, finding.compartment)
    payload = box.seal(transaction, "priority", _PRIORITY.dump_json(priority))
    transaction.execute(
        "INSERT INTO priority (priority_id, finding_id, computed_at, band, due, rating, exploit,"
        " coordination, sort_key, first_received, policies, basis, content_payload, compartment,"
        " readers) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        [
            priority_id,
            finding.finding_id,
            transaction.now,
            priority.band,
            priority.queue.due,
            priority.severity.rating,
            priority.exploit.value,
            priority.coordination,
            list(priority.key),
            priority.first_received,
            list(priority.policies),
            basis,
            payload,
            box.compartment,
            list(box.readers),
        ],
    )
    return priority_id


def with_basis(
    desk: Desk, transaction: Transaction, finding_id: FindingId, basis: bytes
) -> Priority | None:
    """Return the priority in force if it stands on these facts and policies."""
    row = transaction.one(
        "SELECT content_payload FROM priority"
        " WHERE finding_id = %s AND basis = %s AND superseded_at IS NULL",
        [finding_id, basis],
    )
    return opened(desk, transaction, [row])[0] if row else None


def in_force(
    desk: Desk, transaction: Transaction, finding_ids: Sequence[FindingId]
) -> dict[FindingId, Priority]:
    """Return the priority in force of each finding that has one and that the actor may read."""
    rows = transaction.all(
        "SELECT content_payload FROM priority WHERE finding_id = ANY(%s) AND superseded_at IS NULL",
        [list(finding_ids)],
    )
    return {FindingId(one.finding_id): one for one in opened(desk, transaction, rows)}


def page(desk: Desk, transaction: Transaction, *, limit: int, offset: int) -> list[Priority]:
    """Return a part of the queue, what comes first, first."""
    rows = transaction.all(
        "SELECT content_payload FROM priority WHERE superseded_at IS NULL"
        " ORDER BY sort_key, first_received, finding_id LIMIT %s OFFSET %s",
        [limit, offset],
    )
    return opened(desk, transaction, rows)


def past(desk: Desk, transaction: Transaction, finding_id: FindingId) -> list[PastPriority]:
    """Return every priority that the finding ever had, the oldest first."""
    rows = transaction.all(
        "SELECT content_payload, computed_at, superseded_at FROM priority"
        " WHERE finding_id = %s ORDER BY computed_at, superseded_at",
        [finding_id],
    )
    return [
        PastPriority(
            priority=one, computed_at=row["computed_at"], superseded_at=row["superseded_at"]
        )
        for row, one in zip(rows, opened(desk, transaction, rows), strict=True)
    ]


def count_bands(transaction: Transaction) -> dict[str, int]:
    """Count the priorities in force by band, among those that the actor may see."""
    rows = transaction.all(
        "SELECT band, count(*) AS findings FROM priority WHERE superseded_at IS NULL GROUP BY band"
    )
    return {row["band"]: row["findings"] for row in rows}


def add_assessment(
    desk: Desk, transaction: Transaction, actor: Actor, finding: Finding, assessment: Assessment
) -> str:
    """Store what a person says and return its id."""
    assessment_id = new_id("ass")
    box = desk.vault.open_box(transaction, finding.compartment)
    payload = box.seal(transaction, "assessment", _ASSESSMENT.dump_json(assessment))
    transaction.execute(
        "INSERT INTO assessment (assessment_id, finding_id, at, actor_id, content_payload,"
        " compartment, readers) VALUES (%s, %s, %s, %s, %s, %s, %s)",
        [
            assessment_id,
            finding.finding_id,
            transaction.now,
            actor.actor_id,
            payload,
            box.compartment,
            list(box.readers),
        ],
    )
    return assessment_id


def assessment_of(desk: Desk, transaction: Transaction, finding_id: FindingId) -> Assessment:
    """Return the newest assessment, or an empty one."""
    row = transaction.one(
        "SELECT content_payload FROM assessment WHERE finding_id = %s"
        " ORDER BY at DESC, assessment_id DESC LIMIT 1",
        [finding_id],
    )
    if row is None:
        return Assessment()
    return _ASSESSMENT.validate_json(desk.vault.open(transaction, row["content_payload"]))


def opened(desk: Desk, transaction: Transaction, rows: Sequence[Row]) -> list[Priority]:
    """Return the priorities whose sealed content these rows name, in the same order."""
    payloads = [row["content_payload"] for row in rows]
    contents = desk.vault.open_many(transaction, payloads)
    return [_PRIORITY.validate_json(contents[payload]) for payload in payloads]
