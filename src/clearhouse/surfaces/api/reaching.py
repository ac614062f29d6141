"""Reaching the vendors of a case, at the desk's API: contacts, attempts, answers, clocks.

In: requests with a desk token of somebody who is read in. Out: JSON. Refused: what is not there or
not for this actor (404, one answer), what the rules do not allow (409, with the reason), acts
without the role (403).
"""

import base64
import binascii
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import Field

from clearhouse.clearing.coordinate import reaching
from clearhouse.clearing.coordinate.contacts import Document, Kind
from clearhouse.clearing.coordinate.record import Case, Way
from clearhouse.clearing.coordinate.silence import Silence
from clearhouse.surfaces.api.acts import Closed, settled
from clearhouse.surfaces.api.desk import _PROBLEM, Calling, bearer_scheme
from clearhouse.surfaces.api.problems import ProblemError
from clearhouse.surfaces.web.desk.addresses import CaseAddress

router = APIRouter(
    prefix="/v1/desk/cases/{case_id}",
    tags=["cases"],
    dependencies=[Depends(bearer_scheme)],
    responses={"4XX": _PROBLEM, "5XX": _PROBLEM},
)
_PartyId = Annotated[str, Field(max_length=60)]
_Words = Annotated[str, Field(min_length=1, max_length=2000)]


class Found(Closed):
    """A document that may name a contact."""

    kind: Kind
    where: Annotated[str, Field(min_length=1, max_length=500)]
    content: Annotated[str, Field(max_length=12_000_000)]
    """Base64."""


class Documents(Closed):
    """What the caller has read; without any, the usual places are asked."""

    documents: list[Found] = Field(default=[], max_length=50)


class Tried(Closed):
    """An attempt to reach a party."""

    party: _PartyId
    way: Way
    note: _Words


class Answered(Closed):
    """That a party answered elsewhere."""

    party: _PartyId
    note: _Words


@router.post("/contacts", summary="Find whom to tell of the package, and keep what was found")
def look(call: Calling, case_id: CaseAddress, body: Documents) -> Case:
    """Look for contacts."""
    documents = tuple(map(_document, body.documents)) or reaching.look_for(
        call.desk, call.actor, case_id
    )
    with call.transaction() as transaction:
        done = reaching.keep_contacts(
            call.desk, transaction, call.actor, case_id, documents=documents
        )
    return settled(done)


@router.post("/attempts", summary="Write down an attempt to reach a party")
def attempt(call: Calling, case_id: CaseAddress, body: Tried) -> Case:
    """Record an attempt."""
    with call.transaction() as transaction:
        done = reaching.attempt(
            call.desk,
            transaction,
            call.actor,
            case_id,
            party=body.party,
            way=body.way,
            note=body.note,
        )
    return settled(done)


@router.post("/answers", summary="Write down that a party answered elsewhere")
def answered(call: Calling, case_id: CaseAddress, body: Answered) -> Case:
    """Record an answer."""
    with call.transaction() as transaction:
        done = reaching.answered(
            call.desk, transaction, call.actor, case_id, party=body.party, note=body.note
        )
    return settled(done)


@router.get("/silence", summary="Who owes an answer, what is due next, and when waiting is over")
def silence(call: Calling, case_id: CaseAddress) -> tuple[Silence, ...]:
    """Return the clock of every vendor."""
    with call.transaction() as transaction:
        return reaching.silences(call.desk, transaction, call.actor, case_id)


def _document(found: Found) -> Document:
    try:
        content = base64.b64decode(found.content, validate=True)
    except binascii.Error as error:
        raise ProblemError(400, "the content of a document is base64") from error
    return Document(kind=found.kind, where=found.where, content=content)
