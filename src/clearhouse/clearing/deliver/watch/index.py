"""A source of advisories as one SQLite file, in which a package is found at once.

In: documents with the numbers of their packages. Out: for some keys, the documents that name them.
Refused with `IndexFaultError`: a file that is no index of this version, or is damaged; the caller
then builds it anew.

Documents of a folder are kept whole; those of an archive stay in it, and the index notes where.
Only what is asked for is ever read again. Building costs one look at each document, asking costs
one look at each candidate.
SQLite comes with Python, survives a crash in the middle of a write, is read by several processes
at once, and finds a thousand keys among a quarter of a million in ten milliseconds.
The file is written beside its place and moved there in one step.
"""

import hashlib
import json
import os
import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, Final, Self, cast

from isal import isal_zlib

VERSION: Final = 2
_CHUNK: Final = 500
MAX_BODY: Final = 64 * 1024 * 1024
_BROKEN: Final = cast("type[Exception]", isal_zlib.error)  # its stub calls the class an instance

_SCHEMA: Final = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
CREATE TABLE advisory (id INTEGER PRIMARY KEY, form TEXT, place TEXT, packed INTEGER, body BLOB,
    offset INTEGER, length INTEGER);
CREATE TABLE package (key INTEGER, advisory INTEGER, PRIMARY KEY (key, advisory)) WITHOUT ROWID;
CREATE TABLE fact (name TEXT PRIMARY KEY, value TEXT);
"""


class IndexFaultError(ValueError):
    """The file is no index of this version."""


Document = tuple[str, str, bool, bytes | None, int, int]
"""One document on its way into an index: form (`osv` or `csaf`), file, whether it is deflated, and
its bytes or, where they stay in an archive, None with their place and length in it. A plain tuple,
because hundreds of thousands of them go from process to process."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """One document that names a package that was asked for."""

    form: str
    place: str
    body: bytes


class Builder:
    """Writes a new index; nothing is at its place until `finish`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fresh = path.with_suffix(f".{os.getpid()}.new")
        self._fresh.unlink(missing_ok=True)
        self._connection = sqlite3.connect(self._fresh, isolation_level=None)
        self._connection.executescript(_SCHEMA)
        self._connection.execute("BEGIN")
        self._count = 0
        self._keys: list[tuple[int, int]] = []

    def add(self, documents: Sequence[Document], keys: Iterable[tuple[int, int]]) -> None:
        """Take documents in, and the numbers of their keys, each with the place of its document."""
        first = self._count + 1
        self._connection.executemany(
            "INSERT INTO advisory (form, place, packed, body, offset, length)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            documents,
        )
        self._count += len(documents)
        self._keys += [(number, first + place) for number, place in keys]

    def finish(self, facts: Mapping[str, object]) -> None:
        """Put the index in its place."""
        whole = {**facts, "version": VERSION, "documents": self._count}
        connection = self._connection
        connection.executemany("INSERT INTO package VALUES (?, ?)", sorted(set(self._keys)))
        connection.executemany(
            "INSERT INTO fact VALUES (?, ?)",
            [(name, json.dumps(value)) for name, value in whole.items()],
        )
        connection.execute("COMMIT")
        connection.close()
        self._fresh.replace(self._path)

    def abandon(self) -> None:
        """Leave what was there before."""
        self._connection.close()
        self._fresh.unlink(missing_ok=True)


class Index:
    """Reads an index."""

    def __init__(
        self, connection: sqlite3.Connection, facts: Mapping[str, object], archive: Path | None
    ) -> None:
        self._connection = connection
        self._archive = archive
        self.facts = facts

    @classmethod
    def open(cls, path: Path, archive: Path | None = None) -> Self:
        """Open an index to read; `archive` is where documents stand that are not in it.

        Raises: IndexFaultError.
        """
        try:
            connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
            rows = connection.execute("SELECT name, value FROM fact").fetchall()
            facts = {name: json.loads(value) for name, value in rows}
        except (sqlite3.Error, ValueError) as error:
            raise IndexFaultError(f"{path.name} is no index: {error}") from error
        if facts.get("version") != VERSION:
            connection.close()
            raise IndexFaultError(f"{path.name} is an index of another version")
        return cls(connection, facts, archive)

    @property
    def kinds(self) -> frozenset[str]:
        """Which ecosystems and vendors its documents name at all."""
        listed = self.facts["kinds"]
        return frozenset(listed if isinstance(listed, list) else ())

    def about(self, keys: Iterable[str]) -> Iterator[Found]:
        """Yield every document that names one of the keys, each once.

        Raises: IndexFaultError.
        """
        numbers = [number(key) for key in keys]
        wanted: set[int] = set()
        try:
            for start in range(0, len(numbers), _CHUNK):
                some = numbers[start : start + _CHUNK]
                wanted.update(row[0] for row in self._ask("package WHERE key", "advisory", some))
            ordered = sorted(wanted)
            for start in range(0, len(ordered), _CHUNK):
                columns = "form, place, packed, body, offset, length"
                some = self._ask("advisory WHERE id", columns, ordered[start : start + _CHUNK])
                yield from self._bodies(some)
        except (sqlite3.Error, zlib.error, OSError) as error:
            raise IndexFaultError(f"the index is damaged: {error}") from error

    def _bodies(self, rows: list[Any]) -> Iterator[Found]:
        with self._archive.open("rb") if self._archive is not None else BytesIO() as archive:
            for form, place, packed, body, offset, length in rows:
                if body is None:
                    archive.seek(offset)
                    body = archive.read(length)  # noqa: PLW2901 - the bytes, wherever they are
                yield Found(form=form, place=place, body=unpacked(body) if packed else body)

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def _ask(self, where: str, columns: str, values: list[int]) -> list[Any]:
        marks = ",".join("?" * len(values))
        question = f"SELECT {columns} FROM {where} IN ({marks})"  # noqa: S608 - our own names
        with closing(self._connection.execute(question, values)) as cursor:
            return cursor.fetchall()


def unpacked(data: bytes, most: int = MAX_BODY) -> bytes:
    """Return what was deflated, refusing what grows beyond `most`.

    Raises: zlib.error.
    """
    inflater = isal_zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        plain = inflater.decompress(data, most + 1)
    except _BROKEN as error:
        raise zlib.error(str(error)) from error
    if not inflater.eof or len(plain) > most:
        raise zlib.error("is cut off, or larger than it may be")
    return plain


def number(key: str) -> int:
    """Return the number under which an index files a key."""
    digest = hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)
