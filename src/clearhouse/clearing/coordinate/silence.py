"""How long a party has said nothing, and what is due next.

In: a case, one of its parties, the policy, when it was last heard, and the instant. Out: a
`Silence`: which step is due and when, whether it is late, and, when the time for waiting is over,
the ways on from which a person chooses. Refused: nothing. Any word of the party sets the clock
back; an attempt that nobody wrote down did not happen.
Source: Akrites upstream engagement guidelines, contact attempt log (T0, +5, +10, +15 business
days).
"""

from collections.abc import Container
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from clearhouse.clearing.coordinate import business_days
from clearhouse.clearing.coordinate.contact_policy import ContactPolicy, LastResort
from clearhouse.clearing.coordinate.record import Attempt, Case, Party


class Quiet(StrEnum):
    """Where the clock stands."""

    NOT_CONTACTED = "not-contacted"
    WAITING = "waiting"
    STEP_DUE = "step-due"
    DECISION_DUE = "decision-due"
    ANSWERED = "answered"


@dataclass(frozen=True, kw_only=True, slots=True)
class Silence:
    """The clock of one party."""

    party: str
    state: Quiet
    since: datetime | None
    """When the first attempt was made that nobody has answered; None without one."""
    attempts: int
    """Attempts since the last word."""
    next_step: str | None
    """What is to be done next, in words; None when nothing is."""
    due_at: datetime | None
    decision_at: datetime | None
    """When waiting is over."""
    last_resort: tuple[LastResort, ...]
    """The ways on, once waiting is over."""


def silence(
    case: Case,
    party: Party,
    rules: ContactPolicy,
    off: Container[date],
    at: datetime,
    *,
    heard: datetime | None = None,
) -> Silence:
    """Return where the clock of a party stands; `heard` is its latest message in a thread."""
    words = [one.at for one in case.verdicts if one.party == party.id]
    words += [one.at for one in case.answers if one.party == party.id]
    words += [one.at for one in case.statuses if one.vendor == party.id]
    last = max((*words, *([heard] if heard else [])), default=None)
    open_ones = [
        one for one in case.attempts if one.party == party.id and (last is None or one.at > last)
    ]
    if not open_ones:
        return _not_waiting(party, rules, case.opened_at, answered=last is not None)
    return _waiting(party, rules, off, at, open_ones)


def _not_waiting(
    party: Party, rules: ContactPolicy, opened_at: datetime, *, answered: bool
) -> Silence:
    return Silence(
        party=party.id,
        state=Quiet.ANSWERED if answered else Quiet.NOT_CONTACTED,
        since=None,
        attempts=0,
        next_step=None if answered else rules.steps[0].sentence,
        due_at=None if answered else opened_at,
        decision_at=None,
        last_resort=(),
    )


def _waiting(
    party: Party,
    rules: ContactPolicy,
    off: Container[date],
    at: datetime,
    attempts: list[Attempt],
) -> Silence:
    since = min(one.at for one in attempts)
    decision = since + timedelta(days=rules.decision_days)
    # The first attempt of a series is the first step.
    following = rules.steps[len(attempts)] if len(attempts) < len(rules.steps) else None
    due = None
    if following is not None:
        due = business_days.after(since, following.business_days, off)
    state = Quiet.WAITING
    if at >= decision:
        state = Quiet.DECISION_DUE
    elif due is not None and at >= due:
        state = Quiet.STEP_DUE
    return Silence(
        party=party.id,
        state=state,
        since=since,
        attempts=len(attempts),
        next_step=None if following is None else following.sentence,
        due_at=due,
        decision_at=decision,
        last_resort=rules.last_resort if state is Quiet.DECISION_DUE else (),
    )
