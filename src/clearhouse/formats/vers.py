"""Versions and version ranges of every ecosystem, compared by the ecosystem's own rules.

In: versions and `vers:` ranges as text. Out: whether a version has the syntax of its ecosystem,
which of two comes first, and whether a version is in a range. Refused with `VersError`: an unknown
versioning scheme, a version that its scheme cannot order, a range that breaks the grammar; the
reason names the rule and never repeats the input.

univers knows how each ecosystem orders its versions; the grammar of ranges and the question
"is it in" are answered here, because they must hold for whatever a stranger writes.

Syntax is stricter than order: npm orders `1.2` well enough, but no npm release can be called that.

Source: VERS 1.1 (ECMA TC54), sections on syntax and containment; Semantic Versioning 2.0.0;
PEP 440.
"""

import bisect
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Protocol, Self, cast
from urllib.parse import quote, unquote

from univers.conan.errors import ConanException
from univers.nuget import InvalidNuGetVersion
from univers.version_range import RANGE_CLASS_BY_SCHEMES, InvalidVersionRange

MAX_VERSION_LENGTH: Final = 256
MAX_CONSTRAINTS: Final = 4096

COMPARATORS: Final = (">=", "<=", "!=", "<", ">", "=")
"""Longest first, as a reader has to try them."""

_ALIASES: Final = {"gentoo": "ebuild", "semver": "generic", "pub": "generic", "swift": "generic"}
_SEMVER: Final = (
    r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)"
    r"(-[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?(\+[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?"
)
_THREE_NUMBERS: Final = "is not MAJOR.MINOR.PATCH as Semantic Versioning asks"
_SYNTAX: Final = {
    "npm": (re.compile(f"v?{_SEMVER}"), _THREE_NUMBERS),
    "cargo": (re.compile(_SEMVER), _THREE_NUMBERS),
    "hex": (re.compile(_SEMVER), _THREE_NUMBERS),
    "generic": (re.compile(f"v?{_SEMVER}"), _THREE_NUMBERS),
    "golang": (re.compile(f"v?{_SEMVER}"), _THREE_NUMBERS),
    "gem": (
        re.compile(r"\d+(\.[0-9A-Za-z]+)*(-[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?"),
        "is not numbers and letters joined by dots",
    ),
    "nuget": (
        re.compile(r"\d+(\.\d+){0,3}(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?"),
        "is not up to four numbers with an optional pre-release",
    ),
    "maven": (re.compile(r"[0-9A-Za-z][0-9A-Za-z._+~-]*"), "has a character Maven does not use"),
}
UNIVERS_ERRORS: Final = (
    InvalidVersionRange,
    InvalidNuGetVersion,
    ConanException,
    ValueError,
    TypeError,
    AttributeError,
    AssertionError,
    LookupError,
    RecursionError,
)
"""univers reads some twenty notations by hand and fails in as many ways on what is none of them."""
_TRIPLET: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
_LOWER_TRIPLET: Final = re.compile(r"%(?=[0-9A-Fa-f]{2})(?![0-9A-F]{2})")


class VersError(ValueError):
    """A version or range cannot be read or ordered under its scheme."""


class _Orderable(Protocol):
    def __lt__(self, other: Self, /) -> bool: ...
    def __str__(self) -> str: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Constraint:
    """One signpost on the line of versions."""

    comparator: str
    """One of `COMPARATORS`, or `*` alone for every version."""
    version: str = ""
    """Decoded; empty for `*`."""

    def __str__(self) -> str:
        shown = "" if self.comparator == "=" else self.comparator
        return shown + quote(self.version, safe=":")


