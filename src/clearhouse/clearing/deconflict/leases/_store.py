"""The SQL of scan leases."""

import json
from collections.abc import Sequence
from datetime import datetime

from clearhouse.clearing.deconflict.leases.record import (
    Authorisation,
    Basis,
    Coverage,
    Disclosure,
    Extent,
    Lease,
    Limit,
    Scanned,
    Scope,
    Standing,
    State,
    Taken,
    Tool,
)
from clearhouse.kernel.identity import WATCHERS
from clearhouse.kernel.ids import ActorId, PartyId
from clearhouse.kernel.store.database import Row, Transaction

HOUSE = ("role:clearing", "role:coordinator_on_duty", *WATCHERS)
"""Who of the house reads who scans what."""
KNOWN_TO = ("role:finder", "role:coordinator", *HOUSE)
"""Who reads what maintainers allow."""


def taken_on(transaction: Transaction, target: str) -> list[Taken]:
    """Wait for the target's turn, and return what is held there now or later."""
    rows = transaction.all("SELECT * FROM leases_on(%s, %s)", [target, transaction.now])
    return [
        Taken(
            lease_id=row["lease_id"],
            party_id=PartyId(row["party_id"]),
            party=row["party_name"],
            scope=_scope({**row, "target": target}),
            tool=Tool(row["tool"]),
            disclosure=Disclosure(row["disclosure"]),
        )
        for row in rows
    ]


def insert(transaction: Transaction, lease: Lease) -> None:
    """Keep a new lease."""
    scope, given = lease.scope, lease.authorisation
    transaction.execute(
        "INSERT INTO scan_lease (lease_id, party_id, actor_id, target, paths, versions, tool,"
        " starts_at, until_at, disclosure, basis, reference, safe_harbour, shared, state,"
        " granted_at, policy, compartment, readers)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        [lease.lease_id, lease.party_id, lease.actor_id, scope.target, list(scope.paths),
         scope.versions, lease.tool, scope.starts, scope.until, lease.disclosure, given.basis,
         given.reference, given.safe_harbour, lease.shared, lease.state, lease.granted_at,
         lease.policy, f"lease_{lease.lease_id}", [lease.party_id, *HOUSE]],
    )  # fmt: skip


def end(
    transaction: Transaction, lease_id: str, state: State, coverage: Sequence[Coverage] = ()
) -> None:
    """End a lease."""
    said = [
        {"path": one.path, "commit": one.commit, "extent": one.extent, "note": one.note}
        for one in coverage
    ]
    transaction.execute(
        "UPDATE scan_lease SET state = %s, ended_at = coalesce(ended_at, %s), coverage = %s"
        " WHERE lease_id = %s",
        [state, transaction.now, json.dumps(said), lease_id],
    )


def lapse(transaction: Transaction) -> list[Lease]:
    """Let every lease lapse whose time is over."""
    rows = transaction.all(
        "UPDATE scan_lease SET state = 'lapsed', ended_at = until_at"
        " WHERE state = 'held' AND until_at <= %s RETURNING *",
        [transaction.now],
    )
    return list(map(_lease, rows))


def count(transaction: Transaction) -> dict[str, int]:
    """Count the leases that the actor may see: those held, and those that owe a statement."""
    return transaction.counts(
        "SELECT count(*) FILTER (WHERE state = 'held') AS leases,"
        " count(*) FILTER (WHERE state = 'lapsed') AS owed,"
        " extract(epoch FROM %s - min(until_at) FILTER (WHERE state = 'lapsed'))::bigint"
        " AS waited_s FROM scan_lease",
        [transaction.now],
    )


def lease(transaction: Transaction, lease_id: str) -> Lease | None:
    """Return a lease that the actor may read, held fast until the transaction ends."""
    row = transaction.one("SELECT * FROM scan_lease WHERE lease_id = %s FOR UPDATE", [lease_id])
    return None if row is None else _lease(row)


