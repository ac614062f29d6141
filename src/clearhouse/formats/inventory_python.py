"""What `pip freeze` prints, as an inventory.

In: text, one requirement a line. Out: an `Inventory` of PyPI packages. A line that pins no version
(a path, a repository, a range) becomes a component without one, and says why; a line that is no
requirement is skipped with its number.

Source: pip, requirements file format; PEP 508.
"""

import re
from collections.abc import Iterator
from typing import Final

from clearhouse.formats.inventory import Component, Inventory, Skipped, collected

_NAME: Final = r"(?P<name>[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)(?:\s*\[[^\]]*\])?"
_PINNED: Final = re.compile(rf"{_NAME}\s*===?\s*(?P<version>[^\s;,#*]+)\s*(?:[;#\\ ].*)?")
_AT: Final = re.compile(rf"{_NAME}\s*@\s*\S.*")
_RANGE: Final = re.compile(rf"{_NAME}\s*(?:[<>=!~(].*|;.*)?")
_EDITABLE: Final = re.compile(r"(?:-e|--editable)[ =].*?[#&]egg=(?P<name>[A-Za-z0-9._-]+).*")
_LINE_PINNED: Final = re.compile(rf"^{_NAME}\s*===?\s*[^\s=*]+", re.MULTILINE)


def recognised(text: str) -> bool:
    """Answer whether a text has a pinned requirement on a line of its own."""
    return _LINE_PINNED.search(text) is not None


def read(text: str) -> Inventory:
    """Read the text that `pip freeze` printed."""
    return collected("pip freeze", None, _lines(text))


def _lines(text: str) -> Iterator[Component | Skipped]:
    for number, raw in enumerate(text.splitlines(), start=1):
        line = raw.strip()
        if not line or line.startswith(("#", "--hash", "--index-url", "--extra-index-url")):
            continue
        yield _line(f"line {number}", line)


def _line(place: str, line: str) -> Component | Skipped:
    pinned = _PINNED.fullmatch(line)
    if pinned is not None:
        return _component(place, pinned["name"], version=pinned["version"])
    for pattern, remark in (
        (_EDITABLE, "it is installed from a folder or a repository"),
        (_AT, "it is installed from an address, which names no release"),
        (_RANGE, "the line pins no version; use the output of pip freeze"),
    ):
        match = pattern.fullmatch(line)
        if match is not None:
            return _component(place, match["name"], remark=remark)
    return Skipped(place=place, reason="is no requirement")


def _component(
    place: str, name: str, *, version: str | None = None, remark: str | None = None
) -> Component:
    return Component(
        place=place,
        name=name,
        version=version,
        purl=f"pkg:pypi/{re.sub(r'[-_.]+', '-', name).lower()}",
        remark=remark,
    )
