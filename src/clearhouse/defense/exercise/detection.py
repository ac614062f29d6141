"""How many steps a tool found, against what chance would have found.

In: findings and the truth. Out: a result for every step and, for each tier, the share with its
interval, the chance level and the lift. The common metric, "some alert fired meanwhile", is reached
by chance as often as a tool is noisy; that is why each tier says its chance.
"""

import random
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from clearhouse.bench.statistics.clusters import clustered
from clearhouse.defense.enroll.record import Finding
from clearhouse.defense.exercise.matching import (
    GRACE,
    Places,
    Times,
    merged,
    technique_tiers,
)
from clearhouse.defense.exercise.record import Detection, Estimate, StepResult, Tier
from clearhouse.defense.scenario.attack_map import AttackMap, attack_map
from clearhouse.defense.scenario.event import SourceKind
from clearhouse.defense.scenario.truth import Truth

_WINDOWS = 200
"""Quiet windows that are drawn for each step."""


def results(
    findings: Sequence[Finding], malicious: Sequence[Truth], shown: Sequence[SourceKind]
) -> tuple[StepResult, ...]:
    """Return what was made of each step; `shown` are the logs that the tool was given."""
    claimed, first = claims(findings, malicious)
    times = Times(one.at for one in findings)
    names, made = attack_map(), []
    for place, step in enumerate(malicious):
        reached: set[Tier] = set()
        if times.any(step.start, step.end + GRACE):
            reached.add(Tier.ANY)
        if place in claimed:
            reached |= {Tier.ANY, Tier.PLACE} | technique_tiers(step, claimed[place], names)
        at = first.get(place)
        made.append(
            StepResult(
                step=step.id,
                attack=step.attack or step.id,
                technique=None if step.technique is None else names.today(step.technique),
                visible=not step.visible_in or not set(step.visible_in).isdisjoint(shown),
                reached=tuple(one for one in Tier if one in reached),
                delay_s=None if at is None else max(0.0, (at - step.start).total_seconds()),
            )
        )
    return tuple(made)


def claims(
    findings: Sequence[Finding], malicious: Sequence[Truth]
) -> tuple[dict[int, set[str]], dict[int, datetime]]:
    """Return by step the techniques that findings in its place name, and the first one's time."""
    places = Places(malicious)
    claimed: dict[int, set[str]] = {}
    first: dict[int, datetime] = {}
    for one in findings:
        for place in places.of(one):
            claimed.setdefault(place, set()).update(one.techniques)
            first[place] = min(first.get(place, one.at), one.at)
    return claimed, first


def detection(
    made: Sequence[StepResult],
    findings: Sequence[Finding],
    malicious: Sequence[Truth],
    *,
    events: int,
    span: tuple[datetime, datetime],
) -> tuple[Detection, ...]:
    """Return the share of visible steps that reach each tier."""
    pairs = [(one, step) for one, step in zip(made, malicious, strict=True) if one.visible]
    if not pairs:
        nothing = Estimate(value=None, n=0)
        return tuple(Detection(tier=one, found=nothing, chance=None, lift=None) for one in Tier)
    steps_ = [step for _, step in pairs]
    claimed, _ = claims(findings, steps_)
    chances = {
        Tier.ANY: _chance_any(findings, steps_, span),
        Tier.PLACE: chance_place(findings, steps_, events),
        Tier.PARENT: chance_technique(claimed, steps_, Tier.PARENT, attack_map()),
        Tier.EXACT: chance_technique(claimed, steps_, Tier.EXACT, attack_map()),
    }
    return tuple(_detection(tier, [one for one, _ in pairs], chances[tier]) for tier in Tier)


def _detection(tier: Tier, made: Sequence[StepResult], chance: float | None) -> Detection:
    found = by_attack(made, tier)
    value = found.value
    lift = None
    if value is not None and chance is not None and chance < 1:
        lift = (value - chance) / (1 - chance)
    return Detection(tier=tier, found=found, chance=chance, lift=lift)


def by_attack(made: Sequence[StepResult], tier: Tier) -> Estimate:
    """Return the share of steps that reach a tier, with attacks as clusters."""
    groups: dict[str, list[float]] = {}
    for one in made:
        groups.setdefault(one.attack, []).append(float(tier in one.reached))
    if not groups:
        return Estimate(value=None, n=0)
    mean = clustered(list(groups.values()))
    interval = mean.interval()
    return Estimate(value=mean.mean, n=len(made), low=interval.low, high=interval.high)


def _chance_any(
    findings: Sequence[Finding], malicious: Sequence[Truth], span: tuple[datetime, datetime]
) -> float | None:
    """Return how often a random quiet window of a step's length has a finding in it."""
    times = Times(one.at for one in findings)
    busy = merged(malicious)
    draw = random.Random(len(findings))  # noqa: S311 - a Monte Carlo, not a secret
    seen = tried = 0
    for step in malicious:
        length = step.end + GRACE - step.start
        for _ in range(_WINDOWS):
            start = _quiet_start(draw, span, length, busy)
            if start is not None:
                tried += 1
                seen += times.any(start, start + length)
    return seen / tried if tried else None


def _quiet_start(
    draw: random.Random,
    span: tuple[datetime, datetime],
    length: timedelta,
    busy: Sequence[tuple[datetime, datetime]],
) -> datetime | None:
    room = (span[1] - span[0] - length).total_seconds()
    if room <= 0:
        return None
    for _ in range(20):
        start = span[0] + timedelta(seconds=draw.random() * room)
        if not any(begin <= start + length and start <= end for begin, end in busy):
            return start
    return None


def chance_place(findings: Sequence[Finding], malicious: Sequence[Truth], events: int) -> float:
    """Return how many steps as many citations would hit if they were drawn from all events."""
    cited = len({uid for one in findings for uid in one.events})
    hit = [1 - (1 - min(1.0, len(step.events) / max(events, 1))) ** cited for step in malicious]
    return sum(hit) / len(hit)


def chance_technique(
    claimed: Mapping[int, set[str]], malicious: Sequence[Truth], tier: Tier, names: AttackMap
) -> float:
    """Return what the same claims would reach if the labels were dealt out at random.

    The mean over all permutations is the mean over all pairs of a step and a label.
    """
    total = sum(
        tier in technique_tiers(label, said, names)
        for said in claimed.values()
        for label in malicious
    )
    return total / len(malicious) ** 2
