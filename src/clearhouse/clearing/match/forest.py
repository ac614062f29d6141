"""Evaluates trained decision trees from plain data, without the library that trained them.

In come rows of numbers, out comes for each the sum of what the trees say (log-odds). Values that
are missing do not occur: `pairing` always gives a number. Refused: a model made for other features.

All trees are walked at once, for all rows. Every leaf of a tree is one bit; a test that fails
clears the leaves below its other child. The lowest bit left is the leaf that the walk would have
come to.
Source: Lucchese et al., "QuickScorer" (SIGIR 2015), the algorithm.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from clearhouse.clearing.match.sides import UNIT

Nodes = tuple[tuple[int, float, int, int], ...]
"""The inner nodes of a tree: feature, threshold, child at most the threshold, other child.
A child below 0 is leaf number -1-child."""
MOST_LEAVES = 32
TOGETHER = 128
"""So many rows are walked at once, because more would not stay in the processor's cache."""
Floats = npt.NDArray[np.float64]
Bits = npt.NDArray[np.uint32]


class ModelError(ValueError):
    """The model file does not fit this version of the software."""


@dataclass(frozen=True, slots=True, eq=False)
class _Tests:
    """All tests of all trees, tree by tree."""

    features: npt.NDArray[np.int64]
    thresholds: npt.NDArray[np.float32]
    kept: Bits
    """Which leaves of its tree are left when a test fails."""
    starts: npt.NDArray[np.int64]
    """Where the tests of each tree begin."""
    said: Floats
    """What each leaf says, by tree and by bit."""
    leaf_before: npt.NDArray[np.int64]
    """Where among them stands what is before the first leaf of each tree."""


@dataclass(frozen=True, slots=True)
class Forest:
    """A trained ensemble."""

    trees: tuple[Nodes, ...]
    leaves: tuple[tuple[float, ...], ...]
    _tests: _Tests = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_tests", _tests(self.trees, self.leaves))

    def log_odds(self, rows: Floats) -> Floats:
        """Return the sum of the trees for each row."""
        if len(rows) > TOGETHER:
            parts = [rows[at : at + TOGETHER] for at in range(0, len(rows), TOGETHER)]
            return np.concatenate([self.log_odds(part) for part in parts])
        tests = self._tests
        columns = np.ascontiguousarray(rows.T, np.float32)
        passed = columns.take(tests.features, axis=0) <= tests.thresholds
        left = np.negative(passed.view(np.uint8), dtype=np.uint32)  # every bit, or none
        left |= tests.kept
        left = np.bitwise_and.reduceat(left, tests.starts, axis=0)
        _, bit = np.frexp((left & -left).astype(np.float64))
        said: Floats = tests.said.take(bit + tests.leaf_before).sum(axis=0)
        return said

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


def _tests(trees: Sequence[Nodes], leaves: Sequence[Sequence[float]]) -> _Tests:
    """Lay out the tests of all trees; a tree without any gets one that says nothing."""
    tests: list[tuple[int, float, int]] = []
    starts = []
    said = np.zeros((len(trees), MOST_LEAVES))
    every = (1 << MOST_LEAVES) - 1
    for tree, (nodes, values) in enumerate(zip(trees, leaves, strict=True)):
        if len(values) > MOST_LEAVES:
            raise ModelError(f"a tree of the model has more than {MOST_LEAVES} leaves")
        order = _order(nodes)
        place = {leaf: position for position, leaf in enumerate(order)}
        said[tree, : len(order)] = [values[leaf] for leaf in order]
        starts.append(len(tests))
        tests += [(f, t, every & ~_below(nodes, low, place)) for f, t, low, _ in nodes]
        if not nodes:
            tests.append((0, math.inf, every))
    features, thresholds, kept = zip(*tests, strict=True) if tests else ((), (), ())
    return _Tests(
        features=np.array(features, np.int64),
        thresholds=np.array(thresholds, np.float32)[:, None],
        kept=np.array(kept, np.uint32)[:, None],
        starts=np.array(starts, np.int64),
        said=(np.round(said / UNIT) * UNIT).ravel(),
        leaf_before=np.arange(len(trees))[:, None] * MOST_LEAVES - 1,
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


def probability(log_odds: float) -> float:
    """Turn log-odds into a probability, without overflow."""
    if log_odds >= 0:
        return 1 / (1 + math.exp(-log_odds))
    grown = math.exp(log_odds)
    return grown / (1 + grown)
