"""Pictures of a determination: intervals against their lines, and operating curves.

In: numbers. Out: SVG without scripts or styles. What is decided is drawn thick, what is only shown
thin; a line is the threshold, dashes the alert line.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from clearhouse.surfaces.web.pictures.svg import circle, drawing, line, path, rect, text

_LEFT, _WIDTH, _ROW, _TOP = 210.0, 420.0, 34.0, 26.0
_LONGEST_LABEL = 30


@dataclass(frozen=True, kw_only=True, slots=True)
class IntervalRow:
    """One estimate."""

    label: str
    value: float
    low: float
    high: float
    threshold: float | None
    alert: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class CurveLine:
    """One operating curve: true rates and the probabilities of both outcomes."""

    label: str
    threshold: float
    points: Sequence[tuple[float, float, float]]


def interval_picture(rows: Sequence[IntervalRow]) -> Markup:
    """Draw intervals one below the other on a common scale."""
    most = max([1.0, *(row.high for row in rows), *(row.threshold or 0.0 for row in rows)])

    def at(value: float) -> float:
        return _LEFT + _WIDTH * min(1.0, max(0.0, value / most))

    bottom = _TOP + _ROW * len(rows)
    shapes = [line(_LEFT, bottom, _LEFT + _WIDTH, bottom, "axis")]
    for step in range(6):
        value = most * step / 5
        shapes += [
            line(at(value), bottom, at(value), bottom + 5, "axis"),
            text(at(value), bottom + 20, f"{value:.3g}", "soft", anchor="middle"),
        ]
    for place, row in enumerate(rows):
        y = _TOP + _ROW * place + _ROW / 2
        shapes += [text(_LEFT - 12, y + 4, _short(row.label), "label", anchor="end")]
        if row.alert is not None:
            shapes += [line(at(row.alert), y - 12, at(row.alert), y + 12, "alert-line")]
        if row.threshold is not None:
            shapes += [line(at(row.threshold), y - 14, at(row.threshold), y + 14, "threshold")]
        shapes += [
            rect(at(row.low), y - 4, max(2.0, at(row.high) - at(row.low)), 8, "interval", round_=4),
            circle(at(row.value), y, 5, "estimate"),
        ]
    said = "; ".join(
        f"{row.label}: {row.value:.3g}, between {row.low:.3g} and {row.high:.3g}"
        + (f", threshold {row.threshold:.3g}" if row.threshold is not None else "")
        for row in rows
    )
    return drawing(_LEFT + _WIDTH + 30, bottom + 28, said, shapes, look="intervals")


def curve_picture(curve: CurveLine) -> Markup:
    """Draw P(COVERED) and the score side of P(NOT_COVERED) against the true rate."""
    width, height, left, top = 460.0, 220.0, 52.0, 14.0

    def at(rate: float, chance: float) -> tuple[float, float]:
        return left + width * rate, top + height * (1 - chance)

    shapes = [
        line(left, top + height, left + width, top + height, "axis"),
        line(left, top, left, top + height, "axis"),
        line(*at(curve.threshold, 0), *at(curve.threshold, 1), "threshold"),
    ]
    for step in range(6):
        x, y = at(step / 5, step / 5)
        shapes += [
            text(x, top + height + 18, f"{step / 5:.1f}", "soft", anchor="middle"),
            text(left - 8, y + 4, f"{step / 5:.0%}", "soft", anchor="end"),
        ]
    for which, look in ((1, "covered"), (2, "not-covered")):
        points = [at(point[0], point[which]) for point in curve.points]
        steps = " L".join(f"{x:.1f} {y:.1f}" for x, y in points)
        shapes += [path(f"M{steps}", look)]
    shapes += [
        text(
            left + width / 2, top + height + 38, "true rate of one attempt", "soft", anchor="middle"
        )
    ]
    said = (
        f"{curve.label}: probability of COVERED and of staying below, against the true rate; "
        f"threshold {curve.threshold:.3g}"
    )
    return drawing(left + width + 20, top + height + 46, said, shapes, look="curve")


def _short(label: str) -> str:
    return label if len(label) <= _LONGEST_LABEL else f"{label[: _LONGEST_LABEL - 1]}…"
