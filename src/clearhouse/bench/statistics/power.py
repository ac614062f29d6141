"""How many trials a claim needs, and how likely a plan is to show it.

In: the true rate, the threshold, the error that is allowed, and the power that is wanted. Out: the
power of a plan, or the fewest trials. Exact for one-sided binomial tests up to 2,000 trials; above
that the normal approximation, whose error is then below a trial in a hundred.
Source: Chernick and Liu 2002 (the saw-tooth of exact power; the first n that reaches it is given).
"""

import math

from clearhouse.bench.statistics.intervals import p_above
from clearhouse.bench.statistics.special import beta_cdf, beta_sf, normal_quantile

_EXACT_UP_TO = 2000


def successes_needed(trials: int, threshold: float, alpha: float) -> int | None:
    """Return the fewest successes that show a rate above `threshold`; None when none do."""
    if threshold >= 1 or p_above(trials, trials, threshold) > alpha:
        return None
    low, high = int(trials * threshold), trials
    while low < high:
        middle = (low + high) // 2
        low, high = (
            (low, middle) if p_above(middle, trials, threshold) <= alpha else (middle + 1, high)
        )
    return high


def at_least(successes: int, trials: int, rate: float) -> float:
    """Return the binomial probability of this many successes or more."""
    if successes <= 0:
        return 1.0
    return 0.0 if successes > trials else beta_cdf(rate, successes, trials - successes + 1)


def at_most(successes: int, trials: int, rate: float) -> float:
    """Return the binomial probability of this many successes or fewer."""
    if successes < 0:
        return 0.0
    return 1.0 if successes >= trials else beta_sf(rate, successes + 1, trials - successes)


def power(trials: int, rate: float, threshold: float, alpha: float) -> float:
    """Return the probability that trials at a true `rate` show one above `threshold`."""
    needed = successes_needed(trials, threshold, alpha)
    return 0.0 if needed is None else at_least(needed, trials, rate)


def trials_needed(rate: float, threshold: float, alpha: float, wanted: float = 0.8) -> int | None:
    """Return the fewest trials whose power reaches `wanted`; None when no number does.

    To show a rate *below* a threshold, ask for the failures: `1 - rate` above `1 - threshold`.
    """
    if not threshold < rate <= 1:
        return None
    spread = normal_quantile(1 - alpha) * math.sqrt(threshold * (1 - threshold))
    spread += normal_quantile(wanted) * math.sqrt(rate * (1 - rate))
    guess = (spread / (rate - threshold)) ** 2
    if guess > _EXACT_UP_TO:
        return math.ceil(guess + 1 / (rate - threshold))
    trials = max(1, int(guess / 2))
    while power(trials, rate, threshold, alpha) < wanted:
        trials += 1
    return trials
