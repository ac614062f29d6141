"""Cases: links by which people of a vendor read and answer at the counter, without an account."""

from typing import Annotated

from fastapi import APIRouter, Form, Response

from clearhouse.clearing.coordinate import invitations
from clearhouse.clearing.coordinate.machine import Refused
from clearhouse.surfaces.web.desk.addresses import CaseAddress, InvitationAddress
from clearhouse.surfaces.web.desk.case_pages import answer
from clearhouse.surfaces.web.desk.entrance import Act, NotHereError

router = APIRouter(include_in_schema=False)


@router.post("/cases/{case_id}/invitations")
def invite(
    here: Act,
    case_id: CaseAddress,
    vendor: Annotated[str, Form(max_length=60)],
    name: Annotated[str, Form(min_length=1, max_length=120, pattern=r"^[^\x00]*$")],
    days: Annotated[int, Form(ge=1, le=invitations.LONGEST_DAYS)],
) -> Response:
    """Make a link, and show it this once."""
    with here.transaction() as transaction:
        made = invitations.invite(
            here.desk, transaction, here.actor, case_id, vendor=vendor, name=name, days=days
        )
    if isinstance(made, Refused):
        return answer(here, case_id, made)
    invitations.lay_out_due(here.desk)
    link = f"{here.desk.outside.counter_address}/invitation/{made}"
    return here.page("invitation-made.html", case_id=case_id, link=link, name=name, days=days)


@router.post("/cases/{case_id}/invitations/{invitation_id}/end")
def end(here: Act, case_id: CaseAddress, invitation_id: InvitationAddress) -> Response:
    """End a link at once."""
    with here.transaction() as transaction:
        ended = invitations.end(here.desk, transaction, here.actor, case_id, invitation_id)
    if not ended:
        raise NotHereError
    return Response(status_code=303, headers={"location": f"/cases/{case_id}"})
