"""Ranges as ecosystems and databases write them, turned into `vers`.

In: the events of an OSV document, or a requirement as npm, PyPI, GitHub or another ecosystem
writes it. Out: a `VersionRange`. Refused with `VersError`: what the ecosystem would not read.

Ranges are worked out as intervals: what must hold together is intersected, alternatives are
united, and the result states every bound once. Where a list of signposts would be ambiguous, as
in `>=1.0 >=1.5 <2` or in alternatives that overlap, intervals are not.

Source: OSV schema 1.7.5, `affected[].ranges[].events` and its evaluation; node-semver, ranges;
PEP 440, version specifiers; GitHub advisories, `vulnerableVersionRange`.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cmp_to_key
from typing import Final, Literal

from univers.version_range import RANGE_CLASS_BY_SCHEMES

from clearhouse.formats.vers import (
    UNIVERS_ERRORS,
    Constraint,
    VersError,
    VersionRange,
    build,
    compare,
    fault_of,
    ordered,
)

EventKind = Literal["introduced", "fixed", "last_affected", "limit"]

MAX_NATIVE_LENGTH: Final = 4096
_MAX_PARTS: Final = 256
_PEP440: Final = re.compile(r"(===|~=|==|!=|<=|>=|<|>)?\s*([^\s,<>=!~]\S*)")
_COMPARATOR: Final = re.compile(r"\s*(<=|>=|!=|==|=|<|>)?\s*([^\s,<>=]+)\s*,?")
_UNIVERS: Final = frozenset({"conan", "gem", "maven", "nginx", "nuget", "openssl"})


@dataclass(frozen=True, kw_only=True, slots=True)
class _Interval:
    """The versions between two bounds; `None` means unbounded."""

    low: str | None = None
    low_in: bool = False
    high: str | None = None
    high_in: bool = False


_EVERYTHING: Final = _Interval()


def from_osv(
    scheme: str,
    ranges: Iterable[Sequence[tuple[EventKind, str]]],
    versions: Iterable[str] = (),
) -> VersionRange | None:
    """Return the affected versions of one package in an OSV document.

    Each range is a sequence of events; `versions` are those listed one by one. `None` when the
    document states neither.

    Raises: `VersError` when the scheme cannot order a version.
    """
    intervals = [one for events in ranges for one in _of_events(scheme, events)]
    listed = [_Interval(low=one, low_in=True, high=one, high_in=True) for one in versions]
    united = _union(scheme, [*intervals, *listed])
    return _range(scheme, united) if united else None


def from_native(scheme: str, text: str) -> VersionRange:
    """Return the range that a requirement in the ecosystem's own notation describes.

    Raises: `VersError` when the ecosystem would not read it.
    """
    if len(text) > MAX_NATIVE_LENGTH:
        raise VersError(f"requirement is longer than {MAX_NATIVE_LENGTH} characters")
    if scheme == "npm":
        return _from_npm(text)
    if scheme == "pypi":
        return _from_pep440(text)
    if scheme in _UNIVERS:
        return _through_univers(scheme, text)
    return from_comparators(scheme, text)


def from_comparators(scheme: str, text: str) -> VersionRange:
    """Return the range of comparators that all hold, as in `>= 1.2, < 2.0`.

    Raises: `VersError`.
    """
    pairs = _scan(_COMPARATOR, text)
    found = [_of_comparator(scheme, comparator or "=", version) for comparator, version in pairs]
    return _range(scheme, _all_of(scheme, found))


def _of_events(scheme: str, events: Sequence[tuple[EventKind, str]]) -> list[_Interval]:
    """Walk the events in the order of versions. Source: OSV schema, evaluation."""

    def by_version(first: tuple[EventKind, str], second: tuple[EventKind, str]) -> int:
        return _compare_low(scheme, _floor(first[1]), _floor(second[1]))

    found: list[_Interval] = []
    start: _Interval | None = None
    for kind, version in sorted(events, key=cmp_to_key(by_version)):
        if kind == "introduced":
            start = start or _Interval(low=_floor(version), low_in=_floor(version) is not None)
        elif start is not None:
            found.append(replace(start, high=version, high_in=kind == "last_affected"))
            start = None
    return [*found, start] if start is not None else found


def _floor(version: str) -> str | None:
    """OSV writes `0` for "before every version"."""
    return None if version == "0" else version


def _from_npm(text: str) -> VersionRange:
    """Unite the alternatives of an npm range; inside one, everything holds together."""
    found: list[_Interval] = []
    for alternative in text.split("||"):
        if alternative.strip() in {"", "*", "x", "X"}:
            found.append(_EVERYTHING)
            continue
        parts = _through_univers("npm", alternative.strip()).constraints
        pairs = [_of_comparator("npm", one.comparator, one.version) for one in parts]
        found += _all_of("npm", pairs)
    return _range("npm", _union("npm", found))


def _from_pep440(text: str) -> VersionRange:
    specifiers = [part.strip() for part in text.split(",") if part.strip()]
    if not specifiers or len(specifiers) > _MAX_PARTS:
        raise VersError("requirement states no version, or too many")
    found: list[list[_Interval]] = []
    for specifier in specifiers:
        match = _PEP440.fullmatch(specifier)
        if match is None:
            raise VersError("requirement is not a specifier of PEP 440")
        found.append(_of_specifier(match[1] or "==", match[2]))
    return _range("pypi", _all_of("pypi", found))


def _of_specifier(operator: str, version: str) -> list[_Interval]:
    if version.endswith(".*") and operator in {"==", "!="}:
        inside = _prefix(version[:-2])
        return [inside] if operator == "==" else _complement(inside)
    if operator == "~=":
        _, numbers = _release(version)
        if len(numbers) < 2:
            raise VersError("~= needs a version of at least two numbers")
        return [replace(_prefix(version), low=version, high=_next(version, drop=1))]
    return _of_comparator("pypi", {"===": "=", "==": "="}.get(operator, operator), version)


def _prefix(prefix: str) -> _Interval:
    """Return the versions that begin with these numbers, pre-releases included."""
    return _Interval(low=f"{prefix}.dev0", low_in=True, high=_next(prefix))


def _next(version: str, drop: int = 0) -> str:
    """Return where the versions end that share all numbers with this one, or all but the last."""
    epoch, numbers = _release(version)
    kept = numbers[: len(numbers) - drop]
    return epoch + ".".join([*kept[:-1], f"{int(kept[-1]) + 1}.dev0"])


def _release(version: str) -> tuple[str, list[str]]:
    """Return the epoch with its mark and the numbers of a PEP 440 version."""
    match = re.match(r"v?(\d+!)?(\d+(?:\.\d+)*)", version)
    if match is None or fault_of("pypi", version) is not None:
        raise VersError("requirement names no version of PEP 440")
    return match[1] or "", match[2].split(".")


def _of_comparator(scheme: str, comparator: str, version: str) -> list[_Interval]:
    ordered(scheme, version)
    point = _Interval(low=version, low_in=True, high=version, high_in=True)
    known: dict[str, Callable[[], list[_Interval]]] = {
        "=": lambda: [point],
        "==": lambda: [point],
        "!=": lambda: _complement(point),
        "<": lambda: [_Interval(high=version)],
        "<=": lambda: [_Interval(high=version, high_in=True)],
        ">": lambda: [_Interval(low=version)],
        ">=": lambda: [_Interval(low=version, low_in=True)],
    }
    return known[comparator]()


def _through_univers(scheme: str, text: str) -> VersionRange:
    try:
        kind = RANGE_CLASS_BY_SCHEMES[scheme]
        native = kind.from_native(text)  # type: ignore[no-untyped-call]  # univers is untyped
    except UNIVERS_ERRORS:
        raise VersError(f"requirement cannot be read under {scheme}") from None
    if any(one.comparator == "*" for one in native.constraints):
        return build(scheme, [Constraint(comparator="*")])
    return build(
        scheme,
        [
            Constraint(comparator=one.comparator, version=str(one.version))
            for one in native.constraints
        ],
    )


def _scan(pattern: re.Pattern[str], text: str) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    place = 0
    while place < len(text.rstrip()):
        match = pattern.match(text, place)
        if match is None or len(pairs) == _MAX_PARTS:
            raise VersError("requirement is not a list of comparators and versions")
        pairs.append((match[1] or "", match[2]))
        place = match.end()
    if not pairs:
        raise VersError("requirement states no version")
    return pairs


def _complement(inside: _Interval) -> list[_Interval]:
    return [
        _Interval(high=inside.low, high_in=not inside.low_in),
        _Interval(low=inside.high, low_in=not inside.high_in),
    ]


def _all_of(scheme: str, unions: Iterable[list[_Interval]]) -> list[_Interval]:
    """Return the intersection of unions of intervals."""
    met = [_EVERYTHING]
    for union in unions:
        both = [_intersection(scheme, one, other) for one in met for other in union]
        met = [one for one in both if one is not None]
    return met


def _intersection(scheme: str, one: _Interval, other: _Interval) -> _Interval | None:
    low = one if _starts_after(scheme, one, other) else other
    high = one if _ends_before(scheme, one, other) else other
    met = _Interval(low=low.low, low_in=low.low_in, high=high.high, high_in=high.high_in)
    if met.low is None or met.high is None:
        return met
    order = compare(scheme, met.low, met.high)
    return met if order < 0 or (order == 0 and met.low_in and met.high_in) else None


def _union(scheme: str, intervals: Iterable[_Interval]) -> list[_Interval]:
    """Return the intervals in order, those that overlap or touch made one."""
    united: list[_Interval] = []

    def by_start(one: _Interval, other: _Interval) -> int:
        return _compare_starts(scheme, one, other)

    for one in sorted(intervals, key=cmp_to_key(by_start)):
        if united and _joins(scheme, united[-1], one):
            last = united.pop()
            end = last if _ends_before(scheme, one, last) else one
            united.append(replace(last, high=end.high, high_in=end.high_in))
        else:
            united.append(one)
    return united


def _joins(scheme: str, first: _Interval, second: _Interval) -> bool:
    """Answer whether an interval overlaps or touches the one that starts no later."""
    if first.high is None or second.low is None:
        return True
    order = compare(scheme, second.low, first.high)
    return order < 0 or (order == 0 and (first.high_in or second.low_in))


def _compare_low(scheme: str, first: str | None, second: str | None) -> int:
    if first is None or second is None:
        return (first is not None) - (second is not None)
    return compare(scheme, first, second)


def _compare_starts(scheme: str, one: _Interval, other: _Interval) -> int:
    return _compare_low(scheme, one.low, other.low) or other.low_in - one.low_in


def _starts_after(scheme: str, one: _Interval, other: _Interval) -> bool:
    return _compare_starts(scheme, one, other) >= 0


def _ends_before(scheme: str, one: _Interval, other: _Interval) -> bool:
    if one.high is None or other.high is None:
        return other.high is None and one.high is not None
    order = compare(scheme, one.high, other.high)
    return order < 0 or (order == 0 and not one.high_in)


def _range(scheme: str, intervals: list[_Interval]) -> VersionRange:
    united = _union(scheme, intervals)
    if not united:
        raise VersError("requirement leaves no version")
    if united == [_EVERYTHING]:
        return build(scheme, [Constraint(comparator="*")])
    bounds: list[Constraint] = []
    for before, one in zip([None, *united], united, strict=False):
        if before is not None and _same(scheme, before.high, one.low):  # all but a point
            bounds[-1] = replace(bounds[-1], comparator="!=")
            bounds += _bounds(scheme, one)[1:]
        else:
            bounds += _bounds(scheme, one)
    return build(scheme, bounds)


def _same(scheme: str, first: str | None, second: str | None) -> bool:
    return first is not None and second is not None and compare(scheme, first, second) == 0


def _bounds(scheme: str, one: _Interval) -> list[Constraint]:
    if one.low is not None and _same(scheme, one.low, one.high):
        return [Constraint(comparator="=", version=one.low)]
    bounds = []
    if one.low is not None:
        bounds.append(Constraint(comparator=">=" if one.low_in else ">", version=one.low))
    if one.high is not None:
        bounds.append(Constraint(comparator="<=" if one.high_in else "<", version=one.high))
    return bounds
