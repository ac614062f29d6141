"""Ranks earlier reports for a new one: retrieval, first look, closer look, the list as a whole.

In comes a sketch and an index of earlier ones, out come at most ten candidates with a calibrated
probability that fixing one fixes the other. Whether a candidate is the one also depends on the
others of the list: a crowded package, or a rival that fits better, lowers what a resemblance says.
Nothing here merges anything (design, law 4).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from clearhouse.clearing.match.closely import closer_looks
from clearhouse.clearing.match.columns import Flags, Floats, Ints, Queries
from clearhouse.clearing.match.model import Model
from clearhouse.clearing.match.pairing import (
    CLOSER_LOOK,
    RIVALLED,
    Around,
    first_looks,
)

CLOSER = 32
"""How many candidates get the closer look."""
LISTED = 15
"""How many candidates are judged as a list."""
TOLD = 10
"""How many of them are told."""
_RIVALLED = [CLOSER_LOOK.index(name) for name in RIVALLED]
CLAIMED = 0.5
"""How much of the others' claim counts: half halves what the look-alikes of a product weigh, and
still suggests a bug that ten have reported."""
NOTHING = -14.0
"""Log-odds that stand for a candidate that is not there."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidates:
    """Earlier reports as retrieval found them, best first."""

    numbers: Sequence[int]
    scores: Sequence[float]
    packed: Sequence[bytes]
    """Their sides of a comparison, packed."""
    always: frozenset[int] = frozenset()
    """Those of them that are judged in any case."""


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


def rank(
    model: Model, asked: Queries, candidates: Sequence[Candidates]
) -> tuple[list[tuple[Ranked, ...]], Around | None]:
    """Rank the candidates of each new report, the likeliest first, and say what is around it."""
    numbers = [number for one in candidates for number in one.numbers]
    if not numbers:
        return [() for _ in candidates], None
    forced = np.array([number in one.always for one in candidates for number in one.numbers])
    looks = first_looks(asked, [one.packed for one in candidates], [c.scores for c in candidates])
    near = _best_of_each(model.first.log_odds(looks.numbers), looks.rows, CLOSER, forced)
    every = [packed for one in candidates for packed in one.packed]
    packed = [[every[row] for row in some] for some in near.each()]
    closer = closer_looks(asked, looks.around, packed, looks.numbers[near.chosen])
    alone = model.closer.log_odds(closer)
    listed = _best_of_each(alone, near.rows, LISTED, forced[near.chosen])
    contexts = [context(closer[some], alone[some]) for some in listed.each() if len(some)]
    said = model.final.log_odds(np.vstack(contexts))
    told = _best_of_each(said, listed.rows, TOLD, forced[near.chosen[listed.chosen]])
    at = listed.chosen[told.chosen]
    each = list(zip(near.chosen[at].tolist(), said[told.chosen].tolist(), closer[at], strict=True))
    rows = zip(told.rows[:-1].tolist(), told.rows[1:].tolist(), strict=True)
    return [_ranked(model, numbers, each[low:high]) for low, high in rows], looks.around


def _ranked(
    model: Model, numbers: Sequence[int], told: Sequence[tuple[int, float, Floats]]
) -> tuple[Ranked, ...]:
    """Say of each candidate of one report, best first, how often such a one was the same bug."""
    stands = standing([odds for _, odds, _ in told])
    ranked = [
        Ranked(
            number=numbers[row],
            log_odds=odds,
            probability=model.calibrated(stand),
            numbers=tuple(seen.tolist()),
        )
        for (row, odds, seen), stand in zip(told, stands, strict=True)
    ]
    return tuple(sorted(ranked, key=lambda one: -one.log_odds))


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _Left:
    """The rows that are left of each report, best first."""

    chosen: Ints
    rows: Ints
    """Where those of each report begin, and where the last ones end."""

    def each(self) -> list[Ints]:
        """Return those of each report."""
        return np.split(self.chosen, self.rows[1:-1])


def _best_of_each(odds: Floats, rows: Ints, most: int, forced: Flags) -> _Left:
    """Keep the best rows of each report, and those that are kept in any case."""
    each = zip(rows[:-1].tolist(), rows[1:].tolist(), strict=True)
    left = [
        [low + place for place in best(odds[low:high], most, forced[low:high])]
        for low, high in each
    ]
    return _Left(
        chosen=np.array([row for some in left for row in some], np.int64),
        rows=np.cumsum([0, *map(len, left)]),
    )


def best(odds: Floats, most: int, forced: Flags) -> list[int]:
    """Return the places of the best rows, best first, then of those that are kept in any case."""
    order = np.argsort(-odds, kind="stable").tolist()
    return [*order[:most], *sorted(i for i in order[most:] if forced[i])]


def standing(odds: Sequence[float]) -> list[float]:
    """Return log-odds less a share of what the others of the list claim together.

    A report is rarely several bugs: without this, ten look-alikes of one product would all be
    called likely. Not all of it, because several may be reports of the same bug.
    """
    claims = [math.exp(one) for one in odds]
    others = [math.fsum([*claims[:i], *claims[i + 1 :]]) for i in range(len(odds))]
    return [one - CLAIMED * math.log1p(rest) for one, rest in zip(odds, others, strict=True)]


def context(closer: Floats, alone: Floats) -> Floats:
    """Add to each candidate what the list around it looks like; the list is sorted best first."""
    count = len(alone)
    odds = 1 / (1 + np.exp(-alone))
    place = np.arange(count, dtype=np.float64)
    following = np.append(alone[1:], NOTHING)
    second = alone[1] if count > 1 else NOTHING
    rival = np.full(count, alone[0])
    rival[0] = second
    told = (
        alone,
        place,
        alone[0],
        alone[0] - alone,
        alone - following,
        second,
        odds.sum(),
        float((odds > 0.2).sum()),
        alone[:5].mean(),
        alone - rival,
        float(min(count, LISTED)),
        odds / odds.sum(),
    )
    around = np.column_stack([np.broadcast_to(one, count) for one in told])
    return np.hstack([closer, around, _ahead(closer)])


def _ahead(closer: Floats) -> Floats:
    """Return by how much each candidate surpasses the best of the others, number by number."""
    rivalled = closer[:, _RIVALLED]
    if len(rivalled) < 2:
        return rivalled
    ordered = np.sort(rivalled, axis=0)
    top, next_to_top = ordered[-1], ordered[-2]
    ahead: Floats = rivalled - np.where(rivalled == top, next_to_top, top)
    return ahead


def log_odds(share: float) -> float:
    """Turn a probability into log-odds, kept within ±`NOTHING`."""
    kept = min(max(share, 1e-6), 1 - 1e-6)
    return math.log(kept / (1 - kept))
