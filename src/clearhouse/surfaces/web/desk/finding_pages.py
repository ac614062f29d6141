"""One finding: its reports side by side, what is said about them, and what a person decides.

Every button is an operation of match under the actor who pressed it; the page decides nothing.
"""

from typing import Annotated

from fastapi import APIRouter, Form, Response
from fastapi.responses import RedirectResponse

from clearhouse.clearing.coordinate import operations as coordinate
from clearhouse.clearing.match.record import Relation
from clearhouse.kernel.ids import FindingId, ReportId
from clearhouse.surfaces.web.desk import decisions
from clearhouse.surfaces.web.desk.addresses import EdgeAddress, FindingAddress
from clearhouse.surfaces.web.desk.entrance import Act, Here
from clearhouse.surfaces.web.desk.finding_view import finding_view

router = APIRouter(include_in_schema=False)
_Id = Annotated[str, Form(pattern="^[a-z]{3}_[a-z2-7]{26}$")]
_Ids = Annotated[
    str, Form(pattern=r"^[a-z]{3}_[a-z2-7]{26}( [a-z]{3}_[a-z2-7]{26})*$", max_length=4000)
]
_Note = Annotated[str, Form(max_length=2000)]
_UNSAID = "decided at the desk, without a note"


@router.get("/findings/{finding_id}")
def show(here: Here, finding_id: FindingAddress) -> Response:
    """Show one finding; the id of a merged one leads to what it became."""
    with here.transaction() as transaction:
        view = finding_view(here.desk, transaction, here.actor, FindingId(finding_id))
    if view.finding.finding_id != finding_id:
        return RedirectResponse(f"/findings/{view.finding.finding_id}", status_code=303)
    return here.page("finding.html", view=view)


@router.post("/findings/{finding_id}/same")
def same(here: Act, finding_id: FindingAddress, other: _Id, note: _Note = "") -> Response:
    """Join another finding to this one: fixing one fixes the other."""
    with here.transaction() as transaction:
        joined = decisions.join(
            here.desk,
            transaction,
            here.actor,
            FindingId(finding_id),
            FindingId(other),
            note=note or _UNSAID,
        )
    return _back(joined)


@router.post("/findings/{finding_id}/same-all")
def same_all(here: Act, finding_id: FindingAddress, others: _Ids, note: _Note = "") -> Response:
    """Join all findings that the page listed as one bug with this one."""
    with here.transaction() as transaction:
        joined = decisions.join_all(
            here.desk,
            transaction,
            here.actor,
            FindingId(finding_id),
            [FindingId(other) for other in others.split()],
            note=note or _UNSAID,
        )
    return _back(joined)


@router.post("/findings/{finding_id}/sibling")
def sibling(here: Act, finding_id: FindingAddress, other: _Id, note: _Note = "") -> Response:
    """Write down that another finding is the same kind of flaw in another place."""
    return _relate(here, finding_id, other, note, Relation.SIBLING)


@router.post("/findings/{finding_id}/different")
def different(here: Act, finding_id: FindingAddress, other: _Id, note: _Note = "") -> Response:
    """Write down that another finding is a different bug."""
    return _relate(here, finding_id, other, note, Relation.DIFFERENT)


@router.post("/findings/{finding_id}/split")
def split(here: Act, finding_id: FindingAddress, report: _Id, note: _Note = "") -> Response:
    """Part one report from the others."""
    with here.transaction() as transaction:
        decisions.split(
            here.desk,
            transaction,
            here.actor,
            FindingId(finding_id),
            [ReportId(report)],
            note=note or _UNSAID,
        )
    return _back(finding_id)


@router.post("/findings/{finding_id}/undo/{edge_id}")
def undo(here: Act, finding_id: FindingAddress, edge_id: EdgeAddress) -> Response:
    """Take back what was said about two reports."""
    with here.transaction() as transaction:
        decisions.undo(here.desk, transaction, here.actor, edge_id)
    return _back(finding_id)


@router.post("/findings/{finding_id}/case")
def open_case(here: Act, finding_id: FindingAddress) -> Response:
    """Open a case, or lead to the one that is open."""
    with here.transaction() as transaction:
        case = coordinate.open_case(here.desk, transaction, here.actor, FindingId(finding_id))
    return RedirectResponse(f"/cases/{case.id}", status_code=303)


def _relate(here: Act, finding_id: str, other: str, note: str, relation: Relation) -> Response:
    with here.transaction() as transaction:
        decisions.relate(
            here.desk,
            transaction,
            here.actor,
            FindingId(finding_id),
            FindingId(other),
            relation=relation,
            note=note or _UNSAID,
        )
    return _back(finding_id)


def _back(finding_id: str) -> Response:
    return RedirectResponse(f"/findings/{finding_id}", status_code=303)
