"""Numbers that describe a pair of reports, for the model to judge.

In come the sketches of a new and an earlier report with the weights of tokens, out come lists of
numbers in a fixed order: a first look, cheap enough for every candidate, and a closer look for the
few that remain. The order is part of the model: `FIRST_LOOK`, `CLOSER_LOOK` and `IN_LIST` name it,
and a model trained on other names is refused. Missing information is -1, or 0 where a sign says
which.
"""

import math
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence

from clearhouse.clearing.match.contrast import AMONG, DIFFERENCES, NOT_KNOWN, among, differences
from clearhouse.clearing.match.sides import Glimpse, Query, Side, Weights, mass, part
from clearhouse.clearing.match.sketch import Sketch, Token

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


def first_look(query: Query, old: Glimpse, retrieval: tuple[float, float, int]) -> list[float]:
    """Return the numbers of `FIRST_LOOK`; `retrieval` is score, best score of the list, rank."""
    a, mine = query.side.sketch, query.side.masses
    both = a.words & old.words
    weighed = [*map(query.weights.__getitem__, both)]
    total, rare = math.fsum(weighed), mass(both, query.local)
    shorter = min(mine.words, old.mass)
    product = mass(a.product & old.product, query.weights)
    score, best, rank = retrieval
    return [
        total,
        part(total, shorter),
        part(total, mine.words + old.mass - total),
        float(len(both)),
        max(weighed, default=0.0),
        rare,
        part(rare, shorter),
        float(len(a.classes & old.classes)),
        product,
        part(product, mine.product),
        float(len(a.names & old.names)),
        float(a.length),
        float(old.length),
        score,
        part(score, best),
        float(rank),
        best,
    ]


def closer_looks(
    query: Query, olds: Sequence[Side], firsts: Sequence[list[float]]
) -> list[list[float]]:
    """Return the numbers of `CLOSER_LOOK` for every candidate, given those of the first look."""
    return [
        [*first, *_pair(query, old), *differences(query, old), *beside]
        for old, first, beside in zip(olds, firsts, among(query, olds), strict=True)
    ]


def _pair(query: Query, old: Side) -> list[float]:
    a, b = query.side.sketch, old.sketch
    shorter, longer = sorted((a.length, b.length))
    return [
        *_shared_words(query, old),
        *_shared_classes(query, b),
        *_shared_product(query, old),
        query.side.masses.words,
        old.masses.words,
        *_shared_pairs(query, old),
        *_shared_specifics(query, old),
        *_shared_titles(query, old),
        *_flaws(query, b),
        *_settings(a, b),
        _names_alike(a, b),
        _agree(a.purls, b.purls),
        0.0 if a.ecosystem is None or b.ecosystem is None else _sign(a.ecosystem == b.ecosystem),
        _crowd(a.names, query.weights),
        _crowd(b.names & a.names, query.weights),
        *_places(a, b),
        mass(a.numbers & b.numbers, query.weights),
        float(len(a.numbers - b.numbers)),
        float(len(b.numbers - a.numbers)),
        float(shorter),
        part(shorter, longer),
    ]


def localized(
    words: Iterable[Token], weights: Weights, spread: Mapping[Token, int], candidates: int
) -> Weights:
    """Weigh words by how few of the best candidates hold them too, and by their own weight."""
    unit = math.log(max(candidates, 1) + 1)
    return {
        token: weights[token] * (unit - math.log(max(1, spread.get(token, 1)))) / unit
        for token in words
    }


def _shared_words(query: Query, old: Side) -> list[float]:
    both, spread = [*(query.side.sketch.words & old.sketch.words)], query.spread.get
    weighed = [*map(query.weights.__getitem__, both)]
    few = [(w, n) for w, token in zip(weighed, both, strict=True) if (n := spread(token, 1)) <= 2]
    total, rare = math.fsum(weighed), mass(both, query.local)
    rising = sorted(weighed)
    second, third = (*rising[-2:-4:-1], 0.0, 0.0)[:2]
    mine, theirs = query.side.masses.words, old.masses.words
    return [
        part(total, mine),
        part(total, theirs),
        second,
        third,
        float(len(rising) - bisect_right(rising, 5)),
        float(len(rising) - bisect_right(rising, 7)),
        part(rare, mine + theirs - total),
        float(sum([n <= 1 for _, n in few])),
        math.fsum([w for w, _ in few]),
    ]


