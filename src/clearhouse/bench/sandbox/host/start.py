"""Start a guest, look at it from outside and confine it, before its first untrusted instruction.

What `run` (one program) and `session` (many commands, one after another) have in common. The gate
is closed until the caller opens it.

Raises SandboxUnavailableError for every trouble of the machine: never a verdict about a claim.
"""

import json
import os
import selectors
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from clearhouse.bench.sandbox.host import layout
from clearhouse.bench.sandbox.host.cgroups import Group
from clearhouse.bench.sandbox.host.machine import Machine, machine
from clearhouse.bench.sandbox.host.record import EnforcedLimit, Job, SandboxUnavailableError

START_S = 20.0
"""How long setting up may take before the machine counts as in trouble."""


def make_group(job: Job) -> Group:
    """Make the control group of a job."""
    return Group.make(
        memory_bytes=job.limits.memory_bytes,
        pids=job.limits.pids,
        cpus=_cpus(job),
        steady=job.limits.steady,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Guest:
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

    def kill(self) -> None:
        """Kill everything; the guest's processes die with its first one."""
        if self.process.poll() is None:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(self.init_pid, signal.SIGKILL)

    def end(self) -> None:
        """Kill everything and clear it away."""
        if self.process.poll() is None:
            self.kill()
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(timeout=START_S)  # bubblewrap buries its child, then ends
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()


def start(job: Job, filter_program: bytes | None, enforced: set[str], *, ending: str) -> Guest:
    """Start a job's guest up to its closed gate; `ending` is what the gate does then.

    Raises: SandboxUnavailableError when this machine cannot isolate or start it.
    """
    here = machine()
    info_read, info_write = os.pipe()
    handles = [info_write]
    try:
        seccomp_fd = None
        if filter_program is not None:
            seccomp_fd = _memory_file(filter_program)
            handles.append(seccomp_fd)
        argv = layout.command(
            job, here, ending, info_fd=info_write, seccomp_fd=seccomp_fd, enforced=enforced
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
    return Guest(process=process, init_pid=_init_pid(process, info_read))


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
        _, words = process.communicate(timeout=START_S)
        reason = words.decode("utf-8", "replace").strip()[:300]
        raise SandboxUnavailableError(f"bubblewrap did not start: {reason}") from error


def await_gate(process: subprocess.Popen[bytes]) -> None:
    """Wait for the gate's word on standard output.

    Raises: SandboxUnavailableError when it does not come.
    """
    assert process.stdout is not None  # noqa: S101  # made with a pipe above
    said = b""
    deadline = time.monotonic() + START_S
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


def say(process: subprocess.Popen[bytes], *, words: int) -> None:
    """Give the gate this many words."""
    assert process.stdin is not None  # noqa: S101  # made with a pipe above
    with suppress(BrokenPipeError):
        process.stdin.write(b"go\n" * words)
        process.stdin.flush()


def confine(job: Job, guest: Guest, group: Group, gate: int) -> tuple[EnforcedLimit, ...]:
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


def _cpus(job: Job) -> float:
    return min(job.limits.cpus, os.cpu_count() or 1)
