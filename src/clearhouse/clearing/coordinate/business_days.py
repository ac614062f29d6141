"""Days on which somebody can be expected to work.

In: an instant, a number of business days and the country whose holidays count. Out: the instant so
many business days later, at the same time of day in UTC. Refused with `CalendarError`: a country
that the calendar does not know. A clock that starts on a weekend or a holiday starts with the next
business day.
Library: holidays (docs/adr/0001-tools-and-dependencies.md).
"""

from collections.abc import Container
from datetime import UTC, date, datetime, timedelta
from functools import cache

import holidays

_FRIDAY = 4


class CalendarError(ValueError):
    """The policy names a country whose holidays are not known."""


@cache
def calendar(country: str) -> Container[date]:
    """Return the public holidays of a country by its ISO 3166-1 code; an empty one has none.

    Raises: CalendarError.
    """
    if not country:
        return frozenset()
    try:
        return holidays.country_holidays(country)
    except NotImplementedError as error:
        raise CalendarError("no holidays are known of this country") from error


def after(start: datetime, days: int, off: Container[date]) -> datetime:
    """Return the instant so many business days later, on a business day."""
    at = start.astimezone(UTC)
    while not _works(at.date(), off):
        at += timedelta(days=1)
    for _ in range(days):
        at += timedelta(days=1)
        while not _works(at.date(), off):
            at += timedelta(days=1)
    return at


def _works(day: date, off: Container[date]) -> bool:
    return day.weekday() <= _FRIDAY and day not in off
