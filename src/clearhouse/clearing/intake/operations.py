"""Taking reports in, durably, and handing their content to those who are read in.

In: bytes through a door, or a report id. Out: a receipt once everything is on disk, or the
report with its content. Refused: the same idempotency key with other bytes.
"""

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import psycopg
from pydantic import TypeAdapter

from clearhouse.clearing.intake.completeness import Completeness, judge
from clearhouse.clearing.intake.record import Draft
from clearhouse.kernel import ledger
from clearhouse.kernel.identity import Actor
from clearhouse.kernel.ids import (
    ActorId,
    Compartment,
    PartyId,
    PayloadId,
    Receipt,
    ReportId,
    is_receipt,
    new_id,
    new_receipt,
)
from clearhouse.kernel.services import Counter, Desk
from clearhouse.kernel.store.database import Row, Transaction
from clearhouse.kernel.vault import Box, SealedError

CLEAR_REPORT = "clear_report"
"""Name of the job that takes a report along the route."""

DESK_READERS = ("role:clearing", "role:intake_analyst")
"""Who may read a report before a case limits it to those read in."""


class KeyReusedError(ValueError):
    """The caller sent other bytes under an idempotency key that it used before."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Arrival:
    """What came through a door, read and ready to be taken in."""

    original: bytes
    format: str
    drafts: tuple[Draft, ...]
    content_type: str | None = None
    filename: str | None = None
    idempotency_key: str | None = None
    judged: tuple[Completeness, ...] = ()
    """What each draft has and lacks, where the caller has judged them already."""
    house: tuple[str, ...] = DESK_READERS
    """Who of the house may read it before a case says so."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Status:
    """What the holder of a receipt may know."""

    receipt: Receipt
    status: str
    """`queued`, `processing` or `done`."""
    at: datetime
    """When it came to this status."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """One accepted report."""

    report_id: ReportId
    receipt: Receipt
    ordinal: int
    """Its place among the reports of the same submission, from 0."""
    received_at: datetime
    actor_id: ActorId
    party_id: PartyId
    format: str
    compartment: Compartment
    readers: tuple[str, ...]
    content: Draft


@dataclass(frozen=True, kw_only=True, slots=True)
class _Content:
    """What is sealed of a report: the draft without its files, and the files' payloads."""

    draft: Draft
    files: tuple[PayloadId, ...]
    original_salt: str
    """With it, and with nothing else, the ledger's commitment to the original can be checked."""


_CONTENT = TypeAdapter(_Content)


def take_in(counter: Counter, actor: Actor, arrival: Arrival) -> Receipt:
    """Store an arrival for ever and return its receipt; when this returns, it is on disk.

    The same idempotency key with the same bytes returns the first receipt again.
    Raises: ForbiddenError, KeyReusedError; StoreUnavailableError when nothing was stored.
    """
    counter.authority.demand(actor, "report.submit")
    try:
        return _take_in(counter, actor, arrival)
    except psycopg.errors.UniqueViolation:
        # The same key came twice at once; the other one is on disk by now.
        return _take_in(counter, actor, arrival)


def _take_in(counter: Counter, actor: Actor, arrival: Arrival) -> Receipt:
    with counter.database.transaction(actor.actor_id, pipelined=True) as transaction:
        mark = _idempotency_mark(counter, actor, arrival)
        if mark is not None:
            earlier = _earlier(counter, transaction, mark, arrival)
            if earlier is not None:
                return earlier
        receipt, readers = new_receipt(), (*arrival.house, actor.party_id)
        judged = arrival.judged or tuple(map(judge, arrival.drafts))
        # A single report shares the box of its submission; several may end in different cases.
        count = len(arrival.drafts)
        boxes = counter.sealer.new_boxes(transaction, readers, 1 if count == 1 else 1 + count)
        body_mark = _body_mark(counter, receipt, arrival.original)
        _insert_submission(transaction, actor, arrival, receipt, boxes[0], (mark, body_mark))
        salt = secrets.token_hex(16)
        report_ids = [
            _insert_report(
                transaction,
                actor,
                arrival,
                receipt,
                ordinal,
                draft,
                completeness,
                box,
                salt,
            )
            for ordinal, (draft, completeness, box) in enumerate(
                zip(arrival.drafts, judged, boxes[len(boxes) - count :], strict=True)
            )
        ]
        for report_id in report_ids:
            counter.jobs.ask(transaction, CLEAR_REPORT, report_id=report_id)
    return receipt


