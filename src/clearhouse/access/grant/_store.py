"""Where grants and acceptances are kept; attributes of holders are sealed."""

import json
from collections.abc import Mapping, Sequence

import psycopg
from pydantic import TypeAdapter

from clearhouse.access.admit.record import Admission
from clearhouse.access.grant.record import Bearer, Grant, GrantState, Scope, Use
from clearhouse.access.terms import Clause
from clearhouse.kernel.ids import ActorId, Compartment, PayloadId
from clearhouse.kernel.services import Desk
from clearhouse.kernel.store.database import Row, Transaction

UniqueViolation = psycopg.errors.UniqueViolation
_ATTRIBUTES = TypeAdapter(dict[str, str])


def insert(
    desk: Desk,
    transaction: Transaction,
    admission: Admission,
    grant: Grant,
    attributes: Mapping[str, str],
) -> None:
    """Store a fresh grant in the compartment of its admission."""
    box = desk.vault.open_box(transaction, admission.compartment)
    payload = box.seal(transaction, "attributes", _ATTRIBUTES.dump_json(dict(attributes)))
    scope = grant.scope
    transaction.execute(
        "INSERT INTO access_grant (grant_id, window_id, admission_id, holder_actor_id, state,"
        " endpoints, purposes, networks, calls_per_minute, concurrent_calls, token_budget,"
        " not_before, not_after, issued_at, issued_by, attributes_payload, compartment, readers)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        [
            grant.grant_id,
            grant.window_id,
            grant.admission_id,
            grant.holder,
            grant.state,
            list(scope.endpoints),
            list(scope.purposes),
            list(scope.networks),
            scope.calls_per_minute,
            scope.concurrent_calls,
            scope.token_budget,
            grant.not_before,
            grant.not_after,
            grant.issued_at,
            grant.issued_by,
            payload,
            box.compartment,
            list(box.readers),
        ],
    )


def load(transaction: Transaction, grant_id: str) -> Grant | None:
    """Return a grant that the actor may read, to be changed."""
    row = transaction.one("SELECT * FROM access_grant WHERE grant_id = %s FOR UPDATE", [grant_id])
    return None if row is None else _grant(row)


def of_window(transaction: Transaction, window_id: str) -> tuple[Grant, ...]:
    """Return the grants of a window that the actor may read, the oldest first."""
    rows = transaction.all(
        "SELECT * FROM access_grant WHERE window_id = %s ORDER BY issued_at, grant_id", [window_id]
    )
    return tuple(_grant(row) for row in rows)


def held(transaction: Transaction, holder: ActorId) -> tuple[Grant, ...]:
    """Return the grants of one holder."""
    rows = transaction.all(
        "SELECT * FROM access_grant WHERE holder_actor_id = %s ORDER BY issued_at", [holder]
    )
    return tuple(_grant(row) for row in rows)


def activate(transaction: Transaction, grant: Grant, jwk: Mapping[str, str]) -> None:
    """Bind a grant to its holder's key."""
    transaction.execute(
        "UPDATE access_grant SET state = 'active', jkt = %s, jwk = %s, activated_at = %s"
        " WHERE grant_id = %s",
        [grant.jkt, json.dumps(jwk), transaction.now, grant.grant_id],
    )


def accept(transaction: Transaction, grant: Grant, clauses: Sequence[Clause], by: ActorId) -> None:
    """Store that a named person accepted these clauses."""
    transaction.many(
        "INSERT INTO access_acceptance (grant_id, clause, clause_sha256, actor_id, at,"
        " compartment, readers) VALUES (%s, %s, %s, %s, %s, %s, %s)",
        [
            (
                grant.grant_id,
                clause.id,
                clause.sha256,
                by,
                transaction.now,
                grant.compartment,
                list(grant.readers),
            )
            for clause in clauses
        ],
    )


def revoke(transaction: Transaction, grant_ids: Sequence[str], because: str) -> None:
    """End grants with this commit."""
    transaction.execute(
        "UPDATE access_grant SET state = 'revoked', revoked_at = %s, revoked_because = %s"
        " WHERE grant_id = ANY(%s) AND state <> 'revoked'",
        [transaction.now, because, list(grant_ids)],
    )


