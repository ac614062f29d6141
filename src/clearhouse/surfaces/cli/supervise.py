"""Runs the processes of an installation and starts again whatever dies.

In: commands by name, and the embedded server if there is one. Out: all of them running until
asked to stop. A process that keeps dying is started again after growing pauses.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import click

from clearhouse.kernel.store.embedded import Embedded, StoreUnavailableError

_LONGEST_PAUSE_S = 15.0
_TICK_S = 0.2
_STOP_TIMEOUT_S = 15.0


@dataclass(slots=True)
class _Child:
    name: str
    arguments: tuple[str, ...]
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    pause_s: float = 0.5
    due_at: float = 0.0

    def tend(self, now: float) -> None:
        """Start the process if it is not there and its pause is over."""
        if self.process is not None and self.process.poll() is None:
            if now - self.started_at > 2 * _LONGEST_PAUSE_S:
                self.pause_s = 0.5
            return
        if self.process is not None:
            click.echo(f"clearhouse: {self.name} ended, starting it again", err=True)
            self.due_at, self.pause_s = now + self.pause_s, min(self.pause_s * 2, _LONGEST_PAUSE_S)
            self.process = None
        if now >= self.due_at:
            self.process = subprocess.Popen(  # noqa: S603 - our own command line
                [sys.executable, "-m", "clearhouse.app", *self.arguments], start_new_session=True
            )
            self.started_at = now


@dataclass(slots=True)
class Supervisor:
    """Keeps the store and the named processes running."""

    commands: Mapping[str, tuple[str, ...]]
    server: Embedded | None
    _children: list[_Child] = field(default_factory=list)
    _stopping: bool = False

    def run(self, ports: Sequence[int] = (), once_ready: Callable[[], None] = lambda: None) -> None:
        """Run until SIGINT or SIGTERM, then stop everything.

        `once_ready` is called when every one of the loopback `ports` accepts connections.
        """
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._ask_to_stop)
        self._children = [_Child(name, arguments) for name, arguments in self.commands.items()]
        try:
            announced = False
            while not self._stopping:
                self._tend()
                if not announced and all(_accepts(port) for port in ports):
                    announced = True
                    once_ready()
                time.sleep(_TICK_S)
        finally:
            self._stop()

    def pids(self) -> dict[str, int]:
        """Return the process ids of what runs now."""
        return {
            child.name: child.process.pid
            for child in self._children
            if child.process is not None and child.process.poll() is None
        }

    def _ask_to_stop(self, *_: object) -> None:
        self._stopping = True

    def _tend(self) -> None:
        if self.server is not None and self.server.pid is None:
            try:
                self.server.start()
            except StoreUnavailableError as error:
                click.echo(f"clearhouse: {error}", err=True)
        for child in self._children:
            child.tend(time.monotonic())

    def _stop(self) -> None:
        processes = [child.process for child in self._children if child.process is not None]
        for process in processes:
            process.terminate()
        deadline = time.monotonic() + _STOP_TIMEOUT_S
        for process in processes:
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        if self.server is not None:
            self.server.stop()


def _accepts(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=0.5).close()
    except OSError:
        return False
    return True
