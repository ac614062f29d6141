"""A report that was written field by field, put together as the Markdown that every door reads.

In: the fields of the form. Out: one Markdown text, empty when nothing was written. Code stands in
fences longer than any run of backticks in it, so that no proof can end its own fence. Pure.
"""

import re
from dataclasses import dataclass

_TICKS = re.compile("`{3,}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Written:
    """What a reporter wrote into the fields."""

    title: str = ""
    package: str = ""
    versions: str = ""
    severity: str = ""
    description: str = ""
    trigger: str = ""
    poc: str = ""
    patch: str = ""
    tests: str = ""
    model: str = ""
    """Which model took part, if one did."""
    review: str = ""
    """Who looked at the result, for how long."""
    more: str = ""
    """A whole report in words, or what has no field of its own."""


_LABELS = (
    ("Package", "package"),
    ("Versions", "versions"),
    ("Severity", "severity"),
    ("Model", "model"),
    ("Human review", "review"),
)
_SECTIONS = (("Description", "description"), ("Steps to reproduce", "trigger"))
_CODE = (("Proof of concept", "poc", ""), ("Patch", "patch", "diff"), ("Tests", "tests", ""))


def as_markdown(said: Written) -> str:
    """Return the fields as one report in words."""
    parts = [f"# {_line(said.title)}"] if said.title.strip() else []
    labels = [(name, _line(getattr(said, field))) for name, field in _LABELS]
    lines = [f"{name}: {value}" for name, value in labels if value]
    parts += ["\n".join(lines)] if lines else []
    for heading, field in _SECTIONS:
        if words := getattr(said, field).strip():
            parts.append(f"## {heading}\n{words}")
    for heading, field, language in _CODE:
        if code := getattr(said, field).strip("\r\n"):
            parts.append(f"## {heading}\n{_fenced(code, language)}")
    if said.more.strip():
        parts.append(said.more)
    return "\n\n".join(parts)


def _line(value: str) -> str:
    return " ".join(value.split())


def _fenced(code: str, language: str) -> str:
    """Fence code, with more backticks than it has in a row."""
    longest = max((len(one) for one in _TICKS.findall(code)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}{language}\n{code}\n{fence}"
