"""Compares crashes that exact keys left apart: another frame on top, another access size.

In come two crashes of one project with the counts of what that project's crashes show, out come
numbers in a fixed order for a trained forest. Names are compared in parts, because a fix moves a
crash to a neighbour more often than to a stranger (`parse_header`, `parse_header_ext`).
"""

import gzip
import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from clearhouse.clearing.match.forest import Forest, ModelError, probability
from clearhouse.kernel import policy

TOP = 3
"""How many frames stand for a crash."""

_PART = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")
_ACCESS = re.compile(r"(READ|WRITE)(?: (\d+|\{\*\}))?")
_FAMILIES = (
    "overflow",
    "use-after-free",
    "uninit",
    "null",
    "leak",
    "timeout",
    "out-of-memory",
    "segv",
    "unknown",
    "double-free",
    "invalid-free",
    "abrt",
    "assert",
    "check",
)

FEATURES = (
    "parts",
    "parts of both",
    "parts anywhere",
    "rarest part",
    "rarest part anywhere",
    "frames",
    "frames weight",
    "rarest frame",
    "frames in order",
    "first and first",
    "first and second",
    "first and third",
    "second and second",
    "second and third",
    "third and third",
    "same type",
    "same family",
    "same access",
    "same size",
    "same top",
    "crashes known",
    "names alike",
    "scopes",
    "two in order",
    "rarity of parts",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class CrashSketch:
    """One crash as the comparison sees it."""

    type: str
    frames: tuple[str, ...]
    parts: tuple[frozenset[str], ...]
    """Parts of the name of each frame."""
    all_parts: frozenset[str]
    scopes: frozenset[str]
    """Namespaces and classes."""
    letters: frozenset[str]
    """Pieces of three letters of all names."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CrashCounts:
    """In how many crashes parts and frames occur."""

    crashes: int
    parts: Mapping[str, int]
    frames: Mapping[str, int]

    def part(self, name: str) -> float:
        """Return the weight of a part of a name."""
        return math.log((self.crashes + 5) / (self.parts.get(name, 0) + 0.5))

    def frame(self, name: str) -> float:
        """Return the weight of a frame."""
        return math.log((self.crashes + 5) / (self.frames.get(name, 0) + 0.5))


@dataclass(frozen=True, kw_only=True, slots=True)
class CrashModel:
    """Trained parameters for pairs of crashes."""

    name: str
    forest: Forest
    same_at: float
    """From this score on two crashes are called the same where a benchmark asks for yes or no."""
    bands: tuple[tuple[float, float], ...]
    """Score from which on, and share that was right there, from the surest band down."""
    provenance: Mapping[str, Any]

    def scores(self, pairs: Sequence[Sequence[float]]) -> list[float]:
        """Return between 0 and 1 how much two crashes look like one bug, for each pair."""
        rows = np.array(pairs, np.float64).reshape(len(pairs), len(FEATURES))
        return [probability(odds) for odds in self.forest.log_odds(rows).tolist()]


@cache
def crash_model(name: str = "crash-1") -> CrashModel:
    """Load a model of crashes.

    Raises: ModelError when it is missing or was made for other features.
    """
    path = policy.folder() / "match" / f"{name}.json.gz"
    try:
        document = json.loads(gzip.decompress(path.read_bytes()))
    except (OSError, ValueError) as error:
        raise ModelError(f"cannot read the model {path}: {error}") from error
    return CrashModel(
        name=f"{document['id']}/{document['version']}",
        forest=Forest.of(document["forest"], FEATURES),
        same_at=document["same_at"],
        bands=tuple((low, right) for low, right in document["bands"]),
        provenance=document["provenance"],
    )


def crash_sketch(crash_type: str, frames: Sequence[str]) -> CrashSketch:
    """Make the sketch of a crash from its type and its first telling frames."""
    top = tuple(frames[:TOP])
    parts = tuple(frozenset(p.lower() for p in _PART.findall(f) if len(p) > 1) for f in top)
    joined = "|".join(top).lower()
    return CrashSketch(
        type=crash_type,
        frames=top,
        parts=parts,
        all_parts=frozenset().union(*parts),
        scopes=frozenset(scope for f in top for scope in f.split("::")[:-1]),
        letters=frozenset(joined[i : i + 3] for i in range(len(joined) - 2)),
    )


def crash_counts(crashes: Iterable[CrashSketch]) -> CrashCounts:
    """Count what crashes show."""
    parts: Counter[str] = Counter()
    frames: Counter[str] = Counter()
    total = 0
    for crash in crashes:
        total += 1
        parts.update(crash.all_parts)
        frames.update(set(crash.frames))
    return CrashCounts(crashes=total, parts=parts, frames=frames)


def compare_crashes(
    a: CrashSketch, b: CrashSketch, project: CrashCounts, anywhere: CrashCounts
) -> list[float]:
    """Return the numbers of `FEATURES`; they are the same whichever crash comes first."""
    both, either = a.all_parts & b.all_parts, a.all_parts | b.all_parts
    frames = [project.frame(name) for name in set(a.frames) & set(b.frames)]
    weights = [project.part(part) for part in both]
    elsewhere = [anywhere.part(part) for part in both]
    access_a, access_b = _access(a.type), _access(b.type)
    order = in_order(a.frames, b.frames)
    return [
        sum(weights),
        _of(sum(weights), sum(map(project.part, either))),
        _of(sum(elsewhere), sum(map(anywhere.part, either))),
        max(weights, default=0.0),
        max(elsewhere, default=0.0),
        float(len(frames)),
        sum(frames),
        max(frames, default=0.0),
        float(order),
        *_frame_by_frame(a, b, project),
        float(a.type == b.type),
        float(_family(a.type) == _family(b.type)),
        float(access_a[0] == access_b[0]),
        float(access_a == access_b),
        float(a.frames[:1] == b.frames[:1]),
        float(project.crashes),
        _of(2 * len(a.letters & b.letters), len(a.letters) + len(b.letters)),
        float(len(a.scopes & b.scopes)),
        float(order >= 2),
        min(map(project.part, a.all_parts), default=0.0)
        + min(map(project.part, b.all_parts), default=0.0),
    ]


def in_order(one: Sequence[str], other: Sequence[str]) -> int:
    """Return how many frames two stacks have in common in the same order."""
    row = [0] * (len(other) + 1)
    for name in one:
        before = 0
        for place, counterpart in enumerate(other, 1):
            above = row[place]
            row[place] = before + 1 if name == counterpart else max(above, row[place - 1])
            before = above
    return row[-1]


def _frame_by_frame(a: CrashSketch, b: CrashSketch, project: CrashCounts) -> list[float]:
    return [
        max(_alike(a.parts, i, b.parts, j, project), _alike(a.parts, j, b.parts, i, project))
        for i in range(TOP)
        for j in range(i, TOP)
    ]


def _alike(
    one: Sequence[frozenset[str]],
    i: int,
    other: Sequence[frozenset[str]],
    j: int,
    project: CrashCounts,
) -> float:
    mine = one[i] if i < len(one) else frozenset()
    theirs = other[j] if j < len(other) else frozenset()
    return _of(sum(map(project.part, mine & theirs)), sum(map(project.part, mine | theirs)))


def _access(crash_type: str) -> tuple[str, str]:
    found = _ACCESS.search(crash_type)
    return (found[1], found[2] or "") if found else ("", "")


def _family(crash_type: str) -> str:
    lower = crash_type.lower()
    return next((family for family in _FAMILIES if family in lower), lower)


def _of(part: float, whole: float) -> float:
    return part / whole if whole > 0 else 0.0
