"""The clocks that run beside a case: appeals, the Cyber Resilience Act, transparency, forensics.

In: a case, the policy and the instant. Out: one `Deadline` a clock that concerns the case, the
earliest first, each with whose it is, when it ends and whether it was met. Refused: a policy with
an unknown field or a clock without a length. A clock whose start has not happened is shown as
waiting.
Source: the policy names each clock's own; business days by `business_days`.
"""

from collections.abc import Container, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field, TypeAdapter

from clearhouse.clearing.coordinate import business_days
from clearhouse.clearing.coordinate.record import Case
from clearhouse.kernel import policy

_CLOSED = ConfigDict(extra="forbid", populate_by_name=True)


class Begins(StrEnum):
    """What a clock counts from."""

    RECEIVED = "received"
    EXPLOITED = "exploited"
    """The later of the first exploitation known and the receipt of the report."""
    FIX_RELEASED = "fix-released"
    APPEALED = "appealed"


@dataclass(frozen=True, kw_only=True, slots=True)
class Clock:
    """One clock of the policy."""

    __pydantic_config__: ClassVar[ConfigDict] = _CLOSED

    id: str
    whose: str
    begins: Annotated[Begins, Field(alias="from")]
    sentence: str
    source: str
    hours: Annotated[int, Field(gt=0, le=24 * 366)] | None = None
    business_days: Annotated[int, Field(gt=0, le=260)] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ClockPolicy:
    """One version of the policy."""

    __pydantic_config__: ClassVar[ConfigDict] = _CLOSED

    id: str
    version: int
    since: date
    calendar: str
    clocks: tuple[Clock, ...]

    @property
    def name(self) -> str:
        """Id and version, as decisions cite them."""
        return f"{self.id}/{self.version}"


class Standing(StrEnum):
    """How a deadline stands."""

    WAITING = "waiting"
    RUNNING = "running"
    MET = "met"
    MET_LATE = "met-late"
    MISSED = "missed"


@dataclass(frozen=True, kw_only=True, slots=True)
class Deadline:
    """One clock of one case."""

    id: str
    """The clock, and for appeals also which."""
    whose: str
    sentence: str
    source: str
    standing: Standing
    due_at: datetime | None
    """UTC; None while its start has not happened."""
    met_at: datetime | None


def parse(document: object) -> ClockPolicy:
    """Turn a policy document into a record.

    Raises: pydantic.ValidationError; ValueError for a clock without exactly one length.
    """
    found = TypeAdapter(ClockPolicy).validate_python(document)
    for clock in found.clocks:
        if (clock.hours is None) == (clock.business_days is None):
            raise ValueError(f"clock {clock.id} needs either hours or business days")
    return found


def in_force() -> ClockPolicy:
    """Return the policy in force."""
    return parse(policy.load("clocks/clearhouse-1"))


def deadlines(case: Case, rules: ClockPolicy, at: datetime) -> tuple[Deadline, ...]:
    """Return every clock that concerns a case, the earliest first, those that wait last."""
    off = business_days.calendar(rules.calendar)
    found = [one for clock in rules.clocks for one in _of(clock, case, off, at)]
    return tuple(sorted(found, key=lambda one: (one.due_at is None, one.due_at, one.id)))


def _of(clock: Clock, case: Case, off: Container[date], at: datetime) -> Iterator[Deadline]:
    if clock.begins is Begins.APPEALED:
        for number, appeal in enumerate(case.appeals):
            first = clock.id == "appeal-acknowledge"
            met = appeal.acknowledged_at if first else appeal.resolved_at
            yield _deadline(clock, f"{clock.id}:{number}", appeal.at, met, off, at)
        return
    facts = case.embargo.facts
    start = {
        Begins.RECEIVED: facts.received_at,
        Begins.EXPLOITED: None
        if facts.exploited_since is None
        else max(facts.exploited_since, facts.received_at),
        Begins.FIX_RELEASED: facts.fix_released_at if facts.exploited_since else None,
    }[clock.begins]
    if start is None and facts.exploited_since is None:
        return  # nobody owes a report of a flaw that nobody exploits
    met = min((one.at for one in case.met if one.clock == clock.id), default=None)
    yield _deadline(clock, clock.id, start, met, off, at)


def _deadline(
    clock: Clock,
    id_: str,
    start: datetime | None,
    met: datetime | None,
    off: Container[date],
    at: datetime,
) -> Deadline:
    due = None
    if start is not None and clock.hours is not None:
        due = start + timedelta(hours=clock.hours)
    elif start is not None and clock.business_days is not None:
        due = business_days.after(start, clock.business_days, off)
    return Deadline(
        id=id_,
        whose=clock.whose,
        sentence=clock.sentence,
        source=clock.source,
        standing=_standing(due, met, at),
        due_at=due,
        met_at=met,
    )


def _standing(due: datetime | None, met: datetime | None, at: datetime) -> Standing:
    if met is not None:
        return Standing.MET if due is None or met <= due else Standing.MET_LATE
    if due is None:
        return Standing.WAITING
    return Standing.RUNNING if at <= due else Standing.MISSED
