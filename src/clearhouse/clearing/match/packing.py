"""Packs a keyed sketch into bytes for the store, and back.

In comes a sketch whose tokens are signed 64-bit numbers, out come bytes of eight per token and a
short head; the way back gives the same sketch. Bytes of another version are refused.
"""

import struct
from array import array
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

from clearhouse.clearing.match.sides import Glimpse, Masses, Side
from clearhouse.clearing.match.sketch import Sketch, Token

VERSION = 4
_HEAD = struct.Struct("<BBIq5d")
_FIRST = ("words", "product", "names", "classes")
"""What the first look needs; it stands in front, so that the rest need not be read for it."""
_GROUPS = (
    *_FIRST,
    "all_words",
    "pairs",
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
_NONE = 0
"""Stands for no ecosystem; a keyed hash is never looked for under it."""


class PackingError(ValueError):
    """The bytes were packed by another version."""


def pack(side: Side) -> bytes:
    """Return a report's side of a comparison as bytes."""
    one, weighed = side.sketch, side.masses
    groups = [sorted(map(int, getattr(one, name))) for name in _GROUPS]
    groups += [sorted(map(int, parts)) for parts in one.name_parts]
    groups.append([int(end) for rival in one.rivals for end in rival])
    groups.append([int(token) for token, _ in side.telling])
    head = _HEAD.pack(
        VERSION,
        len(one.name_parts),
        one.length,
        int(one.ecosystem) if one.ecosystem is not None else _NONE,
        weighed.words,
        weighed.pairs,
        weighed.specifics,
        weighed.product,
        weighed.title,
    )
    sizes = array("H", map(len, groups))
    numbers = array("q", [number for group in groups for number in group])
    heavy = array("d", [weight for _, weight in side.telling])
    return head + sizes.tobytes() + numbers.tobytes() + heavy.tobytes()


def unpack(data: bytes) -> Side:
    """Return the side that was packed.

    Raises: PackingError.
    """
    head, sizes, start = _read(data, None)
    end = start + 8 * sum(sizes)
    numbers = array("q", data[start:end])
    groups = _split(numbers, sizes)
    named: dict[str, Any] = dict(zip(_GROUPS, map(frozenset, groups), strict=False))
    name_parts = tuple(frozenset[Token](next(groups)) for _ in range(head[1]))
    ends = next(groups)
    rivals = tuple(zip(ends[::2], ends[1::2], strict=True))
    telling = tuple(zip(next(groups), array("d", data[end:]), strict=True))
    sketch = Sketch(
        **named,
        name_parts=name_parts,
        rivals=rivals,
        length=head[2],
        ecosystem=None if head[3] == _NONE else head[3],
    )
    words, pairs, specifics, product, title = head[4:]
    masses = Masses(words=words, pairs=pairs, specifics=specifics, product=product, title=title)
    return Side(sketch=sketch, masses=masses, telling=telling)


def unpack_first(data: bytes, asked: frozenset[Token]) -> Glimpse:
    """Return as much of the side that was packed as the first look needs.

    That is which of the tokens of the report that looks, `asked`, it holds of some groups, and
    what it weighs. Nearly every candidate is read so far and no further.
    Raises: PackingError.
    """
    head, (words, product, names, classes), start = _read(data, len(_FIRST))
    named = words + product
    numbers = array("q", data[start : start + 8 * (named + names + classes)])
    both = asked.intersection
    return Glimpse(
        both(numbers[:words]),
        both(numbers[words:named]),
        both(numbers[named : named + names]),
        both(numbers[named + names :]),
        head[2],
        head[4],
    )


_Head = tuple[Any, ...]
"""What `_HEAD` holds: version, names, length, ecosystem and five masses."""


def _read(data: bytes, groups: int | None) -> tuple[_Head, tuple[int, ...], int]:
    """Return the head, the sizes of the first groups or of all, and where the numbers begin."""
    head = _HEAD.unpack_from(data)
    if head[0] != VERSION:
        raise PackingError(f"packed by version {head[0]}; this is version {VERSION}")
    every = len(_GROUPS) + head[1] + 2
    return head, _sizes(groups or every).unpack_from(data, _HEAD.size), _HEAD.size + 2 * every


@cache
def _sizes(groups: int) -> struct.Struct:
    return struct.Struct(f"={groups}H")


def _split(numbers: "array[int]", sizes: Iterable[int]) -> Iterator["array[int]"]:
    start = 0
    for size in sizes:
        yield numbers[start : start + size]
        start += size
