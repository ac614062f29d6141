"""How loaded a maintainer is: its turns of the week as squares, and what waits beyond as rings."""

from markupsafe import Markup

from clearhouse.surfaces.web.pictures.svg import circle, drawing, rect, text

_CELL, _GAP, _HIGH = 12, 3, 16
_MOST = 12
"""So many squares and rings are drawn; the numbers beside the picture say the rest."""


def pace_bar(*, handed: int, per_week: int, held: int) -> Markup:
    """Return the turns of the week, and how many cases wait beyond them."""
    said = f"{handed} of {per_week} turns used" + (f", {held} waiting" if held else "")
    shapes: list[Markup] = []
    x = 0.0
    for place in range(min(max(per_week, handed), _MOST)):
        look = "used" if place < handed else "free"
        shapes.append(rect(x + 0.5, 2.5, _CELL - 1, _CELL - 1, look, round_=2))
        x += _CELL + _GAP
    for _ in range(min(held, _MOST)):
        shapes.append(circle(x + _CELL / 2, 2 + _CELL / 2, _CELL / 2 - 1, "held"))
        x += _CELL + _GAP
    if held > _MOST:
        shapes.append(text(x, 2 + _CELL - 2, "…", "more"))
        x += _CELL
    return drawing(max(x - _GAP, _CELL), _HIGH, said, shapes, look="pace")
