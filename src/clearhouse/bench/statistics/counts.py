"""How many per day, from a count over some days.

In: a count, or one for each day, and the days. Out: the rate with its interval. The exact interval
holds for events that come one by one; counts of days that differ more than that widen it by
resampling the days. Nothing seen in D days is not "none": up to 3/D a day remain possible.
Source: Garwood 1936 (exact interval of a Poisson mean); Hanley and Lippman-Hand 1983 (rule of
three); DLMF §8.11, §8.9 (incomplete gamma).
"""

import math
import random
from collections.abc import Sequence

from clearhouse.bench.statistics.bootstrap import percentiles
from clearhouse.bench.statistics.intervals import Interval

_STEPS, _CLOSE, _MOST = 200, 1e-13, 100_000
_DRAWS = 1999


def poisson_interval(count: int, days: float, confidence: float = 0.95) -> Interval:
    """Return the exact interval of a rate per day.

    Nothing seen gives the one-sided bound, about 3/D at 95 %. Raises: ValueError without time.
    """
    if days <= 0 or count < 0:
        raise ValueError("a rate needs time in which something could have happened")
    tail = (1 - confidence) / 2
    if count == 0:
        return Interval(low=0.0, high=-math.log(1 - confidence) / days, confidence=confidence)
    low = _quantile(tail, count)
    high = _quantile(1 - tail, count + 1)
    return Interval(low=low / days, high=high / days, confidence=confidence)


def daily_interval(counts: Sequence[int], days: float, confidence: float = 0.95) -> Interval:
    """Return the wider of the exact interval and that of resampled days."""
    exact = poisson_interval(sum(counts), days, confidence)
    if len(counts) < 3 or not sum(counts):
        return exact
    draw = random.Random(len(counts))  # noqa: S311 - a bootstrap, not a secret
    scale = len(counts) / days
    means = sorted(
        scale * sum(draw.choices(counts, k=len(counts))) / len(counts) for _ in range(_DRAWS)
    )
    spread = percentiles(means, confidence)
    return Interval(
        low=min(exact.low, spread.low), high=max(exact.high, spread.high), confidence=confidence
    )


def _quantile(probability: float, shape: int) -> float:
    """Return the quantile of a gamma variable of scale 1."""
    low, high = 0.0, shape + 10 * math.sqrt(shape) + 20
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if gamma_cdf(middle, shape) < probability:
            low = middle
        else:
            high = middle
        if high - low < _CLOSE * high:
            break
    return (low + high) / 2


def gamma_cdf(x: float, shape: float) -> float:
    """Return the probability that a gamma variable of scale 1 is at most `x`."""
    if x <= 0:
        return 0.0
    front = math.exp(shape * math.log(x) - x - math.lgamma(shape))
    if x < shape + 1:
        term = total = 1 / shape
        for step in range(1, _MOST):
            term *= x / (shape + step)
            total += term
            if term < total * _CLOSE:
                break
        return min(1.0, front * total)
    return 1.0 - front * _fraction(x, shape)


def _fraction(x: float, shape: float) -> float:
    """Return the continued fraction of the upper tail, by Lentz's method."""
    tiny = 1e-300
    b = x + 1 - shape
    c, d = 1 / tiny, 1 / b
    value = d
    for step in range(1, _MOST):
        a = -step * (step - shape)
        b += 2
        d = 1 / (a * d + b or tiny)
        c = b + a / c or tiny
        value *= d * c
        if abs(d * c - 1) < _CLOSE:
            break
    return value
