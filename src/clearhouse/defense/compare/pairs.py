"""Compare tools on the same attacks, and refuse to rank them when too few are there.

In: exercises on one pack. Out: a `Comparison` for each pair. An attack is the unit: the share of
its steps that were found in the right place. A sign-flip permutation over attacks decides, Holm
corrects for the number of pairs, and both count only when the number of attacks had the power to
show the smallest difference that matters. Otherwise the tools are not distinguishable, whatever
the numbers.
Source: McNemar 1947; Pitman 1937; Holm 1979; Connor 1987 (power of paired proportions).
"""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import combinations

import yaml

from clearhouse.bench.statistics.bootstrap import percentiles
from clearhouse.bench.statistics.paired import mcnemar, paired_difference
from clearhouse.bench.statistics.power import at_least
from clearhouse.bench.statistics.several import holm
from clearhouse.defense.compare.record import Comparison, Relation
from clearhouse.defense.exercise.record import Exercise, Tier
from clearhouse.defense.scenario.attack_map import policy_file

_DRAWS = 1999


class NotComparableError(ValueError):
    """These exercises cannot be compared; the message says why."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """When tools may be ranked."""

    name: str
    alpha: float
    power: float
    difference: float
    discordant: float


@cache
def rule() -> Rule:
    """Return the rule that came with the house."""
    content = yaml.safe_load(policy_file("comparison-1.yaml").read_text("utf-8"))
    return Rule(
        name=f"{content['id']}/{content['version']}",
        alpha=content["alpha"],
        power=content["power"],
        difference=content["difference"],
        discordant=content["discordant"],
    )


def compare(exercises: Sequence[Exercise]) -> tuple[Comparison, ...]:
    """Compare every two exercises that count.

    Raises: NotComparableError when they are of different packs.
    """
    if len({one.pack_sha256 for one in exercises}) > 1:
        raise NotComparableError("tools are compared on the same pack; these are of several")
    counting = [one for one in exercises if not one.void and one.steps]
    pairs = list(combinations(counting, 2))
    values = [_differences(first, second) for first, second in pairs]
    if not pairs:
        return ()
    adjusted = holm([paired_difference(one) for one in values])
    return tuple(
        _decided(first, second, given, p)
        for (first, second), given, p in zip(pairs, values, adjusted, strict=True)
    )


def attack_scores(exercise: Exercise) -> dict[str, float]:
    """Return by attack the share of its visible steps that were found in the right place."""
    found: dict[str, list[bool]] = {}
    for one in exercise.steps:
        if one.visible:
            found.setdefault(one.attack, []).append(Tier.PLACE in one.reached)
    return {attack: sum(hits) / len(hits) for attack, hits in found.items()}


def _differences(first: Exercise, second: Exercise) -> list[float]:
    one, other = attack_scores(first), attack_scores(second)
    return [one[attack] - other[attack] for attack in sorted(one.keys() & other.keys())]


def _decided(
    first: Exercise, second: Exercise, differences: Sequence[float], p: float
) -> Comparison:
    asked, count = rule(), len(differences)
    mean = sum(differences) / count if count else 0.0
    low, high = _interval(differences)
    has = power(count, asked)
    made = Comparison(
        first=first.tool, second=second.tool, relation=Relation.NOT_DISTINGUISHABLE,
        difference=mean, low=low, high=high, attacks=count,
        only_first=sum(one > 0 for one in differences),
        only_second=sum(one < 0 for one in differences),
        p=None, power=has, reason="", policy=asked.name,
    )  # fmt: skip
    if has < asked.power:
        needed = attacks_needed(asked)
        return replace(
            made,
            reason=f"{count} attacks cannot rank tools; {needed} would show a difference of"
            f" {asked.difference:.0%} with a power of {asked.power:.0%}",
        )
    if p > asked.alpha:
        return replace(made, p=p, reason=f"the difference may be chance (p = {p:.2g})")
    relation = Relation.MORE if mean > 0 else Relation.FEWER
    return replace(made, relation=relation, p=p, reason=f"p = {p:.2g} over {count} attacks")


def _interval(differences: Sequence[float]) -> tuple[float, float]:
    """Return the interval of the mean from resampled attacks."""
    if len(differences) < 2:
        return -1.0, 1.0
    draw = random.Random(len(differences))  # noqa: S311 - a bootstrap, not a secret
    count = len(differences)
    means = sorted(sum(draw.choices(differences, k=count)) / count for _ in range(_DRAWS))
    found = percentiles(means)
    return found.low, found.high


def power(attacks: int, asked: Rule) -> float:
    """Return the power of McNemar's exact test to show the smallest difference that matters."""
    favour = (asked.discordant + asked.difference) / (2 * asked.discordant)
    total = 0.0
    for discordant in range(attacks + 1):
        chance = (
            math.comb(attacks, discordant)
            * asked.discordant**discordant
            * (1 - asked.discordant) ** (attacks - discordant)
        )
        needed = _wins_needed(discordant, asked.alpha)
        if needed is not None:
            total += chance * at_least(needed, discordant, favour)
    return total


def _wins_needed(discordant: int, alpha: float) -> int | None:
    wins = (one for one in range(discordant // 2 + 1, discordant + 1))
    return next((one for one in wins if mcnemar(one, discordant - one) <= alpha), None)


@cache
def attacks_needed(asked: Rule) -> int:
    """Return the fewest attacks that allow a ranking."""
    count = 2
    while power(count, asked) < asked.power:
        count += 1
    return count
