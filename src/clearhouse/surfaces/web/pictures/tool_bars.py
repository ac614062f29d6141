"""Pictures of tools side by side: bars, rows and cells.

In: numbers. Out: SVG without scripts or styles. What could not be measured is drawn as an empty
dashed place with the word, never as 0.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from clearhouse.surfaces.web.pictures.svg import circle, drawing, fitted, line, rect, text
from clearhouse.surfaces.web.pictures.tools import look, mark

_LABEL, _WIDTH, _ROW = 200.0, 430.0, 26.0
_LONGEST = 78


@dataclass(frozen=True, kw_only=True, slots=True)
class Bar:
    """A share with its interval, and what chance would reach."""

    label: str
    tool: int
    value: float | None
    low: float | None = None
    high: float | None = None
    chance: float | None = None
    note: str = ""


def tier_picture(groups: Sequence[tuple[str, Sequence[Bar]]]) -> Markup:
    """Draw shares in groups; a tick shows what chance reaches."""
    return _bar_groups(groups, "Detection by tier; the tick is chance")


def probe_picture(groups: Sequence[tuple[str, Sequence[Bar]]]) -> Markup:
    """Draw shares in groups: with the harmless change, and with the planted one."""
    return _bar_groups(groups, "Right with the harmless and with the planted change")


def _bar_groups(groups: Sequence[tuple[str, Sequence[Bar]]], title: str) -> Markup:
    shapes: list[Markup] = []
    y = 6.0
    said = []
    for heading, bars in groups:
        shapes.append(text(0, y + 13, heading, "label strong"))
        y += _ROW
        for bar in bars:
            shapes += _bar(bar, y)
            value = "not measured" if bar.value is None else f"{bar.value:.0%}"
            said.append(f"{heading}, {bar.label}: {value}")
            y += _ROW
        y += 8
    shapes += _scale(y)
    return drawing(
        _LABEL + _WIDTH + 110, y + 26, f"{title}. {'; '.join(said)}", shapes, look="bars"
    )


def _bar(bar: Bar, y: float) -> list[Markup]:
    shapes = [text(_LABEL - 10, y + 13, fitted(bar.label, 24), "label", anchor="end")]
    if bar.value is None:
        return [
            *shapes,
            rect(_LABEL, y + 2, _WIDTH, 14, "nothing", round_=3),
            text(_LABEL + 8, y + 13, bar.note or "not measured", "soft"),
        ]
    shapes += [
        rect(_LABEL, y + 2, _WIDTH, 14, "track", round_=3),
        rect(_LABEL, y + 2, max(1.5, _WIDTH * bar.value), 14, f"fill {look(bar.tool)}", round_=3),
    ]
    if bar.low is not None and bar.high is not None:
        shapes += _whisker(_LABEL + _WIDTH * bar.low, _LABEL + _WIDTH * bar.high, y + 9)
    if bar.chance is not None:
        x = _LABEL + _WIDTH * bar.chance
        shapes.append(line(x, y - 2, x, y + 20, "chance"))
    words = f"{bar.value:.0%}{f', {bar.note}' if bar.note else ''}"
    shapes.append(text(_LABEL + _WIDTH + 10, y + 14, words, "label"))
    return shapes


def _whisker(low: float, high: float, y: float) -> list[Markup]:
    return [
        line(low, y, high, y, "whisker"),
        line(low, y - 4, low, y + 4, "whisker"),
        line(high, y - 4, high, y + 4, "whisker"),
    ]


def _scale(y: float) -> list[Markup]:
    return [
        text(_LABEL + _WIDTH * step / 4, y + 14, f"{step / 4:.0%}", "soft", anchor="middle")
        for step in range(5)
    ]


@dataclass(frozen=True, kw_only=True, slots=True)
class Load:
    """What one tool makes an analyst read on a quiet day."""

    label: str
    per_day: float
    low: float
    high: float
    parts: Sequence[tuple[str, float]]
    """Kinds and how many groups a day each makes, the most frequent first."""


def load_picture(loads: Sequence[Load]) -> Markup:
    """Draw false alarms a day on a logarithmic scale, with the kinds that make them."""
    most = max([1.0, *(one.high for one in loads)])

    def at(value: float) -> float:
        return _LABEL + _WIDTH * math.log1p(value) / math.log1p(most)

    shapes: list[Markup] = []
    y = 8.0
    for place, one in enumerate(loads):
        shapes.append(text(_LABEL - 10, y + 15, fitted(one.label, 24), "label", anchor="end"))
        done = 0.0
        for number, (_, part) in enumerate(one.parts):
            begin, done = done, done + part
            shapes.append(
                rect(
                    at(begin), y + 3, at(done) - at(begin), 16, f"fill {look(place)} s{number % 4}"
                )
            )
        shapes += [
            rect(at(done), y + 3, at(one.per_day) - at(done), 16, f"fill {look(place)} rest"),
            *_whisker(at(one.low), at(one.high), y + 11),
            text(_LABEL + _WIDTH + 12, y + 15, f"{one.per_day:.3g} a day", "label"),
        ]
        kinds = ", ".join(f"{name} {part:.2g}" for name, part in one.parts[:3])
        shapes.append(text(_LABEL, y + 34, fitted(kinds or "nothing seen", _LONGEST), "soft"))
        y += 50
    for tick in (0, 1, 10, 100, 1000):
        if tick <= most:
            shapes.append(text(at(tick), y + 8, str(tick), "soft", anchor="middle"))
    said = "False alarms a day: " + "; ".join(
        f"{one.label} {one.per_day:.3g}, between {one.low:.2g} and {one.high:.3g}" for one in loads
    )
    return drawing(_LABEL + _WIDTH + 110, y + 22, said, shapes, look="bars")


@dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """How often one tool found one technique; None asked where its logs cannot show it."""

    found: int
    asked: int | None
    width: float
    """Of the interval, from 0 (certain) to 1."""


def heat_picture(tools: Sequence[str], rows: Sequence[tuple[str, Mapping[str, Cell]]]) -> Markup:
    """Draw techniques against tools; pale is uncertain, grey is not visible."""
    width, height, left, top = 128.0, 22.0, 110.0, 40.0
    shapes = [
        text(
            left + width * place + width / 2, 26, fitted(name, 16), "label strong", anchor="middle"
        )
        for place, name in enumerate(tools)
    ]
    for number, (technique, cells) in enumerate(rows):
        y = top + height * number
        shapes.append(text(left - 10, y + 15, technique, "label mono", anchor="end"))
        for place, name in enumerate(tools):
            shapes += _cell(cells.get(name), left + width * place, y, width, height)
    said = f"Techniques found by {', '.join(tools)}: " + "; ".join(
        f"{technique} "
        + " ".join(f"{cells[name].found}/{cells[name].asked}" for name in tools if name in cells)
        for technique, cells in rows
    )
    return drawing(
        left + width * len(tools) + 10, top + height * len(rows) + 8, said, shapes, look="heat"
    )


def _cell(cell: Cell | None, x: float, y: float, width: float, height: float) -> list[Markup]:
    inner = (x + 1.5, y + 1.5, width - 3, height - 3)
    if cell is None or not cell.asked:
        return [
            rect(*inner, "nothing", round_=3),
            text(x + width / 2, y + 15, "not visible", "soft", anchor="middle"),
        ]
    share = cell.found / cell.asked
    shade = min(4, round(share * 4))
    certain = "sure" if cell.width < 0.5 else "unsure"
    return [
        rect(*inner, f"heat-{shade} {certain}", round_=3),
        text(x + width / 2, y + 15, f"{cell.found} of {cell.asked}", "label", anchor="middle"),
    ]


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """One pair of tools."""

    label: str
    value: float
    low: float
    high: float
    words: str
    shown: bool
    """The difference may be called one."""


def forest_picture(rows: Sequence[Difference]) -> Markup:
    """Draw paired differences around none."""
    left, width, row = 256.0, 330.0, 44.0

    def at(value: float) -> float:
        return left + width * (max(-1.0, min(1.0, value)) + 1) / 2

    bottom = 12 + row * len(rows)
    shapes = [line(at(0), 4, at(0), bottom, "threshold")]
    for place, one in enumerate(rows):
        y = 12 + row * place + 12
        state = "estimate" if one.shown else "estimate open"
        shapes += [
            text(left - 12, y + 4, fitted(one.label, 30), "label", anchor="end"),
            *_whisker(at(one.low), at(one.high), y),
            circle(at(one.value), y, 5, state),
            text(left + width + 12, y + 4, f"{one.value:+.0%}", "label"),
            text(left, y + 22, one.words, "soft"),
        ]
    for step in (-1.0, -0.5, 0.0, 0.5, 1.0):
        shapes.append(text(at(step), bottom + 18, f"{step:+.0%}", "soft", anchor="middle"))
    said = "Paired differences: " + "; ".join(
        f"{one.label} {one.value:+.0%}, between {one.low:+.0%} and {one.high:+.0%}: {one.words}"
        for one in rows
    )
    return drawing(left + width + 80, bottom + 26, said, shapes, look="forest")


@dataclass(frozen=True, kw_only=True, slots=True)
class Point:
    """One tool's cost and quality."""

    label: str
    seconds: float
    found: float
    money: float | None


