"""Validate a report and keep the verdict.

In: the id of an accepted report. Out: its verdict, stored with the ledger entry in the caller's
transaction. The same rules on the same inputs give the stored verdict again and change nothing.
Refused: an actor who may not clear reports, or who is not read in.
"""

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import TypeAdapter

from clearhouse.clearing.deconflict.known import Known, current
from clearhouse.clearing.intake.operations import Report, load
from clearhouse.clearing.intake.record import Draft
from clearhouse.clearing.validate import _store
from clearhouse.clearing.validate.examine import RULES as EXAMINE_RULES
from clearhouse.clearing.validate.record import ClaimResult, InputHash, Verdict, VerdictKind
from clearhouse.clearing.validate.rules import RULES, check_claims, decide
from clearhouse.kernel import ledger
from clearhouse.kernel.identity import Actor
from clearhouse.kernel.ids import ReportId
from clearhouse.kernel.services import Desk
from clearhouse.kernel.store.database import Transaction

_DRAFT = TypeAdapter(Draft)


class NoSuchReportError(LookupError):
    """There is no such report, or the actor is not read in to it; both look the same."""


def validate_report(
    desk: Desk, transaction: Transaction, actor: Actor, report_id: ReportId
) -> Verdict:
    """Check the claims of a report against local knowledge and store the verdict.

    Raises: NoSuchReportError; ForbiddenError when the actor may not clear reports.
    """
    report = _report(desk, transaction, report_id, files=False)
    known = current(desk.known_folder)
    inputs = _inputs(report, known)
    desk.authority.demand(actor, "report.clear", report.readers)
    stored = _store.with_basis(desk, transaction, report_id, _basis(desk, RULES, inputs))
    if stored is not None:
        return stored
    checks = check_claims(report.content, known, transaction.now)
    verdict = decide(report.content, checks, decided_at=transaction.now, inputs=inputs)
    _keep(desk, transaction, actor, report, verdict, inputs)
    return verdict


@dataclass(frozen=True, kw_only=True, slots=True)
class Examination:
    """What is needed to examine a report outside any transaction."""

    report: Report
    """With its files."""
    known: Known
    inputs: tuple[InputHash, ...]
    done: Verdict | None
    """What the same rules already gave on the same inputs; then nothing is left to do."""


def begin_examination(
    desk: Desk, transaction: Transaction, actor: Actor, report_id: ReportId
) -> Examination:
    """Load what an examination needs; it takes long, so it runs between two transactions.

    Raises: NoSuchReportError; ForbiddenError when the actor may not clear reports.
    """
    report = _report(desk, transaction, report_id, files=True)
    desk.authority.demand(actor, "report.clear", report.readers)
    known = current(desk.known_folder)
    inputs = _inputs(report, known)
    return Examination(
        report=report,
        known=known,
        inputs=inputs,
        done=_store.with_basis(desk, transaction, report_id, _basis(desk, EXAMINE_RULES, inputs)),
    )


def end_examination(
    desk: Desk, transaction: Transaction, actor: Actor, examination: Examination, verdict: Verdict
) -> Verdict:
    """Keep the verdict of an examination, once.

    Raises: ForbiddenError when the actor may not clear reports.
    """
    report, inputs = examination.report, examination.inputs
    desk.authority.demand(actor, "report.clear", report.readers)
    basis = _basis(desk, verdict.rules, inputs)
    stored = _store.with_basis(desk, transaction, report.report_id, basis)
    if stored is not None:
        return stored
    _keep(desk, transaction, actor, report, verdict, inputs)
    return verdict


def verdicts(desk: Desk, transaction: Transaction, report_ids: Sequence[ReportId]) -> list[Verdict]:
    """Return the newest verdicts of these reports, in their order, as far as the actor may read.

    Reports without a verdict are left out.
    """
    found = _store.latest(desk, transaction, report_ids)
    return [found[report_id] for report_id in report_ids if report_id in found]


def verdict_of(desk: Desk, transaction: Transaction, report_id: ReportId) -> Verdict | None:
    """Return the newest verdict of one report, or None when there is none to read."""
    return _store.latest(desk, transaction, [report_id]).get(report_id)


def counts(transaction: Transaction) -> dict[str, int]:
    """Count the newest verdicts by kind, every kind named, as far as the actor may see them."""
    found = _store.count_kinds(transaction)
    return {str(kind): found.get(str(kind), 0) for kind in VerdictKind}


def _report(desk: Desk, transaction: Transaction, report_id: ReportId, *, files: bool) -> Report:
    found = load(desk, transaction, [report_id], files=files)
    if not found:
        raise NoSuchReportError("no report with this id that you may read")
    return found[0]


def _inputs(report: Report, known: Known) -> tuple[InputHash, ...]:
    return (
        InputHash(name="report", sha256=_sha256(_DRAFT.dump_json(report.content))),
        InputHash(name="local public knowledge", sha256=known.digest),
    )


def _keep(
    desk: Desk,
    transaction: Transaction,
    actor: Actor,
    report: Report,
    verdict: Verdict,
    inputs: tuple[InputHash, ...],
) -> None:
    allowed = desk.authority.demand(actor, "report.clear", report.readers)
    basis = _basis(desk, verdict.rules, inputs)
    verdict_id = _store.insert(desk, transaction, report, verdict, basis)
    _record(transaction, report, verdict, verdict_id, allowed.policy)


def _basis(desk: Desk, rules: str, inputs: tuple[InputHash, ...]) -> bytes:
    """Name rules and inputs without telling what they are."""
    text = "\n".join((rules, *(one.sha256 for one in inputs)))
    return hmac.digest(desk.keys.index_key(), f"verdict:{text}".encode(), "sha256")


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _record(
    transaction: Transaction, report: Report, verdict: Verdict, verdict_id: str, policy: str
) -> None:
    """Write the verdict to the ledger: what was decided and by which rules, no report text."""
    counted = {
        str(result): sum(one.result is result for one in verdict.checks) for result in ClaimResult
    }
    ledger.append(
        transaction,
        "verdict.decided",
        report.report_id,
        {
            "verdict": verdict_id,
            "kind": str(verdict.kind),
            "level": None if verdict.level is None else verdict.level.name,
            "rules": verdict.rules,
            "checks": dict(counted),
            "contradicted_claims": sorted({str(one.claim) for one in verdict.contradicted}),
            "authority": policy,
        },
        readers=report.readers,
        compartment=report.compartment,
    )
