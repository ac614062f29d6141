"""The release calendar: which cases become public when, for those who are read in to them."""

from fastapi import APIRouter, Response

from clearhouse.clearing.coordinate import casework
from clearhouse.clearing.coordinate.record import Case
from clearhouse.clearing.match import listing as match_listing
from clearhouse.kernel.ids import FindingId
from clearhouse.surfaces.web.desk.entrance import Here
from clearhouse.surfaces.web.pages import ROWS, PageNumber, numbered
from clearhouse.surfaces.web.pictures.releases import last_day, release_calendar

router = APIRouter(include_in_schema=False)


@router.get("/releases")
def show(here: Here, page: PageNumber = 1) -> Response:
    """Show what is kept back, the next to become public first."""
    with here.transaction() as transaction:
        found = casework.cases(
            here.desk,
            transaction,
            here.actor,
            limit=ROWS + 1,
            offset=(page - 1) * ROWS,
            kept_back=True,
        )
        ends = casework.ends(here.desk, transaction, here.actor)
        waiting = found[:ROWS]
        first = [FindingId(case.findings[0]) for case in waiting if case.findings]
        notes = match_listing.notes(here.desk, transaction, first)
    today = here.now.date()
    return here.page(
        "releases.html",
        waiting=[(one, _title(one, notes)) for one in waiting],
        calendar=release_calendar(today, ends),
        later=sum(cases for day, cases in ends.items() if day > last_day(today)),
        pages=numbered("/releases", page, more=len(found) > ROWS),
    )


def _title(case: Case, notes: dict[FindingId, match_listing.FindingNote]) -> str | None:
    note = notes.get(FindingId(case.findings[0])) if case.findings else None
    return None if note is None else note.title
