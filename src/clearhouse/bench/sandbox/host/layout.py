"""Lay out what a guest sees: the bubblewrap command line of one job.

Read-only system folders, the job's mounts, and four sized, memory-backed writable places: `/tmp`,
`/work`, `/out` and `/dev/shm`. The root and `/dev` are made read-only last; bubblewrap leaves them
writable otherwise. A gate stands before the program: it says that it is ready and waits until the
host has looked at it from outside.
"""

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from clearhouse.bench.sandbox.host.machine import Machine, reachable
from clearhouse.bench.sandbox.host.record import Job, Limits, SandboxUnavailableError, Stage

LAST_MOUNT = "/dev"
"""What is made read-only first after everything has been laid out."""
READY = b"ready\n"
_GATE = '{limits}; printf "ready\\n"; read -r _ || exit 111; '
AND_RUN = 'exec "$@" </dev/null'
AND_WAIT = '"$@" </dev/null; s=$?; read -r _; read -r _; exit $s'
"""Keeps the guest alive until the host has collected files.

The host sends three words: the first opens the gate, the second is taken when the program has
ended, which the host sees by the emptied pipe, and the third lets the guest end.
"""
AND_TALK = 'exec "$@"'
"""Gives the program the host's pipe as its input; it reads what comes after the first word."""

_SYSTEM = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
_ETC = ("/etc/ld.so.cache", "/etc/alternatives", "/etc/localtime")
_NETWORK_ETC = ("/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf", "/etc/ssl", "/etc/pki")
_ENV = (
    ("PATH", "/usr/local/bin:/usr/bin:/bin"),
    ("HOME", "/tmp"),  # noqa: S108  # the guest's own memory-backed folder
    ("LANG", "C.UTF-8"),
    ("TZ", "UTC"),
)
WRITABLE = ("/tmp", "/work", "/out", "/dev/shm")  # noqa: S108  # paths inside the guest


@dataclass(frozen=True, kw_only=True, slots=True)
class ResourceLimit:
    """One limit that the gate takes on itself and that the host then reads back."""

    name: str
    """As the observation names it."""
    option: str
    """Of the shell's `ulimit`."""
    value: int
    """In the option's unit."""
    kernel_name: str
    """As `/proc/<pid>/limits` names it."""
    unit: int = 1

    @property
    def kernel_value(self) -> str:
        """The value as the kernel shows it."""
        return str(self.value * self.unit)


def resource_limits(
    limits: Limits, enforced: AbstractSet[str], *, sanitized: bool
) -> tuple[ResourceLimit, ...]:
    """Return the limits that the gate sets, given what control groups already hold.

    Sanitizers map terabytes that they never touch, so their memory is left to control groups.
    """
    found = [
        ResourceLimit(name="cpu time", option="-t", value=limits.cpu_s, kernel_name="Max cpu time"),
        ResourceLimit(
            name="file size",
            option="-f",
            value=limits.file_bytes // 512,
            kernel_name="Max file size",
            unit=512,
        ),
        ResourceLimit(
            name="open files", option="-n", value=limits.open_files, kernel_name="Max open files"
        ),
        ResourceLimit(name="core dumps", option="-c", value=0, kernel_name="Max core file size"),
    ]
    if "pids" not in enforced:
        found.append(
            ResourceLimit(name="pids", option="-p", value=limits.pids, kernel_name="Max processes")
        )
    if "memory" not in enforced and not sanitized:
        found.append(
            ResourceLimit(
                name="memory",
                option="-d",
                value=limits.memory_bytes // 1024,
                kernel_name="Max data size",
                unit=1024,
            )
        )
    return tuple(found)


def command(
    job: Job,
    machine: Machine,
    ending: str,
    *,
    info_fd: int,
    seccomp_fd: int | None,
    enforced: AbstractSet[str],
) -> list[str]:
    """Return the whole command line; `ending` is what the gate does once it is open.

    Raises: SandboxUnavailableError when the worker account cannot read something it must show.
    """
    options = [
        *(machine.bubblewrap, "--unshare-all", "--unshare-user", "--die-with-parent"),
        *("--new-session", "--cap-drop", "ALL", "--clearenv", "--hostname", "sandbox"),
        *(("--share-net",) if job.stage is Stage.BUILD else ()),
        *(("--disable-userns",) if machine.can_disable_userns else ()),
        *_system(job),
        *("--proc", "/proc", "--dev", "/dev/"),
        *_writable(job),
        *_mounts(job),
        *("--remount-ro", LAST_MOUNT, "--remount-ro", "/"),
        *(part for name, value in (*_ENV, *job.env) for part in ("--setenv", name, value)),
        *("--chdir", job.cwd, "--info-fd", str(info_fd)),
        *(("--seccomp", str(seccomp_fd)) if seccomp_fd is not None else ()),
    ]
    limits = resource_limits(job.limits, enforced, sanitized=job.allow_ptrace)
    taken = "; ".join(f"ulimit {one.option} {one.value}" for one in limits)
    gate = _GATE.format(limits=taken) + ending
    return [*options, "--", "/bin/sh", "-c", gate, "gate", *job.argv]


def _system(job: Job) -> Iterator[str]:
    yield from ("--ro-bind", "/usr", "/usr")
    for name in _SYSTEM:
        path = Path("/") / name
        if path.is_symlink():
            yield from ("--symlink", str(path.readlink()), str(path))
        elif path.is_dir():
            yield from ("--ro-bind", str(path), str(path))
    for name in (*_ETC, *(_NETWORK_ETC if job.stage is Stage.BUILD else ())):
        yield from ("--ro-bind-try", name, name)
    for folder in job.hide:
        if Path(folder).is_dir():
            yield from ("--tmpfs", folder, "--remount-ro", folder)


def _writable(job: Job) -> Iterator[str]:
    for place in WRITABLE:
        yield from ("--size", str(job.limits.tmp_bytes), "--tmpfs", place)


def _mounts(job: Job) -> Iterator[str]:
    for mount in job.mounts:
        if not mount.source.exists() or not reachable(mount.source):
            raise SandboxUnavailableError(
                f"the sandbox's account cannot read {mount.source}; "
                "put it where other accounts may enter (mode o+x on every folder above it)"
            )
        yield from ("--ro-bind", str(mount.source.resolve()), mount.target)


def work_path(name: str) -> str:
    """Return the guest's path of a file under `/work`.

    Raises: ValueError when the name leaves the folder.
    """
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.parts or "\0" in name:
        raise ValueError("a file of a job must lie below /work")
    return f"/work/{path}"
