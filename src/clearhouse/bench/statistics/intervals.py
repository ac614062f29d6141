"""Intervals for a proportion: one to decide by, two to show.

In: successes and trials, whole or effective, and the confidence of both sides together. Out: an
`Interval`. Clopper-Pearson never covers less than it promises, so it decides; Wilson and Jeffreys
cover as promised on average and are shown. The usual normal interval is not offered: at 39 trials
and a true rate of 0.97 it covers 69 % instead of 95 %.
Source: Clopper and Pearson 1934; Wilson 1927; Brown, Cai and DasGupta 2001 §3; Korn and Graubard
1998 (fractional counts).
"""

import math
from dataclasses import dataclass

from clearhouse.bench.statistics.special import beta_cdf, beta_quantile, beta_sf, normal_quantile


@dataclass(frozen=True, kw_only=True, slots=True)
class Interval:
    """Where a true rate lies, at a confidence."""

    low: float
    high: float
    confidence: float
    """Of both sides together, for example 0.95."""

    def holds(self, value: float) -> bool:
        """Return whether a value lies in it."""
        return self.low <= value <= self.high


def lower_bound(successes: float, trials: float, alpha: float) -> float:
    """Return the exact bound that the true rate is below with probability `alpha` at most."""
    _check(successes, trials)
    if successes <= 0:
        return 0.0
    return beta_quantile(alpha, successes, trials - successes + 1)


def upper_bound(successes: float, trials: float, alpha: float) -> float:
    """Return the exact bound that the true rate is above with probability `alpha` at most."""
    return 1 - lower_bound(trials - successes, trials, alpha)


def clopper_pearson(successes: float, trials: float, confidence: float = 0.95) -> Interval:
    """Return the exact interval."""
    alpha = (1 - confidence) / 2
    return Interval(
        low=lower_bound(successes, trials, alpha),
        high=upper_bound(successes, trials, alpha),
        confidence=confidence,
    )


def wilson(successes: float, trials: float, confidence: float = 0.95) -> Interval:
    """Return the score interval."""
    _check(successes, trials)
    z = normal_quantile(1 - (1 - confidence) / 2)
    rate, grown = successes / trials, 1 + z * z / trials
    middle = (rate + z * z / (2 * trials)) / grown
    half = z * math.sqrt(rate * (1 - rate) / trials + z * z / (4 * trials * trials)) / grown
    return Interval(
        low=0.0 if successes <= 0 else max(0.0, middle - half),
        high=1.0 if successes >= trials else min(1.0, middle + half),
        confidence=confidence,
    )


def jeffreys(successes: float, trials: float, confidence: float = 0.95) -> Interval:
    """Return the Bayesian interval under Jeffreys' prior."""
    _check(successes, trials)
    alpha, failures = (1 - confidence) / 2, trials - successes
    return Interval(
        low=0.0 if successes <= 0 else beta_quantile(alpha, successes + 0.5, failures + 0.5),
        high=1.0 if failures <= 0 else beta_quantile(1 - alpha, successes + 0.5, failures + 0.5),
        confidence=confidence,
    )


def p_above(successes: float, trials: float, threshold: float) -> float:
    """Return how likely this many successes are if the true rate is at most `threshold`."""
    _check(successes, trials)
    if successes <= 0:
        return 1.0
    return beta_cdf(threshold, successes, trials - successes + 1)


def p_below(successes: float, trials: float, threshold: float) -> float:
    """Return how likely this few successes are if the true rate is at least `threshold`."""
    _check(successes, trials)
    if successes >= trials:
        return 1.0
    return beta_sf(threshold, successes + 1, trials - successes)


def _check(successes: float, trials: float) -> None:
    if trials <= 0 or not 0 <= successes <= trials:
        raise ValueError("needs at least one trial, and between none and all of them a success")
