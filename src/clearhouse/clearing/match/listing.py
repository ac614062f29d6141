"""What lists say about findings: how many reports, which title, which package, what is open.

In: ids of findings. Out: one note for each that the actor may read, all loaded together.
Refused: nothing; what the actor may not read is not there.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from clearhouse.clearing.intake.listing import headline
from clearhouse.clearing.intake.operations import load
from clearhouse.kernel.ids import FindingId, ReportId
from clearhouse.kernel.services import Desk
from clearhouse.kernel.store.database import Transaction


@dataclass(frozen=True, kw_only=True, slots=True)
class FindingNote:
    """One finding as lists show it."""

    finding_id: FindingId
    report_ids: tuple[ReportId, ...]
    """Those that the actor may read, the first reporter first."""
    title: str | None
    """In the words of the first reporter."""
    purl: str | None
    suggested: int
    """Pairs with reports of other findings that wait for a person."""


def notes(
    desk: Desk, transaction: Transaction, finding_ids: Sequence[FindingId]
) -> dict[FindingId, FindingNote]:
    """Return a note on each of these findings."""
    rows = transaction.all(
        "SELECT finding_id, array_agg(report_id ORDER BY received_at, report_id) AS reports"
        " FROM match_report WHERE finding_id = ANY(%s) GROUP BY finding_id",
        [list(finding_ids)],
    )
    first = load(desk, transaction, [row["reports"][0] for row in rows])
    contents = {report.report_id: report.content for report in first}
    open_pairs = _suggested(transaction, finding_ids)
    return {
        FindingId(row["finding_id"]): FindingNote(
            finding_id=FindingId(row["finding_id"]),
            report_ids=tuple(ReportId(report) for report in row["reports"]),
            title=headline(contents[row["reports"][0]]),
            purl=contents[row["reports"][0]].purl,
            suggested=open_pairs.get(row["finding_id"], 0),
        )
        for row in rows
    }


def _suggested(transaction: Transaction, finding_ids: Sequence[FindingId]) -> dict[str, int]:
    rows = transaction.all(
        "SELECT r.finding_id, count(DISTINCT e.edge_id) AS pairs FROM match_report r"
        " JOIN match_edge e ON r.report_id IN (e.left_report, e.right_report)"
        " WHERE r.finding_id = ANY(%s) AND e.relation = 'suggested' AND e.state = 'active'"
        " GROUP BY r.finding_id",
        [list(finding_ids)],
    )
    return {row["finding_id"]: row["pairs"] for row in rows}
