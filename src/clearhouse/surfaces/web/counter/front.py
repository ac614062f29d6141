"""What this is, and how far a report is."""

import re
from typing import Annotated, cast

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import RedirectResponse

from clearhouse.clearing.intake import operations as intake
from clearhouse.kernel.services import Counter
from clearhouse.surfaces.web.rendering import page

router = APIRouter(include_in_schema=False)
_RECEIPT = re.compile("SUB-[a-z2-7]{18}")


def counter_of(request: Request) -> Counter:
    """Return the services of the application that serves a request."""
    return cast("Counter", request.app.state.counter)


@router.get("/")
def show_front() -> Response:
    """Say what this is and how to report."""
    return _page("front.html", "/")


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


def _plain(receipt: str) -> str:
    """Return a receipt as it may stand in an address."""
    return "".join(c for c in receipt.strip() if c.isascii() and (c.isalnum() or c == "-")) or "-"


def _page(template: str, path: str, *, http_status: int = 200, **values: object) -> Response:
    frame = {"door": "counter", "path": path}
    return page(f"counter/{template}", frame | values, status=http_status)
