"""Show a guest a package at a place of its own, so that the place tells nothing.

A guest can read in its mount table where on the host a folder lies, and the numbers that the file
system gives to files. Both are new in every run: a copy is made, shown, and removed. Very large
packages are shown where they lie in the cache, under a name that only this cache knows.

Copies stand in memory where this machine keeps shared memory with room to spare, which takes a
fifth of the time, else beside the cache. What a killed process left behind is swept up after an
hour.
"""

import contextlib
import os
import secrets
import shutil
import stat
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from pathlib import Path

from clearhouse.clearing.validate.reproduce.packages import BuildError, Environment

MOST_FILES = 1500
"""Packages with more files take longer to copy than a proof takes to run."""
_MEMORY = Path("/dev/shm")  # noqa: S108  # a folder of ours below it, checked to be ours
_ROOM_BYTES = 1 << 30
_LEFT_BEHIND_S = 3600


@contextmanager
def fresh_view(environment: Environment) -> Iterator[Environment]:
    """Give a copy of an environment that is removed afterwards, or a very large one itself.

    Raises: BuildError when the copy cannot be made.
    """
    if sum(1 for _ in islice(environment.folder.rglob("*"), MOST_FILES + 1)) > MOST_FILES:
        yield environment
        return
    views = _views(environment.folder.parents[1])
    place = views / secrets.token_hex(16)
    try:
        done = subprocess.run(  # noqa: S603  # a fixed tool on folders of ours
            ["/bin/cp", "-R", "--preserve=mode,timestamps", str(environment.folder), str(place)],
            check=False,
            capture_output=True,
        )
        if done.returncode != 0:
            raise BuildError("the cache could not be written: a view could not be copied")
        yield replace(environment, folder=place)
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _views(cache: Path) -> Path:
    """Return the folder in which copies stand, without what is left from long ago."""
    views = _in_memory() or cache / "views"
    views.mkdir(mode=0o755, exist_ok=True)
    for old in views.iterdir():
        with contextlib.suppress(OSError):
            if time.time() - old.stat().st_ctime > _LEFT_BEHIND_S:
                shutil.rmtree(old, ignore_errors=True)
    return views


def _in_memory() -> Path | None:
    """Return a folder of ours in shared memory; None without room, or when it is not ours."""
    place = _MEMORY / f"clearhouse-views-{os.geteuid()}"
    try:
        about = os.statvfs(_MEMORY)
        place.mkdir(mode=0o755, exist_ok=True)
        owner = place.lstat()
    except OSError:
        return None
    roomy = about.f_bavail * about.f_frsize >= _ROOM_BYTES
    ours = stat.S_ISDIR(owner.st_mode) and owner.st_uid == os.geteuid()
    return place if roomy and ours else None
