"""The counter's API: hand a report in, follow it, read what was published.

`POST /v1/reports` and `GET /v1/submissions/{receipt}` speak the TAP Intake API; clients written
for it work unchanged. `POST /v1/documents` takes every other format the readers know.
A 202 is sent only when the report is on disk; any other answer means that nothing was stored.
Source: TAP Intake API (October 2026); RFC 9457; RFC 8288; the Idempotency-Key header draft.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC
from typing import Annotated

from fastapi import FastAPI, Header, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from clearhouse.clearing.intake import operations as intake
from clearhouse.clearing.intake.operations import KeyReusedError
from clearhouse.clearing.intake.receive import Accepted, Incoming, Refused, receive
from clearhouse.formats.tap_record import MAX_BODY_BYTES
from clearhouse.kernel.identity import Scope
from clearhouse.kernel.policy import ForbiddenError
from clearhouse.kernel.services import Counter
from clearhouse.kernel.store.embedded import StoreUnavailableError
from clearhouse.surfaces.api import advisories, relay, taxii
from clearhouse.surfaces.api.acknowledgements import add_acknowledgements
from clearhouse.surfaces.api.detections import add_detections
from clearhouse.surfaces.api.problems import ProblemError, described
from clearhouse.surfaces.api.requests import (
    HourlyQuota,
    authenticated,
    body_within,
    refuse_other_sites,
)
from clearhouse.surfaces.api.schemas import ACCEPTED, DOCUMENT_BODY, REPORT_BODY, STATUS

MAX_DOCUMENT_BYTES = 16 * 1024 * 1024
RETRY_AFTER_S = "5"

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        pattern=r"^[\x21-\x7e]+$",
        description="Sending the same report again under the same key returns the first receipt.",
    ),
]


def application(counter: Counter, quota: HourlyQuota) -> FastAPI:
    """Return the counter's API as an ASGI application; the pages spend of the same quota."""
    app = FastAPI(
        title="Clearhouse counter",
        version="1",
        description="Hand vulnerability reports in and follow them.",
        docs_url=None,  # its page loads scripts from elsewhere
        redoc_url=None,
        openapi_url="/v1/openapi.json",
    )
    _add_error_handlers(app)
    reception = _Reception(counter, quota)
    _add_reports(app, reception)
    _add_documents(app, reception)
    _add_status(app, counter)
    relay.add_reception(app, counter)
    advisories.add(app, counter)
    taxii.add(app, counter)
    add_acknowledgements(app, counter, quota)
    add_detections(app, counter)
    return app


@dataclass(frozen=True, slots=True)
class _Reception:
    """Takes a request's body in, in the order that the TAP Intake API demands."""

    counter: Counter
    quota: HourlyQuota

    async def take(
        self, request: Request, incoming: Callable[[bytes], Incoming], limit: int
    ) -> Response:
        refuse_other_sites(request)
        database = self.counter.database
        actor = await run_in_threadpool(authenticated, request, database, Scope.SUBMIT)
        self.quota.spend(actor)
        body = await body_within(request, limit)
        return _answer(await run_in_threadpool(receive, self.counter, actor, incoming(body)))


def _add_reports(app: FastAPI, reception: _Reception) -> None:
    @app.post(
        "/v1/reports",
        status_code=202,
        summary="Hand a report in (TAP Intake API)",
        responses={202: ACCEPTED, **described(400, 401, 403, 408, 409, 413, 415, 422, 429, 503)},
        openapi_extra=REPORT_BODY,
        response_class=JSONResponse,
    )
    async def submit_report(request: Request, key: IdempotencyKey = None) -> Response:
        content_type = request.headers.get("content-type", "")
        _expect(content_type, {"application/json", "multipart/mixed"})
        return await reception.take(
            request,
            lambda body: Incoming(
                data=body, content_type=content_type, tap=True, idempotency_key=key
            ),
            MAX_BODY_BYTES,
        )


def _add_documents(app: FastAPI, reception: _Reception) -> None:
    @app.post(
        "/v1/documents",
        status_code=202,
        summary="Hand in OSV, CSAF, SARIF, GHSA, Markdown, text or e-mail",
        responses={202: ACCEPTED, **described(400, 401, 403, 408, 409, 413, 422, 429, 503)},
        openapi_extra=DOCUMENT_BODY,
        response_class=JSONResponse,
    )
    async def submit_document(
        request: Request,
        filename: Annotated[str | None, Query(max_length=255)] = None,
        key: IdempotencyKey = None,
    ) -> Response:
        return await reception.take(
            request,
            lambda body: Incoming(
                data=body,
                content_type=request.headers.get("content-type"),
                filename=filename,
                idempotency_key=key,
            ),
            MAX_DOCUMENT_BYTES,
        )


def _add_status(app: FastAPI, counter: Counter) -> None:
    @app.get(
        "/v1/submissions/{receipt}",
        summary="Follow a submission by its receipt",
        responses={200: STATUS, **described(404, 503)},
        response_class=JSONResponse,
    )
    def submission_status(receipt: str) -> Response:
        known = intake.status(counter, receipt)
        if known is None:
            raise ProblemError(404, "no submission has this receipt")
        return JSONResponse(
            {
                "receipt": known.receipt,
                "status": known.status,
                "at": known.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            },
            headers={"Cache-Control": "no-store"},
        )


def _expect(content_type: str, kinds: set[str]) -> None:
    if content_type.partition(";")[0].strip().lower() not in kinds:
        raise ProblemError(415, f"send {' or '.join(sorted(kinds))}")


def _answer(outcome: Accepted | Refused) -> Response:
    if isinstance(outcome, Refused):
        raise ProblemError(outcome.status, outcome.detail, document=outcome.document)
    body: dict[str, object] = {
        "receipt": outcome.receipt,
        "message": "accepted; poll /v1/submissions/{receipt} for status",
        "reports": [report.as_json() for report in outcome.reports],
    }
    if outcome.warnings:
        body["warnings"] = list(outcome.warnings)
    link = f'</v1/submissions/{outcome.receipt}>; rel="monitor"'
    return JSONResponse(body, status_code=202, headers={"Link": link})


def _add_error_handlers(app: FastAPI) -> None:
    def problem(status: int, detail: str, **headers: str) -> Response:
        return ProblemError(status, detail, headers=headers).response()

    async def on_http(_: Request, error: Exception) -> Response:
        if not isinstance(error, HTTPException):
            raise error
        detail = {404: "no such path", 405: "this path does not take this method"}
        headers = dict(error.headers or {})
        return problem(
            error.status_code, detail.get(error.status_code, str(error.detail)), **headers
        )

    handlers: dict[type[Exception], Callable[[Request, Exception], Awaitable[Response]]] = {
        HTTPException: on_http,
        RequestValidationError: _handler(
            lambda _: problem(
                422, "a header or query parameter breaks its rule; see /v1/openapi.json"
            )
        ),
        ProblemError: _handler(lambda error: error.response()),  # type: ignore[attr-defined]
        ForbiddenError: _handler(lambda error: problem(403, str(error))),
        KeyReusedError: _handler(lambda error: problem(409, str(error))),
        StoreUnavailableError: _handler(
            lambda error: problem(503, str(error), **{"Retry-After": RETRY_AFTER_S})
        ),
    }
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, handler)


def _handler(
    answer: Callable[[Exception], Response],
) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def handle(_: Request, error: Exception) -> Response:
        return answer(error)

    return handle
