"""The nouns of the sandbox: a job with its limits, and what was observed from outside."""

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

MIB = 1 << 20


class SandboxUnavailableError(RuntimeError):
    """This machine cannot isolate a program now; says what to do. Never a verdict about a claim."""


class IsolationError(SandboxUnavailableError):
    """A started sandbox was not isolated as it must be; it was killed before anything ran."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """What one run may use."""

    wall_s: float = 60.0
    late_s: float = 0.0
    """How much longer than `wall_s` a run may take that is still computing.

    Other work on the machine may have kept the processor from it; an idle run is ended in time.
    """
    cpu_s: int = 60
    cpus: float = 2.0
    """Processors' worth of time; a machine with fewer gives what it has."""
    steady: bool = False
    """Ask for processor time before other work on this machine, for runs that measure time."""
    memory_bytes: int = 1024 * MIB
    pids: int = 128
    tmp_bytes: int = 128 * MIB
    """Size of each writable place: `/tmp`, `/work` and `/out`; charged to the memory limit too."""
    file_bytes: int = 128 * MIB
    """Largest single file that can be written."""
    open_files: int = 1024
    output_bytes: int = MIB
    """Kept of each output stream; the rest is read and thrown away."""
    collected_bytes: int = 16 * MIB
    """Kept of all collected files together."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Mount:
    """A host file or folder that the guest sees read-only."""

    source: Path
    target: str


class Stage(StrEnum):
    """What a job is for; only building may reach a package registry."""

    BUILD = "build"
    """Turns a published package into something installable; sees the network, no report."""
    RUN = "run"
    """Runs what a stranger sent; never sees the network."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """One program to run."""

    argv: tuple[str, ...]
    """The program and its arguments; never given to a shell."""
    mounts: tuple[Mount, ...] = ()
    files: tuple[tuple[str, bytes], ...] = ()
    """Path under `/work` and content: laid out writable before the start."""
    cwd: str = "/work"
    env: tuple[tuple[str, str], ...] = ()
    limits: Limits = field(default_factory=Limits)
    collect: tuple[str, ...] = ()
    """Paths of files or folders to read when the program has ended."""
    hide: tuple[str, ...] = ()
    """Folders of the host's system that the guest sees empty."""
    stage: Stage = Stage.RUN
    allow_ptrace: bool = False
    """LeakSanitizer stops its own threads with ptrace; nothing else needs it."""


class Ended(StrEnum):
    """How a run came to its end."""

    EXITED = "exited"
    SIGNALLED = "signalled"
    WALL_LIMIT = "wall-limit"
    CPU_LIMIT = "cpu-limit"
    OUT_OF_MEMORY = "out-of-memory"


@dataclass(frozen=True, kw_only=True, slots=True)
class EnforcedLimit:
    """One limit and the mechanism that held it."""

    name: str
    value: str
    """With its unit."""
    enforced_by: str | None
    """None when this machine could not enforce it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Collected:
    """One file read from the guest after the program ended."""

    path: str
    data: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Observation:
    """What the host saw of one run."""

    ended: Ended
    exit_code: int | None
    """None unless the program exited by itself or by a signal (then 128 + its number)."""
    stdout: bytes
    stderr: bytes
    truncated: bool
    """True when an output stream was longer than what was kept."""
    wall_s: float
    cpu_s: float | None
    """None where no control group measures it."""
    peak_memory_bytes: int | None
    """As `cpu_s`."""
    collected: tuple[Collected, ...]
    limits: tuple[EnforcedLimit, ...]
    isolation: tuple[str, ...]
    """What was asserted from outside before the program started."""
