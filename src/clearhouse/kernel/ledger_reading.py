"""Reads the ledger for people: the newest events, and the history of one thing.

In: a transaction. Out: events that its actor may read, with the names of those who acted.
Refused: nothing; what the actor may not read is not returned, not even as a gap.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from clearhouse.kernel.ids import ActorId, EventId
from clearhouse.kernel.store.database import Row, Transaction

LONGEST_LIST = 500


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """One event as people read it."""

    event_id: EventId
    at: datetime
    kind: str
    actor_id: str
    actor_name: str | None
    """None when nobody was signed in, as when a session opens."""
    subject: str
    data: Mapping[str, object]
    leaf_index: int | None
    """Its place in the tree; None while it waits for one."""


def newest(
    transaction: Transaction, *, before: EventId | None = None, limit: int = 50
) -> tuple[Event, ...]:
    """Return the newest events, the last first; with `before`, those written before that one."""
    rows = transaction.all(
        "SELECT e.event_id, e.at, e.kind, e.actor_id, a.name AS actor_name, e.subject, e.body,"
        " l.leaf_index FROM ledger_event e LEFT JOIN actor a USING (actor_id)"
        " LEFT JOIN ledger_leaf l USING (event_id)"
        " WHERE (e.at, e.event_id) <"
        " (coalesce((SELECT at FROM ledger_event WHERE event_id = %s), 'infinity'),"
        " coalesce(%s, ''))"
        " ORDER BY e.at DESC, e.event_id DESC LIMIT %s",
        [before, before, min(limit, LONGEST_LIST)],
    )
    return tuple(_event(row) for row in rows)


def history(
    transaction: Transaction, subjects: tuple[str, ...], *, limit: int = LONGEST_LIST
) -> tuple[Event, ...]:
    """Return what happened to these things, the first event first."""
    rows = transaction.all(
        "SELECT e.event_id, e.at, e.kind, e.actor_id, a.name AS actor_name, e.subject, e.body,"
        " l.leaf_index FROM ledger_event e LEFT JOIN actor a USING (actor_id)"
        " LEFT JOIN ledger_leaf l USING (event_id)"
        " WHERE e.subject = ANY(%s) ORDER BY e.at, l.leaf_index NULLS LAST, e.event_id LIMIT %s",
        [list(subjects), min(limit, LONGEST_LIST)],
    )
    return tuple(_event(row) for row in rows)


def newest_of(transaction: Transaction, subject: str, kind: str) -> Event | None:
    """Return the last event of a kind that happened to a thing, None when there is none."""
    row = transaction.one(
        "SELECT e.event_id, e.at, e.kind, e.actor_id, a.name AS actor_name, e.subject, e.body,"
        " l.leaf_index FROM ledger_event e LEFT JOIN actor a USING (actor_id)"
        " LEFT JOIN ledger_leaf l USING (event_id) WHERE e.subject = %s AND e.kind = %s"
        " ORDER BY e.at DESC, e.event_id DESC LIMIT 1",
        [subject, kind],
    )
    return None if row is None else _event(row)


def acted_since(kind: str, transaction: Transaction, actor_id: ActorId, since: datetime) -> bool:
    """Say whether somebody caused an event of a kind since an instant, as far as may be read."""
    row = transaction.one(
        "SELECT event_id FROM ledger_event WHERE actor_id = %s AND at >= %s AND kind = %s LIMIT 1",
        [actor_id, since, kind],
    )
    return row is not None


def event(transaction: Transaction, event_id: EventId) -> Event | None:
    """Return one event, None when there is none that the actor may read."""
    row = transaction.one(
        "SELECT e.event_id, e.at, e.kind, e.actor_id, a.name AS actor_name, e.subject, e.body,"
        " l.leaf_index FROM ledger_event e LEFT JOIN actor a USING (actor_id)"
        " LEFT JOIN ledger_leaf l USING (event_id) WHERE e.event_id = %s",
        [event_id],
    )
    return None if row is None else _event(row)


def _event(row: Row) -> Event:
    return Event(
        event_id=EventId(row["event_id"]),
        at=row["at"],
        kind=row["kind"],
        actor_id=row["actor_id"],
        actor_name=row["actor_name"],
        subject=row["subject"],
        data=json.loads(row["body"])["data"],
        leaf_index=row["leaf_index"],
    )
