"""Where verdicts are kept: one row each, the checks sealed with the report they quote."""

from collections.abc import Sequence

from pydantic import TypeAdapter

from clearhouse.clearing.intake.operations import Report
from clearhouse.clearing.validate.record import Verdict, VerdictId
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
