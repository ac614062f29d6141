"""Cases: the list, one case, and what a coordinator writes down in it."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Form, Response
from fastapi.responses import RedirectResponse

from clearhouse.clearing.coordinate import casework
from clearhouse.clearing.coordinate.machine import Refused
from clearhouse.clearing.coordinate.record import Case, Outcome
from clearhouse.clearing.match import listing as match_listing
from clearhouse.kernel.ids import FindingId
from clearhouse.surfaces.web.desk.addresses import CaseAddress
from clearhouse.surfaces.web.desk.case_view import case_view
from clearhouse.surfaces.web.desk.entrance import Act, Here, Visit

router = APIRouter(include_in_schema=False)
_Vendor = Annotated[str, Form(max_length=60)]
_Words = Annotated[str, Form(max_length=4000)]


@router.get("/cases")
def show_list(here: Here) -> Response:
    """Show the cases that this actor is read in to, the most pressing first."""
    with here.transaction() as transaction:
        cases = casework.cases(here.desk, transaction, here.actor)
        first = [FindingId(case.findings[0]) for case in cases if case.findings]
        notes = match_listing.notes(here.desk, transaction, first)
    titles = {
        case.id: notes[FindingId(case.findings[0])].title
        for case in cases
        if case.findings and case.findings[0] in notes
    }
    return here.page("cases.html", cases=cases, titles=titles)


@router.get("/cases/{case_id}")
def show(here: Here, case_id: CaseAddress) -> Response:
    """Show one case."""
    return _page(here, case_id)


@router.post("/cases/{case_id}/verdict")
def verdict(  # one parameter a field of the form
    here: Act,
    case_id: CaseAddress,
    vendor: _Vendor,
    outcome: Annotated[Outcome, Form()],
    reason: _Words = "",
    fixed_version: Annotated[str, Form(max_length=100)] = "",
) -> Response:
    """Record what a vendor says of the report."""
    with here.transaction() as transaction:
        done = casework.give_verdict(
            here.desk,
            transaction,
            here.actor,
            case_id,
            vendor=vendor,
            outcome=outcome,
            reason=reason or None,
            fixed_version=fixed_version or None,
        )
    return _answer(here, case_id, done)


@router.post("/cases/{case_id}/date")
def date(
    here: Act, case_id: CaseAddress, vendor: _Vendor, when: Annotated[datetime, Form()]
) -> Response:
    """Record the date that a vendor agreed to; a time without a zone is UTC, as the page says."""
    instant = when if when.tzinfo else when.replace(tzinfo=UTC)
    with here.transaction() as transaction:
        done = casework.agree_date(
            here.desk, transaction, here.actor, case_id, vendor=vendor, date=instant
        )
    return _answer(here, case_id, done)


@router.post("/cases/{case_id}/disagree")
def disagree(
    here: Act,
    case_id: CaseAddress,
    verdict: Annotated[int, Form(ge=0, le=9999)],
    reason: Annotated[str, Form(min_length=1, max_length=4000)],
) -> Response:
    """Keep another opinion beside a vendor's verdict."""
    with here.transaction() as transaction:
        done = casework.disagree(
            here.desk, transaction, here.actor, case_id, verdict=verdict, reason=reason
        )
    return _answer(here, case_id, done)


def _answer(here: Visit, case_id: str, done: Case | Refused) -> Response:
    if isinstance(done, Refused):
        return _page(here, case_id, refused=done.reason, status=409)
    return RedirectResponse(f"/cases/{case_id}", status_code=303)


def _page(here: Visit, case_id: str, *, refused: str | None = None, status: int = 200) -> Response:
    with here.transaction() as transaction:
        view = case_view(here.desk, transaction, here.actor, case_id)
    return here.page("case.html", view=view, refused=refused, outcomes=list(Outcome), status=status)
