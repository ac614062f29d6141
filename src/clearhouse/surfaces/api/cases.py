"""What people do in a case, at the desk's API: parties, read-ins, consent, products, messages out.

In: requests with a desk token of somebody who is read in. Out: JSON. Refused: what is not there or
not for this actor (404, one answer), what the state tables or the rules do not allow now (409, with
the reason), acts without the role (403).
"""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import Field

from clearhouse.clearing.coordinate import (
    casework,
    channels,
    messages,
    own_view,
    read_ins,
    standing,
)
from clearhouse.clearing.coordinate.channels import Notice
from clearhouse.clearing.coordinate.embargo_consent import ConsentEvent
from clearhouse.clearing.coordinate.embargo_policy import Share
from clearhouse.clearing.coordinate.letters import as_vultron
from clearhouse.clearing.coordinate.machine import Refused
from clearhouse.clearing.coordinate.own_view import OwnView
from clearhouse.clearing.coordinate.record import Case, Justification, PartyRole, ProductState
from clearhouse.clearing.coordinate.standing import Said
from clearhouse.kernel.ids import ActorId
from clearhouse.surfaces.api.acts import Closed, settled
from clearhouse.surfaces.api.desk import _PROBLEM, Calling, bearer_scheme
from clearhouse.surfaces.api.problems import ProblemError
from clearhouse.surfaces.api.threads import ThreadAnswer, thread_answer
from clearhouse.surfaces.web.desk.addresses import CaseAddress

router = APIRouter(
    prefix="/v1/desk/cases/{case_id}",
    tags=["cases"],
    dependencies=[Depends(bearer_scheme)],
    responses={"4XX": _PROBLEM, "5XX": _PROBLEM},
)
_PartyId = Annotated[str, Field(max_length=60)]
_Why = Annotated[str, Field(min_length=1, max_length=400)]
_Who = Annotated[str, Field(pattern="^act_[a-z2-7]{26}$")]


class Joins(Closed):
    """A known party that gets a part in the case."""

    party: _PartyId
    role: PartyRole


class ReadIn(Closed):
    """Who may read, at which tier, why, and until when."""

    who: _Who
    tier: Annotated[int, Field(ge=0, le=3)]
    reason: _Why
    expires_at: datetime | None = None
    emergency: bool = False
    """On one person's word, for the hours of the policy."""


class ReadOut(Closed):
    """Whose read-in ends, and why."""

    who: _Who
    because: _Why


class Consent(Closed):
    """What a party does about the embargo."""

    party: _PartyId
    event: ConsentEvent


class Cell(Closed):
    """What one vendor says of one product."""

    vendor: _PartyId
    product: Annotated[str, Field(min_length=1, max_length=300)]
    state: ProductState
    versions: Annotated[str | None, Field(max_length=200)] = None
    justification: Justification | None = None
    note: Annotated[str | None, Field(max_length=2000)] = None


class Given(Closed):
    """A part of the case, for those whose tier sees it."""

    share: Share
    text: Annotated[str, Field(min_length=1, max_length=200_000)]


class Opened(Closed):
    """With whom; None: with everybody who is read in."""

    party: _PartyId | None = None


class Cells(Closed):
    """Many cells at once: all are written, or none."""

    said: Annotated[list[Cell], Field(min_length=1, max_length=2000)]


@router.post("/parties", summary="Give a known party a part in the case")
def join(call: Calling, case_id: CaseAddress, body: Joins) -> Case:
    """Add a party."""
    with call.transaction() as transaction:
        done = casework.join(
            call.desk, transaction, call.actor, case_id, party=body.party, role=body.role
        )
    return settled(done)


@router.post("/read-ins", summary="Let somebody read the case, or ask for it")
def read_in(call: Calling, case_id: CaseAddress, body: ReadIn) -> Case:
    """Read somebody in."""
    if body.expires_at is not None and body.expires_at.tzinfo is None:
        raise ProblemError(400, "an instant needs a time zone")
    with call.transaction() as transaction:
        done = read_ins.read_in_by_id(
            call.desk,
            transaction,
            call.actor,
            case_id,
            who=ActorId(body.who),
            tier=body.tier,
            reason=body.reason,
            expires_at=body.expires_at,
            emergency=body.emergency,
        )
    return settled(done)


@router.post("/read-outs", summary="End a read-in at once")
def read_out(call: Calling, case_id: CaseAddress, body: ReadOut) -> Case:
    """Read somebody out."""
    with call.transaction() as transaction:
        done = read_ins.revoke(
            call.desk, transaction, call.actor, case_id, who=body.who, because=body.because
        )
    return settled(done)


@router.post("/consent", summary="Record who stands by the embargo")
def consent(call: Calling, case_id: CaseAddress, body: Consent) -> Case:
    """Record consent."""
    with call.transaction() as transaction:
        done = standing.consent(
            call.desk, transaction, call.actor, case_id, party=body.party, event=body.event
        )
    return settled(done)


@router.post("/products", summary="Record what vendors say of their products")
def products(call: Calling, case_id: CaseAddress, body: Cells) -> Case:
    """Record many cells of the matrix."""
    said = [Said(**cell.model_dump()) for cell in body.said]
    with call.transaction() as transaction:
        done = standing.say_of_products(call.desk, transaction, call.actor, case_id, said)
    return settled(done)


@router.post("/parts", summary="Write a part for those whose tier sees it")
def give(call: Calling, case_id: CaseAddress, body: Given) -> dict[str, str]:
    """Give a part."""
    with call.transaction() as transaction:
        done = own_view.give(
            call.desk, transaction, call.actor, case_id, share=body.share, text=body.text
        )
    if isinstance(done, Refused):
        raise ProblemError(409, done.reason)
    return {"part_id": done}


@router.get("/own", summary="The case as the caller's tier allows, and nothing of others")
def own(call: Calling, case_id: CaseAddress) -> OwnView:
    """Return what a reader who is not of the house may see."""
    with call.transaction() as transaction:
        return own_view.own_view(call.desk, transaction, call.actor, case_id)


@router.post("/threads", summary="Open a thread with a party, or with everybody")
def open_thread(call: Calling, case_id: CaseAddress, body: Opened) -> ThreadAnswer:
    """Open a thread, or return the one that is open."""
    with call.transaction() as transaction:
        done = messages.open_thread(call.desk, transaction, call.actor, case_id, party=body.party)
    if isinstance(done, Refused):
        raise ProblemError(409, done.reason)
    return thread_answer(done)


@router.get("/notices", summary="Who was told, who was not yet, and why")
def told(call: Calling, case_id: CaseAddress) -> list[Notice]:
    """Return the notices of a case."""
    with call.transaction() as transaction:
        return channels.notices(call.desk, transaction, call.actor, case_id)


@router.get("/vultron", summary="The case as a message of the Vultron protocol")
def vultron(call: Calling, case_id: CaseAddress) -> dict[str, Any]:
    """Return the case as others exchange it; ids stand where addresses of this house would."""
    with call.transaction() as transaction:
        case = casework.case(call.desk, transaction, call.actor, case_id)
    return dict(as_vultron(case, "urn:clearhouse"))
