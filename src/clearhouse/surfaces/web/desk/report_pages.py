"""Reports as they came in: the list, one report in full, and its files byte for byte."""

import json
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from fastapi.responses import RedirectResponse

from clearhouse.clearing.intake import listing
from clearhouse.clearing.intake import operations as intake
from clearhouse.clearing.intake.operations import Report
from clearhouse.clearing.match import operations as match
from clearhouse.clearing.validate import examination
from clearhouse.clearing.validate import operations as validate
from clearhouse.kernel.ids import ReportId
from clearhouse.kernel.store.database import Transaction
from clearhouse.surfaces.web.desk import draft_fields
from clearhouse.surfaces.web.desk.addresses import ReportAddress
from clearhouse.surfaces.web.desk.entrance import Act, Here, NotHereError, Visit
from clearhouse.surfaces.web.desk.report_view import report_view
from clearhouse.surfaces.web.downloads import as_attachment
from clearhouse.surfaces.web.pages import Pages
from clearhouse.surfaces.web.untrusted import plain_line

router = APIRouter(include_in_schema=False)
_ROWS = 50
_Before = Annotated[str | None, Query(pattern="^rep_[a-z2-7]{26}$")]


@router.get("/reports")
def show_list(here: Here, before: _Before = None) -> Response:
    """Show what came in, the newest first."""
    with here.transaction() as transaction:
        rows = listing.newest(
            transaction, before=ReportId(before) if before else None, limit=_ROWS + 1
        )
        shown = rows[:_ROWS]
        reports = intake.load(here.desk, transaction, [row.report_id for row in shown])
    titles = {report.report_id: listing.headline(report.content) for report in reports}
    pages = Pages(
        said=f"{len(shown)} reports",
        before="/reports" if before else None,
        after=f"/reports?before={shown[-1].report_id}" if len(rows) > _ROWS else None,
    )
    return here.page("reports.html", rows=shown, titles=titles, pages=pages)


@router.get("/reports/{report_id}")
def show(here: Here, report_id: ReportAddress) -> Response:
    """Show one report with everything that it says."""
    with here.transaction() as transaction:
        report = _load(here, transaction, report_id)
        row = listing.one(transaction, report.report_id)
        passages = listing.passages(transaction, report.report_id)
        verdict = validate.verdict_of(here.desk, transaction, report.report_id)
        finding_id = match.finding_of(transaction, report.report_id)
        asked = examination.newest(transaction, report.report_id)
    may = here.desk.authority.may(here.actor, "report.examine", report.readers)
    return here.page(
        "report.html",
        one=report_view(
            report,
            verdict,
            row.present if row else (),
            examination=asked,
            may_examine=may.allowed,
        ),
        row=row,
        passages=passages,
        finding_id=finding_id,
    )


@router.post("/reports/{report_id}/examination")
def look_again(here: Act, report_id: ReportAddress) -> Response:
    """Ask for another examination of a report; what waits or runs already is enough."""
    with here.transaction() as transaction:
        report = _load(here, transaction, report_id)
        examination.ask(here.desk, transaction, here.actor, report.report_id, again=True)
    return RedirectResponse(f"/reports/{report_id}", status_code=303)


@router.get("/reports/{report_id}/statement")
def statement(here: Here, report_id: ReportAddress) -> Response:
    """Send the newest verdict as a signed statement, which holds no word of the report."""
    with here.transaction() as transaction:
        report = _load(here, transaction, report_id)
        signed = validate.statement_of(here.desk, transaction, report.report_id)
    if signed is None:
        raise NotHereError
    return _bytes(json.dumps(signed).encode(), f"{report.receipt}.verdict.dsse.json")


@router.get("/reports/{report_id}/original")
def original(here: Here, report_id: ReportAddress) -> Response:
    """Send what came through the door, byte for byte."""
    with here.transaction() as transaction:
        report = _load(here, transaction, report_id)
        data = intake.original(here.desk, transaction, report.receipt)
    if data is None:
        raise NotHereError
    return _bytes(data, f"{report.receipt}.{report.format}.original")


@router.get("/reports/{report_id}/text/{key}")
def text(
    here: Here, report_id: ReportAddress, key: Annotated[str, Path(pattern="^[a-z-]{1,30}$")]
) -> Response:
    """Send one long text of a report in full."""
    with here.transaction() as transaction:
        report = _load(here, transaction, report_id)
    for field in draft_fields.long_texts(report.content):
        if field.key == key:
            data = field.texts[0].encode("utf-8", "surrogatepass")
            return _bytes(data, f"{report.receipt}-{key}.txt")
    raise NotHereError


@router.get("/reports/{report_id}/files/{place}")
def file(
    here: Here, report_id: ReportAddress, place: Annotated[int, Path(ge=0, le=999)]
) -> Response:
    """Send one attachment."""
    with here.transaction() as transaction:
        report = _load(here, transaction, report_id, files=True)
    if place >= len(report.content.attachments):
        raise NotHereError
    found = report.content.attachments[place]
    return _bytes(found.data, plain_line(found.filename))


def _load(here: Visit, transaction: Transaction, report_id: str, *, files: bool = False) -> Report:
    found = intake.load(here.desk, transaction, [ReportId(report_id)], files=files)
    if not found:
        raise NotHereError
    return found[0]


def _bytes(data: bytes, name: str) -> Response:
    """Return bytes that no browser interprets, whatever the report calls them."""
    return Response(data, media_type="application/octet-stream", headers=as_attachment(name))
