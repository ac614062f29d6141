"""Validate a report and keep the verdict.

In: the id of an accepted report. Out: its verdict, stored with the ledger entry in the caller's
transaction. The same rules on the same inputs give the stored verdict again and change nothing.
Refused: an actor who may not clear reports, or who is not read in.
"""

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import replace

from pydantic import TypeAdapter

from clearhouse.clearing.deconflict.known import Known, current
from clearhouse.clearing.intake.operations import Report, load
from clearhouse.clearing.intake.record import Draft
from clearhouse.clearing.validate import _store
from clearhouse.clearing.validate.record import (
    ClaimResult,
    ExaminationState,
    InputHash,
    Verdict,
    VerdictKind,
)
from clearhouse.clearing.validate.rules import RULES, check_claims, decide
from clearhouse.clearing.validate.statement import as_statement, sign
from clearhouse.formats.canonical import Json, canonical_bytes
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
    report = report_of(desk, transaction, report_id, files=False)
    known = current(desk.known_folder)
    inputs = inputs_of(report, known)
    desk.authority.demand(actor, "report.clear", report.readers)
    basis = basis_of(desk, RULES, inputs)
    stored = _store.with_basis(desk, transaction, report_id, basis)
    if stored is not None:
        return stored
    checks = check_claims(report.content, known, transaction.now)
    verdict = decide(report.content, checks, decided_at=transaction.now, inputs=inputs)
    return keep(desk, transaction, actor, report, verdict, basis)


def keep(
    desk: Desk,
    transaction: Transaction,
    actor: Actor,
    report: Report,
    verdict: Verdict,
    basis: bytes,
) -> Verdict:
    """Store a verdict once, with its ledger entry; what the same basis gave before is returned.

    Raises: ForbiddenError when the actor may not clear reports.
    """
    allowed = desk.authority.demand(actor, "report.clear", report.readers)
    stored = _store.with_basis(desk, transaction, report.report_id, basis)
    if stored is not None:
        return stored
    verdict_id = _store.insert(desk, transaction, report, verdict, basis)
    _record(transaction, report, verdict, verdict_id, allowed.policy)
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


def statement_of(
    desk: Desk, transaction: Transaction, report_id: ReportId
) -> dict[str, Json] | None:
    """Return the newest verdict of a report as a signed statement, for whoever may read both."""
    verdict = verdict_of(desk, transaction, report_id)
    return None if verdict is None else sign(verdict, [desk.keys.signing_key()])


def counts(transaction: Transaction) -> dict[str, int]:
    """Count the newest verdicts by kind, and the examinations that wait and run.

    Every kind is named; only what the actor may see is counted.
    """
    found, examined = _store.count_kinds(transaction), _store.count_examinations(transaction)
    kinds = {str(kind): found.get(str(kind), 0) for kind in VerdictKind}
    states = {f"examinations {state}": examined.get(str(state), 0) for state in ExaminationState}
    waits = {"examinations waited_s": examined["waiting_s"]} if "waiting_s" in examined else {}
    return kinds | states | waits


def newest_of_kind(transaction: Transaction, kind: VerdictKind) -> ReportId | None:
    """Return the report that got a verdict of this kind last and still has it; None for none."""
    return _store.newest_of_kind(transaction, kind)


def report_of(desk: Desk, transaction: Transaction, report_id: ReportId, *, files: bool) -> Report:
    """Return a report that the actor may read.

    Raises: NoSuchReportError.
    """
    found = load(desk, transaction, [report_id], files=files)
    if not found:
        raise NoSuchReportError("no report with this id that you may read")
    return found[0]


def inputs_of(report: Report, known: Known) -> tuple[InputHash, ...]:
    """Name everything that a verdict is about by its hash; files by their place in the report."""
    files = report.content.attachments
    words = replace(report.content, attachments=tuple(replace(one, data=b"") for one in files))
    return (
        InputHash(name="report", sha256=_sha256(_DRAFT.dump_json(words))),
        *(
            InputHash(name=f"attachment {number}", sha256=_sha256(one.data))
            for number, one in enumerate(files, start=1)
            if one.data
        ),
        InputHash(name="local public knowledge", sha256=known.digest),
    )


def basis_of(desk: Desk, rules: str, inputs: tuple[InputHash, ...], request: str = "") -> bytes:
    """Name rules and inputs, and a request to look again, without telling what they are."""
    text = "\n".join((rules, *(one.sha256 for one in inputs), *filter(None, (request,))))
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
            "statement_sha256": _sha256(canonical_bytes(as_statement(verdict))),
            "authority": policy,
        },
        readers=report.readers,
        compartment=report.compartment,
    )
