"""Run one job in the sandbox.

1. Start bubblewrap as a non-root account; inside, a gate waits before the program.
2. Look at the gate from outside; anything not isolated ends the run before it began.
3. Put the whole guest into a control group and see that its resource limits hold.
4. Open the gate; read capped output until the program ends or the wall clock does.
5. Collect files, kill what is left, and see that nothing stays behind.

Raises SandboxUnavailableError for every trouble of the machine: never a verdict about a claim.
"""

import fcntl
import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import termios
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from clearhouse.bench.sandbox.host import collect, layout
from clearhouse.bench.sandbox.host.cgroups import Group
from clearhouse.bench.sandbox.host.inspect import assert_isolated
from clearhouse.bench.sandbox.host.machine import Machine, machine
from clearhouse.bench.sandbox.host.record import (
    Collected,
    Ended,
    EnforcedLimit,
    Job,
    Observation,
    SandboxUnavailableError,
    Stage,
)
from clearhouse.bench.sandbox.host.seccomp import build_filter

_START_S = 20.0
"""How long setting up may take before the machine counts as in trouble."""
_CHUNK = 1 << 16
_POLL_S = 0.004
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
    here = machine()
    filter_program = build_filter(allow_ptrace=job.allow_ptrace)
    group = Group.make(
        memory_bytes=job.limits.memory_bytes,
        pids=job.limits.pids,
        cpus=_cpus(job),
        steady=job.limits.steady,
    )
    guest: _Guest | None = None
    try:
        guest = _start(job, here, filter_program, set(group.enforced))
        return _supervise(job, guest, group, filtered=filter_program is not None)
    finally:
        if guest is not None:
            guest.end()
        if not group.remove():
            raise SandboxUnavailableError("processes of a finished run did not end")


def _cpus(job: Job) -> float:
    return min(job.limits.cpus, os.cpu_count() or 1)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Guest:
    """A started sandbox whose gate is still closed."""

    process: subprocess.Popen[bytes]
    init_pid: int
    """First process of the guest, as the host counts."""

    def gate_pid(self) -> int:
        """Find the gate: the only child of the guest's first process.

        Raises: SandboxUnavailableError when it is not there.
        """
        children = Path(f"/proc/{self.init_pid}/task/{self.init_pid}/children")
        with suppress(OSError):
            pids = children.read_text(encoding="ascii").split()
            if len(pids) == 1:
                return int(pids[0])
        raise SandboxUnavailableError("the sandbox ended before its program could start")

    def end(self) -> None:
        """Kill everything; the guest's processes die with its first one."""
        if self.process.poll() is None:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(self.init_pid, signal.SIGKILL)
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(timeout=_START_S)  # bubblewrap buries its child, then ends
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()


def _start(job: Job, here: Machine, filter_program: bytes | None, enforced: set[str]) -> _Guest:
    info_read, info_write = os.pipe()
    handles = [info_write]
    try:
        seccomp_fd = None
        if filter_program is not None:
            seccomp_fd = _memory_file(filter_program)
            handles.append(seccomp_fd)
        argv = layout.command(
            job, here, info_fd=info_write, seccomp_fd=seccomp_fd, enforced=enforced
        )
        placed, argv = _place_files(job, argv)
        handles += placed
        process = subprocess.Popen(  # noqa: S603  # the command is bubblewrap's; the guest is confined
            [*_worker(here), *argv],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=handles,
            env={"PATH": "/usr/bin:/bin"},
            cwd="/",
            start_new_session=True,
        )
    except BaseException:
        os.close(info_read)
        raise
    finally:
        for handle in handles:
            os.close(handle)
    return _Guest(process=process, init_pid=_init_pid(process, info_read))


def _worker(here: Machine) -> list[str]:
    """Return the words before bubblewrap's that give up root for the worker account.

    A small program does it because Python's own change of account would first copy this
    process's page tables, which takes longer than all the rest of a start.
    """
    if os.geteuid() != 0:
        return []
    ids = (f"--reuid={here.worker_uid}", f"--regid={here.worker_gid}")
    return ["setpriv", *ids, "--clear-groups", "--inh-caps=-all"]


def _memory_file(data: bytes) -> int:
    handle = os.memfd_create("clearhouse")
    os.write(handle, data)
    os.lseek(handle, 0, os.SEEK_SET)
    return handle


def _place_files(job: Job, argv: list[str]) -> tuple[list[int], list[str]]:
    """Add the job's files to the command line, before the root becomes read-only."""
    handles, options = [], []
    for name, data in job.files:
        target = layout.work_path(name)
        with tempfile.TemporaryFile() as file:
            file.write(data)
            file.seek(0)
            handle = os.dup(file.fileno())
        handles.append(handle)
        options += ["--perms", "0755", "--file", str(handle), target]
    place = argv.index(layout.LAST_MOUNT) - 1
    return handles, argv[:place] + options + argv[place:]


def _init_pid(process: subprocess.Popen[bytes], info_read: int) -> int:
    """Read which process is the guest's first.

    Raises: SandboxUnavailableError with bubblewrap's own words when it failed.
    """
    with os.fdopen(info_read, "rb") as info:
        text = info.read()
    try:
        return int(json.loads(text)["child-pid"])
    except (ValueError, KeyError) as error:
        _, words = process.communicate(timeout=_START_S)
        reason = words.decode("utf-8", "replace").strip()[:300]
        raise SandboxUnavailableError(f"bubblewrap did not start: {reason}") from error


