"""The counter's door for other coordinators: one path that takes envelopes.

In: a request that a peer's Clearhouse signed. Out: 202 when the envelope is on disk, now or before;
otherwise a problem document with a code that the peer's Clearhouse understands. No token is asked
for: the signature says who it is.
Source: RFC 9421, RFC 9457.
"""

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from clearhouse.clearing.coordinate.relay import lookup, reception
from clearhouse.clearing.coordinate.relay.reception import Accepted, Reception, Turned
from clearhouse.formats import relay
from clearhouse.kernel.services import Counter
from clearhouse.surfaces.api.problems import ProblemError
from clearhouse.surfaces.api.requests import body_within, refuse_other_sites


def add_reception(app: FastAPI, counter: Counter) -> None:
    """Add the door to the counter's API."""
    taking = Reception(counter)

    @app.post(reception.PATH, include_in_schema=False)
    async def take_envelope(request: Request) -> Response:
        refuse_other_sites(request)
        body = await body_within(request, relay.MOST_BYTES)
        return _answer(await run_in_threadpool(taking.receive, dict(request.headers), body))

    @app.post(lookup.PATH, include_in_schema=False)
    async def look_up(request: Request) -> Response:
        refuse_other_sites(request)
        body = await body_within(request, lookup.MOST_BYTES)
        said = await run_in_threadpool(taking.look_up, dict(request.headers), body)
        if isinstance(said, Turned):
            return _answer(said)
        status, content = (202, b"{}") if said is None else (200, said)
        return Response(content, status, {"Cache-Control": "no-store"}, lookup.MEDIA_TYPE)


def _answer(outcome: Accepted | Turned) -> Response:
    if isinstance(outcome, Turned):
        raise ProblemError(
            outcome.status,
            outcome.reason,
            document={
                "type": "about:blank",
                "title": "The envelope was not taken",
                "status": outcome.status,
                "detail": outcome.reason,
                "code": str(outcome.code),
            },
        )
    return JSONResponse(
        {"envelope": outcome.envelope_id, "known": outcome.known},
        status_code=202,
        headers={"Cache-Control": "no-store"},
    )
