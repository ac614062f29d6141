"""Keep fetched sources in a cache that is addressed by content.

    archives/<sha256>       the bytes of one archive, checked each time they are read
    releases/<key>.json     which archives make up a release, once a registry has said so
    index/<key>             answers of registries' indexes, for an hour

A release that was fetched once is read again without the network. What cannot be had is a
`BuildError`: the registry's or the machine's fault, never the claim's.
"""

import hashlib
import json
import time
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from clearhouse.clearing.validate.claims.tree import SourceTree
from clearhouse.clearing.validate.reproduce.packages import BuildError
from clearhouse.clearing.validate.sources.archive import ArchiveError, Content, read_archive
from clearhouse.clearing.validate.sources.download import keep, read_url
from clearhouse.clearing.validate.sources.registries import Part, Release, locate
from clearhouse.formats.purl import Purl

MAX_ARCHIVE_BYTES = 128 << 20
_INDEX_S = 3600
_COMPILED = (".so", ".pyd", ".node", ".wasm", ".dylib", ".dll")
_PROBE = 8192
"""Bytes at the start of a file that are looked at for a zero, as git does to tell text."""


class SourceShelf:
    """Sources below one folder."""

    def __init__(self, folder: Path, *, online: bool = True) -> None:
        self.folder = folder
        self.online = online

    def release(self, target: Purl, version: str | None) -> SourceTree:
        """Return the files of a release; the newest one when no version is given.

        Raises: BuildError when it cannot be had, or an archive is damaged or hostile.
        """
        release = self._located(target, version)
        parts = tuple((one.file, str(self._archive(one))) for one in release.parts)
        try:
            return _tree(release.version, parts)
        except ArchiveError as error:
            raise BuildError(f"a source archive cannot be read: {error}") from error

    def _located(self, target: Purl, version: str | None) -> Release:
        key = hashlib.sha256(f"{target.identity}@{version}".encode()).hexdigest()
        note = self.folder / "releases" / f"{key}.json"
        if version is not None and note.is_file():
            return _read_release(note)
        release = locate(self.get, target, version)
        if version is not None:
            keep(note, json.dumps(_as_json(release)).encode())
        return release

    def _archive(self, part: Part) -> Path:
        """Return the place of an archive, fetched if need be and checked in any case."""
        place = self.folder / "archives" / part.digest
        if place.is_file() and part.is_genuine(place.read_bytes()):
            return place
        data = self._fetch(part.url, MAX_ARCHIVE_BYTES)
        if data is None:
            raise BuildError(f"the source archive {part.file} could not be fetched")
        if not part.is_genuine(data):
            raise BuildError(f"the source archive {part.file} is not what its registry states")
        keep(place, data)
        return place

    def get(self, url: str, limit: int) -> bytes | None:
        """Return what an index has, from an hour's memory or afresh; None when it is not there."""
        place = self.folder / "index" / hashlib.sha256(url.encode()).hexdigest()
        if place.is_file() and (not self.online or time.time() - place.stat().st_mtime < _INDEX_S):
            return place.read_bytes()
        data = self._fetch(url, limit)
        if data is not None:
            keep(place, data)
        return data

    def _fetch(self, url: str, limit: int) -> bytes | None:
        return read_url(url, limit) if self.online else None


@lru_cache(maxsize=8)
def _tree(version: str, parts: tuple[tuple[str, str], ...]) -> SourceTree:
    """Join the archives of a release; where two have a file, the first one's stands."""
    files: dict[str, str] = {}
    unread: set[str] = set()
    for file, place in parts:
        data = Path(place).read_bytes()
        content = read_archive(data, keep_top=file.endswith(".whl"))
        prefix = "debian/" if ".debian.tar" in file and not _has_debian(content) else ""
        for path, text in _texts(content):
            if text is None:
                unread.add(prefix + path)
            else:
                files.setdefault(prefix + path, text)
    return SourceTree(
        version=version,
        files=files,
        unread=frozenset(unread - files.keys()),
        compiled=_is_compiled(files, unread),
    )


def _has_debian(content: Content) -> bool:
    return any(path.startswith("debian/") for path in content.files)


def _texts(content: Content) -> Iterator[tuple[str, str | None]]:
    yield from ((path, None) for path in content.unread)
    for path, data in content.files.items():
        yield path, text_or_none(data)


def text_or_none(data: bytes) -> str | None:
    """Return bytes as text, or None when they are none; old sources are not always UTF-8."""
    if b"\0" in data[:_PROBE]:
        return None
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _is_compiled(files: dict[str, str], unread: set[str]) -> bool:
    """Say whether there are compiled parts without any source of them."""
    built = any(path.endswith(_COMPILED) for path in unread)
    native = (".c", ".cc", ".cpp", ".cxx", ".rs", ".go", ".pyx")
    return built and not any(path.endswith(native) for path in files)


def _as_json(release: Release) -> dict[str, object]:
    parts = [
        {"file": one.file, "url": one.url, "algorithm": one.algorithm, "digest": one.digest}
        for one in release.parts
    ]
    return {"version": release.version, "parts": parts}


def _read_release(note: Path) -> Release:
    about = json.loads(note.read_text())
    return Release(version=about["version"], parts=tuple(Part(**one) for one in about["parts"]))
