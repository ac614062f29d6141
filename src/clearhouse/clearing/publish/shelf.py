"""A folder of public files that changes all at once, or not at all.

    published/2026/…  csaf/…  osv/…    links, the paths that the public knows
    published/.head                    a link to the newest batch: replacing it is the instant
    published/.batches/00000007-…/     the files of one change, never changed again

In: a `Change`, with documents that stay and indexes that the next change replaces. Out: a folder in
which every public path shows it. Refused: paths that leave the folder, and files that stand where a
link belongs.

Documents are reached through their own batch, indexes through `.head`. So that both change in the
same instant, documents that a change brings are led through `.head` before it:

1. Stage: write the batch under a name that nobody can guess, flush it to disk, name it.
2. Hold: what is public and will change is led through a batch that holds it as it is.
3. Lead: the paths that will change go through `.head`. Readers see what they saw before.
4. Switch: `.head` is replaced by one rename. Readers see everything of the change.
5. Settle: the documents are led through their own batch, so that the next change can begin.
Killed anywhere, a reader finds the state before 4 or the state after it; the next change first
clears away or finishes what it finds. Two at once wait for each other.
"""

import contextlib
import fcntl
import json
import os
import re
import secrets
import shutil
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

HEAD: Final = ".head"
BATCHES: Final = ".batches"
_NOTE: Final = ".note"
_PART: Final = ".part"
_SETTLED: Final = ".settled"
_FEW: Final = 200
"""Up to so many files are flushed one by one; more with one call for the whole disk."""
_STEP: Final = re.compile(r"[A-Za-z0-9_@+\[(][A-Za-z0-9_@+\[\]().: -]*")


class ShelfError(RuntimeError):
    """The folder cannot be changed; the message says what to do."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """What becomes public in one instant; paths are relative to the folder, with slashes."""

    documents: Mapping[str, Mapping[str, bytes] | bytes] = field(default_factory=dict)
    """Files, or folders of files, that stay where they are until a change names them again."""
    aliases: Mapping[str, str] = field(default_factory=dict)
    """Further paths of documents of this change, or of files in them."""
    indexes: Mapping[str, bytes] = field(default_factory=dict)
    """Files that this change makes or replaces."""
    same: frozenset[str] = frozenset()
    """Indexes that stay as they are; every other one of the change before disappears."""
    gone: frozenset[str] = frozenset()
    """Documents that disappear."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Note:
    """What a batch says of itself."""

    documents: tuple[str, ...]
    indexes: tuple[str, ...]
    before: str | None
    """The change before it, None for the first."""
    gone: tuple[str, ...] = ()
    holds: bool = False
    """It shows nothing new."""


