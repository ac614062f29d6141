"""One report as pages show it: fields, completeness, verdict, each with its picture.

In: a report and its verdict, if there is one. Out: a `ReportView`. Pure.
"""

from dataclasses import dataclass

from markupsafe import Markup

from clearhouse.clearing.intake.completeness import Gap, judge
from clearhouse.clearing.intake.listing import headline
from clearhouse.clearing.intake.operations import Report
from clearhouse.clearing.prioritize.record import READY_ELEMENTS
from clearhouse.clearing.validate.ladder import established
from clearhouse.clearing.validate.record import (
    ClaimCheck,
    ClaimResult,
    Examination,
    Level,
    Verdict,
    VerdictKind,
)
from clearhouse.surfaces.web.desk import draft_fields
from clearhouse.surfaces.web.desk.draft_fields import Field, FileNote
from clearhouse.surfaces.web.pictures.completeness import completeness_picture
from clearhouse.surfaces.web.pictures.ladder import Rung, RungState, ladder_picture

_ORDER = {ClaimResult.CONTRADICTED: 0, ClaimResult.HOLDS: 1, ClaimResult.UNCHECKABLE: 2}


@dataclass(frozen=True, kw_only=True, slots=True)
class ReportView:
    """Everything a page says about one report."""

    report: Report
    headline: str | None
    present: tuple[str, ...]
    """Elements of a ready report that it had when it came in."""
    missing: tuple[Gap, ...]
    completeness_picture: Markup
    texts: tuple[Field, ...]
    facts: tuple[Field, ...]
    provenance: tuple[Field, ...]
    unknown: tuple[Field, ...]
    files: tuple[FileNote, ...]
    verdict: Verdict | None
    """None while validation has not looked at it."""
    checks: tuple[ClaimCheck, ...]
    """Contradictions first, for they matter most; then what holds; then what nobody could check."""
    ladder: Markup
    examination: Examination | None
    """The one that was asked for last."""
    may_examine: bool
    """Whether the policy lets the actor ask for another."""


def report_view(
    report: Report,
    verdict: Verdict | None,
    present: tuple[str, ...],
    *,
    examination: Examination | None = None,
    may_examine: bool = False,
) -> ReportView:
    """Return a report as pages show it.

    `present` was judged with the attachments at hand; here they may be left out, so only the
    advice is taken from judging again.
    """
    draft = report.content
    return ReportView(
        report=report,
        headline=headline(draft),
        present=present,
        missing=tuple(gap for gap in judge(draft).missing if gap.element not in present),
        completeness_picture=completeness_picture(READY_ELEMENTS, present),
        texts=draft_fields.long_texts(draft),
        facts=draft_fields.facts(draft),
        provenance=draft_fields.provenance(draft),
        unknown=draft_fields.unknown(draft),
        files=draft_fields.files(draft),
        verdict=verdict,
        checks=_sorted_checks(verdict),
        ladder=ladder_picture(rungs(verdict)),
        examination=examination,
        may_examine=may_examine,
    )


def rungs(verdict: Verdict | None) -> list[Rung]:
    """Return the ladder of evidence with what a verdict says of each level."""
    return [
        Rung(level=level.name, label=level.label, state=_state(level, verdict)) for level in Level
    ]


def _state(level: Level, verdict: Verdict | None) -> RungState:
    if verdict is None:
        return RungState.NOT_ATTEMPTED
    reached = -1 if verdict.level is None else int(verdict.level)
    if level in established(verdict):
        return RungState.REACHED
    if level <= reached:
        return RungState.NOT_ESTABLISHED
    if level == reached + 1 and verdict.kind is VerdictKind.CONTRADICTED:
        return RungState.CONTRADICTED
    if level == reached + 1 and verdict.kind is VerdictKind.INCONCLUSIVE:
        return RungState.INCONCLUSIVE
    return RungState.NOT_ATTEMPTED


def _sorted_checks(verdict: Verdict | None) -> tuple[ClaimCheck, ...]:
    checks = () if verdict is None else verdict.checks
    return tuple(sorted(checks, key=lambda check: _ORDER[check.result]))
