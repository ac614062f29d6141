"""Compute every number that a log's header claims again from its samples.

In: samples, claimed numbers, and the log's own scores by item. Out: what does not agree, in words.
A metric that is not known here is not judged.
Source: Inspect `accuracy`, `mean`, `stderr`, `std`, `var`; reducers `mean`, `median`, `mode`,
`max`, `at_least_k`, `pass_at_k`; Chen et al. 2021 §2.1 (unbiased pass@k).
"""

import math
import re
import statistics
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from clearhouse.criteria.measure.record import Reported, Sample

_CLOSE = 1e-6
_MOST_NAMED = 5
_Numbers = Sequence[float]


@dataclass(frozen=True, kw_only=True, slots=True)
class Reduced:
    """The score of one item over its epochs, as a log keeps it."""

    scorer: str
    reducer: str | None
    item: str
    parts: Mapping[str, float | None]


def disagreements(
    samples: Sequence[Sample],
    reported: Sequence[Reported],
    reduced: Sequence[Reduced],
    declared_total: int | None,
) -> tuple[str, ...]:
    """Return what header, reductions and samples do not agree about."""
    found = [*_repeated(samples), *_broken_inside(samples)]
    if declared_total is not None and declared_total != len(samples):
        found.append(f"the header counts {declared_total} samples, the log holds {len(samples)}")
    for one in reported:
        value = recomputed(one, samples)
        if value is not None and not _same(one.value, value):
            found.append(
                f"the header says {one.metric} {_shown(one.value)} for {one.scorer}, "
                f"its samples say {_shown(value)}"
            )
    return (*found, *_unlike_reductions(samples, reduced))


def recomputed(one: Reported, samples: Iterable[Sample]) -> float | None:
    """Return what a claimed metric is by the samples; None when it cannot be computed here."""
    metric, reduce = _METRICS.get(one.metric.rsplit("/", 1)[-1]), reducer(one.reducer)
    if metric is None or reduce is None:
        return None
    by_item = _by_item(samples, one.scorer)
    return metric([reduce(scores) for scores in by_item.values()]) if by_item else None


def reducer(name: str | None) -> Callable[[_Numbers], float] | None:
    """Return the function that makes one score of an item's epochs; None for an unknown name."""
    if name in _REDUCERS:
        return _REDUCERS[name]
    counted = re.fullmatch(r"(pass_at|at_least|pass_k)_?(\d{1,4})", name or "")
    if counted is None:
        return None
    kind, k = counted[1], int(counted[2])
    if kind == "at_least":
        return lambda scores: float(sum(score >= 1 for score in scores) >= k)
    return (lambda scores: _pass_at(scores, k)) if kind == "pass_at" else None


def _by_item(samples: Iterable[Sample], scorer: str) -> dict[str, list[float]]:
    found: dict[str, list[float]] = defaultdict(list)
    for sample in samples:
        value = sample.scores.get(scorer)
        if value is not None:
            found[sample.id].append(value)
    return found


def _pass_at(scores: _Numbers, k: int) -> float:
    total, correct = len(scores), sum(score >= 1 for score in scores)
    if total - correct < k:
        return 1.0
    return 1.0 - math.comb(total - correct, k) / math.comb(total, k)


def _deviation(scores: _Numbers) -> float:
    return statistics.stdev(scores) if len(scores) > 1 else 0.0


_METRICS: Mapping[str, Callable[[_Numbers], float]] = {
    "accuracy": statistics.fmean,
    "mean": statistics.fmean,
    "stderr": lambda scores: _deviation(scores) / math.sqrt(len(scores)),
    "std": _deviation,
    "var": lambda scores: _deviation(scores) ** 2,
}
_REDUCERS: Mapping[str | None, Callable[[_Numbers], float]] = {
    None: statistics.fmean,
    "mean": statistics.fmean,
    "median": statistics.median,
    "mode": statistics.mode,
    "max": max,
}


def _repeated(samples: Sequence[Sample]) -> list[str]:
    """Name samples that are in the log twice, by name or by content."""
    keys = {(sample.id, sample.epoch) for sample in samples}
    runs = {_run_of(sample) for sample in samples}
    found = []
    if len(keys) != len(samples):
        found.append(f"{len(samples) - len(keys)} samples repeat an item and epoch")
    elif len(runs) != len(samples):
        found.append(f"{len(samples) - len(runs)} samples repeat a run of another epoch")
    return found


def _run_of(sample: Sample) -> str:
    """Name the run behind a sample: what no two runs share."""
    return sample.run or f"{sample.id}/{sample.epoch}"


def _broken_inside(samples: Sequence[Sample]) -> list[str]:
    broken = [sample for sample in samples if sample.faults]
    named = [f"{sample.id} epoch {sample.epoch}: {sample.faults[0]}" for sample in broken]
    more = [f"and {len(named) - _MOST_NAMED} samples more"] if len(named) > _MOST_NAMED else []
    return named[:_MOST_NAMED] + more


def _unlike_reductions(samples: Sequence[Sample], reduced: Sequence[Reduced]) -> list[str]:
    by_scorer: dict[str, dict[str, list[float]]] = {}
    unlike = 0
    for one in reduced:
        reduce = reducer(one.reducer)
        for part, value in one.parts.items():
            if part not in by_scorer:
                by_scorer[part] = _by_item(samples, part)
            scores = by_scorer[part].get(one.item)
            if reduce is not None and value is not None:
                unlike += not scores or not _same(value, reduce(scores))
    return [f"{unlike} items have other scores than the log's reductions say"] if unlike else []


def _same(claimed: float | None, computed: float) -> bool:
    return claimed is not None and math.isclose(claimed, computed, rel_tol=_CLOSE, abs_tol=_CLOSE)


def _shown(value: float | None) -> str:
    return "no finite number" if value is None else f"{value:.6g}"