@dataclass(frozen=True, kw_only=True, slots=True)
class VersionRange:
    """A set of versions; `str()` gives the canonical `vers:` text."""

    scheme: str
    constraints: tuple[Constraint, ...]
    """Sorted by version."""

    def __str__(self) -> str:
        return f"vers:{self.scheme}/" + "|".join(map(str, self.constraints))

    def contains(self, version: str) -> bool:
        """Answer whether the version is in the range.

        Raises: `VersError` when the scheme cannot order the version.
        """
        tested = ordered(self.scheme, version)
        equal = {
            one.comparator
            for one in self.constraints
            if one.comparator != "*" and _same(tested, ordered(self.scheme, one.version))
        }
        if "!=" in equal:
            return False
        if equal & {"=", "<=", ">="}:
            return True
        bounds = self.bounds()
        if not bounds:
            return all(one.comparator in {"*", "!="} for one in self.constraints)
        return _between(tested, bounds)

    def bounds(self) -> list[tuple[str, _Orderable]]:
        """Return the inequalities as alternating starts and ends.

        Of starts in a row only the first counts, of ends in a row only the last.
        """
        kept: list[tuple[str, _Orderable]] = []
        for one in self.constraints:
            side = one.comparator[:1]
            if one.comparator == "!=" or side not in {"<", ">"}:
                continue
            if kept and kept[-1][0] == side:
                if side == ">":
                    continue
                kept.pop()
            kept.append((side, ordered(self.scheme, one.version)))
        return kept


def parse(text: str, *, canonical: bool = False) -> VersionRange:
    """Return the range that a `vers:` text describes.

    `canonical=True` also refuses what only a lenient reader takes: blanks, stray pipes,
    constraints out of order, and percent-encoding that the standard would write otherwise.

    Raises: `VersError`.
    """
    body = text if canonical else re.sub(r"[ \t]", "", text)
    head, slash, listed = body.partition("/")
    uri_scheme, colon, name = head.partition(":")
    if uri_scheme.lower() != "vers" or not colon or not slash or not listed:
        raise VersError("range is not of the form vers:<scheme>/<constraints>")
    parts = listed.split("|") if canonical else [part for part in listed.split("|") if part]
    if len(parts) > MAX_CONSTRAINTS:
        raise VersError(f"range has more than {MAX_CONSTRAINTS} constraints")
    found = build(name.lower(), [_constraint(part) for part in parts])
    if canonical and str(found) != body:
        raise VersError("range is not in canonical form")
    return found


def build(scheme: str, constraints: Sequence[Constraint]) -> VersionRange:
    """Return the range of these constraints, sorted by version, each stated once.

    Raises: `VersError` when there is none, when `*` is not alone, or a version has no order.
    """
    if not constraints:
        raise VersError("range has no constraint")
    if any(one.comparator == "*" for one in constraints) and len(constraints) > 1:
        raise VersError("range has * beside other constraints")
    if constraints[0].comparator == "*":
        _class_of(scheme)
        return VersionRange(scheme=scheme, constraints=(Constraint(comparator="*"),))
    unique = dict.fromkeys(constraints)
    return VersionRange(
        scheme=scheme,
        constraints=tuple(sorted(unique, key=lambda one: ordered(scheme, one.version))),
    )


def intersects(one: VersionRange, other: VersionRange) -> bool:
    """Say whether a version may lie in both ranges.

    Between two versions that are named others are thought to lie, below the first and above the
    last as well: new ones appear.
    Raises: `VersError` for two schemes, or versions without an order.
    """
    if one.scheme != other.scheme:
        raise VersError("versions of two schemes have no common order")
    named: list[_Orderable] = []
    for found in sorted(
        ordered(one.scheme, part.version)
        for part in (*one.constraints, *other.constraints)
        if part.comparator != "*"
    ):
        if not named or named[-1] < found:
            named.append(found)
    # The odd places are the named versions, the even ones lie between them.
    places = range(2 * len(named) + 1)
    return any(_holds(one, named, place) and _holds(other, named, place) for place in places)


def scheme_of(purl_type: str) -> str | None:
    """Return the versioning scheme of a package-url type, or `None` where none is known."""
    known = purl_type in RANGE_CLASS_BY_SCHEMES or purl_type in _ALIASES
    return purl_type if known and purl_type not in {"all", "none"} else None


