"""Receipts on disk before the call goes on, and from there to the store.

In: entries. Out: the same entries, in their order, for whoever ships them. An entry is handed to
the operating system before `write` returns, so a killed gateway loses none; `sync` puts them on the
disk itself. What is in the folder and was not shipped is shipped by the next gateway, first of all.
"""

import os
import threading
from collections import deque
from pathlib import Path

FULL_BATCH = 500
_TURN_BYTES = 16 * 1024 * 1024


class JournalError(OSError):
    """A receipt could not be written; the gateway must not serve."""


class Journal:
    """A folder of files of entries; the newest is written to."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder
        self._waiting: deque[str] = deque()
        self._lock = threading.Lock()
        self._left = sorted(folder.glob("*.jsonl"))
        self._number = int(self._left[-1].stem) + 1 if self._left else 0
        self._handle = self._next_file()
        self._written = 0
        self._unsynced = False

    def left_over(self) -> list[str]:
        """Return the entries of earlier gateways; a last line that broke off was never acted on."""
        found: list[str] = []
        for path in self._left:
            *whole, _ = path.read_text("utf-8").split("\n")
            found += whole
        return found

    def forget_left_over(self) -> None:
        """Remove the files of earlier gateways, once the store has their entries."""
        for path in self._left:
            path.unlink()
        self._left = []

    def write(self, body: str) -> None:
        """Write one entry.

        Raises: JournalError.
        """
        line = f"{body}\n".encode()
        with self._lock:
            try:
                if os.write(self._handle, line) != len(line):
                    raise JournalError("a receipt was cut short; is the disk full?")
            except OSError as error:
                raise JournalError("a receipt could not be written") from error
            self._waiting.append(body)
            self._written += len(line)
            self._unsynced = True

    def sync(self) -> None:
        """Put what was written on the disk itself."""
        if self._unsynced:
            self._unsynced = False
            os.fsync(self._handle)

    def batch(self) -> list[str]:
        """Return the oldest entries that were not shipped."""
        with self._lock:
            return [self._waiting[place] for place in range(min(FULL_BATCH, len(self._waiting)))]

    def shipped(self, count: int) -> None:
        """Drop entries that the store has; begin a new file when the present one is big."""
        with self._lock:
            for _ in range(count):
                self._waiting.popleft()
            if not self._waiting and self._written > _TURN_BYTES:
                os.close(self._handle)
                self._folder.joinpath(f"{self._number - 1:012d}.jsonl").unlink()
                self._handle = self._next_file()
                self._written = 0

    @property
    def waiting(self) -> int:
        """How many entries the store does not have yet."""
        return len(self._waiting)

    def close(self) -> None:
        """Close the file; what was not shipped stays on disk."""
        self.sync()
        os.close(self._handle)

    def _next_file(self) -> int:
        path = self._folder / f"{self._number:012d}.jsonl"
        self._number += 1
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_EXCL, 0o600)
