"""What is shown of sums that one network shared, and of pools over many. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from clearhouse.bench.statistics.intervals import wilson
from clearhouse.defense.compare.pooling import Pooled, PooledTool
from clearhouse.defense.compare.sharing import Shared, SharedTool
from clearhouse.defense.keep.record import Pool
from clearhouse.surfaces.web.pictures.tool_bars import Bar, Cell, heat_picture, tier_picture


@dataclass(frozen=True, kw_only=True, slots=True)
class ToolRow:
    """One tool in a table."""

    name: str
    version: str
    place: int
    found: str
    alarms: str
    networks: str


def shared_rows(shared: Shared) -> list[ToolRow]:
    """Return the tools of one network."""
    return [
        ToolRow(
            name=one.tool, version=one.version, place=place,
            found="does not count" if one.void else f"{one.found} of {one.asked}",
            alarms=up_to(one.false_alarms_a_day_up_to), networks="1",
        )
        for place, one in enumerate(shared.tools)
    ]  # fmt: skip


def shared_picture(shared: Shared) -> Markup | None:
    """Draw which techniques were found on one network."""
    tools = [one for one in shared.tools if not one.void and one.techniques]
    names = sorted({name for one in tools for name in one.techniques})
    rows = [
        (name, {one.tool: _cell(one, name) for one in tools if name in one.techniques})
        for name in names
    ]
    return heat_picture([one.tool for one in tools], rows) if rows else None


def _cell(tool: SharedTool, technique: str) -> Cell:
    found, asked = tool.techniques[technique]
    if not asked:
        return Cell(found=0, asked=None, width=1.0)
    interval = wilson(found, asked)
    return Cell(found=found, asked=asked, width=interval.high - interval.low)


def pool_rows(pool: Pool) -> list[ToolRow]:
    """Return the tools of a pool."""
    return [
        ToolRow(
            name=one.tool, version=one.version, place=place, found=rate(one.found),
            alarms=", ".join(
                f"{up_to(most)} on {networks}" for most, networks in one.false_alarms
            ),
            networks=f"{one.found.networks} on {one.packs} packs",
        )
        for place, one in enumerate(pool.tools)
    ]  # fmt: skip


def pool_picture(pool: Pool) -> Markup:
    """Draw what each tool finds over networks, and how much networks differ."""
    return tier_picture([(
        "Steps found, mean over networks",
        [
            Bar(label=one.tool, tool=place, value=one.found.value, low=one.found.low,
                high=one.found.high, note=f"n = {one.found.networks}")
            for place, one in enumerate(pool.tools)
        ],
    )])  # fmt: skip


def technique_rows(tools: Sequence[PooledTool]) -> list[tuple[str, list[str]]]:
    """Return by technique what each tool finds of it over networks."""
    names = sorted({name for one in tools for name in one.techniques})
    return [
        (
            name,
            [
                rate(one.techniques[name]) if name in one.techniques else "not pooled"
                for one in tools
            ],
        )
        for name in names
    ]


def rate(found: Pooled) -> str:
    """Return a pooled share with its interval, and how much of the scatter is no chance."""
    span = f"{found.value:.0%} [{found.low:.0%} to {found.high:.0%}, n = {found.networks}]"
    return f"{span}, I² {found.heterogeneity:.0%}"


def up_to(most: float | None) -> str:
    """Return a band of false alarms."""
    return "not measured" if most is None else f"up to {most:g} a day"
