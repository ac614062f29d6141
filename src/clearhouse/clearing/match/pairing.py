"""Numbers that describe a pair of reports, for the model to judge, and the first of them.

In come new reports with their candidates, out come numbers in a fixed order, one row a candidate: a
first look, cheap enough for every candidate; `closely` takes a closer look at those that remain.
The order is part of the model: `FIRST_LOOK`, `CLOSER_LOOK`, `IN_LIST` and `IN_GROUP` name it, and
a model trained on other names is refused. Missing information is -1, or 0 where a sign says which.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from clearhouse.clearing.match.columns import (
    ROLES,
    Floats,
    Ints,
    Meeting,
    Queries,
    Shared,
    first_columns,
)
from clearhouse.clearing.match.contrast import AMONG, DIFFERENCES, part
from clearhouse.clearing.match.sides import UNIT, Side, Weights
from clearhouse.clearing.match.sketch import Token

SPREAD = 30
"""Over so many of the best candidates it is counted how local a word is."""

FIRST_LOOK = (
    "words shared",
    "words shared of shorter",
    "words shared of both",
    "words shared count",
    "heaviest word",
    "rare here shared",
    "rare here of shorter",
    "classes shared",
    "product shared",
    "product shared of new",
    "names shared",
    "new length",
    "old length",
    "retrieval",
    "retrieval of best",
    "retrieval rank",
    "retrieval best",
)
CLOSER_LOOK = (
    *FIRST_LOOK,
    "words shared of new",
    "words shared of old",
    "second word",
    "third word",
    "words above 5",
    "words above 7",
    "rare here of both",
    "words only these",
    "words at most two",
    "class weight",
    "classes shared of both",
    "product shared of old",
    "product heaviest",
    "name heaviest",
    "new product in old words",
    "old product in new words",
    "new mass",
    "old mass",
    "pairs shared",
    "pairs shared of new",
    "pairs shared of old",
    "pairs shared of shorter",
    "pairs shared count",
    "runs shared",
    "runs shared of new",
    "runs shared of old",
    "runs shared of shorter",
    "runs shared count",
    "specifics shared",
    "specifics shared of new",
    "specifics shared of old",
    "specifics shared of shorter",
    "specifics shared count",
    "specific heaviest",
    "specifics only new",
    "specifics only old",
    "specifics of new",
    "specifics of old",
    "new specifics in old words",
    "old specifics in new words",
    "new title in old",
    "old title in new",
    "titles shared of shorter",
    "classes of new",
    "classes of old",
    "flaws weight",
    "flaws of shorter",
    "flaws only new",
    "flaws only old",
    "cwe",
    "cwe class",
    "new cwe class in old",
    "old cwe class in new",
    "settings shared",
    "settings rival",
    "settings apart",
    "names alike",
    "purl",
    "ecosystem",
    "new name crowd",
    "old name crowd",
    "files agree",
    "functions agree",
    "inputs agree",
    "places apart",
    "numbers shared",
    "numbers only new",
    "numbers only old",
    "shorter length",
    "lengths alike",
    *DIFFERENCES,
    *AMONG,
)
RIVALLED = (
    "words shared",
    "words shared of shorter",
    "words shared of both",
    "rare here shared",
    "rare here of shorter",
    "rare here of both",
    "heaviest word",
    "words only these",
    "pairs shared of shorter",
    "runs shared of shorter",
    "specifics shared",
    "new title in old",
    "flaws weight",
    "product shared of new",
    "name heaviest",
    "names alike",
    "retrieval",
)
"""Numbers for which it counts by how much the others of the list fall short of them."""
IN_LIST = (
    *CLOSER_LOOK,
    "alone",
    "place",
    "best alone",
    "behind best",
    "ahead of next",
    "second alone",
    "sum of list",
    "likely in list",
    "mean of five",
    "ahead of rival",
    "length of list",
    "share of list",
    *(f"{name}, ahead of the others" for name in RIVALLED),
)


IN_GROUP = (
    "best",
    "together",
    "members",
    "mean",
    "least",
    "place of best",
    "best of others",
    "best, ahead of others",
    "together, ahead of others",
    "groups in list",
    "length of list",
    "pairs shared at most",
    "share of list",
    *(f"{name}, of best" for name in CLOSER_LOOK),
)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Around:
    """What the best candidates around new reports hold of their tokens."""

    spread: Floats
    """How many of them hold each word."""
    local: Floats
    """What each token weighs, less for words that many of them hold."""
    local_mass: Floats
    """What the words of each report weigh so together."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class FirstLooks:
    """All candidates after the first look."""

    around: Around
    rows: Ints
    """Where the candidates of each report begin, and where the last ones end."""
    numbers: Floats
    """By candidate, in the order of `FIRST_LOOK`."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Query:
    """One new report with what is around it, to explain what was found."""

    side: Side
    weights: Weights
    class_weights: Weights
    tokens: Ints
    spread: Floats
    """How many of the best candidates hold each of its tokens, if it is a word."""

    def held(self, tokens: Sequence[Token]) -> list[float]:
        """Return how many of the best candidates hold each of some words of the report."""
        at = np.searchsorted(self.tokens, np.array(tokens, np.int64))
        found: list[float] = self.spread[at].tolist()
        return found


def query(asked: Queries, around: Around, report: int) -> Query:
    """Return one of the new reports with what is around it."""
    one = asked.asking[report]
    own = slice(asked.starts[report], asked.starts[report + 1])
    return Query(
        side=one.side,
        weights=one.weights,
        class_weights=asked.class_weights,
        tokens=asked.tokens[own],
        spread=around.spread[own],
    )


def first_looks(
    asked: Queries, packed: Sequence[Sequence[bytes]], scores: Sequence[Sequence[float]]
) -> FirstLooks:
    """Take the first look at the candidates of each report, sorted best first by their scores."""
    old = first_columns(packed)
    met, rows = Meeting(asked, old), old.rows(len(packed))
    words = met.shared("words")
    place = np.arange(old.count) - rows[old.report]
    around = _around(asked, words, place, np.diff(rows))
    mine = old.each([one.side.masses.words for one in asked.asking])
    total, rare = words.mass(asked.heavy), words.mass(around.local)
    shorter = np.minimum(mine, old.masses("words"))
    product = met.shared("product").mass(asked.heavy)
    score = np.array([one for some in scores for one in some], np.float64)
    best = score[rows[old.report]]
    said = [
        total,
        part(total, shorter),
        part(total, mine + old.masses("words") - total),
        words.number(),
        *words.heaviest(asked.heavy),
        rare,
        part(rare, shorter),
        met.shared("classes").number(),
        product,
        part(product, old.each([one.side.masses.product for one in asked.asking])),
        met.shared("names").number(),
        old.each([one.length for one in asked.sketches]),
        old.length,
        score,
        part(score, best),
        place.astype(np.float64),
        best,
    ]
    return FirstLooks(around=around, rows=rows, numbers=np.column_stack(said))


def _around(asked: Queries, words: Shared, place: Ints, candidates: Ints) -> Around:
    """Weigh words by how few of the best candidates hold them too, and by their own weight."""
    near = words.at[place[words.owner] < SPREAD]
    spread = np.bincount(near, minlength=len(asked.tokens)).astype(np.float64)
    unit = np.log(np.clip(candidates, 1, SPREAD) + 1)[asked.report]
    local = asked.heavy * (unit - np.log(np.maximum(spread, 1))) / unit
    local = np.round(local / UNIT) * UNIT
    own = (asked.roles & ROLES["words"]) != 0
    return Around(spread=spread, local=local, local_mass=asked.sums(local, own))
