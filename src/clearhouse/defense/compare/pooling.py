"""Pool what several operators measured of one tool, without anybody's logs.

In: for each network, steps found and steps asked. Out: the mean over networks with an interval that
knows that networks differ, and how much they do. One network tells about itself; this is how many
become evidence for others.
Source: DerSimonian and Laird 1986; Hartung and Knapp 2001 (interval); Freeman and Tukey are not
used, a half is added where all or none were found.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from clearhouse.bench.statistics.special import t_quantile


@dataclass(frozen=True, kw_only=True, slots=True)
class Pooled:
    """A rate over networks."""

    networks: int
    value: float
    low: float
    high: float
    heterogeneity: float
    """I², the share of the scatter that is not chance, from 0 to 1."""


def pool(counts: Sequence[tuple[int, int]], confidence: float = 0.95) -> Pooled:
    """Pool found and asked of each network on the logit scale.

    Raises: ValueError for fewer than two networks, or one that asked nothing.
    """
    if len(counts) < 2 or any(not 0 <= found <= asked or asked < 1 for found, asked in counts):
        raise ValueError("pooling needs two networks, each with something asked")
    logits = [_logit(found, asked) for found, asked in counts]
    weights = [1 / spread for _, spread in logits]
    fixed = sum(w * y for w, (y, _) in zip(weights, logits, strict=True)) / sum(weights)
    scatter = sum(w * (y - fixed) ** 2 for w, (y, _) in zip(weights, logits, strict=True))
    freedom = len(counts) - 1
    scale = sum(weights) - sum(w * w for w in weights) / sum(weights)
    between = max(0.0, (scatter - freedom) / scale)
    random_ = [1 / (spread + between) for _, spread in logits]
    mean = sum(w * y for w, (y, _) in zip(random_, logits, strict=True)) / sum(random_)
    knapp = sum(w * (y - mean) ** 2 for w, (y, _) in zip(random_, logits, strict=True)) / freedom
    half = t_quantile(1 - (1 - confidence) / 2, freedom) * math.sqrt(max(knapp, 1.0) / sum(random_))
    return Pooled(
        networks=len(counts),
        value=_rate(mean),
        low=_rate(mean - half),
        high=_rate(mean + half),
        heterogeneity=max(0.0, 1 - freedom / scatter) if scatter > 0 else 0.0,
    )


def _logit(found: int, asked: int) -> tuple[float, float]:
    """Return the logit of a rate and its variance."""
    yes, no = float(found), float(asked - found)
    if not yes or not no:
        yes, no = yes + 0.5, no + 0.5
    return math.log(yes / no), 1 / yes + 1 / no


def _rate(logit: float) -> float:
    return 1 / (1 + math.exp(-logit))
