"""Which interpreters a guest may use, and which packages of the machine it must not see."""

import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from clearhouse.bench.sandbox.host.machine import reachable
from clearhouse.bench.sandbox.host.record import SandboxUnavailableError

_SYSTEM = Path("/usr")
HIDDEN = (
    "/usr/lib/python3/dist-packages",
    *(str(path) for path in sorted(Path("/usr/local/lib").glob("python3*/dist-packages"))),
    *(str(path) for path in sorted(Path("/usr/local/lib").glob("python3*/site-packages"))),
    "/usr/local/lib/node_modules",
    "/usr/lib/node_modules",
)
"""Packages of the host's own system, which a proof could load instead of its target."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Interpreter:
    """One interpreter that the sandbox's account can run."""

    program: Path
    prefix: Path | None
    """Folder to show to the guest; None when it is part of the system folders."""
    version: str


@cache
def python() -> Interpreter:
    """Return the Python for guests: the system's, or the one that runs this, if readable.

    Raises: SandboxUnavailableError when the sandbox's account can read none.
    """
    own = Path(sys.base_prefix)
    candidates: list[tuple[Path, Path | None]] = [(Path("/usr/bin/python3"), None)]
    if not own.is_relative_to(_SYSTEM):
        candidates.insert(0, (own / "bin" / "python3", own))
    for program, prefix in candidates:
        if program.exists() and reachable(prefix or program):
            return Interpreter(program=program, prefix=prefix, version=_version(program, "-V"))
    raise SandboxUnavailableError("no Python that the sandbox's account can read; install python3")


@cache
def node() -> Interpreter:
    """Return the Node.js for guests.

    Raises: SandboxUnavailableError when there is none that the sandbox's account can read.
    """
    found = shutil.which("node")
    if found is None:
        raise SandboxUnavailableError("Node.js is not installed; npm packages cannot be run")
    program = Path(found).resolve()
    prefix = None if program.is_relative_to(_SYSTEM) else program.parent.parent
    if not reachable(prefix or program):
        raise SandboxUnavailableError("the sandbox's account cannot read Node.js")
    return Interpreter(program=program, prefix=prefix, version=_version(program, "--version"))


def _version(program: Path, option: str) -> str:
    done = subprocess.run([program, option], check=True, capture_output=True, text=True)  # noqa: S603  # an installed interpreter
    return done.stdout.strip().removeprefix("Python ").removeprefix("v")
