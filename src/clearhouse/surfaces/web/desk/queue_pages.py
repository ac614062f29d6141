"""Today: the one screen of the morning. What there is, where it waits, what comes first and why."""

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Response

from clearhouse.clearing.prioritize.record import Band, Coordination, ExploitLevel
from clearhouse.formats.cvss import Rating
from clearhouse.surfaces.web.desk.entrance import Here
from clearhouse.surfaces.web.desk.queue_view import QueueFilter, queue_part
from clearhouse.surfaces.web.desk.route_view import room_counts, tally
from clearhouse.surfaces.web.pages import Pages
from clearhouse.surfaces.web.pictures.route import route_picture
from clearhouse.surfaces.web.rendering import number

router = APIRouter(include_in_schema=False)
ROWS = 50
_LAST_PAGE = 100_000
_Chosen = Annotated[str, Query(max_length=20)]


@router.get("/")
def today(
    here: Here,
    band: _Chosen = "",
    severity: _Chosen = "",
    exploit: _Chosen = "",
    ssvc: _Chosen = "",
    page: Annotated[int, Query(ge=1, le=_LAST_PAGE)] = 1,
) -> Response:
    """Show counts, the route, and a part of the queue."""
    chosen = {"band": band, "severity": severity, "exploit": exploit, "ssvc": ssvc}
    with here.transaction() as transaction:
        survey = here.surveyor.survey(transaction)
        part = queue_part(
            here.desk, transaction, _filter(chosen), limit=ROWS, offset=(page - 1) * ROWS
        )
    return here.page(
        "today.html",
        route=route_picture(room_counts(survey.counts)),
        counted=survey,
        tally=tally(survey.counts),
        part=part,
        pages=_pages(page, part.total, chosen),
        chosen=chosen,
        choices={"band": Band, "severity": Rating, "exploit": ExploitLevel, "ssvc": Coordination},
    )


def _filter(chosen: dict[str, str]) -> QueueFilter:
    """Return the filter; a value that nobody offers filters nothing."""
    return QueueFilter(
        band=next((one for one in Band if one == chosen["band"]), None),
        rating=next((one for one in Rating if one == chosen["severity"]), None),
        exploit=next((one for one in ExploitLevel if one == chosen["exploit"]), None),
        coordination=next((one for one in Coordination if one == chosen["ssvc"]), None),
    )


def _pages(page: int, total: int, chosen: dict[str, str]) -> Pages:
    first, last = (page - 1) * ROWS + 1, min(page * ROWS, total)
    kept = {name: value for name, value in chosen.items() if value}

    def address(to: int) -> str:
        return f"/?{urlencode(kept | {'page': to})}"

    return Pages(
        said=f"{number(first)} to {number(last)} of {number(total)}" if total else "",
        before=address(page - 1) if page > 1 else None,
        after=address(page + 1) if last < total else None,
    )
