"""One finding as its page and the API show it, joined from what each room knows.

In: a finding's id. Out: a `FindingView`. Refused by the rooms: what the actor may not read.
"""

from dataclasses import dataclass

from clearhouse.clearing.coordinate import operations as coordinate
from clearhouse.clearing.intake import listing as intake_listing
from clearhouse.clearing.intake import operations as intake
from clearhouse.clearing.intake.record import Credit
from clearhouse.clearing.match import listing as match_listing
from clearhouse.clearing.match import operations as match
from clearhouse.clearing.match.listing import FindingNote
from clearhouse.clearing.match.record import Edge, Finding, Relation
from clearhouse.clearing.prioritize import operations as prioritize
from clearhouse.clearing.prioritize.record import Priority
from clearhouse.clearing.validate import examination
from clearhouse.clearing.validate import operations as validate
from clearhouse.kernel import ledger_reading
from clearhouse.kernel.identity import Actor
from clearhouse.kernel.ids import CaseId, FindingId, ReportId
from clearhouse.kernel.ledger_reading import Event
from clearhouse.kernel.services import Desk
from clearhouse.kernel.store.database import Transaction
from clearhouse.surfaces.web.desk.report_view import ReportView, report_view


@dataclass(frozen=True, kw_only=True, slots=True)
class Pair:
    """What is said about a report of this finding and one of another, or of the same."""

    edge: Edge
    here: ReportId
    there: ReportId
    other: FindingNote | None
    """The other finding; None when both reports belong to this one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FindingView:
    """Everything a page says about one finding."""

    finding: Finding
    reports: tuple[ReportView, ...]
    priority: Priority | None
    suggestions: tuple[Pair, ...]
    """Open suggestions, the likeliest first."""
    likely: tuple[FindingNote, ...]
    """Other findings that look like one bug with this one; nobody has decided."""
    joins: tuple[Pair, ...]
    """What makes the reports of this finding one."""
    relations: tuple[Pair, ...]
    """Siblings and different bugs, as people said."""
    pending: tuple[Pair, ...]
    """Proofs that count only when validation contradicts neither side."""
    credits: tuple[Credit, ...]
    case_id: CaseId | None
    events: tuple[Event, ...]
    may: frozenset[str]
    """Which acts on this finding the policy allows the actor."""

    @property
    def title(self) -> str:
        """In the words of the first reporter who gave one."""
        titles = (one.headline for one in self.reports)
        return next((title for title in titles if title), "Untitled finding")

    @property
    def purl(self) -> str | None:
        """The package, as the first report that names one."""
        purls = (one.report.content.purl for one in self.reports)
        return next((purl for purl in purls if purl), None)


def finding_view(
    desk: Desk, transaction: Transaction, actor: Actor, finding_id: FindingId
) -> FindingView:
    """Return a finding as pages show it.

    Raises: NoSuchFindingError of match.
    """
    finding = match.finding(desk, transaction, finding_id)
    reports = intake.load(desk, transaction, finding.report_ids)
    present = intake_listing.present(transaction, finding.report_ids)
    pairs = _pairs(desk, transaction, finding)
    return FindingView(
        finding=finding,
        reports=tuple(
            report_view(
                one,
                validate.verdict_of(desk, transaction, one.report_id),
                present.get(one.report_id, ()),
                examination=examination.newest(transaction, one.report_id),
                may_examine=desk.authority.may(actor, "report.examine", one.readers).allowed,
            )
            for one in reports
        ),
        priority=prioritize.priority_of(desk, transaction, finding.finding_id),
        suggestions=_open_suggestions(pairs),
        likely=_likely(desk, transaction, finding),
        joins=tuple(one for one in pairs if one.other is None and one.edge.joins),
        relations=tuple(
            one
            for one in pairs
            if one.edge.active and one.edge.relation in {Relation.SIBLING, Relation.DIFFERENT}
        ),
        pending=tuple(one for one in pairs if one.edge.pending and one.edge.retracted_at is None),
        credits=match.credits_of(desk, transaction, finding.finding_id),
        case_id=coordinate.case_of_finding(desk, transaction, finding.finding_id),
        events=ledger_reading.history(
            transaction, (finding.finding_id, *finding.merged, *finding.report_ids)
        ),
        may=_may(desk, actor, finding),
    )


def _pairs(desk: Desk, transaction: Transaction, finding: Finding) -> tuple[Pair, ...]:
    edges = match.edges_of(desk, transaction, finding.finding_id)
    inside = frozenset(finding.report_ids)
    ends = {edge.id: _ends(edge, inside) for edge in edges}
    outside = {there for _, there in ends.values() if there not in inside}
    found = {report: match.finding_of(transaction, report) for report in sorted(outside)}
    notes = match_listing.notes(desk, transaction, sorted(set(found.values())))
    return tuple(
        Pair(
            edge=edge,
            here=ends[edge.id][0],
            there=ends[edge.id][1],
            other=notes[found[ends[edge.id][1]]] if ends[edge.id][1] in found else None,
        )
        for edge in edges
    )


def _ends(edge: Edge, inside: frozenset[ReportId]) -> tuple[ReportId, ReportId]:
    return (edge.left, edge.right) if edge.left in inside else (edge.right, edge.left)


def _likely(desk: Desk, transaction: Transaction, finding: Finding) -> tuple[FindingNote, ...]:
    found = match.companions(transaction, finding.finding_id)
    notes = match_listing.notes(desk, transaction, found)
    return tuple(notes[one] for one in found if one in notes)


def _open_suggestions(pairs: tuple[Pair, ...]) -> tuple[Pair, ...]:
    """Return suggestions that nobody has answered yet, one for each other finding."""
    answered = {
        one.other.finding_id
        for one in pairs
        if one.other and one.edge.active and one.edge.relation is not Relation.SUGGESTED
    }
    waiting = [
        one
        for one in pairs
        if one.edge.active
        and one.edge.relation is Relation.SUGGESTED
        and one.other
        and one.other.finding_id not in answered
    ]
    best: dict[FindingId, Pair] = {}
    for pair in sorted(waiting, key=lambda one: -(one.edge.score or 0.0)):
        if pair.other:
            best.setdefault(pair.other.finding_id, pair)
    return tuple(best.values())


def _may(desk: Desk, actor: Actor, finding: Finding) -> frozenset[str]:
    acts = ("finding.merge", "finding.split", "case.open")
    return frozenset(act for act in acts if desk.authority.may(actor, act, finding.readers).allowed)
