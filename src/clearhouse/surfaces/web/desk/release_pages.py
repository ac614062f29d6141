"""The release calendar: which cases become public when, for those who are read in to them."""

from datetime import timedelta

from fastapi import APIRouter, Response

from clearhouse.clearing.coordinate import casework
from clearhouse.clearing.coordinate.record import Case
from clearhouse.clearing.match import listing as match_listing
from clearhouse.kernel.ids import FindingId
from clearhouse.surfaces.web.desk.entrance import Here
from clearhouse.surfaces.web.pictures.releases import WEEKS, release_calendar

router = APIRouter(include_in_schema=False)


@router.get("/releases")
def show(here: Here) -> Response:
    """Show what is kept back, the next to become public first."""
    with here.transaction() as transaction:
        cases = [
            one
            for one in casework.cases(here.desk, transaction, here.actor)
            if one.published_at is None and one.embargo.instant is not None
        ]
        first = [FindingId(case.findings[0]) for case in cases if case.findings]
        notes = match_listing.notes(here.desk, transaction, first)
    now = here.desk.database.clock()
    waiting = sorted((at, one.id, one) for one in cases if (at := one.embargo.instant) is not None)
    return here.page(
        "releases.html",
        waiting=[(one, _title(one, notes)) for _, _, one in waiting],
        calendar=release_calendar(now.date(), [at.date() for at, _, _ in waiting]),
        later=sum(at > now + timedelta(weeks=WEEKS) for at, _, _ in waiting),
    )


def _title(case: Case, notes: dict[FindingId, match_listing.FindingNote]) -> str | None:
    note = notes.get(FindingId(case.findings[0])) if case.findings else None
    return None if note is None else note.title
