"""What one person may not do alone in a case, as functions from a case to the next.

In: a case and what somebody asks for, grants, refuses or reviews. Out: the next case, or `Refused`
with the reason. Refused: granting one's own request, a second decision on the same one, an
exception that the policy does not know or that lasts too long, whoever has a conflict of interest.
An emergency read-in is given by one person, ends by itself, and gets a second look afterwards.
"""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field, TypeAdapter

from clearhouse.clearing.coordinate import transitions
from clearhouse.clearing.coordinate.embargo import Waiver
from clearhouse.clearing.coordinate.embargo_policy import EmbargoPolicy
from clearhouse.clearing.coordinate.machine import Refused
from clearhouse.clearing.coordinate.record import (
    Case,
    Conflict,
    Participant,
    Request,
    Review,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class ExceptionPolicy:
    """Which rules of the embargo policy two persons may set aside; `policies/exceptions/`."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    id: str
    version: int
    since: date
    rules: tuple[str, ...]
    bars: tuple[str, ...]
    longest_days: Annotated[int, Field(gt=0, le=365)]
    source: str

    @property
    def name(self) -> str:
        """Id and version, as decisions cite them."""
        return f"{self.id}/{self.version}"


def parse_exceptions(document: object) -> ExceptionPolicy:
    """Turn a policy document into a record.

    Raises: pydantic.ValidationError.
    """
    return TypeAdapter(ExceptionPolicy).validate_python(document)


def ask_read_in(case: Case, wanted: Participant) -> Case | Refused:
    """Ask that somebody be let in; refused at once is what could never be granted."""
    possible = transitions.read_in(case, wanted)
    if isinstance(possible, Refused):
        return possible
    if any(
        one.read_in is not None and one.read_in.actor == wanted.actor and one.granted is None
        for one in case.requests
    ):
        return Refused(code="asked-twice", reason="this read-in waits for a second person already")
    return _with_request(
        case, wanted.approved_by[0], wanted.read_in_at, wanted.reason or "", wanted
    )


def ask_exception(
    case: Case, waiver: Waiver, rules: ExceptionPolicy, *, by: str, at: datetime, reason: str
) -> Case | Refused:
    """Ask that a rule of the embargo policy be set aside until an instant."""
    if not reason.strip():
        return Refused(code="no-reason", reason="an exception needs its reason")
    if waiver.rule not in (*rules.rules, *rules.bars):
        why = f"{rules.name} lets nobody of this house set {waiver.rule} aside"
        return Refused(code="no-exception", reason=why)
    if waiver.until <= at:
        return Refused(code="date-in-the-past", reason="an exception ends after it is asked for")
    if waiver.until > at + timedelta(days=rules.longest_days):
        why = f"an exception lasts at most {rules.longest_days} days ({rules.name})"
        return Refused(code="too-long", reason=why)
    return _with_request(case, by, at, reason, waiver)


def decide(
    case: Case,
    number: int,
    policy: EmbargoPolicy,
    *,
    by: str,
    at: datetime,
    granted: bool,
    because: str,
) -> Case | Refused:
    """Grant or refuse what somebody else asked for; a granted one takes effect at this instant."""
    if not 0 <= number < len(case.requests):
        return Refused(code="no-such-request", reason="nothing of that number was asked for")
    asked = case.requests[number]
    if asked.granted is not None:
        return Refused(code="decided", reason="this was decided already")
    concerned = asked.read_in.actor if asked.read_in is not None else None
    if by in {asked.by, concerned}:
        return Refused(code="second-person", reason="this needs a second person")
    if case.has_conflict(by):
        return Refused(code="conflict", reason="a conflict of interest keeps this actor out")
    decided = replace(asked, decided_by=by, decided_at=at, granted=granted, because=because)
    after = replace(case, requests=(*case.requests[:number], decided, *case.requests[number + 1 :]))
    return _granted(after, asked, policy, by, at) if granted else after


def _granted(
    case: Case, asked: Request, policy: EmbargoPolicy, by: str, at: datetime
) -> Case | Refused:
    if asked.read_in is not None:
        both = (*asked.read_in.approved_by, by)
        return transitions.read_in(case, replace(asked.read_in, approved_by=both, read_in_at=at))
    if asked.waiver is None:
        return Refused(code="no-such-request", reason="nothing was asked for")
    return transitions.set_aside(case, asked.waiver, policy, at)


def let_in_alone(case: Case, participant: Participant, *, review_by: datetime) -> Case | Refused:
    """Let somebody in on one person's word; it ends by itself and is reviewed afterwards."""
    if not (participant.reason or "").strip():
        return Refused(code="no-reason", reason="an emergency needs its reason")
    return transitions.read_in(case, replace(participant, review=Review(due_at=review_by)))


def review(
    case: Case, number: int, *, by: str, at: datetime, upheld: bool, because: str
) -> Case | Refused:
    """Say afterwards whether an emergency read-in was right; one that was not ends at once."""
    found = case.participants[number] if 0 <= number < len(case.participants) else None
    if found is None or found.review is None:
        return Refused(code="no-such-emergency", reason="no emergency read-in has that number")
    if found.review.by is not None:
        return Refused(code="decided", reason="this was reviewed already")
    if by in {*found.approved_by, found.actor}:
        return Refused(code="second-person", reason="this needs a second person")
    if case.has_conflict(by):
        return Refused(code="conflict", reason="a conflict of interest keeps this actor out")
    looked = replace(found.review, by=by, at=at, upheld=upheld, because=because)
    ended = (
        replace(found, review=looked)
        if upheld or not found.reads(at)
        else replace(found, review=looked, revoked_at=at, revoked_by=by, revoked_because=because)
    )
    return replace(
        case, participants=(*case.participants[:number], ended, *case.participants[number + 1 :])
    )


def declare_conflict(case: Case, conflict: Conflict) -> Case | Refused:
    """Keep somebody out of a case from now on, whatever group lets them in."""
    if not conflict.what.strip():
        return Refused(code="no-reason", reason="a conflict of interest needs its words")
    if case.has_conflict(conflict.actor):
        return Refused(code="declared-twice", reason="this conflict is declared already")
    ended = transitions.revoke(
        case, conflict.actor, conflict.at, by=conflict.by, because="conflict of interest"
    )
    after = case if isinstance(ended, Refused) else ended
    return replace(after, conflicts=(*after.conflicts, conflict))


def lift_conflict(case: Case, actor: str, *, by: str, at: datetime, because: str) -> Case | Refused:
    """End a declared conflict; never by whoever has it. A read-in that it ended stays ended."""
    if by == actor:
        return Refused(code="second-person", reason="this needs a second person")
    if not because.strip():
        return Refused(code="no-reason", reason="lifting a conflict of interest needs its reason")
    if not case.has_conflict(actor):
        return Refused(code="no-conflict", reason="no conflict of interest of this actor stands")
    conflicts = tuple(
        replace(one, lifted_by=by, lifted_at=at, lifted_because=because)
        if one.actor == actor and one.lifted_at is None
        else one
        for one in case.conflicts
    )
    return replace(case, conflicts=conflicts)


def _with_request(
    case: Case, by: str, at: datetime, reason: str, wanted: Participant | Waiver
) -> Case:
    asked = Request(
        by=by,
        at=at,
        reason=reason,
        read_in=wanted if isinstance(wanted, Participant) else None,
        waiver=wanted if isinstance(wanted, Waiver) else None,
    )
    return replace(case, requests=(*case.requests, asked))
