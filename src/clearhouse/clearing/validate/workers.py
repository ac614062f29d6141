"""A few processes that look at what strangers sent, kept apart from the store.

In comes a request; out comes the reply of a process that holds no database address and no key. As
many requests at a time as there are callers. A process that dies is replaced and asked once more;
if that one dies too, the answer says so, and is never a verdict about the claim.
"""

import contextlib
import os
import re
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path

import clearhouse
from clearhouse.clearing.validate.worker import REPLY, REQUEST, Reply, Request

LONGEST_S = 3600.0
"""After this a request is given up; no sum of a bundle's own limits is longer."""
_TRIES = 2
_PASSED_ON = re.compile(
    r"(?i:PATH|LANG|LC_.*|TZ|TMPDIR|HOME|PIP_.*|NPM_CONFIG_.*|NODE_EXTRA_CA_CERTS|.*_proxy"
    r"|.*SSL_CERT.*|.*CA_BUNDLE.*|CLEARHOUSE_POLICIES|CLEARHOUSE_DEBIAN_MIRROR)"
)
"""What the processes need to know of this machine: its tools, and how to reach the registries."""


class WorkerGoneError(RuntimeError):
    """The process died or was given up before it answered; nothing is known."""


class StoppedError(RuntimeError):
    """This process wants no more examinations now; another will take them up."""


@dataclass(kw_only=True, slots=True)
class Workers:
    """Processes for examining, started when they are needed."""

    longest_s: float = LONGEST_S
    stopped: bool = False
    _busy: list[subprocess.Popen[bytes]] = field(default_factory=list)
    _idle: list[subprocess.Popen[bytes]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def ask(self, request: Request) -> Reply:
        """Have a request done.

        Raises: WorkerGoneError when two processes in a row did not answer; StoppedError.
        """
        line = REQUEST.dump_json(request) + b"\n"
        for _ in range(_TRIES):
            process = self._take()
            answered = self._talk(process, line)
            with self._lock:
                self._busy.remove(process)
                if answered.endswith(b"\n"):
                    self._idle.append(process)
                    return REPLY.validate_json(answered)
            _end(process)
        raise WorkerGoneError("the examining process ended before it answered, twice")

    def close(self) -> None:
        """End the processes that wait."""
        with self._lock:
            waiting, self._idle = self._idle, []
        for process in waiting:
            _end(process)

    def stop(self) -> None:
        """End what runs and begin nothing more; whoever waits for an answer gets StoppedError."""
        with self._lock:
            self.stopped = True
            for process in self._busy:
                process.kill()
        self.close()

    def _take(self) -> subprocess.Popen[bytes]:
        with self._lock:
            if self.stopped:
                raise StoppedError("no more examinations are begun here")
            while self._idle and self._idle[-1].poll() is not None:
                _end(self._idle.pop())
            process = self._idle.pop() if self._idle else start()
            self._busy.append(process)
            return process

    def _talk(self, process: subprocess.Popen[bytes], line: bytes) -> bytes:
        assert process.stdin is not None  # noqa: S101  # made with pipes
        assert process.stdout is not None  # noqa: S101  # as above
        timer = threading.Timer(self.longest_s, process.kill)
        timer.start()
        try:
            process.stdin.write(line)
            process.stdin.flush()
            return process.stdout.readline()
        except BrokenPipeError:
            return b""
        finally:
            timer.cancel()


def start() -> subprocess.Popen[bytes]:
    """Start a process that knows this machine's tools and registries, and nothing of the store."""
    environment = {key: value for key, value in os.environ.items() if _PASSED_ON.fullmatch(key)}
    return subprocess.Popen(  # our own module
        [sys.executable, "-m", "clearhouse.clearing.validate.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # a library's words could quote a report
        env=environment | {"PYTHONPATH": str(Path(clearhouse.__path__[0]).parent)},
        start_new_session=True,  # Ctrl-C is for the caller, who then closes the pipe
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    """Close the pipes and see the process end."""
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with contextlib.suppress(BrokenPipeError):  # what it never read
                pipe.close()
