"""Resample families, then tasks, then attempts, for numbers that have no exact interval.

In: attempts in tasks in families, a function of such a tree, and a seed. Out: its values on
resampled trees, or the interval between their percentiles. The same seed gives the same numbers.
Source: Efron and Tibshirani 1993 §13.3 (percentiles); METR 2025 (family, task, run).
"""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence

from clearhouse.bench.statistics.intervals import Interval

Task = tuple[float, int, int]
"""A covariate such as the logarithm of minutes, attempts, and successes among them."""
Families = Mapping[str, Sequence[Task]]


def resamples(families: Families, count: int, seed: int) -> Iterator[list[Task]]:
    """Yield resampled tasks: families drawn with return, tasks in them, attempts in those."""
    draw = random.Random(seed)  # noqa: S311 - a bootstrap, not a secret
    names = sorted(families)
    for _ in range(count):
        tasks: list[Task] = []
        for name in draw.choices(names, k=len(names)):
            inside = families[name]
            for covariate, attempts, successes in draw.choices(inside, k=len(inside)):
                rate = successes / attempts
                drawn = (
                    sum(draw.random() < rate for _ in range(attempts))
                    if 0 < rate < 1
                    else successes
                )
                tasks.append((covariate, attempts, drawn))
        yield tasks


def bootstrap(
    families: Families,
    number: Callable[[Sequence[Task]], float | None],
    *,
    count: int = 999,
    seed: int = 0,
) -> list[float]:
    """Return the sorted values of a number on resampled trees, without those that have none."""
    values = (number(tasks) for tasks in resamples(families, count, seed))
    return sorted(value for value in values if value is not None)


def percentiles(values: Sequence[float], confidence: float = 0.95) -> Interval:
    """Return the interval between the outer percentiles of sorted values.

    Raises: ValueError when there is no value.
    """
    if not values:
        raise ValueError("no resample gave a number")
    tail = (1 - confidence) / 2
    last = len(values) - 1
    return Interval(
        low=values[int(tail * last)], high=values[-1 - int(tail * last)], confidence=confidence
    )
