"""Ranks earlier reports for a new one: retrieval, first look, closer look, the list as a whole.

In comes a sketch and an index of earlier ones, out come at most ten candidates with a calibrated
probability that fixing one fixes the other. Whether a candidate is the one also depends on the
others of the list: a crowded package, or a rival that fits better, lowers what a resemblance says.
Nothing here merges anything (design, law 4).
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise, repeat

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
"""How many candidates get the closer look,"""
CLOSER_WHERE_CLEAR = 10
"""and how many where the best is clear: the others rarely catch up with it."""
CLEAR = 1.5
"""So much log-odds of the first look make it clear."""
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
    numbers: Floats = field(compare=False)
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
    near = _nearest(model.first.log_odds(looks.numbers), looks.rows, forced)
    every = [packed for one in candidates for packed in one.packed]
    packed = [[every[row] for row in some] for some in near.each()]
    closer = closer_looks(asked, looks.around, packed, looks.numbers[near.chosen])
    alone = model.closer.log_odds(closer)
    listed = _best_of_each(alone, near.rows, repeat(LISTED), forced[near.chosen])
    said = model.final.log_odds(in_lists(closer[listed.chosen], alone[listed.chosen], listed.rows))
    told = _best_of_each(said, listed.rows, repeat(TOLD), forced[near.chosen[listed.chosen]])
    at = listed.chosen[told.chosen]
    each = list(zip(near.chosen[at].tolist(), said[told.chosen].tolist(), closer[at], strict=True))
    rows = pairwise(told.rows.tolist())
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
            numbers=seen,
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


def _nearest(odds: Floats, rows: Ints, forced: Flags) -> _Left:
    """Keep the rows that get the closer look."""
    tops = [odds[low:high].max(initial=-math.inf) for low, high in pairwise(rows.tolist())]
    most = [CLOSER_WHERE_CLEAR if top >= CLEAR else CLOSER for top in tops]
    return _best_of_each(odds, rows, most, forced)


def _best_of_each(odds: Floats, rows: Ints, most: Iterable[int], forced: Flags) -> _Left:
    """Keep the best rows of each report, and those that are kept in any case."""
    left = [
        [low + place for place in best(odds[low:high], some, forced[low:high])]
        for (low, high), some in zip(pairwise(rows.tolist()), most, strict=False)
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


def in_lists(closer: Floats, alone: Floats, rows: Ints) -> Floats:
    """Add to each candidate what the list around it looks like.

    Each list is sorted best first; `rows` says where each begins, and where the last one ends.
    """
    counts = np.diff(rows)
    places = np.arange(counts.max(initial=0))
    held: Flags = places < counts[:, None]

    def laid(numbers: Floats, empty: float) -> Floats:
        """Give each list a row, `empty` where it is shorter than the longest."""
        found = np.full((*held.shape, *numbers.shape[1:]), empty)
        found[held] = numbers
        return found

    odds = laid(1 / (1 + np.exp(-alone)), 0.0)
    whole = odds.sum(axis=1)
    own = laid(alone, NOTHING)
    best, following = own[:, :1], np.pad(own, ((0, 0), (0, 1)), constant_values=NOTHING)[:, 1:]
    second = following[:, :1]
    five = np.minimum(counts, 5)
    first_five = np.where(held, own, 0.0)[:, :5].sum(axis=1) / np.maximum(five, 1)
    told = (
        own,
        places.astype(np.float64),
        best,
        best - own,
        own - following,
        second,
        whole[:, None],
        (odds > 0.2).sum(axis=1)[:, None].astype(np.float64),
        first_five[:, None],
        own - np.where(places == 0, second, best),
        np.minimum(counts, LISTED)[:, None].astype(np.float64),
        odds / np.where(whole > 0, whole, 1.0)[:, None],
    )
    around = np.stack([np.broadcast_to(one, held.shape)[held] for one in told], axis=1)
    ahead = _ahead(laid(closer[:, _RIVALLED], -math.inf), counts)[held]
    return np.hstack([closer, around, ahead])


def _ahead(rivalled: Floats, counts: Ints) -> Floats:
    """Return by how much each candidate surpasses the best of the others, number by number.

    In come the numbers by list and candidate, infinitely low where there is none.
    """
    if rivalled.shape[1] < 2:
        return rivalled
    ordered = np.sort(rivalled, axis=1)
    top, next_to_top = ordered[:, -1:], ordered[:, -2:-1]
    next_to_top = np.where(counts[:, None, None] > 1, next_to_top, 0.0)
    others = np.where(rivalled == top, next_to_top, top)
    ahead: Floats = rivalled - np.where(counts[:, None, None] > 1, others, 0.0)
    return ahead


def log_odds(share: float) -> float:
    """Turn a probability into log-odds, kept within ±`NOTHING`."""
    kept = min(max(share, 1e-6), 1 - 1e-6)
    return math.log(kept / (1 - kept))