def _supervise(job: Job, guest: _Guest, group: Group, *, filtered: bool) -> Observation:
    process = guest.process
    _await_gate(process)
    gate = guest.gate_pid()
    isolation = assert_isolated(gate, filtered=filtered, network=job.stage is Stage.BUILD)
    limits = _confine(job, guest, group, gate)
    started = time.monotonic()
    _say(process, words=2 if job.collect else 1)
    streams = _streams(process, job.limits.output_bytes)
    timed_out = _pump(guest, streams, started + job.limits.wall_s, waits=bool(job.collect))
    wall_s = time.monotonic() - started
    collected: tuple[Collected, ...] = ()
    if job.collect:
        collected = collect.collect(gate, job.collect, limit_bytes=job.limits.collected_bytes)
        _say(process, words=1)
    usage = group.usage()
    exit_code = None if timed_out else _exit_code(process)
    return Observation(
        ended=_ended(exit_code, timed_out, killed=usage.killed_for_memory),
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


def _await_gate(process: subprocess.Popen[bytes]) -> None:
    """Wait for the gate's word on standard output.

    Raises: SandboxUnavailableError when it does not come.
    """
    assert process.stdout is not None  # noqa: S101  # made with a pipe above
    said = b""
    deadline = time.monotonic() + _START_S
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while len(said) < len(layout.READY) and selector.select(deadline - time.monotonic()):
            data = os.read(process.stdout.fileno(), len(layout.READY) - len(said))
            if not data:
                break
            said += data
    if said != layout.READY:
        process.kill()
        _, words = process.communicate()
        reason = words.decode("utf-8", "replace").strip()[:300]
        raise SandboxUnavailableError(f"the sandbox did not get ready: {reason or 'no answer'}")


def _say(process: subprocess.Popen[bytes], *, words: int) -> None:
    assert process.stdin is not None  # noqa: S101  # made with a pipe above
    with suppress(BrokenPipeError):
        process.stdin.write(b"go\n" * words)
        process.stdin.flush()


def _confine(job: Job, guest: _Guest, group: Group, gate: int) -> tuple[EnforcedLimit, ...]:
    """Limit the whole guest from outside, before its first untrusted instruction."""
    try:
        for pid in (guest.process.pid, guest.init_pid, gate):
            group.add(pid)
        held = _resource_limits(gate)
    except OSError as error:
        raise SandboxUnavailableError("limits could not be set on the guest") from error
    enforced = dict(group.enforced)
    for limit in layout.resource_limits(job.limits, set(enforced), sanitized=job.allow_ptrace):
        if held.get(limit.kernel_name) == limit.kernel_value:
            enforced.setdefault(limit.name, "resource limit")
    limits = job.limits
    values = {
        "wall clock": f"{limits.wall_s:g} s",
        "cpu time": f"{limits.cpu_s} s",
        "memory": f"{limits.memory_bytes} bytes",
        "pids": str(limits.pids),
        "cpu share": f"{_cpus(job):g} processors",
        "file size": f"{limits.file_bytes} bytes",
        "open files": str(limits.open_files),
        "core dumps": "0 bytes",
        "writable space": f"{limits.tmp_bytes} bytes in each place",
        "output": f"{limits.output_bytes} bytes kept of each stream",
    }
    if _cpus(job) >= (os.cpu_count() or 1):
        enforced["cpu share"] = "the machine has no more"
    enforced |= {"wall clock": "host", "output": "host", "writable space": "tmpfs size"}
    return tuple(
        EnforcedLimit(name=name, value=value, enforced_by=enforced.get(name))
        for name, value in values.items()
    )


def _resource_limits(pid: int) -> dict[str, str]:
    """Read the soft limits of a process as the kernel has them."""
    text = Path(f"/proc/{pid}/limits").read_text(encoding="ascii")
    return {line[:26].strip(): line[26:].split()[0] for line in text.splitlines()[1:]}


def _streams(process: subprocess.Popen[bytes], limit: int) -> tuple[_Stream, _Stream]:
    assert process.stdout is not None  # noqa: S101  # made with pipes above
    assert process.stderr is not None  # noqa: S101  # made with pipes above
    return (
        _Stream(pipe=process.stdout, limit=limit),
        _Stream(pipe=process.stderr, limit=limit),
    )


def _pump(guest: _Guest, streams: tuple[_Stream, _Stream], deadline: float, *, waits: bool) -> bool:
    """Read both streams until the program has ended; True when the wall clock came first."""
    with selectors.DefaultSelector() as selector:
        for stream in streams:
            selector.register(stream.pipe, selectors.EVENT_READ, stream)
        exit_handle = os.pidfd_open(guest.process.pid)
        try:
            selector.register(exit_handle, selectors.EVENT_READ, None)
            while True:
                left = deadline - time.monotonic()
                if left <= 0:
                    return True
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
        return process.wait(timeout=_START_S)
    except subprocess.TimeoutExpired as error:
        raise SandboxUnavailableError("the guest did not end after its program had") from error


def _ended(exit_code: int | None, timed_out: bool, *, killed: bool) -> Ended:
    if killed:
        return Ended.OUT_OF_MEMORY
    if timed_out or exit_code is None:
        return Ended.WALL_LIMIT
    if exit_code == _SIGNAL_BASE + signal.SIGXCPU:
        return Ended.CPU_LIMIT
    if _SIGNAL_BASE < exit_code <= _SIGNAL_BASE + signal.NSIG or exit_code < 0:
        return Ended.SIGNALLED
    return Ended.EXITED
