"""One at a time on this machine: for runs that measure time, whoever else does the same.

A lock that threads and processes of one account share, and that ends with its holder however that
ends.
"""

import fcntl
import os
import tempfile
import threading
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType


@dataclass(slots=True)
class Alone:
    """Held by one thread of one process at a time; everybody else waits."""

    name: str
    _threads: threading.Lock = field(default_factory=threading.Lock)
    _handle: int = -1

    def __enter__(self) -> None:
        """Wait for everybody else."""
        self._threads.acquire()
        place = Path(tempfile.gettempdir()) / f"clearhouse-{self.name}-{os.geteuid()}.lock"
        self._handle = os.open(place, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        fcntl.flock(self._handle, fcntl.LOCK_EX)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let the next one in."""
        os.close(self._handle)
        self._threads.release()
