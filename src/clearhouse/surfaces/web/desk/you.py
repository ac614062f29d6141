"""Who is signed in: roles, tokens and sessions, and ending them at once."""

from fastapi import APIRouter, Response
from fastapi.responses import RedirectResponse

from clearhouse.kernel import sessions
from clearhouse.kernel.ids import TokenId
from clearhouse.surfaces.web.desk.addresses import SessionAddress, TokenAddress
from clearhouse.surfaces.web.desk.entrance import Act, Here, NotHereError

router = APIRouter(include_in_schema=False)


@router.get("/me")
def show(here: Here) -> Response:
    """Show the actor's own tokens and sessions."""
    with here.transaction() as transaction:
        tokens = sessions.tokens_of(transaction, here.actor)
        live = sessions.sessions_of(transaction, here.actor)
    acts = sorted(
        act for role in here.actor.roles for act in here.desk.authority.acts_of_role.get(role, ())
    )
    return here.page(
        "you.html",
        tokens=tokens,
        sessions=live,
        acts=sorted(set(acts)),
        policy=here.desk.authority.name,
    )


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
