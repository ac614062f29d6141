"""Read the files of a source archive from memory, without unpacking anything to disk.

In come the bytes of a tar (plain, gzip, bzip2, xz) or zip file; out come its files by path, with
the single top folder taken away that archives carry. Links and special files are not followed;
their paths are kept as unread. Refused: names that leave the archive, encrypted members, and
archives that unpack to more than the limits, counted while unpacking and never believed.
"""

import io
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO

MAX_FILES = 100_000
MAX_BYTES = 512 << 20
MAX_TEXT = 2 << 20
"""Larger files are kept as paths only."""
_SKIP_CHUNK = 1 << 20


class ArchiveError(ValueError):
    """The archive is damaged or hostile; says how, never what it holds."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Content:
    """The files of one archive."""

    files: dict[str, bytes]
    unread: frozenset[str]
    """Paths of links, special files and files that are too large."""


def read_archive(data: bytes, *, keep_top: bool = False) -> Content:
    """Return the files of an archive.

    `keep_top` leaves the top folder in the names.

    Raises: ArchiveError.
    """
    try:
        members = _zip(data) if data[:4] in {b"PK\x03\x04", b"PK\x05\x06"} else _tar(data)
        files, unread = _collect(members)
    except (zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError) as error:
        raise ArchiveError("the archive is damaged") from error
    except (OSError, NotImplementedError, RuntimeError, OverflowError, ValueError) as error:
        if isinstance(error, ArchiveError):
            raise
        raise ArchiveError("the archive is packed in a way that is not taken") from error
    if keep_top:
        return Content(files=files, unread=frozenset(unread))
    top = _top({*files, *unread})
    return Content(
        files={name.removeprefix(top): data for name, data in files.items()},
        unread=frozenset(name.removeprefix(top) for name in unread),
    )


def _collect(members: Iterator[tuple[str, bytes | None]]) -> tuple[dict[str, bytes], set[str]]:
    files: dict[str, bytes] = {}
    unread: set[str] = set()
    for number, (name, content) in enumerate(members, start=1):
        if number > MAX_FILES:
            raise ArchiveError(f"the archive holds more than {MAX_FILES} files")
        path = _sound(name)
        if content is None:
            unread.add(path)
        else:
            files[path] = content
    return files, unread


def _zip(data: bytes) -> Iterator[tuple[str, bytes | None]]:
    left = MAX_BYTES
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for member in archive.infolist():
            if member.is_dir():
                continue
            if member.external_attr >> 28 not in {0, 8}:  # Unix type: none, or a regular file
                yield member.filename, None
                continue
            with archive.open(member) as file:
                content, left = _read(file, left)
            yield member.filename, content


def _tar(data: bytes) -> Iterator[tuple[str, bytes | None]]:
    left = MAX_BYTES
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:*") as archive:
        for member in archive:
            if member.isdir():
                continue
            file = archive.extractfile(member) if member.isreg() else None
            if file is None:
                yield member.name, None
                continue
            content, left = _read(file, left)
            yield member.name, content


def _read(file: IO[bytes], left: int) -> tuple[bytes | None, int]:
    """Read one member within what is left; a large one is counted and dropped."""
    content = file.read(min(MAX_TEXT, left) + 1)
    left -= len(content)
    if len(content) <= MAX_TEXT:
        if left < 0:
            raise ArchiveError(f"the archive unpacks to more than {MAX_BYTES} bytes")
        return content, left
    while chunk := file.read(_SKIP_CHUNK):
        left -= len(chunk)
        if left < 0:
            raise ArchiveError(f"the archive unpacks to more than {MAX_BYTES} bytes")
    return None, left


def _sound(name: str) -> str:
    path = PurePosixPath(name.removeprefix("./"))
    if path.is_absolute() or ".." in path.parts or "\\" in name or "\0" in name or not path.name:
        raise ArchiveError("a file name leaves the archive")
    return str(path)


def _top(names: set[str]) -> str:
    """Return the one folder that everything stands in, with its slash; else nothing."""
    tops = {name.split("/", 1)[0] for name in names if "/" in name}
    alone = any("/" not in name for name in names)
    return "" if alone or len(tops) != 1 else f"{tops.pop()}/"
