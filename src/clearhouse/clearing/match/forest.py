"""Evaluates trained decision trees from plain data, without the library that trained them.

In comes a list of numbers, out comes the sum of what the trees say (log-odds). The trees stand in
flat arrays; a negative child is a leaf. Values that are missing do not occur: `pairing` always
gives a number. Refused: a model made for other features.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


class ModelError(ValueError):
    """The model file does not fit this version of the software."""


@dataclass(frozen=True, slots=True)
class Forest:
    """A trained ensemble."""

    trees: tuple[tuple[tuple[int, float, int, int], ...], ...]
    """Per tree its inner nodes: feature, threshold, child at most the threshold, other child.
    A child below 0 is leaf number -1-child."""
    leaves: tuple[tuple[float, ...], ...]

    def log_odds(self, numbers: Sequence[float]) -> float:
        """Return the sum of the trees for one list of numbers."""
        total = 0.0
        for nodes, leaves in zip(self.trees, self.leaves, strict=True):
            node = 0 if nodes else -1
            while node >= 0:
                feature, threshold, low, high = nodes[node]
                node = low if numbers[feature] <= threshold else high
            total += leaves[-1 - node]
        return total

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


def probability(log_odds: float) -> float:
    """Turn log-odds into a probability, without overflow."""
    if log_odds >= 0:
        return 1 / (1 + math.exp(-log_odds))
    grown = math.exp(log_odds)
    return grown / (1 + grown)
