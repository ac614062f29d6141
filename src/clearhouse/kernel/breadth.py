"""Who reads most of the house, so that lists for others need not walk through what is hidden.

Most findings, reports and events of a large house are read by analysts, the house's machinery and
who sent them, and by nobody else until a case says so. Row-level security would look at each of
them for a reader who sees none, before it finds the few that there are. So lists ask for whoever is
no analyst in two parts: rows that analysts do not read are walked in order, and of the rows that
they do read, an index by reader finds the few that others read too. Together that is every row, so
no answer changes; the partial indexes are in migration 0135.
"""

import contextlib
from collections.abc import Iterator
from typing import LiteralString

from clearhouse.kernel.store.database import Transaction

NOT_FOR_ANALYSTS: LiteralString = " AND NOT 'role:intake_analyst' = ANY (readers)"
FOR_ANALYSTS: LiteralString = " AND 'role:intake_analyst' = ANY (readers)"
NOT_THEIRS_ALONE: LiteralString = (
    " AND NOT readers <@ ARRAY['role:clearing', 'role:intake_analyst']"
)
"""Of rows that never name their sender, all that anybody else may read."""


def is_analyst(transaction: Transaction) -> bool:
    """Say whether the transaction's actor reads what analysts read."""
    row = transaction.one(
        "SELECT principals() && ARRAY['role:clearing', 'role:intake_analyst'] AS analyst"
    )
    return row is not None and bool(row["analyst"])


@contextlib.contextmanager
def in_order(transaction: Transaction) -> Iterator[None]:
    """Let the first rows of a list be found by walking the index that stands in its order.

    Left alone, the store fetches and sorts every row that fits: it cannot foresee how many of them
    row-level security lets the reader see, and counts on hardly any.
    """
    transaction.execute("SET LOCAL enable_sort = off")
    yield
    transaction.execute("SET LOCAL enable_sort = on")
