"""Say whether the versions of a report agree with each other."""

from collections.abc import Iterator
from dataclasses import dataclass

from clearhouse.clearing.intake.record import Draft
from clearhouse.clearing.validate.claims.answer import contradicted, holds, uncheckable
from clearhouse.clearing.validate.record import Claim, ClaimCheck
from clearhouse.clearing.validate.versions import (
    Range,
    Version,
    highest,
    lowest,
    parse_range,
    parse_version,
)

_PLACE = "the report itself"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Stated:
    """The versions of one report that can be read."""

    affected: tuple[Range, ...]
    complete: bool
    """False when some affected range could not be read."""
    fixed: tuple[Version, ...]
    tested: Version | None

    def affects(self, version: Version) -> bool:
        return any(version in one for one in self.affected)

    @property
    def spans(self) -> bool:
        """Say whether the affected versions are spans; a list may just be incomplete."""
        return bool(self.affected) and not any(one.enumerated for one in self.affected)


def check_ranges(draft: Draft) -> Iterator[ClaimCheck]:
    """Compare tested, affected and fixed versions with each other."""
    if draft.purl is None:
        return
    stated = _read(draft, draft.purl.removeprefix("pkg:").split("/")[0])
    yield from _tested_inside(draft, stated)
    yield from _tested_before_fix(draft, stated)
    yield from _fixed_after_affected(draft, stated)


def _read(draft: Draft, kind: str) -> _Stated:
    ranges = [parse_range(kind, text) for text in draft.affected_versions]
    fixed = [parse_version(kind, text) for text in draft.fixed_versions]
    return _Stated(
        affected=tuple(one for one in ranges if one is not None),
        complete=None not in ranges,
        fixed=() if None in fixed else tuple(one for one in fixed if one is not None),
        tested=parse_version(kind, draft.tested_version) if draft.tested_version else None,
    )


def _tested_inside(draft: Draft, stated: _Stated) -> Iterator[ClaimCheck]:
    if stated.tested is None or not stated.affected or draft.tested_version is None:
        return
    subject = f"tested {draft.tested_version}, affected {'; '.join(draft.affected_versions)}"
    if stated.affects(stated.tested):
        yield holds(
            Claim.VERSION_RANGE, subject, "The tested version is inside the affected range.", _PLACE
        )
    elif stated.spans and stated.complete:
        yield contradicted(
            Claim.VERSION_RANGE,
            subject,
            "The version that was tested is outside the range said to be affected.",
            _PLACE,
        )
    else:
        yield uncheckable(
            Claim.VERSION_RANGE,
            subject,
            "The tested version is not among those listed; the list may be incomplete.",
            _PLACE,
        )


def _tested_before_fix(draft: Draft, stated: _Stated) -> Iterator[ClaimCheck]:
    if stated.tested is None or not stated.fixed or stated.tested < highest(stated.fixed):
        return
    subject = f"tested {draft.tested_version}, fixed {', '.join(draft.fixed_versions)}"
    if stated.affects(stated.tested) or not stated.affected:
        yield uncheckable(
            Claim.VERSION_RANGE,
            subject,
            "The tested version is not below the fixed one; the fix may be incomplete.",
            _PLACE,
        )
    else:
        yield contradicted(
            Claim.VERSION_RANGE,
            subject,
            "The tested version already has the fix that the report names, and is not said to be "
            "affected.",
            _PLACE,
        )


def _fixed_after_affected(draft: Draft, stated: _Stated) -> Iterator[ClaimCheck]:
    lows = [one.lowest for one in stated.affected]
    starts = [low for low in lows if low is not None]
    if not stated.fixed or not starts or len(starts) < len(lows) or not stated.complete:
        return
    if highest(stated.fixed) < lowest(starts):
        yield contradicted(
            Claim.VERSION_RANGE,
            f"fixed {', '.join(draft.fixed_versions)}, "
            f"affected {'; '.join(draft.affected_versions)}",
            "Every fixed version is lower than the first affected one.",
            _PLACE,
        )
