"""Reach at the desk: how many operators each advisory reached, and how fast they patched."""

from fastapi import APIRouter, Response

from clearhouse.clearing.deliver import acknowledging
from clearhouse.surfaces.web.desk.entrance import Here
from clearhouse.surfaces.web.pictures.reach import reach_picture

router = APIRouter(include_in_schema=False)


@router.get("/reach")
def reach(here: Here) -> Response:
    """Show the newest numbers of every public advisory."""
    with here.transaction() as transaction:
        found = acknowledging.reach_of_all(here.desk, transaction, here.actor)
    shown = [(one, None if one.reach is None else reach_picture(one.reach)) for one in found]
    return here.page("reach.html", shown=shown)
