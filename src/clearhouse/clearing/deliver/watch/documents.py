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

from pydantic_core import from_json

from clearhouse.clearing.deliver.watch.index import Document, unpacked
from clearhouse.formats import csaf_statements, osv_statements
from clearhouse.formats.osv_statements import StatementError
from clearhouse.formats.zip_directory import LOCAL_HEADER, Member

_BATCH: Final = 4000
_WORTH_PROCESSES: Final = 3 * _BATCH


@dataclass(frozen=True, slots=True)
class Batch:
    """Some files of one source."""

    root: Path
    """The zip file, or the folder."""
    members: tuple[Member, ...] = ()
    files: tuple[str, ...] = ()


@dataclass(slots=True)
class Taken:
    """What came of some files."""

    documents: list[Document] = field(default_factory=list)
    damage: list[str] = field(default_factory=list)
    others: int = 0
    """Files that are JSON and no advisory."""
    unmatched: int = 0
    """Advisories that name no package."""
    newest: str = ""
    """The latest instant of change, as written."""


def batches(
    root: Path, *, members: Sequence[Member] = (), files: Sequence[str] = ()
) -> Iterator[Batch]:
    """Cut the files of a source into batches."""
    for start in range(0, len(members), _BATCH):
        yield Batch(root, members=tuple(members[start : start + _BATCH]))
    for start in range(0, len(files), _BATCH):
        yield Batch(root, files=tuple(files[start : start + _BATCH]))


def take_all(wanted: Iterable[Batch]) -> Iterator[Taken]:
    """Take every batch, in order, in several processes where that pays."""
    listed = list(wanted)
    count = sum(len(one.members) + len(one.files) for one in listed)
    workers = min(cpu_count() or 1, len(listed))
    if count < _WORTH_PROCESSES or workers < 2:
        yield from map(take, listed)
        return
    with ProcessPoolExecutor(workers) as pool:
        yield from pool.map(take, listed)


def take(batch: Batch) -> Taken:
    """Take one batch."""
    taken = Taken()
    if batch.members:
        with batch.root.open("rb") as file:
            _take_members(taken, file, batch.members)
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
    _take(taken, name, data)


def _take_members(taken: Taken, file: BinaryIO, members: Sequence[Member]) -> None:
    """Take members of an archive; they stay in it, and the index notes where."""
    for member in members:
        at, packed_size = member.offset, member.packed_size
        file.seek(at)
        head = file.read(LOCAL_HEADER + len(member.name) + packed_size)
        begin = (
            LOCAL_HEADER
            + int.from_bytes(head[26:28], "little")
            + int.from_bytes(head[28:30], "little")
        )
        if len(head) < begin + packed_size:  # a longer name or an extra field in the local header
            head += file.read(begin + packed_size - len(head))
        body = head[begin : begin + packed_size]
        try:
            data = unpacked(body) if member.deflated else body
        except zlib.error as error:
            taken.damage.append(f"{member.name}: cannot be unpacked: {error}")
            continue
        if zlib.crc32(data) != member.crc:
            taken.damage.append(f"{member.name}: its checksum is wrong; the archive is damaged")
            continue
        read = _read(taken, member.name, data)
        if read is not None:
            where = (at + begin, packed_size)
            taken.documents.append((read[0], member.name, member.deflated, None, *where, read[1]))


def _take(taken: Taken, name: str, data: bytes) -> None:
    read = _read(taken, name, data)
    if read is not None:
        taken.documents.append((read[0], name, False, data, 0, 0, read[1]))


def _read(taken: Taken, name: str, data: bytes) -> tuple[str, tuple[str, ...]] | None:
    """Return form and keys of an advisory that names a package; None for everything else."""
    try:
        document = from_json(data, cache_strings="keys")
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
    return form, tuple(keys)


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
