"""Keep one guest for many commands: its folders and processes stay until the session ends.

`run` starts a guest for one program. A session starts one in the same way, with the same gate,
inspection, filter and control group, and then talks to `guest/serve.py` inside it. Everything that
comes back is a message from a stranger: lengths are bounded, unknown answers end the session.
Ending a session, or passing its wall clock, kills every process of the guest at once.
"""

import json
import queue
import threading
import time
from dataclasses import dataclass, field, replace
from importlib.resources import files
from typing import IO, cast

from clearhouse.bench.sandbox.host import layout, runtime
from clearhouse.bench.sandbox.host.cgroups import Group
from clearhouse.bench.sandbox.host.inspect import assert_isolated
from clearhouse.bench.sandbox.host.record import (
    MIB,
    EnforcedLimit,
    Job,
    Limits,
    Mount,
    SandboxUnavailableError,
)
from clearhouse.bench.sandbox.host.seccomp import build_filter
from clearhouse.bench.sandbox.host.start import Guest, await_gate, confine, make_group, say, start

_HEAD_BYTES = 64 << 10
_BODY_BYTES = 256 * MIB
_GRACE_S = 15.0
"""How much longer than a command's own time its answer may take."""
_FOREVER_S = 86_400.0
_SERVER = "guest/serve.py"


class SessionEndedError(SandboxUnavailableError):
    """The guest is gone: ended, out of time, or killed by what ran in it."""


class GuestError(OSError):
    """A file or command could not be used inside the guest; `errno_name` says why."""

    def __init__(self, errno_name: str, word: str, subject: str) -> None:
        super().__init__(f"{subject}: {word}")
        self.errno_name = errno_name


@dataclass(frozen=True, kw_only=True, slots=True)
class Done:
    """What one command said and how it ended."""

    code: int
    stdout: bytes
    stderr: bytes
    timed_out: bool
    truncated: bool


@dataclass(kw_only=True, slots=True)
class Session:
    """One guest that takes commands; made by `open_session`."""

    isolation: tuple[str, ...]
    """What was asserted from outside before anything ran."""
    limits: tuple[EnforcedLimit, ...]
    _guest: Guest = field(repr=False)
    _ends_at: float
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _waiting: dict[int, "queue.SimpleQueue[_Answer | None]"] = field(default_factory=dict)
    _next: int = 0
    _over: threading.Event = field(default_factory=threading.Event)

    def execute(
        self,
        argv: tuple[str, ...],
        *,
        cwd: str = "",
        env: tuple[tuple[str, str], ...] = (),
        given: bytes = b"",
        timeout_s: float | None = None,
        output_bytes: int = 10 * MIB,
    ) -> Done:
        """Run a command and wait for its end; `given` is its standard input.

        Raises: GuestError when it cannot be started; SessionEndedError.
        """
        head: dict[str, object] = {
            "do": "exec",
            "argv": argv,
            "cwd": cwd,
            "env": dict(env),
            "timeout_s": timeout_s,
            "output_bytes": output_bytes,
        }
        answer = self._ask(head, given, argv[0] if argv else "", timeout_s)
        cut = answer.number("out")
        return Done(
            code=answer.number("code"),
            stdout=answer.body[:cut],
            stderr=answer.body[cut:],
            timed_out=answer.head.get("timed_out") is True,
            truncated=answer.head.get("truncated") is True,
        )

    def read(self, path: str, *, limit_bytes: int) -> bytes:
        """Read a file as the guest sees it.

        Raises: GuestError, with `EFBIG` for a file over the limit; SessionEndedError.
        """
        head: dict[str, object] = {"do": "read", "path": path, "limit_bytes": limit_bytes}
        return self._ask(head, b"", path, None).body

    def write(self, path: str, data: bytes) -> None:
        """Write a file as the guest, making its folders.

        Raises: GuestError; SessionEndedError.
        """
        self._ask({"do": "write", "path": path}, data, path, None)

    def end(self) -> None:
        """Kill every process of the guest and wait until it is gone."""
        self._guest.kill()
        self._over.wait(timeout=_GRACE_S)

    def _ask(
        self, head: dict[str, object], body: bytes, subject: str, timeout_s: float | None
    ) -> "_Answer":
        answers: queue.SimpleQueue[_Answer | None] = queue.SimpleQueue()
        with self._lock:
            number = self._next = self._next + 1
            self._waiting[number] = answers
            self._send({**head, "id": number}, body)
        left = max(0.0, self._ends_at - time.monotonic())
        patience = min(left, (timeout_s or _FOREVER_S) + _GRACE_S)
        try:
            answer = answers.get(timeout=patience)
        except queue.Empty:
            self.end()
            raise SessionEndedError("the guest's time is over") from None
        if answer is None:
            raise SessionEndedError("the guest has ended")
        error = answer.head.get("error")
        if error is not None:
            raise GuestError(str(error), str(answer.head.get("word"))[:80], subject)
        return answer

    def _send(self, head: dict[str, object], body: bytes) -> None:
        text = json.dumps(head).encode()
        pipe = cast("IO[bytes]", self._guest.process.stdin)
        if self._over.is_set():
            raise SessionEndedError("the guest has ended")
        try:
            pipe.write(b"%d %d\n" % (len(text), len(body)) + text)
            pipe.write(body)
            pipe.flush()
        except (OSError, ValueError) as error:
            raise SessionEndedError("the guest has ended") from error

    def _listen(self) -> None:
        """Hand answers to those who wait until the guest is gone or breaks the rules."""
        pipe = cast("IO[bytes]", self._guest.process.stdout)
        while (answer := _answer(pipe)) is not None:
            waiting = self._waiting.pop(answer.number("id"), None)
            if waiting is None:
                break
            waiting.put(answer)

    def _close(self) -> None:
        """Tell everybody who still waits that nothing will come."""
        self._over.set()
        for waiting in list(self._waiting.values()):
            waiting.put(None)


