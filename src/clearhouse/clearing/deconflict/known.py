"""What the world already knows, from local public files.

In comes a folder; out comes an immutable `Known` that answers by id and by package. A damaged file
is left out and named in `damage`; it never takes the rest of the knowledge with it. What is absent
is answered with None or an empty tuple, which means "not known here", never "does not exist".

    known/osv/**/*.json    OSV documents, one per file
    known/releases.json    {"pkg:pypi/x": {"as_of": "2026-11-01T00:00:00Z", "versions": ["1.0"]}}
    known/kev.json         CISA's catalogue of known exploited vulnerabilities
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Self, TypeVar

from clearhouse.clearing.deconflict.reading import (
    UnreadableError,
    canonical,
    read_kev,
    read_osv,
    read_releases,
)
from clearhouse.clearing.deconflict.record import (
    AffectedPackage,
    Damage,
    KevEntry,
    KnownVulnerability,
    Releases,
)

__all__ = [
    "AffectedPackage",
    "Damage",
    "KevEntry",
    "Known",
    "KnownVulnerability",
    "Releases",
    "canonical",
    "current",
]

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """Published vulnerabilities, released versions and exploited vulnerabilities."""

    vulnerabilities: tuple[KnownVulnerability, ...] = ()
    """Sorted by id."""
    release_lists: Mapping[str, Releases] = field(default_factory=dict)
    kev_entries: Mapping[str, KevEntry] = field(default_factory=dict)
    damage: tuple[Damage, ...] = ()
    """Files that could not be read."""
    digest: str = hashlib.sha256().hexdigest()
    """SHA-256 over the names and bytes of all files read; equal means the same knowledge."""
    _by_id: Mapping[str, tuple[KnownVulnerability, ...]] = field(init=False, repr=False)
    _by_package: Mapping[str, tuple[KnownVulnerability, ...]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Index the vulnerabilities by every id and every package."""
        by_id = _index(self.vulnerabilities, lambda one: [name.upper() for name in one.ids])
        by_package = _index(self.vulnerabilities, lambda one: [p.purl for p in one.packages])
        object.__setattr__(self, "_by_id", by_id)
        object.__setattr__(self, "_by_package", by_package)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read every file below `folder`; what is missing or damaged is left out.

        A missing folder or file is no damage: this installation knows less, that is all.
        """
        shelf = _Shelf(folder)
        osv = sorted((folder / "osv").rglob("*.json"))
        documents = [shelf.take(file, read_osv) for file in osv]
        releases = shelf.take(folder / "releases.json", read_releases)
        kev = shelf.take(folder / "kev.json", read_kev)
        return cls(
            vulnerabilities=tuple(
                sorted((one for one in documents if one is not None), key=lambda one: one.id)
            ),
            release_lists=releases or {},
            kev_entries=kev or {},
            damage=tuple(shelf.damage),
            digest=shelf.hash.hexdigest(),
        )

    def by_id(self, name: str) -> KnownVulnerability | None:
        """Return the record with this id or alias, upper or lower case.

        Where several databases describe one id, the record of that very id comes first, then one
        that still stands, then the one that names most weaknesses.
        """
        found = self.records_of(name)
        return found[0] if found else None

    def records_of(self, name: str) -> tuple[KnownVulnerability, ...]:
        """Return all records with this id or alias, the best one first."""

        def rank(one: KnownVulnerability) -> tuple[bool, bool, int, str]:
            other = one.id.upper() != name.upper()
            return other, one.withdrawn is not None, -len(one.cwes), one.id

        return tuple(sorted(self._by_id.get(name.upper(), ()), key=rank))

    def of_package(self, purl: str) -> tuple[KnownVulnerability, ...]:
        """Return what is published about a package, given as a package URL without version."""
        return self._by_package.get(purl, ())

    def releases(self, purl: str) -> tuple[str, ...] | None:
        """Return the released versions, or None when no list of this package is here."""
        found = self.release_lists.get(purl)
        return None if found is None else found.versions

    def releases_as_of(self, purl: str) -> datetime | None:
        """Return the instant of the list that `releases` answers from."""
        found = self.release_lists.get(purl)
        return None if found is None else found.as_of

    def kev(self, ids: Iterable[str]) -> KevEntry | None:
        """Return the earliest catalogue entry that one of these ids has."""
        found = [entry for name in ids if (entry := self.kev_entries.get(name.upper()))]
        return min(found, key=lambda entry: (entry.added, entry.cve), default=None)


class _Shelf:
    """Takes files one by one, hashes what it read, and notes what is damaged."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.damage: list[Damage] = []
        self.hash = hashlib.sha256()

    def take(self, file: Path, read: Callable[[str], T]) -> T | None:
        """Read one file; None when it is absent or damaged."""
        name = file.relative_to(self.folder).as_posix()
        try:
            if not file.is_file():
                return None
            data = file.read_bytes()
            self.hash.update(f"{name}\0{len(data)}\0".encode() + data)
            return read(data.decode())
        except UnicodeDecodeError:
            self.damage.append(Damage(file=name, reason="not UTF-8"))
        except OSError as error:
            self.damage.append(Damage(file=name, reason=error.strerror or "cannot be read"))
        except UnreadableError as error:
            self.damage.append(Damage(file=name, reason=str(error)))
        return None


def current(folder: Path) -> Known:
    """Return what the folder holds now, read again only when a file has changed."""
    stamps = tuple(
        (str(file), status.st_mtime_ns, status.st_size)
        for file in sorted(folder.rglob("*.json"))
        if (status := file.stat())
    )
    return _loaded(folder, stamps)


@lru_cache(maxsize=2)
def _loaded(folder: Path, _stamps: tuple[tuple[str, int, int], ...]) -> Known:
    return Known.load(folder)


def _index(
    vulnerabilities: Iterable[KnownVulnerability],
    keys: Callable[[KnownVulnerability], list[str]],
) -> Mapping[str, tuple[KnownVulnerability, ...]]:
    found: dict[str, list[KnownVulnerability]] = {}
    for one in vulnerabilities:
        for key in dict.fromkeys(keys(one)):
            found.setdefault(key, []).append(one)
    return MappingProxyType({key: tuple(ones) for key, ones in found.items()})
