"""Open a `.eval` archive: a zip whose members are compressed with zstd (method 93).

In: a path. Out: the members, one at a time, so that a large log needs little memory. Refused with
`EvidenceError`: what is no zip, a truncated one, members that overlap, repeat or unpack to more
than they declare, and more than anybody's log needs (a zip bomb).
Source: APPNOTE.TXT 6.3.10 §4.3.7 (local header), §4.4.5 (methods).
"""

import mmap
import struct
import sys
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from clearhouse.criteria.measure.record import EvidenceError

if sys.version_info >= (3, 14):
    from compression.zstd import ZstdDecompressor, ZstdError
else:
    from backports.zstd import ZstdDecompressor, ZstdError

LARGEST_MEMBER_BYTES = 128 * 1024 * 1024
MOST_MEMBERS = 1_000_000
LARGEST_RATIO = 400
"""Bytes out for a byte in. Logs of repetitive agents reach 60; bombs start at 1,000."""
_RATIO_MATTERS_ABOVE = 1024 * 1024
_LOCAL_HEADER = struct.Struct("<4sHHHHHLLLHH")
_STORED, _DEFLATED, _ZSTD = 0, 8, 93
_ENCRYPTED = 0x1


@dataclass(frozen=True, slots=True)
class Archive:
    """An open archive."""

    _members: dict[str, zipfile.ZipInfo]
    _data: mmap.mmap

    @property
    def names(self) -> tuple[str, ...]:
        """Every member, in the order of the archive."""
        return tuple(self._members)

    def read(self, name: str) -> bytes:
        """Return the content of a member.

        Raises: EvidenceError when it is not there or does not unpack to what it declares.
        """
        entry = self._members.get(name)
        if entry is None:
            raise EvidenceError(f"the log has no {name}: the run did not finish, or parts are gone")
        content = _unpack(entry, self._packed(entry))
        if len(content) != entry.file_size or zlib.crc32(content) != entry.CRC:
            raise EvidenceError(f"{_shown(name)} is damaged: its checksum does not fit")
        return content

    def _packed(self, entry: zipfile.ZipInfo) -> bytes:
        start = entry.header_offset
        header = self._data[start : start + _LOCAL_HEADER.size]
        if len(header) < _LOCAL_HEADER.size or header[:4] != b"PK\x03\x04":
            raise EvidenceError(f"{_shown(entry.filename)} is not where the archive says")
        fields = _LOCAL_HEADER.unpack(header)
        begin = start + _LOCAL_HEADER.size + fields[9] + fields[10]
        packed = self._data[begin : begin + entry.compress_size]
        if len(packed) != entry.compress_size:
            raise EvidenceError("the log is truncated; fetch it again")
        return packed


@contextmanager
def open_archive(path: Path) -> Iterator[Archive]:
    """Open an archive for reading.

    Raises: EvidenceError when it is no whole zip or could be a bomb.
    """
    try:
        with path.open("rb") as handle:
            if not path.stat().st_size:
                raise EvidenceError("the log is empty; fetch it again")
            with mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ) as data:
                yield Archive(_members(path), data)
    except OSError as error:
        raise EvidenceError(f"cannot read {path.name}: {error.strerror}") from error


def _members(path: Path) -> dict[str, zipfile.ZipInfo]:
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError, struct.error) as error:
        raise EvidenceError(
            "the log is no whole zip archive: truncated, damaged, or of another format"
        ) from error
    if len(entries) > MOST_MEMBERS:
        raise EvidenceError(f"the log has more than {MOST_MEMBERS:,} members; split the run")
    if sum(entry.compress_size for entry in entries) > path.stat().st_size:
        raise EvidenceError("members of the log overlap, as in a zip bomb; not opened")
    members = {entry.filename: entry for entry in entries}
    if len(members) != len(entries):
        raise EvidenceError("the log holds two members of one name; readers would not agree on it")
    for entry in entries:
        _demand_modest(entry)
    return members


def _demand_modest(entry: zipfile.ZipInfo) -> None:
    name = _shown(entry.filename)
    if entry.flag_bits & _ENCRYPTED:
        raise EvidenceError(f"{name} is encrypted; decrypt the log first")
    if entry.file_size > LARGEST_MEMBER_BYTES:
        limit = LARGEST_MEMBER_BYTES // 1024 // 1024
        raise EvidenceError(f"{name} would unpack to more than {limit} MiB; not opened")
    if (
        entry.file_size > _RATIO_MATTERS_ABOVE
        and entry.file_size > LARGEST_RATIO * entry.compress_size
    ):
        raise EvidenceError(f"{name} unpacks to over {LARGEST_RATIO} times its size, as a zip bomb")


def _unpack(entry: zipfile.ZipInfo, packed: bytes) -> bytes:
    """Return at most one byte more than declared, so that a liar is found and never fed."""
    most = entry.file_size + 1
    try:
        if entry.compress_type == _STORED:
            return packed[:most]
        if entry.compress_type == _DEFLATED:
            return zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed, most)
        if entry.compress_type == _ZSTD:
            return _unpack_zstd(packed, most)
    except (ZstdError, zlib.error) as error:
        raise EvidenceError(f"{_shown(entry.filename)} is damaged: it does not unpack") from error
    raise EvidenceError(
        f"{_shown(entry.filename)} is compressed with method {entry.compress_type}; "
        "only stored, deflate and zstd are known"
    )


def _unpack_zstd(packed: bytes, most: int) -> bytes:
    """Unpack one frame after the other: a writer may flush several into one member."""
    content = b""
    while packed and len(content) < most:
        frame = ZstdDecompressor()
        content += frame.decompress(packed, most - len(content))
        if not frame.eof:
            break
        packed = frame.unused_data
    return content


def _shown(name: str) -> str:
    """Name a member without letting its name steer a terminal or fill a page."""
    return repr(name if len(name) <= 80 else f"{name[:80]}…")
