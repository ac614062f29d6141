"""Cases: looking for contacts, and writing down attempts and answers."""

from typing import Annotated, Literal

from fastapi import APIRouter, Form, Response

from clearhouse.clearing.coordinate import reaching
from clearhouse.clearing.coordinate.record import Way
from clearhouse.surfaces.web.desk.addresses import CaseAddress
from clearhouse.surfaces.web.desk.case_pages import answer
from clearhouse.surfaces.web.desk.entrance import Act

router = APIRouter(include_in_schema=False)


@router.post("/cases/{case_id}/contacts")
def look(here: Act, case_id: CaseAddress) -> Response:
    """Ask the usual places who answers for the package, and keep what they say."""
    documents = reaching.look_for(here.desk, here.actor, case_id)
    with here.transaction() as transaction:
        done = reaching.keep_contacts(
            here.desk, transaction, here.actor, case_id, documents=documents
        )
    return answer(here, case_id, done)


@router.post("/cases/{case_id}/reached")
def reached(
    here: Act,
    case_id: CaseAddress,
    party: Annotated[str, Form(max_length=60)],
    way: Annotated[Way | Literal["answered"], Form()],
    note: Annotated[str, Form(min_length=1, max_length=2000)],
) -> Response:
    """Write down an attempt, or that a party answered."""
    with here.transaction() as transaction:
        done = (
            reaching.answered(here.desk, transaction, here.actor, case_id, party=party, note=note)
            if way == "answered"
            else reaching.attempt(
                here.desk, transaction, here.actor, case_id, party=party, way=Way(way), note=note
            )
        )
    return answer(here, case_id, done)
