"""Who may read a case, at the desk's API: requests, emergencies, conflicts, exceptions, copies.

In: requests with a desk token of somebody who is read in. Out: JSON. Refused: what is not there or
not for this actor (404, one answer), what needs a second person or another rule forbids (409, with
the reason), acts without the role (403).
"""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Path
from pydantic import Field

from clearhouse.clearing.coordinate import copies, read_ins
from clearhouse.clearing.coordinate.copies import Copy
from clearhouse.clearing.coordinate.read_in_log import Entry
from clearhouse.clearing.coordinate.record import Case
from clearhouse.surfaces.api.acts import Closed, settled
from clearhouse.surfaces.api.desk import _PROBLEM, Calling, bearer_scheme
from clearhouse.surfaces.api.problems import ProblemError
from clearhouse.surfaces.web.desk.addresses import CaseAddress

router = APIRouter(
    prefix="/v1/desk",
    tags=["cases"],
    dependencies=[Depends(bearer_scheme)],
    responses={"4XX": _PROBLEM, "5XX": _PROBLEM},
)
_Why = Annotated[str, Field(min_length=1, max_length=400)]
_Who = Annotated[str, Field(pattern="^act_[a-z2-7]{26}$")]
_Number = Annotated[int, Path(ge=0, le=9999)]


class Decision(Closed):
    """Whether something is granted, and why."""

    grant: bool
    because: _Why


class Look(Closed):
    """Whether an emergency read-in was right, and why."""

    upheld: bool
    because: _Why


class Exceptional(Closed):
    """Which rule of the embargo policy is to be set aside, until when, and why."""

    rule: Annotated[str, Field(min_length=1, max_length=100)]
    until: datetime
    reason: _Why


class Interest(Closed):
    """Whose conflict of interest, and what it is."""

    who: _Who
    what: _Why


class NoInterest(Closed):
    """Whose conflict of interest is over, and why."""

    who: _Who
    because: _Why


class Leak(Closed):
    """A text that went where it should not."""

    text: Annotated[str, Field(min_length=1, max_length=1_000_000)]


@router.post("/cases/{case_id}/requests/{number}", summary="Grant or refuse what another asked for")
def decide(call: Calling, case_id: CaseAddress, number: _Number, body: Decision) -> Case:
    """Decide as the second person."""
    with call.transaction() as transaction:
        done = read_ins.decide(
            call.desk,
            transaction,
            call.actor,
            case_id,
            number=number,
            grant=body.grant,
            because=body.because,
        )
    return settled(done)


@router.post("/cases/{case_id}/emergencies/{number}", summary="Review an emergency read-in")
def review(call: Calling, case_id: CaseAddress, number: _Number, body: Look) -> Case:
    """Look at a read-in that one person gave alone; the number is its place in `participants`."""
    with call.transaction() as transaction:
        done = read_ins.review(
            call.desk,
            transaction,
            call.actor,
            case_id,
            number=number,
            upheld=body.upheld,
            because=body.because,
        )
    return settled(done)


@router.post("/cases/{case_id}/exceptions", summary="Ask for an exception from the embargo policy")
def ask_exception(call: Calling, case_id: CaseAddress, body: Exceptional) -> Case:
    """Ask; a second person grants it."""
    if body.until.tzinfo is None:
        raise ProblemError(400, "an instant needs a time zone")
    with call.transaction() as transaction:
        done = read_ins.ask_exception(
            call.desk,
            transaction,
            call.actor,
            case_id,
            rule=body.rule,
            until=body.until,
            reason=body.reason,
        )
    return settled(done)


@router.post("/cases/{case_id}/conflicts", summary="Keep out who has a conflict of interest")
def declare_conflict(call: Calling, case_id: CaseAddress, body: Interest) -> dict[str, str]:
    """Declare; who declares its own reads nothing of the case from then on."""
    with call.transaction() as transaction:
        done = read_ins.declare_conflict(
            call.desk, transaction, call.actor, case_id, who=body.who, what=body.what
        )
    settled(done)
    return {"kept_out": body.who}


@router.post("/cases/{case_id}/conflicts/lift", summary="End a conflict of interest of another")
def lift_conflict(call: Calling, case_id: CaseAddress, body: NoInterest) -> Case:
    """Lift."""
    with call.transaction() as transaction:
        done = read_ins.lift_conflict(
            call.desk, transaction, call.actor, case_id, who=body.who, because=body.because
        )
    return settled(done)


@router.get("/cases/{case_id}/read-in-log", summary="Who was let in, asked to be, or kept out")
def log(call: Calling, case_id: CaseAddress) -> tuple[Entry, ...]:
    """Return the log."""
    with call.transaction() as transaction:
        return read_ins.log(call.desk, transaction, call.actor, case_id)


@router.get("/cases/{case_id}/copies", summary="Who was given what, and when first")
def seen(call: Calling, case_id: CaseAddress) -> list[Copy]:
    """Return the copies."""
    with call.transaction() as transaction:
        return copies.seen(call.desk, transaction, call.actor, case_id)


@router.post("/copies/trace", summary="Whose copies a leaked text was made from")
def trace(call: Calling, body: Leak) -> list[Copy]:
    """Name the recipients."""
    with call.transaction() as transaction:
        return copies.recipients(call.desk, transaction, call.actor, body.text)