def _shared_classes(query: Query, old: Sketch) -> list[float]:
    a = query.side.sketch
    both = a.classes & old.classes
    return [
        mass(both, query.class_weights),
        part(len(both), len(a.classes | old.classes)),
    ]


def _shared_product(query: Query, old: Side) -> list[float]:
    a, b, weights = query.side.sketch, old.sketch, query.weights
    both = [weights[token] for token in a.product & b.product]
    names = [weights[token] for token in a.names & b.names]
    mine = query.side.masses.product
    return [
        part(math.fsum(both), old.masses.product) if b.product else NOT_KNOWN,
        max(both, default=0.0),
        max(names, default=0.0),
        part(mass(a.product & b.all_words, weights), mine) if a.product else NOT_KNOWN,
        part(mass(b.product & a.all_words, weights), old.masses.product)
        if b.product
        else NOT_KNOWN,
    ]


def _shared_pairs(query: Query, old: Side) -> list[float]:
    both = query.side.sketch.pairs & old.sketch.pairs
    return [
        *_parts(mass(both, query.weights), query.side.masses.pairs, old.masses.pairs),
        len(both),
    ]


def _shared_specifics(query: Query, old: Side) -> list[float]:
    a, b, weights = query.side.sketch, old.sketch, query.weights
    both = a.specifics & b.specifics
    total = mass(both, weights)
    mine, theirs = query.side.masses.specifics, old.masses.specifics
    return [
        *_parts(total, mine, theirs),
        float(len(both)),
        max((weights[token] for token in both), default=0.0),
        mine - total,
        theirs - total,
        float(len(a.specifics)),
        float(len(b.specifics)),
        mass(a.specifics & b.words, weights),
        mass(b.specifics & a.words, weights),
    ]


def _shared_titles(query: Query, old: Side) -> list[float]:
    a, b, weights = query.side.sketch, old.sketch, query.weights
    mine, theirs = query.side.masses.title, old.masses.title
    return [
        part(mass(a.title & b.words, weights), mine) if mine else NOT_KNOWN,
        part(mass(b.title & a.words, weights), theirs) if theirs else NOT_KNOWN,
        part(mass(a.title & b.title, weights), min(mine, theirs)) if mine and theirs else NOT_KNOWN,
    ]


def _flaws(query: Query, b: Sketch) -> list[float]:
    a, weights = query.side.sketch, query.class_weights
    mine, theirs = a.classes - a.impacts, b.classes - b.impacts
    both = mine & theirs
    return [
        float(len(a.classes)),
        float(len(b.classes)),
        mass(both, weights),
        part(len(both), min(len(mine), len(theirs))) if mine and theirs else NOT_KNOWN,
        mass(mine - theirs, weights),
        mass(theirs - mine, weights),
        _agree(a.cwes, b.cwes),
        _agree(a.cwe_classes, b.cwe_classes),
        _agree(a.cwe_classes, b.classes),
        _agree(b.cwe_classes, a.classes),
    ]


def _settings(a: Sketch, b: Sketch) -> list[float]:
    return [
        float(len(a.settings & b.settings)),
        float(sum(theirs in b.settings for _, theirs in a.rivals)),
        float(len(a.settings ^ b.settings)),
    ]


def _places(a: Sketch, b: Sketch) -> list[float]:
    agree = [
        _agree(a.files, b.files),
        _agree(a.functions, b.functions),
        _agree(a.inputs, b.inputs),
    ]
    return [*agree, float(agree.count(-1.0))]


def _names_alike(a: Sketch, b: Sketch) -> float:
    """Return how nearly the best pair of names agrees, 0 to 1."""
    if not a.names or not b.names:
        return NOT_KNOWN
    if not a.names.isdisjoint(b.names):
        return 1.0
    return max(
        2 * len(one & other) / (len(one) + len(other))
        for one in a.name_parts
        for other in b.name_parts
    )


def _crowd(names: Iterable[Token], weights: Weights) -> float:
    """Return in how many of ten thousand reports the rarest of these names stands."""
    return min((1e4 * math.exp(-weights[name]) for name in names), default=NOT_KNOWN)


def _parts(total: float, mine: float, theirs: float) -> list[float]:
    return [
        total,
        part(total, mine),
        part(total, theirs),
        part(total, min(mine, theirs)),
    ]


def _agree(mine: frozenset[Token], theirs: frozenset[Token]) -> float:
    return _sign(not mine.isdisjoint(theirs)) if mine and theirs else 0.0


def _sign(agrees: bool) -> float:
    return 1.0 if agrees else -1.0
