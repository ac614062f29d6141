"""Have an optional part installed when it is needed, through the launcher and its lock file.

In: the name of an extra. Out: nothing, once it can be used. Refused with `ExtraMissingError`, which
says what to run: an installation without the launcher, or one that cannot reach a package index.
"""

import importlib
import importlib.util
import os
import subprocess
from pathlib import Path

INSPECT, MODEL = "inspect", "model"
_LAUNCHER = "clearhouse"


class ExtraMissingError(RuntimeError):
    """An optional part is not installed; the message says how to install it."""


def has_inspect() -> bool:
    """Say whether evaluations can be run in this environment."""
    return importlib.util.find_spec("inspect_ai") is not None


def model_python() -> Path | None:
    """Return the interpreter of the environment that serves the small local model, if it is there.

    It is an environment of its own: what serves a model shares no package with the house.
    """
    home = os.environ.get("CLEARHOUSE_HOME")
    python = Path(home) / "model" / "bin" / "python" if home else None
    stamp = None if python is None else python.parents[1] / "installed"
    return python if python is not None and stamp is not None and stamp.exists() else None


def need_inspect() -> None:
    """Install the extra `inspect` unless it is there.

    Raises: ExtraMissingError.
    """
    if not has_inspect():
        install(INSPECT)
        importlib.invalidate_caches()
        if not has_inspect():
            raise ExtraMissingError("the extra inspect was installed elsewhere; start again")


def install(extra: str) -> None:
    """Let the launcher install an extra, with every hash checked.

    Raises: ExtraMissingError.
    """
    project = os.environ.get("CLEARHOUSE_PROJECT")
    launcher = Path(project) / _LAUNCHER if project else None
    if launcher is None or not launcher.exists():
        raise ExtraMissingError(f"this needs the extra {extra}: pip install 'clearhouse[{extra}]'")
    done = subprocess.run([launcher, "install", extra], check=False)  # noqa: S603  # our launcher
    if done.returncode != 0:
        raise ExtraMissingError(
            f"the extra {extra} could not be installed; run {launcher} install {extra} "
            "when a package index is reachable"
        )
