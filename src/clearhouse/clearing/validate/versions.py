"""Order and read versions the way their registry does.

In comes text from a report; out comes a version or range that can be compared, or None when the
notation cannot be read for sure. Nothing is guessed: `4.x`, `latest` and prose give None.

Source: PEP 440 for PyPI, Semantic Versioning 2.0.0 for npm, VERS 1.1 for ranges.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from typing import Protocol, Self

from clearhouse.formats import vers

_COMPARATOR = re.compile(r"\s*(>=|<=|==|=|<|>)?\s*v?(\d[\w.+!-]*)\s*(?:,|&&|\band\b|\|)?")
_WORDS = (
    (re.compile(r"\b(?:versions?|releases?)\b", re.IGNORECASE), ""),
    (re.compile(r"\b(?:before|prior to|earlier than|lower than|below)\b", re.IGNORECASE), "<"),
    (re.compile(r"\b(?:up to(?: and including)?|through)\b", re.IGNORECASE), "<="),
)
_MAX_CHARS = 2000
FINAL = re.compile(r"v?(?:\d+!)?\d+(?:\.\d+)*(?:\.post\d+)?")
"""Releases that are no pre-releases; other registries' spellings of those have letters too."""


class Version(Protocol):
    """A version that compares with versions of its own ecosystem."""

    def __lt__(self, other: Self, /) -> bool: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Bound:
    """One comparator of a range."""

    comparator: str
    """`=`, `<`, `<=`, `>` or `>=`."""
    version: Version


@dataclass(frozen=True, kw_only=True, slots=True)
class Range:
    """A stated set of versions: an exact version, a list, or spans."""

    bounds: tuple[Bound, ...]
    everything: bool = False
    """True for "all versions"."""
    _spans: vers.VersionRange

    @property
    def enumerated(self) -> bool:
        """Say whether it only lists single versions."""
        return not self.everything and all(bound.comparator == "=" for bound in self.bounds)

    @property
    def lowest(self) -> Version | None:
        """The lowest version inside, or None when the range is open below."""
        starts = [b.version for b in self.bounds if b.comparator in {"=", ">", ">="}]
        if self.everything or not starts:
            return None
        low = lowest(starts)
        opens_below = any(b.comparator in {"<", "<="} and not low < b.version for b in self.bounds)
        return None if opens_below else low

    def __contains__(self, version: Version) -> bool:
        """Say whether a version of the same ecosystem is inside."""
        return self._spans.contains(str(version))


def parse_version(kind: str, text: str) -> Version | None:
    """Read one version of a package URL type, or give None when it is not one.

    >>> parse_version("pypi", "4.x") is None
    True
    """
    text = text.strip()
    scheme = vers.scheme_of(kind)
    if scheme is None or vers.fault_of(scheme, text) is not None:
        return None
    return vers.ordered(scheme, text.removeprefix("v"))


def parse_range(kind: str, text: str) -> Range | None:
    """Read a vers range, comparators, a plain version or a plain phrase ("before 2.4")."""
    text = text.strip()
    scheme = vers.scheme_of(kind)
    if len(text) > _MAX_CHARS or scheme is None:
        return None
    try:
        return _range(_constraints(kind, scheme, text))
    except vers.VersError:
        return None


def _constraints(kind: str, scheme: str, text: str) -> vers.VersionRange:
    """Read any of the notations.

    Raises: VersError when a part of the text is none.
    """
    if text.startswith("vers:"):
        stated = vers.parse(text)
        if stated.scheme != scheme:
            raise vers.VersError("range of another registry")
        return stated
    if text.lower() in {"*", "all", "all versions"}:
        return vers.build(scheme, [vers.Constraint(comparator="*")])
    for word, sign in _WORDS:
        text = word.sub(sign, text)
    found = _comparators(text)
    if any(parse_version(kind, version) is None for _, version in found):
        raise vers.VersError("not a version")
    return vers.build(
        scheme, [vers.Constraint(comparator=sign, version=version) for sign, version in found]
    )


def _range(stated: vers.VersionRange) -> Range:
    everything = any(one.comparator == "*" for one in stated.constraints)
    bounds = tuple(
        Bound(comparator=one.comparator, version=vers.ordered(stated.scheme, one.version))
        for one in stated.constraints
        if not everything
    )
    return Range(bounds=bounds, everything=everything, _spans=stated)


def _comparators(text: str) -> list[tuple[str, str]]:
    """Split into comparator and version; empty when anything is left over."""
    found: list[tuple[str, str]] = []
    position = 0
    while position < len(text):
        match = _COMPARATOR.match(text, position)
        if match is None:
            return []
        sign = match[1] or ""
        found.append(("=" if sign in {"", "=="} else sign, match[2]))
        position = match.end()
    return found


def lowest(versions: Iterable[Version]) -> Version:
    """Return the lowest of at least one version."""
    return reduce(min, versions)


def highest(versions: Iterable[Version]) -> Version:
    """Return the highest of at least one version."""
    return reduce(max, versions)


def major(version: Version) -> int | None:
    """Return the first number of a version, or None when it has none."""
    found = re.match(r"(?:\d+!)?(\d+)", str(version))
    return None if found is None else int(found[1])
