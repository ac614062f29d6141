"""Numbers that tell look-alikes apart: what one report says that another does not.

Advisories of one product are often written after one template, so that different bugs share most of
their words. What counts then is what is missing: whether the heaviest words of the earlier report
stand in the new one, and what a candidate shares with it that no other candidate shares. In come
two sides, or a new report and all candidates of the closer look; out come numbers in the order of
`DIFFERENCES` and `AMONG`.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import chain

from clearhouse.clearing.match.sides import TELLING, Query, Side, mass, part
from clearhouse.clearing.match.sketch import Sketch, Token

_MISSING = ("heaviest missing", "missing", "first missing", "missing of three", "share held")
DIFFERENCES = (
    *(f"old telling words, {name}" for name in _MISSING),
    "new places named in old",
    "old places named in new",
    "new places not in old",
    "old places not in new",
    "form alike",
    "purl kind alike",
    "products spelt alike",
    "form tokens alike",
    "rare here of new",
)
AMONG = (
    "words unique",
    "words missing",
    "words of best missing",
    "words of union",
    "pairs unique",
    "pairs missing",
    "pairs rare",
    "specifics unique",
    "specifics missing",
    "old telling words in rival",
    "old telling words ahead of rival",
    "old telling words surpassed by",
    "old telling words in others",
)
NOT_KNOWN = -1.0


def differences(query: Query, old: Side) -> list[float]:
    """Return the numbers of `DIFFERENCES`."""
    a, b = query.side.sketch, old.sketch
    return [
        *_telling(old, a.all_words),
        *_places(a, b),
        *_form(a, b),
        part(mass(a.words & b.words, query.local), query.local_mass),
    ]


def _telling(told: Side, words: frozenset[Token]) -> list[float]:
    """Say which of the heaviest words of one report the other does not hold."""
    telling = told.telling
    if not telling:
        return [0.0, 0.0, NOT_KNOWN, NOT_KNOWN, NOT_KNOWN]
    missing = [(rank, w) for rank, (token, w) in enumerate(telling) if token not in words]
    whole = math.fsum([w for _, w in telling])
    gone = math.fsum([w for _, w in missing])
    return [
        missing[0][1] if missing else 0.0,
        gone,
        float(missing[0][0]) if missing else float(TELLING),
        float(sum([rank < 3 for rank, _ in missing])),
        part(whole - gone, whole),
    ]


def _places(a: Sketch, b: Sketch) -> list[float]:
    """Say whether what one report names as file, function or input occurs in the other at all."""
    new = len(a.called & (b.all_words | b.specifics))
    old = len(b.called & (a.all_words | a.specifics))
    return [
        part(new, len(a.called)) if a.called else NOT_KNOWN,
        part(old, len(b.called)) if b.called else NOT_KNOWN,
        float(len(a.called) - new),
        float(len(b.called) - old),
    ]


def _form(a: Sketch, b: Sketch) -> list[float]:
    """Say whether two reports are laid out alike: one house seldom reports one bug twice."""
    both = ((a.form, b.form), (a.purl_kinds, b.purl_kinds), (a.spelling, b.spelling))
    alike = [float(not one.isdisjoint(other)) for one, other in both]
    return [*alike, math.fsum(alike)]


class _Shared:
    """What a report shares with each of its candidates, of one kind of tokens."""

    def __init__(self, query: Query, shared: list[frozenset[Token]]) -> None:
        self.query, self.shared = query, shared
        self.holders = Counter(chain.from_iterable(shared))
        self.masses = [mass(tokens, query.weights) for tokens in shared]
        self.union = mass(self.holders, query.weights)

    def unique(self, one: int) -> float:
        """Return the weight of what only this candidate shares."""
        holders, weights = self.holders, self.query.weights
        return math.fsum([weights[t] for t in self.shared[one] if holders[t] == 1])

    def missing(self, one: int) -> float:
        """Return the weight of what others share and this candidate does not."""
        return self.union - self.masses[one]

    def rare(self, one: int) -> float:
        """Return the weight of what it shares, less for what many candidates share."""
        holders, weights = self.holders, self.query.weights
        unit = math.log(len(self.shared) + 1)
        return math.fsum([weights[t] * (1 - math.log(holders[t]) / unit) for t in self.shared[one]])


def among(query: Query, olds: Sequence[Side]) -> list[list[float]]:
    """Return the numbers of `AMONG` for every candidate of the closer look."""
    a = query.side.sketch
    words = _Shared(query, [a.words & old.sketch.words for old in olds])
    pairs = _Shared(query, [a.pairs & old.sketch.pairs for old in olds])
    specifics = _Shared(query, [a.specifics & old.sketch.specifics for old in olds])
    nearer = _nearer(query, olds)
    by_mass = sorted(range(len(olds)), key=lambda i: -words.masses[i])[:2]
    return [
        [
            words.unique(i),
            words.missing(i),
            mass(_best_other(words, by_mass, i) - words.shared[i], query.weights),
            part(words.masses[i], words.union),
            pairs.unique(i),
            pairs.missing(i),
            pairs.rare(i),
            specifics.unique(i),
            specifics.missing(i),
            *nearer[i],
        ]
        for i in range(len(olds))
    ]


def _best_other(words: _Shared, by_mass: Sequence[int], one: int) -> frozenset[Token]:
    other = next((i for i in by_mass if i != one), None)
    return frozenset() if other is None else words.shared[other]


def _nearer(query: Query, olds: Sequence[Side]) -> list[list[float]]:
    """Say for each candidate whether another is nearer to it than the new report is."""
    words = query.side.sketch.words
    asked = {token for old in olds for token, _ in old.telling}
    holders: defaultdict[Token, list[int]] = defaultdict(list)
    for place, old in enumerate(olds):
        for token in asked & old.sketch.words:
            holders[token].append(place)
    found = []
    for one, old in enumerate(olds):
        held: list[list[float]] = [[] for _ in olds]
        for token, weight in old.telling:
            for place in holders[token]:
                held[place].append(weight)
        whole = math.fsum([weight for _, weight in old.telling])
        ours = part(math.fsum([weight for token, weight in old.telling if token in words]), whole)
        others = [part(math.fsum(some), whole) for n, some in enumerate(held) if n != one]
        top = max(others, default=0.0)
        surpassed = float(sum([other > ours for other in others]))
        found.append([top, ours - top, surpassed, part(math.fsum(others), len(others))])
    return found
