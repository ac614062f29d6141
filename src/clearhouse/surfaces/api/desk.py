"""The desk's API: the same operations as its pages, as JSON, for tools and agents with a token.

In: requests with `Authorization: Bearer` and a token of the scope `desk`. Out: JSON. Each request
runs as the token's actor, so the database shows it only what that actor may read. Refused:
everything without such a token (401); what is not there or not for this actor (404, one answer);
acts that the policy does not give (403). Errors are problem documents.
Source: RFC 9457.
"""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.security import HTTPBearer

from clearhouse.clearing import route
from clearhouse.clearing.coordinate import casework
from clearhouse.clearing.coordinate import operations as coordinate
from clearhouse.clearing.coordinate.record import Case
from clearhouse.clearing.intake import listing
from clearhouse.clearing.intake import operations as intake
from clearhouse.clearing.intake.listing import ReportRow
from clearhouse.clearing.intake.operations import Report
from clearhouse.clearing.match.record import Edge, Relation
from clearhouse.clearing.prioritize.listing import QueueFilter
from clearhouse.clearing.prioritize.record import Band, Coordination, ExploitLevel
from clearhouse.clearing.validate import examination
from clearhouse.clearing.validate import operations as validate
from clearhouse.clearing.validate.record import Examination
from clearhouse.formats.cvss import Rating
from clearhouse.kernel import ledger, ledger_export, ledger_reading
from clearhouse.kernel.identity import Actor, Scope
from clearhouse.kernel.ids import EventId, FindingId, ReportId
from clearhouse.kernel.ledger_export import Verification
from clearhouse.kernel.ledger_reading import Event
from clearhouse.kernel.services import Desk
from clearhouse.kernel.store.database import Transaction
from clearhouse.surfaces.api import desk_shapes as shapes
from clearhouse.surfaces.api.acts import settled
from clearhouse.surfaces.api.problems import MEDIA_TYPE, SCHEMA, ProblemError
from clearhouse.surfaces.api.requests import authenticated, refuse_other_sites
from clearhouse.surfaces.web.desk import decisions
from clearhouse.surfaces.web.desk.addresses import (
    CaseAddress,
    EdgeAddress,
    EventAddress,
    FindingAddress,
    ReportAddress,
)
from clearhouse.surfaces.web.desk.case_view import case_view
from clearhouse.surfaces.web.desk.entrance import NotHereError, entrance_of
from clearhouse.surfaces.web.desk.finding_view import finding_view
from clearhouse.surfaces.web.desk.queue_view import queue_part
from clearhouse.surfaces.web.desk.report_view import report_view

_PROBLEM = {"description": "refused, and why", "content": {MEDIA_TYPE: {"schema": SCHEMA}}}
bearer_scheme = HTTPBearer(auto_error=False, description="A token with the scope `desk`")


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """One request of somebody with a desk token."""

    desk: Desk
    actor: Actor

    def transaction(self) -> AbstractContextManager[Transaction]:
        """Open a transaction that sees what this actor may see."""
        return self.desk.database.transaction(self.actor.actor_id)


def _call(request: Request) -> Call:
    refuse_other_sites(request)
    desk = entrance_of(request).desk
    return Call(desk=desk, actor=authenticated(request, desk.database, Scope.DESK))


Calling = Annotated[Call, Depends(_call)]
Limit = Annotated[int, Query(ge=1, le=200)]
router = APIRouter(
    prefix="/v1/desk",
    tags=["desk"],
    dependencies=[Depends(bearer_scheme)],
    responses={"4XX": _PROBLEM, "5XX": _PROBLEM},
)


@router.get("/rooms", summary="Count what is in each room")
def rooms(call: Calling) -> dict[str, dict[str, int]]:
    """Count what the actor may see, by room."""
    with call.transaction() as transaction:
        return route.survey(transaction)


@router.get("/queue", summary="What comes first, and why")
def queue(
    call: Calling,
    band: Band | None = None,
    severity: Rating | None = None,
    exploit: ExploitLevel | None = None,
    ssvc: Coordination | None = None,
    limit: Limit = 50,
    offset: Annotated[int, Query(ge=0, le=10_000_000)] = 0,
) -> shapes.QueueAnswer:
    """Return a part of the queue."""
    wanted = QueueFilter(band=band, rating=severity, exploit=exploit, coordination=ssvc)
    with call.transaction() as transaction:
        part = queue_part(call.desk, transaction, wanted, limit=limit, offset=offset)
    return shapes.QueueAnswer(total=part.total, entries=tuple(map(shapes.queue_entry, part.rows)))


