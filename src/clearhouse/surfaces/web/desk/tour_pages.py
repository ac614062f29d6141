"""The tour: a list of steps that each lead to something real here, and how far its traveller is."""

from fastapi import APIRouter, Response
from fastapi.responses import RedirectResponse

from clearhouse.kernel import tours
from clearhouse.surfaces.web.desk.entrance import Act, Here, NotHereError
from clearhouse.surfaces.web.desk.tour_steps import Place
from clearhouse.surfaces.web.desk.tour_view import address_of, tour_of

router = APIRouter(include_in_schema=False)


@router.get("/tour")
def show(here: Here) -> Response:
    """Show the steps, and which of them are done."""
    with here.transaction() as transaction:
        tour = tour_of(here.desk, transaction, here.actor)
    return here.page("tour.html", tour=tour)


@router.post("/tour/to/{place}")
def go(here: Act, place: Place) -> Response:
    """Note that a step was taken and lead to it."""
    with here.transaction() as transaction:
        address = address_of(here.desk, transaction, here.actor, place)
        if address is None:
            raise NotHereError
        tours.mark(transaction, here.actor.actor_id, tours.BEGUN)
        tours.mark(transaction, here.actor.actor_id, place)
    return RedirectResponse(f"{address}?tour={place}", status_code=303)


@router.post("/tour/away")
def put_away(here: Act) -> Response:
    """Offer the tour no more."""
    with here.transaction() as transaction:
        tours.mark(transaction, here.actor.actor_id, tours.AWAY)
    return RedirectResponse("/", status_code=303)


@router.post("/tour/again")
def again(here: Act) -> Response:
    """Begin the tour anew."""
    with here.transaction() as transaction:
        tours.begin_again(transaction, here.actor.actor_id)
    return RedirectResponse("/tour", status_code=303)
