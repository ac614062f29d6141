"""How long until something happens, when for some it never does.

In: durations, each with whether the thing happened at its end or was still awaited (censored). Out:
the Kaplan-Meier curve with pointwise intervals, and the mean time within a horizon. A tool that
misses is censored, so missing more can never look like being faster.
Source: Kaplan and Meier 1958; Greenwood 1926; Kalbfleisch and Prentice 1980 (log-minus-log
interval); Royston and Parmar 2013 (restricted mean).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from clearhouse.bench.statistics.special import normal_quantile


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """What remains from a time on."""

    time: float
    surviving: float
    """Share still waiting just after `time`."""
    low: float
    high: float


def kaplan_meier(waits: Sequence[tuple[float, bool]], confidence: float = 0.95) -> tuple[Step, ...]:
    """Return the curve from time 0; `waits` are durations and whether it happened at their end.

    Raises: ValueError without any wait, or for a negative one.
    """
    if not waits or any(time < 0 for time, _ in waits):
        raise ValueError("a survival curve needs waits, and none below 0")
    z = normal_quantile(1 - (1 - confidence) / 2)
    curve = [Step(time=0.0, surviving=1.0, low=1.0, high=1.0)]
    surviving, spread = 1.0, 0.0
    for time in sorted({time for time, happened in waits if happened}):
        waiting = sum(one >= time for one, _ in waits)
        ended = sum(one == time and happened for one, happened in waits)
        surviving *= 1 - ended / waiting
        if ended < waiting:
            spread += ended / (waiting * (waiting - ended))
        low, high = _interval(surviving, spread, z)
        curve.append(Step(time=time, surviving=surviving, low=low, high=high))
    return tuple(curve)


def _interval(surviving: float, spread: float, z: float) -> tuple[float, float]:
    if not 0 < surviving < 1:
        return surviving, surviving
    half = z * math.sqrt(spread) / -math.log(surviving)
    return surviving ** math.exp(half), surviving ** math.exp(-half)


def restricted_mean(curve: Sequence[Step], horizon: float) -> float:
    """Return the mean wait when none is counted as longer than `horizon`."""
    area = 0.0
    for place, step in enumerate(curve):
        if step.time >= horizon:
            break
        end = curve[place + 1].time if place + 1 < len(curve) else horizon
        area += step.surviving * (min(end, horizon) - step.time)
    return area


def median(curve: Sequence[Step]) -> float | None:
    """Return the time by which half have seen it; None when fewer ever do."""
    return next((step.time for step in curve if step.surviving <= 0.5), None)
