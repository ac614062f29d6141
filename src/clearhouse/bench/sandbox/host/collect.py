"""Read files out of a guest that has ended its program, trusting nothing about them.

The guest may still run something that swaps files for links. Every path component is opened without
following links, only regular files are read, and what was opened is what is measured and read.
"""

import os
import stat
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from clearhouse.bench.sandbox.host.record import Collected

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_MAX_FILES = 2_000
_MAX_DEPTH = 8


def collect(pid: int, paths: tuple[str, ...], *, limit_bytes: int) -> tuple[Collected, ...]:
    """Read these files and folders from the root of process `pid`.

    What is absent, a link, a device or beyond the limits is left out.
    """
    found: list[Collected] = []
    left = limit_bytes
    for path in paths:
        for name, data in _walk(pid, path):
            if len(found) >= _MAX_FILES or len(data) > left:
                return tuple(found)
            left -= len(data)
            found.append(Collected(path=name, data=data))
    return tuple(found)


def _walk(pid: int, path: str) -> Iterator[tuple[str, bytes]]:
    """Open the way to one path, component by component."""
    parts = PurePosixPath(path).parts[1:]
    handles = []
    try:
        handle = os.open(Path("/proc") / str(pid) / "root", os.O_RDONLY | os.O_DIRECTORY)
        handles.append(handle)
        for part in parts[:-1]:
            handle = os.open(part, _FOLDER, dir_fd=handle)
            handles.append(handle)
        yield from _entries(handle, parts[-1], path, 0)
    except OSError:
        return
    finally:
        for one in handles:
            os.close(one)


def _entries(parent: int, name: str, path: str, depth: int) -> Iterator[tuple[str, bytes]]:
    """Read a file, or everything below a folder."""
    status = os.stat(name, dir_fd=parent, follow_symlinks=False)
    if stat.S_ISREG(status.st_mode):
        data = _read(parent, name)
        if data is not None:
            yield path, data
    elif stat.S_ISDIR(status.st_mode) and depth < _MAX_DEPTH:
        handle = os.open(name, _FOLDER, dir_fd=parent)
        try:
            yield f"{path}/", b""
            for inner in sorted(os.listdir(handle))[:_MAX_FILES]:  # noqa: PTH208  # pathlib cannot list an open handle
                try:
                    yield from _entries(handle, inner, f"{path}/{inner}", depth + 1)
                except OSError:
                    continue
        finally:
            os.close(handle)


def _read(parent: int, name: str) -> bytes | None:
    handle = os.open(name, _FILE, dir_fd=parent)
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            return None
        with os.fdopen(os.dup(handle), "rb") as file:
            return file.read(64 << 20)
    finally:
        os.close(handle)
