"""One thing that is wrong with a document: where, what, and by which rule."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from clearhouse.formats.strict_json import Json, pointer_step

CLOCK_TOLERANCE: Final = timedelta(minutes=5)
"""How far another clock may be ahead before a date counts as future."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """One fault of a document."""

    place: str
    """JSON pointer to the value (RFC 6901); empty for the document as a whole."""
    reason: str
    rule: str
    """The test, schema or rule that it breaks, for example `csaf 6.1.11`."""

    def __str__(self) -> str:
        return f"{self.place or '/'}: {self.reason} ({self.rule})"


def at(place: str, *steps: str | int) -> str:
    """Return the pointer to something further inside."""
    return place + "".join(f"/{pointer_step(str(step))}" for step in steps)


def instant_of(value: Json) -> datetime | None:
    """Return a date as RFC 3339 writes it; None for anything else."""
    if not isinstance(value, str):
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def future(value: Json, place: str, now: datetime, rule: str) -> Iterator[Fault]:
    """Yield a fault when a date is no date, or lies ahead of the reader's clock."""
    found = instant_of(value)
    if found is None:
        yield Fault(place=place, reason="is no date of RFC 3339", rule=rule)
    elif found > now + CLOCK_TOLERANCE:
        yield Fault(place=place, reason="lies in the future", rule=rule)
