"""Packs a keyed sketch into bytes for the store, and back.

In comes a sketch whose tokens are signed 64-bit numbers, out come bytes of eight per token and a
short head; the way back gives the same sketch. Bytes of another version are refused.
"""

import struct
from array import array
from collections.abc import Iterator

from clearhouse.clearing.match.pairing import Masses, Side
from clearhouse.clearing.match.sketch import Sketch, Token

VERSION = 1
_HEAD = struct.Struct("<BBIq5d")
_GROUPS = (
    "words",
    "all_words",
    "pairs",
    "specifics",
    "title",
    "own",
    "product",
    "names",
    "classes",
    "impacts",
    "cwe_classes",
    "cwes",
    "settings",
    "numbers",
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
    return head + sizes.tobytes() + numbers.tobytes()


def unpack(data: bytes) -> Side:
    """Return the side that was packed.

    Raises: PackingError.
    """
    version, parts, length, ecosystem, *weighed = _HEAD.unpack_from(data)
    if version != VERSION:
        raise PackingError(f"packed by version {version}; this is version {VERSION}")
    sizes = array("H")
    start = _HEAD.size + 2 * (len(_GROUPS) + parts + 1)
    sizes.frombytes(data[_HEAD.size : start])
    numbers = array("q")
    numbers.frombytes(data[start:])
    groups = _split(numbers, sizes)
    named = {name: frozenset[Token](next(groups)) for name in _GROUPS}
    name_parts = tuple(frozenset[Token](next(groups)) for _ in range(parts))
    ends = list(next(groups))
    return Side(
        sketch=Sketch(
            **named,
            name_parts=name_parts,
            rivals=tuple(zip(ends[::2], ends[1::2], strict=True)),
            ecosystem=None if ecosystem == _NONE else ecosystem,
            length=length,
        ),
        masses=Masses(
            words=weighed[0],
            pairs=weighed[1],
            specifics=weighed[2],
            product=weighed[3],
            title=weighed[4],
        ),
    )


def _split(numbers: "array[int]", sizes: "array[int]") -> Iterator["array[int]"]:
    start = 0
    for size in sizes:
        yield numbers[start : start + size]
        start += size
