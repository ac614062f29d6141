"""How long a task people need for, at which the model still succeeds half (or four fifths) of it.

In: tasks with the logarithm of human minutes, attempts and successes. Out: minutes at which a
logistic curve crosses the wanted reliability; None when success does not fall with length, since
then no horizon exists in these tasks.
Source: Kwa et al. 2025, arXiv 2503.14499 §3 (logistic in the logarithm of human time).
"""

import math
from collections.abc import Sequence

from clearhouse.bench.statistics.bootstrap import Task

_STEPS = 50
_RIDGE = 1e-3
"""A little pull towards a flat curve, so that perfect separation still has one."""
_CLOSE = 1e-9
_LONGEST_LOG = 40.0


def horizon(tasks: Sequence[Task], reliability: float) -> float | None:
    """Return the horizon in minutes; tasks carry log2 of minutes."""
    fit = _fit(tasks)
    if fit is None:
        return None
    level, slope = fit
    if slope >= -1e-6:
        return None
    at = (math.log(reliability / (1 - reliability)) - level) / slope
    return math.exp2(max(-_LONGEST_LOG, min(_LONGEST_LOG, at)))


def _fit(tasks: Sequence[Task]) -> tuple[float, float] | None:
    """Return level and slope of the logistic curve by Newton's method."""
    if len({covariate for covariate, _, _ in tasks}) < 2:
        return None
    level = slope = 0.0
    for _ in range(_STEPS):
        step = _step(tasks, level, slope)
        if step is None:
            return None
        level, slope = level + step[0], slope + step[1]
        if abs(step[0]) + abs(step[1]) < _CLOSE:
            break
    return level, slope


def _step(tasks: Sequence[Task], level: float, slope: float) -> tuple[float, float] | None:
    g0, g1 = -_RIDGE * level, -_RIDGE * slope
    h00 = h11 = _RIDGE
    h01 = 0.0
    for covariate, attempts, successes in tasks:
        rate = _logistic(level + slope * covariate)
        gap, weight = successes - attempts * rate, attempts * rate * (1 - rate)
        g0 += gap
        g1 += gap * covariate
        h00 += weight
        h01 += weight * covariate
        h11 += weight * covariate * covariate
    determinant = h00 * h11 - h01 * h01
    if determinant <= 0:
        return None
    up = (h11 * g0 - h01 * g1) / determinant
    along = (h00 * g1 - h01 * g0) / determinant
    largest = max(abs(up), abs(along))
    shrink = min(1.0, 5.0 / largest) if largest else 1.0  # no leaps out of the flat parts
    return up * shrink, along * shrink


def _logistic(value: float) -> float:
    if value >= 0:
        return 1 / (1 + math.exp(-min(value, 700)))
    grown = math.exp(max(value, -700))
    return grown / (1 + grown)
