"""Whether an installed version is among those that an advisory names.

In: a version, and what an advisory says: events of OSV, a list of versions, a `vers` range, one
version, or all of them. Out: yes or no. Refused with `VersError`: what the ecosystem cannot order;
with `ImpossibleRangeError`: a range that holds no version whatever one asks, because somebody
mistyped it. Neither is ever answered with "no".

Most versions are plain numbers. Those are compared as numbers here, exactly as their ecosystem
compares them; everything else is left to the ecosystem's own rules.

Source: OSV schema 1.7.5, "Evaluation"; VERS 1.1, containment.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cmp_to_key, lru_cache
from typing import Final, Literal, Protocol

from clearhouse.formats import vers
from clearhouse.formats.vers import VersError

EventKind = Literal["introduced", "fixed", "last_affected", "limit"]
Event = tuple[EventKind, str]

_NUMBERS: Final = re.compile(r"v?((?:0|[1-9]\d{0,8})(?:\.(?:0|[1-9]\d{0,8}))*)")
_THREE: Final = dict.fromkeys(["cargo", "composer", "generic", "golang", "hex", "npm"], 3)
_BY_NUMBERS: Final = _THREE | dict.fromkeys(["gem", "maven", "nuget", "pypi"], 9)
"""Schemes for which versions of up to so many numbers and nothing else compare as numbers, 1.0 and
1.0.0 alike."""
_LEADING_V: Final = frozenset({"generic", "golang", "npm"})


class ImpossibleRangeError(ValueError):
    """A range ends before it begins, or never begins; no version can be in it."""


class Covers(Protocol):
    """A set of versions."""

    def holds(self, version: str) -> bool:
        """Answer whether a version is in the set.

        Raises: VersError, ImpossibleRangeError.
        """
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Everything:
    """Every version: the advisory names the product alone."""

    def holds(self, version: str) -> bool:  # noqa: ARG002 - whatever it is
        """Answer yes."""
        return True


@dataclass(frozen=True, kw_only=True, slots=True)
class Exactly:
    """One version, by name where its ecosystem is not known."""

    scheme: str | None
    version: str

    def holds(self, version: str) -> bool:
        """Answer whether it is this one."""
        return version == self.version or _equal(self.scheme, version, self.version)


@dataclass(frozen=True, kw_only=True, slots=True)
class InRange:
    """The versions of a `vers` range."""

    range: vers.VersionRange

    def holds(self, version: str) -> bool:
        """Answer whether the range contains it.

        Raises: VersError.
        """
        scheme = self.range.scheme
        return self.range.contains(version.removeprefix("v") if scheme in _LEADING_V else version)


@dataclass(frozen=True, kw_only=True, slots=True)
class Timeline:
    """Events of one range of OSV."""

    scheme: str | None
    """None when the ecosystem's order is not known."""
    events: tuple[Event, ...]
    place: str

    def holds(self, version: str) -> bool:
        """Walk the events in the order of versions.

        Raises: VersError, ImpossibleRangeError.
        """
        if self.scheme is None:
            raise VersError("versions of this ecosystem have no known order")
        limits = [value for kind, value in self.events if kind == "limit" and value != "*"]
        steps = self._ordered([event for event in self.events if event[0] != "limit"])
        before = [compare(self.scheme, version, limit) < 0 for limit in limits]
        return (not limits or any(before)) and self._walk(self.scheme, version, steps)

    def fixes(self) -> tuple[str, ...]:
        """Return the versions that end a stretch with a fix."""
        return tuple(value for kind, value in self.events if kind == "fixed")

    def _ordered(self, events: list[Event]) -> list[Event]:
        scheme = self.scheme or ""

        def by_version(one: Event, other: Event) -> int:
            if "0" in {one[1], other[1]}:  # OSV writes 0 for "before every version"
                return (one[1] != "0") - (other[1] != "0") or _TIE[one[0]] - _TIE[other[0]]
            return compare(scheme, one[1], other[1]) or _TIE[one[0]] - _TIE[other[0]]

        ordered = sorted(events, key=cmp_to_key(by_version))
        if not ordered or ordered[0][0] != "introduced":
            raise ImpossibleRangeError(f"{self.place}: ends before it begins, or never begins")
        return ordered

    @staticmethod
    def _walk(scheme: str, version: str, steps: Sequence[Event]) -> bool:
        vulnerable = False
        for kind, value in steps:
            order = 1 if value == "0" else compare(scheme, version, value)
            if kind == "introduced":
                vulnerable = vulnerable or order >= 0
            elif order > 0 or (order == 0 and kind == "fixed"):
                vulnerable = False
        return vulnerable


_TIE: Final = {"fixed": 0, "introduced": 1, "last_affected": 2, "limit": 3}
"""At one version a stretch ends with its fix before the next begins, and lasts through its last."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Listed:
    """What one entry of OSV says: versions one by one, and ranges."""

    scheme: str | None
    versions: frozenset[str]
    ranges: tuple[Timeline, ...]

    def holds(self, version: str) -> bool:
        """Answer whether a list or a range holds it; a list needs no order.

        Raises: VersError, ImpossibleRangeError, when what can be answered does not say yes.
        """
        if version in self.versions or version.removeprefix("v") in self.versions:
            return True
        doubt: VersError | ImpossibleRangeError | None = None
        for one in self.ranges:
            try:
                if one.holds(version):
                    return True
            except (VersError, ImpossibleRangeError) as error:
                doubt = doubt or error
        if doubt is not None and not (self.versions and self.scheme is None):
            raise doubt
        return self._spelled_otherwise(version)

    def _spelled_otherwise(self, version: str) -> bool:
        """Answer whether the list has the version in another spelling of its ecosystem."""
        numbers = _numbers(version)
        if numbers is None or self.scheme not in _BY_NUMBERS:
            return any(_equal(self.scheme, version, one) for one in self.versions)
        return any(_numbers(one) == numbers for one in self.versions)


def compare(scheme: str, first: str, second: str) -> int:
    """Return -1, 0 or 1 as the first version comes before, with or after the second.

    Raises: VersError.
    """
    if scheme in _BY_NUMBERS:
        left, right = _numbers(first), _numbers(second)
        most = _BY_NUMBERS[scheme]
        if left is not None and right is not None and len(left) <= most >= len(right):
            return (left > right) - (left < right)
    if scheme in _LEADING_V:
        first, second = first.removeprefix("v"), second.removeprefix("v")
    return vers.compare(scheme, first, second)


def first_after(scheme: str | None, version: str, fixes: Sequence[str]) -> str | None:
    """Return the lowest of several fixed versions that is above the installed one."""
    if scheme is None:
        return fixes[0] if len(fixes) == 1 else None

    def order(one: str, other: str) -> int:
        return compare(scheme, one, other)

    try:
        above = [one for one in fixes if order(one, version) > 0]
        return min(above, key=cmp_to_key(order), default=None)
    except VersError:
        return None


@lru_cache(maxsize=16_384)
def _numbers(version: str) -> tuple[int, ...] | None:
    match = _NUMBERS.fullmatch(version)
    if match is None:
        return None
    parts = [int(part) for part in match[1].split(".")]
    while parts and parts[-1] == 0:
        parts.pop()
    return tuple(parts)


def _equal(scheme: str | None, one: str, other: str) -> bool:
    try:
        return scheme is not None and compare(scheme, one, other) == 0
    except VersError:
        return False