@router.get("/findings/{finding_id}", summary="One finding with its reports")
def finding(call: Calling, finding_id: FindingAddress) -> shapes.FindingAnswer:
    """Return a finding; the id of a merged one returns what it became."""
    with call.transaction() as transaction:
        view = finding_view(call.desk, transaction, call.actor, FindingId(finding_id))
    return shapes.finding_answer(view)


@router.post("/findings/{finding_id}/same", summary="Join: fixing one fixes the other")
def same(call: Calling, finding_id: FindingAddress, body: shapes.OtherFinding) -> shapes.Decided:
    """Join two findings on the actor's word."""
    with call.transaction() as transaction:
        joined = decisions.join(
            call.desk,
            transaction,
            call.actor,
            FindingId(finding_id),
            FindingId(body.other),
            note=body.note,
        )
    return shapes.Decided(findings=(joined,))


@router.post("/findings/{finding_id}/sibling", summary="The same kind of flaw elsewhere")
def sibling(call: Calling, finding_id: FindingAddress, body: shapes.OtherFinding) -> Edge:
    """Write down that two findings are siblings."""
    return _relate(call, finding_id, body, Relation.SIBLING)


@router.post("/findings/{finding_id}/different", summary="Two different bugs")
def different(call: Calling, finding_id: FindingAddress, body: shapes.OtherFinding) -> Edge:
    """Write down that two findings are different bugs."""
    return _relate(call, finding_id, body, Relation.DIFFERENT)


@router.post("/findings/{finding_id}/split", summary="Part reports from the others")
def split(call: Calling, finding_id: FindingAddress, body: shapes.Parted) -> shapes.Decided:
    """Part some reports of a finding from its others."""
    with call.transaction() as transaction:
        parts = decisions.split(
            call.desk,
            transaction,
            call.actor,
            FindingId(finding_id),
            [ReportId(one) for one in body.reports],
            note=body.note,
        )
    return shapes.Decided(findings=parts)


@router.post("/edges/{edge_id}/undo", summary="Take back what was said about two reports")
def undo(call: Calling, edge_id: EdgeAddress) -> shapes.Decided:
    """Take an edge back."""
    with call.transaction() as transaction:
        parts = decisions.undo(call.desk, transaction, call.actor, edge_id)
    return shapes.Decided(findings=parts)


@router.post("/findings/{finding_id}/case", summary="Open a case, or return the open one")
def open_case(call: Calling, finding_id: FindingAddress) -> Case:
    """Open a case because the actor says so."""
    with call.transaction() as transaction:
        return coordinate.open_case(call.desk, transaction, call.actor, FindingId(finding_id))


@router.get("/reports", summary="What came in, newest first")
def reports(
    call: Calling,
    before: Annotated[str | None, Query(pattern="^rep_[a-z2-7]{26}$")] = None,
    limit: Limit = 50,
) -> tuple[ReportRow, ...]:
    """List reports; `before` continues after the last one that was read."""
    with call.transaction() as transaction:
        return listing.newest(transaction, before=ReportId(before) if before else None, limit=limit)


@router.get("/reports/{report_id}", summary="One report with its verdict")
def report(call: Calling, report_id: ReportAddress) -> shapes.ReportAnswer:
    """Return one report."""
    with call.transaction() as transaction:
        found = _report(call, transaction, report_id)
        verdict = validate.verdict_of(call.desk, transaction, found.report_id)
        present = listing.present(transaction, [found.report_id])
    return shapes.report_answer(report_view(found, verdict, present[found.report_id]))


@router.get("/reports/{report_id}/verdict", summary="What is established about a report")
def report_verdict(call: Calling, report_id: ReportAddress) -> shapes.VerdictAnswer:
    """Return the newest verdict of a report, and how far its examination is."""
    with call.transaction() as transaction:
        found = _report(call, transaction, report_id)
        return shapes.VerdictAnswer(
            report_id=found.report_id,
            verdict=validate.verdict_of(call.desk, transaction, found.report_id),
            examination=examination.newest(transaction, found.report_id),
        )


@router.get("/reports/{report_id}/statement", summary="The verdict, signed, to be passed on")
def report_statement(call: Calling, report_id: ReportAddress) -> dict[str, Any]:
    """Return the newest verdict as an in-toto statement in a DSSE envelope."""
    with call.transaction() as transaction:
        found = _report(call, transaction, report_id)
        signed = validate.statement_of(call.desk, transaction, found.report_id)
    if signed is None:
        raise NotHereError
    return signed


