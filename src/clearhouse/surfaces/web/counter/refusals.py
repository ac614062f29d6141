"""What the counter's pages answer when they do not answer."""

from collections.abc import Callable

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from clearhouse.kernel.store.embedded import StoreUnavailableError
from clearhouse.surfaces.api.problems import ProblemError
from clearhouse.surfaces.web.rendering import page

_SAID = {
    400: ("This address or form is not right", "Go back and try again."),
    403: ("Not taken", "The form came from another site. Open the page here and send it again."),
    404: ("Nothing here", "There is no page at this address."),
    405: ("Not this way", "This address does not take that kind of request."),
    429: ("Too many reports in this hour", "Go on in the next hour. Nothing was stored."),
    503: ("The store does not answer", "Nothing was stored. Try again shortly."),
}


class NotPublicError(Exception):
    """Not there, or not public; the answer is the same."""


def add_refusals(app: FastAPI) -> None:
    """Give the pages their answers to what goes wrong."""
    plain: dict[type[Exception], int] = {NotPublicError: 404, StoreUnavailableError: 503}
    for kind, status in plain.items():
        app.add_exception_handler(kind, _always(status))
    app.add_exception_handler(RequestValidationError, _misshapen)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(ProblemError, _problem)


def _always(status: int) -> Callable[[Request, Exception], Response]:
    def answer(request: Request, _: Exception) -> Response:
        return refuse(request, status)

    return answer


def _misshapen(request: Request, error: Exception) -> Response:
    faults = error.errors() if isinstance(error, RequestValidationError) else ()
    return refuse(request, 404 if any(fault["loc"][0] == "path" for fault in faults) else 400)


def _http(request: Request, error: Exception) -> Response:
    return refuse(request, error.status_code if isinstance(error, HTTPException) else 400)


def _problem(request: Request, error: Exception) -> Response:
    return refuse(request, error.status if isinstance(error, ProblemError) else 400)


def refuse(request: Request, status: int) -> Response:
    """Return the answer of one kind: a page, or a problem document below `/v1/`."""
    title, said = _SAID.get(status, _SAID[400])
    if request.url.path.startswith("/v1/"):
        return ProblemError(status, said).response()
    values = {"door": "counter", "path": "", "title": title, "said": said}
    return page("counter/refusal.html", values, status=status)
