"""Ranks earlier reports for a new one: retrieval, first look, closer look, the list as a whole.

In comes a sketch and an index of earlier ones, out come at most ten candidates with a calibrated
probability that fixing one fixes the other. Whether a candidate is the one also depends on the
others of the list: a crowded package, or a rival that fits better, lowers what a resemblance says.
Nothing here merges anything (design, law 4).
"""

import math
from collections import Counter
from collections.abc import Container, Sequence
from dataclasses import dataclass

from clearhouse.clearing.match.forest import probability
from clearhouse.clearing.match.model import Model
from clearhouse.clearing.match.packing import unpack
from clearhouse.clearing.match.pairing import (
    CLOSER_LOOK,
    RIVALLED,
    closer_looks,
    first_look,
    localized,
)
from clearhouse.clearing.match.retrieval import SPREAD
from clearhouse.clearing.match.sides import Glimpse, Query, Side, Weights
from clearhouse.clearing.match.sketch import Token

CLOSER = 20
"""How many candidates get the closer look."""
LISTED = 10
"""How many candidates are ranked at last."""
_RIVALLED = tuple(CLOSER_LOOK.index(name) for name in RIVALLED)
CLAIMED = 0.5
"""How much of the others' claim counts: half halves what the look-alikes of a product weigh, and
still suggests a bug that ten have reported."""
NOTHING = -14.0
"""Log-odds that stand for a candidate that is not there."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """One earlier report as retrieval found it."""

    number: int
    score: float
    glimpse: Glimpse
    """What the first look needs."""
    whole: Side | bytes
    """Everything that is known of the report, packed or not."""

    @classmethod
    def of(cls, number: int, score: float, side: Side) -> "Candidate":
        """Return a candidate that is known as a whole."""
        return cls(number=number, score=score, glimpse=Glimpse.of(side), whole=side)

    def side(self) -> Side:
        """Return everything that is known of the report."""
        return self.whole if isinstance(self.whole, Side) else unpack(self.whole)


@dataclass(frozen=True, kw_only=True, slots=True)
class Ranked:
    """One earlier report with what the model thinks of it."""

    number: int
    log_odds: float
    """What the trees say; sorts also where the calibration sees no difference."""
    probability: float
    """How often such a candidate was the same bug when it was measured."""
    numbers: tuple[float, ...]
    """What the closer look saw, in the order of `CLOSER_LOOK`."""


def query(one: Side, weights: Weights, classes: Weights, candidates: Sequence[Candidate]) -> Query:
    """Prepare a new report for comparison with its candidates, best first."""
    words = one.sketch.words
    spread: Counter[Token] = Counter()
    for candidate in candidates[:SPREAD]:
        spread.update(words & candidate.glimpse.words)
    local = localized(words, weights, spread, min(SPREAD, len(candidates)))
    return Query(
        side=one,
        weights=weights,
        class_weights=classes,
        spread=spread,
        local=local,
        local_mass=math.fsum(local.values()),
    )


def first_looks(asked: Query, candidates: Sequence[Candidate]) -> list[list[float]]:
    """Take the first look at every candidate, which must be sorted best first."""
    best = candidates[0].score if candidates else 0.0
    return [
        first_look(asked, one.glimpse, (one.score, best, rank))
        for rank, one in enumerate(candidates)
    ]


def rank(
    model: Model, asked: Query, candidates: Sequence[Candidate], *, always: Container[int] = ()
) -> tuple[Ranked, ...]:
    """Rank candidates, the likeliest first; those numbered in `always` are judged in any case."""
    looks = first_looks(asked, candidates)
    forced = [i for i, one in enumerate(candidates) if one.number in always]
    by_look = sorted(range(len(looks)), key=lambda i: (-model.first.log_odds(looks[i]), i))
    kept = _with(by_look[:CLOSER], forced)
    sides = [candidates[i].side() for i in kept]
    numbers = closer_looks(asked, sides, [looks[i] for i in kept])
    closer = dict(zip(kept, numbers, strict=True))
    alone = {i: model.closer.log_odds(looked) for i, looked in closer.items()}
    listed = _with(sorted(kept, key=lambda i: (-alone[i], i))[:LISTED], forced)
    contexts = context([closer[i] for i in listed], [alone[i] for i in listed])
    said = [model.final.log_odds(looked) for looked in contexts]
    ranked = [
        Ranked(
            number=candidates[i].number,
            log_odds=odds,
            probability=model.calibrated(stands),
            numbers=tuple(closer[i]),
        )
        for i, odds, stands in zip(listed, said, standing(said), strict=True)
    ]
    return tuple(sorted(ranked, key=lambda one: -one.log_odds))


def standing(odds: Sequence[float]) -> list[float]:
    """Return log-odds less a share of what the others of the list claim together.

    A report is rarely several bugs: without this, ten look-alikes of one product would all be
    called likely. Not all of it, because several may be reports of the same bug.
    """
    claims = [math.exp(one) for one in odds]
    others = [math.fsum([*claims[:i], *claims[i + 1 :]]) for i in range(len(odds))]
    return [one - CLAIMED * math.log1p(rest) for one, rest in zip(odds, others, strict=True)]


def context(closer: Sequence[list[float]], alone: Sequence[float]) -> list[list[float]]:
    """Add to each candidate what the list around it looks like; the list is sorted best first."""
    odds = [probability(one) for one in alone]
    total, likely = sum(odds), float(sum([one > 0.2 for one in odds]))
    mean = sum(alone[:5]) / max(len(alone[:5]), 1)
    second = alone[1] if len(alone) > 1 else NOTHING
    ahead = _ahead(closer)
    return [
        [
            *numbers,
            mine,
            float(place),
            alone[0],
            alone[0] - mine,
            mine - (alone[place + 1] if place + 1 < len(alone) else NOTHING),
            second,
            total,
            likely,
            mean,
            mine - (second if place == 0 else alone[0]),
            float(min(len(alone), LISTED)),
            odds[place] / total if total > 0 else 0.0,
            *ahead[place],
        ]
        for place, (numbers, mine) in enumerate(zip(closer, alone, strict=True))
    ]


def _ahead(closer: Sequence[list[float]]) -> list[list[float]]:
    """Return by how much each candidate surpasses the best of the others, number by number."""
    columns = [[numbers[i] for numbers in closer] for i in _RIVALLED]
    best = [sorted(column, reverse=True)[:2] for column in columns]
    return [
        [
            column[place] - (top[1] if column[place] == top[0] else top[0])
            if len(top) > 1
            else column[place]
            for column, top in zip(columns, best, strict=True)
        ]
        for place in range(len(closer))
    ]


def _with(chosen: list[int], forced: list[int]) -> list[int]:
    return [*chosen, *(i for i in forced if i not in chosen)]


def log_odds(share: float) -> float:
    """Turn a probability into log-odds, kept within ±`NOTHING`."""
    kept = min(max(share, 1e-6), 1 - 1e-6)
    return math.log(kept / (1 - kept))
