"""Signing in and out: with a desk token, or once with a link that the launcher printed.

The link shows a page with a button, and only the button uses the code up: programs that look at
links before people do would otherwise spend it.
"""

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request, Response

from clearhouse.kernel import sessions
from clearhouse.kernel.identity import Actor
from clearhouse.kernel.services import Desk
from clearhouse.surfaces.web.desk.entrance import Act, entrance_of, refuse_other_sites, within
from clearhouse.surfaces.web.desk.site import named_address, site_of
from clearhouse.surfaces.web.rendering import page

router = APIRouter(include_in_schema=False)
_Secret = Annotated[str, Form(max_length=200)]


def one_time_link(desk: Desk, actor: Actor, base: str, to: str = "/") -> str:
    """Return an address that signs this actor in at the desk under `base`, once, and leads on."""
    with desk.database.transaction(actor.actor_id) as transaction:
        code = sessions.offer_link(transaction, actor.actor_id)
    return f"{base}/sign-in?code={code}" + ("" if to == "/" else f"&to={to}")


@router.get("/sign-in")
def ask(
    request: Request,
    code: Annotated[str, Query(max_length=200)] = "",
    to: Annotated[str, Query(max_length=600)] = "/",
) -> Response:
    """Show the sign-in page, or send on who is signed in already."""
    if not code and entrance_of(request).session(request) is not None:
        return Response(status_code=303, headers={"location": within(to)})
    return _form(request, code=code, to=within(to))


@router.post("/sign-in")
def sign_in(
    request: Request,
    code: _Secret = "",
    token: _Secret = "",
    to: Annotated[str, Form(max_length=600)] = "/",
) -> Response:
    """Open a session for a live token or an unused code."""
    refuse_other_sites(request)
    entrance = entrance_of(request)
    before = entrance.session(request)
    with entrance.desk.database.transaction(None) as transaction:
        secret = (
            sessions.redeem_link(transaction, code)
            if code
            else sessions.open_with_token(transaction, token.strip())
        )
        if secret is not None and before is not None:
            sessions.end(transaction, before[0].actor, before[0].session_id)
    if secret is None:
        return _form(request, code="", to=within(to), refused=True)
    return entrance.admit(secret, within(to))


@router.post("/sign-out")
def sign_out(request: Request, here: Act) -> Response:
    """End the session."""
    with here.transaction() as transaction:
        sessions.end(transaction, here.actor, here.session.session_id)
    return entrance_of(request).dismiss()


def _form(request: Request, *, code: str, to: str, refused: bool = False) -> Response:
    values = {
        "door": "desk",
        "code": code,
        "to": to,
        "refused": refused,
        "providers": entrance_of(request).desk.providers.each,
        "passkeys": site_of(request) is not None,
        "elsewhere": named_address(request),
    }
    return page("desk/sign-in.html", values, status=401 if refused else 200)
