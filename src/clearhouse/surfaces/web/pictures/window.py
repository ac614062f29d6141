"""A window of early access as a line of time, and what is left of a budget as a bar."""

from datetime import UTC, datetime

from markupsafe import Markup

from clearhouse.access.offer.record import Times
from clearhouse.surfaces.web.pictures.svg import Anchor, circle, drawing, line, rect, text

_WIDE, _LEFT, _RIGHT, _FLOOR = 640, 12, 628, 58


def window_timeline(times: Times, now: datetime, closed_at: datetime | None) -> Markup:
    """Return government, partners and hard stop on one axis, with the present instant."""
    span = (times.closes_at - times.opens_at).total_seconds() or 1.0

    def x(at: datetime) -> float:
        share = (at - times.opens_at).total_seconds() / span
        return _LEFT + min(1.0, max(0.0, share)) * (_RIGHT - _LEFT)

    end = closed_at or times.closes_at
    middle = x(times.partners_from)
    shapes = [
        line(_LEFT, _FLOOR, _RIGHT, _FLOOR, "axis"),
        line(_LEFT, _FLOOR, x(min(max(now, times.opens_at), end)), _FLOOR, "span used"),
        circle(_LEFT, _FLOOR, 5, "dot"),
        circle(middle, _FLOOR, 5, "dot"),
        circle(_RIGHT, _FLOOR, 5, "dot"),
        text(_LEFT, _FLOOR + 20, f"opens {_day(times.opens_at)}", "axis-text"),
        text(_RIGHT, _FLOOR + 20, f"hard stop {_day(times.closes_at)}", "axis-text", anchor="end"),
        text(middle, _FLOOR - 12, f"partners {_day(times.partners_from)}", "rule-name",
             anchor=_anchor(middle)),
        line(x(now), 14, x(now), _FLOOR, "now"),
        text(x(now), 12, "now", "now-text", anchor=_anchor(x(now))),
    ]  # fmt: skip
    said = (
        f"Opens {_day(times.opens_at)}, partners from {_day(times.partners_from)}, hard stop "
        f"{_day(times.closes_at)}, now {_day(now)}"
    )
    return drawing(_WIDE, _FLOOR + 30, said, shapes, look="timeline")


def budget_bar(used: int, budget: int) -> Markup:
    """Return how much of a token budget is used."""
    share = min(1.0, used / budget) if budget else 1.0
    shapes = [rect(0, 0, 120, 8, "track", round_=4), rect(0, 0, 120 * share, 8, "for", round_=4)]
    return drawing(120, 8, f"{share:.0%} of the budget used", shapes, look="weight")


def _anchor(x: float) -> Anchor:
    return "start" if x < 80 else "end" if x > _RIGHT - 80 else "middle"


def _day(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d")
