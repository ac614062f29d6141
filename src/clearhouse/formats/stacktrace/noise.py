"""Frames that tell nothing about a crash: allocators, interceptors, abort paths, fuzzer drivers.

In comes the name or the file of a frame, out comes whether it is noise. The patterns stand in
`noise.txt`, one regular expression per line with a comment above each group; they match from the
beginning of a name.
"""

import re
from functools import cache
from importlib.resources import files


def is_noise(name: str) -> bool:
    """Say whether a function or file tells nothing about a crash."""
    return _pattern().match(name) is not None


@cache
def _pattern() -> re.Pattern[str]:
    text = (files("clearhouse.formats.stacktrace") / "noise.txt").read_text("utf-8")
    lines = [line.strip() for line in text.splitlines()]
    return re.compile("|".join(f"(?:{line})" for line in lines if line and line[0] != "#"))
