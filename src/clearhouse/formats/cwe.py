"""CWE ids: their names, their parents, and the family that a fix belongs to.

In: an id as a report states it. Out: its canonical spelling, its family, its ancestors, and whether
two ids can name the same flaw. An id outside the list is its own family: unknown is not "other".
Refused with `CweError`: a text that is no CWE id.

Two finders of one flaw rarely pick the same id: one says CWE-22, the next CWE-36. They mostly
stay inside one family, and almost always on one line of parents. The data stand beside this module
in `cwe.yaml`.

Source: MITRE, CWE 4.x, research view (CWE-1000); the families are ours.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final, cast

import yaml

# In C where the package has it: every process that matches reads the list once, and waits for it.
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_ID: Final = re.compile(r"(?:CWE[-_ ]?)?0*([1-9]\d{0,4})", re.IGNORECASE)


class CweError(ValueError):
    """The text is not a CWE id."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Weakness:
    """One entry of the list."""

    id: str
    """`CWE-<number>`."""
    name: str
    family: str | None
    """`None` for a class too wide to say what kind of flaw it is."""
    parents: tuple[str, ...]


def canonical(text: str) -> str:
    """Return `CWE-<number>` for an id however it is written.

    Raises: `CweError`.
    """
    match = _ID.fullmatch(text.strip())
    if match is None:
        raise CweError("text is not a CWE id")
    return f"CWE-{match[1]}"


def weakness(text: str) -> Weakness | None:
    """Return the entry of an id, or `None` when the list has none.

    Raises: `CweError`.
    """
    return _entries().get(canonical(text))


def family(text: str) -> str:
    """Return the family of an id; an id without one is a family of its own.

    Raises: `CweError`.
    """
    found = weakness(text)
    return found.family if found and found.family else canonical(text)


def families() -> Mapping[str, tuple[str, ...]]:
    """Return the ids of every family, by the name of the family."""
    grouped: dict[str, tuple[str, ...]] = {}
    for one in _entries().values():
        if one.family:
            grouped[one.family] = (*grouped.get(one.family, ()), one.id)
    return grouped


def ancestors(text: str) -> frozenset[str]:
    """Return every parent of an id, and theirs, as far as the list knows.

    Raises: `CweError`.
    """
    found: set[str] = set()
    waiting = [canonical(text)]
    while waiting:
        entry = _entries().get(waiting.pop())
        fresh = set(entry.parents) - found if entry else set()
        found |= fresh
        waiting += fresh
    return frozenset(found)


def compatible(first: str, second: str) -> bool:
    """Answer whether two ids can name one flaw: same id or family, broad, or one above the other.

    An id outside the list is compatible with itself and with those it descends to or from.

    Raises: `CweError`.
    """
    left, right = canonical(first), canonical(second)
    if left == right or left in ancestors(right) or right in ancestors(left):
        return True
    entries = [_entries().get(left), _entries().get(right)]
    if any(entry is not None and entry.family is None for entry in entries):
        return True
    return family(left) == family(right)


@cache
def _entries() -> Mapping[str, Weakness]:
    text = files("clearhouse.formats").joinpath("cwe.yaml").read_text("utf-8")
    document = yaml.load(text, Loader=_LOADER)  # noqa: S506 - it is the safe one
    grouped = {**document["families"], None: document["broad"]}
    return {
        f"CWE-{number}": Weakness(
            id=f"CWE-{number}",
            name=str(fields["name"]),
            family=group,
            parents=tuple(f"CWE-{parent}" for parent in fields["parents"]),
        )
        for group, members in grouped.items()
        for number, fields in cast("dict[int, dict[str, list[int]]]", members).items()
    }