@router.post(
    "/reports/{report_id}/examination", status_code=202, summary="Ask for another examination"
)
def examine(call: Calling, report_id: ReportAddress) -> Examination:
    """Ask to look at a report again; one that waits or runs already is returned."""
    with call.transaction() as transaction:
        found = _report(call, transaction, report_id)
        return examination.ask(call.desk, transaction, call.actor, found.report_id, again=True)


@router.get("/examinations", summary="What is being examined, and what waits for it")
def examinations(call: Calling, limit: Limit = 50) -> list[Examination]:
    """List the examinations that are not done, those that run first."""
    with call.transaction() as transaction:
        return examination.open_ones(transaction, most=limit)


@router.get("/cases", summary="Cases, the most pressing first")
def cases(call: Calling) -> list[Case]:
    """Return the cases that the actor is read in to."""
    with call.transaction() as transaction:
        return casework.cases(call.desk, transaction, call.actor)


@router.get("/cases/{case_id}", summary="One case, and what may be said of it")
def case(call: Calling, case_id: CaseAddress) -> shapes.CaseAnswer:
    """Return one case."""
    with call.transaction() as transaction:
        return shapes.case_answer(case_view(call.desk, transaction, call.actor, case_id))


@router.post("/cases/{case_id}/verdict", summary="Record what a vendor says")
def verdict(call: Calling, case_id: CaseAddress, body: shapes.VendorWord) -> Case:
    """Record a vendor's verdict."""
    with call.transaction() as transaction:
        done = casework.give_verdict(
            call.desk,
            transaction,
            call.actor,
            case_id,
            vendor=body.vendor,
            outcome=body.outcome,
            reason=body.reason,
            fixed_version=body.fixed_version,
        )
    return settled(done)


@router.post("/cases/{case_id}/date", summary="Record a date that a vendor agreed to")
def date(call: Calling, case_id: CaseAddress, body: shapes.AgreedDate) -> Case:
    """Record an agreed date."""
    if body.when.tzinfo is None:
        raise ProblemError(400, "a date needs a time zone")
    with call.transaction() as transaction:
        done = casework.agree_date(
            call.desk, transaction, call.actor, case_id, vendor=body.vendor, date=body.when
        )
    return settled(done)


@router.post("/cases/{case_id}/disagree", summary="Keep another opinion beside a verdict")
def disagree(call: Calling, case_id: CaseAddress, body: shapes.OtherOpinion) -> Case:
    """Keep another opinion."""
    with call.transaction() as transaction:
        done = casework.disagree(
            call.desk, transaction, call.actor, case_id, verdict=body.verdict, reason=body.reason
        )
    return settled(done)


@router.get("/ledger", summary="Events, newest first")
def events(
    call: Calling,
    before: Annotated[str | None, Query(pattern="^evt_[a-z2-7]{26}$")] = None,
    limit: Limit = 50,
) -> tuple[Event, ...]:
    """List the events that the actor may read."""
    with call.transaction() as transaction:
        return ledger_reading.newest(
            transaction, before=EventId(before) if before else None, limit=limit
        )


@router.post("/ledger/verify", summary="Check the whole chain")
def verify(call: Calling) -> Verification:
    """Read the ledger again and say whether it holds."""
    key = call.desk.keys.signing_key().public_key()
    with call.transaction() as transaction:
        return ledger_export.verify(ledger_export.export(transaction, key), key)


@router.get("/ledger/events/{event_id}/proof", summary="Proof that an event is in the ledger")
def proof(call: Calling, event_id: EventAddress) -> dict[str, Any]:
    """Return a proof that stands alone."""
    with call.transaction() as transaction:
        found = ledger.prove(transaction, EventId(event_id))
    if found is None:
        raise NotHereError
    return dict(found.as_json())


def _report(call: Call, transaction: Transaction, report_id: str) -> Report:
    found = intake.load(call.desk, transaction, [ReportId(report_id)])
    if not found:
        raise NotHereError
    return found[0]


def _relate(call: Call, finding_id: str, body: shapes.OtherFinding, relation: Relation) -> Edge:
    with call.transaction() as transaction:
        return decisions.relate(
            call.desk,
            transaction,
            call.actor,
            FindingId(finding_id),
            FindingId(body.other),
            relation=relation,
            note=body.note,
        )