def bearers(desk: Desk, transaction: Transaction, window_id: str) -> tuple[Bearer, ...]:
    """Return the live grants of a window with names and attributes, for the two sides."""
    rows = transaction.all(
        "SELECT g.*, a.name AS holder_name, a.party_id AS holder_party FROM access_grant g"
        " JOIN actor a ON a.actor_id = g.holder_actor_id"
        " WHERE g.window_id = %s AND g.state <> 'revoked' ORDER BY a.name, g.grant_id"
        " FOR UPDATE OF g",
        [window_id],
    )
    payloads = [PayloadId(row["attributes_payload"]) for row in rows]
    texts = desk.vault.open_many(transaction, payloads)
    return tuple(
        Bearer(
            grant=_grant(row),
            name=row["holder_name"],
            party=row["holder_party"],
            attributes=_ATTRIBUTES.validate_json(texts[row["attributes_payload"]]),
        )
        for row in rows
    )


def use(transaction: Transaction, window_id: str) -> dict[str, Use]:
    """Count what each grant of a window has used, by its receipts."""
    rows = transaction.all(
        "SELECT g.grant_id, count(*) FILTER (WHERE r.kind = 'opened') AS calls,"
        " count(*) FILTER (WHERE r.kind = 'refused') AS refused, max(r.at) AS last_at,"
        " coalesce(sum(r.tokens) FILTER (WHERE r.kind = 'closed'), 0)::bigint"
        " + coalesce(sum(r.tokens) FILTER (WHERE r.kind = 'opened' AND NOT EXISTS (SELECT FROM"
        " access_receipt c WHERE c.chain = r.chain AND c.sequence = r.sequence"
        " AND c.kind = 'closed')), 0)::bigint AS tokens"
        " FROM access_grant g JOIN access_receipt r ON r.chain = g.grant_id"
        " WHERE g.window_id = %s GROUP BY g.grant_id",
        [window_id],
    )
    return {
        row["grant_id"]: Use(
            calls=row["calls"],
            refused=row["refused"],
            tokens=int(row["tokens"]),
            last_at=row["last_at"],
        )
        for row in rows
    }


def add_canary(
    transaction: Transaction,
    canary_id: str,
    window_id: str,
    needle: str,
    box: tuple[str, list[str]],
) -> None:
    """Store a string that must not pass."""
    transaction.execute(
        "INSERT INTO access_canary (canary_id, window_id, needle, compartment, readers)"
        " VALUES (%s, %s, %s, %s, %s)",
        [canary_id, window_id, needle, *box],
    )


def alarms(transaction: Transaction, window_id: str) -> list[Row]:
    """Return the alarms of a window that the actor may read, the newest first."""
    return transaction.all(
        "SELECT alarm_id, grant_id, sequence, kind, detail, at FROM access_alarm"
        " WHERE window_id = %s ORDER BY at DESC LIMIT 200",
        [window_id],
    )


def _grant(row: Row) -> Grant:
    return Grant(
        grant_id=row["grant_id"],
        window_id=row["window_id"],
        admission_id=row["admission_id"],
        holder=ActorId(row["holder_actor_id"]),
        state=GrantState(row["state"]),
        jkt=row["jkt"],
        scope=Scope(
            endpoints=tuple(row["endpoints"]),
            purposes=tuple(row["purposes"]),
            networks=tuple(row["networks"]),
            calls_per_minute=row["calls_per_minute"],
            concurrent_calls=row["concurrent_calls"],
            token_budget=row["token_budget"],
        ),
        not_before=row["not_before"],
        not_after=row["not_after"],
        issued_at=row["issued_at"],
        issued_by=ActorId(row["issued_by"]),
        activated_at=row["activated_at"],
        revoked_at=row["revoked_at"],
        revoked_because=row["revoked_because"],
        compartment=Compartment(row["compartment"]),
        readers=tuple(row["readers"]),
    )