def cost_picture(points: Sequence[Point]) -> Markup:
    """Draw what was found against the time it took; money stands in words."""
    left, top, width, height = 56.0, 18.0, 430.0, 190.0
    most = max([1.0, *(one.seconds for one in points)]) * 1.6
    least = min([0.1, *(one.seconds for one in points if one.seconds > 0)])
    scale = math.log(most / least)

    def at(seconds: float) -> float:
        return left + width * math.log(max(seconds, least) / least) / scale

    bottom = top + height
    shapes = [line(left, bottom, left + width, bottom, "axis")]
    for step in range(6):
        y = bottom - height * step / 5
        shapes += [
            line(left, y, left + width, y, "grid"),
            text(left - 8, y + 4, f"{step / 5:.0%}", "soft", anchor="end"),
        ]
    exponent = math.ceil(math.log10(least))
    while 10**exponent <= most:
        shapes.append(
            text(at(10**exponent), bottom + 20, f"{10**exponent:g} s", "soft", anchor="middle")
        )
        exponent += 1
    for place, one in enumerate(points):
        x, y = at(one.seconds), bottom - height * one.found
        money = "" if one.money is None else f", {one.money:.2f} paid"
        shapes += [mark(x, y, place), text(x + 10, y + 4, f"{one.label}{money}", "label")]
    shapes.append(text(left + width / 2, bottom + 42, "time for one run", "soft", anchor="middle"))
    said = "Steps found against time: " + "; ".join(
        f"{one.label} {one.found:.0%} in {one.seconds:.2g} s" for one in points
    )
    return drawing(left + width + 150, bottom + 52, said, shapes, look="curves")
