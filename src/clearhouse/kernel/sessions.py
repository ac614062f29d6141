"""Sessions of people at the desk, and the links that open one session once.

In: a token with the scope `desk`, or the code of a sign-in link. Out: the secret of a session,
for a cookie, and later the actor behind it. Refused: codes that were used or are too old, tokens
without the scope, sessions whose token or actor was revoked; the answer never says which.
Only hashes of secrets are stored. Opening and ending a session is in the ledger.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from clearhouse.kernel import identity, ledger
from clearhouse.kernel.identity import Actor, Scope
from clearhouse.kernel.ids import ActorId, TokenId, new_id, new_secret
from clearhouse.kernel.store.database import Row, Transaction

SESSION_LIFE = timedelta(hours=12)
LINK_LIFE = timedelta(minutes=30)
TOKEN = "token"  # noqa: S105 - a way in


@dataclass(frozen=True, kw_only=True, slots=True)
class Session:
    """One live session."""

    session_id: str
    actor: Actor
    created_at: datetime
    expires_at: datetime
    way: str
    """How it was opened: `token`, `link`, `passkey`, or `account NAME`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TokenNote:
    """What may be shown of a token: everything but its secret."""

    token_id: TokenId
    label: str
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None


def offer_link(transaction: Transaction, actor_id: ActorId, life: timedelta = LINK_LIFE) -> str:
    """Return a code that opens one session for this actor, once, within `life`."""
    code = new_secret("chl")
    transaction.execute(
        "INSERT INTO sign_in_link (hash, actor_id, created_at, expires_at) VALUES (%s, %s, %s, %s)",
        [_hash(code), actor_id, transaction.now, transaction.now + life],
    )
    return code


def redeem_link(transaction: Transaction, code: str) -> str | None:
    """Use a code up and return the secret of a new session; None for any other code."""
    row = transaction.one(
        "UPDATE sign_in_link SET used_at = %s"
        " WHERE hash = %s AND used_at IS NULL AND expires_at > %s RETURNING actor_id",
        [transaction.now, _hash(code), transaction.now],
    )
    actor = None if row is None else identity.actor(transaction, ActorId(row["actor_id"]))
    return None if actor is None else open_as(transaction, actor, "link")


def open_with_token(transaction: Transaction, secret: str) -> str | None:
    """Return the secret of a session that stands on a live desk token; None for any other."""
    actor = identity.authenticate(transaction, secret)
    if actor is None or Scope.DESK not in actor.scopes:
        return None
    row = transaction.one("SELECT token_id FROM token WHERE hash = %s", [_hash(secret)])
    return None if row is None else open_as(transaction, actor, TOKEN, row["token_id"])


def session_of(transaction: Transaction, secret: str) -> Session | None:
    """Return the live session behind a cookie's secret, None for any other secret."""
    row = transaction.one(
        "SELECT s.session_id, s.actor_id, s.created_at, s.expires_at, s.way"
        " FROM session s LEFT JOIN token t USING (token_id)"
        " WHERE s.hash = %s AND s.ended_at IS NULL AND s.expires_at > %s"
        " AND (s.token_id IS NULL OR (t.revoked_at IS NULL AND t.expires_at > %s))",
        [_hash(secret), transaction.now, transaction.now],
    )
    if row is None:
        return None
    actor = identity.actor(transaction, ActorId(row["actor_id"]))
    return None if actor is None else _session(row, actor)


def sessions_of(transaction: Transaction, actor: Actor) -> tuple[Session, ...]:
    """Return an actor's sessions that have not ended, the newest first."""
    rows = transaction.all(
        "SELECT session_id, created_at, expires_at, way FROM session"
        " WHERE actor_id = %s AND ended_at IS NULL AND expires_at > %s"
        " ORDER BY created_at DESC, session_id",
        [actor.actor_id, transaction.now],
    )
    return tuple(_session(row, actor) for row in rows)


def end(transaction: Transaction, actor: Actor, session_id: str) -> bool:
    """End one of the actor's own sessions; True when it was live."""
    ended = transaction.execute(
        "UPDATE session SET ended_at = %s"
        " WHERE session_id = %s AND actor_id = %s AND ended_at IS NULL",
        [transaction.now, session_id, actor.actor_id],
    )
    if ended:
        _note(transaction, "session.ended", session_id, actor)
    return bool(ended)


def end_before(transaction: Transaction, session_id: str | None) -> None:
    """End the session that a browser had before it signed in anew, if it had one."""
    row = transaction.one("SELECT actor_id FROM session WHERE session_id = %s", [session_id])
    actor = None if row is None else identity.actor(transaction, ActorId(row["actor_id"]))
    if actor is not None and session_id is not None:
        end(transaction, actor, session_id)


def tokens_of(transaction: Transaction, actor: Actor) -> tuple[TokenNote, ...]:
    """Return an actor's tokens, the newest first, without their secrets."""
    rows = transaction.all(
        "SELECT token_id, label, scopes, created_at, expires_at, revoked_at FROM token"
        " WHERE actor_id = %s ORDER BY created_at DESC, token_id",
        [actor.actor_id],
    )
    return tuple(TokenNote(**{**row, "scopes": tuple(row["scopes"])}) for row in rows)


def revoke_own_token(transaction: Transaction, actor: Actor, token_id: TokenId) -> bool:
    """End one of the actor's own tokens, and every session that stands on it, at once."""
    mine = transaction.one(
        "SELECT token_id FROM token WHERE token_id = %s AND actor_id = %s",
        [token_id, actor.actor_id],
    )
    return mine is not None and identity.revoke_token(transaction, token_id)


def open_as(
    transaction: Transaction, actor: Actor, way: str, token_id: TokenId | None = None
) -> str:
    """Open a session for somebody who came in this way, and return its secret."""
    secret, session_id, now = new_secret("chd"), new_id("ses"), transaction.now
    transaction.execute(
        "INSERT INTO session (session_id, hash, actor_id, token_id, created_at, expires_at, way)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s)",
        [session_id, _hash(secret), actor.actor_id, token_id, now, now + SESSION_LIFE, way],
    )
    _note(transaction, "session.opened", session_id, actor)
    return secret


def _note(transaction: Transaction, kind: str, subject: str, actor: Actor) -> None:
    readers = (actor.actor_id, *identity.WATCHERS)
    ledger.append(transaction, kind, subject, {"of": actor.actor_id}, readers=readers)


def _session(row: Row, actor: Actor) -> Session:
    return Session(
        session_id=row["session_id"],
        actor=actor,
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        way=row["way"],
    )


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