def status(counter: Counter, receipt: str) -> Status | None:
    """Return how far a submission is to whoever holds its receipt; None for an unknown one.

    Source: TAP Intake API, GET /v1/submissions/{receipt}.
    """
    if not is_receipt(receipt):
        return None
    with counter.database.transaction(None) as transaction:
        row = transaction.one("SELECT * FROM submission_status(%s)", [receipt])
    return (
        None
        if row is None
        else Status(receipt=Receipt(row["receipt"]), status=row["status"], at=row["status_at"])
    )


def load(
    desk: Desk, transaction: Transaction, report_ids: Sequence[ReportId], *, files: bool = False
) -> list[Report]:
    """Return the reports that the actor may read, in the order of their arrival.

    Attachments come with empty `data` unless `files` is set: most readers do not need them.
    """
    rows = transaction.all(
        "SELECT * FROM report WHERE report_id = ANY(%s) ORDER BY received_at, report_id",
        [list(report_ids)],
    )
    contents = desk.vault.open_many(transaction, [row["content_payload"] for row in rows])
    return [
        _report(
            row, _open_content(desk, transaction, contents[row["content_payload"]], files=files)
        )
        for row in rows
    ]


def reports_of(
    transaction: Transaction, receipts: Sequence[Receipt]
) -> dict[ReportId, tuple[Receipt, int]]:
    """Return the receipt and place of every report of these submissions that the actor may read."""
    rows = transaction.all(
        "SELECT report_id, receipt, ordinal FROM report WHERE receipt = ANY(%s)"
        " ORDER BY received_at, ordinal",
        [list(receipts)],
    )
    return {ReportId(row["report_id"]): (Receipt(row["receipt"]), row["ordinal"]) for row in rows}


def original(desk: Desk, transaction: Transaction, receipt: Receipt) -> bytes | None:
    """Return what came through the door, byte for byte; None when the actor may not read it."""
    row = transaction.one("SELECT original_payload FROM submission WHERE receipt = %s", [receipt])
    return None if row is None else desk.vault.open(transaction, row["original_payload"])


def whole_submissions(
    transaction: Transaction, receipts: Sequence[Receipt], report_ids: Sequence[ReportId]
) -> frozenset[Receipt]:
    """Return those originals, of what the actor may read, that hold nothing but these reports."""
    rows = transaction.all(
        "SELECT * FROM whole_submissions(%s, %s) AS receipt", [list(receipts), list(report_ids)]
    )
    return frozenset(Receipt(row["receipt"]) for row in rows)


def limit_originals(
    transaction: Transaction, report_ids: Sequence[ReportId], house: Sequence[str]
) -> None:
    """Leave the originals of these reports to `house` and to the party that sent each.

    An original may hold other reports too; what is embargoed in one of them closes it.
    """
    transaction.execute("SELECT limit_originals(%s, %s)", [list(report_ids), sorted(house)])


def compartments_of(transaction: Transaction, report_ids: Sequence[ReportId]) -> list[Compartment]:
    """Return the compartments of these reports, and of originals that hold nothing else."""
    rows = transaction.all(
        "SELECT compartment FROM report WHERE report_id = ANY(%s)"
        " UNION SELECT s.compartment FROM submission s WHERE receipt IN"
        " (SELECT receipt FROM report WHERE report_id = ANY(%s)) AND NOT EXISTS"
        " (SELECT FROM report r WHERE r.receipt = s.receipt AND r.report_id <> ALL(%s))"
        " ORDER BY 1",
        [list(report_ids)] * 3,
    )
    return [Compartment(row["compartment"]) for row in rows]


def commitment_of(desk: Desk, transaction: Transaction, report_id: ReportId) -> tuple[str, str]:
    """Return the salt of a report's original, and what the ledger's commitment to it must be.

    SHA-256 over the salt's bytes and the original's gives the commitment: whoever is handed both
    can check that this original came in when the ledger says so.
    Raises: SealedError when the actor may not read the report.
    """
    row = transaction.one(
        "SELECT content_payload, original_payload FROM report JOIN submission USING (receipt)"
        " WHERE report_id = %s",
        [report_id],
    )
    if row is None:
        raise SealedError("this report is closed to you, or was never there")
    opened = desk.vault.open_many(transaction, list(row.values()))
    salt = _CONTENT.validate_json(opened[row["content_payload"]]).original_salt
    return salt, _commitment(salt, opened[row["original_payload"]])


