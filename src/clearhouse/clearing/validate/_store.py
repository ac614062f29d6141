"""Where verdicts and examinations are kept: a row each, the checks sealed with their report."""

from collections.abc import Sequence
from typing import Any

from pydantic import TypeAdapter

from clearhouse.clearing.intake.operations import Report
from clearhouse.clearing.validate.record import (
    Examination,
    ExaminationId,
    ExaminationState,
    Verdict,
    VerdictId,
    VerdictKind,
)
from clearhouse.kernel.ids import ReportId, new_id
from clearhouse.kernel.services import Desk
from clearhouse.kernel.store.database import Transaction

_VERDICT = TypeAdapter(Verdict)


def insert(
    desk: Desk, transaction: Transaction, report: Report, verdict: Verdict, basis: bytes
) -> VerdictId:
    """Store one verdict in the compartment of its report."""
    verdict_id = VerdictId(new_id("ver"))
    box = desk.vault.open_box(transaction, report.compartment)
    payload = box.seal(transaction, "verdict", _VERDICT.dump_json(verdict))
    transaction.execute(
        "INSERT INTO verdict (verdict_id, report_id, decided_at, kind, level, doubt, rules, basis,"
        " content_payload, compartment, readers)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        [
            verdict_id,
            report.report_id,
            verdict.decided_at,
            verdict.kind,
            verdict.level,
            verdict.doubt,
            verdict.rules,
            basis,
            payload,
            box.compartment,
            list(box.readers),
        ],
    )
    return verdict_id


def with_basis(
    desk: Desk, transaction: Transaction, report_id: ReportId, basis: bytes
) -> Verdict | None:
    """Return the verdict that these rules already gave on these inputs."""
    row = transaction.one(
        "SELECT content_payload FROM verdict WHERE report_id = %s AND basis = %s",
        [report_id, basis],
    )
    if row is None:
        return None
    return _VERDICT.validate_json(desk.vault.open(transaction, row["content_payload"]))


def latest(
    desk: Desk, transaction: Transaction, report_ids: Sequence[ReportId]
) -> dict[ReportId, Verdict]:
    """Return the newest verdict of each report that has one and that the actor may read."""
    rows = transaction.all(
        "SELECT DISTINCT ON (report_id) report_id, content_payload FROM verdict"
        " WHERE report_id = ANY(%s) ORDER BY report_id, decided_at DESC, verdict_id DESC",
        [list(report_ids)],
    )
    opened = desk.vault.open_many(transaction, [row["content_payload"] for row in rows])
    return {
        ReportId(row["report_id"]): _VERDICT.validate_json(opened[row["content_payload"]])
        for row in rows
    }


def count_kinds(transaction: Transaction) -> dict[str, int]:
    """Count the newest verdicts by kind, among those that the actor may see."""
    rows = transaction.all(
        "SELECT kind, count(*) AS reports FROM (SELECT DISTINCT ON (report_id) kind FROM verdict"
        " ORDER BY report_id, decided_at DESC, verdict_id DESC) AS newest GROUP BY kind"
    )
    return {row["kind"]: row["reports"] for row in rows}


def newest_of_kind(transaction: Transaction, kind: VerdictKind) -> ReportId | None:
    """Return the report of the last verdict of a kind that no later one superseded."""
    row = transaction.one(
        "SELECT report_id FROM verdict v WHERE kind = %s AND NOT EXISTS"
        " (SELECT FROM verdict WHERE report_id = v.report_id"
        " AND (decided_at, verdict_id) > (v.decided_at, v.verdict_id))"
        " ORDER BY decided_at DESC, verdict_id DESC LIMIT 1",
        [kind],
    )
    return None if row is None else ReportId(row["report_id"])


def ask(
    transaction: Transaction, report: Report, examination_id: ExaminationId, basis: bytes
) -> bool:
    """Write down that somebody asks for an examination; False when one like it is known."""
    added = transaction.execute(
        "INSERT INTO examination (examination_id, report_id, basis, state, asked_at, asked_by,"
        " compartment, readers) VALUES (%s, %s, %s, 'waiting', %s, %s, %s, %s)"
        " ON CONFLICT DO NOTHING",
        [
            examination_id,
            report.report_id,
            basis,
            transaction.now,
            transaction.actor or "nobody",
            report.compartment,
            list(report.readers),
        ],
    )
    return added == 1


def examination(transaction: Transaction, examination_id: ExaminationId) -> Examination | None:
    """Return one examination that the actor may read."""
    row = transaction.one("SELECT * FROM examination WHERE examination_id = %s", [examination_id])
    return None if row is None else _examination(row)


def basis_of(transaction: Transaction, examination_id: ExaminationId) -> bytes:
    """Return what an examination is based on."""
    row = transaction.one(
        "SELECT basis FROM examination WHERE examination_id = %s", [examination_id]
    )
    return b"" if row is None else bytes(row["basis"])


def newest_examination(transaction: Transaction, report_id: ReportId) -> Examination | None:
    """Return the examination of a report that was asked for last."""
    row = transaction.one(
        "SELECT * FROM examination WHERE report_id = %s"
        " ORDER BY asked_at DESC, examination_id DESC LIMIT 1",
        [report_id],
    )
    return None if row is None else _examination(row)


def open_examinations(transaction: Transaction, most: int) -> list[Examination]:
    """Return the examinations that are not done, those that run first."""
    rows = transaction.all(
        "SELECT * FROM examination WHERE state <> 'done'"
        " ORDER BY state = 'waiting', asked_at, examination_id LIMIT %s",
        [most],
    )
    return [_examination(row) for row in rows]


def started(transaction: Transaction, examination_id: ExaminationId) -> None:
    """Write down that an examination runs; a second worker starts it anew."""
    transaction.execute(
        "UPDATE examination SET state = 'running', started_at = %s"
        " WHERE examination_id = %s AND state <> 'done'",
        [transaction.now, examination_id],
    )


def put_back(transaction: Transaction, examination_id: ExaminationId) -> None:
    """Write down that a worker has stopped before it was done."""
    transaction.execute(
        "UPDATE examination SET state = 'waiting', started_at = NULL"
        " WHERE examination_id = %s AND state = 'running'",
        [examination_id],
    )


def ended(transaction: Transaction, examination_id: ExaminationId) -> None:
    """Write down that an examination is done."""
    transaction.execute(
        "UPDATE examination SET state = 'done', ended_at = %s"
        " WHERE examination_id = %s AND state <> 'done'",
        [transaction.now, examination_id],
    )


def count_examinations(transaction: Transaction) -> dict[str, int]:
    """Count the examinations that the actor may see, by state, and how long one waits."""
    rows = transaction.all(
        "SELECT state, count(*) AS many,"
        " extract(epoch FROM %s - min(asked_at))::bigint AS waited_s"
        " FROM examination GROUP BY state",
        [transaction.now],
    )
    found = {row["state"]: row["many"] for row in rows}
    return found | {
        f"{row['state']}_s": row["waited_s"] for row in rows if row["state"] == "waiting"
    }


def _examination(row: dict[str, Any]) -> Examination:
    return Examination(
        examination_id=ExaminationId(row["examination_id"]),
        report_id=ReportId(row["report_id"]),
        state=ExaminationState(row["state"]),
        asked_at=row["asked_at"],
        asked_by=row["asked_by"],
        started_at=row["started_at"],
        ended_at=row["ended_at"],
    )
