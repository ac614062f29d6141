"""Advisories as files: everything of an issue at once, or nothing of it.

    published/2026/CLR-2026-00001/    a link to the newest issue
        osv.json csaf.json … proof.json     one file for each form, see `forms`
    published/.issues/                every issue as it was, one folder each
    published/index.json              what is published, newest first

An issue is written to a folder of its own, flushed to disk, and given its name in one step; then
the link is replaced in one step. Killed at any instant, a reader sees the earlier issue or the
new one, whole; running it again finishes the work and changes nothing that was finished.
Refused: an id that is no advisory id, so that no path leaves the folder.
"""

import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from clearhouse.formats.canonical import Json

_ID: Final = re.compile(r"CLR-(\d{4})-\d{5,}", re.ASCII)
_ISSUES: Final = ".issues"
PROOF: Final = "proof.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """The files of one issue, and where they go."""

    link: str
    """Path of the advisory below the folder, for example `2026/CLR-2026-00001`."""
    issue: str
    """Path of this issue below the folder; its name holds a hash of its documents."""
    files: tuple[tuple[str, bytes], ...]
    """Name and bytes; the documents by name, then the proof."""


def plan(id_: str, revision: int, *, documents: Mapping[str, bytes], proof: bytes) -> Plan:
    """Say where the files of an issue go; `documents` has bytes by file name.

    Raises: ValueError when the id is no advisory id.
    """
    found = _ID.fullmatch(id_)
    if found is None or revision < 1:
        raise ValueError("not an advisory id with a revision from 1 on")
    # The proof is left out of the name: written again later, it would prove the same event
    # against a newer tree head, and the issue would look like another one.
    named = sorted(documents.items())
    digest = hashlib.sha256(b"".join(hashlib.sha256(body).digest() for _, body in named))
    return Plan(
        link=f"{found[1]}/{id_}",
        issue=f"{_ISSUES}/{id_}.{revision}.{digest.hexdigest()[:16]}",
        files=(*named, (PROOF, proof)),
    )


def write(folder: Path, wanted: Plan) -> bytes:
    """Make one issue the public one and return its proof; doing it again changes nothing.

    An issue that is there already keeps the proof that it has.
    Raises: OSError when the disk refuses; what was public before then still is.
    """
    issue, link = folder / wanted.issue, folder / wanted.link
    if not issue.is_dir():
        _write_issue(issue, wanted.files)
    target = os.path.relpath(issue, link.parent)
    if not link.is_symlink() or str(link.readlink()) != target:
        link.parent.mkdir(parents=True, exist_ok=True)
        _replace_link(link, target)
    return (issue / PROOF).read_bytes()


def write_index(folder: Path, entries: Iterable[Mapping[str, Json]]) -> Path:
    """Replace the index in one step; the same entries give the same bytes."""
    ordered = sorted(entries, key=lambda one: (str(one["published"]), str(one["id"])), reverse=True)
    text = json.dumps({"advisories": ordered}, indent=2, sort_keys=True, ensure_ascii=False)
    data = f"{text}\n".encode()
    index = folder / "index.json"
    if not index.is_file() or index.read_bytes() != data:
        folder.mkdir(parents=True, exist_ok=True)
        fresh = folder / f".index.{os.getpid()}"
        _write_file(fresh, data)
        fresh.replace(index)
        _flush(folder)
    return index


def _write_issue(issue: Path, files: tuple[tuple[str, bytes], ...]) -> None:
    """Write all files beside the final name, flush them, and rename the folder."""
    fresh = issue.with_name(f"{issue.name}.{os.getpid()}.part")
    shutil.rmtree(fresh, ignore_errors=True)  # left by a process that was killed
    fresh.mkdir(parents=True)
    for name, data in files:
        _write_file(fresh / name, data)
    _flush(fresh)
    try:
        fresh.rename(issue)
    except OSError:
        # Another process was first; its files are the same, because the name holds their hash.
        if not issue.is_dir():
            raise
        shutil.rmtree(fresh)
    _flush(issue.parent)


def _replace_link(link: Path, target: str) -> None:
    fresh = link.with_name(f".{link.name}.{os.getpid()}")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(target, target_is_directory=True)
    fresh.replace(link)
    _flush(link.parent)


def _write_file(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    path.chmod(0o644)


def _flush(folder: Path) -> None:
    """Make names in a folder durable, as a file's own flush does not."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
