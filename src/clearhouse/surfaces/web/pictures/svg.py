"""The few SVG shapes that the pictures are made of.

In: numbers and text. Out: escaped markup without style attributes, scripts or addresses, so that
a strict content security policy lets it through and no text can turn into markup.
"""

from collections.abc import Iterable
from typing import Literal, LiteralString

from markupsafe import Markup, escape

Anchor = Literal["start", "middle", "end"]


def drawing(
    width: float,
    height: float,
    title: str,
    shapes: Iterable[Markup],
    *,
    look: str,
    role: Literal["img", "group"] = "img",
) -> Markup:
    """Return a whole picture that scales with its column; `title` says it in words.

    What is in a `group`, such as a link, is there for screen readers too.
    """
    return _filled(
        '<svg class="picture %s" viewBox="0 0 %s %s" width="%s" height="%s" role="%s"'
        ' aria-label="%s"><title>%s</title>%s</svg>',
        look,
        _n(width),
        _n(height),
        _n(width),
        _n(height),
        role,
        title,
        title,
        joined(shapes),
    )


def joined(shapes: Iterable[Markup]) -> Markup:
    """Return shapes one after the other."""
    return Markup("").join(shapes)


def group(look: str, shapes: Iterable[Markup]) -> Markup:
    """Return shapes that share a class; spaces keep their words apart when they are read out."""
    return _filled('<g class="%s">%s</g>', look, Markup(" ").join(shapes))


def linked(address: str, content: Markup) -> Markup:
    """Return a shape that leads to an address of ours, under the words that are in it."""
    return _filled('<a href="%s">%s</a>', address, content)


def rect(  # a rectangle has these properties
    x: float, y: float, width: float, height: float, look: str, *, round_: float = 0
) -> Markup:
    """Return a rectangle."""
    return _filled(
        '<rect x="%s" y="%s" width="%s" height="%s" rx="%s" class="%s"/>',
        _n(x),
        _n(y),
        _n(max(width, 0)),
        _n(height),
        _n(round_),
        look,
    )


def line(x1: float, y1: float, x2: float, y2: float, look: str) -> Markup:
    """Return a straight line."""
    return _filled(
        '<line x1="%s" y1="%s" x2="%s" y2="%s" class="%s"/>', _n(x1), _n(y1), _n(x2), _n(y2), look
    )


def circle(x: float, y: float, radius: float, look: str) -> Markup:
    """Return a circle."""
    return _filled('<circle cx="%s" cy="%s" r="%s" class="%s"/>', _n(x), _n(y), _n(radius), look)


def path(data: str, look: str) -> Markup:
    """Return a path; `data` is ours, never a stranger's."""
    return _filled('<path d="%s" class="%s"/>', data, look)


def text(x: float, y: float, words: object, look: str, *, anchor: Anchor = "start") -> Markup:
    """Return one line of text."""
    return _filled(
        '<text x="%s" y="%s" class="%s" text-anchor="%s">%s</text>',
        _n(x),
        _n(y),
        look,
        anchor,
        words,
    )


def _filled(shape: LiteralString, *values: object) -> Markup:
    """Return a shape with its values escaped; `Markup.format` takes ten times as long."""
    return Markup(shape % tuple(map(escape, values)))  # noqa: S704 - ours, and every value is escaped


def _n(value: float) -> str:
    """Return a number without needless digits."""
    return f"{value:.2f}".rstrip("0").rstrip(".") or "0"


def fitted(words: str, most: int) -> str:
    """Return words of at most so many characters; an ellipsis says that some are missing."""
    return words if len(words) <= most else f"{words[: most - 1]}…"
