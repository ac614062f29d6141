"""Which of the six elements of a ready report are there: small for tables, large with names."""

from collections.abc import Collection, Sequence

from markupsafe import Markup

from clearhouse.surfaces.web.pictures.svg import drawing, path, rect, text

_CELL, _GAP = 11, 3
_TILE, _TILE_GAP, _TILE_HIGH = 100, 6, 46


def completeness_strip(elements: Sequence[str], present: Collection[str]) -> Markup:
    """Return one small square an element, filled when it is there.

    All squares of a kind are one path: a list has a strip in every row.
    """
    squares = {"there": "", "lacking": ""}
    for place, name in enumerate(elements):
        squares[_look(name, present)] += f"M{place * (_CELL + _GAP)}.5 .5h10v10h-10z"
    width = len(elements) * (_CELL + _GAP) - _GAP
    shapes = [path(data, look) for look, data in squares.items() if data]
    return drawing(width, _CELL, _sentence(elements, present), shapes, look="elements strip")


def completeness_picture(elements: Sequence[str], present: Collection[str]) -> Markup:
    """Return one tile an element with its name, three in a row."""
    shapes = []
    for place, name in enumerate(elements):
        left = place % 3 * (_TILE + _TILE_GAP)
        top = place // 3 * (_TILE_HIGH + _TILE_GAP)
        shapes += _tile(name, left, top, there=name in present)
    rows = -(-len(elements) // 3)
    size = (3 * (_TILE + _TILE_GAP) - _TILE_GAP, rows * (_TILE_HIGH + _TILE_GAP) - _TILE_GAP)
    return drawing(*size, _sentence(elements, present), shapes, look="elements tiles")


def _tile(name: str, left: float, top: float, *, there: bool) -> list[Markup]:
    middle = left + _TILE / 2
    look = "there" if there else "lacking"
    mark = f"M{middle - 6} {top + 15}l4 4l8 -8" if there else f"M{middle - 5} {top + 15}h10"
    return [
        rect(left + 0.5, top + 0.5, _TILE - 1, _TILE_HIGH - 1, look, round_=5),
        path(mark, f"mark {look}"),
        text(middle, top + 36, name, f"tile-name {look}", anchor="middle"),
    ]


def _look(name: str, present: Collection[str]) -> str:
    return "there" if name in present else "lacking"


def _sentence(elements: Sequence[str], present: Collection[str]) -> str:
    missing = [name for name in elements if name not in present]
    has = len(elements) - len(missing)
    lacks = f"; missing: {', '.join(missing)}" if missing else ""
    return f"{has} of {len(elements)} elements of a ready report are there{lacks}"
