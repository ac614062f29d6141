"""Run one job in the sandbox.

1. Start bubblewrap as a non-root account; inside, a gate waits before the program (`start`).
2. Look at the gate from outside; anything not isolated ends the run before it began.
3. Put the whole guest into a control group and see that its resource limits hold.
4. Open the gate; read capped output until the program ends or the wall clock does.
5. Collect files, kill what is left, and see that nothing stays behind.

Raises SandboxUnavailableError for every trouble of the machine: never a verdict about a claim.
"""

import fcntl
import os
import selectors
import signal
import subprocess
import sys
import termios
import time
from dataclasses import dataclass, field
from typing import IO

from clearhouse.bench.sandbox.host import collect, layout
from clearhouse.bench.sandbox.host.cgroups import Group, Usage
from clearhouse.bench.sandbox.host.inspect import assert_isolated
from clearhouse.bench.sandbox.host.record import (
    Collected,
    Ended,
    Job,
    Limits,
    Observation,
    SandboxUnavailableError,
    Stage,
)
from clearhouse.bench.sandbox.host.seccomp import build_filter
from clearhouse.bench.sandbox.host.start import (
    START_S,
    Guest,
    await_gate,
    confine,
    make_group,
    say,
    start,
)

_CHUNK = 1 << 16
_POLL_S = 0.004
_LOOK_S = 2.0
"""How often a late run is asked whether it is still computing."""
_COMPUTING = 0.01
"""Share of one processor above which it is."""
_NEARLY = 0.5
"""The kernel kills by its clock ticks, which on a crowded machine run far ahead of what the group
counts; a guest that kills itself so late is no loss."""
_SIGNAL_BASE = 128


@dataclass(kw_only=True, slots=True)
class _Stream:
    """One output stream: what is kept and whether more came."""

    pipe: IO[bytes]
    limit: int
    kept: bytearray = field(default_factory=bytearray)
    truncated: bool = False
    open: bool = True

    def take(self) -> None:
        """Read what is there; close at the end."""
        data = os.read(self.pipe.fileno(), _CHUNK)
        if not data:
            self.open = False
        room = self.limit - len(self.kept)
        self.kept += data[: max(0, room)]
        self.truncated |= len(data) > room


def run(job: Job) -> Observation:
    """Run a job and return what was observed.

    Raises: SandboxUnavailableError when this machine cannot isolate or start it.
    """
    filter_program = build_filter(allow_ptrace=job.allow_ptrace)
    group = make_group(job)
    guest: Guest | None = None
    try:
        ending = layout.AND_WAIT if job.collect else layout.AND_RUN
        guest = start(job, filter_program, set(group.enforced), ending=ending)
        return _supervise(job, guest, group, filtered=filter_program is not None)
    finally:
        if guest is not None:
            guest.end()
        if not group.remove():
            raise SandboxUnavailableError("processes of a finished run did not end")


def _supervise(job: Job, guest: Guest, group: Group, *, filtered: bool) -> Observation:
    process = guest.process
    await_gate(process)
    gate = guest.gate_pid()
    isolation = assert_isolated(gate, filtered=filtered, network=job.stage is Stage.BUILD)
    limits = confine(job, guest, group, gate)
    started = time.monotonic()
    say(process, words=2 if job.collect else 1)
    streams = _streams(process, job.limits.output_bytes)
    deadline = _Deadline(limits=job.limits, group=group, at=started + job.limits.wall_s)
    timed_out = _pump(guest, streams, deadline, waits=bool(job.collect))
    wall_s = time.monotonic() - started
    collected: tuple[Collected, ...] = ()
    if job.collect:
        collected = collect.collect(gate, job.collect, limit_bytes=job.limits.collected_bytes)
        say(process, words=1)
    usage = group.usage()
    exit_code = None if timed_out else _exit_code(process)
    return Observation(
        ended=_ended(exit_code, usage, cpu_s=job.limits.cpu_s),
        exit_code=exit_code,
        stdout=bytes(streams[0].kept),
        stderr=bytes(streams[1].kept),
        truncated=any(stream.truncated for stream in streams),
        wall_s=wall_s,
        cpu_s=usage.cpu_s,
        peak_memory_bytes=usage.peak_memory_bytes,
        collected=collected,
        limits=limits,
        isolation=isolation,
    )


