"""Work of this room that takes long: examining a report in the sandbox.

Running a job again does nothing new: the same rules on the same inputs give the stored verdict.
"""

from pathlib import Path

from clearhouse.clearing.validate.examine import examine
from clearhouse.clearing.validate.operations import begin_examination, end_examination
from clearhouse.clearing.validate.record import Verdict
from clearhouse.clearing.validate.reproduce.packages import PackageCache
from clearhouse.kernel.ids import ReportId
from clearhouse.kernel.services import Desk

EXAMINE_REPORT = "examine_report"
"""Name of the job; it comes after the report has been cleared, and never holds it up."""


def examine_report(desk: Desk, cache_folder: Path, report_id: str) -> Verdict:
    """Examine one report: load, look and run without a transaction, then keep the verdict.

    Raises: NoSuchReportError when the report is gone or the house is not read in.
    """
    actor = desk.clearing_actor
    with desk.database.transaction(actor.actor_id) as transaction:
        examination = begin_examination(desk, transaction, actor, ReportId(report_id))
        now = transaction.now
    if examination.done is not None:
        return examination.done
    verdict = examine(
        examination.report.content,
        examination.known,
        PackageCache(cache_folder),
        now=now,
        inputs=examination.inputs,
    )
    with desk.database.transaction(actor.actor_id) as transaction:
        return end_examination(desk, transaction, actor, examination, verdict)
