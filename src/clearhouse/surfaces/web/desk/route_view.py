"""The counts of the rooms, as the route picture and the numbers of the day show them.

In: `route.survey`, which counts only what the actor may see. Out: one `RoomCount` a room and the
numbers of the day. Pure.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from clearhouse.clearing.route import ROUTE
from clearhouse.surfaces.web.pictures.route import RoomCount

Survey = Mapping[str, Mapping[str, int]]

_OUT = {
    "deconflict": ("leases", "leases", "owed", "/leases"),
    "intake": ("reports", "reports", "waiting", "/reports"),
    "match": ("findings", "findings", "suggested", "/decide"),
    "validate": ("verdicts", None, "examinations waiting", "/#queue"),
    "prioritize": ("prioritized", None, None, "/#queue"),
    "coordinate": ("cases", "cases", "due", "/cases"),
    "publish": ("advisories", "advisories", "held", "/releases"),
    "deliver": ("acknowledged", "reached", None, "/reach"),
}
"""For each room: what comes out in words, under which name it is counted (None: every kind
together), under which name what waits is counted, and where it is looked at."""
_WAITED = ("waited_s", "examinations waited_s")


@dataclass(frozen=True, kw_only=True, slots=True)
class Number:
    """One number of the day."""

    value: int | None
    """None while it is being counted."""
    what: str
    look: str = ""


def room_counts(survey: Survey) -> list[RoomCount]:
    """Return what the route picture shows, in the order of the route."""
    return [_room(room.name, survey.get(room.name, {})) for room in ROUTE]


def tally(counts: Survey | None) -> list[Number]:
    """Return the numbers that an analyst reads first; without counts they are not known yet."""
    survey = counts or {}
    numbers = _numbers(survey)
    return numbers if counts is not None else [replace(one, value=None) for one in numbers]


def _numbers(survey: Survey) -> list[Number]:
    intake, match = survey.get("intake", {}), survey.get("match", {})
    verdicts, cases = survey.get("validate", {}), survey.get("coordinate", {})
    return [
        _number(intake, "reports", "reports"),
        _number(match, "findings", "findings"),
        _number(match, "merged", "joined with another"),
        _number(match, "suggested", "pairs to decide", "warn"),
        _number(verdicts, "contradicted", "contradicted", "bad"),
        _number(verdicts, "reproduced", "reproduced", "good"),
        _number(verdicts, "examinations waiting", "to be examined", "warn"),
        _number(cases, "cases", "cases"),
        _number(cases, "embargoed", "under embargo"),
        _number(survey.get("publish", {}), "advisories", "advisories", "good"),
    ]


def _number(counts: Mapping[str, int], key: str, what: str, look: str = "") -> Number:
    """Return one number; its colour shows only when there is something to see."""
    value = counts.get(key, 0)
    return Number(value=value, what=what, look=look if value else "")


def _room(name: str, counts: Mapping[str, int]) -> RoomCount:
    what, key, waits, address = _OUT[name]
    # A room that counts nothing yet has no number, which is not 0.
    kinds = [count for kind, count in counts.items() if not kind.startswith("examinations ")]
    count = sum(kinds) if key is None and counts else counts.get(key or "")
    waiting = counts.get(waits, 0) if waits else 0
    waited = next((counts[one] for one in _WAITED if one in counts), None)
    return RoomCount(
        room=name,
        what=what,
        count=count,
        waiting=waiting,
        oldest=timedelta(seconds=waited) if waiting and waited is not None else None,
        address=address,
    )
