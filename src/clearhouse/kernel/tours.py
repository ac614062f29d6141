"""How far somebody is on a tour: begun, been to a step, put away.

In: marks that the transaction's actor sets. Out: the same marks with their instants, to that actor
alone; the store shows them to nobody else. No event of the ledger tells of them: whoever acts on a
tour, acts, and that is an event.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from clearhouse.kernel.ids import ActorId
from clearhouse.kernel.store.database import Transaction

BEGUN: Final = "begun"
AWAY: Final = "away"
"""The tour was put away, and is not offered any more."""


def marks(transaction: Transaction, actor_id: ActorId) -> Mapping[str, datetime]:
    """Return the marks of the transaction's own actor, and when each was first set."""
    rows = transaction.all("SELECT mark, at FROM tour_mark WHERE actor_id = %s", [actor_id])
    return {row["mark"]: row["at"] for row in rows}


def mark(transaction: Transaction, actor_id: ActorId, name: str) -> None:
    """Set a mark; one that is set already keeps its instant."""
    transaction.execute(
        "INSERT INTO tour_mark (actor_id, mark, at) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
        [actor_id, name, transaction.now],
    )


def begin_again(transaction: Transaction, actor_id: ActorId) -> None:
    """Forget every mark and begin now."""
    transaction.execute("DELETE FROM tour_mark WHERE actor_id = %s", [actor_id])
    mark(transaction, actor_id, BEGUN)
