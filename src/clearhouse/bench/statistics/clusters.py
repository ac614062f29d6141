"""How many independent trials repeated and related trials are worth.

In: scores from 0 to 1 in groups; scores of one group resemble each other (attempts at one task,
tasks of one family). Out: a `Clustered` mean with its effective number of trials, for the exact
interval. Attempts at one task counted as independent say "above" falsely in 22 % of cases that
allow 2.5 %.
When all groups agree, nothing shows how much they could differ: then each counts once.
Source: Korn and Graubard 1998 (effective size with a t correction); Miller 2024, arXiv 2411.00640
(cluster on the task).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from clearhouse.bench.statistics.intervals import Interval, p_above, p_below
from clearhouse.bench.statistics.intervals import clopper_pearson as exact
from clearhouse.bench.statistics.special import t_quantile

_SEARCH_STEPS = 60


@dataclass(frozen=True, kw_only=True, slots=True)
class Clustered:
    """A mean of grouped scores."""

    mean: float
    trials: int
    groups: float
    """How many equal groups they are worth; fewer than there are when sizes differ."""
    effective: float
    """Independent trials that would tell as much, as far as the scatter shows."""

    def size(self, alpha: float) -> float:
        """Return the effective trials for a bound that errs with `alpha`.

        Never fewer than the groups: means of groups vary no more than whole successes would.
        """
        if self.groups >= self.trials or self.groups <= 1:
            return self.groups
        ratio = t_quantile(1 - alpha, self.trials - 1) / t_quantile(1 - alpha, self.groups - 1)
        return max(self.groups, self.effective * ratio * ratio)

    def interval(self, confidence: float = 0.95) -> Interval:
        """Return the exact interval for the mean."""
        trials = self.size((1 - confidence) / 2)
        return exact(self.mean * trials, trials, confidence)

    def p_above(self, threshold: float) -> float:
        """Return the p-value against a true mean of at most `threshold`."""
        return _smallest_level(lambda a: self._tail(a, threshold, above=True) <= a)

    def p_below(self, threshold: float) -> float:
        """Return the p-value against a true mean of at least `threshold`."""
        return _smallest_level(lambda a: self._tail(a, threshold, above=False) <= a)

    def _tail(self, alpha: float, threshold: float, *, above: bool) -> float:
        trials = self.size(alpha)
        successes = min(self.mean * trials, trials)
        return (p_above if above else p_below)(successes, trials, threshold)


def clustered(groups: Sequence[Sequence[float]]) -> Clustered:
    """Return the mean over all scores and what it is worth.

    Raises: ValueError when there is no score, or one outside 0 to 1.
    """
    filled = [group for group in groups if group]
    trials, total = sum(map(len, filled)), sum(map(sum, filled))
    if not trials:
        raise ValueError("no score to average")
    if any(not 0 <= score <= 1 for group in filled for score in group):
        raise ValueError("a score lies outside 0 to 1; scale it first")
    mean = min(1.0, total / trials)
    groups_worth = trials**2 / sum(len(group) ** 2 for group in filled)
    return Clustered(
        mean=mean, trials=trials, groups=groups_worth, effective=_effective(filled, mean, trials)
    )


def _effective(groups: Sequence[Sequence[float]], mean: float, trials: int) -> float:
    count = len(groups)
    if count == trials or count < 2:
        return float(count)
    scatter = sum((sum(group) - mean * len(group)) ** 2 for group in groups)
    variance = scatter * count / (count - 1) / trials**2
    if variance <= 0 or not 0 < mean < 1:
        return float(count)
    return min(float(trials), max(1.0, mean * (1 - mean) * trials / (trials - 1) / variance))


def _smallest_level(passes: Callable[[float], bool]) -> float:
    """Return the smallest error level at which the bound clears the threshold; 1 for none."""
    low, high = 1e-12, 0.49
    if not passes(high):
        return 1.0
    if passes(low):
        return low
    for _ in range(_SEARCH_STEPS):
        middle = (low * high) ** 0.5
        low, high = (low, middle) if passes(middle) else (middle, high)
    return high
