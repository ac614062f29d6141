"""Two reports side by side, with what speaks for and against their being one bug.

In: the id of a suggestion. Out: a `DecideView`. Refused by the rooms: what the actor may not read.
"""

from dataclasses import dataclass

from clearhouse.clearing.intake import listing as intake_listing
from clearhouse.clearing.intake import operations as intake
from clearhouse.clearing.match import deciding
from clearhouse.clearing.match import operations as match
from clearhouse.clearing.match.deciding import Pair
from clearhouse.clearing.match.record import Finding
from clearhouse.clearing.validate import operations as validate
from clearhouse.kernel.identity import Actor
from clearhouse.kernel.ids import FindingId, ReportId
from clearhouse.kernel.services import Desk
from clearhouse.kernel.store.database import Transaction
from clearhouse.surfaces.web.desk.draft_fields import Field
from clearhouse.surfaces.web.desk.report_view import ReportView, report_view

_MEMBERS = 12
"""So many further reports of a finding are named."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Member:
    """A further report of a finding."""

    report_id: ReportId
    headline: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Side:
    """One report of the pair."""

    report: ReportView
    finding: Finding
    members: tuple[Member, ...]
    """Other reports of the same finding, at most `_MEMBERS`."""
    may: frozenset[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One field of both reports."""

    name: str
    left: tuple[str, ...]
    right: tuple[str, ...]

    @property
    def same(self) -> bool:
        """Whether both say the same."""
        return bool(self.left) and self.left == self.right


@dataclass(frozen=True, kw_only=True, slots=True)
class TextRow:
    """One long text of both reports."""

    name: str
    left: Field | None
    right: Field | None


@dataclass(frozen=True, kw_only=True, slots=True)
class DecideView:
    """Everything that the page about a pair says."""

    pair: Pair
    left: Side
    right: Side
    rows: tuple[Row, ...]
    texts: tuple[TextRow, ...]
    shared: tuple[str, ...]
    """Words that the reasons cite; each stands in both reports."""

    @property
    def may(self) -> frozenset[str]:
        """What the policy lets the actor do to both findings."""
        return self.left.may & self.right.may


def decide_view(desk: Desk, transaction: Transaction, actor: Actor, edge_id: str) -> DecideView:
    """Return a pair as its page shows it.

    Raises: NoSuchFindingError of match.
    """
    pair = deciding.pair(desk, transaction, edge_id)
    left = _side(desk, transaction, actor, pair.left, pair.edge.left)
    right = _side(desk, transaction, actor, pair.right, pair.edge.right)
    return DecideView(
        pair=pair,
        left=left,
        right=right,
        rows=_rows(left.report, right.report),
        texts=_texts(left.report, right.report),
        shared=tuple(
            dict.fromkeys(word for reason in pair.edge.reasons for word in reason.evidence)
        ),
    )


def _side(
    desk: Desk, transaction: Transaction, actor: Actor, finding_id: FindingId, report_id: ReportId
) -> Side:
    finding = match.finding(desk, transaction, finding_id)
    others = [one for one in finding.report_ids if one != report_id][:_MEMBERS]
    loaded = {one.report_id: one for one in intake.load(desk, transaction, [report_id, *others])}
    acts = ("finding.merge", "finding.split")
    return Side(
        report=report_view(
            loaded[report_id],
            validate.verdict_of(desk, transaction, report_id),
            intake_listing.present(transaction, [report_id]).get(report_id, ()),
        ),
        finding=finding,
        members=tuple(
            Member(report_id=one, headline=intake_listing.headline(loaded[one].content))
            for one in others
            if one in loaded
        ),
        may=frozenset(
            act for act in acts if desk.authority.may(actor, act, finding.readers).allowed
        ),
    )


def _rows(left: ReportView, right: ReportView) -> tuple[Row, ...]:
    """Return the short fields of both, those that either has, what both say first."""
    sides = [{field.name: field.texts for field in one.facts} for one in (left, right)]
    names = dict.fromkeys([*sides[0], *sides[1]])
    rows = [
        Row(name=name, left=sides[0].get(name, ()), right=sides[1].get(name, ())) for name in names
    ]
    return tuple(sorted(rows, key=lambda row: not row.same))


def _texts(left: ReportView, right: ReportView) -> tuple[TextRow, ...]:
    sides = [{field.name: field for field in one.texts} for one in (left, right)]
    return tuple(
        TextRow(name=name, left=sides[0].get(name), right=sides[1].get(name))
        for name in dict.fromkeys([*sides[0], *sides[1]])
    )
