"""Cases: appeals, deviation notes, clocks that were met, and the notice that a report was made."""

from typing import Annotated, Literal

from fastapi import APIRouter, Form, Response
from fastapi.responses import RedirectResponse

from clearhouse.clearing.coordinate import appeals, transparency
from clearhouse.clearing.coordinate.machine import Refused
from clearhouse.surfaces.web.desk.addresses import CaseAddress
from clearhouse.surfaces.web.desk.case_pages import answer
from clearhouse.surfaces.web.desk.entrance import Act

router = APIRouter(include_in_schema=False)
_Words = Annotated[str, Form(min_length=1, max_length=4000)]
_Number = Annotated[int, Form(ge=0, le=9999)]


@router.post("/cases/{case_id}/appeal")
def appeal(
    here: Act,
    case_id: CaseAddress,
    verdict: _Number,
    reason: _Words,
    party: Annotated[str, Form(max_length=60)] = "",
) -> Response:
    """Ask that a verdict be looked at again."""
    with here.transaction() as transaction:
        done = appeals.appeal(
            here.desk,
            transaction,
            here.actor,
            case_id,
            verdict=verdict,
            reason=reason,
            party=party or None,
        )
    return answer(here, case_id, done)


@router.post("/cases/{case_id}/appeal-answer")
def answer_appeal(
    here: Act,
    case_id: CaseAddress,
    number: _Number,
    how: Annotated[Literal["acknowledge", "uphold", "reject"], Form()],
    resolution: Annotated[str, Form(max_length=4000)] = "",
) -> Response:
    """Acknowledge an appeal, or resolve it in words."""
    with here.transaction() as transaction:
        done = (
            appeals.acknowledge(here.desk, transaction, here.actor, case_id, number=number)
            if how == "acknowledge"
            else appeals.resolve(
                here.desk,
                transaction,
                here.actor,
                case_id,
                number=number,
                upheld=how == "uphold",
                resolution=resolution,
            )
        )
    return answer(here, case_id, done)


@router.post("/cases/{case_id}/deviation")
def deviation(
    here: Act,
    case_id: CaseAddress,
    of: Annotated[str, Form(min_length=1, max_length=100)],
    value: Annotated[str, Form(min_length=1, max_length=400)],
    reason: _Words,
) -> Response:
    """Note another severity beside one that stays."""
    with here.transaction() as transaction:
        done = appeals.deviate(
            here.desk, transaction, here.actor, case_id, of=of, value=value, reason=reason
        )
    return answer(here, case_id, done)


@router.post("/cases/{case_id}/met")
def met(
    here: Act,
    case_id: CaseAddress,
    clock: Annotated[str, Form(min_length=1, max_length=100)],
    note: _Words,
) -> Response:
    """Write down that what a clock asks for was done."""
    with here.transaction() as transaction:
        done = appeals.meet(here.desk, transaction, here.actor, case_id, clock=clock, note=note)
    return answer(here, case_id, done)


@router.post("/cases/{case_id}/transparency-notice")
def notice(here: Act, case_id: CaseAddress) -> Response:
    """Say in public that a report was made."""
    with here.transaction() as transaction:
        done = transparency.publish(here.desk, transaction, here.actor, case_id)
    if isinstance(done, Refused):
        return answer(here, case_id, done)
    return RedirectResponse(f"/cases/{case_id}", status_code=303)
