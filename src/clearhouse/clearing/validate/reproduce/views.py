"""Show a guest a package at a place of its own, so that the place tells nothing.

A guest can read in its mount table where on the host a folder lies, and the numbers that the file
system gives to files. Both are new in every run: a copy is made, shown, and removed. Very large
packages are shown where they lie in the cache, under a name that only this cache knows.
"""

import secrets
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice

from clearhouse.clearing.validate.reproduce.packages import BuildError, Environment

MOST_FILES = 1500
"""Packages with more files take longer to copy than a proof takes to run."""


@contextmanager
def fresh_view(environment: Environment) -> Iterator[Environment]:
    """Give a copy of an environment that is removed afterwards, or a very large one itself.

    Raises: BuildError when the copy cannot be made.
    """
    if sum(1 for _ in islice(environment.folder.rglob("*"), MOST_FILES + 1)) > MOST_FILES:
        yield environment
        return
    views = environment.folder.parents[1] / "views"
    views.mkdir(mode=0o755, exist_ok=True)
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
