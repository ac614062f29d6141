"""The queue as pages and the API show it: one row a finding, with why it stands there.

In: a filter and a place. Out: rows that join what match and prioritize say about each finding.
"""

from dataclasses import dataclass

from clearhouse.clearing.match import listing as match_listing
from clearhouse.clearing.match.listing import FindingNote
from clearhouse.clearing.prioritize.listing import QueueFilter, part, total
from clearhouse.clearing.prioritize.record import READY_ELEMENTS, Priority
from clearhouse.clearing.prioritize.rules import why_first
from clearhouse.kernel.ids import FindingId
from clearhouse.kernel.services import Desk
from clearhouse.kernel.store.database import Transaction

__all__ = ["QueueFilter", "QueuePart", "QueueRow", "queue_part"]


@dataclass(frozen=True, kw_only=True, slots=True)
class QueueRow:
    """One finding in the queue."""

    place: int
    """From 1, within the filter."""
    note: FindingNote
    priority: Priority
    missing: tuple[str, ...]
    """Which elements of a ready report no report of the finding has."""
    why: str
    """Why it stands before the next one, or why it is here when nothing follows."""


@dataclass(frozen=True, kw_only=True, slots=True)
class QueuePart:
    """Some rows of the queue, and how many there are."""

    rows: tuple[QueueRow, ...]
    total: int
    """How many fit; one more than `counted` says only that there are more."""
    next_after: FindingId | None
    """The finding behind which the queue goes on; None at its end."""


def queue_part(
    desk: Desk,
    transaction: Transaction,
    wanted: QueueFilter,
    *,
    limit: int,
    offset: int = 0,
    after: FindingId | None = None,
    place: int = 0,
    counted: int | None = None,
) -> QueuePart:
    """Return a part of the queue that the transaction's actor may see.

    It begins behind `offset` findings, or behind the finding `after`, whose place is `place`.
    """
    # One more than shown: the reason of the last row compares it with the next.
    priorities = part(desk, transaction, wanted, limit=limit + 1, offset=offset, after=after)
    ids = [FindingId(one.finding_id) for one in priorities[:limit]]
    notes = match_listing.notes(desk, transaction, ids)
    rows = [
        _row(number, priority, notes[FindingId(priority.finding_id)], follower)
        for number, (priority, follower) in enumerate(
            zip(priorities[:limit], [*priorities[1:], None], strict=False),
            start=offset + place + 1,
        )
        if priority.finding_id in notes
    ]
    return QueuePart(
        rows=tuple(rows),
        total=total(transaction, wanted, most=None if counted is None else counted + 1),
        next_after=ids[-1] if len(priorities) > limit else None,
    )


def _row(place: int, priority: Priority, note: FindingNote, follower: Priority | None) -> QueueRow:
    return QueueRow(
        place=place,
        note=note,
        priority=priority,
        missing=tuple(one for one in READY_ELEMENTS if one not in priority.ready),
        why=priority.queue.reason if follower is None else why_first(priority, follower),
    )
