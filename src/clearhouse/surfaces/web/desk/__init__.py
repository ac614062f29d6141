"""The desk: where people decide. An application of its own, for those who are signed in.

In: the services of the desk. Out: an ASGI application with pages and the same operations as JSON.
Refused: every request without a session or a desk token; need to know holds by construction,
because each request runs its transactions as the actor behind it.
"""

from collections.abc import Sequence

from fastapi import APIRouter, FastAPI

from clearhouse.kernel.services import Desk
from clearhouse.surfaces.web.desk import (
    access_pages,
    agent_pages,
    case_clock_pages,
    case_detection_pages,
    case_pages,
    case_people_pages,
    case_reaching_pages,
    criteria_pages,
    decide_pages,
    defense_pages,
    export_pages,
    finding_pages,
    help_pages,
    invitation_pages,
    lease_pages,
    ledger_pages,
    own_case_pages,
    pacing_pages,
    passkey_pages,
    provider_pages,
    queue_pages,
    reach_pages,
    release_pages,
    report_pages,
    sign_in,
    thread_pages,
    tour_pages,
    you,
)
from clearhouse.surfaces.web.desk.entrance import Entrance
from clearhouse.surfaces.web.desk.refusals import add_refusals
from clearhouse.surfaces.web.protection import Protected
from clearhouse.surfaces.web.rendering import Assets


def application(desk: Desk, *, also: Sequence[APIRouter] = (), secure: bool = False) -> FastAPI:
    """Return the desk as an ASGI application.

    `also` brings the operations as JSON; `secure` says that browsers reach it over TLS.
    """
    app = FastAPI(
        title="Clearhouse desk",
        version="1",
        docs_url=None,  # its page loads scripts from elsewhere
        redoc_url=None,
        openapi_url="/v1/openapi.json",
    )
    app.state.entrance = Entrance(desk=desk, secure=secure)
    app.add_middleware(Protected, scripts=True, asks=True)
    add_refusals(app)
    for pages in (
        sign_in,
        provider_pages,
        passkey_pages,
        queue_pages,
        decide_pages,
        help_pages,
        finding_pages,
        report_pages,
        case_pages,
        case_people_pages,
        case_reaching_pages,
        case_clock_pages,
        invitation_pages,
        case_detection_pages,
        own_case_pages,
        thread_pages,
        access_pages,
        criteria_pages,
        defense_pages,
        lease_pages,
        reach_pages,
        release_pages,
        ledger_pages,
        pacing_pages,
        agent_pages,
        export_pages,
        tour_pages,
        you,
    ):
        app.include_router(pages.router)
    for router in also:
        app.include_router(router)
    app.mount("/static", Assets(), name="static")
    return app
