"""Evaluates trained decision trees from plain data, without the library that trained them.

In comes a list of numbers, out comes the sum of what the trees say (log-odds). Values that are
missing do not occur: `pairing` always gives a number. Refused: a model made for other features.

All trees are walked at once. Every leaf is one bit of one long number; a test that fails clears
the leaves below its other child, and what all failed tests of one feature clear is known once the
feature's value is placed among the feature's thresholds. The lowest bit left in a tree's field is
the leaf that the walk would have come to.
Source: Lucchese et al., "QuickScorer" (SIGIR 2015), the algorithm.
"""

import math
from array import array
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import reduce
from itertools import accumulate
from operator import and_, getitem
from typing import Any, Literal

Nodes = tuple[tuple[int, float, int, int], ...]
"""The inner nodes of a tree: feature, threshold, child at most the threshold, other child.
A child below 0 is leaf number -1-child."""

_Tests = tuple[list[int], list[list[float]], list[list[int]]]
"""The features asked for; for each its thresholds, rising; for each which leaves are left when so
many of its thresholds are passed."""


class ModelError(ValueError):
    """The model file does not fit this version of the software."""


@dataclass(frozen=True, slots=True)
class Forest:
    """A trained ensemble."""

    trees: tuple[Nodes, ...]
    leaves: tuple[tuple[float, ...], ...]
    _tests: "_Tests" = field(init=False, repr=False)
    _said: tuple[dict[int, float], ...] = field(init=False, repr=False)
    """Per tree what its leaves say, by their bit."""
    _all: int = field(init=False, repr=False)
    """Every leaf of every tree."""
    _every_first: int = field(init=False, repr=False)
    """The lowest bit of every tree's field."""
    _bytes: int = field(init=False, repr=False)
    """How many bytes the field of one tree takes."""

    def __post_init__(self) -> None:
        most = max((len(leaves) for leaves in self.leaves), default=1)
        size = next(size for size in (1, 2, 4, 8, -(-most // 8)) if 8 * size >= most)
        orders = [_order(nodes) for nodes in self.trees]
        first = sum(1 << (8 * size * tree) for tree in range(len(self.trees)))
        object.__setattr__(self, "_bytes", size)
        object.__setattr__(self, "_every_first", first)
        object.__setattr__(self, "_all", (1 << (8 * size * len(self.trees))) - 1)
        object.__setattr__(self, "_tests", _tests(self.trees, orders, 8 * size))
        object.__setattr__(
            self,
            "_said",
            tuple(
                {1 << place: leaves[leaf] for place, leaf in enumerate(order)}
                for order, leaves in zip(orders, self.leaves, strict=True)
            ),
        )

    def log_odds(self, numbers: Sequence[float]) -> float:
        """Return the sum of the trees for one list of numbers."""
        features, thresholds, kept = self._tests
        places = map(bisect_left, thresholds, map(numbers.__getitem__, features))
        left = reduce(and_, map(getitem, kept, places), self._all)
        lowest = left & ~(left - self._every_first)
        packed = lowest.to_bytes(self._bytes * len(self._said), "little")
        return math.fsum(map(getitem, self._said, _fields(packed, self._bytes)))

    @classmethod
    def of(cls, document: dict[str, Any], features: Sequence[str]) -> "Forest":
        """Read a forest from its document.

        Raises: ModelError when it was trained on other features.
        """
        if document["features"] != list(features):
            raise ModelError("the model was trained on other features; train it again")
        return cls(
            tuple(
                tuple((f, t, low, high) for f, t, low, high in tree["nodes"])
                for tree in document["trees"]
            ),
            tuple(tuple(tree["leaves"]) for tree in document["trees"]),
        )


def _order(nodes: Nodes) -> list[int]:
    """Return the leaves of a tree from left to right."""
    order, waiting = [], [0 if nodes else -1]
    while waiting:
        here = waiting.pop()
        if here < 0:
            order.append(-1 - here)
        else:
            waiting += (nodes[here][3], nodes[here][2])
    return order


def _below(nodes: Nodes, child: int, place: dict[int, int]) -> int:
    """Return the bits of the leaves below a child."""
    found, waiting = 0, [child]
    while waiting:
        here = waiting.pop()
        if here < 0:
            found |= 1 << place[-1 - here]
        else:
            waiting += (nodes[here][2], nodes[here][3])
    return found


def _tests(trees: Sequence[Nodes], orders: Sequence[Sequence[int]], width: int) -> _Tests:
    cleared: defaultdict[int, defaultdict[float, int]] = defaultdict(lambda: defaultdict(int))
    for tree, (nodes, order) in enumerate(zip(trees, orders, strict=True)):
        place = {leaf: position for position, leaf in enumerate(order)}
        for feature, threshold, low, _ in nodes:
            cleared[feature][threshold] |= _below(nodes, low, place) << (width * tree)
    features = sorted(cleared)
    thresholds = [sorted(cleared[feature]) for feature in features]
    kept = [
        list(
            accumulate(
                (cleared[feature][threshold] for threshold in rising),
                lambda left, gone: left & ~gone,
                initial=(1 << (width * len(trees))) - 1,
            )
        )
        for feature, rising in zip(features, thresholds, strict=True)
    ]
    return features, thresholds, kept


def _fields(packed: bytes, size: int) -> Sequence[int]:
    if size == 1:
        return packed
    if size in _CODES:
        return array(_CODES[size], packed)
    return [int.from_bytes(packed[at : at + size], "little") for at in range(0, len(packed), size)]


_CODES: dict[int, Literal["H", "I", "Q"]] = {2: "H", 4: "I", 8: "Q"}


def probability(log_odds: float) -> float:
    """Turn log-odds into a probability, without overflow."""
    if log_odds >= 0:
        return 1 / (1 + math.exp(-log_odds))
    grown = math.exp(log_odds)
    return grown / (1 + grown)
