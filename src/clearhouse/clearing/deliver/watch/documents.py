"""Takes the files of a source apart: which are advisories, and which packages they name.

In: places to read from, cheap to send to another process. Out: documents for the index, and what
could not be read, with file, field and reason. Refused: nothing; a file that cannot be read is
damage, which the operator is told of, because nobody can know what it would have said.

Runs in several processes where there is enough to do.
"""

import zlib
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from os import cpu_count
from pathlib import Path
from typing import BinaryIO, Final

import orjson
from isal import isal_zlib

from clearhouse.clearing.deliver.watch.index import MAX_BODY, Document, number, unpacked
from clearhouse.formats import csaf_statements, osv_statements
from clearhouse.formats.feed import Rule
from clearhouse.formats.osv_statements import StatementError
from clearhouse.formats.package_key import kind_of
from clearhouse.formats.zip_directory import LOCAL_HEADER, Member, members, stretches

_BATCH: Final = 4000
_WORTH_PROCESSES: Final = 3 * _BATCH
_READ_AHEAD: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Batch:
    """Some files of one source."""

    root: Path
    """The zip file, or the folder."""
    directory: bytes = b""
    """The stretch of the zip's directory that lists them."""
    files: tuple[str, ...] = ()
    count: int = 0


@dataclass(slots=True)
class Taken:
    """What came of some files."""

    documents: list[Document] = field(default_factory=list)
    keys: list[tuple[int, int]] = field(default_factory=list)
    """The number of each package that is named, with the place of the document in the list."""
    kinds: set[str] = field(default_factory=set)
    rules: dict[str, tuple[Rule, ...]] = field(default_factory=dict)
    """Rules that find the flaw, by the file of a document; only signed feeds have them."""
    damage: list[str] = field(default_factory=list)
    others: int = 0
    """Files that are JSON and no advisory."""
    unmatched: int = 0
    """Advisories that name no package."""
    newest: str = ""
    """The latest instant of change, as written."""


def of_archive(path: Path) -> list[Batch]:
    """Cut the files of an archive into batches.

    Raises: ZipDirectoryError.
    """
    with path.open("rb") as file:
        count, found = stretches(file, _BATCH)
    return [
        Batch(path, directory=one, count=min(_BATCH, count - index * _BATCH))
        for index, one in enumerate(found)
    ]


def of_folder(root: Path, files: Sequence[str]) -> list[Batch]:
    """Cut the files of a folder into batches."""
    cut = [tuple(files[start : start + _BATCH]) for start in range(0, len(files), _BATCH)]
    return [Batch(root, files=some, count=len(some)) for some in cut]


def take_all(wanted: Sequence[Batch]) -> Iterator[Taken]:
    """Take every batch, in order, in several processes where that pays.

    Raises: ZipDirectoryError.
    """
    workers = min(cpu_count() or 1, len(wanted))
    if sum(one.count for one in wanted) < _WORTH_PROCESSES or workers < 2:
        yield from map(take, wanted)
        return
    with ProcessPoolExecutor(workers) as pool:
        yield from pool.map(take, wanted)


def take(batch: Batch) -> Taken:
    """Take one batch.

    Raises: ZipDirectoryError.
    """
    taken = Taken()
    if batch.directory:
        with batch.root.open("rb", buffering=_READ_AHEAD) as file:
            _take_members(taken, file, members(batch.directory))
    for name in batch.files:
        try:
            data = (batch.root / name).read_bytes()
        except OSError as error:
            taken.damage.append(f"{name}: {error.strerror or 'cannot be read'}")
            continue
        take_bytes(taken, name, data)
    return taken


def take_bytes(taken: Taken, name: str, data: bytes) -> None:
    """Take one file whose bytes are at hand."""
    form = _read(taken, name, data)
    if form is not None:
        taken.documents.append((form, name, False, data, 0, 0))


def _take_members(taken: Taken, file: BinaryIO, found: Iterable[Member]) -> None:
    """Take members of an archive; they stay in it, and the index notes where."""
    for name, offset, packed_size, plain_size, deflated, crc in found:
        file.seek(offset)
        head = file.read(LOCAL_HEADER + len(name) + packed_size)
        begin = (
            LOCAL_HEADER
            + int.from_bytes(head[26:28], "little")
            + int.from_bytes(head[28:30], "little")
        )
        if len(head) < begin + packed_size:  # a longer name or an extra field in the local header
            head += file.read(begin + packed_size - len(head))
        body = head[begin : begin + packed_size]
        try:
            data = unpacked(body, min(plain_size, MAX_BODY)) if deflated else body
        except zlib.error as error:
            taken.damage.append(f"{name}: cannot be unpacked: {error}")
            continue
        if isal_zlib.crc32(data) != crc:
            taken.damage.append(f"{name}: its checksum is wrong; the archive is damaged")
            continue
        form = _read(taken, name, data)
        if form is not None:
            taken.documents.append((form, name, deflated, None, offset + begin, packed_size))


def _read(taken: Taken, name: str, data: bytes) -> str | None:
    """Note the packages of an advisory, and return its form; None where it names none."""
    try:
        document = orjson.loads(data)
    except ValueError as error:
        taken.damage.append(f"{name}: is no whole JSON document: {error}")
        return None
    try:
        found = _keys(document)
    except StatementError as error:
        taken.damage.append(f"{name}: {error}")
        return None
    if found is None:
        taken.others += 1
        return None
    form, keys, modified = found
    taken.newest = max(taken.newest, modified)
    if not keys:
        taken.unmatched += 1
        return None
    place = len(taken.documents)
    for key in keys:
        taken.keys.append((number(key), place))
        taken.kinds.add(kind_of(key))
    return form


def _keys(document: object) -> tuple[str, set[str], str] | None:
    """Return form, keys and instant of change of an advisory, None for anything else."""
    if not isinstance(document, dict):
        return None
    if osv_statements.recognised(document):
        return "osv", osv_statements.keys(document), str(document.get("modified") or "")
    if csaf_statements.recognised(document):
        tracking = document["document"].get("tracking")
        changed = tracking.get("current_release_date") if isinstance(tracking, dict) else None
        return "csaf", csaf_statements.keys(document), str(changed or "")
    return None
