"""Pictures of tools side by side: curves over a budget and over time.

In: numbers. Out: SVG without scripts or styles. A tool has its own colour, dash and mark in every
picture, and its name stands beside its line, so no colour carries meaning alone.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from clearhouse.surfaces.web.pictures.svg import (
    circle,
    drawing,
    fitted,
    group,
    line,
    path,
    rect,
    text,
)

MOST_TOOLS = 6
_LEFT, _TOP, _WIDTH, _HEIGHT, _RIGHT = 56.0, 18.0, 470.0, 230.0, 150.0
_MINUTE, _HOUR = 60.0, 3600.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Curve:
    """One tool's line: position, value, and its interval."""

    label: str
    points: Sequence[tuple[float, float, float, float]]


def look(place: int) -> str:
    """Return the class of a tool's colour."""
    return f"tool-{place % MOST_TOOLS}"


def mark(x: float, y: float, place: int) -> Markup:
    """Return a tool's mark: a circle, a square or a diamond."""
    style = f"mark {look(place)}"
    if place % 3 == 0:
        return circle(x, y, 4.2, style)
    if place % 3 == 1:
        return rect(x - 4, y - 4, 8, 8, style)
    return path(f"M{x:.1f} {y - 5.4:.1f} l5.4 5.4 l-5.4 5.4 l-5.4 -5.4 Z", style)


def budget_picture(curves: Sequence[Curve]) -> Markup:
    """Draw which share of steps is found when so many groups a day are read."""
    ticks = [1, 2, 5, 10, 20, 50, 100, 200]

    def at(groups: float) -> float:
        return _LEFT + _WIDTH * math.log(groups) / math.log(200)

    shapes = _frame([(at(one), str(one)) for one in ticks], "groups an analyst reads a day")
    shapes += _lines(curves, at)
    said = "Share of steps found against groups read a day: " + "; ".join(
        f"{one.label} {one.points[3][1]:.0%} at 10" for one in curves if len(one.points) > 3
    )
    return drawing(_LEFT + _WIDTH + _RIGHT, _TOP + _HEIGHT + 52, said, shapes, look="curves")


def survival_picture(curves: Sequence[Curve], horizon_s: float) -> Markup:
    """Draw which share of attacks is still unseen after so long."""
    ticks = [(1.0, "1 s"), (_MINUTE, "1 min"), (10 * _MINUTE, "10 min"), (_HOUR, "1 h"),
             (6 * _HOUR, "6 h"), (24 * _HOUR, "24 h")]  # fmt: skip

    def at(seconds: float) -> float:
        share = math.log1p(min(seconds, horizon_s)) / math.log1p(horizon_s)
        return _LEFT + _WIDTH * share

    shapes = _frame([(at(one), words) for one, words in ticks], "time since the attack began")
    stepped = [Curve(label=one.label, points=_steps(one.points, horizon_s)) for one in curves]
    shapes += _lines(stepped, at, marks=False)
    said = "Share of attacks still unseen: " + "; ".join(
        f"{one.label} {one.points[-1][1]:.0%} in the end" for one in curves
    )
    return drawing(_LEFT + _WIDTH + _RIGHT, _TOP + _HEIGHT + 52, said, shapes, look="curves")


def _steps(
    points: Sequence[tuple[float, float, float, float]], end: float
) -> list[tuple[float, float, float, float]]:
    made: list[tuple[float, float, float, float]] = []
    for point in points:
        if made:
            made.append((point[0], *made[-1][1:]))
        made.append(point)
    made.append((end, *made[-1][1:]))
    return made


def _frame(ticks: Sequence[tuple[float, str]], words: str) -> list[Markup]:
    bottom = _TOP + _HEIGHT
    shapes: list[Markup] = []
    for step in range(6):
        y = bottom - _HEIGHT * step / 5
        shapes += [
            line(_LEFT, y, _LEFT + _WIDTH, y, "grid"),
            text(_LEFT - 8, y + 4, f"{step / 5:.0%}", "soft", anchor="end"),
        ]
    for x, label in ticks:
        shapes += [
            line(x, bottom, x, bottom + 5, "axis"),
            text(x, bottom + 20, label, "soft", anchor="middle"),
        ]
    shapes.append(text(_LEFT + _WIDTH / 2, bottom + 42, words, "soft", anchor="middle"))
    return shapes


def _lines(
    curves: Sequence[Curve], at: Callable[[float], float], *, marks: bool = True
) -> list[Markup]:
    def up(value: float) -> float:
        return _TOP + _HEIGHT * (1 - value)

    bands, lines = [], []
    for place, curve in enumerate(curves):
        if not curve.points:
            continue
        points = [(at(x), up(y), up(low), up(high)) for x, y, low, high in curve.points]
        upper = " L".join(f"{x:.1f} {high:.1f}" for x, _, _, high in points)
        lower = " L".join(f"{x:.1f} {low:.1f}" for x, _, low, _ in reversed(points))
        bands.append(path(f"M{upper} L{lower} Z", f"band {look(place)}"))
        middle = " L".join(f"{x:.1f} {y:.1f}" for x, y, _, _ in points)
        lines.append(path(f"M{middle}", f"line {look(place)}"))
        if marks:
            lines += [mark(x, y, place) for x, y, _, _ in points]
    return [group("bands", bands), *lines, *_labels(curves, up)]


def _labels(curves: Sequence[Curve], up: Callable[[float], float]) -> list[Markup]:
    """Write each name at its line's end, apart from the others."""
    ends = sorted(
        (up(curve.points[-1][1]), place, curve.label)
        for place, curve in enumerate(curves)
        if curve.points
    )
    shapes, last = [], -math.inf
    for y, place, label in ends:
        last = max(y, last + 19)
        shapes += [
            mark(_LEFT + _WIDTH + 14, last, place),
            text(_LEFT + _WIDTH + 25, last + 4, fitted(label, 17), "label"),
        ]
    return shapes
