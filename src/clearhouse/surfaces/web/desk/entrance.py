"""The way in to the desk: who is here, and whether a form really came from our own page.

In: requests of browsers. Out: a `Visit`, whose transactions run as the signed-in actor, so that
the database shows each page only what that actor may read. Refused: everything without a live
session (303 to the sign-in page), forms without the token of their session or from other sites
(403), and return addresses that lead elsewhere.
Source: OWASP Session Management and Cross-Site Request Forgery Prevention cheat sheets.
"""

import hashlib
import hmac
import re
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, cast

from fastapi import Depends, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from clearhouse.kernel import sessions
from clearhouse.kernel.identity import Actor
from clearhouse.kernel.services import Desk
from clearhouse.kernel.sessions import SESSION_LIFE, Session
from clearhouse.kernel.sign_in import ATTEMPT_LIFE
from clearhouse.kernel.store.database import Transaction
from clearhouse.surfaces.api.requests import from_another_site
from clearhouse.surfaces.web.desk.counting import Surveyor
from clearhouse.surfaces.web.desk.tour_steps import STEP, Step
from clearhouse.surfaces.web.rendering import page

_WITHIN = re.compile(r"/(?![/\\])[A-Za-z0-9_/?=&.%+~-]{0,500}")
_LONGEST_SECRET = 200


class NotSignedInError(Exception):
    """Nobody is signed in; the door answers with the way to the sign-in page."""


class ForeignFormError(Exception):
    """A form that did not come from a page of this session."""


class NotHereError(Exception):
    """Not there, or not for this actor; the answer is the same."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Visit:
    """One request of somebody who is signed in."""

    desk: Desk
    session: Session
    path: str
    form_token: str
    surveyor: Surveyor
    tour: Step | None = None
    """The step of the tour that led here."""

    @property
    def actor(self) -> Actor:
        """Who is here."""
        return self.session.actor

    @property
    def now(self) -> datetime:
        """The present instant, by the clock of the store."""
        return self.desk.database.clock()

    def transaction(self) -> AbstractContextManager[Transaction]:
        """Open a transaction that sees what this actor may see."""
        return self.desk.database.transaction(self.actor.actor_id)

    def page(self, template: str, *, status: int = 200, **values: object) -> HTMLResponse:
        """Return a page of the desk."""
        frame = {"door": "desk", "visit": self, "path": self.path, "now": self.now}
        return page(f"desk/{template}", frame | values, status=status)


@dataclass(frozen=True, kw_only=True, slots=True)
class Entrance:
    """What every request at the desk needs; kept with the application."""

    desk: Desk
    secure: bool
    """Whether browsers reach this desk over TLS; the cookie then travels no other way."""
    surveyor: Surveyor = field(default_factory=Surveyor)

    @property
    def cookie(self) -> str:
        """Name of the session cookie; browsers refuse the prefix without TLS."""
        return "__Host-desk" if self.secure else "desk"

    @property
    def attempt_cookie(self) -> str:
        """Name of the cookie of an attempt to come in."""
        return f"{self.cookie}-attempt"

    def attempted(self, answer: Response, secret: str) -> Response:
        """Let a browser keep the secret of its attempt, also when it comes back from elsewhere."""
        answer.set_cookie(
            self.attempt_cookie,
            secret,
            max_age=int(ATTEMPT_LIFE.total_seconds()),
            httponly=True,
            samesite="lax",
            secure=self.secure,
        )
        return answer

    def attempt_of(self, request: Request) -> str:
        """Return the secret of a browser's attempt, an empty one when it has none."""
        secret = request.cookies.get(self.attempt_cookie, "")
        return secret if len(secret) <= _LONGEST_SECRET else ""

    def session(self, request: Request) -> tuple[Session, str] | None:
        """Return the live session of a request and its secret."""
        secret = request.cookies.get(self.cookie, "")
        if not 0 < len(secret) <= _LONGEST_SECRET:
            return None
        with self.desk.database.transaction(None) as transaction:
            session = sessions.session_of(transaction, secret)
        return None if session is None else (session, secret)

    def admit(self, secret: str, to: str) -> Response:
        """Send the browser on, with the cookie of its new session."""
        return self.let_in(RedirectResponse(to, status_code=303), secret)

    def let_in(self, answer: Response, secret: str) -> Response:
        """Give an answer the cookie of a new session."""
        answer.set_cookie(
            self.cookie,
            secret,
            max_age=int(SESSION_LIFE.total_seconds()),
            httponly=True,
            samesite="strict",
            secure=self.secure,
        )
        return answer

    def dismiss(self) -> Response:
        """Send the browser to the sign-in page, without its cookie."""
        answer = RedirectResponse("/sign-in", status_code=303)
        answer.delete_cookie(self.cookie, httponly=True, samesite="strict", secure=self.secure)
        return answer


def entrance_of(request: Request) -> Entrance:
    """Return the entrance of the application that serves a request."""
    return cast("Entrance", request.app.state.entrance)


def visit(request: Request) -> Visit:
    """Return the visit of a signed-in browser.

    Raises: NotSignedInError.
    """
    entrance = entrance_of(request)
    found = entrance.session(request)
    if found is None:
        raise NotSignedInError
    session, secret = found
    return Visit(
        desk=entrance.desk,
        session=session,
        path=request.url.path,
        form_token=_form_token(secret),
        surveyor=entrance.surveyor,
        tour=STEP.get(request.query_params.get("tour", "")),
    )


def act(
    request: Request,
    here: Annotated[Visit, Depends(visit)],
    form_token: Annotated[str, Form(max_length=100)] = "",
) -> Visit:
    """Return the visit behind a form that came from a page of the same session.

    Raises: NotSignedInError, ForeignFormError.
    """
    refuse_other_sites(request)
    if not hmac.compare_digest(form_token.encode(), here.form_token.encode()):
        raise ForeignFormError
    return here


Here = Annotated[Visit, Depends(visit)]
"""For pages: the visit of somebody who is signed in."""
Act = Annotated[Visit, Depends(act)]
"""For forms: the same, and the form is our own."""


def refuse_other_sites(request: Request) -> None:
    """Refuse what a browser sends on behalf of another site.

    Raises: ForeignFormError.
    """
    if from_another_site(request):
        raise ForeignFormError


def within(address: str, fallback: str = "/") -> str:
    """Return an address when it leads to a page of ours, else the fallback."""
    return address if _WITHIN.fullmatch(address) else fallback


def _form_token(secret: str) -> str:
    return hmac.new(secret.encode(), b"form", hashlib.sha256).hexdigest()
