"""Packs a keyed side into bytes for the store, and back.

In comes a side whose tokens are signed 64-bit numbers, out come bytes: a head, the sizes of its
groups of tokens, the tokens, and the weights of the telling ones. The way back gives the same side;
`columns` reads many at once. Bytes of another version are refused.
"""

import struct
from array import array
from collections.abc import Collection
from itertools import accumulate
from typing import Any

from clearhouse.clearing.match.sides import Masses, Side
from clearhouse.clearing.match.sketch import MAX_NAMES, Sketch, Token

VERSION = 5
HEAD = struct.Struct("<BIq6d")
"""Version, length, ecosystem and the masses."""
FIRST = ("words", "product", "names", "classes")
"""What the first look needs; it stands in front, so that the rest need not be read for it."""
SETS = (
    *FIRST,
    "all_words",
    "pairs",
    "runs",
    "specifics",
    "title",
    "impacts",
    "cwe_classes",
    "cwes",
    "settings",
    "numbers",
    "files",
    "functions",
    "inputs",
    "called",
    "form",
    "purl_kinds",
    "spelling",
    "purls",
)
PARTS = tuple(f"part {place}" for place in range(MAX_NAMES))
GROUPS = (*SETS, *PARTS, "rivals", "telling")
"""All groups of tokens, in the order in which they are packed."""
_SIZES = struct.Struct(f"<{len(GROUPS)}H")
START = HEAD.size + _SIZES.size
"""Where the tokens begin."""
NONE = 0
"""Stands for no ecosystem; a keyed hash is never looked for under it."""


class PackingError(ValueError):
    """The bytes were packed by another version."""


def pack(side: Side) -> bytes:
    """Return a report's side of a comparison as bytes."""
    one, weighed = side.sketch, side.masses
    groups = [sorted(map(int, getattr(one, name))) for name in SETS]
    groups += [sorted(map(int, parts)) for parts in one.name_parts]
    groups += [[] for _ in range(MAX_NAMES - len(one.name_parts))]
    groups.append([int(end) for rival in one.rivals for end in rival])
    groups.append([int(token) for token, _ in side.telling])
    head = HEAD.pack(
        VERSION,
        one.length,
        int(one.ecosystem) if one.ecosystem is not None else NONE,
        weighed.words,
        weighed.pairs,
        weighed.runs,
        weighed.specifics,
        weighed.product,
        weighed.title,
    )
    numbers = array("q", [number for group in groups for number in group])
    heavy = array("d", [weight for _, weight in side.telling])
    return head + _SIZES.pack(*map(len, groups)) + numbers.tobytes() + heavy.tobytes()


def unpack(data: bytes, wanted: Collection[str] = GROUPS) -> Side:
    """Return the side that was packed; of groups of tokens that are not wanted it has none.

    Raises: PackingError.
    """
    version, length, ecosystem, *weighed = HEAD.unpack_from(data)
    demand_version(version)
    sizes = _SIZES.unpack_from(data, HEAD.size)
    end = START + 8 * sum(sizes)
    numbers = array("q", data[START:end])
    groups = {
        name: numbers[start : start + size] if name in wanted else ()
        for name, start, size in zip(GROUPS, accumulate(sizes, initial=0), sizes, strict=False)
    }
    named: dict[str, Any] = {name: frozenset(groups[name]) for name in SETS}
    parts = [frozenset[Token](groups[name]) for name in PARTS]
    ends = groups["rivals"]
    sketch = Sketch(
        **named,
        name_parts=tuple(filter(None, parts)),
        rivals=tuple(zip(ends[::2], ends[1::2], strict=True)),
        length=length,
        ecosystem=None if ecosystem == NONE else ecosystem,
    )
    words, pairs, runs, specifics, product, title = weighed
    return Side(
        sketch=sketch,
        masses=Masses(
            words=words, pairs=pairs, runs=runs, specifics=specifics, product=product, title=title
        ),
        telling=tuple(zip(groups["telling"], array("d", data[end:]), strict=False)),
    )


def demand_version(version: int) -> None:
    """Refuse bytes of another version.

    Raises: PackingError.
    """
    if version != VERSION:
        raise PackingError(f"packed by version {version}; this is version {VERSION}")
