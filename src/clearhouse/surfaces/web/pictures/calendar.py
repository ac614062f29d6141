"""Who scans what when: one row a lease, targets one below the other, weeks across, today marked.

The axis is time in UTC, linear. What began before it or ends after it is cut at its edge.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from markupsafe import Markup

from clearhouse.surfaces.web.pictures.svg import drawing, fitted, group, line, rect, text

_WIDE, _LEFT, _RIGHT, _ROW, _TOP = 960, 250, 948, 26, 40
_WEEKS = 8
_BEFORE = timedelta(days=7)


@dataclass(frozen=True, kw_only=True, slots=True)
class Bar:
    """One lease as it is drawn."""

    target: str
    label: str
    look: str
    """`held`, `handed-back`, `lapsed` or `withdrawn`."""
    starts: datetime
    until: datetime


def lease_calendar(now: datetime, bars: Sequence[Bar]) -> Markup:
    """Return the calendar; bars of one target stand together, the earliest first."""
    start = (now - _BEFORE).replace(hour=0, minute=0, second=0, microsecond=0)
    end = start + timedelta(weeks=_WEEKS)
    rows = [
        one
        for one in sorted(bars, key=lambda one: (one.target, one.starts))
        if one.starts < end and one.until > start
    ]
    axis = _Axis(start, end)
    height = _TOP + max(1, len(rows)) * _ROW + 12
    shapes = [*_weeks(axis, height)]
    before = ""
    for place, one in enumerate(rows):
        top = _TOP + place * _ROW
        if one.target != before:
            shapes.append(line(0, top, _RIGHT, top, "axis"))
            shapes.append(text(4, top + 17, fitted(one.target, 34), "target"))
            before = one.target
        shapes.append(_bar(axis, one, top))
    x = axis.x(now)
    shapes += [line(x, 24, x, height - 8, "now"), text(x, 18, "now", "now-text", anchor="middle")]
    return drawing(_WIDE, height, _sentence(rows), shapes, look="calendar")


@dataclass(frozen=True, slots=True)
class _Axis:
    start: datetime
    end: datetime

    def x(self, at: datetime) -> float:
        share = (at - self.start) / (self.end - self.start)
        return _LEFT + min(1.0, max(0.0, share)) * (_RIGHT - _LEFT)


def _weeks(axis: _Axis, height: float) -> list[Markup]:
    shapes = []
    for week in range(_WEEKS + 1):
        at = axis.start + timedelta(weeks=week)
        shapes.append(line(axis.x(at), 28, axis.x(at), height - 8, "axis"))
        if week < _WEEKS:
            shapes.append(text(axis.x(at) + 3, 36, f"{at:%d %b}", "axis-text"))
    return shapes


def _bar(axis: _Axis, one: Bar, top: float) -> Markup:
    left, right = axis.x(one.starts), axis.x(one.until)
    shapes = [rect(left, top + 5, max(3, right - left), 16, "bar", round_=3)]
    inside = right - left > 7 * len(one.label)
    place = left + 6 if inside else right + 6
    if not inside and right + 7 * len(one.label) > _RIGHT:
        shapes.append(text(left - 6, top + 17, one.label, "beside", anchor="end"))
    else:
        shapes.append(text(place, top + 17, one.label, "inside" if inside else "beside"))
    return group(one.look, shapes)


def _sentence(rows: Sequence[Bar]) -> str:
    said = [
        f"{one.target}: {one.label}, {one.look}, {one.starts:%Y-%m-%d} to {one.until:%Y-%m-%d}"
        for one in rows
    ]
    return "; ".join(said) or "No leases in these weeks"
