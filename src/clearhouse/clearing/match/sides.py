"""One report as a side of a comparison: its sketch, and what its tokens weigh.

In comes a sketch with the weights of its tokens, out comes a `Side`, which is kept with the report,
or a `Query`, which is made when the report looks for earlier ones. Sums are exact (`fsum`), so that
they do not depend on the order of a set and a pair gets the same numbers in every process.
"""

import heapq
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from clearhouse.clearing.match.sketch import Sketch, Token

TELLING = 12
"""So many of a report's heaviest words stand for what it is about."""
Weights = Mapping[Token, float]
"""How much it says to share a token: its inverse document frequency in nats."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Masses:
    """What the tokens of one report weigh together, by kind, when the report arrived."""

    words: float
    pairs: float
    specifics: float
    product: float
    title: float


def masses(one: Sketch, weights: Weights) -> Masses:
    """Weigh the tokens of a report."""
    return Masses(
        words=mass(one.words, weights),
        pairs=mass(one.pairs, weights),
        specifics=mass(one.specifics, weights),
        product=mass(one.product, weights),
        title=mass(one.title, weights),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Side:
    """One report of a pair."""

    sketch: Sketch
    masses: Masses
    telling: tuple[tuple[Token, float], ...] = ()
    """Its heaviest words with their weights, the heaviest first."""


def side(one: Sketch, weights: Weights, text: Callable[[Token], str] = str) -> Side:
    """Weigh a report; `text` gives a token in the clear, which decides between equal weights."""
    heaviest = heapq.nsmallest(
        TELLING, [(-weights[token], text(token), token) for token in one.words]
    )
    return Side(
        sketch=one,
        masses=masses(one, weights),
        telling=tuple((token, -weight) for weight, _, token in heaviest),
    )


@dataclass(frozen=True, slots=True)
class Glimpse:
    """As much of an earlier report as the first look needs; of the tokens at least the shared."""

    words: frozenset[Token]
    product: frozenset[Token]
    names: frozenset[Token]
    classes: frozenset[Token]
    length: int
    mass: float
    """What its words weigh together."""

    @classmethod
    def of(cls, side: Side) -> "Glimpse":
        """Return the glimpse of a report that is known as a whole."""
        one = side.sketch
        return cls(one.words, one.product, one.names, one.classes, one.length, side.masses.words)


@dataclass(frozen=True, kw_only=True, slots=True)
class Query:
    """The new report with everything its candidates have in common."""

    side: Side
    weights: Weights
    """For every token of the new report."""
    class_weights: Weights
    """For the classes of flaws of any report."""
    spread: Mapping[Token, int]
    """In how many of the best candidates each of its words occurs."""
    local: Weights
    """The weights of its words, less for words that many of the best candidates hold."""
    local_mass: float
    """What its words weigh so together."""


def mass(tokens: Iterable[Token], weights: Weights) -> float:
    """Return what tokens weigh together."""
    return math.fsum(map(weights.__getitem__, tokens))


def part(some: float, whole: float) -> float:
    """Return a share; 0 of nothing."""
    return some / whole if whole > 0 else 0.0
