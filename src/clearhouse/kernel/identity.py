"""Who acts: parties, the persons and agents that act for them, and the tokens they show.

In: names and secrets. Out: `Actor`s. Refused: tokens that are unknown, expired or revoked, and
actors that were revoked; the answer never says which.
Only the SHA-256 of a token is stored; a token has 256 random bits, so that is enough.
An agent is a named actor with a responsible person. Whoever is added or ended, and every token
that is issued or revoked, is in the ledger.
"""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from clearhouse.formats.canonical import Json
from clearhouse.kernel import ledger
from clearhouse.kernel.ids import ActorId, PartyId, TokenId, new_id, new_secret
from clearhouse.kernel.store.database import Row, Transaction

TOKEN_PREFIX = "chs"  # noqa: S105 - a prefix that lets scanners recognise a leaked token
WATCHERS = ("role:administrator", "role:auditor")
"""Who reads in the ledger who may act, and since when."""
LONGEST_TOKEN_LIFE = timedelta(days=365)
"""Source: TAP Intake API, Submission token."""


class PartyKind(StrEnum):
    """What an organisation is to the clearinghouse."""

    COORDINATOR = "coordinator"
    FINDER = "finder"
    REPORTER = "reporter"
    VENDOR = "vendor"
    OPERATOR = "operator"
    LAB = "lab"
    EVALUATOR = "evaluator"
    AUDITOR = "auditor"
    GOVERNMENT = "government"


class ActorKind(StrEnum):
    """A person, an agent with a responsible person, or the house's own machinery."""

    PERSON = "person"
    AGENT = "agent"
    SYSTEM = "system"


class Scope(StrEnum):
    """What a token may be used for; an actor's roles still decide the rest."""

    SUBMIT = "reports:submit"
    DESK = "desk"
    ACKNOWLEDGE = "advisories:acknowledge"
    """Say back whether an advisory concerns one, and nothing else."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Actor:
    """Somebody who acts, as the doors know them after authentication."""

    actor_id: ActorId
    party_id: PartyId
    kind: ActorKind
    name: str
    roles: frozenset[str]
    scopes: frozenset[str] = frozenset()

    @property
    def principals(self) -> frozenset[str]:
        """The names under which rows may be opened to this actor; as SQL `principals()`."""
        return frozenset({self.actor_id, self.party_id, *(f"role:{role}" for role in self.roles)})

    def reads(self, readers: Collection[str]) -> bool:
        """Return whether these readers let the actor read; a bar is stronger than any name."""
        return bar(self.actor_id) not in readers and not self.principals.isdisjoint(readers)


def bar(actor_id: str) -> str:
    """Return what stands among readers to keep an actor out; as SQL `barred()`."""
    return f"!{actor_id}"


def add_party(
    transaction: Transaction, kind: PartyKind, name: str, *, contact: str | None = None
) -> PartyId:
    """Add a party, or return the one of that name."""
    # Inserted first and looked up then: two processes that start at once both add the house.
    added = transaction.execute(
        "INSERT INTO party (party_id, kind, name, contact, created_at) VALUES (%s, %s, %s, %s, %s)"
        " ON CONFLICT (name) DO NOTHING",
        [new_id("pty"), kind, name, contact, transaction.now],
    )
    known = transaction.one("SELECT party_id FROM party WHERE name = %s", [name])
    if known is None:
        raise LookupError("a party vanished while it was added")
    if added:
        _note(transaction, "party.added", known["party_id"], {"kind": str(kind)})
    return PartyId(known["party_id"])


def party_kind(transaction: Transaction, party_id: PartyId) -> PartyKind | None:
    """Return what a party is, None when there is no such party."""
    row = transaction.one("SELECT kind FROM party WHERE party_id = %s", [party_id])
    return None if row is None else PartyKind(row["kind"])


def party_names(transaction: Transaction, parties: Sequence[PartyId]) -> dict[PartyId, str]:
    """Return the names of parties by their ids."""
    rows = transaction.all(
        "SELECT party_id, name FROM party WHERE party_id = ANY(%s)", [list(parties)]
    )
    return {PartyId(row["party_id"]): row["name"] for row in rows}


def actor_name(transaction: Transaction, actor_id: ActorId) -> str | None:
    """Return an actor's name, also of one that may act no more; None when there is none."""
    row = transaction.one("SELECT name FROM actor WHERE actor_id = %s", [actor_id])
    return None if row is None else str(row["name"])


def actor_names(transaction: Transaction, actors: Sequence[ActorId]) -> dict[ActorId, str]:
    """Return the names of actors by their ids, also of those that may act no more."""
    rows = transaction.all(
        "SELECT actor_id, name FROM actor WHERE actor_id = ANY(%s)", [list(actors)]
    )
    return {ActorId(row["actor_id"]): row["name"] for row in rows}


