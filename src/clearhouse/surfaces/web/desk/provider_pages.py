"""Coming in through an identity provider, and linking an account there to oneself.

A browser is sent to the provider with values that only it can have drawn, and comes back with a
code. The provider says who somebody is; what that person may do, only this house says. An account
that nobody linked opens nothing.
What comes back arrives from another site, so the session's cookie would not travel along with a
redirect; a page of ours goes on instead.
Source: OpenID Connect Core 1.0 §3.1; RFC 9700 §2.1, §4.2, §4.7; RFC 6265bis §5.6.7.
"""

from typing import Annotated

from fastapi import APIRouter, Form, Path, Query, Request, Response
from fastapi.responses import RedirectResponse

from clearhouse.formats.openid import Asked, OpenIdError
from clearhouse.kernel import identity, sessions, sign_in
from clearhouse.kernel.providers import Provider, ProviderError
from clearhouse.kernel.sign_in import Attempt, Purpose
from clearhouse.kernel.store.database import Transaction
from clearhouse.surfaces.web.desk.addresses import AccountAddress
from clearhouse.surfaces.web.desk.entrance import (
    Act,
    Entrance,
    NotHereError,
    entrance_of,
    within,
)
from clearhouse.surfaces.web.rendering import page

router = APIRouter(include_in_schema=False)
_Name = Annotated[str, Path(pattern="^[A-Za-z0-9]{1,40}$")]
BACK = "/sign-in/back"
_NO = "The provider's answer is not one to our question, or is too old. Begin again."
_UNKNOWN = (
    "This account is linked to nobody here, and opens nothing. Sign in by other means and link it "
    "under You, or ask an administrator: clearhouse people link."
)
_TAKEN = "This account is linked to somebody already."
_DEAF = "The identity provider does not answer. That says nothing about you. Try again shortly."


@router.get("/sign-in/with/{name}")
def set_out(
    request: Request, name: _Name, to: Annotated[str, Query(max_length=600)] = "/"
) -> Response:
    """Send a browser to a provider."""
    entrance = entrance_of(request)
    provider = _provider(entrance, name)
    found = entrance.session(request)
    details = {"provider": provider.name, "to": within(to)}
    with entrance.desk.database.transaction(None) as transaction:
        session = found[0] if found else None
        secret = sign_in.begin(transaction, Purpose.ENTER, details, session=session)
    try:
        address = _question(entrance, provider, secret)
    except (ProviderError, OpenIdError):
        return _refused(_DEAF, 503)
    return entrance.attempted(RedirectResponse(address, status_code=303), secret)


@router.get(BACK)
def come_back(request: Request) -> Response:
    """Take the answer that a browser brings back from a provider."""
    entrance = entrance_of(request)
    secret = entrance.attempt_of(request)
    with entrance.desk.database.transaction(None) as transaction:
        attempt = sign_in.finish(transaction, secret)
    provider = (
        entrance.desk.providers.named(str(attempt.details.get("provider"))) if attempt else None
    )
    if attempt is None or provider is None:
        return _refused(_NO, 400)
    answer = {name: value for name, value in request.query_params.items() if len(value) < 4096}
    try:
        subject = entrance.desk.providers.who(
            provider,
            Asked.drawn_from(secret),
            answer,
            back=_back(entrance),
            now=entrance.desk.database.clock(),
        )
    except OpenIdError:
        return _refused(_NO, 400)
    except ProviderError:
        return _refused(_DEAF, 503)
    with entrance.desk.database.transaction(attempt.actor_id) as transaction:
        if attempt.purpose is Purpose.ADD:
            return _link(transaction, attempt, provider, subject)
        return _enter(entrance, transaction, attempt, provider, subject)


@router.post("/me/accounts")
def add(request: Request, here: Act, provider: Annotated[str, Form(max_length=40)]) -> Response:
    """Send a signed-in browser to a provider, to link the account there."""
    entrance = entrance_of(request)
    found = _provider(entrance, provider)
    with here.transaction() as transaction:
        details = {"provider": found.name, "to": "/me"}
        secret = sign_in.begin(transaction, Purpose.ADD, details, session=here.session)
    try:
        address = _question(entrance, found, secret)
    except (ProviderError, OpenIdError):
        return _refused(_DEAF, 503)
    return entrance.attempted(_on(f"Going to {found.label}", address), secret)


@router.post("/me/accounts/{account_id}/end")
def end(here: Act, account_id: AccountAddress) -> Response:
    """Take the link of one's own account back."""
    with here.transaction() as transaction:
        if not sign_in.end_account(transaction, here.actor.actor_id, account_id):
            raise NotHereError
    return RedirectResponse("/me", status_code=303)


def _enter(
    entrance: Entrance,
    transaction: Transaction,
    attempt: Attempt,
    provider: Provider,
    subject: str,
) -> Response:
    actor = sign_in.actor_of_account(transaction, provider.issuer, subject)
    if actor is None:
        return _refused(_UNKNOWN, 403, subject=subject, issuer=provider.issuer)
    sessions.end_before(transaction, attempt.session_id)
    secret = sessions.open_as(transaction, actor, f"account {provider.name}")
    to = within(str(attempt.details.get("to", "/")))
    return entrance.let_in(_on("Signed in", to), secret)


def _link(transaction: Transaction, attempt: Attempt, provider: Provider, subject: str) -> Response:
    actor = None if attempt.actor_id is None else identity.actor(transaction, attempt.actor_id)
    if actor is None:
        return _refused(_NO, 400)
    if not sign_in.link_account(transaction, actor.actor_id, provider.issuer, subject):
        return _refused(_TAKEN, 409)
    return _on("Linked", "/me")


def _provider(entrance: Entrance, name: str) -> Provider:
    found = entrance.desk.providers.named(name)
    if found is None:
        raise NotHereError
    return found


def _question(entrance: Entrance, provider: Provider, secret: str) -> str:
    return entrance.desk.providers.question(
        provider,
        Asked.drawn_from(secret),
        back=_back(entrance),
        now=entrance.desk.database.clock(),
    )


def _back(entrance: Entrance) -> str:
    return f"{entrance.desk.outside.desk_address.rstrip('/')}{BACK}"


def _on(title: str, address: str) -> Response:
    return page("desk/onward.html", {"door": "desk", "title": title, "address": address})


def _refused(said: str, status: int, **account: str) -> Response:
    values = {"door": "desk", "said": said, "account": account}
    return page("desk/no-way-in.html", values, status=status)
