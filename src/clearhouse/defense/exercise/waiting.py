"""How long attacks go unseen, with those that are never seen counted as still unseen."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from clearhouse.bench.statistics.survival import kaplan_meier, median, restricted_mean
from clearhouse.defense.exercise.record import StepResult, SurvivalPoint, TimeToDetect
from clearhouse.defense.scenario.truth import Truth

HORIZON = timedelta(hours=24)


def time_to_detect(
    made: Sequence[StepResult], malicious: Sequence[Truth], end: datetime
) -> TimeToDetect | None:
    """Return the survival of attacks, from their first visible step to the first right finding."""
    begun: dict[str, datetime] = {}
    seen: dict[str, datetime] = {}
    for one, step in zip(made, malicious, strict=True):
        if not one.visible:
            continue
        begun[one.attack] = min(begun.get(one.attack, step.start), step.start)
        if one.delay_s is not None:
            at = step.start + timedelta(seconds=one.delay_s)
            seen[one.attack] = min(seen.get(one.attack, at), at)
    if not begun:
        return None
    horizon = HORIZON.total_seconds()
    waits = [
        ((seen[attack] - start).total_seconds(), True)
        if attack in seen
        else (min(horizon, max(0.0, (end - start).total_seconds())), False)
        for attack, start in begun.items()
    ]
    curve = kaplan_meier(waits)
    return TimeToDetect(
        curve=tuple(
            SurvivalPoint(seconds=one.time, unseen=one.surviving, low=one.low, high=one.high)
            for one in curve
        ),
        attacks=len(begun),
        missed=len(begun) - len(seen),
        median_s=median(curve),
        restricted_mean_s=restricted_mean(curve, horizon),
        horizon_s=horizon,
    )
