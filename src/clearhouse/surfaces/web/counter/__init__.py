"""The counter's pages: for whoever reports, and for whoever reads what was published.

In: the services of the counter, whose database role reads no case. Out: an ASGI application to
be mounted behind the counter's API. Refused: reports without a live token for submissions.
The pages keep no cookie and no session: whoever acts here shows a token or a receipt each time.
"""

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.responses import PlainTextResponse

from clearhouse.clearing.coordinate.relay import reception
from clearhouse.clearing.publish.house import publisher
from clearhouse.clearing.publish.provider import SECURITY_TXT, security_txt
from clearhouse.clearing.publish.shelf import Shelf
from clearhouse.formats import relay_node
from clearhouse.kernel.services import Counter
from clearhouse.surfaces.api.requests import HourlyQuota
from clearhouse.surfaces.web.counter import (
    advisories,
    determinations,
    front,
    invitation,
    process,
    provider,
    report_form,
)
from clearhouse.surfaces.web.counter.refusals import add_refusals
from clearhouse.surfaces.web.protection import Protected
from clearhouse.surfaces.web.rendering import Assets


def application(counter: Counter, quota: HourlyQuota) -> FastAPI:
    """Return the pages; `quota` is shared with the API, so that the form is no way around it."""
    app = FastAPI(title="Clearhouse counter", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.counter, app.state.quota = counter, quota
    app.state.looks = HourlyQuota(
        counter.database.clock, report_form.LOOKS_PER_HOUR, of="looks at what is written"
    )
    app.state.counted = process.Counted()
    app.add_middleware(Protected)
    add_refusals(app)
    app.include_router(front.router)
    app.include_router(report_form.router)
    app.include_router(invitation.router)
    app.include_router(process.router)
    app.include_router(advisories.router)
    app.include_router(determinations.router)
    app.include_router(provider.router)
    app.add_api_route("/.well-known/security.txt", _security_txt, include_in_schema=False)
    app.add_api_route(relay_node.WELL_KNOWN, _relay_node, include_in_schema=False)
    app.mount("/static", Assets(), name="static")
    return app


def _security_txt(request: Request) -> PlainTextResponse:
    """Say where flaws of this installation itself are reported. Source: RFC 9116."""
    counter = front.counter_of(request)
    folder = counter.published_folder
    written = None if folder is None else Shelf(folder).read(SECURITY_TXT)
    if written is not None:
        return PlainTextResponse(written)
    base = str(request.base_url).rstrip("/")
    return PlainTextResponse(security_txt(publisher(), base, counter.database.clock()))


def _relay_node(request: Request) -> Response:
    """Say by which keys this house signs what it relays to other coordinators."""
    document = reception.own_document(front.counter_of(request))
    if document is None:
        raise HTTPException(404)
    return Response(document, media_type="application/json")
