"""What was exchanged between whom, as competition counsel and auditors ask for it.

In: a period. Out: every exchange that the actor may read, oldest first, as rows for JSON or CSV:
who asked how much, who was told of whose scans, who was introduced, which fields were shown to
both. There is no content in it, and no table of its own: it is read from the ledger, whose export
proves that nothing was left out. Each side reads what it did itself, auditors read all.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from clearhouse.formats import spreadsheet
from clearhouse.kernel.identity import Actor, party_names
from clearhouse.kernel.ids import PartyId
from clearhouse.kernel.services import Desk
from clearhouse.kernel.store.database import Transaction

READ = "exchange.read"
MOST_LISTED = 10_000
_COLUMNS = ("at", "kind", "party", "subject", "facts", "event")


@dataclass(frozen=True, kw_only=True, slots=True)
class Exchange:
    """One exchange."""

    at: datetime
    kind: str
    """`asked`, `held`, `told_of_scans`, `scan_told_of`, `introduced`, `laid_down`, `shown`, ..."""
    party: str | None
    """Name of whoever acted; None for the machinery."""
    subject: str
    facts: str
    """Counts, levels and names of fields, as JSON."""
    event: str
    """In the ledger."""


def exchanges(
    desk: Desk, transaction: Transaction, actor: Actor, *, since: datetime, until: datetime
) -> tuple[Exchange, ...]:
    """Return the exchanges of a period that the actor may read.

    Raises: ForbiddenError.
    """
    desk.authority.demand(actor, READ)
    rows = transaction.all(
        "SELECT e.event_id, e.at, e.kind, e.subject, e.body, a.party_id FROM ledger_event e"
        " LEFT JOIN actor a USING (actor_id) WHERE e.kind LIKE 'exchange.%%'"
        " AND e.at >= %s AND e.at < %s ORDER BY e.at, e.event_id LIMIT %s",
        [since, until, MOST_LISTED],
    )
    names = party_names(transaction, [PartyId(row["party_id"]) for row in rows if row["party_id"]])
    return tuple(
        Exchange(
            at=row["at"],
            kind=row["kind"].removeprefix("exchange."),
            party=names.get(row["party_id"]),
            subject=row["subject"],
            facts=json.dumps(json.loads(row["body"])["data"], sort_keys=True),
            event=row["event_id"],
        )
        for row in rows
    )


def as_csv(found: Sequence[Exchange]) -> str:
    """Return exchanges as CSV with one heading."""
    rows = ([getattr(one, name) for name in _COLUMNS] for one in found)
    return "".join(spreadsheet.lines(_COLUMNS, rows))
