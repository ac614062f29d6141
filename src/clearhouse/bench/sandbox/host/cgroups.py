"""Control groups: limits on memory, processes and processor share, where this machine lets us.

Version 2 is tried first, then version 1, controller by controller, and what could not be had is
recorded as not enforced. A group lives for one run.

Source: Linux Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/.
"""

import contextlib
import os
import secrets
import time
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
_FOLDER = "clearhouse"
_STEADY = "clearhouse-steady"
"""Groups below this folder come before other work on the machine."""
_WEIGHTS = {1: ("cpu.shares", "10240"), 2: ("cpu.weight", "1000")}
"""Ten times what everything else gets."""
_CPU_PERIOD_US = 100_000
_LEFT_BEHIND_S = 3600
_REMOVE_S = 20.0
"""A busy machine needs a while to end a hundred killed processes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Available:
    """Which hierarchy offers each controller; a missing key means that none does."""

    version: int | None
    """2, 1 or None."""
    folders: dict[str, Path]
    """`memory`, `pids`, `cpu`, `cpuacct` to the folder in which groups can be made."""


@cache
def probe(root: Path = ROOT, name: str = _FOLDER) -> Available:
    """Find out, by trying, which controllers this process may use."""
    unified = _probe_unified(root, name)
    if unified is not None:
        return unified
    folders = {}
    for controller in ("memory", "pids", "cpu", "cpuacct"):
        base = root / controller / name
        with contextlib.suppress(OSError):
            base.mkdir(exist_ok=True)
            if os.access(base / "cgroup.procs", os.W_OK):
                folders[controller] = base
    return Available(version=1 if folders else None, folders=folders)


def _probe_unified(root: Path, name: str) -> Available | None:
    try:
        offered = (root / "cgroup.controllers").read_text(encoding="ascii").split()
    except OSError:
        return None
    base = root / name
    wanted = [one for one in ("memory", "pids", "cpu") if one in offered]
    try:
        base.mkdir(exist_ok=True)
        for folder in (root, base):
            line = " ".join(f"+{one}" for one in wanted)
            (folder / "cgroup.subtree_control").write_text(line, encoding="ascii")
    except OSError:
        return None
    folders: dict[str, Path] = {one: base for one in wanted}  # noqa: C420  # typed wider
    if "cpu" in folders:
        folders["cpuacct"] = base
    return Available(version=2, folders=folders)


def sweep(available: Available) -> None:
    """Remove empty groups that killed hosts have left behind, once they are an hour old."""
    for base in set(available.folders.values()):
        for folder in base.glob("run-*"):
            with contextlib.suppress(OSError):
                if time.time() - folder.stat().st_mtime > _LEFT_BEHIND_S:
                    folder.rmdir()


def _prefer(available: Available) -> None:
    """Let the groups of a folder come first; without the right to, they do not."""
    if available.version in _WEIGHTS and "cpu" in available.folders:
        file, weight = _WEIGHTS[available.version]
        with contextlib.suppress(OSError):
            (available.folders["cpu"] / file).write_text(weight, encoding="ascii")


@dataclass(frozen=True, kw_only=True, slots=True)
class Usage:
    """What a group used, as far as its controllers tell."""

    cpu_s: float | None
    peak_memory_bytes: int | None
    killed_for_memory: bool


@dataclass(kw_only=True, slots=True)
class Group:
    """One run's group, in every hierarchy that is available."""

    version: int | None
    folders: dict[str, Path]
    enforced: dict[str, str] = field(default_factory=dict)
    """Limit name to the mechanism that holds it."""

    @classmethod
    def make(cls, *, memory_bytes: int, pids: int, cpus: float, steady: bool = False) -> "Group":
        """Make a group with these limits; a limit that cannot be set is left out."""
        available = probe(name=_STEADY) if steady else probe()
        if steady:
            _prefer(available)
        sweep(available)
        name = f"run-{secrets.token_hex(8)}"
        whole = available.version == 1 and cpus >= (os.cpu_count() or 1) and not steady
        unneeded = {"cpu"} if whole else set()
        folders = {
            key: base / name for key, base in available.folders.items() if key not in unneeded
        }
        for folder in set(folders.values()):
            folder.mkdir()
        group = cls(version=available.version, folders=folders)
        share = round(cpus * _CPU_PERIOD_US)
        if available.version == 2:
            group._set("memory", "memory", "memory.max", str(memory_bytes))
            group._set("memory", None, "memory.swap.max", "0")
            group._set("pids", "pids", "pids.max", str(pids))
            group._set("cpu", "cpu share", "cpu.max", f"{share} {_CPU_PERIOD_US}")
        else:
            group._set("memory", "memory", "memory.limit_in_bytes", str(memory_bytes))
            group._set("memory", None, "memory.memsw.limit_in_bytes", str(memory_bytes))
            group._set("pids", "pids", "pids.max", str(pids))
            group._set("cpu", None, "cpu.cfs_period_us", str(_CPU_PERIOD_US))
            group._set("cpu", "cpu share", "cpu.cfs_quota_us", str(share))
        return group

    def _set(self, controller: str, limit: str | None, file: str, value: str) -> None:
        folder = self.folders.get(controller)
        if folder is None:
            return
        with contextlib.suppress(OSError):
            (folder / file).write_text(value, encoding="ascii")
            if limit is not None:
                self.enforced[limit] = f"cgroup v{self.version} {file}"

    def add(self, pid: int) -> None:
        """Move a process into the group.

        Raises: OSError when the process is gone.
        """
        for folder in set(self.folders.values()):
            (folder / "cgroup.procs").write_text(str(pid), encoding="ascii")

    def usage(self) -> Usage:
        """Read what the group used so far."""
        if self.version == 2:
            cpu = self._field("cpuacct", "cpu.stat", "usage_usec")
            killed = self._field("memory", "memory.events", "oom_kill")
            peak = self._number("memory", "memory.peak")
            return Usage(
                cpu_s=None if cpu is None else cpu / 1e6,
                peak_memory_bytes=peak,
                killed_for_memory=bool(killed),
            )
        cpu = self._number("cpuacct", "cpuacct.usage")
        killed = self._field("memory", "memory.oom_control", "oom_kill")
        return Usage(
            cpu_s=None if cpu is None else cpu / 1e9,
            peak_memory_bytes=self._number("memory", "memory.max_usage_in_bytes"),
            killed_for_memory=bool(killed),
        )

    def remove(self) -> bool:
        """Remove the group, waiting for killed processes to leave; False when some stay."""
        deadline = time.monotonic() + _REMOVE_S
        removed = [_remove(folder, deadline) for folder in set(self.folders.values())]
        return all(removed)

    def _number(self, controller: str, file: str) -> int | None:
        text = self._text(controller, file)
        return int(text) if text is not None and text.strip().isdecimal() else None

    def _field(self, controller: str, file: str, name: str) -> int | None:
        for line in (self._text(controller, file) or "").splitlines():
            key, _, value = line.partition(" ")
            if key == name and value.isdecimal():
                return int(value)
        return None

    def _text(self, controller: str, file: str) -> str | None:
        folder = self.folders.get(controller)
        if folder is None:
            return None
        try:
            return (folder / file).read_text(encoding="ascii")
        except OSError:
            return None


def _remove(folder: Path, deadline: float) -> bool:
    while True:
        try:
            folder.rmdir()
        except FileNotFoundError:
            return True
        except OSError:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.005)
        else:
            return True
