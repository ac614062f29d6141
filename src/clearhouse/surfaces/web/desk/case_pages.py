"""Cases: the list, one case, and what a coordinator writes down in it."""

from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Form, Response
from fastapi.responses import RedirectResponse

from clearhouse.clearing.coordinate import casework, read_ins, standing
from clearhouse.clearing.coordinate.embargo_consent import ConsentEvent
from clearhouse.clearing.coordinate.machine import Refused
from clearhouse.clearing.coordinate.record import Case, Justification, Outcome, ProductState
from clearhouse.clearing.coordinate.relay import sending
from clearhouse.clearing.coordinate.relay.record import Link
from clearhouse.clearing.coordinate.standing import Said
from clearhouse.clearing.match import listing as match_listing
from clearhouse.formats.tlp import Tlp
from clearhouse.kernel.ids import ActorId, FindingId
from clearhouse.surfaces.web.desk.addresses import CaseAddress
from clearhouse.surfaces.web.desk.case_view import STATE_LOOKS, case_view
from clearhouse.surfaces.web.desk.entrance import Act, Here, Visit
from clearhouse.surfaces.web.pages import ROWS, PageNumber, numbered

router = APIRouter(include_in_schema=False)
_Vendor = Annotated[str, Form(max_length=60)]
_Who = Annotated[str, Form(pattern="^act_[a-z2-7]{26}$")]
_Words = Annotated[str, Form(max_length=4000)]


@router.get("/cases")
def show_list(here: Here, page: PageNumber = 1) -> Response:
    """Show the cases that this actor is read in to, the most pressing first."""
    with here.transaction() as transaction:
        found = casework.cases(
            here.desk, transaction, here.actor, limit=ROWS + 1, offset=(page - 1) * ROWS
        )
        cases = found[:ROWS]
        first = [FindingId(case.findings[0]) for case in cases if case.findings]
        notes = match_listing.notes(here.desk, transaction, first)
    titles = {
        case.id: notes[FindingId(case.findings[0])].title
        for case in cases
        if case.findings and case.findings[0] in notes
    }
    pages = numbered("/cases", page, more=len(found) > ROWS)
    return here.page("cases.html", cases=cases, titles=titles, pages=pages)


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
    return answer(here, case_id, done)


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
    return answer(here, case_id, done)


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
    return answer(here, case_id, done)


@router.post("/cases/{case_id}/product")
def product(  # one parameter a field of the form
    here: Act,
    case_id: CaseAddress,
    vendor: Annotated[list[str], Form(max_length=500)],
    product: Annotated[str, Form(max_length=300)],
    state: Annotated[ProductState, Form()],
    versions: Annotated[str, Form(max_length=200)] = "",
    justification: Annotated[Justification | Literal[""], Form()] = "",
    note: Annotated[str, Form(max_length=2000)] = "",
) -> Response:
    """Record what vendors say of a product, of several at once."""
    said = [
        Said(
            vendor=one,
            product=product,
            state=state,
            versions=versions or None,
            justification=Justification(justification) if justification else None,
            note=note or None,
        )
        for one in vendor
    ]
    with here.transaction() as transaction:
        done = standing.say_of_products(here.desk, transaction, here.actor, case_id, said)
    return answer(here, case_id, done)


@router.post("/cases/{case_id}/consent")
def consent(
    here: Act, case_id: CaseAddress, party: _Vendor, event: Annotated[ConsentEvent, Form()]
) -> Response:
    """Record that a party was asked to stand by the embargo, does, or does not."""
    with here.transaction() as transaction:
        done = standing.consent(
            here.desk, transaction, here.actor, case_id, party=party, event=event
        )
    return answer(here, case_id, done)


@router.post("/cases/{case_id}/read-in")
def read_in(
    here: Act,
    case_id: CaseAddress,
    who: _Who,
    tier: Annotated[int, Form(ge=0, le=3)],
    reason: Annotated[str, Form(min_length=1, max_length=400)],
    until: Annotated[datetime | Literal[""], Form()] = "",
    emergency: Annotated[Literal["yes", ""], Form()] = "",
) -> Response:
    """Let somebody read the case, or ask for it; a time without a zone is UTC, as the page says."""
    expires = None if until == "" else until if until.tzinfo else until.replace(tzinfo=UTC)
    with here.transaction() as transaction:
        done = read_ins.read_in_by_id(
            here.desk,
            transaction,
            here.actor,
            case_id,
            who=ActorId(who),
            tier=tier,
            reason=reason,
            expires_at=expires,
            emergency=emergency == "yes",
        )
    return answer(here, case_id, done)


@router.post("/cases/{case_id}/read-out")
def read_out(
    here: Act,
    case_id: CaseAddress,
    who: _Who,
    because: Annotated[str, Form(min_length=1, max_length=400)],
) -> Response:
    """End a read-in at once."""
    with here.transaction() as transaction:
        done = read_ins.revoke(
            here.desk, transaction, here.actor, case_id, who=who, because=because
        )
    return answer(here, case_id, done)


@router.post("/cases/{case_id}/relay")
def relay(
    here: Act,
    case_id: CaseAddress,
    peer: Annotated[str, Form(pattern="^per_[a-z2-7]{26}$")],
    reason: Annotated[str, Form(min_length=1, max_length=400)],
    tlp: Annotated[Tlp, Form()] = Tlp.RED,
) -> Response:
    """Hand the case to another coordinator."""
    with here.transaction() as transaction:
        done = sending.send(
            here.desk, transaction, here.actor, case_id, peer, tlp=tlp, reason=reason
        )
    return answer(here, case_id, done)


def answer(here: Visit, case_id: str, done: Case | Link | Refused) -> Response:
    """Return to the case, or show it with the reason why nothing was done."""
    if isinstance(done, Refused):
        return _page(here, case_id, refused=done.reason, status=409)
    return RedirectResponse(f"/cases/{case_id}", status_code=303)


def _page(here: Visit, case_id: str, *, refused: str | None = None, status: int = 200) -> Response:
    with here.transaction() as transaction:
        view = case_view(here.desk, transaction, here.actor, case_id)
    return here.page(
        "case.html",
        view=view,
        refused=refused,
        outcomes=list(Outcome),
        states=list(ProductState),
        justifications=list(Justification),
        looks=STATE_LOOKS,
        labels=[one for one in Tlp if one is not Tlp.CLEAR],
        status=status,
    )
