"""Reads the ledger for people: the newest events, and the history of one thing.

In: a transaction. Out: events that its actor may read, with the names of those who acted.
Refused: nothing; what the actor may not read is not returned, not even as a gap.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import LiteralString

from clearhouse.kernel.breadth import FOR_ANALYSTS, NOT_FOR_ANALYSTS, is_analyst
from clearhouse.kernel.ids import ActorId, EventId
from clearhouse.kernel.store.database import Row, Transaction, Value

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


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """Which events; `None` lets every value through."""

    kind: str | None = None
    actor_id: str | None = None
    subject: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    """From `since`, and before `until`."""

    @property
    def where(self) -> LiteralString:
        """Conditions as the store reads them; only what is asked for stands in them."""
        return "".join(clause for value, clause in self._asked if value is not None)

    @property
    def parameters(self) -> dict[str, Value]:
        """The values of `where`, and those that it does not ask for."""
        return {
            "kind": self.kind,
            "actor_id": self.actor_id,
            "subject": self.subject,
            "since": self.since,
            "until": self.until,
        }

    @property
    def _asked(self) -> tuple[tuple[Value | None, LiteralString], ...]:
        return (
            (self.kind, " AND kind = %(kind)s"),
            (self.actor_id, " AND actor_id = %(actor_id)s"),
            (self.subject, " AND subject = %(subject)s"),
            (self.since, " AND at >= %(since)s"),
            (self.until, " AND at < %(until)s"),
        )


EVERY = Wanted()
_BEHIND: LiteralString = " AND (at, event_id) < (%(at)s, %(id)s)"
_FIRST: LiteralString = " ORDER BY at DESC, event_id DESC LIMIT %(most)s"


def _page(wanted: LiteralString, *, analyst: bool) -> LiteralString:
    """Return the statement that finds which events are on a page."""
    select: LiteralString = f"SELECT event_id FROM ledger_event WHERE true{wanted}{_BEHIND}"  # noqa: S608 - texts of ours
    if analyst:
        return f"{select}{_FIRST}"
    return f"({select}{NOT_FOR_ANALYSTS}{_FIRST}) UNION ALL {select}{FOR_ANALYSTS}"


def _start(transaction: Transaction, before: EventId | None) -> dict[str, Value]:
    """Return where a list goes on: behind an event that the actor may read, else at its start."""
    row = transaction.one(
        "SELECT at, event_id AS id FROM ledger_event WHERE event_id = %s", [before]
    )
    return row or {"at": datetime.max.replace(tzinfo=UTC), "id": ""}


def newest(
    transaction: Transaction,
    *,
    before: EventId | None = None,
    limit: int = 50,
    wanted: Wanted = EVERY,
) -> tuple[Event, ...]:
    """Return the newest events, the last first; with `before`, those written before that one."""
    # Which events are on the page is found in indexes; only they are read and joined.
    page = _page(wanted.where, analyst=is_analyst(transaction))
    rows = transaction.all(
        f"WITH page AS MATERIALIZED ({page})"  # noqa: S608 - texts of ours
        " SELECT e.event_id, e.at, e.kind, e.actor_id, a.name AS actor_name, e.subject, e.body,"
        " l.leaf_index FROM page JOIN ledger_event e USING (event_id)"
        " LEFT JOIN actor a USING (actor_id) LEFT JOIN ledger_leaf l USING (event_id)"
        " ORDER BY e.at DESC, e.event_id DESC LIMIT %(most)s",
        {
            "most": min(limit, LONGEST_LIST),
            **wanted.parameters,
            **_start(transaction, before),
        },
    )
    return tuple(_event(row) for row in rows)


def every(transaction: Transaction, wanted: Wanted) -> Iterator[Event]:
    """Yield all events that are wanted, the last first, a part at a time."""
    before: EventId | None = None
    while part := newest(transaction, before=before, limit=LONGEST_LIST, wanted=wanted):
        yield from part
        before = part[-1].event_id


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