def mark(transaction: Transaction, receipt: Receipt, now_status: str) -> None:
    """Move a submission to `processing` or `done`; moving it again to the same is no change."""
    transaction.execute(
        "UPDATE submission SET status = %s, status_at = %s WHERE receipt = %s AND status <> %s",
        [now_status, transaction.now, receipt, now_status],
    )


def passed(transaction: Transaction, report_id: ReportId, room: str, outcome: str) -> None:
    """Write down that a report has been through a room, and with what outcome."""
    transaction.execute(
        "INSERT INTO passage (report_id, room, at, outcome, compartment, readers)"
        " SELECT report_id, %s, %s, %s, compartment, readers FROM report WHERE report_id = %s"
        " ON CONFLICT (report_id, room) DO UPDATE SET at = excluded.at, outcome = excluded.outcome",
        [room, transaction.now, outcome, report_id],
    )


def finish(transaction: Transaction, receipt: Receipt) -> None:
    """Mark a submission done once every report of it has come to the end of its route."""
    waiting = transaction.one(
        "SELECT 1 AS one FROM report WHERE receipt = %s AND NOT EXISTS (SELECT 1 FROM passage"
        " WHERE passage.report_id = report.report_id AND room = 'coordinate')",
        [receipt],
    )
    if waiting is None:
        mark(transaction, receipt, "done")


def next_after(transaction: Transaction, report_id: ReportId, *, most: int) -> list[ReportId]:
    """Return some of the reports that came next, of the same quarter by the end of their ids.

    Workers that begin with different reports so mostly take up different ones.
    """
    rows = transaction.all(
        "SELECT next.report_id FROM report this, LATERAL ("
        "  SELECT report_id, received_at FROM report WHERE received_at >= this.received_at"
        "   AND (received_at, report_id) > (this.received_at, this.report_id)"
        "   ORDER BY received_at, report_id LIMIT 4 * %s) AS next"
        " WHERE this.report_id = %s"
        "  AND ascii(right(next.report_id, 1)) %% 4 = ascii(right(this.report_id, 1)) %% 4"
        " ORDER BY next.received_at, next.report_id LIMIT %s",
        [most, report_id, most],
    )
    return [ReportId(row["report_id"]) for row in rows]


def arrived_after(transaction: Transaction, last: ReportId | None, *, most: int) -> list[ReportId]:
    """Return the reports that arrived after one, or the first of all, in order of arrival."""
    rows = (
        transaction.all(
            "SELECT report_id FROM report ORDER BY received_at, report_id LIMIT %s", [most]
        )
        if last is None
        else transaction.all(
            "SELECT report_id FROM report WHERE (received_at, report_id) >"
            " (SELECT received_at, report_id FROM report WHERE report_id = %s)"
            " ORDER BY received_at, report_id LIMIT %s",
            [last, most],
        )
    )
    return [ReportId(row["report_id"]) for row in rows]


def stranded(transaction: Transaction, *, before: datetime, most: int = 1000) -> list[ReportId]:
    """Return reports received before an instant that never came to the end of their route."""
    rows = transaction.all(
        "SELECT report_id FROM report WHERE received_at < %s AND NOT EXISTS (SELECT FROM passage"
        " WHERE passage.report_id = report.report_id AND room = 'coordinate')"
        " ORDER BY received_at LIMIT %s",
        [before, most],
    )
    return [ReportId(row["report_id"]) for row in rows]


def counts(transaction: Transaction) -> dict[str, int]:
    """Count submissions and reports, as far as the actor may see them, and how long one waits."""
    return transaction.counts(
        "SELECT (SELECT count(*) FROM submission) AS submissions,"
        " (SELECT count(*) FROM submission WHERE status <> 'done') AS waiting,"
        " (SELECT extract(epoch FROM %s - min(received_at))::bigint FROM submission"
        "   WHERE status <> 'done') AS waited_s,"
        " count(*) AS reports, count(*) FILTER (WHERE cardinality(present_elements) = 6) AS ready"
        " FROM report",
        [transaction.now],
    )


