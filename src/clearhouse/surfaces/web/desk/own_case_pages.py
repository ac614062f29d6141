"""Cases as readers who are not of the house see them, and the parts written for them."""

from typing import Annotated

from fastapi import APIRouter, Form, Response
from fastapi.responses import RedirectResponse

from clearhouse.clearing.coordinate import own_view
from clearhouse.clearing.coordinate.embargo_policy import Share
from clearhouse.clearing.coordinate.machine import Refused
from clearhouse.surfaces.web.desk.addresses import CaseAddress
from clearhouse.surfaces.web.desk.case_pages import answer
from clearhouse.surfaces.web.desk.entrance import Act, Here

router = APIRouter(include_in_schema=False)


@router.get("/own-cases")
def show_list(here: Here) -> Response:
    """Show the cases that this actor is read in to by name."""
    with here.transaction() as transaction:
        views = own_view.own_cases(here.desk, transaction, here.actor)
    return here.page("own-cases.html", views=views)


@router.get("/own-cases/{case_id}")
def show(here: Here, case_id: CaseAddress) -> Response:
    """Show one case as the actor's tier allows."""
    with here.transaction() as transaction:
        view = own_view.own_view(here.desk, transaction, here.actor, case_id)
    return here.page("own-case.html", view=view)


@router.post("/cases/{case_id}/part")
def give(
    here: Act,
    case_id: CaseAddress,
    share: Annotated[Share, Form()],
    text: Annotated[str, Form(min_length=1, max_length=200_000)],
) -> Response:
    """Write a part for those whose tier sees it."""
    with here.transaction() as transaction:
        done = own_view.give(here.desk, transaction, here.actor, case_id, share=share, text=text)
    if isinstance(done, Refused):
        return answer(here, case_id, done)
    return RedirectResponse(f"/cases/{case_id}", status_code=303)
