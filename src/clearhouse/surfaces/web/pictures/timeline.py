"""When an embargo ends, and what every other rule would have said.

One row a rule that gives an instant, the winner's line drawn through, today marked. The axis is
time in UTC, linear, from the receipt of the report to the latest instant.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from markupsafe import Markup

from clearhouse.surfaces.web.pictures.svg import Anchor, circle, drawing, group, line, text

_WIDE, _LEFT, _RIGHT, _ROW, _TOP = 640, 12, 628, 34, 40


@dataclass(frozen=True, kw_only=True, slots=True)
class RuleInstant:
    """What one rule says about the end."""

    rule: str
    instant: datetime
    won: bool


def embargo_timeline(received: datetime, now: datetime, rules: Sequence[RuleInstant]) -> Markup:
    """Return the timeline; rules are sorted by their instant, the earliest on top."""
    ordered = sorted(rules, key=lambda rule: (rule.instant, not rule.won, rule.rule))
    # A rule that says a year must not press all others into the first pixels.
    axis = _Axis(received, _horizon(received, now, ordered))
    height = _TOP + len(ordered) * _ROW + 26
    shapes = [*_frame(axis, received, now, height)]
    for place, rule in enumerate(ordered):
        shapes.append(_row(axis, rule, _TOP + place * _ROW))
    return drawing(_WIDE, height, _sentence(received, now, ordered), shapes, look="timeline")


@dataclass(frozen=True, slots=True)
class _Axis:
    start: datetime
    end: datetime

    def x(self, at: datetime) -> float:
        share = (at - self.start) / (self.end - self.start)
        return _LEFT + min(1.0, max(0.0, share)) * (_RIGHT - _LEFT)

    def holds(self, at: datetime) -> bool:
        return self.start <= at <= self.end


def _horizon(received: datetime, now: datetime, rules: Sequence[RuleInstant]) -> datetime:
    """Return where the axis ends: after today and the winner, at most three times as far."""
    winner = next((rule.instant for rule in rules if rule.won), received)
    near = max(now, winner)
    latest = max([near, *(rule.instant for rule in rules)])
    span = (near - received) * 3
    end = min(latest, received + span)
    # Room for the last mark, and never an empty axis.
    return end + max((end - received) * 0.04, timedelta(hours=1))


def _frame(axis: _Axis, received: datetime, now: datetime, height: float) -> list[Markup]:
    floor = height - 24
    now_x = axis.x(now)
    anchor: Anchor = "start" if now_x < 80 else "end" if now_x > _RIGHT - 40 else "middle"
    return [
        line(_LEFT, floor, _RIGHT, floor, "axis"),
        line(_LEFT, 24, _LEFT, floor, "axis"),
        text(_LEFT, height - 8, f"received {_day(received)}", "axis-text"),
        text(_RIGHT, height - 8, _day(axis.end), "axis-text", anchor="end"),
        line(now_x, 24, now_x, floor, "now"),
        text(now_x, 16, "now", "now-text", anchor=anchor),
    ]


def _row(axis: _Axis, rule: RuleInstant, top: float) -> Markup:
    x, y = axis.x(rule.instant), top + 22
    beyond = "" if axis.holds(rule.instant) else " →"
    label = f"{rule.rule} · {_day(rule.instant)}{beyond}"
    shapes = [
        line(_LEFT, y, x, y, "span"),
        circle(x, y, 5 if rule.won else 4, "dot"),
        text(_LEFT + 6, y - 7, label, "rule-name"),
    ]
    return group("won" if rule.won else "other", shapes)


def _sentence(received: datetime, now: datetime, rules: Sequence[RuleInstant]) -> str:
    said = [f"{r.rule} {'wins with' if r.won else 'says'} {_day(r.instant)}" for r in rules]
    return f"Received {_day(received)}, today {_day(now)}. " + "; ".join(said)


def _day(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d")