@dataclass(frozen=True, slots=True)
class Shelf:
    """The folder."""

    folder: Path

    def read(self, path: str) -> bytes | None:
        """Return the public bytes of a path, None where there is no file."""
        place = self.place(path)
        try:
            return None if place is None else place.read_bytes()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None

    def place(self, path: str) -> Path | None:
        """Return where a path is, None when the public cannot name it."""
        return self.folder / path if _is_public(path) else None

    def hidden(self, name: str) -> bytes | None:
        """Return an index whose name begins with a dot: for the house, not for readers."""
        try:
            return (self.folder / HEAD / name).read_bytes()
        except FileNotFoundError:
            return None

    def indexes(self) -> frozenset[str]:
        """Return the paths of the present indexes."""
        head = self._head()
        return frozenset() if head is None else frozenset(self._note(head).indexes)

    def put(self, change: Change) -> None:
        """Make a change public in one instant; see the steps above.

        Raises: ShelfError; OSError when the disk refuses. What was public before then still is.
        """
        self.put_made(lambda: change)

    def put_made(self, make: Callable[[], Change | None]) -> None:
        """Make public what `make` returns while nobody else changes the folder; None: nothing.

        Raises: as `put`.
        """
        with self._alone():
            self._recover()
            change = make()
            if change is not None:
                self._put(change)

    def _put(self, change: Change) -> None:
        for path in (*change.documents, *change.aliases):
            if not _is_public(path):
                raise ShelfError(f"{path!r} is no path for the public")
        batch = self._stage(change)
        note = self._note(batch)
        shown = [path for path in note.indexes if _is_public(path)]
        moving = [*note.documents, *shown, *filter(self._text, note.gone)]
        self._hold(moving)
        self._link({path: _through(HEAD, path) for path in moving})
        self._switch(batch)
        self._settle(batch)
        self._forget(batch)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._batch("").mkdir(mode=0o711, exist_ok=True)
        with self._batch(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _stage(self, change: Change) -> str:
        """Step 1. Its name is a number and 64 random bits, so that nobody reads it early."""
        head = self._head()
        fresh = self._fresh(0 if head is None else _number(head) + 1)
        files = dict(_files(change))
        for path, data in files.items():
            _write(f"{fresh}/{path}", data)
        for folder in {path.rpartition("/")[0] for path in change.aliases}:
            (fresh / folder).mkdir(parents=True, exist_ok=True)
        for path, target in change.aliases.items():
            os.symlink(f"{'../' * path.count('/')}{target}", f"{fresh}/{path}")  # noqa: PTH211
        kept = self.indexes() & change.same - change.indexes.keys()
        self._take_over(fresh, kept)
        # A batch that only held is never led to again, so the one before it counts.
        before = head if head is None or not self._note(head).holds else self._note(head).before
        documents = {*change.documents, *change.aliases}
        note = _Note(
            documents=tuple(sorted(documents)),
            indexes=tuple(sorted({*change.indexes, *kept})),
            before=before,
            gone=tuple(sorted(change.gone - documents)),
        )
        return self._name(fresh, note, files=len(files))

    def _hold(self, paths: Iterable[str]) -> None:
        """Step 2: lead what is public and will change through a batch that holds it."""
        held = [path for path in paths if self._text(path) not in {None, _through(HEAD, path)}]
        if not held:
            return
        head = self._head()
        fresh = self._fresh(0 if head is None else _number(head))
        self._take_over(fresh, self.indexes())
        for path in held:
            (fresh / path).parent.mkdir(parents=True, exist_ok=True)
            self._hold_one(fresh / path, path)
        before = (
            None if head is None else self._note(head).before if self._note(head).holds else head
        )
        note = _Note(
            documents=tuple(held), indexes=tuple(self.indexes()), before=before, holds=True
        )
        self._switch(self._name(fresh, note, files=len(held)))

    def _hold_one(self, place: Path, path: str) -> None:
        public = self.folder / path
        if public.is_symlink():
            target = os.path.normpath(Path(path).parent / public.readlink())
            place.symlink_to(Path(*[".."] * (path.count("/") + 2)) / target)
        elif public.is_file():
            os.link(public, place)
        else:
            raise ShelfError(f"{public} is a folder where a link belongs; move it away")

    def _take_over(self, fresh: Path, indexes: Iterable[str]) -> None:
        for path in indexes:
            (fresh / path).parent.mkdir(parents=True, exist_ok=True)
            os.link(self.folder / HEAD / path, fresh / path)

    def _fresh(self, number: int) -> Path:
        fresh = self._batch(f"{number:08d}-{secrets.token_hex(8)}{_PART}")
        fresh.mkdir()
        return fresh

    def _name(self, fresh: Path, note: "_Note", *, files: int) -> str:
        """Give a batch its name once all of it is on the disk."""
        _write(f"{fresh}/{_NOTE}", json.dumps(asdict(note)).encode())
        _flush(fresh, files)
        fresh.rename(fresh.with_suffix(""))
        _flush_one(self._batch(""))
        return fresh.stem

    def _switch(self, name: str) -> None:
        """Step 4: the instant. A rename replaces the link, and the disk keeps it."""
        self._replace(HEAD, f"{BATCHES}/{name}")
        _flush_one(self.folder)

    def _settle(self, name: str) -> None:
        """Step 5. What was held goes back to where it was."""
        note = self._note(name)
        wanted = {path: _through(f"{BATCHES}/{name}", path) for path in note.documents}
        if note.holds:
            wanted = {
                path: os.path.relpath(
                    os.path.normpath(Path(BATCHES, name, path).parent / place.readlink()),
                    Path(path).parent,
                )
                for path in note.documents
                if (place := self._batch(name) / path).is_symlink()
            }
        self._link(wanted)
        for path in note.gone:
            (self.folder / path).unlink(missing_ok=True)
        (self._batch(name) / _SETTLED).touch()

    def _link(self, wanted: Mapping[str, str]) -> None:
        touched = set()
        for path, target in wanted.items():
            if self._text(path) != target:
                parent = path.rpartition("/")[0]
                if parent not in touched:
                    (self.folder / parent).mkdir(parents=True, exist_ok=True)
                    touched.add(parent)
                self._replace(path, target)
        _flush_all([self.folder / one for one in touched])

    # A shelf has ten links for each advisory, and pathlib costs more than the disk: hence `os`.

    def _replace(self, path: str, target: str) -> None:
        fresh = f"{self.folder}/{BATCHES}/.link"
        try:
            os.symlink(target, fresh)  # noqa: PTH211
        except FileExistsError:  # left by a process that was killed
            os.unlink(fresh)  # noqa: PTH108
            os.symlink(target, fresh)  # noqa: PTH211
        os.replace(fresh, f"{self.folder}/{path}")  # noqa: PTH105

    def _text(self, path: str) -> str | None:
        """Return what a public link says, "" for what is no link, None where nothing is."""
        try:
            return os.readlink(f"{self.folder}/{path}")  # noqa: PTH115
        except FileNotFoundError:
            return None
        except OSError:
            return ""

    def _recover(self) -> None:
        """Finish or clear away what a killed process left; readers see no difference."""
        head = self._head()
        shown = {head}
        if head is not None:
            if not (self._batch(head) / _SETTLED).exists():
                self._settle(head)
            shown.add(self._note(head).before)
        for batch in sorted(self._batch("").glob("[0-9]*")):
            if batch.suffix == _PART:
                shutil.rmtree(batch)
            elif batch.name not in shown and self._is_idle(batch.name, head):
                self._drop(batch)

    def _is_idle(self, name: str, head: str | None) -> bool:
        """Say whether no document is led through a batch: it was never shown, or only held."""
        return head is None or _number(name) > _number(head) or self._note(name).holds

    def _drop(self, batch: Path) -> None:
        """Remove a batch that nobody is led to, and links that were made for it alone."""
        note = self._note(batch.name)
        for path in (*note.documents, *note.indexes):
            if self._text(path) == _through(HEAD, path) and not (self.folder / path).exists():
                (self.folder / path).unlink()
        self._remove(batch)

    def _remove(self, batch: Path) -> None:
        """Remove a batch; killed half way, its name says that it is none."""
        part = batch.with_suffix(_PART)
        batch.rename(part)
        shutil.rmtree(part)

    def _forget(self, name: str) -> None:
        """Remove what only held, and indexes of two changes ago, which nobody reads any more."""
        note = self._note(name)
        for batch in self._batch("").glob("[0-9]*"):
            if batch.name != name and self._note(batch.name).holds:
                self._remove(batch)
        if note.before is None:
            return
        before = self._note(note.before)
        for path in filter(_is_public, set(before.indexes) - set(note.indexes)):
            (self.folder / path).unlink(missing_ok=True)
        if before.before is not None:
            older = self._note(before.before)
            for path in older.indexes:
                (self._batch(before.before) / path).unlink(missing_ok=True)

    def _batch(self, name: str) -> Path:
        return self.folder / BATCHES / name

    def _head(self) -> str | None:
        text = self._text(HEAD)
        return None if text is None else Path(text).name

    def _note(self, name: str) -> "_Note":
        note = json.loads((self._batch(name) / _NOTE).read_bytes())
        return _Note(
            documents=tuple(note["documents"]),
            indexes=tuple(note["indexes"]),
            before=note["before"],
            gone=tuple(note["gone"]),
            holds=note["holds"],
        )


def _is_public(path: str) -> bool:
    steps = path.split("/")
    if steps[0] == ".well-known":
        steps = steps[1:]
    return bool(steps) and all(_STEP.fullmatch(step) for step in steps)


def _number(name: str) -> int:
    return int(name.partition("-")[0])


def _through(way: str, path: str) -> str:
    """Return the link's text by which a public path leads through a folder below the shelf."""
    return f"{'../' * path.count('/')}{way}/{path}"


def _files(change: Change) -> Iterator[tuple[str, bytes]]:
    for path, data in change.documents.items():
        if isinstance(data, bytes):
            yield path, data
        else:
            yield from ((f"{path}/{name}", body) for name, body in data.items())
    yield from change.indexes.items()


def _write(path: str, data: bytes) -> None:
    how = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    try:
        handle = os.open(path, how, 0o644)
    except FileNotFoundError:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, how, 0o644)
    with os.fdopen(handle, "wb") as file:
        file.write(data)


def _flush(folder: Path, files: int) -> None:
    """Make a folder durable with everything in it."""
    if files > _FEW:
        os.sync()
        return
    places = []
    for here, _, names in os.walk(folder):
        places += [place for name in names if not (place := Path(here, name)).is_symlink()]
        places.append(Path(here))
    _flush_all(places)


def _flush_all(places: Collection[Path]) -> None:
    """Flush side by side: a disk commits many at the price of one."""
    with ThreadPoolExecutor(min(16, len(places) or 1)) as flushers:
        list(flushers.map(_flush_one, places))


def _flush_one(place: Path) -> None:
    """Make a file, or the names in a folder, durable."""
    handle = os.open(place, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
