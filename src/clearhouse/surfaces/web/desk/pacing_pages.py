"""The board of maintainers: how much each has open, its pace, and what waits for its turn."""

from fastapi import APIRouter, Response

from clearhouse.clearing.coordinate import pace
from clearhouse.surfaces.web.desk.entrance import Here
from clearhouse.surfaces.web.pictures.pace import pace_bar

router = APIRouter(include_in_schema=False)


@router.get("/pacing")
def show(here: Here) -> Response:
    """Show the maintainers of the cases that this actor is read in to."""
    with here.transaction() as transaction:
        rules, found = pace.board(here.desk, transaction, here.actor)
    bars = {
        one.party_id: pace_bar(handed=one.handed_lately, per_week=one.per_week, held=one.held)
        for one in found
    }
    return here.page(
        "pacing.html", rules=rules, maintainers=found, bars=bars, full=len(found) == pace.MOST
    )