def leases(transaction: Transaction, since: datetime, most: int) -> list[Lease]:
    """Return the leases that the actor may read and that were not over at an instant."""
    rows = transaction.all(
        "SELECT * FROM scan_lease WHERE until_at > %s OR state = 'lapsed'"
        " ORDER BY target, starts_at, lease_id LIMIT %s",
        [since, most],
    )
    return list(map(_lease, rows))


def standing(transaction: Transaction, party_id: PartyId, owed_since: datetime) -> Standing:
    """Return what a party holds, and what it owes since before an instant."""
    row = transaction.one(
        "SELECT count(*) FILTER (WHERE state = 'held') AS open, count(*) FILTER"
        " (WHERE state = 'lapsed' AND ended_at < %s) AS owed FROM scan_lease WHERE party_id = %s",
        [owed_since, party_id],
    )
    return Standing(open=0, owed=0) if row is None else Standing(**row)


def coverage_of(transaction: Transaction, target: str) -> list[Scanned]:
    """Return the coverage statements of a target, as far as they may be told."""
    rows = transaction.all("SELECT * FROM coverage_of(%s)", [target])
    return [
        Scanned(
            tool=None if row["tool"] is None else Tool(row["tool"]),
            ended_at=row["ended_at"],
            party=row["party_name"],
            coverage=_coverage(row),
        )
        for row in rows
    ]


def limit(transaction: Transaction, target: str) -> Limit | None:
    """Return what the maintainers of a target allow, None when they have said nothing."""
    row = transaction.one("SELECT * FROM scan_limit WHERE target = %s", [target])
    return None if row is None else _limit(row)


def limits(transaction: Transaction) -> list[Limit]:
    """Return what maintainers allow, by target."""
    return [_limit(row) for row in transaction.all("SELECT * FROM scan_limit ORDER BY target")]


def put_limit(transaction: Transaction, found: Limit, actor_id: ActorId) -> None:
    """Keep what the maintainers of a target allow, in the place of what they said before."""
    transaction.execute(
        "INSERT INTO scan_limit (target, opted_out, at_once, barred_tools, reference, set_by,"
        " set_at, compartment, readers) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)"
        " ON CONFLICT (target) DO UPDATE SET opted_out = excluded.opted_out,"
        " at_once = excluded.at_once, barred_tools = excluded.barred_tools,"
        " reference = excluded.reference, set_by = excluded.set_by, set_at = excluded.set_at",
        [found.target, found.opted_out, found.at_once, list(found.barred_tools), found.reference,
         actor_id, transaction.now, "scan_limits", list(KNOWN_TO)],
    )  # fmt: skip


def _scope(row: Row) -> Scope:
    return Scope(
        target=row["target"],
        starts=row["starts_at"],
        until=row["until_at"],
        paths=tuple(row["paths"]),
        versions=row["versions"],
    )


def _lease(row: Row) -> Lease:
    return Lease(
        lease_id=row["lease_id"],
        party_id=PartyId(row["party_id"]),
        actor_id=ActorId(row["actor_id"]),
        scope=_scope(row),
        tool=Tool(row["tool"]),
        disclosure=Disclosure(row["disclosure"]),
        authorisation=Authorisation(
            basis=Basis(row["basis"]),
            reference=row["reference"],
            safe_harbour=row["safe_harbour"],
        ),
        shared=row["shared"],
        state=State(row["state"]),
        granted_at=row["granted_at"],
        ended_at=row["ended_at"],
        coverage=_coverage(row),
        policy=row["policy"],
    )


def _coverage(row: Row) -> tuple[Coverage, ...]:
    return tuple(Coverage(**{**one, "extent": Extent(one["extent"])}) for one in row["coverage"])


def _limit(row: Row) -> Limit:
    return Limit(
        target=row["target"],
        opted_out=row["opted_out"],
        at_once=row["at_once"],
        barred_tools=tuple(map(Tool, row["barred_tools"])),
        reference=row["reference"],
    )