def fault_of(scheme: str, version: str) -> str | None:
    """Return why a text cannot be a version under this scheme, or `None` when it can.

    Raises: `VersError` for an unknown scheme.
    """
    _class_of(scheme)
    if not version or len(version) > MAX_VERSION_LENGTH:
        return f"is empty or longer than {MAX_VERSION_LENGTH} characters"
    if not re.fullmatch(r"[!-~]+", version):
        return "has blanks or characters outside ASCII"
    pattern, reason = _SYNTAX.get(_ALIASES.get(scheme, scheme), (None, ""))
    if pattern is not None and not pattern.fullmatch(version):
        return reason
    try:
        ordered(scheme, version)
    except VersError:
        return "is no version to PEP 440" if scheme == "pypi" else f"is no version to {scheme}"
    return None


def compare(scheme: str, first: str, second: str) -> int:
    """Return -1, 0 or 1 as the first version comes before, with or after the second.

    Raises: `VersError` when the scheme is unknown or cannot order one of them.
    """
    left, right = ordered(scheme, first), ordered(scheme, second)
    return -1 if left < right else 1 if right < left else 0


def spelled(scheme: str, version: str) -> str:
    """Return the one spelling of a version that can be written in several ways.

    NuGet takes no notice of case before build metadata; other schemes are left as they are.
    Source: NuGet, package versioning, "Normalized version numbers"; VERS tests for NuGet.
    """
    if scheme != "nuget":
        return version
    number, plus, build_metadata = version.partition("+")
    return number.lower() + plus + build_metadata


@lru_cache(maxsize=16_384)
def ordered(scheme: str, version: str) -> _Orderable:
    """Return an object that orders as the scheme orders this version.

    Raises: `VersError`.
    """
    if not version or len(version) > MAX_VERSION_LENGTH:
        raise VersError(f"version is empty or longer than {MAX_VERSION_LENGTH} characters")
    kind = _class_of(scheme)
    try:
        return cast("_Orderable", kind(version))
    except UNIVERS_ERRORS:
        raise VersError(f"version cannot be read under {scheme}") from None


def _class_of(scheme: str) -> type:
    found = RANGE_CLASS_BY_SCHEMES.get(_ALIASES.get(scheme, scheme))
    if found is None or scheme in {"all", "none"}:
        raise VersError("versioning scheme is unknown")
    return cast("type", found.version_class)


def _constraint(part: str) -> Constraint:
    if part == "*":
        return Constraint(comparator="*")
    comparator = next((one for one in COMPARATORS if part.startswith(one)), "")
    encoded = part.removeprefix(comparator)
    if not encoded:
        raise VersError("constraint has no version")
    if _TRIPLET.search(encoded) or _LOWER_TRIPLET.search(encoded):
        raise VersError("version has percent-encoding that is broken or in lower case")
    return Constraint(comparator=comparator or "=", version=unquote(encoded))


def _same(left: _Orderable, right: _Orderable) -> bool:
    return not left < right and not right < left


def _holds(within: VersionRange, named: list[_Orderable], place: int) -> bool:
    """Answer containment for a place on the line of named versions."""

    def place_of(version: _Orderable) -> int:
        return 2 * bisect.bisect_left(named, version) + 1

    equal = {
        part.comparator
        for part in within.constraints
        if part.comparator != "*" and place_of(ordered(within.scheme, part.version)) == place
    }
    if "!=" in equal:
        return False
    if equal & {"=", "<=", ">="}:
        return True
    bounds: list[tuple[str, _Orderable]] = [
        (side, place_of(version)) for side, version in within.bounds()
    ]
    if not bounds:
        return all(part.comparator in {"*", "!="} for part in within.constraints)
    return _between(place, bounds)


def _between(tested: _Orderable, bounds: list[tuple[str, _Orderable]]) -> bool:
    """Answer for a version that equals no bound. Source: VERS 1.1, containment."""
    (first_side, first), (last_side, last) = bounds[0], bounds[-1]
    if first_side == "<" and tested < first:
        return True
    if last_side == ">" and last < tested:
        return True
    starts = [version for side, version in bounds if side == ">"]
    ends = [version for side, version in bounds if side == "<"]
    if first_side == "<":
        ends = ends[1:]
    return any(start < tested < end for start, end in zip(starts, ends, strict=False))
