"""Says which group of earlier reports a new one joins, if any.

In a flood, copies of one bug take each other's claim in the list: the more there are, the less sure
each of them looks. So what the list says is added up by group, and one more forest says whether the
new report belongs to one of them. In comes a ranked list with the group of each earlier report, out
comes the likeliest group, if it is likely enough. A group is what the house takes to be one bug
until somebody decides; nothing is merged by it (design, law 4).
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TypeAlias

import numpy as np

from clearhouse.clearing.match.columns import Floats
from clearhouse.clearing.match.forest import Forest
from clearhouse.clearing.match.model import Model
from clearhouse.clearing.match.pairing import CLOSER_LOOK, IN_GROUP
from clearhouse.clearing.match.ranking import NOTHING, Ranked
from clearhouse.kernel.disjoint import UnionFind
from clearhouse.kernel.ids import FindingId

FIRST = 5
"""A group counts when one of the first so many of the list belongs to it."""
_PAIRS = CLOSER_LOOK.index("pairs shared of shorter")
_LEAST_REST = 1e-9


@dataclass(frozen=True, kw_only=True, slots=True)
class Joining:
    """Which group a report joins, and through whom."""

    group: int
    companion: int
    """The likeliest report of the group."""
    log_odds: float


@dataclass(frozen=True, kw_only=True, slots=True)
class GroupLooks:
    """The groups of one list, in the order of their best members."""

    groups: tuple[int, ...]
    companions: tuple[int, ...]
    numbers: Floats
    """By group, in the order of `IN_GROUP`."""


def join_groups(
    trained: Model,
    lists: Iterable[tuple[int | None, Sequence[Ranked]]],
    groups: dict[int, int],
    findings: Mapping[int, FindingId],
) -> list[Joining | None]:
    """Decide which group each of several reports joins, those before it first.

    Each comes with its number, None when it is not to be filed, and with its list. `groups` tells
    the group of every earlier report by its number, and gains the new ones. `findings` holds those
    that may be joined; groups that share a finding are one.
    """
    waiting = [
        (place, number, [one for one in listed if one.number in findings])
        for place, (number, listed) in enumerate(lists)
    ]
    joined: dict[int, Joining | None] = {}
    while waiting:
        now, later = _decidable(waiting)
        looks = [
            group_looks(there, _as_one({one.number: groups[one.number] for one in there}, findings))
            for _, _, there in now
        ]
        found = joinings(trained.group, trained.join_at, looks)
        for (place, number, _), joining in zip(now, found, strict=True):
            joined[place] = joining
            if number is not None:
                groups[number] = number if joining is None else joining.group
        waiting = later
    return [joined[place] for place in sorted(joined)]


_Waiting: TypeAlias = "list[tuple[int, int | None, list[Ranked]]]"
"""Reports by their place, with their number and list."""


def _decidable(waiting: _Waiting) -> tuple[_Waiting, _Waiting]:
    """Part the reports in those that list none of those before them, and the others."""
    now: _Waiting = []
    later: _Waiting = []
    before: set[int | None] = set()
    for one in waiting:
        (now if before.isdisjoint(listed.number for listed in one[2]) else later).append(one)
        before.add(one[1])
    return now, later


def _as_one(groups: Mapping[int, int], findings: Mapping[int, FindingId]) -> dict[int, int]:
    pairs = {number: (group, findings[number]) for number, group in groups.items()}
    sets = UnionFind[int | FindingId](end for pair in pairs.values() for end in pair)
    for pair in pairs.values():
        sets.join(*pair)
    roots = {group: sets.root(group) for group in groups.values()}
    return {
        number: min(other for other, root in roots.items() if root == roots[group])
        for number, group in groups.items()
    }


def joinings(forest: Forest, least: float, asked: Sequence[GroupLooks]) -> list[Joining | None]:
    """Return for each list the likeliest group, None where none is at least `least` likely.

    That is in log-odds.
    """
    said = iter(forest.log_odds(np.concatenate([one.numbers for one in asked])).tolist())
    found: list[Joining | None] = []
    for one in asked:
        odds = list(islice(said, len(one.groups)))
        best = int(np.argmax(odds)) if odds else None
        if best is None or odds[best] < least:
            found.append(None)
        else:
            group, companion = one.groups[best], one.companions[best]
            found.append(Joining(group=group, companion=companion, log_odds=odds[best]))
    return found


def group_looks(listed: Sequence[Ranked], groups: Mapping[int, int]) -> GroupLooks:
    """Return what a list says about each group that one of its first reports belongs to."""
    members: defaultdict[int, list[int]] = defaultdict(list)
    for place, one in enumerate(listed):
        members[groups[one.number]].append(place)
    claims = {group: [listed[p].log_odds for p in own] for group, own in members.items()}
    sums = {group: math.fsum(map(math.exp, odds)) for group, odds in claims.items()}
    everything = math.fsum(sums.values())
    shown = {group: own for group, own in members.items() if own[0] < FIRST}
    rows = []
    for group, own in shown.items():
        odds = claims[group]
        others = max((o[0] for g, o in claims.items() if g != group), default=NOTHING)
        together = math.log(sums[group])
        rest = math.log(max(everything - sums[group], _LEAST_REST))
        rows.append(
            [
                odds[0],
                together,
                len(own),
                math.fsum(odds) / len(own),
                odds[-1],
                own[0],
                others,
                odds[0] - others,
                together - rest,
                len(members),
                len(listed),
                max(listed[p].numbers[_PAIRS] for p in own if p < FIRST),
                len(own) / len(listed),
            ]
        )
    numbers = np.zeros((len(rows), len(IN_GROUP)))
    for row, said, own in zip(numbers, rows, shown.values(), strict=True):
        row[: len(said)], row[len(said) :] = said, listed[own[0]].numbers
    return GroupLooks(
        groups=tuple(shown),
        companions=tuple(listed[own[0]].number for own in shown.values()),
        numbers=numbers,
    )
