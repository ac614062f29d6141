"""Which finding is about which step: the one place where that is decided.

In: a finding and the truth. Out: the tiers that it reaches. A finding that cites events is judged
by them alone, so a tool that cites the wrong events near an attack is not right by luck; one that
cites nothing is judged by time and by the machines and people that it names.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from clearhouse.defense.enroll.record import Finding
from clearhouse.defense.exercise.record import Tier
from clearhouse.defense.scenario.attack_map import AttackMap
from clearhouse.defense.scenario.truth import Truth

GRACE = timedelta(minutes=15)
"""How long after a step's end something said still counts for it."""


class Places:
    """Looks up which steps a finding is about."""

    def __init__(self, truths: Sequence[Truth]) -> None:
        """Index steps by event."""
        self.truths = truths
        self._by_event: dict[str, set[int]] = defaultdict(set)
        for place, one in enumerate(truths):
            for uid in one.events:
                self._by_event[uid].add(place)
        self._entities = [frozenset(map(str.lower, one.entities)) for one in truths]

    def of(self, finding: Finding) -> set[int]:
        """Return the places of the steps it is about."""
        if finding.events:
            return set().union(*(self._by_event.get(uid, ()) for uid in finding.events))
        named = {one.lower() for one in finding.entities}
        return {
            place
            for place, one in enumerate(self.truths)
            if within(one, finding.at) and not self._entities[place].isdisjoint(named)
        }


def within(truth: Truth, at: datetime) -> bool:
    """Return whether an instant lies in a step or soon after it."""
    return truth.start <= at <= truth.end + GRACE


def technique_tiers(truth: Truth, claimed: Iterable[str], names: AttackMap) -> set[Tier]:
    """Return which technique tiers claimed techniques reach."""
    if truth.technique is None:
        return set()
    wanted = names.today(truth.technique)
    said = {names.today(one) for one in claimed}
    reached: set[Tier] = set()
    if names.parent(wanted) in {names.parent(one) for one in said}:
        reached.add(Tier.PARENT)
    if wanted in said:
        reached.add(Tier.EXACT)
    return reached


class Times:
    """Sorted instants, asked whether one lies in a window."""

    def __init__(self, times: Iterable[datetime]) -> None:
        """Sort them."""
        self._times = sorted(times)

    def any(self, start: datetime, end: datetime) -> bool:
        """Return whether one lies from `start` to `end`."""
        return bisect_left(self._times, start) < bisect_right(self._times, end)


def merged(truths: Iterable[Truth]) -> list[tuple[datetime, datetime]]:
    """Return the stretches that steps cover, each with the grace after it."""
    found: list[tuple[datetime, datetime]] = []
    for one in sorted(truths, key=lambda one: one.start):
        end = one.end + GRACE
        if found and one.start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((one.start, end))
    return found
