"""The queue in parts: filtered by what stands in the clear, counted, and paged.

In: a `QueueFilter`. Out: priorities in the order of the queue, as far as the actor may read them.
Refused: nothing; a filter that nothing fits gives an empty part.
"""

import contextlib
from dataclasses import dataclass
from typing import LiteralString

from clearhouse.clearing.prioritize import _store
from clearhouse.clearing.prioritize.record import Band, Coordination, ExploitLevel, Priority
from clearhouse.formats.cvss import Rating
from clearhouse.kernel.breadth import NOT_THEIRS_ALONE, in_order, is_analyst
from clearhouse.kernel.ids import FindingId
from clearhouse.kernel.services import Desk
from clearhouse.kernel.store.database import Transaction, Value


@dataclass(frozen=True, kw_only=True, slots=True)
class QueueFilter:
    """Which findings; `None` lets every value through."""

    band: Band | None = None
    rating: Rating | None = None
    exploit: ExploitLevel | None = None
    coordination: Coordination | None = None

    @property
    def where(self) -> LiteralString:
        """The condition as the store reads it; only what is asked for stands in it."""
        return "superseded_at IS NULL" + "".join(
            clause for value, clause in self._asked if value is not None
        )

    @property
    def parameters(self) -> list[Value]:
        """The values of `where`."""
        return [value for value, _ in self._asked if value is not None]

    @property
    def _asked(self) -> tuple[tuple[str | None, LiteralString], ...]:
        return (
            (self.band, " AND band = %s"),
            (self.rating, " AND rating = %s"),
            (self.exploit, " AND exploit = %s"),
            (self.coordination, " AND coordination = %s"),
        )


def part(
    desk: Desk,
    transaction: Transaction,
    wanted: QueueFilter,
    *,
    limit: int,
    offset: int = 0,
    after: FindingId | None = None,
) -> list[Priority]:
    """Return a part of the queue, what comes first, first.

    `after` goes on behind a finding that the actor may read, wherever the queue has moved
    meanwhile; behind any other it begins anew.
    """
    place = None if after is None else _place(transaction, after)
    analyst = is_analyst(transaction)
    hidden: LiteralString = "" if analyst else NOT_THEIRS_ALONE
    behind: LiteralString = "" if place is None else (
        " AND (sort_key, first_received, finding_id) > (%s::integer[], %s, %s)"
    )  # fmt: skip
    with contextlib.nullcontext() if analyst else in_order(transaction):
        rows = transaction.all(
            f"SELECT content_payload FROM priority WHERE {wanted.where}{hidden}{behind}"  # noqa: S608 - clauses of ours
            " ORDER BY sort_key, first_received, finding_id LIMIT %s OFFSET %s",
            [*wanted.parameters, *(place or ()), limit, offset],
        )
    return _store.opened(desk, transaction, rows)


def total(transaction: Transaction, wanted: QueueFilter, *, most: int | None = None) -> int:
    """Count the findings in the queue that fit a filter, as far as the actor may see them.

    With `most`, counting stops there: a page need not know how many more there are.
    """
    hidden: LiteralString = "" if is_analyst(transaction) else NOT_THEIRS_ALONE
    row = transaction.one(
        f"SELECT count(*) AS findings FROM (SELECT FROM priority WHERE {wanted.where}{hidden}"  # noqa: S608 - clauses of ours
        " LIMIT %s) AS counted",
        [*wanted.parameters, most],
    )
    return int(row["findings"]) if row else 0


def _place(transaction: Transaction, finding_id: FindingId) -> tuple[Value, ...] | None:
    """Return where a finding stands in the queue, or stood last."""
    row = transaction.one(
        "SELECT sort_key, first_received, finding_id FROM priority WHERE finding_id = %s"
        " ORDER BY computed_at DESC LIMIT 1",
        [finding_id],
    )
    return None if row is None else tuple(row.values())
