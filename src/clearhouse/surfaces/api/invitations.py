"""Links by which people of a vendor answer without an account; the notice that a report was made.

In: requests with a desk token of somebody who is read in. Out: JSON; the code of a link once.
Refused: what is not there or not for this actor (404, one answer), what the rules do not allow
(409, with the reason), acts without the role (403).
"""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import Field

from clearhouse.clearing.coordinate import invitations, transparency
from clearhouse.clearing.coordinate.casework import NoSuchCaseError
from clearhouse.clearing.coordinate.invitations import Invitation
from clearhouse.surfaces.api.acts import Closed, settled
from clearhouse.surfaces.api.desk import _PROBLEM, Calling, bearer_scheme
from clearhouse.surfaces.web.desk.addresses import CaseAddress, InvitationAddress

router = APIRouter(
    prefix="/v1/desk/cases/{case_id}",
    tags=["cases"],
    dependencies=[Depends(bearer_scheme)],
    responses={"4XX": _PROBLEM, "5XX": _PROBLEM},
)


class Invited(Closed):
    """Who is invited, of which vendor, for how many days."""

    vendor: Annotated[str, Field(max_length=60)]
    name: Annotated[str, Field(min_length=1, max_length=120, pattern=r"^[^\x00]*$")]
    days: Annotated[int, Field(ge=1, le=invitations.LONGEST_DAYS)] = 30


@router.get("/invitations", summary="The links into a case, without their codes")
def links(call: Calling, case_id: CaseAddress) -> tuple[Invitation, ...]:
    """Return the links."""
    with call.transaction() as transaction:
        return invitations.of_case(call.desk, transaction, call.actor, case_id)


@router.post("/invitations", summary="Read a person of a vendor in, and make a link for it")
def invite(call: Calling, case_id: CaseAddress, body: Invited) -> dict[str, str]:
    """Make a link; its address is in this answer and nowhere else."""
    with call.transaction() as transaction:
        made = invitations.invite(
            call.desk, transaction, call.actor, case_id,
            vendor=body.vendor, name=body.name, days=body.days,
        )  # fmt: skip
    return {"link": f"{call.desk.outside.counter_address}/invitation/{settled(made)}"}


@router.post("/invitations/{invitation_id}/end", summary="End a link at once")
def end(call: Calling, case_id: CaseAddress, invitation_id: InvitationAddress) -> dict[str, bool]:
    """End a link."""
    with call.transaction() as transaction:
        ended = invitations.end(call.desk, transaction, call.actor, case_id, invitation_id)
    if not ended:
        raise NoSuchCaseError("no live link with this id")
    return {"ended": True}


@router.post("/transparency-notice", summary="Say in public that a report was made")
def publish_notice(call: Calling, case_id: CaseAddress) -> dict[str, str]:
    """Publish the notice on the counter; it cannot be taken back."""
    with call.transaction() as transaction:
        done = transparency.publish(call.desk, transaction, call.actor, case_id)
    return {"notice": settled(done)}
