"""Pool what several operators measured of one tool, without anybody's logs.

In: for each network, steps found and steps asked. Out: the mean over networks with an interval that
knows that networks differ, and how much they do. One network tells about itself; this is how many
become evidence for others. Of one network and one state of a tool the latest result counts; a void
one never does.
Source: DerSimonian and Laird 1986; Hartung and Knapp 2001 (interval); Freeman and Tukey are not
used, a half is added where all or none were found.
"""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from clearhouse.bench.statistics.special import t_quantile
from clearhouse.defense.compare.sharing import Shared, SharedTool
from clearhouse.defense.exercise.record import Amount, Count, Share

FEWEST = 2
"""Networks without which there is nothing to pool."""


class NotPoolableError(ValueError):
    """These results cannot be pooled; the message says why."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Pooled:
    """A rate over networks."""

    networks: Count
    value: Share
    low: Share
    high: Share
    heterogeneity: Share
    """I², the share of the scatter that is not chance, from 0 to 1."""


def pool(counts: Sequence[tuple[int, int]], confidence: float = 0.95) -> Pooled:
    """Pool found and asked of each network on the logit scale.

    Raises: NotPoolableError for fewer than two networks, or one that asked nothing.
    """
    if len(counts) < 2 or any(not 0 <= found <= asked or asked < 1 for found, asked in counts):
        raise NotPoolableError("pooling needs two networks, each with something asked")
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


@dataclass(frozen=True, kw_only=True, slots=True)
class Contribution:
    """What one network shared."""

    network: str
    """Whose it is; never shown with what was pooled."""
    pack_sha256: str
    shared: Shared


@dataclass(frozen=True, kw_only=True, slots=True)
class PooledTool:
    """One state of a tool over networks."""

    tool: str
    version: str
    packs: Count
    """On how many different packs it was measured."""
    found: Pooled
    techniques: Mapping[str, Pooled]
    """By parent technique, where enough networks asked for it."""
    false_alarms: tuple[tuple[Amount | None, Count], ...]
    """Up to so many a day, on how many networks; None for not measured or more than that."""


def pool_tools(given: Sequence[Contribution], fewest: int = FEWEST) -> tuple[PooledTool, ...]:
    """Pool every tool that at least `fewest` networks measured, the most measured first."""
    groups: dict[tuple[str, str], dict[str, tuple[SharedTool, str]]] = defaultdict(dict)
    for one in sorted(given, key=lambda one: one.shared.made_on):
        for tool in one.shared.tools:
            if not tool.void and tool.asked:
                groups[tool.tool, tool.version][one.network] = (tool, one.pack_sha256)
    made = [
        _pooled_tool(list(by_network.values()), fewest)
        for by_network in groups.values()
        if len(by_network) >= fewest
    ]
    return tuple(sorted(made, key=lambda one: (-one.found.networks, one.tool, one.version)))


def _pooled_tool(measured: Sequence[tuple[SharedTool, str]], fewest: int) -> PooledTool:
    tools = [tool for tool, _ in measured]
    by_technique: dict[str, list[tuple[int, int]]] = defaultdict(list)
    alarms: dict[float | None, int] = defaultdict(int)
    for tool in tools:
        alarms[tool.false_alarms_a_day_up_to] += 1
        for technique, counts in tool.techniques.items():
            if counts[1]:
                by_technique[technique].append(counts)
    return PooledTool(
        tool=tools[0].tool,
        version=tools[0].version,
        packs=len({pack for _, pack in measured}),
        found=pool([(tool.found, tool.asked) for tool in tools]),
        techniques={
            technique: pool(counts)
            for technique, counts in sorted(by_technique.items())
            if len(counts) >= fewest
        },
        false_alarms=tuple(
            sorted(alarms.items(), key=lambda one: math.inf if one[0] is None else one[0])
        ),
    )


def _logit(found: int, asked: int) -> tuple[float, float]:
    """Return the logit of a rate and its variance."""
    yes, no = float(found), float(asked - found)
    if not yes or not no:
        yes, no = yes + 0.5, no + 0.5
    return math.log(yes / no), 1 / yes + 1 / no


def _rate(logit: float) -> float:
    return 1 / (1 + math.exp(-logit))
