"""The queue in parts: filtered by what stands in the clear, counted, and paged.

In: a `QueueFilter`. Out: priorities in the order of the queue, as far as the actor may read them.
Refused: nothing; a filter that nothing fits gives an empty part.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from clearhouse.clearing.prioritize import operations
from clearhouse.clearing.prioritize.record import Band, Coordination, ExploitLevel, Priority
from clearhouse.formats.cvss import Rating
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
    def parameters(self) -> Sequence[Value]:
        """Each value twice, as the statements below ask for it."""
        values = (self.band, self.rating, self.exploit, self.coordination)
        return [value for value in values for _ in range(2)]


def part(
    desk: Desk, transaction: Transaction, wanted: QueueFilter, *, limit: int, offset: int
) -> list[Priority]:
    """Return a part of the queue, what comes first, first."""
    rows = transaction.all(
        "SELECT finding_id FROM priority WHERE superseded_at IS NULL"
        " AND (%s::text IS NULL OR band = %s) AND (%s::text IS NULL OR rating = %s)"
        " AND (%s::text IS NULL OR exploit = %s) AND (%s::text IS NULL OR coordination = %s)"
        " ORDER BY sort_key, first_received, finding_id LIMIT %s OFFSET %s",
        [*wanted.parameters, limit, offset],
    )
    ids = [FindingId(row["finding_id"]) for row in rows]
    found = operations.priorities(desk, transaction, ids)
    return [found[finding_id] for finding_id in ids if finding_id in found]


def total(transaction: Transaction, wanted: QueueFilter) -> int:
    """Count the findings in the queue that fit a filter, as far as the actor may see them."""
    row = transaction.one(
        "SELECT count(*) AS findings FROM priority WHERE superseded_at IS NULL"
        " AND (%s::text IS NULL OR band = %s) AND (%s::text IS NULL OR rating = %s)"
        " AND (%s::text IS NULL OR exploit = %s) AND (%s::text IS NULL OR coordination = %s)",
        wanted.parameters,
    )
    return int(row["findings"]) if row else 0
