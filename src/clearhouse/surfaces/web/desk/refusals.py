"""What the desk answers when it does not answer: one page a kind, none with details of the case.

A thing that is not there and a thing that the actor is not read in to give the same 404.
"""

from collections.abc import Callable
from urllib.parse import quote

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from clearhouse.access.refusal import NotThereError
from clearhouse.clearing.coordinate.casework import NoSuchCaseError
from clearhouse.clearing.coordinate.messages import NoSuchThreadError
from clearhouse.clearing.match.matching import NoSuchFindingError
from clearhouse.clearing.match.operations import SaidDifferentError
from clearhouse.clearing.validate.operations import NoSuchReportError
from clearhouse.defense.keep.refusal import NoSuchCardError
from clearhouse.kernel.policy import ForbiddenError
from clearhouse.kernel.store.embedded import StoreUnavailableError
from clearhouse.surfaces.api.problems import ProblemError
from clearhouse.surfaces.web.desk.decisions import ImpossibleError
from clearhouse.surfaces.web.desk.entrance import ForeignFormError, NotHereError, NotSignedInError
from clearhouse.surfaces.web.rendering import page

_SAID = {
    400: ("This address or form is not right", "Go back and try again."),
    403: ("Not allowed", "The form is out of date or came from another site. Reload and repeat."),
    404: ("Nothing here", "There is no such thing, or you are not read in to it."),
    405: ("Not this way", "This address does not take that kind of request."),
    409: (
        "Does not fit",
        "Somebody said that these are different bugs. Take that back first.",
    ),
    503: ("The store does not answer", "Nothing was changed. Try again shortly."),
}


def add_refusals(app: FastAPI) -> None:
    """Give an application its answers to what goes wrong."""
    plain: dict[type[Exception], int] = {
        ForeignFormError: 403,
        NotHereError: 404,
        NotThereError: 404,
        NoSuchReportError: 404,
        NoSuchFindingError: 404,
        NoSuchCaseError: 404,
        NoSuchThreadError: 404,
        NoSuchCardError: 404,
        SaidDifferentError: 409,
        StoreUnavailableError: 503,
    }
    for kind, status in plain.items():
        app.add_exception_handler(kind, _always(status))
    app.add_exception_handler(RequestValidationError, _misshapen)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(ForbiddenError, _forbidden)
    app.add_exception_handler(ImpossibleError, _impossible)
    app.add_exception_handler(NotSignedInError, _sign_in)
    app.add_exception_handler(ProblemError, _problem)


def _always(status: int) -> Callable[[Request, Exception], Response]:
    def answer(request: Request, _: Exception) -> Response:
        return _refuse(request, status)

    return answer


def _misshapen(request: Request, error: Exception) -> Response:
    """Answer a malformed id like an unknown one."""
    faults = error.errors() if isinstance(error, RequestValidationError) else ()
    return _refuse(request, 404 if any(fault["loc"][0] == "path" for fault in faults) else 400)


def _http(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 400
    return _refuse(request, status)


def _forbidden(request: Request, error: Exception) -> Response:
    return _refuse(request, 403, f"The policy refuses this: {error}.")


def _impossible(request: Request, error: Exception) -> Response:
    return _refuse(request, 409, f"Not done: {error}.")


def _sign_in(request: Request, _: Exception) -> Response:
    if request.method != "GET" or request.url.path == "/":
        return Response(status_code=303, headers={"location": "/sign-in"})
    to = quote(request.url.path, safe="/")
    return Response(status_code=303, headers={"location": f"/sign-in?to={to}"})


def _problem(_: Request, error: Exception) -> Response:
    if not isinstance(error, ProblemError):
        raise error
    return error.response()


def _refuse(request: Request, status: int, said: str | None = None) -> Response:
    title, usual = _SAID.get(status, _SAID[400])
    if request.url.path.startswith("/v1/"):
        return ProblemError(status, said or usual).response()
    values = {"door": "desk", "title": title, "said": said or usual}
    return page("desk/refusal.html", values, status=status)
