"""Early access: the windows, one window with its board and its grants, and the kill switch."""

from typing import Annotated

from fastapi import APIRouter, Form, Response
from fastapi.responses import RedirectResponse

from clearhouse.access.admit import operations as admit
from clearhouse.access.admit.record import AssessmentKind, Opinion
from clearhouse.access.close import operations as closing
from clearhouse.access.grant import operations as granting
from clearhouse.access.grant.record import Kill, Selector
from clearhouse.access.offer import operations as offer
from clearhouse.access.offer.record import WindowStep
from clearhouse.access.refusal import Refused
from clearhouse.surfaces.web.desk.access_view import window_view
from clearhouse.surfaces.web.desk.addresses import AdmissionAddress, WindowAddress
from clearhouse.surfaces.web.desk.entrance import Act, Here, Visit
from clearhouse.surfaces.web.pictures.window import budget_bar, window_timeline

router = APIRouter(include_in_schema=False)
_Reason = Annotated[str, Form(max_length=4000)]
_Short = Annotated[str, Form(max_length=200)]


@router.get("/access")
def show_list(here: Here) -> Response:
    """Show the windows that this actor may read, the newest first."""
    with here.transaction() as transaction:
        windows = offer.windows(here.desk, transaction, here.actor)
    return here.page("access.html", windows=windows)


@router.get("/access/{window_id}")
def show(here: Here, window_id: WindowAddress) -> Response:
    """Show one window."""
    return _page(here, window_id)


@router.post("/access/{window_id}/step")
def step(
    here: Act, window_id: WindowAddress, what: Annotated[WindowStep, Form()], because: _Reason = ""
) -> Response:
    """Open, pause, resume or close a window."""
    with here.transaction() as transaction:
        if what is WindowStep.CLOSE:
            done = closing.close(here.desk, transaction, here.actor, window_id, because=because)
        else:
            done = offer.step(here.desk, transaction, here.actor, window_id, what, because=because)
    return _answer(here, window_id, done)


@router.post("/access/{window_id}/kill")
def kill(
    here: Act,
    window_id: WindowAddress,
    attribute: _Short = "",
    values: _Short = "",
    other_than: Annotated[bool, Form()] = False,
    grant: _Short = "",
    because: _Reason = "",
    really: Annotated[bool, Form()] = False,
) -> Response:
    """Say who would lose access; take it when that was seen and a reason is given."""
    selector = Selector(
        grants=(grant,) if grant else (),
        attribute=attribute or None,
        values=tuple(one.strip() for one in values.split(",") if one.strip()),
        other_than=other_than,
    )
    with here.transaction() as transaction:
        done = granting.kill(
            here.desk,
            transaction,
            here.actor,
            window_id,
            selector,
            because=because,
            dry_run=not really,
        )
    if isinstance(done, Kill):
        return _page(here, window_id, kill=done, selector=selector)
    return _answer(here, window_id, done)


@router.post("/access/{window_id}/decide/{admission_id}")
def decide(
    here: Act,
    window_id: WindowAddress,
    admission_id: AdmissionAddress,
    approve: Annotated[bool, Form()],
    code: _Short = "",
    reason: _Reason = "",
) -> Response:
    """Say the word of the actor's side."""
    opinion = Opinion(approve=approve, codes=(code,) if code else (), reason=reason)
    with here.transaction() as transaction:
        done = admit.assess(
            here.desk, transaction, here.actor, admission_id, AssessmentKind.DECISION, opinion
        )
    return _answer(here, window_id, done)


def _answer(here: Visit, window_id: str, done: object) -> Response:
    if isinstance(done, Refused):
        return _page(here, window_id, refused=done.reason, status=409)
    return RedirectResponse(f"/access/{window_id}", status_code=303)


def _page(
    here: Visit,
    window_id: str,
    *,
    refused: str | None = None,
    kill: Kill | None = None,
    selector: Selector | None = None,
    status: int = 200,
) -> Response:
    with here.transaction() as transaction:
        view = window_view(here.desk, transaction, here.actor, window_id)
    return here.page(
        "window.html",
        view=view,
        refused=refused,
        kill=kill,
        selector=selector,
        timeline=window_timeline(view.times, here.now, view.closed_at),
        bar=budget_bar,
        status=status,
    )
