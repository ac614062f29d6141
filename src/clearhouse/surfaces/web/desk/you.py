"""Who is signed in: roles, ways in, tokens and sessions, making tokens, and ending them at once.

A token is made by a person for itself, with scopes that the person could use, and shown once.
Whoever came in with a token makes none: what is revoked must leave nothing behind.
"""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from clearhouse.kernel import identity, passkeys, sessions, sign_in
from clearhouse.kernel.identity import ActorKind, Scope
from clearhouse.kernel.ids import TokenId
from clearhouse.surfaces.web.desk.addresses import NO_NUL, SessionAddress, TokenAddress
from clearhouse.surfaces.web.desk.entrance import Act, Here, NotHereError, Visit
from clearhouse.surfaces.web.desk.site import site_of

router = APIRouter(include_in_schema=False)
_SAID = {Scope.SUBMIT: "sending reports at the counter", Scope.DESK: "working at the desk"}
_NOT_ALONE = {
    "case.read_in": "reading somebody in to a tier that asks for two",
    "embargo.set": "exceptions from the embargo",
    "determination.countersign": "determinations",
}
"""Acts that the rooms let no one do alone."""


@router.get("/me")
def show(request: Request, here: Here) -> Response:
    """Show the actor's own ways in, tokens and sessions."""
    with here.transaction() as transaction:
        tokens = sessions.tokens_of(transaction, here.actor)
        live = sessions.sessions_of(transaction, here.actor)
        keys = passkeys.passkeys_of(transaction, here.actor)
        accounts = sign_in.accounts_of(transaction, here.actor)
    acts = sorted(
        act for role in here.actor.roles for act in here.desk.authority.acts_of_role.get(role, ())
    )
    return here.page(
        "you.html",
        tokens=tokens,
        sessions=live,
        acts=sorted(set(acts)),
        second=[said for act, said in _NOT_ALONE.items() if act in acts],
        passkeys=keys,
        accounts=accounts,
        providers=here.desk.providers.each,
        can_add_passkey=site_of(request) is not None,
        token_scopes=[(scope.value, _SAID[scope]) for scope in _scopes(here)],
        policy=here.desk.authority.name,
    )


@router.post("/me/tokens")
def make_token(
    here: Act,
    label: Annotated[str, Form(min_length=1, max_length=80, pattern=NO_NUL)],
    days: Annotated[int, Form(ge=1, le=365)],
    scope: Annotated[list[Scope], Form(min_length=1, max_length=len(Scope))],
) -> Response:
    """Make a token for oneself and show its secret, this once."""
    if not set(scope) <= set(_scopes(here)):
        raise NotHereError
    with here.transaction() as transaction:
        secret = identity.issue_token(
            transaction,
            here.actor.actor_id,
            label=label,
            scopes=sorted(set(scope)),
            life=timedelta(days=days),
        )
    return here.page("token-made.html", secret=secret)


@router.post("/me/tokens/{token_id}/revoke")
def revoke(here: Act, token_id: TokenAddress) -> Response:
    """End one of the actor's own tokens, with every session that stands on it."""
    with here.transaction() as transaction:
        if not sessions.revoke_own_token(transaction, here.actor, TokenId(token_id)):
            raise NotHereError
    return RedirectResponse("/me", status_code=303)


@router.post("/me/sessions/{session_id}/end")
def end(here: Act, session_id: SessionAddress) -> Response:
    """End one of the actor's own sessions."""
    with here.transaction() as transaction:
        if not sessions.end(transaction, here.actor, session_id):
            raise NotHereError
    return RedirectResponse("/me", status_code=303)


def _scopes(here: Visit) -> list[Scope]:
    """Return the scopes that this visitor may give a token; none to agents and to token holders."""
    if here.actor.kind is not ActorKind.PERSON or here.session.way == sessions.TOKEN:
        return []
    sends = here.desk.authority.may(here.actor, "report.submit").allowed
    return [Scope.SUBMIT, Scope.DESK] if sends else [Scope.DESK]
