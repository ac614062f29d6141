"""How fast a party is handed new cases: nobody is flooded, and nothing is held back silently.

In: the policy, what the party itself said, when it was handed cases, whether this one is urgent.
Out: when it is handed over, and which rule holds it back until then. What is exploited, or has a
public exploit, always goes at once. Nothing is ever dropped.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field, TypeAdapter

from clearhouse.clearing.coordinate.embargo import EmbargoFacts
from clearhouse.kernel import policy


@dataclass(frozen=True, kw_only=True, slots=True)
class PacingPolicy:
    """One version of the policy."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    id: str
    version: int
    since: date
    cases_per_week: Annotated[int, Field(ge=0, le=1000)]
    window_days: Annotated[int, Field(ge=1, le=365)]
    always: tuple[str, ...]
    source: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Wish:
    """What a party said of itself; None where it said nothing."""

    cases_per_week: int | None = None
    paused_until: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Turn:
    """When something is handed over."""

    at: datetime
    held_because: str | None
    """None when it goes at once."""


_PATIENCE = timedelta(days=365)
"""How long a party that wants none at all is left in peace, before somebody looks again."""


def parse(document: object) -> PacingPolicy:
    """Turn a policy document into a record.

    Raises: pydantic.ValidationError.
    """
    return TypeAdapter(PacingPolicy).validate_python(document)


def in_force() -> PacingPolicy:
    """Return the policy in force."""
    return parse(policy.load("pacing/clearhouse-1"))


def is_urgent(rules: PacingPolicy, facts: EmbargoFacts) -> bool:
    """Return whether a case goes at once, whatever the number."""
    known = {
        "exploited": facts.exploited_since is not None,
        "exploit-public": facts.exploit_public_since is not None,
    }
    return any(known.get(name, False) for name in rules.always)


def turn(
    rules: PacingPolicy,
    wish: Wish,
    earlier: Sequence[datetime],
    *,
    urgent: bool,
    now: datetime,
) -> Turn:
    """Return when the next case may be handed over; `earlier` are the turns that others have."""
    if urgent:
        return Turn(at=now, held_because=None)
    most = rules.cases_per_week if wish.cases_per_week is None else wish.cases_per_week
    start = max(now, wish.paused_until or now)
    reason = "the party paused" if start > now else None
    if most == 0:
        return Turn(at=start + _PATIENCE, held_because="the party takes no new cases")
    window = timedelta(days=rules.window_days)
    taken = sorted(at for at in earlier if at > start - window)
    if len(taken) >= most:
        # So many have their turn in the last window; the next is a window after the first of them.
        start = max(start, taken[-most] + window)
        reason = f"{most} new cases in {rules.window_days} days are enough for this party"
    return Turn(at=start, held_because=reason)
