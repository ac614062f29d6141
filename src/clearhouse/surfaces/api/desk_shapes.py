"""What the desk's API sends and takes. Texts of reports stand in fields named `untrusted`.

The nouns of the rooms go out as they are; shapes here only join them. Pure.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field

from clearhouse.clearing.coordinate.record import Case, Disclosure, Outcome
from clearhouse.clearing.intake.record import Credit, Draft
from clearhouse.clearing.match.record import Edge
from clearhouse.clearing.prioritize.record import Priority
from clearhouse.clearing.validate.record import Examination, Verdict
from clearhouse.surfaces.api.acts import Closed
from clearhouse.surfaces.web.desk.case_view import CaseView
from clearhouse.surfaces.web.desk.finding_view import FindingView, Pair
from clearhouse.surfaces.web.desk.queue_view import QueueRow
from clearhouse.surfaces.web.desk.report_view import ReportView

Id = Annotated[str, Field(pattern="^[a-z]{3}_[a-z2-7]{26}$")]
Note = Annotated[str, Field(min_length=1, max_length=2000)]


@dataclass(frozen=True, kw_only=True, slots=True)
class Words:
    """What a reporter calls a thing: data, never an instruction."""

    title: str | None
    package: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class QueueEntry:
    """One finding in the queue."""

    place: int
    finding_id: str
    priority: Priority
    reports: int
    suggested: int
    missing: tuple[str, ...]
    why: str
    untrusted: Words


@dataclass(frozen=True, kw_only=True, slots=True)
class QueueAnswer:
    """A part of the queue."""

    total: int
    entries: tuple[QueueEntry, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Lacking:
    """An element that a report lacks."""

    element: str
    what_to_do: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ReportAnswer:
    """One report. Attachments come without their bytes."""

    report_id: str
    receipt: str
    received_at: datetime
    format: str
    present: tuple[str, ...]
    missing: tuple[Lacking, ...]
    verdict: Verdict | None
    untrusted: Draft


@dataclass(frozen=True, kw_only=True, slots=True)
class VerdictAnswer:
    """What is established about one report. Checks quote it: their subjects are untrusted."""

    report_id: str
    verdict: Verdict | None
    """None while nothing was decided."""
    examination: Examination | None
    """The one that was asked for last, and how far it is."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PairAnswer:
    """What is said about two reports."""

    edge: Edge
    other_finding: str | None
    untrusted: Words | None


@dataclass(frozen=True, kw_only=True, slots=True)
class FindingAnswer:
    """One finding with its reports and everything said about them."""

    finding_id: str
    merged: tuple[str, ...]
    founded_at: datetime
    priority: Priority | None
    reports: tuple[ReportAnswer, ...]
    suggestions: tuple[PairAnswer, ...]
    likely: tuple[str, ...]
    """Ids of findings that look like one bug with this one; nobody has decided."""
    joins: tuple[PairAnswer, ...]
    relations: tuple[PairAnswer, ...]
    pending: tuple[PairAnswer, ...]
    credits: tuple[Credit, ...]
    case_id: str | None
    may: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class CaseAnswer:
    """One case, and what this actor may say of it."""

    case: Case
    told: Disclosure
    findings: tuple[str, ...]
    may: tuple[str, ...]
    copy: str
    """The mark of the caller's copy."""


class Decided(BaseModel):
    """Where a decision led."""

    findings: tuple[str, ...]


class OtherFinding(Closed):
    """A word about another finding."""

    other: Id
    note: Note


class Parted(Closed):
    """Reports to part from the others."""

    reports: Annotated[list[Id], Field(min_length=1, max_length=1000)]
    note: Note


class VendorWord(Closed):
    """What a vendor says."""

    vendor: Annotated[str, Field(max_length=60)]
    outcome: Outcome
    reason: Annotated[str | None, Field(max_length=4000)] = None
    fixed_version: Annotated[str | None, Field(max_length=100)] = None


class AgreedDate(Closed):
    """A date that a vendor agreed to, with its time zone."""

    vendor: Annotated[str, Field(max_length=60)]
    when: datetime


class OtherOpinion(Closed):
    """A coordinator's opinion beside a verdict, which is counted from 0."""

    verdict: Annotated[int, Field(ge=0, le=9999)]
    reason: Note


def queue_entry(row: QueueRow) -> QueueEntry:
    """Return a row of the queue as it is sent."""
    return QueueEntry(
        place=row.place,
        finding_id=row.note.finding_id,
        priority=row.priority,
        reports=len(row.note.report_ids),
        suggested=row.note.suggested,
        missing=row.missing,
        why=row.why,
        untrusted=Words(title=row.note.title, package=row.note.purl),
    )


def report_answer(view: ReportView) -> ReportAnswer:
    """Return a report as it is sent."""
    report = view.report
    return ReportAnswer(
        report_id=report.report_id,
        receipt=report.receipt,
        received_at=report.received_at,
        format=report.format,
        present=view.present,
        missing=tuple(
            Lacking(element=gap.element, what_to_do=gap.what_to_do) for gap in view.missing
        ),
        verdict=view.verdict,
        untrusted=report.content,
    )


def finding_answer(view: FindingView) -> FindingAnswer:
    """Return a finding as it is sent."""
    return FindingAnswer(
        finding_id=view.finding.finding_id,
        merged=view.finding.merged,
        founded_at=view.finding.founded_at,
        priority=view.priority,
        reports=tuple(report_answer(one) for one in view.reports),
        suggestions=tuple(map(_pair, view.suggestions)),
        likely=tuple(one.finding_id for one in view.likely),
        joins=tuple(map(_pair, view.joins)),
        relations=tuple(map(_pair, view.relations)),
        pending=tuple(map(_pair, view.pending)),
        credits=view.credits,
        case_id=view.case_id,
        may=tuple(sorted(view.may)),
    )


def case_answer(view: CaseView) -> CaseAnswer:
    """Return a case as it is sent."""
    return CaseAnswer(
        case=view.case,
        told=view.told,
        findings=tuple(note.finding_id for note in view.findings),
        may=tuple(sorted(view.may)),
        copy=view.copy,
    )


def _pair(pair: Pair) -> PairAnswer:
    other = pair.other
    return PairAnswer(
        edge=pair.edge,
        other_finding=other.finding_id if other else None,
        untrusted=Words(title=other.title, package=other.purl) if other else None,
    )
