"""Examine a report in depth: source, scope and attached proof, as a durable job of its own.

In: a report that has passed the quick checks, or a person who asks to look again. Out: a verdict,
stored with the ledger entry. Between two short transactions the work runs in a process that holds
no database address (`workers`). Killed at any instant, it starts anew; the same rules on the same
inputs are examined once.
Refused: actors who may not have reports examined, or who are not read in.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from clearhouse.clearing.deconflict.known import current
from clearhouse.clearing.intake.operations import Report
from clearhouse.clearing.intake.record import Draft
from clearhouse.clearing.validate import _store
from clearhouse.clearing.validate.attached import MANIFEST, is_archive
from clearhouse.clearing.validate.examine import RULES
from clearhouse.clearing.validate.look import cites_anything
from clearhouse.clearing.validate.operations import (
    basis_of,
    inputs_of,
    keep,
    report_of,
    verdict_of,
)
from clearhouse.clearing.validate.record import (
    Examination,
    ExaminationId,
    ExaminationState,
    InputHash,
    Verdict,
)
from clearhouse.clearing.validate.rules import check_claims, decide
from clearhouse.clearing.validate.worker import Compared, Content, Reply, Request
from clearhouse.clearing.validate.workers import StoppedError, WorkerGoneError, Workers
from clearhouse.kernel import ledger
from clearhouse.kernel.identity import Actor
from clearhouse.kernel.ids import ReportId, new_id
from clearhouse.kernel.services import Desk
from clearhouse.kernel.store.database import Transaction

EXAMINE_REPORT = "examine_report"
"""Name of the job."""
QUEUE = "examining"
"""The queue of its own that the jobs wait in, so that none holds up a report on its way."""


_PLAIN, _CITES = 1, 2


class NoSuchExaminationError(LookupError):
    """There is no such examination, or the actor is not read in; both look the same."""


def ask(
    desk: Desk, transaction: Transaction, actor: Actor, report_id: ReportId, *, again: bool = False
) -> Examination:
    """Ask for the examination of a report; `again` also when it was examined before.

    What is waiting or running already, or was done on the same inputs, is returned.
    Raises: NoSuchReportError; ForbiddenError.
    """
    report = report_of(desk, transaction, report_id, files=True)
    allowed = desk.authority.demand(actor, "report.examine", report.readers)
    asked = ExaminationId(new_id("exm"))
    inputs = inputs_of(report, current(desk.known_folder))
    basis = basis_of(desk, RULES, inputs, asked if again else "")
    if _store.ask(transaction, report, asked, basis):
        turn = turn_of(report.content)
        desk.jobs.ask(transaction, EXAMINE_REPORT, turn=turn, examination_id=asked)
        _record(transaction, report, asked, allowed.policy)
    known = _store.examination(transaction, asked) or newest(transaction, report_id)
    if known is None:
        raise NoSuchExaminationError("no examination of this report that you may read")
    return known


def turn_of(draft: Draft) -> int:
    """Return how soon a report is examined: looking a place up takes seconds, a proof minutes."""
    if any(one.filename == MANIFEST or is_archive(one.filename) for one in draft.attachments):
        return 0
    return _CITES if cites_anything(draft) else _PLAIN


def newest(transaction: Transaction, report_id: ReportId) -> Examination | None:
    """Return the examination of a report that was asked for last, if there is one to read."""
    return _store.newest_examination(transaction, report_id)


def open_ones(transaction: Transaction, *, most: int = 200) -> list[Examination]:
    """Return the examinations that run and wait, as far as the actor may see them."""
    return _store.open_examinations(transaction, most)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Begun:
    report: Report
    inputs: tuple[InputHash, ...]
    basis: bytes
    done: bool


def examine_report(
    desk: Desk, workers: Workers, examination_id: ExaminationId
) -> tuple[ReportId, Verdict | None]:
    """Examine one report: load, look and run without a transaction, then keep the verdict.

    Returns the report, and its newest verdict.
    Raises: NoSuchExaminationError when it is gone; StoppedError when the workers were stopped,
    and the examination waits again.
    """
    actor = desk.clearing_actor
    with desk.database.transaction(actor.actor_id) as transaction:
        begun = _begin(desk, transaction, examination_id)
        report_id, now = begun.report.report_id, transaction.now
        if begun.done:
            return report_id, verdict_of(desk, transaction, report_id)
    request = Request(
        reports=(Content.of(begun.report.content),),
        known_folder=desk.known_folder,
        cache_folder=desk.validate_folder,
        now=now,
        inputs=begun.inputs,
    )
    try:
        verdict = _examined(workers, request)
    except StoppedError:
        with desk.database.transaction(actor.actor_id) as transaction:
            _store.put_back(transaction, examination_id)
        raise
    with desk.database.transaction(actor.actor_id) as transaction:
        kept = keep(desk, transaction, actor, begun.report, verdict, begun.basis)
        _store.ended(transaction, examination_id)
    return report_id, kept


def examine_now(desk: Desk, workers: Workers, content: Content) -> Verdict:
    """Examine a report that is not taken in, and keep nothing."""
    now = desk.database.clock()
    request = Request(
        reports=(content,),
        known_folder=desk.known_folder,
        cache_folder=desk.validate_folder,
        now=now,
    )
    return _examined(workers, request)


def compare(desk: Desk, workers: Workers, reports: Sequence[Report]) -> Compared | None:
    """Run the proofs of two reports on each other's fixes; None when nobody could."""
    request = Request(
        reports=tuple(Content.of(one.content) for one in reports),
        known_folder=desk.known_folder,
        cache_folder=desk.validate_folder,
        now=desk.database.clock(),
    )
    try:
        return workers.ask(request).compared
    except WorkerGoneError:
        return None


def _begin(desk: Desk, transaction: Transaction, examination_id: ExaminationId) -> _Begun:
    asked = _store.examination(transaction, examination_id)
    if asked is None:
        raise NoSuchExaminationError("no examination with this id")
    report = report_of(desk, transaction, asked.report_id, files=True)
    desk.authority.demand(desk.clearing_actor, "report.clear", report.readers)
    _store.started(transaction, examination_id)
    return _Begun(
        report=report,
        inputs=inputs_of(report, current(desk.known_folder)),
        basis=_store.basis_of(transaction, examination_id),
        done=asked.state is ExaminationState.DONE,
    )


def _examined(workers: Workers, request: Request) -> Verdict:
    """Return the verdict; what the quick checks say when the process could give none."""
    try:
        reply = workers.ask(request)
    except WorkerGoneError as error:
        reply = Reply(fault=str(error))
    if reply.verdict is not None:
        return reply.verdict
    draft, known = request.reports[0].unpacked(), current(request.known_folder)
    checks = check_claims(draft, known, request.now)
    quick = decide(draft, checks, decided_at=request.now, inputs=request.inputs)
    said = f"Not examined in depth, for a reason of ours: {reply.fault}."
    return replace(quick, not_established=(said, *quick.not_established), rules=RULES)


def _record(
    transaction: Transaction, report: Report, examination_id: ExaminationId, policy: str
) -> None:
    ledger.append(
        transaction,
        "examination.asked",
        report.report_id,
        {"examination": examination_id, "rules": RULES, "authority": policy},
        readers=report.readers,
        compartment=report.compartment,
    )
