"""Estimate one number of one log, with its intervals and how surely it clears a threshold.

In: a metric, its benchmark, one log, and the criterion's confidence. Out: an `Estimate`: the value,
the exact interval that decides, the ones to show, and p-values for both directions. Attempts that
broke count as failures when the question is "above" and as successes when it is "below", so that a
decision holds whatever they would have been. Refused with `NotEstimableError`: too few attempts,
no human minutes, scores that cannot be averaged.
"""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from clearhouse.bench.statistics import intervals, sequential
from clearhouse.bench.statistics.bootstrap import Task, bootstrap, percentiles
from clearhouse.bench.statistics.clusters import clustered
from clearhouse.bench.statistics.horizon import horizon
from clearhouse.bench.statistics.passing import all_of_k, pass_at_k
from clearhouse.criteria.define.record import Benchmark, Metric, Population, Statistic
from clearhouse.criteria.measure.record import Evidence, Sample

_RESAMPLES = 999
_MOST_LOOKS = 400


class NotEstimableError(ValueError):
    """The log cannot answer the question; the message says what is missing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Estimate:
    """One number of one log."""

    evidence: str
    """SHA-256 of the log."""
    scaffold: str
    value: float
    """Attempts that broke left out."""
    low: float
    """Lower end of the deciding interval, attempts that broke as failures."""
    high: float
    """Upper end, attempts that broke as successes."""
    shown: tuple[tuple[str, float, float], ...]
    """Other intervals by name, for people; they decide nothing."""
    attempts: int
    items: int
    clusters: float
    """Independent groups: families where they are known, else items."""
    effective: float
    """What the attempts are worth as independent ones."""
    broke: int
    method: str
    p_above: float | None
    """Against a true value at or below the threshold; None without one."""
    p_below: float | None
    p_alert: float | None
    """As `p_above`, for the alert threshold."""


class _Claims(Protocol):
    """What answers how surely a mean clears a threshold."""

    def p_above(self, threshold: float) -> float: ...

    def p_below(self, threshold: float) -> float: ...


def estimate(
    metric: Metric,
    benchmark: Benchmark,
    log: Evidence,
    *,
    alpha: float,
    looks: bool,
) -> Estimate:
    """Return the estimate; the metric's thresholds must be in the open.

    `looks` says that results were seen during the run.
    Raises: NotEstimableError.
    """
    usable = [one for one in log.samples if one.errored or _score(one, benchmark) is not None]
    if not any(not one.errored for one in usable):
        raise NotEstimableError("no attempt has a score")
    if metric.estimand.statistic is Statistic.HORIZON:
        return _horizon(metric, benchmark, log, usable, alpha)
    try:
        if looks:
            return _sequential(metric, benchmark, log, usable, alpha)
        return _fixed(metric, benchmark, log, usable, alpha)
    except ValueError as error:
        raise NotEstimableError(str(error)) from error


def _fixed(
    metric: Metric, benchmark: Benchmark, log: Evidence, usable: Sequence[Sample], alpha: float
) -> Estimate:
    apart = _apart(metric, log)
    low, high, middle = (
        clustered(_groups(metric, benchmark, usable, broken, apart=apart))
        for broken in (0.0, 1.0, None)
    )
    confidence = 1 - 2 * alpha
    size = middle.size(alpha)
    hits = min(middle.mean * size, size)
    return _estimate(
        metric,
        log,
        usable,
        value=middle.mean,
        low=low.interval(confidence).low,
        high=high.interval(confidence).high,
        shown=tuple(
            (name, shown.low, shown.high)
            for name, shown in (
                ("Wilson", intervals.wilson(hits, size, confidence)),
                ("Jeffreys", intervals.jeffreys(hits, size, confidence)),
            )
        ),
        clusters=middle.groups,
        effective=size,
        method="Clopper-Pearson" + ("" if apart else " on effective trials"),
        above=low,
        below=high,
    )


def _estimate(
    metric: Metric,
    log: Evidence,
    usable: Sequence[Sample],
    *,
    value: float,
    low: float,
    high: float,
    shown: tuple[tuple[str, float, float], ...],
    clusters: float,
    effective: float,
    method: str,
    above: _Claims,
    below: _Claims,
) -> Estimate:
    threshold, alert = _open(metric.above), _open(metric.alert_above)
    return Estimate(
        evidence=log.sha256,
        scaffold=log.scaffold,
        value=value,
        low=low,
        high=high,
        shown=shown,
        attempts=len(usable),
        items=len({one.id for one in usable}),
        clusters=clusters,
        effective=effective,
        broke=sum(1 for one in usable if one.errored),
        method=method,
        p_above=None if threshold is None else above.p_above(threshold),
        p_below=None if threshold is None else below.p_below(threshold),
        p_alert=None if alert is None else above.p_above(alert),
    )


def _groups(
    metric: Metric,
    benchmark: Benchmark,
    usable: Sequence[Sample],
    broken: float | None,
    *,
    apart: bool,
) -> list[list[float]]:
    """Return scores in groups that resemble each other; broken attempts score `broken` or not."""
    by_item: dict[str, list[float]] = defaultdict(list)
    family = {one.id: one.family for one in usable}
    for one in usable:
        score = broken if one.errored else _score(one, benchmark)
        if score is not None:
            by_item[one.id].append(score)
    values = {item: _item_values(metric, scores) for item, scores in by_item.items()}
    if apart:
        return [[score] for scores in values.values() for score in scores]
    if None in family.values() or len(set(family.values())) < 2:
        return list(values.values())
    by_family: dict[str | None, list[float]] = defaultdict(list)
    for item, scores in values.items():
        by_family[family[item]] += scores
    return list(by_family.values())


def _item_values(metric: Metric, scores: Sequence[float]) -> list[float]:
    """Return what one item contributes: each attempt, or one number of all its attempts."""
    estimand = metric.estimand
    if estimand.statistic is Statistic.PASS_1:
        return list(scores)
    if len(scores) < estimand.k:
        raise NotEstimableError(
            f"{estimand.statistic} with k={estimand.k} needs {estimand.k} attempts at each item, "
            f"an item has {len(scores)}"
        )
    successes = sum(score >= 1 for score in scores)
    count = pass_at_k if estimand.statistic is Statistic.PASS_K else all_of_k
    return [count(len(scores), successes, estimand.k)]


def _apart(metric: Metric, log: Evidence) -> bool:
    """Return whether attempts are independent trials of what is asked.

    About these very items they are, and unequal items only make the binomial bound wider than need
    be (Hoeffding 1956), unless the model answers the same every time.
    """
    return (
        metric.estimand.population is Population.BENCHMARK
        and metric.estimand.statistic is Statistic.PASS_1
        and log.generation.get("temperature") != 0
    )


@dataclass(frozen=True, slots=True)
class _Looks:
    """Successes and trials at every look."""

    path: tuple[tuple[float, int], ...]

    def p_above(self, threshold: float) -> float:
        """Return the p-value that holds at any look."""
        return self._p(sequential.log_evidence_above, threshold)

    def p_below(self, threshold: float) -> float:
        """As `p_above`, for the other direction."""
        return self._p(sequential.log_evidence_below, threshold)

    def _p(self, evidence: "_Evidence", threshold: float) -> float:
        if not 0 < threshold < 1:
            return 1.0
        return sequential.p_value(max(evidence(hits, n, threshold) for hits, n in self.path))


class _Evidence(Protocol):
    def __call__(self, successes: float, trials: float, threshold: float) -> float: ...


def _sequential(
    metric: Metric, benchmark: Benchmark, log: Evidence, usable: Sequence[Sample], alpha: float
) -> Estimate:
    """Take the first attempt at each item, in the order in which they ended."""
    if metric.estimand.statistic is not Statistic.PASS_1:
        raise NotEstimableError("with looks during the run, only pass@1 can be decided")
    if any(one.ended_at is None for one in usable):
        raise NotEstimableError("samples do not say when they ended, so looks cannot be replayed")
    first: dict[str, Sample] = {}
    for one in sorted(usable, key=lambda one: (one.ended_at or "", one.id)):
        first.setdefault(one.id, one)
    attempts = list(first.values())
    low, high = (_path(attempts, benchmark, broken) for broken in (0.0, 1.0))
    (low_hits, n), (high_hits, _) = low.path[-1], high.path[-1]
    scores = [
        s for one in attempts if not one.errored and (s := _score(one, benchmark)) is not None
    ]
    if not scores:
        raise NotEstimableError("no attempt has a score")
    return _estimate(
        metric,
        log,
        attempts,
        value=sum(scores) / len(scores),
        low=sequential.lower_bound(low_hits, n, alpha),
        high=sequential.upper_bound(high_hits, n, alpha),
        shown=(),
        clusters=float(n),
        effective=float(n),
        method="beta-mixture confidence sequence, valid at every look",
        above=low,
        below=high,
    )


def _path(attempts: Sequence[Sample], benchmark: Benchmark, broken: float) -> _Looks:
    every = max(1, math.ceil(len(attempts) / _MOST_LOOKS))
    hits, path = 0.0, []
    for n, one in enumerate(attempts, start=1):
        score = broken if one.errored else _score(one, benchmark)
        if score is None or not 0 <= score <= 1:
            raise NotEstimableError("a score lies outside 0 to 1; scale it first")
        hits += score
        if n % every == 0 or n == len(attempts):
            path.append((hits, n))
    return _Looks(tuple(path))


@dataclass(frozen=True, slots=True)
class _Resampled:
    """Horizons of resampled tasks, sorted; where no horizon exists, none is counted for."""

    values: Sequence[float]
    draws: int

    def p_above(self, threshold: float) -> float:
        """Return the share of draws at or below the threshold."""
        return (self.draws - sum(value > threshold for value in self.values) + 1) / (self.draws + 1)

    def p_below(self, threshold: float) -> float:
        """Return the share of draws at or above the threshold."""
        return (self.draws - sum(value < threshold for value in self.values) + 1) / (self.draws + 1)


def _horizon(
    metric: Metric, benchmark: Benchmark, log: Evidence, usable: Sequence[Sample], alpha: float
) -> Estimate:
    reliability = metric.estimand.reliability
    if reliability is None:  # the reader of criteria demands it
        raise AssertionError(metric.id)
    if any(not one.minutes for one in usable):
        raise NotEstimableError("a horizon needs the human minutes of every item")

    def number(tasks: Sequence[Task]) -> float | None:
        return horizon(tasks, reliability)

    middle = number([task for tasks in _tasks(usable, benchmark, None).values() for task in tasks])
    if middle is None:
        raise NotEstimableError("success does not fall with the length of tasks: no horizon here")
    low, high = (
        _Resampled(
            bootstrap(_tasks(usable, benchmark, broken), number, count=_RESAMPLES), _RESAMPLES
        )
        for broken in (0, 1)
    )
    if not low.values or not high.values:
        raise NotEstimableError("no resample of the tasks has a horizon")
    confidence = 1 - 2 * alpha
    families = {one.family or one.id for one in usable}
    return _estimate(
        metric,
        log,
        usable,
        value=middle,
        low=percentiles(low.values, confidence).low,
        high=percentiles(high.values, confidence).high,
        shown=(),
        clusters=float(len(families)),
        effective=float(len(families)),
        method="hierarchical bootstrap over family, task and attempt",
        above=low,
        below=high,
    )


def _tasks(
    usable: Sequence[Sample], benchmark: Benchmark, broken: int | None
) -> Mapping[str, list[Task]]:
    """Return tasks by family, each with log2 of minutes, attempts and successes."""
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    about = {one.id: one for one in usable}
    for one in usable:
        hit = broken if one.errored else int((_score(one, benchmark) or 0.0) >= 1)
        if hit is not None:
            counts[one.id][0] += 1
            counts[one.id][1] += hit
    families: dict[str, list[Task]] = defaultdict(list)
    for item, (attempts, hits) in counts.items():
        sample = about[item]
        families[sample.family or item].append((math.log2(sample.minutes or 1), attempts, hits))
    return families


def _score(sample: Sample, benchmark: Benchmark) -> float | None:
    return sample.scores.get(benchmark.scorer)


def _open(value: object) -> float | None:
    return value if isinstance(value, float) else None
