"""Two models, or two settings, compared: on different trials, or on the same tasks.

In: counts, or the differences by task. Out: a two-sided p-value. Three of ten against six of ten
gives 0.37: "improved" is not shown by that.
Source: Fisher 1935 (exact test of a two by two table); McNemar 1947 in its exact form; Pitman 1937
(sign-flip permutation).
"""

import math
import random
from collections.abc import Sequence
from itertools import product

_ROUNDING = 1 + 1e-7
_EXACT_UP_TO = 14
_DRAWS = 9_999


def fisher(successes: int, trials: int, other_successes: int, other_trials: int) -> float:
    """Return the p-value that two groups of trials have one rate."""
    total, hits = trials + other_trials, successes + other_successes
    ways = math.comb(total, hits)
    chances = {
        k: math.comb(trials, k) * math.comb(other_trials, hits - k) / ways
        for k in range(max(0, hits - other_trials), min(hits, trials) + 1)
    }
    most = chances[successes] * _ROUNDING
    return min(1.0, sum(chance for chance in chances.values() if chance <= most))


def mcnemar(only_first: int, only_second: int) -> float:
    """Return the p-value for the same tasks, given how many only one of the two solved."""
    discordant, fewer = only_first + only_second, min(only_first, only_second)
    tail = sum(math.comb(discordant, k) for k in range(fewer + 1)) / 2.0**discordant
    return min(1.0, 2 * tail)


def paired_difference(differences: Sequence[float], seed: int = 0) -> float:
    """Return the p-value that differences by task are as often one way as the other.

    Every pattern of signs is tried up to 14 tasks; above, 9,999 drawn ones.
    """
    moving = [one for one in differences if one]
    observed = abs(sum(moving)) / _ROUNDING
    if len(moving) <= _EXACT_UP_TO:
        sums = [
            abs(sum(s * d for s, d in zip(signs, moving, strict=True)))
            for signs in product((-1, 1), repeat=len(moving))
        ]
        return sum(one >= observed for one in sums) / len(sums)
    draw = random.Random(seed)  # noqa: S311 - a permutation test, not a secret
    extreme = sum(
        abs(sum(one if draw.random() < 0.5 else -one for one in moving)) >= observed
        for _ in range(_DRAWS)
    )
    return (extreme + 1) / (_DRAWS + 1)
