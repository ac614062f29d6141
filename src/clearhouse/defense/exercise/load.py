"""What an analyst has to read: groups a day in quiet time, and what is found within a budget.

In: findings and the truth. Out: false-alarm groups for each analyst-day with an interval, and the
recall when only the B most urgent groups of each day are read. Accuracy hides both: muting twenty
types can leave a hundred alerts a day and a tenth of the attacks.
A group is one kind on one machine in one hour. Steps of unknown class are never false alarms.
"""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise

from clearhouse.bench.statistics.counts import daily_interval
from clearhouse.defense.enroll.record import Finding
from clearhouse.defense.exercise.detection import by_attack
from clearhouse.defense.exercise.matching import Places, merged
from clearhouse.defense.exercise.record import AlertLoad, BudgetPoint, StepResult, Tier
from clearhouse.defense.scenario.truth import Truth, TruthClass

BUDGETS = (1, 2, 5, 10, 20, 50, 100, 200)
_KINDS_KEPT = 10
Key = tuple[str, str, str]


@dataclass(slots=True)
class Group:
    """Findings that an analyst reads as one."""

    day: date
    score: float
    first: datetime
    kind: str
    findings: list[Finding]


def groups(findings: Iterable[Finding]) -> list[Group]:
    """Return findings grouped by kind, machine and hour."""
    found: dict[Key, Group] = {}
    for one in findings:
        where = one.entities[0] if one.entities else ""
        key = (one.kind, where, f"{one.at:%Y-%m-%dT%H}")
        known = found.get(key)
        if known is None:
            found[key] = Group(one.at.date(), one.score, one.at, one.kind, [one])
        else:
            known.score = max(known.score, one.score)
            known.first = min(known.first, one.at)
            known.findings.append(one)
    return list(found.values())


def alert_load(
    findings: Sequence[Finding], truths: Sequence[Truth], span: tuple[datetime, datetime]
) -> AlertLoad | None:
    """Return the load in quiet time, None when there is no such time."""
    apart = [one for one in truths if one.kind is not TruthClass.LOOKALIKE]
    places, busy = Places(apart), merged(apart)
    quiet_s = (span[1] - span[0] - _overlap(busy, span)).total_seconds()
    if quiet_s <= 0:
        return None
    false = [
        one
        for one in findings
        if span[0] <= one.at <= span[1]
        and not places.of(one)
        and not any(start <= one.at <= end for start, end in busy)
    ]
    gathered = groups(false)
    days = quiet_s / 86_400
    per_day = Counter(one.day for one in gathered)
    first, last = span[0].date(), span[1].date()
    calendar = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    interval = daily_interval([per_day[one] for one in calendar], days)
    kinds = Counter(one.kind for one in gathered).most_common(_KINDS_KEPT)
    return AlertLoad(
        groups=len(gathered),
        findings=len(false),
        days=days,
        per_day=len(gathered) / days,
        low=interval.low,
        high=interval.high,
        by_kind=tuple(kinds),
    )


def _overlap(
    busy: Iterable[tuple[datetime, datetime]], span: tuple[datetime, datetime]
) -> timedelta:
    return sum(
        (max(timedelta(), min(end, span[1]) - max(start, span[0])) for start, end in busy),
        timedelta(),
    )


def recall_at_budgets(
    findings: Sequence[Finding], malicious: Sequence[Truth], made: Sequence[StepResult]
) -> tuple[tuple[BudgetPoint, ...], float | None]:
    """Return the recall at each budget, and its mean over the logarithm of the budget."""
    places = Places(malicious)
    found = sorted(groups(findings), key=lambda one: (one.day, -one.score, one.first, one.kind))
    rank: Counter[date] = Counter()
    least: dict[int, int] = {}
    for group in found:
        rank[group.day] += 1
        for one in group.findings:
            for place in places.of(one):
                least[place] = min(least.get(place, rank[group.day]), rank[group.day])
    points = tuple(
        BudgetPoint(groups_per_day=budget, found=by_attack(_kept(made, least, budget), Tier.PLACE))
        for budget in BUDGETS
    )
    return points, _area(points)


def _kept(made: Sequence[StepResult], least: dict[int, int], budget: int) -> list[StepResult]:
    """Return the visible steps as they would be if only so many groups were read."""
    return [
        StepResult(
            step=one.step, attack=one.attack, technique=one.technique, visible=True,
            reached=(Tier.PLACE,) if least.get(place, budget + 1) <= budget else (),
            delay_s=None,
        )
        for place, one in enumerate(made)
        if one.visible
    ]  # fmt: skip


def _area(points: Sequence[BudgetPoint]) -> float | None:
    """Return the area under the curve over the logarithm of the budget, from 0 to 1."""
    values = [(math.log(one.groups_per_day), one.found.value) for one in points]
    if any(value is None for _, value in values):
        return None
    area = 0.0
    for (x, y), (x_next, y_next) in pairwise(values):
        area += (x_next - x) * ((y or 0.0) + (y_next or 0.0)) / 2
    return area / (values[-1][0] - values[0][0])