def _streams(process: subprocess.Popen[bytes], limit: int) -> tuple[_Stream, _Stream]:
    assert process.stdout is not None  # noqa: S101  # made with pipes above
    assert process.stderr is not None  # noqa: S101  # made with pipes above
    return (
        _Stream(pipe=process.stdout, limit=limit),
        _Stream(pipe=process.stderr, limit=limit),
    )


@dataclass(kw_only=True, slots=True)
class _Deadline:
    """The wall clock of one run, which waits for a run that is late and still computing."""

    limits: Limits
    group: Group
    at: float
    late_s: float = 0.0
    used_s: float = 0.0

    def passed(self) -> bool:
        """Say whether the time is over; where nothing measures the processor, it is."""
        if time.monotonic() < self.at:
            return False
        used_s = self.group.usage().cpu_s
        if used_s is None or self.late_s >= self.limits.late_s:
            return True
        if used_s - self.used_s < _COMPUTING * _LOOK_S:
            return True
        step_s = min(_LOOK_S, self.limits.late_s - self.late_s)
        self.used_s, self.late_s, self.at = used_s, self.late_s + step_s, self.at + step_s
        return False


def _pump(
    guest: Guest, streams: tuple[_Stream, _Stream], deadline: _Deadline, *, waits: bool
) -> bool:
    """Read both streams until the program has ended; True when the wall clock came first."""
    with selectors.DefaultSelector() as selector:
        for stream in streams:
            selector.register(stream.pipe, selectors.EVENT_READ, stream)
        exit_handle = os.pidfd_open(guest.process.pid)
        try:
            selector.register(exit_handle, selectors.EVENT_READ, None)
            while True:
                if deadline.passed():
                    return True
                left = max(0.0, deadline.at - time.monotonic())
                events = selector.select(min(left, _POLL_S) if waits else left)
                _take(selector, events)
                if any(key.data is None for key, _ in events):
                    _drain(streams)
                    return False
                if waits and not events and _program_ended(guest.process):
                    return False
        finally:
            os.close(exit_handle)


def _take(
    selector: selectors.BaseSelector, events: list[tuple[selectors.SelectorKey, int]]
) -> None:
    for key, _ in events:
        stream = key.data
        if stream is not None:
            stream.take()
            if not stream.open:
                selector.unregister(stream.pipe)


def _drain(streams: tuple[_Stream, _Stream]) -> None:
    """Read what an ended program left in the pipes."""
    for stream in streams:
        while stream.open:
            stream.take()


def _program_ended(process: subprocess.Popen[bytes]) -> bool:
    """Say whether the gate has taken the second word: its program is gone."""
    assert process.stdin is not None  # noqa: S101  # made with a pipe above
    waiting = fcntl.ioctl(process.stdin.fileno(), termios.FIONREAD, b"\0" * 4)
    return int.from_bytes(waiting, sys.byteorder) == 0


def _exit_code(process: subprocess.Popen[bytes]) -> int:
    try:
        return process.wait(timeout=START_S)
    except subprocess.TimeoutExpired as error:
        raise SandboxUnavailableError("the guest did not end after its program had") from error


def _ended(exit_code: int | None, usage: Usage, *, cpu_s: int) -> Ended:
    """Tell the ends apart; `exit_code` is None when the wall clock came first."""
    if usage.killed_for_memory:
        return Ended.OUT_OF_MEMORY
    if exit_code is None:
        return Ended.WALL_LIMIT
    spent = usage.cpu_s is not None and usage.cpu_s >= cpu_s * _NEARLY
    if exit_code == _SIGNAL_BASE + signal.SIGXCPU or (
        exit_code == _SIGNAL_BASE + signal.SIGKILL and spent
    ):
        return Ended.CPU_LIMIT
    if _SIGNAL_BASE < exit_code <= _SIGNAL_BASE + signal.NSIG or exit_code < 0:
        return Ended.SIGNALLED
    return Ended.EXITED
