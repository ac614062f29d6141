"""When advisories are due: one column a week, one row a weekday, and how many on each day.

In: the day it is, and how many are due on which day. Out: a picture of twelve weeks, the first
of them this one. What is due later is not drawn.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date, timedelta

from markupsafe import Markup

from clearhouse.surfaces.web.pictures.svg import drawing, line, rect, text

WEEKS = 12
_CELL, _LEFT, _TOP, _GAP = 40, 40, 22, 3
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def last_day(today: date) -> date:
    """Return the last day that the calendar shows."""
    return _monday(today) + timedelta(days=7 * WEEKS - 1)


def release_calendar(today: date, due: Mapping[date, int]) -> Markup:
    """Return the calendar; days are in UTC."""
    counts = Counter(due)
    monday = _monday(today)
    days = [monday + timedelta(days=place) for place in range(7 * WEEKS)]
    listed = [f"{day:%Y-%m-%d}: {counts[day]}" for day in days if counts[day]]
    title = f"Releases due: {', '.join(listed) or 'none'}"
    shapes = [*_names(days), *(one for day in days for one in _cell(day, monday, today, counts))]
    return drawing(_LEFT + WEEKS * _CELL + 2, _TOP + 7 * _CELL + 2, title, shapes, look="releases")


def _monday(today: date) -> date:
    return today - timedelta(days=today.weekday())


def _names(days: list[date]) -> Iterator[Markup]:
    for place, name in enumerate(_DAYS):
        yield text(0, _TOP + place * _CELL + 24, name, "soft")
    for week in range(0, WEEKS, 2):
        yield text(_LEFT + week * _CELL, 14, f"{days[7 * week]:%d %b}", "axis-text")


def _cell(day: date, monday: date, today: date, counts: Counter[date]) -> Iterator[Markup]:
    week, row = divmod((day - monday).days, 7)
    x, y, size = _LEFT + week * _CELL, _TOP + row * _CELL, _CELL - _GAP
    count = counts[day]
    look = "past" if day < today else "due" if count else "free"
    yield rect(x, y, size, size, look, round_=4)
    if count:
        yield text(x + size / 2, y + 24, count, "count", anchor="middle")
    if day == today:
        yield line(x, y + size + 1, x + size, y + size + 1, "now")
