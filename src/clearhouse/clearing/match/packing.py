"""Packs a keyed sketch into bytes for the store, and back.

In comes a sketch whose tokens are signed 64-bit numbers, out come bytes of eight per token and a
short head; the way back gives the same sketch. Bytes of another version are refused.
"""

import struct
from array import array
from collections.abc import Iterator

from clearhouse.clearing.match.pairing import Masses, Side
from clearhouse.clearing.match.sketch import Sketch, Token

VERSION = 2
_HEAD = struct.Struct("<BBIq5d")
_FIRST = ("words", "own", "product", "names", "classes")
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
    "purls",
)
_EMPTY: frozenset[Token] = frozenset()
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
    return _Packed(data).side(_GROUPS)


def unpack_first(data: bytes) -> Side:
    """Return as much of the side that was packed as the first look needs.

    Raises: PackingError.
    """
    return _Packed(data).side(_FIRST)


class _Packed:
    """Packed bytes with their head read."""

    def __init__(self, data: bytes) -> None:
        version, self._parts, self._length, ecosystem, *self._masses = _HEAD.unpack_from(data)
        if version != VERSION:
            raise PackingError(f"packed by version {version}; this is version {VERSION}")
        self._data = data
        self._ecosystem = None if ecosystem == _NONE else ecosystem
        self._start = _HEAD.size + 2 * (len(_GROUPS) + self._parts + 1)

    def side(self, names: tuple[str, ...]) -> Side:
        """Return a side with these groups; the others are empty."""
        whole = len(names) == len(_GROUPS)
        sizes = array("H")
        sizes.frombytes(self._data[_HEAD.size : self._start])
        wanted = sizes if whole else sizes[: len(names)]
        numbers = array("q")
        numbers.frombytes(self._data[self._start : self._start + 8 * sum(wanted)])
        groups = _split(numbers, wanted)
        named = {name: frozenset[Token](next(groups)) for name in names}
        named |= {name: _EMPTY for name in _GROUPS if name not in named}
        parts = self._parts if whole else 0
        name_parts = tuple(frozenset[Token](next(groups)) for _ in range(parts))
        ends = list(next(groups)) if whole else []
        words, pairs, specifics, product, title = self._masses
        return Side(
            sketch=Sketch(
                **named,
                name_parts=name_parts,
                rivals=tuple(zip(ends[::2], ends[1::2], strict=True)),
                ecosystem=self._ecosystem,
                length=self._length,
            ),
            masses=Masses(
                words=words, pairs=pairs, specifics=specifics, product=product, title=title
            ),
        )


def _split(numbers: "array[int]", sizes: "array[int]") -> Iterator["array[int]"]:
    start = 0
    for size in sizes:
        yield numbers[start : start + size]
        start += size
