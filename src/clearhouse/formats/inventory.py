"""Inventories of software: what is installed, where, and how exposed it is.

In: the bytes of a file, which one of the readers beside this module takes apart. Out: an
`Inventory` of components in the order of the file, and every entry that could not be taken, with
its place. Refused with `InventoryError`: a file that is no inventory at all, or larger than is
read. Nothing is left out in silence: an entry without a name is in `skipped`.

What a file says of a component is data from strangers: it is never run, and whoever prints it
escapes it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

MAX_BYTES: Final = 512 * 1024 * 1024
MAX_COMPONENTS: Final = 1_000_000
MAX_TEXT: Final = 2048
"""Characters of a name, version or package URL that are read."""


class Exposure(StrEnum):
    """How an attacker can reach an asset. Source: SSVC, ssvc:EXP:1.0.1."""

    SMALL = "small"
    """Local or nearly unreachable."""
    CONTROLLED = "controlled"
    """Reachable inside a network that others are kept out of."""
    OPEN = "open"
    """Reachable from the internet or another network that cannot be controlled."""


class HumanImpact(StrEnum):
    """How badly people fare when the asset fails. Source: SSVC, ssvc:HI:2.0.2."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    VERY_HIGH = "very-high"


class InventoryError(ValueError):
    """The file is no inventory that can be read; the message names the place and the reason."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Component:
    """One piece of software on one asset, as the file states it."""

    place: str
    """Where it stands in the file: a JSON path, a line, or an SPDX id."""
    name: str
    version: str | None = None
    """None when the file states none."""
    purl: str | None = None
    """As written; whether it is a package URL is for the matcher to say."""
    cpe: str | None = None
    vendor: str | None = None
    ecosystem: str | None = None
    """As written; only where there is no package URL."""
    asset: str | None = None
    """The machine or system that it is on; None when the file describes one thing only."""
    exposure: Exposure | None = None
    human_impact: HumanImpact | None = None
    remark: str | None = None
    """Why a version is missing, where the file says so."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Skipped:
    """An entry that names no software, or breaks the format."""

    place: str
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Inventory:
    """One file, read."""

    format: str
    """For people, for example `CycloneDX 1.6 (JSON)`."""
    subject: str | None
    """What the file says it describes."""
    components: tuple[Component, ...]
    skipped: tuple[Skipped, ...] = ()


def text_of(value: object) -> str | None:
    """Return a stated text without blanks around it; None for nothing, and for SPDX's two words."""
    if not isinstance(value, str):
        return None
    text = value.strip()
    return None if not text or text in {"NOASSERTION", "NONE"} else text[:MAX_TEXT]


def collected(format_: str, subject: str | None, found: Iterator[Component | Skipped]) -> Inventory:
    """Return the inventory of what a reader found.

    Raises: InventoryError when it holds more components than are read.
    """
    components: list[Component] = []
    skipped: list[Skipped] = []
    for one in found:
        if isinstance(one, Skipped):
            skipped.append(one)
        else:
            components.append(one)
        if len(components) + len(skipped) > MAX_COMPONENTS:
            raise InventoryError(f"more than {MAX_COMPONENTS} components; split the file")
    return Inventory(
        format=format_, subject=subject, components=tuple(components), skipped=tuple(skipped)
    )
