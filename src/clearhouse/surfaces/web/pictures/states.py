"""How many vendors are where, as one bar: fixed, not affected, looking, affected, silent.

The widths are shares of all vendors; every part has its number, and no colour tells anything alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from clearhouse.surfaces.web.pictures.svg import drawing, group, rect, text

_WIDE, _HIGH, _BAR = 640, 52, 22
_LETTER = 6.2
"""Width of a letter of a name; what has no room is in the picture's words and in the table."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Share:
    """One part of the bar."""

    name: str
    look: str
    """good, accent, warn, bad or quiet."""
    count: int


def states_bar(shares: Sequence[Share]) -> Markup:
    """Return the bar; parts without a vendor are left out."""
    total = sum(one.count for one in shares)
    said = ", ".join(f"{one.count} {one.name}" for one in shares if one.count)
    if not total:
        return drawing(_WIDE, _HIGH, "no vendor yet", [], look="states")
    shapes, x = [], 0.0
    for one in shares:
        if not one.count:
            continue
        wide = one.count / total * _WIDE
        parts = [rect(x, 0, max(wide - 2, 1), _BAR, "part", round_=3)]
        if wide >= _LETTER * len(str(one.count)) + 12:
            parts.append(text(x + 6, _BAR - 6, str(one.count), "count"))
        if wide >= _LETTER * len(one.name):
            parts.append(text(x, _HIGH - 10, one.name, "name"))
        shapes.append(group(one.look, parts))
        x += wide
    return drawing(_WIDE, _HIGH, said, shapes, look="states")
