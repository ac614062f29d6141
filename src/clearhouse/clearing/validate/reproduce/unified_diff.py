"""Apply a patch exactly as stated, or say which place does not fit.

Pure. In come a unified diff and a tree of files; out comes the patched tree. Every line must stand
where the patch says: no offset, no fuzz. Refused, with every reason at once: names that leave the
tree, links, renames, binary parts, hunks whose counts are wrong. `difference` writes the patch that
leads from one tree to another, so that a bundle can name a fix instead of copying it.

Source: the unified format of POSIX `diff -u`, and the extended headers of `git diff`.
"""

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

MAX_BYTES = 100 << 10
"""Source: the largest patch that AIxCC's scoring interface takes, 100 KiB."""
_HUNK = re.compile(rb"@@ -(\d{1,7})(?:,(\d{1,6}))? \+(\d{1,7})(?:,(\d{1,6}))? @@")
_REFUSED = (
    (b"GIT binary patch", "holds a binary part"),
    (b"Binary files ", "holds a binary part"),
    (b"rename from ", "renames a file"),
    (b"copy from ", "copies a file"),
    (b"new file mode 120000", "makes a link"),
    (b"new mode 120000", "makes a link"),
)
_NO_NEWLINE = b"\\ No newline at end of file"


class PatchError(ValueError):
    """The patch cannot be read or does not fit; the message lists every reason."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Hunk:
    """Lines at one place, before and after."""

    start: int
    """First line, counted from 0."""
    before: tuple[bytes, ...]
    after: tuple[bytes, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class FileChange:
    """What happens to one file."""

    old: str | None
    """None when the patch makes the file."""
    new: str | None
    """None when the patch removes it."""
    hunks: tuple[Hunk, ...]


def parse(data: bytes) -> tuple[FileChange, ...]:
    """Read a unified diff whose names have one leading part, such as `a/`.

    Raises: PatchError.
    """
    if len(data) > MAX_BYTES:
        raise PatchError(f"the patch is larger than {MAX_BYTES} bytes")
    lines = data.splitlines(keepends=True)
    faults = [
        f"the patch {why}" for mark, why in _REFUSED if any(one.startswith(mark) for one in lines)
    ]
    changes: list[FileChange] = []
    at = 0
    while at < len(lines) and not faults:
        if lines[at].startswith(b"--- ") and lines[at + 1 : at + 2][:1] != []:
            change, at = _file(lines, at)
            changes.append(change)
        else:
            at += 1
    names = [name for one in changes for name in (one.old, one.new) if name is not None]
    faults += [f"the patch names a place outside the source ({len(names)} names)"] * any(
        not _inside(name) for name in names
    )
    if not changes and not faults:
        faults.append("the patch changes no file")
    if faults:
        raise PatchError("; ".join(dict.fromkeys(faults)))
    return tuple(changes)


def apply(changes: Sequence[FileChange], tree: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return the tree with every change made.

    Raises: PatchError naming every place that does not fit.
    """
    patched, faults = dict(tree), []
    for change in changes:
        name = change.old or change.new or ""
        if (change.old is None) == (name in patched):
            there = "is there already" if change.old is None else "is not there"
            faults.append(f"{name} {there}")
            continue
        lines = patched.pop(name, b"").splitlines(keepends=True)
        for hunk in reversed(change.hunks):
            end = hunk.start + len(hunk.before)
            if tuple(lines[hunk.start : end]) != hunk.before:
                faults.append(f"{name} differs at line {hunk.start + 1}")
                continue
            lines[hunk.start : end] = hunk.after
        if change.new is not None:
            patched[change.new] = b"".join(lines)
    if faults:
        raise PatchError("; ".join(faults))
    return patched


def difference(
    before: Mapping[str, bytes], after: Mapping[str, bytes], files: Sequence[str]
) -> bytes:
    """Write the unified diff of these files between two trees.

    Raises: PatchError when a file is in neither or nothing differs.
    """
    absent = [name for name in files if name not in before and name not in after]
    if absent:
        raise PatchError(f"{', '.join(absent)} is in neither source")
    found = b"".join(
        line for name in files for line in _file_difference(name, before.get(name), after.get(name))
    )
    if not found:
        raise PatchError("the files do not differ between the two sources")
    return found


def _file_difference(name: str, before: bytes | None, after: bytes | None) -> Iterator[bytes]:
    old = b"/dev/null" if before is None else f"a/{name}".encode()
    new = b"/dev/null" if after is None else f"b/{name}".encode()
    left, right = ((one or b"").splitlines(keepends=True) for one in (before, after))
    for line in difflib.diff_bytes(difflib.unified_diff, left, right, old, new):
        yield line if line.endswith(b"\n") else line + b"\n" + _NO_NEWLINE + b"\n"


def _file(lines: list[bytes], at: int) -> tuple[FileChange, int]:
    old, new = _name(lines[at], b"--- "), _name(lines[at + 1], b"+++ ")
    at += 2
    hunks = []
    while at < len(lines) and (head := _HUNK.match(lines[at])):
        hunk, at = _hunk(lines, at + 1, head)
        hunks.append(hunk)
    if (old is None and new is None) or not hunks or (old and new and old != new):
        raise PatchError("the patch has a file without a name, without lines or with two names")
    return FileChange(old=old, new=new, hunks=tuple(hunks)), at


def _hunk(lines: list[bytes], at: int, head: re.Match[bytes]) -> tuple[Hunk, int]:
    counts = [int(one or 1) for one in (head[2], head[4])]
    sides: tuple[list[bytes], list[bytes]] = ([], [])
    while [len(side) for side in sides] != counts:
        if at >= len(lines) or lines[at][:1] not in {b" ", b"-", b"+", b"\n", b"\r"}:
            raise PatchError("the patch has a hunk whose line counts are wrong")
        mark, text = lines[at][:1], lines[at][1:]
        if mark in {b"\n", b"\r"}:  # mail and editors eat the blank of an empty line
            mark, text = b" ", lines[at]
        for side, marks in zip(sides, (b" -", b" +"), strict=True):
            if mark in marks:
                side.append(text)
        at += 1
        at = _no_newline(lines, at, mark, sides)
    start = int(head[1]) - (1 if counts[0] else 0)
    return Hunk(start=start, before=tuple(sides[0]), after=tuple(sides[1])), at


def _no_newline(
    lines: list[bytes], at: int, mark: bytes, sides: tuple[list[bytes], list[bytes]]
) -> int:
    """Take the line's end away where the patch says that it has none."""
    if at >= len(lines) or not lines[at].startswith(b"\\"):
        return at
    for side, marks in zip(sides, (b" -", b" +"), strict=True):
        if mark in marks and side:
            side[-1] = side[-1].rstrip(b"\n")
    return at + 1


def _name(line: bytes, mark: bytes) -> str | None:
    """Take a name without its first part; None for `/dev/null`.

    Raises: PatchError.
    """
    if not line.startswith(mark):
        raise PatchError("the patch has a file without a name, without lines or with two names")
    text = line[len(mark) :].decode("utf-8", "replace").partition("\t")[0].rstrip("\r\n")
    if text.split(" ")[0] == "/dev/null":
        return None
    return text if text.startswith("/") else text.partition("/")[2]


def _inside(name: str) -> bool:
    path = PurePosixPath(name)
    return (
        bool(path.parts)
        and not path.is_absolute()
        and ".." not in path.parts
        and not set(name) & {"\\", "\0"}
    )
