"""The distributions behind the intervals: beta and Student's t.

In: a point or a probability, and shape parameters greater than 0. Out: the cumulative probability
or the quantile, right to ten digits for shapes up to a million. Refused with `ValueError`: shapes
and probabilities out of range.
Source: NIST Digital Library of Mathematical Functions §8.17 (incomplete beta; 8.17.22 its
continued fraction), §8.17(iv); Lentz's method.
"""

import math
import statistics
from functools import lru_cache

_TINY = 1e-300
_CLOSE = 1e-15
_MOST_STEPS = 20_000
_NORMAL = statistics.NormalDist()


def normal_quantile(probability: float) -> float:
    """Return the standard normal quantile."""
    return _NORMAL.inv_cdf(probability)


def beta_cdf(x: float, a: float, b: float) -> float:
    """Return the probability that a beta variable of shapes `a` and `b` is at most `x`."""
    if a <= 0 or b <= 0:
        raise ValueError("a beta distribution needs shapes greater than 0")
    if x <= 0:
        return 0.0
    if x >= 1:
        return 1.0
    if x > (a + 1) / (a + b + 2):  # the fraction converges fast on the other side only
        return 1.0 - _lower_tail(1 - x, b, a)
    return _lower_tail(x, a, b)


def beta_sf(x: float, a: float, b: float) -> float:
    """Return the probability that it is more than `x`, exact where that is tiny."""
    return beta_cdf(1 - x, b, a)


def log_beta(a: float, b: float) -> float:
    """Return the logarithm of the beta function."""
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)


def _lower_tail(x: float, a: float, b: float) -> float:
    front = math.exp(a * math.log(x) + b * math.log1p(-x) - log_beta(a, b)) / a
    return min(1.0, front * _fraction(x, a, b))


def _fraction(x: float, a: float, b: float) -> float:
    c, d = 1.0, _away_from_zero(1 - (a + b) * x / (a + 1))
    d = 1 / d
    value = d
    for m in range(1, _MOST_STEPS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            d = 1 / _away_from_zero(1 + term * d)
            c = _away_from_zero(1 + term / c)
            step = c * d
            value *= step
        if abs(step - 1) < _CLOSE:
            return value
    raise ArithmeticError("the incomplete beta function did not converge")


def _away_from_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY


def beta_quantile(probability: float, a: float, b: float) -> float:
    """Return the point below which a beta variable lies with this probability."""
    if not 0 <= probability <= 1:
        raise ValueError("a probability lies between 0 and 1")
    if probability in {0, 1}:
        return float(probability)
    low, high, x = 0.0, 1.0, a / (a + b)
    for _ in range(200):
        excess = beta_cdf(x, a, b) - probability
        low, high = (low, x) if excess > 0 else (x, high)
        x_next = _newton(x, excess, a, b)
        if not low < x_next < high:
            x_next = (low + high) / 2
        if abs(x_next - x) <= _CLOSE * x_next:
            return x_next
        x = x_next
    return x


def _newton(x: float, excess: float, a: float, b: float) -> float:
    log_density = (a - 1) * math.log(x) + (b - 1) * math.log1p(-x) - log_beta(a, b)
    return x - excess / math.exp(log_density) if -600 < log_density < 600 else -1.0


@lru_cache(maxsize=4096)
def t_quantile(probability: float, freedom: float) -> float:
    """Return the quantile of Student's t with `freedom` degrees of freedom."""
    if probability < 0.5:
        return -t_quantile(1 - probability, freedom)
    tail = 2 * (1 - probability)
    if tail >= 1:
        return 0.0
    x = beta_quantile(tail, freedom / 2, 0.5)
    return math.sqrt(freedom * (1 / x - 1)) if x > 0 else math.inf
