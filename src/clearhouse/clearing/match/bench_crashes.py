"""Measures the comparison of crashes on a file of pairs whose answers are known.

In comes a file of lines `{"type": "report", ...}` with a type of crash and frames, and pairs with a
label, out comes how well pairs and lists are judged, beside the rule that fuzzing services publish.
Dates are not used.

Source of the other rule: ClusterFuzz, two frames in common in the same order, or a mean similarity
of the frames above 0.8.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

from clearhouse.clearing.match.bench import lines
from clearhouse.clearing.match.crashes import (
    CrashCounts,
    CrashSketch,
    compare_crashes,
    crash_counts,
    crash_model,
    crash_sketch,
    in_order,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class CrashPair:
    """Two crashes of one project with what the comparison sees."""

    later: str
    earlier: str
    project: str
    numbers: tuple[float, ...]
    rule: bool
    """What the published rule says."""
    same: bool


def crash_pairs(path: Path) -> list[CrashPair]:
    """Read the pairs of a file and compare them."""
    given = list(lines(path))
    reports = {line["rid"]: line for line in given if line["type"] == "report"}
    sketches = {rid: crash_sketch(r["crash_type"], r["frames"]) for rid, r in reports.items()}
    projects: defaultdict[str, list[CrashSketch]] = defaultdict(list)
    for rid, one in sketches.items():
        projects[reports[rid]["project"]].append(one)
    counts = {project: crash_counts(some) for project, some in projects.items()}
    anywhere = crash_counts(sketches.values())
    return [
        _pair(line, reports, sketches, counts, anywhere) for line in given if line["type"] == "pair"
    ]


def published_rule(one: Sequence[str], other: Sequence[str]) -> bool:
    """Say what the published rule says about two stacks."""
    if in_order(one, other) >= 2:
        return True
    ratios = [SequenceMatcher(None, a, b).ratio() for a, b in zip(one, other, strict=False)]
    return bool(ratios) and sum(ratios) / max(len(one), len(other)) > 0.8


def run_crashes(path: Path) -> dict[str, Any]:
    """Measure the comparison of crashes beside the published rule."""
    model = crash_model()
    pairs = crash_pairs(path)
    scores = model.scores([pair.numbers for pair in pairs])
    said = [(score >= model.same_at, pair.same) for score, pair in zip(scores, pairs, strict=True)]
    return {
        "model": model.name,
        "pairs": len(pairs),
        "ours": measured(said),
        "published_rule": measured([(pair.rule, pair.same) for pair in pairs]),
        "bands": [
            {"from": low, "stated": stated, **_precision(scores, pairs, low)}
            for low, stated in model.bands
        ],
        **among_first_ten(pairs, scores),
    }


def measured(said: Sequence[tuple[bool, bool]]) -> dict[str, float]:
    """Return precision, recall and F1 of answers (said the same, is the same)."""
    right = sum(yes and same for yes, same in said)
    called, same = sum(yes for yes, _ in said), sum(same for _, same in said)
    return {
        "precision": round(right / max(called, 1), 4),
        "recall": round(right / max(same, 1), 4),
        "f1": round(2 * right / max(called + same, 1), 4),
    }


def among_first_ten(pairs: Sequence[CrashPair], scores: Sequence[float]) -> dict[str, Any]:
    """Return how often an earlier report of the same bug is among the ten best of its project."""
    lists: defaultdict[str, list[tuple[float, bool]]] = defaultdict(list)
    for pair, score in zip(pairs, scores, strict=True):
        lists[pair.later].append((score, pair.same))
    asked = [sorted(some, reverse=True) for some in lists.values() if any(s for _, s in some)]
    hits = sum(any(same for _, same in some[:10]) for some in asked)
    return {"duplicates": len(asked), "recall@10": round(hits / max(len(asked), 1), 4)}


def _precision(
    scores: Sequence[float], pairs: Sequence[CrashPair], low: float
) -> dict[str, float | int | None]:
    inside = [pair.same for score, pair in zip(scores, pairs, strict=True) if score >= low]
    measured_share = round(sum(inside) / len(inside), 4) if inside else None
    return {"measured": measured_share, "pairs": len(inside)}


def _pair(
    line: Mapping[str, Any],
    reports: Mapping[str, Any],
    sketches: Mapping[str, CrashSketch],
    counts: Mapping[str, CrashCounts],
    anywhere: CrashCounts,
) -> CrashPair:
    one, other = sorted((line["a"], line["b"]), key=lambda rid: (reports[rid]["seq"], rid))
    project = reports[one]["project"]
    return CrashPair(
        later=other,
        earlier=one,
        project=project,
        numbers=tuple(compare_crashes(sketches[one], sketches[other], counts[project], anywhere)),
        rule=published_rule(reports[one]["frames"], reports[other]["frames"]),
        same=bool(line["label"]),
    )
