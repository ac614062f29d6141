"""Before a criterion is adopted, say how often it will decide so, if the truth is so.

In: a criterion whose thresholds are open. Out: an operating curve for each metric: the probability
of COVERED (and of the score side of NOT_COVERED) against the true rate, under the plan that the
criterion states. With one attempt an item, or about these very items, the curve is exact; with
several attempts at items that differ it is simulated, items scattering by a beta distribution of
the given likeness. Gates are taken as passed. Horizons are not simulated: their curve depends on
the lengths of tasks, which no criterion states.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from clearhouse.bench.statistics import sequential
from clearhouse.bench.statistics.clusters import clustered
from clearhouse.bench.statistics.passing import all_of_k, pass_at_k
from clearhouse.bench.statistics.power import at_least, at_most, successes_needed
from clearhouse.criteria.define.record import Criterion, Metric, Population, Sealed, Statistic

POINTS = 41
_DRAWS = 400
_SEED = 20260401


class NotSimulatedError(ValueError):
    """This criterion has no curve; the message says why."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Point:
    """One true rate, and what a criterion would say of it."""

    rate: float
    covered: float
    not_covered: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Curve:
    """What one metric of a criterion does."""

    metric: str
    threshold: float
    items: int
    attempts: int
    how: str
    """`exact`, or how it was simulated."""
    points: tuple[Point, ...]


def simulate(
    criterion: Criterion, *, likeness: float = 0.3, points: int = POINTS
) -> tuple[Curve, ...]:
    """Return the curve of every metric; each decides alone, at its share of the error.

    `likeness` is the correlation of attempts at one item, from 0 to below 1.
    Raises: NotSimulatedError.
    """
    metrics = criterion.metrics
    if not metrics:
        raise NotSimulatedError("the criterion has declared facts only; they are true or not")
    if not 0 <= likeness < 1:
        raise NotSimulatedError("likeness lies from 0 to below 1")
    rates = [place / (points - 1) for place in range(points)]
    return tuple(_curve(metric, criterion, rates, likeness) for metric in metrics)


def _curve(metric: Metric, criterion: Criterion, rates: Sequence[float], likeness: float) -> Curve:
    if isinstance(metric.above, Sealed):
        raise NotSimulatedError(f"{metric.id}.above is sealed; open it to simulate")
    if metric.estimand.statistic is Statistic.HORIZON:
        raise NotSimulatedError(
            f"{metric.id} is a horizon; its curve depends on the tasks' lengths"
        )
    benchmark = criterion.benchmarks[metric.benchmark]
    threshold, alpha = metric.above, criterion.alpha
    independent = metric.estimand.statistic is Statistic.PASS_1 and (
        benchmark.attempts == 1 or metric.estimand.population is Population.BENCHMARK
    )
    if criterion.sequential:
        how = f"{_DRAWS} simulated runs, looking after every item"
        found = [_sequential(rate, benchmark.items, threshold, alpha) for rate in rates]
    elif independent:
        how = "exact"
        trials = benchmark.items * benchmark.attempts
        found = [_exact(rate, trials, threshold, alpha) for rate in rates]
    else:
        how = f"{_DRAWS} simulated runs, attempts at one item alike by {likeness:g}"
        found = [
            _simulated(metric, rate, benchmark.items, benchmark.attempts, alpha, likeness)
            for rate in rates
        ]
    return Curve(
        metric=metric.id,
        threshold=threshold,
        items=benchmark.items,
        attempts=benchmark.attempts,
        how=how,
        points=tuple(found),
    )


def _exact(rate: float, trials: int, threshold: float, alpha: float) -> Point:
    needed = successes_needed(trials, threshold, alpha)
    failures = successes_needed(trials, 1 - threshold, alpha)
    return Point(
        rate=rate,
        covered=0.0 if needed is None else at_least(needed, trials, rate),
        not_covered=0.0 if failures is None else at_most(trials - failures, trials, rate),
    )


def _simulated(
    metric: Metric, rate: float, items: int, attempts: int, alpha: float, likeness: float
) -> Point:
    draw = random.Random(f"{_SEED} {metric.id} {rate}")  # noqa: S311 - a simulation, not a secret
    covered = below = 0
    for _ in range(_DRAWS):
        counts = tuple(
            sum(draw.random() < item for _ in range(attempts))
            for item in (_item_rate(draw, rate, likeness) for _ in range(items))
        )
        over, under = _bounds(metric, tuple(sorted(counts)), attempts, alpha)
        covered += over
        below += under
    return Point(rate=rate, covered=covered / _DRAWS, not_covered=below / _DRAWS)


def _item_rate(draw: random.Random, rate: float, likeness: float) -> float:
    if not likeness or not 0 < rate < 1:
        return rate
    size = 1 / likeness - 1
    return draw.betavariate(rate * size, (1 - rate) * size)


@lru_cache(maxsize=20_000)
def _bounds(
    metric: Metric, counts: tuple[int, ...], attempts: int, alpha: float
) -> tuple[bool, bool]:
    estimand, threshold = metric.estimand, metric.above
    if isinstance(threshold, Sealed):
        raise AssertionError(metric.id)  # noqa: TRY004 - refused before
    if estimand.statistic is Statistic.PASS_1:
        groups = [[1.0] * hits + [0.0] * (attempts - hits) for hits in counts]
    else:
        number = pass_at_k if estimand.statistic is Statistic.PASS_K else all_of_k
        groups = [[number(attempts, hits, estimand.k)] for hits in counts]
    held = clustered(groups).interval(1 - 2 * alpha)
    return held.low > threshold, held.high < threshold


def _sequential(rate: float, items: int, threshold: float, alpha: float) -> Point:
    draw = random.Random(f"{_SEED} {rate}")  # noqa: S311 - a simulation, not a secret
    covered = below = 0
    for _ in range(_DRAWS):
        hits, over, under = 0, False, False
        for n in range(1, items + 1):
            hits += draw.random() < rate
            over |= sequential.p_value(sequential.log_evidence_above(hits, n, threshold)) <= alpha
            under |= sequential.p_value(sequential.log_evidence_below(hits, n, threshold)) <= alpha
            if over or under:
                break
        covered += over
        below += under
    return Point(rate=rate, covered=covered / _DRAWS, not_covered=below / _DRAWS)
