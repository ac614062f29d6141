"""Affected versions as an advisory states them, from what reports and the vendor said.

In: the package, the affected versions as claimed, and the versions that hold the fix. Out: spans in
the order of the package's own ecosystem, plus the single versions that were named. Refused, with
every reason: a claim that cannot be read, a fix that is itself claimed affected, a fix that comes
before every affected version, an open end with several fixes, a span without an exact start.

What is published is never narrower than the claims. Between the last version that was claimed and
the first fix after it, nothing is known, and it counts as affected.
Source: OSV schema 1.7.5, `affected[].ranges[]`; VERS 1.1.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cmp_to_key

from clearhouse.clearing.validate.versions import (
    Bound,
    Range,
    Version,
    parse_range,
    parse_version,
)
from clearhouse.formats import purl as purls
from clearhouse.formats import vers


@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    """One stretch of affected versions. At most one of `fixed` and `last_affected` is given."""

    introduced: str | None
    """None: from the first version on."""
    fixed: str | None = None
    last_affected: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class AffectedVersions:
    """What an advisory may say about versions."""

    scheme: str | None
    """VERS scheme of the ecosystem; None where the order of its versions is not known."""
    spans: tuple[Span, ...] = ()
    versions: tuple[str, ...] = ()
    """Single versions that were named."""
    fixed: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Impossible:
    """The claims cannot all be true, or cannot be said in an advisory."""

    reasons: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Stretch:
    """A span under construction, with versions that can be compared."""

    start: Version | None
    end: Version | None = None
    end_is_affected: bool = False


def affected_versions(
    purl: str, claims: Sequence[str], fixes: Sequence[str]
) -> AffectedVersions | Impossible:
    """Return the affected versions of a package, or why they cannot be stated."""
    try:
        kind = purls.parse(purl).type
    except purls.PurlError:
        return Impossible(reasons=("the package URL cannot be read",))
    if not claims:
        return Impossible(reasons=("no affected version is named",))
    scheme = None if kind == "github" else vers.scheme_of(kind)
    if scheme is None:
        return _unordered(claims, fixes)
    ranges = [parse_range(kind, claim) for claim in claims]
    fixed = [parse_version(kind, fix) for fix in fixes]
    reasons = [*_unreadable("claim", ranges), *_unreadable("fixed version", fixed)]
    known = [one for one in ranges if one is not None]
    reasons += [reason for one in known for reason in _unsayable(one)]
    if reasons:
        return Impossible(reasons=tuple(dict.fromkeys(reasons)))
    return _ordered(scheme, known, [one for one in fixed if one is not None])


def _unordered(claims: Sequence[str], fixes: Sequence[str]) -> AffectedVersions | Impossible:
    """Versions without a known order can only be listed."""
    if any(claim.startswith("vers:") or set(claim) & set("<>=*| ") for claim in claims):
        return Impossible(reasons=("the order of this package's versions is not known",))
    both = sorted(set(claims) & set(fixes))
    if both:
        return Impossible(reasons=(f"{', '.join(both)}: both fixed and affected",))
    return AffectedVersions(
        scheme=None, versions=tuple(sorted(set(claims))), fixed=tuple(sorted(set(fixes)))
    )


def _unreadable(what: str, parsed: Sequence[object | None]) -> list[str]:
    return [
        f"{what} {number} cannot be read in the package's own order of versions"
        for number, one in enumerate(parsed, start=1)
        if one is None
    ]


def _unsayable(one: Range) -> Iterator[str]:
    """Yield what the formats cannot say without the list of all releases."""
    signs = {bound.comparator for bound in one.bounds}
    if "!=" in signs:
        yield "a claim leaves single versions out; give a range on each side of them"
    if ">" in signs:
        yield "a claim begins after a version; name the first affected version"
    starts = [b.version for b in one.bounds if b.comparator == ">="]
    ends = [b.version for b in one.bounds if b.comparator in {"<", "<="}]
    if len(starts) == 1 and len(ends) == 1 and ends[0] < starts[0]:
        yield "a claim ends before it begins"


def _ordered(
    scheme: str, ranges: list[Range], fixes: list[Version]
) -> AffectedVersions | Impossible:
    fixes = _in_order(fixes)
    points = _in_order([b.version for one in ranges for b in one.bounds if b.comparator == "="])
    stretches = [found for one in ranges for found in _stretches(one)]
    stretches += [_Stretch(start=point, end=point, end_is_affected=True) for point in points]
    merged = _merged(stretches)
    reasons = [*_contradictions(merged, fixes)]
    if reasons:
        return Impossible(reasons=tuple(reasons))
    closed = _merged([_closed(one, following, fixes) for one, following in _followed(merged)])
    return AffectedVersions(
        scheme=scheme,
        spans=tuple(_span(one) for one in closed if not _is_point(one)),
        versions=tuple(str(point) for point in points),
        fixed=tuple(str(fix) for fix in fixes),
    )


def _stretches(one: Range) -> Iterator[_Stretch]:
    """Read the bounds of one range, which come sorted, as starts and ends in turn."""
    start: Version | None = None
    is_open = one.everything
    for bound in _turns(one):
        if bound.comparator == ">=":
            start, is_open = bound.version, True
            continue
        affected = bound.comparator == "<="
        yield _Stretch(start=start, end=bound.version, end_is_affected=affected)
        start, is_open = None, False
    if is_open:
        yield _Stretch(start=start)


def _turns(one: Range) -> list[Bound]:
    """Of starts in a row only the first counts, of ends in a row only the last."""
    kept: list[Bound] = []
    for bound in one.bounds:
        repeats = bool(kept) and kept[-1].comparator[0] == bound.comparator[0]
        if bound.comparator == "=" or (repeats and bound.comparator == ">="):
            continue
        if repeats:
            kept.pop()
        kept.append(bound)
    return kept


def _merged(stretches: list[_Stretch]) -> list[_Stretch]:
    """Join stretches that overlap or touch, in order of their start."""
    result: list[_Stretch] = []
    for one in sorted(stretches, key=cmp_to_key(_by_start)):
        if result and _reaches(result[-1], one.start):
            result[-1] = _joined(result[-1], one)
        else:
            result.append(one)
    return result


def _by_start(left: _Stretch, right: _Stretch) -> int:
    if left.start is None or right.start is None:
        return (left.start is not None) - (right.start is not None)
    return -1 if left.start < right.start else 1 if right.start < left.start else 0


def _reaches(one: _Stretch, start: Version | None) -> bool:
    return one.end is None or start is None or not one.end < start


def _joined(left: _Stretch, right: _Stretch) -> _Stretch:
    """Return the left one, up to the later of the two ends."""
    if left.end is None or right.end is None:
        return _Stretch(start=left.start)
    if left.end < right.end:
        return replace(left, end=right.end, end_is_affected=right.end_is_affected)
    same = not right.end < left.end
    return replace(left, end_is_affected=left.end_is_affected or (same and right.end_is_affected))


def _contradictions(stretches: list[_Stretch], fixes: list[Version]) -> Iterator[str]:
    for fix in fixes:
        if any(_holds(one, fix) for one in stretches):
            yield f"{fix} is both fixed and affected"
        elif not any(one.start is None or one.start < fix for one in stretches):
            yield f"the fix {fix} comes before every affected version"
    for one in stretches:
        later = [fix for fix in fixes if one.start is None or one.start < fix]
        if one.end is None and len(later) > 1:
            yield "several fixes for one open range; say where the affected versions of each begin"


def _holds(one: _Stretch, version: Version) -> bool:
    """Answer whether a stretch contains a version; of an open one only the start is certain."""
    if one.start is not None and version < one.start:
        return False
    if one.end is None:
        return one.start is not None and not one.start < version
    return version < one.end or (one.end_is_affected and not one.end < version)


def _followed(stretches: list[_Stretch]) -> Iterator[tuple[_Stretch, Version | None]]:
    """Yield each stretch with the start of the next."""
    for index, one in enumerate(stretches):
        following = stretches[index + 1].start if index + 1 < len(stretches) else None
        yield one, following


def _closed(one: _Stretch, following: Version | None, fixes: list[Version]) -> _Stretch:
    """Extend a stretch to the first fix after it.

    A stretch whose end was claimed is left alone when another begins before that fix: what lies
    between them was claimed to be unaffected.
    """
    end = one.end if one.end is not None else one.start
    fix = next((fix for fix in fixes if end is None or not fix < end), None)
    if fix is None:
        return one
    if following is not None and following < fix and not _is_point(one):
        return one
    return replace(one, end=fix, end_is_affected=False)


def _is_point(one: _Stretch) -> bool:
    return one.end_is_affected and one.start is not None and one.start is one.end


def _span(one: _Stretch) -> Span:
    start = None if one.start is None else str(one.start)
    end = None if one.end is None else str(one.end)
    if one.end_is_affected:
        return Span(introduced=start, last_affected=end)
    return Span(introduced=start, fixed=end)


def _in_order(versions: list[Version]) -> list[Version]:
    """Sort, and keep one of those that are equal in the ecosystem's order."""
    kept: list[Version] = []
    for one in sorted(versions):
        if not kept or kept[-1] < one:
            kept.append(one)
    return kept