@dataclass(frozen=True, slots=True)
class _Answer:
    head: dict[str, object]
    body: bytes

    def number(self, name: str) -> int:
        """Return a whole number of the answer, or -1."""
        value = self.head.get(name)
        return value if isinstance(value, int) and not isinstance(value, bool) else -1


def _answer(pipe: IO[bytes]) -> _Answer | None:
    """Read one message; None at the end or when it is not one."""
    try:
        sizes = [int(part) for part in pipe.readline(64).split()]
        if len(sizes) != 2 or not 0 <= sizes[0] <= _HEAD_BYTES or not 0 <= sizes[1] <= _BODY_BYTES:
            return None
        text, body = pipe.read(sizes[0]), pipe.read(sizes[1])
        head = json.loads(text)
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(head, dict) or (len(text), len(body)) != tuple(sizes):
        return None
    return _Answer(head, body)


def open_session(limits: Limits, *, mounts: tuple[Mount, ...] = ()) -> Session:
    """Start a guest that takes commands until `limits.wall_s` has passed or `end` is called.

    Raises: SandboxUnavailableError when this machine cannot isolate or start it.
    """
    python = runtime.python()
    shown = () if python.prefix is None else (python.prefix,)
    job = Job(
        argv=(str(python.program), "-I", "-B", f"/work/.{_SERVER}"),
        files=((f".{_SERVER}", (files("clearhouse.bench.sandbox") / _SERVER).read_bytes()),),
        mounts=(*mounts, *(Mount(source=one, target=str(one)) for one in shown)),
        hide=runtime.HIDDEN,
        limits=replace(limits, cpu_s=max(limits.cpu_s, int(limits.wall_s) + 1)),
    )
    made: queue.SimpleQueue[Session | SandboxUnavailableError] = queue.SimpleQueue()
    # The guest dies with the thread that started it, so that thread stays with it to the end.
    threading.Thread(target=_keep, args=(job, made), name="sandbox-session", daemon=True).start()
    session = made.get()
    if isinstance(session, SandboxUnavailableError):
        raise session
    return session


def _keep(job: Job, made: "queue.SimpleQueue[Session | SandboxUnavailableError]") -> None:
    """Start a guest, listen to it, and clear it away."""
    filter_program = build_filter(allow_ptrace=job.allow_ptrace)
    group: Group | None = None
    guest: Guest | None = None
    session: Session | None = None
    try:
        group = make_group(job)
        guest = start(job, filter_program, set(group.enforced), ending=layout.AND_TALK)
        session = _opened(job, guest, group, filtered=filter_program is not None)
        alarm = threading.Timer(job.limits.wall_s, guest.kill)
        alarm.daemon = True
        alarm.start()
        made.put(session)
        session._listen()  # noqa: SLF001  # the other half of the class
        alarm.cancel()
    except (SandboxUnavailableError, OSError) as error:
        made.put(SandboxUnavailableError(str(error)))
    finally:
        if guest is not None:
            guest.end()
        if group is not None:
            group.remove()
        if session is not None:
            session._close()  # noqa: SLF001  # as above


def _opened(job: Job, guest: Guest, group: Group, *, filtered: bool) -> Session:
    await_gate(guest.process)
    gate = guest.gate_pid()
    isolation = assert_isolated(gate, filtered=filtered)
    limits = confine(job, guest, group, gate)
    say(guest.process, words=1)
    return Session(
        isolation=isolation,
        limits=limits,
        _guest=guest,
        _ends_at=time.monotonic() + job.limits.wall_s,
    )
