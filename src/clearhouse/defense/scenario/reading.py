"""Read recordings: find the format of each file, and yield its events.

In: files, or a folder of them; `.gz`, `.zip` and `.tar` are opened. Out: events in the order of
the files. What cannot be read is counted with its first reasons, never dropped silently, and never
stops the rest. Refused: files without any event (`UnreadableError`), and expansion beyond a bound.
"""

import gzip
import io
import tarfile
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TextIO

import orjson

from clearhouse.defense.scenario.event import Event, UnreadableError
from clearhouse.defense.scenario.readers import (
    auditd,
    cloudtrail,
    ecs,
    ocsf,
    suricata,
    table,
    windows,
    zeek,
)

_REASONS_KEPT = 20
_LONGEST_LINE = 4 << 20
_SUFFIXES = frozenset(
    {".evtx", ".json", ".jsonl", ".ndjson", ".log", ".csv", ".gz", ".tar", ".tgz", ".zip", ".txt"}
)
_INSIDE = _SUFFIXES - {".evtx", ".gz", ".tar", ".tgz", ".zip"}
"""What is read inside an archive."""
_MOST_EXPANSION = 400
"""A compressed file may grow this many times; logs compress well, bombs better."""
_ALWAYS_ALLOWED_BYTES = 64 << 20


@dataclass(kw_only=True, slots=True)
class Tally:
    """What a reading met."""

    events: int = 0
    refused: int = 0
    reasons: list[str] = field(default_factory=list)
    """The first of them."""

    def refuse(self, reason: str) -> None:
        """Count one thing that could not be read."""
        self.refused += 1
        if len(self.reasons) < _REASONS_KEPT:
            self.reasons.append(reason)


def read(paths: Iterable[Path], tally: Tally) -> Iterator[Event]:
    """Yield the events of files and folders; `tally` says afterwards what was refused."""
    for path in _files(paths):
        before = tally.events
        try:
            for event in _file(path, tally.refuse):
                tally.events += 1
                yield event
        except (UnreadableError, OSError, EOFError, zipfile.BadZipFile, tarfile.TarError) as error:
            tally.refuse(str(error) or f"{path.name} ends early")
        if tally.events == before:
            tally.refuse(f"{path.name}: no event in it")


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            yield from (
                one
                for one in sorted(path.rglob("*"))
                if one.is_file() and one.suffix.lower() in _SUFFIXES
            )
        else:
            yield path


def _file(path: Path, refuse: Callable[[str], None]) -> Iterator[Event]:
    suffix = path.suffix.lower()
    if suffix == ".evtx":
        yield from windows.read_evtx(path, refuse)
    elif suffix == ".zip":
        yield from _archive(path, refuse)
    elif suffix == ".tar":
        with path.open("rb") as file:
            yield from _tape(file, refuse)
    elif path.name.lower().endswith((".tar.gz", ".tgz")):
        with gzip.open(path) as unpacked:
            yield from _tape(_bounded(unpacked, path), refuse)
    elif suffix == ".gz":
        with gzip.open(path) as unpacked:
            yield from _stream(_bounded(unpacked, path), path.stem, refuse)
    else:
        with path.open("rb") as file:
            yield from _stream(file, path.name, refuse)


def _archive(path: Path, refuse: Callable[[str], None]) -> Iterator[Event]:
    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            name = Path(entry.filename)
            if entry.is_dir() or name.suffix.lower() not in _INSIDE:
                continue
            try:
                with archive.open(entry) as file:
                    yield from _stream(_bounded(file, path), name.name, refuse)
            except (RuntimeError, zipfile.BadZipFile) as error:  # a password, a damaged entry
                refuse(f"{path.name}: {error}")


def _tape(file: IO[bytes], refuse: Callable[[str], None]) -> Iterator[Event]:
    """Read a tar archive from front to back; nothing of it is written anywhere."""
    with tarfile.open(fileobj=file, mode="r|") as archive:
        for entry in archive:
            name = Path(entry.name)
            inner = archive.extractfile(entry) if entry.isfile() else None
            if isinstance(inner, io.BufferedReader) and name.suffix.lower() in _INSIDE:
                yield from _stream(inner, name.name, refuse)


class _Bounded(io.RawIOBase):
    """A file that stops an expansion beyond the bound."""

    def __init__(self, file: IO[bytes] | gzip.GzipFile, path: Path) -> None:
        super().__init__()
        self._file = file
        self._left = max(path.stat().st_size * _MOST_EXPANSION, _ALWAYS_ALLOWED_BYTES)
        self._name = path.name

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]  # all that is passed
        data = self._file.read(len(buffer))
        self._left -= len(data)
        if self._left < 0:
            raise UnreadableError(
                f"{self._name} grows more than {_MOST_EXPANSION} times; unpack it"
            )
        buffer[: len(data)] = data
        return len(data)


