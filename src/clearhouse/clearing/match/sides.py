"""One report as a side of a comparison: its sketch, and what its tokens weigh.

In comes a sketch with the weights of its tokens, out comes a `Side`, which is kept with the report.
Weights are multiples of 2^-20, so that every sum of them is exact: it depends neither on the order
of a set nor on the numbers that stand for tokens, and a pair looks the same to every process.
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
UNIT = 2.0**-20


def exact(weight: float) -> float:
    """Return the multiple of `UNIT` that is nearest to a weight."""
    return round(weight / UNIT) * UNIT


@dataclass(frozen=True, kw_only=True, slots=True)
class Masses:
    """What the tokens of one report weigh together, by kind, when the report arrived."""

    words: float
    pairs: float
    runs: float
    specifics: float
    product: float
    title: float


def masses(one: Sketch, weights: Weights) -> Masses:
    """Weigh the tokens of a report."""
    return Masses(
        words=mass(one.words, weights),
        pairs=mass(one.pairs, weights),
        runs=mass(one.runs, weights),
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


def mass(tokens: Iterable[Token], weights: Weights) -> float:
    """Return what tokens weigh together."""
    return math.fsum(map(weights.__getitem__, tokens))
