"""Read trees, tags, commits and history of a git repository, for claim checks.

In come a git folder that `git.borrow` made, or that was fetched; out come trees of readable files
and answers about history. An object that the copy lacks makes the answer "could not be searched",
never "is not there".
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from clearhouse.clearing.validate.claims.syntax import language_of
from clearhouse.clearing.validate.claims.tree import SourceTree
from clearhouse.clearing.validate.sources import git
from clearhouse.clearing.validate.sources.git import RepositoryError
from clearhouse.clearing.validate.sources.shelf import text_or_none

MAX_FILES = 200_000
MAX_TREE_BYTES = 512 << 20
MAX_BLOB_BYTES = 2 << 20
MAX_HISTORY_BYTES = 6 << 30
MAX_TAGS = 600
MAX_BLOBS = 400_000
_HISTORY_S = 240
_PATH_S = 90
_BATCH = 2000
_TOUCHES = 4
"""Commits looked at for what became of a path; those of one second come in any order."""
_FULL = re.compile(r"[0-9a-f]{40}")
_REVISION = re.compile(r"[\w][\w./+@%,=-]{0,200}")
_TAG_VERSION = re.compile(
    r"(?:^|[-_/v])(\d+(?:[._]\d+)+(?:[-_.]?(?:rc|a|b|alpha|beta|pre)[-_.]?\d*)?)$"
)
_LARGE_LINK = "120000"
_SUBMODULE = "160000"


@dataclass(frozen=True, kw_only=True, slots=True)
class Blob:
    """One file of a commit."""

    path: str
    id: str
    size_bytes: int
    """-1 for links, submodules and what the copy lacks."""
    missing: bool = False


class Repository:
    """A repository that is read and never changed."""

    def __init__(self, folder: Path, *, fresh: bool = False) -> None:
        self.folder = folder
        self.fresh = fresh
        """Whether the copy was made within the last day."""

    def resolve(self, revision: str) -> str | None:
        """Return the commit that a revision names: an object name, a tag or a branch."""
        if not _REVISION.fullmatch(revision) or ".." in revision:
            return None
        for name in (revision, f"refs/tags/{revision}", f"refs/heads/{revision}"):
            try:
                found = git.run(
                    self.folder,
                    ["rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}"],
                )
            except RepositoryError:
                continue
            commit = found.decode("ascii", "replace").strip()
            return commit if _FULL.fullmatch(commit) else None
        return None

    def head(self) -> str:
        """Return the commit that the repository's default branch stands at.

        Raises: RepositoryError when it has none.
        """
        commit = self.resolve("HEAD")
        if commit is None:
            raise RepositoryError("the repository has no commit")
        return commit

    def tags(self) -> Mapping[str, str]:
        """Return version to tag, for tags that name a version in any usual way."""
        names = git.run(self.folder, ["for-each-ref", "--format=%(refname:strip=2)", "refs/tags"])
        found: dict[str, str] = {}
        for tag in names.decode("utf-8", "replace").splitlines():
            version = _TAG_VERSION.search(tag)
            if version is not None:
                plain = version[1].replace("_", ".")
                if plain not in found or len(tag) < len(found[plain]):
                    found[plain] = tag
        return found

    def day(self, commit: str) -> str | None:
        """Return the day of a commit, or None when the repository has no such commit."""
        full = self.resolve(commit)
        if full is None:
            return None
        words = git.run(self.folder, ["log", "-1", "--format=%cs", full, "--"])
        return words.decode("ascii", "replace").strip()

    def tree(self, commit: str, name: str | None = None) -> SourceTree:
        """Return the readable files of a commit; `name` is how checks call it.

        Raises: RepositoryError when it is too large or an object is missing.
        """
        return _tree(self.folder, commit, name or commit[:12])

    def fate(self, path: str) -> str | None:
        """Say what became of a path that the newest commit may lack; None if no commit had it.

        Raises: RepositoryError.
        """
        touched = self._touches(path)
        for commit, day in touched:
            fate = self._fate_in(commit, path)
            if fate is not None:
                return f"{fate} on {day}"
        return f"last changed on {touched[0][1]}" if touched else None

    def _fate_in(self, commit: str, path: str) -> str | None:
        """Say whether a commit renamed or removed a path."""
        changes = git.run(
            self.folder,
            ["show", "-M", "--name-status", "-z", "--format=", "--no-ext-diff", commit, "--"],
            timeout_s=_PATH_S,
        )
        fields = changes.decode("utf-8", "replace").split("\0")
        for place, field in enumerate(fields[:-2]):
            if field[:1] == "R" and fields[place + 1] == path:
                return f"renamed to {fields[place + 2]}"
            if field[:1] == "D" and fields[place + 1] == path:
                return "removed"
        return None

    def _touches(self, path: str) -> list[tuple[str, str]]:
        """Return the last commits that touched a path, with their days."""
        words = git.run(
            self.folder,
            ["log", "--all", f"-{_TOUCHES}", "--format=%H %cs", "--", path],
            timeout_s=_PATH_S,
        )
        lines = words.decode("ascii", "replace").splitlines()
        return [(commit, day) for commit, _, day in (line.partition(" ") for line in lines)]

    def search(self, names: Iterable[str]) -> tuple[Mapping[str, str], str]:
        """Return where in the history names occur, and what was searched.

        A small repository is searched in every version of every file, a large one in all its tags.

        Raises: RepositoryError when it could not be searched whole.
        """
        blobs, searched = self._history()
        found: dict[str, str] = {}
        waiting = {name: re.compile(rb"(?<![\w$])" + re.escape(name.encode()) + rb"(?![\w$])")
                   for name in names}  # fmt: skip
        for blob, data in _contents(self.folder, blobs.values(), MAX_HISTORY_BYTES, _HISTORY_S):
            for name in [one for one in waiting if one.encode() in data]:
                if waiting[name].search(data):
                    found[name] = blob.path
                    del waiting[name]
            if not waiting:
                break
        return found, searched

    def _history(self) -> tuple[dict[str, Blob], str]:
        """Return the distinct readable files of the history by object, and how they were found."""
        count = int(git.run(self.folder, ["rev-list", "--count", "--all"]).strip() or b"0")
        tags = list(self.tags().values())
        if count <= _BATCH or not tags:
            commits, searched = self._commits(count), f"{count} commits"
        elif len(tags) <= MAX_TAGS:
            commits, searched = [self.head(), *tags], f"{len(tags)} tagged versions"
        else:
            raise RepositoryError(f"the repository has more than {MAX_TAGS} tagged versions")
        blobs: dict[str, Blob] = {}
        for commit in commits:
            listed = _listed(self.folder, commit)
            if any(one.missing and language_of(one.path) is not None for one in listed):
                raise RepositoryError("the copy of the repository lacks an object")
            blobs.update({one.id: one for one in listed})
            if len(blobs) > MAX_BLOBS:
                raise RepositoryError("the history is too large to be searched whole")
        return {one.id: one for one in blobs.values() if one.size_bytes <= MAX_BLOB_BYTES}, searched

    def _commits(self, count: int) -> list[str]:
        if count > _BATCH:
            raise RepositoryError("a history of this length without tags is not searched")
        return git.run(self.folder, ["rev-list", "--all"]).decode("ascii").split()


@lru_cache(maxsize=4)
def _tree(folder: Path, commit: str, name: str) -> SourceTree:
    listed = _listed(folder, commit)
    if len(listed) > MAX_FILES:
        raise RepositoryError(f"the commit holds more than {MAX_FILES} files")
    small = [one for one in listed if 0 <= one.size_bytes <= MAX_BLOB_BYTES]
    files: dict[str, str] = {}
    for blob, data in _contents(folder, small, MAX_TREE_BYTES, _PATH_S):
        text = text_or_none(data)
        if text is not None:
            files[blob.path] = text
    unread = frozenset(one.path for one in listed) - files.keys()
    return SourceTree(version=name, files=files, unread=unread, whole=True)


@lru_cache(maxsize=1024)
def _listed(folder: Path, commit: str) -> tuple[Blob, ...]:
    """List the files of a commit; links and submodules have no size."""
    words = git.run(
        folder, ["ls-tree", "-r", "-z", "--long", "--full-tree", "--end-of-options", commit]
    )
    found = []
    for line in words.decode("utf-8", "surrogateescape").split("\0"):
        about, _, path = line.partition("\t")
        fields = about.split()
        if len(fields) == 4:
            mode, _, name, size = fields
            plain = mode not in {_LARGE_LINK, _SUBMODULE} and size.isdecimal()
            found.append(
                Blob(
                    path=path,
                    id=name,
                    size_bytes=int(size) if plain else -1,
                    missing=size != "-" and not size.isdecimal(),
                )
            )
    return tuple(found)


def _contents(
    folder: Path, blobs: Iterable[Blob], limit_bytes: int, timeout_s: float
) -> Iterator[tuple[Blob, bytes]]:
    """Give the bytes of files, in batches.

    Raises: RepositoryError when an object is missing or all of them are too large together.
    """
    waiting = [one for one in blobs if one.size_bytes >= 0]
    if sum(one.size_bytes for one in waiting) > limit_bytes:
        raise RepositoryError(f"the files are more than {limit_bytes >> 20} MiB together")
    for start in range(0, len(waiting), _BATCH):
        batch = waiting[start : start + _BATCH]
        size = sum(one.size_bytes for one in batch)
        printed = git.run(
            folder,
            ["cat-file", "--batch", "--buffer"],
            stdin="".join(f"{one.id}\n" for one in batch).encode(),
            limit_bytes=size + 128 * len(batch),
            timeout_s=timeout_s,
        )
        yield from zip(batch, _split(printed), strict=True)


def _split(printed: bytes) -> Iterator[bytes]:
    """Take apart what `git cat-file --batch` prints.

    Raises: RepositoryError at an object that is missing.
    """
    position = 0
    while position < len(printed):
        end = printed.find(b"\n", position)
        fields = printed[position : max(end, position)].split()
        if len(fields) != 3 or fields[1] != b"blob" or not fields[2].isdigit():
            raise RepositoryError("the copy of the repository lacks an object")
        size = int(fields[2])
        yield printed[end + 1 : end + 1 + size]
        position = end + 2 + size
