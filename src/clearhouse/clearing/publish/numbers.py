"""What this house has brought about, in numbers that its public documents already hold.

In: the newest OSV document of each public advisory. Out: `Numbers`, outcomes first and volume last.
Refused: nothing. What is kept back is in no public document, so it is not counted, not even as a
number; a median of fewer than five says that they are too few. Pure.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import Any, Final

from clearhouse.clearing.publish.record import RECEIVED

FEWEST: Final = 5
"""Below this many, a median says more of one case than of the house."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Wait:
    """How long something took, over several advisories."""

    what: str
    of: int
    """How many advisories say both dates."""
    days: float | None
    """The median; None when they are too few."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Numbers:
    """What may be said in public."""

    advisories: int
    withdrawn: int
    fixed: int
    """Advisories that stand and name a version with a fix."""
    helped: int
    """Advisories that stand, name no fix, and say what helps meanwhile."""
    waits: tuple[Wait, ...]
    thanked: int
    """Different names that were thanked."""
    with_ai: int
    """Advisories that say how AI took part."""
    months: tuple[tuple[str, int], ...]
    """Advisories first published in each month that has any, the newest first."""

    @property
    def standing(self) -> int:
        """Advisories that are not withdrawn."""
        return self.advisories - self.withdrawn


def numbers(documents: Iterable[Mapping[str, Any]]) -> Numbers:
    """Return the numbers of public advisories."""
    found = list(documents)
    stand = [one for one in found if not one.get("withdrawn")]
    fixed = [one for one in stand if _names_a_fix(one)]
    helped = [one for one in stand if _specific(one).get("mitigations") and one not in fixed]
    names = {credit["name"] for one in found for credit in one.get("credits", ())}
    months = Counter(str(one.get("published", ""))[:7] for one in found)
    return Numbers(
        advisories=len(found),
        withdrawn=len(found) - len(stand),
        fixed=len(fixed),
        helped=len(helped),
        waits=(
            _wait("from the first report to the vendor's first word", map(_first_word, found)),
            _wait("from the first report to the advisory", map(_whole, found)),
        ),
        thanked=len(names),
        with_ai=sum("x_gcve" in _specific(one) for one in found),
        months=tuple(sorted(months.items(), reverse=True)),
    )


def _wait(what: str, lengths: Iterable[timedelta | None]) -> Wait:
    days = [one / timedelta(days=1) for one in lengths if one is not None]
    return Wait(what=what, of=len(days), days=median(days) if len(days) >= FEWEST else None)


def _names_a_fix(document: Mapping[str, Any]) -> bool:
    return any(
        "fixed" in event
        for affected in document.get("affected", ())
        for one in affected.get("ranges", ())
        for event in one.get("events", ())
    )


def _first_word(document: Mapping[str, Any]) -> timedelta | None:
    received, later = _timeline(document)
    return later[0] - received if received is not None and later else None


def _whole(document: Mapping[str, Any]) -> timedelta | None:
    received, _ = _timeline(document)
    published = document.get("published")
    return None if received is None or not published else _at(published) - received


def _timeline(document: Mapping[str, Any]) -> tuple[datetime | None, Sequence[datetime]]:
    """Return when the first report came, and when the vendor said something."""
    said = _specific(document).get("timeline", ())
    received = [_at(one["at"]) for one in said if one["what"] == RECEIVED]
    other = sorted(_at(one["at"]) for one in said if one["what"] != RECEIVED)
    return min(received, default=None), other


def _specific(document: Mapping[str, Any]) -> Mapping[str, Any]:
    found = document.get("database_specific")
    return found if isinstance(found, dict) else {}


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text)
