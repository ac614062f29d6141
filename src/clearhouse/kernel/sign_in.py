"""Ways in to the desk: attempts by one browser, and accounts at identity providers.

In: a secret that only one browser has, or issuer and subject of an account. Out: what the attempt
was for, once; the actor of an account. Refused: attempts that were used or are too old, accounts
that nobody linked: an account alone gives no rights and makes no actor. A person links an account
to itself, signed in by other means, or an administrator does.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from clearhouse.formats.canonical import Json
from clearhouse.formats.openid import is_subject
from clearhouse.kernel import identity, ledger
from clearhouse.kernel.identity import Actor, ActorKind
from clearhouse.kernel.ids import ActorId, new_id, new_secret
from clearhouse.kernel.sessions import Session
from clearhouse.kernel.store.database import Transaction

ATTEMPT_LIFE = timedelta(minutes=10)


class Purpose(StrEnum):
    """What an attempt is for."""

    ENTER = "enter"
    ADD = "add"


@dataclass(frozen=True, kw_only=True, slots=True)
class Attempt:
    """What a browser set out to do."""

    purpose: Purpose
    actor_id: ActorId | None
    """Whose way in is added."""
    session_id: str | None
    """The session that the browser had then."""
    details: Mapping[str, Json]


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    """One linked account."""

    account_id: str
    issuer: str
    subject: str
    linked_at: datetime


def begin(
    transaction: Transaction,
    purpose: Purpose,
    details: Mapping[str, Json],
    *,
    session: Session | None = None,
) -> str:
    """Note an attempt and return its secret, for a cookie of the browser."""
    secret, now = new_secret("cha"), transaction.now
    transaction.execute("DELETE FROM sign_in_attempt WHERE expires_at < %s", [now])
    adding = session is not None and purpose is Purpose.ADD
    transaction.execute(
        "INSERT INTO sign_in_attempt (hash, purpose, actor_id, session_id, details, created_at,"
        " expires_at) VALUES (%s, %s, %s, %s, %s, %s, %s)",
        [_hash(secret), purpose, session.actor.actor_id if session and adding else None,
         session.session_id if session else None, json.dumps(dict(details)), now,
         now + ATTEMPT_LIFE],
    )  # fmt: skip
    return secret


def note_details(transaction: Transaction, secret: str, details: Mapping[str, Json]) -> None:
    """Write down more of an attempt that is under way."""
    transaction.execute(
        "UPDATE sign_in_attempt SET details = details || %s::jsonb WHERE hash = %s",
        [json.dumps(dict(details)), _hash(secret)],
    )


def finish(transaction: Transaction, secret: str) -> Attempt | None:
    """Use an attempt up and return what it was for; None for any other secret."""
    row = transaction.one(
        "UPDATE sign_in_attempt SET used_at = %s WHERE hash = %s AND used_at IS NULL"
        " AND expires_at > %s RETURNING purpose, actor_id, session_id, details",
        [transaction.now, _hash(secret), transaction.now],
    )
    if row is None:
        return None
    return Attempt(
        purpose=Purpose(row["purpose"]),
        actor_id=None if row["actor_id"] is None else ActorId(row["actor_id"]),
        session_id=row["session_id"],
        details=row["details"],
    )


def actor_of_account(transaction: Transaction, issuer: str, subject: str) -> Actor | None:
    """Return the person whose account this is; None when nobody linked it, or may not act."""
    row = transaction.one(
        "SELECT actor_id FROM account WHERE issuer = %s AND subject = %s AND ended_at IS NULL",
        [issuer, subject],
    )
    return None if row is None else identity.actor(transaction, ActorId(row["actor_id"]))


def link_account(transaction: Transaction, actor_id: ActorId, issuer: str, subject: str) -> bool:
    """Link an account to a person; False when it is somebody's already.

    Raises: ValueError when the actor is no person who may act, or the subject can name nobody.
    """
    actor = identity.actor(transaction, actor_id)
    if actor is None or actor.kind is not ActorKind.PERSON:
        raise ValueError("accounts are of persons")
    if not is_subject(subject):
        raise ValueError("a subject has 1 to 255 printable ASCII characters")
    account_id = new_id("acc")
    linked = transaction.execute(
        "INSERT INTO account (account_id, issuer, subject, actor_id, linked_at)"
        " VALUES (%s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
        [account_id, issuer, subject, actor_id, transaction.now],
    )
    if linked:
        facts: dict[str, Json] = {"of": actor_id, "issuer": issuer}
        note(transaction, "account.linked", account_id, actor_id, facts)
    return bool(linked)


def accounts_of(transaction: Transaction, actor: Actor) -> tuple[Account, ...]:
    """Return the accounts that are linked to an actor."""
    rows = transaction.all(
        "SELECT account_id, issuer, subject, linked_at FROM account"
        " WHERE actor_id = %s AND ended_at IS NULL ORDER BY linked_at, account_id",
        [actor.actor_id],
    )
    return tuple(Account(**row) for row in rows)


def end_account(transaction: Transaction, actor_id: ActorId, account_id: str) -> bool:
    """Take the link of an actor's own account back; True when there was one."""
    ended = transaction.execute(
        "UPDATE account SET ended_at = %s"
        " WHERE account_id = %s AND actor_id = %s AND ended_at IS NULL",
        [transaction.now, account_id, actor_id],
    )
    if ended:
        note(transaction, "account.ended", account_id, actor_id, {"of": actor_id})
    return bool(ended)


def note(
    transaction: Transaction, kind: str, subject: str, actor: str, facts: Mapping[str, Json]
) -> None:
    """Write to the ledger what became of somebody's way in."""
    ledger.append(transaction, kind, subject, facts, readers=(actor, *identity.WATCHERS))


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
