"""Appeals, deviation notes and clocks of a case, at the desk's API.

In: requests with a desk token of somebody who is read in. Out: JSON. Refused: what is not there or
not for this actor (404, one answer), what the rules do not allow (409, with the reason), acts
without the role (403).
"""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path
from pydantic import Field

from clearhouse.clearing.coordinate import appeals
from clearhouse.clearing.coordinate.deadlines import Deadline
from clearhouse.clearing.coordinate.record import Case
from clearhouse.surfaces.api.acts import Closed, settled
from clearhouse.surfaces.api.desk import _PROBLEM, Calling, bearer_scheme
from clearhouse.surfaces.web.desk.addresses import CaseAddress

router = APIRouter(
    prefix="/v1/desk/cases/{case_id}",
    tags=["cases"],
    dependencies=[Depends(bearer_scheme)],
    responses={"4XX": _PROBLEM, "5XX": _PROBLEM},
)
_Words = Annotated[str, Field(min_length=1, max_length=4000)]
_Number = Annotated[int, Path(ge=0, le=9999)]


class Wanted(Closed):
    """Which verdict is appealed, counted from 0, by whom, and why."""

    verdict: Annotated[int, Field(ge=0, le=9999)]
    reason: _Words
    party: Annotated[str | None, Field(max_length=60)] = None


class Resolved(Closed):
    """How an appeal ended."""

    upheld: bool
    resolution: _Words


class Deviates(Closed):
    """Another severity, whose it stands beside, and why."""

    of: Annotated[str, Field(min_length=1, max_length=100)]
    value: Annotated[str, Field(min_length=1, max_length=400)]
    reason: _Words


class Done(Closed):
    """What a clock asked for was done."""

    clock: Annotated[str, Field(min_length=1, max_length=100)]
    note: _Words


@router.post("/appeals", summary="Ask that a verdict be looked at again")
def appeal(call: Calling, case_id: CaseAddress, body: Wanted) -> Case:
    """File an appeal."""
    with call.transaction() as transaction:
        done = appeals.appeal(
            call.desk,
            transaction,
            call.actor,
            case_id,
            verdict=body.verdict,
            reason=body.reason,
            party=body.party,
        )
    return settled(done)


@router.post("/appeals/{number}/acknowledge", summary="Say that an appeal was read")
def acknowledge(call: Calling, case_id: CaseAddress, number: _Number) -> Case:
    """Acknowledge an appeal."""
    with call.transaction() as transaction:
        done = appeals.acknowledge(call.desk, transaction, call.actor, case_id, number=number)
    return settled(done)


@router.post("/appeals/{number}/resolve", summary="Resolve an appeal in words")
def resolve(call: Calling, case_id: CaseAddress, number: _Number, body: Resolved) -> Case:
    """Resolve an appeal."""
    with call.transaction() as transaction:
        done = appeals.resolve(
            call.desk,
            transaction,
            call.actor,
            case_id,
            number=number,
            upheld=body.upheld,
            resolution=body.resolution,
        )
    return settled(done)


@router.post("/deviations", summary="Note another severity beside one that stays")
def deviate(call: Calling, case_id: CaseAddress, body: Deviates) -> Case:
    """Add a deviation note."""
    with call.transaction() as transaction:
        done = appeals.deviate(
            call.desk,
            transaction,
            call.actor,
            case_id,
            of=body.of,
            value=body.value,
            reason=body.reason,
        )
    return settled(done)


@router.get("/deadlines", summary="Which clocks run, whose they are, and when they end")
def deadlines(call: Calling, case_id: CaseAddress) -> tuple[Deadline, ...]:
    """Return the clocks of a case."""
    with call.transaction() as transaction:
        return appeals.running(call.desk, transaction, call.actor, case_id)


@router.post("/deadlines", summary="Write down that what a clock asks for was done")
def meet(call: Calling, case_id: CaseAddress, body: Done) -> Case:
    """Meet a clock."""
    with call.transaction() as transaction:
        done = appeals.meet(
            call.desk, transaction, call.actor, case_id, clock=body.clock, note=body.note
        )
    return settled(done)


@router.get("/transparency-notice", summary="What may be said in public: vendor, product, dates")
def notice(call: Calling, case_id: CaseAddress) -> dict[str, Any]:
    """Return the notice; nothing is published by it."""
    with call.transaction() as transaction:
        return dict(appeals.transparency_notice(call.desk, transaction, call.actor, case_id))
