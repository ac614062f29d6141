"""What trials without a result could change: the whole range, from all failed to all passed.

In: scores, and how many are missing. Out: the lowest and the highest mean that the missing ones
allow. An attempt that broke is neither success nor failure, so a decision must hold at both ends.
Source: Manski 1990 (bounds without assumptions on what is missing).
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Bounds:
    """A mean between two ends."""

    low: float
    high: float


def manski(scores: Sequence[float], missing: int) -> Bounds:
    """Return the bounds of the mean of scores from 0 to 1.

    Raises: ValueError when there is neither a score nor a missing one.
    """
    count = len(scores) + missing
    if not count:
        raise ValueError("no trial at all")
    total = sum(scores)
    return Bounds(low=total / count, high=(total + missing) / count)