def add_actor(
    transaction: Transaction,
    party_id: PartyId,
    kind: ActorKind,
    name: str,
    *,
    roles: Sequence[str] = (),
    responsible: ActorId | None = None,
) -> ActorId:
    """Add a person or agent of a party, or return the one of that name.

    An actor that is there already keeps its roles, and stays revoked if it was.
    Raises: ValueError for an agent without a responsible person who may act.
    """
    if kind is ActorKind.AGENT:
        _demand_person(transaction, responsible)
    added = transaction.execute(
        "INSERT INTO actor"
        " (actor_id, party_id, kind, name, responsible_actor_id, roles, created_at)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT (party_id, name) DO NOTHING",
        [new_id("act"), party_id, kind, name, responsible, sorted(roles), transaction.now],
    )
    known = transaction.one(
        "SELECT actor_id FROM actor WHERE party_id = %s AND name = %s", [party_id, name]
    )
    if known is None:
        raise LookupError("an actor vanished while it was added")
    if added:
        facts: dict[str, Json] = {"party": party_id, "kind": str(kind), "roles": sorted(roles)}
        _note(transaction, "actor.added", known["actor_id"], facts | {"responsible": responsible})
    return ActorId(known["actor_id"])


def issue_token(
    transaction: Transaction,
    actor_id: ActorId,
    *,
    label: str,
    scopes: Sequence[Scope],
    life: timedelta = timedelta(days=90),
) -> str:
    """Make a token and return its secret, which is shown this once.

    Raises: ValueError when it would live longer than a year.
    """
    if not timedelta(0) < life <= LONGEST_TOKEN_LIFE:
        raise ValueError("a token lives at most a year")
    secret, token_id = new_secret(TOKEN_PREFIX), new_id("tok")
    transaction.execute(
        "INSERT INTO token (token_id, actor_id, hash, label, scopes, created_at, expires_at)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s)",
        [
            token_id,
            actor_id,
            _hash(secret),
            label,
            sorted(scopes),
            transaction.now,
            transaction.now + life,
        ],
    )
    shown: dict[str, Json] = {"of": actor_id, "scopes": sorted(map(str, scopes))}
    _note(transaction, "token.issued", token_id, shown, actor_id)
    return secret


def authenticate(transaction: Transaction, secret: str) -> Actor | None:
    """Return the actor behind a live token, None for any other token."""
    row = transaction.one("SELECT * FROM authenticate(%s, %s)", [_hash(secret), transaction.now])
    return None if row is None else _actor(row)


def actor(transaction: Transaction, actor_id: ActorId) -> Actor | None:
    """Return an actor that may act: neither it nor the person responsible for it is revoked."""
    row = transaction.one(
        "SELECT actor_id, party_id, kind, name, roles, '{}'::text[] AS scopes"
        " FROM live_actor WHERE actor_id = %s",
        [actor_id],
    )
    return None if row is None else _actor(row)


def actor_named(transaction: Transaction, party_id: PartyId, name: str) -> Actor | None:
    """Return a party's actor by name, unless revoked."""
    row = transaction.one(
        "SELECT actor_id, party_id, kind, name, roles, '{}'::text[] AS scopes"
        " FROM live_actor WHERE party_id = %s AND name = %s",
        [party_id, name],
    )
    return None if row is None else _actor(row)


def responsible_for(transaction: Transaction, actor_id: ActorId) -> ActorId | None:
    """Return the person who answers for an actor: the person itself, or an agent's.

    None for anybody who may not act.
    """
    row = transaction.one(
        "SELECT coalesce(a.responsible_actor_id, a.actor_id) AS person FROM actor a"
        " JOIN live_actor USING (actor_id) WHERE a.actor_id = %s",
        [actor_id],
    )
    return None if row is None else ActorId(row["person"])


def revoke_token(transaction: Transaction, token_id: TokenId) -> bool:
    """End a token at once; True when it was live."""
    row = transaction.one(
        "UPDATE token SET revoked_at = %s WHERE token_id = %s AND revoked_at IS NULL"
        " RETURNING actor_id",
        [transaction.now, token_id],
    )
    if row is not None:
        _note(transaction, "token.revoked", token_id, {"of": row["actor_id"]}, row["actor_id"])
    return row is not None


def revoke_actor(transaction: Transaction, actor_id: ActorId) -> bool:
    """End an actor at once: every token, and every reading right in the database.

    The agents that a person is responsible for end with the person.
    """
    ended = transaction.execute(
        "UPDATE actor SET revoked_at = %s WHERE actor_id = %s AND revoked_at IS NULL",
        [transaction.now, actor_id],
    )
    if ended:
        _note(transaction, "actor.revoked", actor_id, {})
    return bool(ended)


def _note(
    transaction: Transaction,
    kind: str,
    subject: str,
    facts: Mapping[str, Json],
    *others: str,
) -> None:
    """Write to the ledger what became of somebody's right to act; `others` may read it too."""
    ledger.append(transaction, kind, subject, facts, readers=(*others, *WATCHERS))


def _demand_person(transaction: Transaction, responsible: ActorId | None) -> None:
    person = actor(transaction, responsible) if responsible is not None else None
    if person is None or person.kind is not ActorKind.PERSON:
        raise ValueError("an agent needs a responsible person")


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def _actor(row: Row) -> Actor:
    return Actor(
        actor_id=ActorId(row["actor_id"]),
        party_id=PartyId(row["party_id"]),
        kind=ActorKind(row["kind"]),
        name=row["name"],
        roles=frozenset(row["roles"]),
        scopes=frozenset(row["scopes"]),
    )
