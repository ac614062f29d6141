"""Coming in with a passkey, and adding one to oneself.

A page asks the browser; the browser's answer comes back as a form. Each question can be answered
once, by the browser that was asked. The script only hands over; without it the other ways in stay.
"""

import json
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse

from clearhouse.kernel import passkeys, sessions, sign_in
from clearhouse.kernel.passkeys import MOST_ANSWER, PasskeyError, Site
from clearhouse.kernel.sign_in import Purpose
from clearhouse.surfaces.web.desk.addresses import NO_NUL, PasskeyAddress
from clearhouse.surfaces.web.desk.entrance import (
    Act,
    NotHereError,
    Visit,
    entrance_of,
    refuse_other_sites,
    within,
)
from clearhouse.surfaces.web.desk.site import site_of
from clearhouse.surfaces.web.rendering import page

router = APIRouter(include_in_schema=False)
_Answer = Annotated[str, Form(max_length=MOST_ANSWER)]


@router.get("/sign-in/passkey")
def ask(request: Request, to: Annotated[str, Query(max_length=600)] = "/") -> Response:
    """Ask the browser for a passkey."""
    return _ask(request, within(to))


@router.post("/sign-in/passkey")
def enter(
    request: Request, answer: _Answer = "", to: Annotated[str, Form(max_length=600)] = "/"
) -> Response:
    """Open a session for whoever has the passkey."""
    refuse_other_sites(request)
    entrance, site = entrance_of(request), _site(request)
    before = entrance.session(request)
    with entrance.desk.database.transaction(None) as transaction:
        attempt = sign_in.finish(transaction, entrance.attempt_of(request))
    if attempt is None or attempt.purpose is not Purpose.ENTER:
        return _ask(request, within(to), refused=True)
    try:
        with entrance.desk.database.transaction(None) as transaction:
            actor = site.who(transaction, attempt.details, answer)
            sessions.end_before(transaction, before[0].session_id if before else None)
            secret = sessions.open_as(transaction, actor, "passkey")
    except PasskeyError:
        return _ask(request, within(to), refused=True)
    return entrance.admit(secret, within(to))


@router.post("/me/passkeys/new")
def ask_to_add(request: Request, here: Act) -> Response:
    """Ask the browser to make a passkey."""
    site = _site(request)
    with here.transaction() as transaction:
        options, state = site.ask_to_add(transaction, here.actor)
        secret = sign_in.begin(transaction, Purpose.ADD, state, session=here.session)
    answer = here.page("passkey-new.html", options=json.dumps(options))
    return entrance_of(request).attempted(answer, secret)


@router.post("/me/passkeys")
def add(
    request: Request,
    here: Act,
    answer: _Answer = "",
    label: Annotated[str, Form(max_length=80, pattern=NO_NUL)] = "",
) -> Response:
    """Keep the passkey that the browser made."""
    site = _site(request)
    with here.transaction() as transaction:
        attempt = sign_in.finish(transaction, entrance_of(request).attempt_of(request))
    if attempt is None or attempt.session_id != here.session.session_id:
        return _not_added(here)
    try:
        with here.transaction() as transaction:
            name = label.strip() or "passkey"
            site.add(transaction, here.actor, name, attempt.details, answer)
    except PasskeyError:
        return _not_added(here)
    return RedirectResponse("/me", status_code=303)


@router.post("/me/passkeys/{passkey_id}/end")
def end(here: Act, passkey_id: PasskeyAddress) -> Response:
    """End one of the actor's own passkeys."""
    with here.transaction() as transaction:
        if not passkeys.end_passkey(transaction, here.actor, passkey_id):
            raise NotHereError
    return RedirectResponse("/me", status_code=303)


def _not_added(here: Visit) -> Response:
    said = "The browser's answer is not one to our question. Begin again."
    return here.page("refusal.html", status=400, title="No passkey was added", said=said)


def _ask(request: Request, to: str, *, refused: bool = False) -> Response:
    entrance, site = entrance_of(request), _site(request)
    options, state = site.ask_to_enter()
    with entrance.desk.database.transaction(None) as transaction:
        secret = sign_in.begin(transaction, Purpose.ENTER, state)
    values = {"door": "desk", "options": json.dumps(options), "to": to, "refused": refused}
    answer = page("desk/passkey.html", values, status=401 if refused else 200)
    return entrance.attempted(answer, secret)


def _site(request: Request) -> Site:
    """Return the site. Raises: NotHereError under an address without a name."""
    site = site_of(request)
    if site is None:
        raise NotHereError
    return site
