"""Today: the one screen of the morning. What there is, where it waits, what comes first and why.

A view of the queue is its address: every filter stands in the query, so that a view can be kept as
a bookmark, sent to somebody else, or saved under a name of one's own and then shown as a tab.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Form, Query, Response
from fastapi.responses import RedirectResponse

from clearhouse.clearing.prioritize import views
from clearhouse.clearing.prioritize.listing import QueueFilter
from clearhouse.clearing.prioritize.record import Band, Coordination, ExploitLevel
from clearhouse.clearing.prioritize.views import SavedView
from clearhouse.formats.cvss import Rating
from clearhouse.kernel.ids import FindingId
from clearhouse.surfaces.web.desk.addresses import ViewAddress
from clearhouse.surfaces.web.desk.decisions import ImpossibleError
from clearhouse.surfaces.web.desk.entrance import Act, Here, NotHereError
from clearhouse.surfaces.web.desk.queue_view import QueuePart, queue_part
from clearhouse.surfaces.web.desk.route_view import room_counts, tally
from clearhouse.surfaces.web.pages import Pages
from clearhouse.surfaces.web.pictures.route import route_picture
from clearhouse.surfaces.web.rendering import number

router = APIRouter(include_in_schema=False)
ROWS = 50
COUNTED = 1000
"""How far findings are counted for a page: whoever has more does not need to know how many."""
CHOICES = {"band": Band, "severity": Rating, "exploit": ExploitLevel, "ssvc": Coordination}
EVERYBODYS = (
    ("Everything", QueueFilter()),
    ("Incidents", QueueFilter(band=Band.INCIDENT)),
    ("Urgent", QueueFilter(band=Band.URGENT)),
    ("Lacks something", QueueFilter(band=Band.NEEDS_INFO)),
)
"""Views that everybody has."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Tab:
    """A view as a link."""

    name: str
    address: str
    current: bool
    own: SavedView | None = None


def chosen(band: str = "", severity: str = "", exploit: str = "", ssvc: str = "") -> QueueFilter:
    """Return the filter that a query names; a value that nobody offers filters nothing."""
    return QueueFilter(
        band=next((one for one in Band if one == band), None),
        rating=next((one for one in Rating if one == severity), None),
        exploit=next((one for one in ExploitLevel if one == exploit), None),
        coordination=next((one for one in Coordination if one == ssvc), None),
    )


_Value = Annotated[str, Query(max_length=20)]
_Field = Annotated[str, Form(max_length=20)]


def _asked(
    band: _Value = "", severity: _Value = "", exploit: _Value = "", ssvc: _Value = ""
) -> QueueFilter:
    return chosen(band, severity, exploit, ssvc)


def _sent(
    band: _Field = "", severity: _Field = "", exploit: _Field = "", ssvc: _Field = ""
) -> QueueFilter:
    return chosen(band, severity, exploit, ssvc)


@router.get("/")
def today(
    here: Here,
    wanted: Annotated[QueueFilter, Depends(_asked)],
    after: Annotated[str | None, Query(pattern="^fnd_[a-z2-7]{26}$")] = None,
    place: Annotated[int, Query(ge=0, le=10_000_000)] = 0,
) -> Response:
    """Show counts, the route, and a part of the queue."""
    with here.transaction() as transaction:
        survey = here.surveyor.survey(transaction, here.transaction)
        saved = views.views_of(transaction)
        part = queue_part(
            here.desk,
            transaction,
            wanted,
            limit=ROWS,
            after=FindingId(after) if after else None,
            place=place if after else 0,
            counted=COUNTED,
        )
    tabs = _tabs(wanted, saved)
    return here.page(
        "today.html",
        route=route_picture(room_counts(survey.counts or {})),
        counted=survey,
        tally=tally(survey.counts),
        part=part,
        pages=_pages(part, wanted, after),
        chosen=parameters(wanted),
        choices=CHOICES,
        tabs=tabs,
        named=any(tab.current for tab in tabs),
    )


@router.post("/views")
def save(
    here: Act,
    wanted: Annotated[QueueFilter, Depends(_sent)],
    name: Annotated[str, Form(max_length=200)] = "",
) -> Response:
    """Save a view under a name of one's own."""
    with here.transaction() as transaction:
        try:
            views.save(transaction, name, wanted)
        except views.ViewError as error:
            raise ImpossibleError(str(error)) from error
    return RedirectResponse(address_of(wanted), status_code=303)


@router.post("/views/{view_id}/remove")
def remove(here: Act, view_id: ViewAddress) -> Response:
    """Remove a view of one's own."""
    with here.transaction() as transaction:
        if not views.remove(transaction, view_id):
            raise NotHereError
    return RedirectResponse("/", status_code=303)


def parameters(wanted: QueueFilter) -> dict[str, str]:
    """Return a filter as the query of its address."""
    values = {
        "band": wanted.band,
        "severity": wanted.rating,
        "exploit": wanted.exploit,
        "ssvc": wanted.coordination,
    }
    return {name: str(value) for name, value in values.items() if value is not None}


def address_of(wanted: QueueFilter, more: Mapping[str, object] | None = None) -> str:
    """Return the address of a view."""
    query = urlencode(parameters(wanted) | dict(more or {}))
    return f"/?{query}" if query else "/"


def _tabs(wanted: QueueFilter, saved: tuple[SavedView, ...]) -> list[Tab]:
    return [
        Tab(name=name, address=address_of(view), current=view == wanted)
        for name, view in EVERYBODYS
    ] + [
        Tab(name=one.name, address=address_of(one.wanted), current=one.wanted == wanted, own=one)
        for one in saved
    ]


def _pages(part: QueuePart, wanted: QueueFilter, after: str | None) -> Pages:
    if not part.rows:
        return Pages(said="", before=address_of(wanted) if after else None)
    first, last = part.rows[0].place, part.rows[-1].place
    whole = f"more than {number(COUNTED)}" if part.total > COUNTED else number(part.total)
    return Pages(
        said=f"{number(first)} to {number(last)} of {whole}",
        before=address_of(wanted) if after else None,
        after=address_of(wanted, {"after": part.next_after, "place": last})
        if part.next_after
        else None,
    )
