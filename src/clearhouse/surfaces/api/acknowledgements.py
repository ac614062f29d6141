"""Where operators say back what an advisory meant for them.

In: a signed statement of at most 4 kB, with a token of the scope `advisories:acknowledge`. Out: 202
once it is kept. Refused: what `acknowledging.acknowledge` refuses; an id that is not public is 404,
embargoed or never given.
"""

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from clearhouse.clearing.deliver import acknowledging
from clearhouse.clearing.deliver.acknowledging import NoSuchAdvisoryError
from clearhouse.formats.acknowledgement import MOST_BYTES, AcknowledgementError
from clearhouse.kernel.identity import Actor, Scope
from clearhouse.kernel.services import Counter
from clearhouse.surfaces.api.problems import ProblemError, described
from clearhouse.surfaces.api.requests import (
    HourlyQuota,
    authenticated,
    body_within,
    refuse_other_sites,
)

_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "description": "a DSSE envelope, as `clearhouse acknowledge` signs it",
                    "required": ["payload", "payloadType", "signatures"],
                }
            }
        },
    }
}


def add_acknowledgements(app: FastAPI, counter: Counter, quota: HourlyQuota) -> None:
    """Let an application take statements."""

    @app.post(
        "/v1/acknowledgements",
        status_code=202,
        summary="Say whether an advisory concerns you, and when it was fixed",
        responses=described(400, 401, 403, 404, 408, 413, 422, 429, 503),
        openapi_extra=_BODY,
        response_class=JSONResponse,
    )
    async def take(request: Request) -> Response:
        refuse_other_sites(request)
        actor = await run_in_threadpool(authenticated, request, counter.database, Scope.ACKNOWLEDGE)
        quota.spend(actor)
        body = await body_within(request, MOST_BYTES)
        kept = await run_in_threadpool(_keep, counter, actor, body)
        return JSONResponse({"acknowledgement": kept}, status_code=202)


def _keep(counter: Counter, actor: Actor, body: bytes) -> str:
    try:
        return acknowledging.acknowledge(counter, actor, body)
    except AcknowledgementError as error:
        raise ProblemError(422, str(error)) from error
    except NoSuchAdvisoryError as error:
        raise ProblemError(404, "no public advisory has this id") from error
