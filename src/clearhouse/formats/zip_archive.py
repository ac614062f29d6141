"""A ZIP archive of many small files, made again from the one before with a few files changed.

In: the archive before (one that this module wrote), files to add or replace, names to drop. Out:
the archive. Unchanged files are copied as they are packed, so a change costs little; equal files
give equal bytes, in whatever steps they came. Refused with `ZipError`: an archive of another hand.
Source: PKWARE APPNOTE 6.3.10, sections 4.3.7, 4.3.12 and 4.3.14 to 4.3.16.
"""

import struct
import zlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

_LOCAL: Final = struct.Struct("<4s5H3L2H")
_CENTRAL: Final = struct.Struct("<4s6H3L5H2L")
_END: Final = struct.Struct("<4s4H2LH")
_END_64: Final = struct.Struct("<4sQ2H2L4Q")
_LOCATOR: Final = struct.Struct("<4sLQL")
_VERSION, _UTF_8, _DEFLATED, _NEW_YEAR_1980 = 45, 0x800, 8, 0x21
_MOST_16, _MOST_32 = 0xFFFF, 0xFFFFFFFF
_REGULAR_FILE: Final = 0o100644 << 16
_UNIX: Final = 3 << 8


class ZipError(ValueError):
    """The bytes are no archive that `merge` made."""


@dataclass(frozen=True, slots=True)
class _Member:
    """One packed file."""

    checksum: int
    size: int
    packed: bytes | memoryview


def merge(
    before: bytes | None, files: Mapping[str, bytes], gone: Collection[str] = frozenset()
) -> bytes:
    """Return an archive of everything in `before`, with some files replaced and some dropped.

    Raises: ZipError.
    """
    members = {} if before is None else _read(before)
    for name in gone:
        members.pop(name, None)
    members |= {name: _packed(data) for name, data in files.items()}
    return _write(members)


def _packed(data: bytes) -> _Member:
    packer = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
    return _Member(zlib.crc32(data), len(data), packer.compress(data) + packer.flush())


def _write(members: Mapping[str, _Member]) -> bytes:
    bodies: list[bytes | memoryview] = []
    directory: list[bytes] = []
    place = 0
    for name in sorted(members):
        one, text = members[name], name.encode()
        sizes = (one.checksum, len(one.packed), one.size, len(text), 0)
        head = (_VERSION, _UTF_8, _DEFLATED, 0, _NEW_YEAR_1980)
        local = _LOCAL.pack(b"PK\3\4", *head, *sizes) + text
        central = _CENTRAL.pack(
            b"PK\1\2", _UNIX | _VERSION, *head, *sizes, 0, 0, 0, _REGULAR_FILE, place
        )
        bodies += (local, one.packed)
        directory.append(central + text)
        place += len(local) + len(one.packed)
    if place > _MOST_32:
        raise ZipError("an archive of more than 4 GiB is not written")
    listing = b"".join(directory)
    return b"".join((*bodies, listing, _end(len(members), len(listing), place)))


def _end(count: int, size: int, place: int) -> bytes:
    few = min(count, _MOST_16)
    end = _END.pack(b"PK\5\6", 0, 0, few, few, size, place, 0)
    if count < _MOST_16:
        return end
    large = _END_64.pack(
        b"PK\6\6", _END_64.size - 12, _UNIX | _VERSION, _VERSION, 0, 0, count, count, size, place
    )
    return large + _LOCATOR.pack(b"PK\6\7", 0, place + size, 1) + end


def _read(data: bytes) -> dict[str, _Member]:
    """Return the packed files of an archive, as views on its bytes."""
    view = memoryview(data)
    try:
        end_mark, *_, size, place, _ = _END.unpack_from(data, len(data) - _END.size)
        if end_mark != b"PK\5\6":
            raise ZipError("not an archive of this module, or cut short")
        members: dict[str, _Member] = {}
        at, end = place, place + size
        while at < end:
            (mark, *_, checksum, packed, unpacked, length, extra, comment, _, _, _, local) = (
                _CENTRAL.unpack_from(data, at)
            )
            if mark != b"PK\1\2" or extra or comment:
                raise ZipError("not an archive of this module")
            at += _CENTRAL.size
            name = bytes(view[at : at + length]).decode()
            at += length
            start = local + _LOCAL.size + length
            if start + packed > place:
                raise ZipError("an archive cut short")
            members[name] = _Member(checksum, unpacked, view[start : start + packed])
    except (struct.error, UnicodeDecodeError) as error:
        raise ZipError("not an archive of this module, or cut short") from error
    return members
