"""Where the members of a zip archive stand, for archives with hundreds of thousands of them.

In: an archive that is open for reading. Out: its directory in stretches, each some thousand entries
as they stand, cheap to find and to send to another process; and a `Member` for each entry of a
stretch. Refused with `ZipDirectoryError`: what is cut off, encrypted, spread over several files, or
packed in another way than deflate. Python's own reader makes an object of eighteen fields of each
member, which takes longer than reading what is in it.

Source: PKWARE APPNOTE 6.3.10, sections 4.3.7, 4.3.12, 4.3.14 to 4.3.16 and 4.5.3.
"""

import struct
from collections.abc import Iterator
from itertools import pairwise
from typing import BinaryIO, Final, NamedTuple

_END: Final = struct.Struct("<4s4H2LH")
_END_64: Final = struct.Struct("<4sQ2H2L4Q")
_LOCATOR_64: Final = struct.Struct("<4sLQL")
_ENTRY: Final = struct.Struct("<4s4x2H4x3L3H8xL")
"""Mark, flags, method, checksum, packed and plain size, three lengths, and the place."""
_LENGTHS: Final = struct.Struct("<3H")
_LENGTHS_AT: Final = 28
_TAIL: Final = 65_557
"""Bytes in which the end record must begin: its own 22 and the longest comment."""
_FULL: Final = 0xFFFFFFFF
_DEFLATED, _STORED = 8, 0
_ENCRYPTED: Final = 1
_MARK: Final = b"PK\x01\x02"
LOCAL_HEADER: Final = 30


class ZipDirectoryError(ValueError):
    """The archive cannot be read; the message says why."""


class Member(NamedTuple):
    """One file of the archive."""

    name: str
    offset: int
    """Where its local header begins."""
    packed_size: int
    plain_size: int
    """As the directory has it."""
    deflated: bool
    crc: int


def stretches(file: BinaryIO, length: int) -> tuple[int, list[bytes]]:
    """Return how many files an archive has, and its directory cut after every `length` of them.

    Raises: ZipDirectoryError.
    """
    size = file.seek(0, 2)
    file.seek(max(0, size - _TAIL))
    tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < _END.size:
        raise ZipDirectoryError("has no end; the archive is cut off or no zip")
    _, disk, first, _, count, size_bytes, offset, _ = _END.unpack_from(tail, at)
    if disk or first:
        raise ZipDirectoryError("is spread over several files")
    if count == 0xFFFF or _FULL in {size_bytes, offset}:
        count, size_bytes, offset = _end_64(file, tail, at)
    if offset + size_bytes > size:
        raise ZipDirectoryError("has a directory outside itself; the archive is cut off")
    file.seek(offset)
    directory = file.read(size_bytes)
    cuts = _cuts(directory)
    if len(cuts) != count + 1:
        raise ZipDirectoryError(f"announces {count} files and lists {len(cuts) - 1}")
    ends = [*cuts[::length], *cuts[-1:]]
    return count, [directory[start:end] for start, end in pairwise(ends) if start < end]


def members(stretch: bytes) -> Iterator[Member]:
    """Yield the members of a stretch whose name ends in `.json`.

    Raises: ZipDirectoryError.
    """
    at, unpack, size = 0, _ENTRY.unpack_from, _ENTRY.size
    while at < len(stretch):
        mark, flags, method, crc, packed, plain, name, extra, comment, where = unpack(stretch, at)
        if mark != _MARK:
            raise ZipDirectoryError("has a damaged directory")
        if flags & _ENCRYPTED or method not in {_DEFLATED, _STORED}:
            raise ZipDirectoryError("has files that are encrypted, or packed in another way")
        begin = at + size
        text = stretch[begin : begin + name].decode("utf-8", "replace")
        at = begin + name + extra + comment
        if not text.endswith(".json"):
            continue
        if _FULL in {packed, plain, where}:
            rest = stretch[begin + name : begin + name + extra]
            packed, plain, where = _large(rest, packed, plain, where)
        yield Member(text, where, packed, plain, method == _DEFLATED, crc)


def _cuts(directory: bytes) -> list[int]:
    """Return where each entry begins, and where the last one ends."""
    at, unpack, size, end = 0, _LENGTHS.unpack_from, _ENTRY.size, len(directory)
    found = [0]
    while at + size <= end:
        name, extra, comment = unpack(directory, at + _LENGTHS_AT)
        at += size + name + extra + comment
        found.append(at)
    if at > end:
        raise ZipDirectoryError("has a directory whose last entry is cut off")
    return found


def _end_64(file: BinaryIO, tail: bytes, at: int) -> tuple[int, int, int]:
    place = at - _LOCATOR_64.size
    if place < 0 or tail[place : place + 4] != b"PK\x06\x07":
        raise ZipDirectoryError("has no end for large archives")
    _, _, where, _ = _LOCATOR_64.unpack_from(tail, place)
    file.seek(where)
    head = file.read(_END_64.size)
    if len(head) < _END_64.size or head[:4] != b"PK\x06\x06":
        raise ZipDirectoryError("has no end for large archives")
    *_, count, length, offset = _END_64.unpack(head)
    return count, length, offset


def _large(extra: bytes, packed: int, plain: int, where: int) -> tuple[int, int, int]:
    """Return both sizes and the place of a member beyond 4 GiB."""
    at = 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, at)
        if kind == 1:
            count = length // 8
            values = list(struct.unpack_from(f"<{count}Q", extra, at + 4))
            taken = [
                values.pop(0) if one == _FULL and values else one for one in (plain, packed, where)
            ]
            return taken[1], taken[0], taken[2]
        at += 4 + length
    raise ZipDirectoryError("has a file beyond 4 GiB without its size")