def _bounded(file: IO[bytes] | gzip.GzipFile, path: Path) -> io.BufferedReader:
    return io.BufferedReader(_Bounded(file, path), 1 << 18)


def _stream(file: io.BufferedReader, name: str, refuse: Callable[[str], None]) -> Iterator[Event]:
    start = file.peek(1 << 15).removeprefix(b"\xef\xbb\xbf").lstrip()
    if start.startswith((b"{", b"[")):
        yield from _json(file, start, name, refuse)
        return
    text = io.TextIOWrapper(file, "utf-8-sig", errors="replace")
    try:
        yield from _text(text, start, name, refuse)
    finally:
        text.detach()  # whoever opened the file closes it


def _text(text: TextIO, start: bytes, name: str, refuse: Callable[[str], None]) -> Iterator[Event]:
    if start.startswith(b"#separator") or b"\n#fields" in start:
        yield from zeek.read_tsv(text, refuse, name=name)
    elif b"type=" in start[:200] and b"msg=audit(" in start[:400]:
        yield from auditd.read(text, refuse, name=name)
    elif b"," in start.partition(b"\n")[0]:
        yield from table.read(text, refuse, name=name)
    else:
        raise UnreadableError(f"{name}: none of the formats that are known here begins like this")


def _json(
    file: io.BufferedReader, start: bytes, name: str, refuse: Callable[[str], None]
) -> Iterator[Event]:
    """Read JSON lines, or one document that holds a list of records."""
    shape: Callable[[Mapping[str, object]], Event] | None = None
    for number, record in _records(file, start, name, refuse):
        try:
            if shape is None:
                shape = shape_of(record, name)
            yield shape(record)
        except UnreadableError as error:
            other = _other_shape(record, name, shape)
            if other is None:
                refuse(f"{name}:{number}: {error}")
            else:
                yield other


def _other_shape(
    record: Mapping[str, object], name: str, tried: Callable[[Mapping[str, object]], Event] | None
) -> Event | None:
    """Try a record that is unlike the first one by its own looks: exports mix formats."""
    try:
        shape = shape_of(record, name)
        return None if shape is tried else shape(record)
    except UnreadableError:
        return None


def _records(
    file: io.BufferedReader, start: bytes, name: str, refuse: Callable[[str], None]
) -> Iterator[tuple[int, dict[str, object]]]:
    whole = start.startswith(b"[") or b'"Records"' in start[:64].replace(b" ", b"")
    lines = [file.read()] if whole else _lines(file, name, refuse)
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            document = orjson.loads(line.removeprefix(b"\xef\xbb\xbf"))
        except ValueError as error:
            refuse(f"{name}:{number}: not JSON: {str(error)[:80]}")
            continue
        for record in _inside(document):
            if isinstance(record, dict):
                yield number, record
            else:
                refuse(f"{name}:{number}: not a record")


def _lines(file: io.BufferedReader, name: str, refuse: Callable[[str], None]) -> Iterator[bytes]:
    while line := file.readline(_LONGEST_LINE):
        if len(line) < _LONGEST_LINE or line.endswith(b"\n"):
            yield line
            continue
        refuse(f"{name}: a line is longer than {_LONGEST_LINE >> 20} MiB")
        while (rest := file.readline(_LONGEST_LINE)) and not rest.endswith(b"\n"):
            pass


def _inside(document: object) -> list[object]:
    if isinstance(document, list):
        return document
    if isinstance(document, dict) and isinstance(document.get("Records"), list):
        records: list[object] = document["Records"]
        return records
    return [document]


def shape_of(
    record: Mapping[str, object], name: str = ""
) -> Callable[[Mapping[str, object]], Event]:
    """Return the reader of a JSON record by its looks. Raises: UnreadableError."""
    if "event_type" in record and "timestamp" in record:
        return suricata.event
    if "class_uid" in record:
        return ocsf.event
    if "eventName" in record and "eventSource" in record:
        return cloudtrail.event
    if windows.looks_like(record):
        return windows.event
    if "ts" in record and ("uid" in record or "_path" in record or "id.orig_h" in record):
        log = Path(name).name.partition(".")[0] or None
        return lambda one: zeek.event(one, log)
    if "@timestamp" in record or "_source" in record:
        return ecs.event
    raise UnreadableError("a record of no format that is known here")
