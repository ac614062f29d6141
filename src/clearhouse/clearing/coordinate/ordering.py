"""How well a case went, by the order of what happened.

In: the events of a case so far, in their order. Out: for each of twelve preferences whether it was
met, missed or still open, and over many cases how much more often it is met than by chance. Chance
is a walk through the case states in which every next event is equally likely.
Source: Householder and Spring, *Are We Skillful or Just Lucky?* (2021), §3.2 (preferences), §4.1
(random walk), §4.2 (skill).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from functools import cache

from clearhouse.clearing.coordinate.case_state import CASE_STATE, CsEvent, CsState

_V, _F, _D, _P, _X, _A = CsEvent
PREFERENCES: tuple[tuple[CsEvent, CsEvent], ...] = (
    *((one, other) for one in (_V, _F, _D) for other in (_P, _X, _A)),
    (_P, _X),
    (_P, _A),
    (_X, _A),
)
"""The first is to happen before the second."""


class Met(StrEnum):
    """What can be said of one preference now."""

    YES = "yes"
    NO = "no"
    OPEN = "open"
    """Neither of the two has happened yet."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Skill:
    """How often a preference was met, against chance."""

    first: CsEvent
    second: CsEvent
    met: int
    decided: int
    """Cases in which one of the two has happened; the others say nothing."""
    by_chance: Fraction
    skill: float | None
    """1: always, 0: as by chance, below 0: worse; None without a decided case."""


def met(history: Sequence[CsEvent], first: CsEvent, second: CsEvent) -> Met:
    """Say whether `first` came before `second`."""
    found = next((event for event in history if event in {first, second}), None)
    if found is None:
        return Met.OPEN
    return Met.YES if found is first else Met.NO


def skills(histories: Iterable[Sequence[CsEvent]]) -> tuple[Skill, ...]:
    """Compare cases with chance, preference by preference."""
    known = [tuple(history) for history in histories]
    return tuple(_skill(known, first, second) for first, second in PREFERENCES)


def _skill(known: list[tuple[CsEvent, ...]], first: CsEvent, second: CsEvent) -> Skill:
    answers = [met(history, first, second) for history in known]
    decided = sum(answer is not Met.OPEN for answer in answers)
    good = answers.count(Met.YES)
    chance = by_chance(first, second)
    skill = None if not decided else float((Fraction(good, decided) - chance) / (1 - chance))
    return Skill(
        first=first, second=second, met=good, decided=decided, by_chance=chance, skill=skill
    )


@cache
def by_chance(first: CsEvent, second: CsEvent) -> Fraction:
    """Return the probability that a random walk meets a preference."""
    table = CASE_STATE.table()

    @cache
    def from_here(state: CsState) -> Fraction:
        arrows = [arrow for (source, _), arrow in table.items() if source is state]
        total = Fraction(0)
        for arrow in arrows:
            if arrow.event is first:
                total += 1
            elif arrow.event is not second:
                total += from_here(arrow.target)
        return total / len(arrows)

    return from_here(CASE_STATE.start)
