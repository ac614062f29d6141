"""What this is, the form for reports, and how far a report is.

The form goes through the same operation as the API. A key that the page carries makes sending it
twice harmless.
"""

import re
from typing import Annotated, cast

from fastapi import APIRouter, Form, Path, Query, Request, Response, UploadFile
from fastapi.responses import RedirectResponse

from clearhouse.clearing.intake import operations as intake
from clearhouse.clearing.intake.completeness import Element
from clearhouse.clearing.intake.operations import KeyReusedError
from clearhouse.clearing.intake.receive import Accepted, Incoming, Refused, receive
from clearhouse.kernel import identity
from clearhouse.kernel.identity import Actor, Scope
from clearhouse.kernel.ids import new_id
from clearhouse.kernel.policy import ForbiddenError
from clearhouse.kernel.services import Counter
from clearhouse.surfaces.api.requests import HourlyQuota, refuse_other_sites
from clearhouse.surfaces.web.pictures.completeness import completeness_picture
from clearhouse.surfaces.web.rendering import page

router = APIRouter(include_in_schema=False)
MAX_FILE_BYTES = 16 * 1024 * 1024
_LONGEST_TEXT = 1024 * 1024
_RECEIPT = re.compile("SUB-[a-z2-7]{18}")
_KEY = "^frm_[a-z2-7]{26}$"


def counter_of(request: Request) -> Counter:
    """Return the services of the application that serves a request."""
    return cast("Counter", request.app.state.counter)


@router.get("/")
def show_front() -> Response:
    """Say what this is and how to report."""
    return _page("front.html", "/")


@router.get("/report")
def show_form() -> Response:
    """Show the form."""
    return _form()


@router.post("/report")
def submit(
    request: Request,
    key: Annotated[str, Form(pattern=_KEY)],
    token: Annotated[str, Form(max_length=200)] = "",
    text: Annotated[str, Form(max_length=_LONGEST_TEXT)] = "",
    file: UploadFile | None = None,
) -> Response:
    """Take a report in and say what it has and lacks."""
    refuse_other_sites(request)
    actor = _authenticated(counter_of(request), token.strip())
    if actor is None:
        return _form(text=text, status=401, refused="That is no live token for submissions.")
    incoming = _incoming(text, file, key)
    if incoming is None:
        return _form(status=400, refused="Write a report or choose a file; nothing was stored.")
    if len(incoming.data) > MAX_FILE_BYTES:
        return _form(status=413, refused="The file is over 16 MiB; nothing was stored.")
    cast("HourlyQuota", request.app.state.quota).spend(actor)
    return _take(counter_of(request), actor, incoming, text)


@router.get("/status")
def ask_status(receipt: Annotated[str, Query(max_length=40)] = "") -> Response:
    """Lead to the status of a receipt."""
    if receipt:
        return RedirectResponse(f"/status/{_plain(receipt)}", status_code=303)
    return _page("status.html", "/status", asked=False, status=None)


@router.get("/status/{receipt}")
def show_status(request: Request, receipt: Annotated[str, Path(max_length=40)]) -> Response:
    """Say how far a submission is."""
    known = _RECEIPT.fullmatch(receipt) is not None
    found = intake.status(counter_of(request), receipt) if known else None
    return _page(
        "status.html", "/status", asked=True, status=found, http_status=200 if found else 404
    )


def _take(counter: Counter, actor: Actor, incoming: Incoming, text: str) -> Response:
    try:
        outcome = receive(counter, actor, incoming)
    except ForbiddenError:
        return _form(text=text, status=403, refused="This token's owner may not send reports.")
    except KeyReusedError:
        return _form(text=text, status=409, refused="This form was sent before. Send it once more.")
    if isinstance(outcome, Refused):
        return _form(text=text, status=outcome.status, refused=outcome.detail)
    return _accepted(outcome)


def _accepted(outcome: Accepted) -> Response:
    pictures = [completeness_picture(list(Element), one.present) for one in outcome.reports]
    answers = list(zip(outcome.reports, pictures, strict=True))
    return _page("accepted.html", "/report", outcome=outcome, answers=answers)


def _incoming(text: str, file: UploadFile | None, key: str) -> Incoming | None:
    if file is not None and file.filename:
        data = file.file.read(MAX_FILE_BYTES + 1)
        return Incoming(
            data=data,
            content_type=file.content_type,
            filename=file.filename[:255],
            idempotency_key=key,
        )
    if not text.strip():
        return None
    return Incoming(
        data=text.encode("utf-8", "replace"),
        content_type="text/markdown",
        filename="report.md",
        idempotency_key=key,
    )


def _authenticated(counter: Counter, token: str) -> Actor | None:
    with counter.database.transaction(None) as transaction:
        actor = identity.authenticate(transaction, token)
    return actor if actor is not None and Scope.SUBMIT in actor.scopes else None


def _form(*, text: str = "", status: int = 200, refused: str | None = None) -> Response:
    return _page(
        "report.html", "/report", key=new_id("frm"), text=text, refused=refused, http_status=status
    )


def _plain(receipt: str) -> str:
    """Return a receipt as it may stand in an address."""
    return "".join(c for c in receipt.strip() if c.isascii() and (c.isalnum() or c == "-")) or "-"


def _page(template: str, path: str, *, http_status: int = 200, **values: object) -> Response:
    frame = {"door": "counter", "path": path}
    return page(f"counter/{template}", frame | values, status=http_status)
