"""Evaluates trained decision trees from plain data, without the library that trained them.

In come rows of numbers, out comes for each the sum of what the trees say (log-odds). Values that
are missing do not occur: `pairing` always gives a number. Refused: a model made for other features.

All trees are walked at once, level by level, for 64 rows in one number: each test has a bit for
every row that passes it, and so each place of a tree a bit for every row that reaches it.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from clearhouse.clearing.match.sides import UNIT

Nodes = tuple[tuple[int, float, int, int], ...]
"""The inner nodes of a tree: feature, threshold, child at most the threshold, other child.
A child below 0 is leaf number -1-child."""
MOST_LEAVES = 256
"""The number of a leaf in its tree is one byte."""
TOGETHER = 2048
"""So many rows are walked at once, because more would not stay in the processor's cache."""
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Rows = npt.NDArray[np.uint64]
"""One bit for each of many rows."""


class ModelError(ValueError):
    """The model file does not fit this version of the software."""


@dataclass(frozen=True, slots=True, eq=False)
class _Level:
    """One step down from places of trees that lie equally deep: first the low children."""

    parents: Ints
    tests: Ints
    """The test of each parent."""
    leaves: Ints
    """Those of the places that are leaves."""


@dataclass(frozen=True, slots=True, eq=False)
class _Walk:
    """All trees, laid out to be walked at once."""

    features: Ints
    """By test; trees that ask the same share one."""
    thresholds: npt.NDArray[np.float32]
    levels: tuple[_Level, ...]
    numbered: tuple[tuple[Ints, Ints], ...]
    """For each bit of a leaf's number the leaves that have it, where those of each tree begin."""
    said: Floats
    """What each leaf says, by tree and number."""
    before: Ints
    """How many of those come before each tree."""


@dataclass(frozen=True, slots=True)
class Forest:
    """A trained ensemble."""

    trees: tuple[Nodes, ...]
    leaves: tuple[tuple[float, ...], ...]
    _walk: _Walk = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_walk", _laid_out(self.trees, self.leaves))

    def log_odds(self, rows: Floats) -> Floats:
        """Return the sum of the trees for each row."""
        if len(rows) > TOGETHER:
            parts = [rows[at : at + TOGETHER] for at in range(0, len(rows), TOGETHER)]
            return np.concatenate([self.log_odds(part) for part in parts])
        walk = self._walk
        reached = _reached(walk, _passed(walk, rows))
        number = np.zeros((len(walk.before), len(rows)), np.uint8)
        for bit, (leaves, starts) in enumerate(walk.numbered):
            has = np.bitwise_or.reduceat(reached.take(leaves, axis=0), starts, axis=0)
            number |= np.unpackbits(has.view(np.uint8), axis=1, count=len(rows)) << bit
        said: Floats = walk.said.take(walk.before + number).sum(axis=0)
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


def _passed(walk: _Walk, rows: Floats) -> Rows:
    """Return for each test which rows pass it."""
    columns = np.ascontiguousarray(rows.T, np.float32)
    passed = np.packbits(columns.take(walk.features, axis=0) <= walk.thresholds, axis=1)
    whole = np.zeros((len(passed), -(-len(rows) // 64) * 8), np.uint8)
    whole[:, : passed.shape[1]] = passed
    return whole.view(np.uint64)


def _reached(walk: _Walk, passed: Rows) -> Rows:
    """Return for each leaf which rows reach it, and last for none."""
    here = np.full((len(walk.before), passed.shape[1]), ~np.uint64(0))
    leaves = []
    for level in walk.levels:
        leaves.append(here.take(level.leaves, axis=0))
        above = here.take(level.parents, axis=0)
        low = above & passed.take(level.tests, axis=0)
        here = np.concatenate([low, above ^ low])
    return np.concatenate([*leaves, np.zeros((1, passed.shape[1]), np.uint64)])


def _laid_out(trees: Sequence[Nodes], leaves: Sequence[Sequence[float]]) -> _Walk:
    """Lay out trees.

    Raises: ModelError when one has too many leaves.
    """
    most = max(map(len, leaves), default=1)
    if most > MOST_LEAVES:
        raise ModelError(f"a tree of the model has more than {MOST_LEAVES} leaves")
    bits = (most - 1).bit_length()
    said = np.zeros((len(trees), 1 << bits))
    for tree, values in enumerate(leaves):
        said[tree, : len(values)] = values
    asked = sorted({(f, np.float32(t)) for nodes in trees for f, t, _, _ in nodes})
    levels, order = _levels(trees, {test: place for place, test in enumerate(asked)})
    return _Walk(
        features=np.array([feature for feature, _ in asked], np.int64),
        thresholds=np.array([threshold for _, threshold in asked], np.float32)[:, None],
        levels=levels,
        numbered=tuple(_having(bit, order, len(trees)) for bit in range(bits)),
        said=(np.round(said / UNIT) * UNIT).ravel(),
        before=np.arange(len(trees))[:, None] << bits,
    )


def _levels(
    trees: Sequence[Nodes], tests: Mapping[tuple[int, np.float32], int]
) -> tuple[tuple[_Level, ...], list[tuple[int, int]]]:
    """Return the levels of all trees, and the leaves, tree and number, in the order of levels."""
    here = [(tree, 0 if nodes else -1) for tree, nodes in enumerate(trees)]
    levels, order = [], []
    while here:
        parents = [place for place, (_, child) in enumerate(here) if child >= 0]
        ended = [place for place, (_, child) in enumerate(here) if child < 0]
        order += [(here[place][0], -1 - here[place][1]) for place in ended]
        nodes = [(tree, trees[tree][child]) for tree, child in here if child >= 0]
        levels.append(
            _Level(
                parents=np.array(parents, np.int64),
                tests=np.array([tests[f, np.float32(t)] for _, (f, t, _, _) in nodes], np.int64),
                leaves=np.array(ended, np.int64),
            )
        )
        here = [(tree, node[2]) for tree, node in nodes] + [(tree, node[3]) for tree, node in nodes]
    return tuple(levels), order


def _having(bit: int, order: Sequence[tuple[int, int]], trees: int) -> tuple[Ints, Ints]:
    """Return the places of the leaves whose number has a bit, and where those of each tree begin.

    Every tree gets also the place after the last leaf, which no row reaches.
    """
    having: list[list[int]] = [[len(order)] for _ in range(trees)]
    for place, (tree, number) in enumerate(order):
        if number >> bit & 1:
            having[tree].append(place)
    starts = np.cumsum([0, *map(len, having)])[:-1]
    return np.array([place for some in having for place in some], np.int64), starts


def probability(log_odds: float) -> float:
    """Turn log-odds into a probability, without overflow."""
    if log_odds >= 0:
        return 1 / (1 + math.exp(-log_odds))
    grown = math.exp(log_odds)
    return grown / (1 + grown)
