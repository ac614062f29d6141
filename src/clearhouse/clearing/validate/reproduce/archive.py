"""A published source archive, named with its digest, and the tree of files inside it.

In comes an archive as bytes; out comes a mapping of path to content, without the top folder.
Refused: absolute names, `..`, and archives that unpack to more than a source may hold. Links and
special files are left out, since nothing here follows them. Nothing is written or run.
"""

import io
import re
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

MAX_FILES = 20_000
MAX_BYTES = 128 << 20
_SHA256 = re.compile(r"[0-9a-f]{64}")
_NAME = re.compile(r"[A-Za-z0-9][\w.+~-]{0,199}")

Tree = Mapping[str, bytes]
"""Path below the top folder, and content."""


class ArchiveError(ValueError):
    """The archive cannot be read as a source tree; says why."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Archive:
    """One published file."""

    file: str
    sha256: str


def archive_faults(stated: object, where: str) -> Iterator[str]:
    """Say what is wrong with one archive that a manifest states."""
    file = stated.get("file") if isinstance(stated, dict) else None
    digest = stated.get("sha256") if isinstance(stated, dict) else None
    if not isinstance(file, str) or not _NAME.fullmatch(file):
        yield f"{where} hold something that is no file name"
    if not isinstance(digest, str) or not _SHA256.fullmatch(digest):
        yield f"{where} hold a file without its SHA-256"


def unpack(data: bytes) -> dict[str, bytes]:
    """Return the regular files of a tar archive, without its top folder.

    Raises: ArchiveError.
    """
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:*") as archive:
            return dict(_members(archive))
    except (tarfile.TarError, zlib.error, EOFError, OSError) as error:
        raise ArchiveError("the source archive is damaged") from error


def pack(tree: Tree) -> bytes:
    """Return a plain tar archive of a tree, for a guest to unpack."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, data in sorted(tree.items()):
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(data), 0o755
            archive.addfile(member, io.BytesIO(data))
    return out.getvalue()


def _members(archive: tarfile.TarFile) -> Iterator[tuple[str, bytes]]:
    left = MAX_BYTES
    for number, member in enumerate(archive):
        if number >= MAX_FILES:
            raise ArchiveError(f"the source archive holds more than {MAX_FILES} files")
        if not member.isreg():
            continue
        parts = PurePosixPath(member.name).parts
        if member.name.startswith("/") or ".." in parts or "\\" in member.name:
            raise ArchiveError("a file name leaves the source archive")
        file = archive.extractfile(member)
        if file is None or len(parts) < 2:  # beside the top folder, not below it
            continue
        data = file.read(left + 1)
        left -= len(data)
        if left < 0:
            raise ArchiveError(f"the source archive unpacks to more than {MAX_BYTES} bytes")
        yield "/".join(parts[1:]), data