def _earlier(
    counter: Counter, transaction: Transaction, mark: bytes, arrival: Arrival
) -> Receipt | None:
    row = transaction.one("SELECT * FROM earlier_submission(%s)", [mark])
    if row is None:
        return None
    receipt = Receipt(row["receipt"])
    if row["body_mark"] != _body_mark(counter, receipt, arrival.original):
        raise KeyReusedError(
            "this Idempotency-Key was used for a different report; use a new key for a new report"
        )
    return receipt


def _idempotency_mark(counter: Counter, actor: Actor, arrival: Arrival) -> bytes | None:
    if arrival.idempotency_key is None:
        return None
    text = f"key\n{actor.actor_id}\n{arrival.idempotency_key}"
    return hmac.digest(counter.marking_key, text.encode("utf-8", "surrogatepass"), "sha256")


def _body_mark(counter: Counter, receipt: Receipt, body: bytes) -> bytes:
    return hmac.digest(counter.marking_key, f"body\n{receipt}\n".encode() + body, "sha256")


def _commitment(salt: str, original: bytes) -> str:
    return hashlib.sha256(bytes.fromhex(salt) + original).hexdigest()


def _insert_submission(
    transaction: Transaction,
    actor: Actor,
    arrival: Arrival,
    receipt: Receipt,
    box: Box,
    marks: tuple[bytes | None, bytes],
) -> None:
    payload_id = box.seal(transaction, "original", arrival.original)
    transaction.execute(
        "INSERT INTO submission (receipt, actor_id, party_id, received_at, format, size_bytes,"
        " original_payload, idempotency_mark, body_mark, status_at, compartment, readers)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        [
            receipt,
            actor.actor_id,
            actor.party_id,
            transaction.now,
            arrival.format,
            len(arrival.original),
            payload_id,
            *marks,
            transaction.now,
            box.compartment,
            list(box.readers),
        ],
    )


def _insert_report(  # one report needs all that is known of it
    transaction: Transaction,
    actor: Actor,
    arrival: Arrival,
    receipt: Receipt,
    ordinal: int,
    draft: Draft,
    completeness: Completeness,
    box: Box,
    salt: str,
) -> ReportId:
    report_id = ReportId(new_id("rep"))
    present = [str(element) for element in completeness.present]
    content = _seal_content(transaction, box, draft, salt)
    transaction.execute(
        "INSERT INTO report (report_id, receipt, ordinal, received_at, actor_id, party_id, format,"
        " content_payload, present_elements, compartment, readers)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        [
            report_id,
            receipt,
            ordinal,
            transaction.now,
            actor.actor_id,
            actor.party_id,
            arrival.format,
            content,
            present,
            box.compartment,
            list(box.readers),
        ],
    )
    ledger.append(
        transaction,
        "report.received",
        report_id,
        {
            "receipt": receipt,
            "format": arrival.format,
            # Salted, because a short report can be guessed; the salt is sealed with the report.
            "original_commitment": _commitment(salt, arrival.original),
            "present_elements": present,
        },
        readers=box.readers,
        compartment=box.compartment,
    )
    return report_id


def _seal_content(transaction: Transaction, box: Box, draft: Draft, salt: str) -> PayloadId:
    files = [box.sealed("attachment", file.data) for file in draft.attachments]
    bare = tuple(replace(file, data=b"") for file in draft.attachments)
    content = _Content(
        draft=replace(draft, attachments=bare),
        files=tuple(file.payload_id for file in files),
        original_salt=salt,
    )
    sealed = box.sealed("content", _CONTENT.dump_json(content))
    box.put(transaction, [*files, sealed])
    return sealed.payload_id


def _open_content(
    desk: Desk, transaction: Transaction, sealed_content: bytes, *, files: bool
) -> Draft:
    content = _CONTENT.validate_json(sealed_content)
    if not files or not content.files:
        return content.draft
    data = desk.vault.open_many(transaction, content.files)
    full = tuple(
        replace(file, data=data[payload_id])
        for file, payload_id in zip(content.draft.attachments, content.files, strict=True)
    )
    return replace(content.draft, attachments=full)


def _report(row: Row, content: Draft) -> Report:
    return Report(
        report_id=ReportId(row["report_id"]),
        receipt=Receipt(row["receipt"]),
        ordinal=row["ordinal"],
        received_at=row["received_at"],
        actor_id=ActorId(row["actor_id"]),
        party_id=PartyId(row["party_id"]),
        format=row["format"],
        compartment=Compartment(row["compartment"]),
        readers=tuple(row["readers"]),
        content=content,
    )
