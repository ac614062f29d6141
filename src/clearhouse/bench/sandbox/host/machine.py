"""What this machine offers for isolation, and what to do where it does not.

Nothing is ever run unsandboxed: where bubblewrap is missing, the answer says how to install it, and
whether this account may.
"""

import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from clearhouse.bench.sandbox.host.record import SandboxUnavailableError

_INSTALL = (
    ("apt-get", "apt-get install bubblewrap"),
    ("dnf", "dnf install bubblewrap"),
    ("apk", "apk add bubblewrap"),
    ("pacman", "pacman -S bubblewrap"),
    ("zypper", "zypper install bubblewrap"),
)
NOBODY = 65534


@dataclass(frozen=True, kw_only=True, slots=True)
class Machine:
    """What isolation needs, found once."""

    bubblewrap: str
    """Path of the program."""
    worker_uid: int
    """The account that runs guests; never root."""
    worker_gid: int
    can_disable_userns: bool
    """Since bubblewrap 0.8; the system call filter refuses new name spaces in any case."""


@cache
def machine() -> Machine:
    """Return what isolates here.

    Raises: SandboxUnavailableError with the command that installs what is missing.
    """
    program = shutil.which("bwrap")
    if program is None:
        raise SandboxUnavailableError(f"not attempted: {how_to_install()}")
    if os.geteuid() == 0 and shutil.which("setpriv") is None:
        raise SandboxUnavailableError("not attempted: install setpriv (util-linux)")
    uid, gid = _worker()
    return Machine(
        bubblewrap=program,
        worker_uid=uid,
        worker_gid=gid,
        can_disable_userns=_version(program) >= (0, 8),
    )


def how_to_install() -> str:
    """Say which command installs bubblewrap and who may give it."""
    for tool, command in _INSTALL:
        if shutil.which(tool):
            who = "you may run it now" if os.geteuid() == 0 else "ask somebody with root rights"
            return f"install bubblewrap: {command} ({who})"
    return "install bubblewrap (https://github.com/containers/bubblewrap); it needs Linux"


def _version(program: str) -> tuple[int, ...]:
    done = subprocess.run([program, "--version"], check=False, capture_output=True, text=True)  # noqa: S603  # bubblewrap itself
    return tuple(int(part) for part in done.stdout.split()[-1].split(".") if part.isdecimal())


def _worker() -> tuple[int, int]:
    if os.geteuid() != 0:
        return os.geteuid(), os.getegid()
    try:
        entry = pwd.getpwnam("nobody")
    except KeyError:
        return NOBODY, NOBODY
    return entry.pw_uid, entry.pw_gid


def reachable(path: Path) -> bool:
    """Say whether the worker account can enter every folder above a path and read it."""
    if os.geteuid() != 0:
        return os.access(path, os.R_OK)
    everything = [*path.resolve().parents, path.resolve()]
    return all(one.stat().st_mode & 0o001 or one.is_file() for one in everything)
