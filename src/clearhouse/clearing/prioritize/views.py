"""Views of the queue that a person has given a name: a filter to come back to.

In: an actor, a name and a filter. Out: the actor's own views, the oldest first. Refused: more than
`MOST` views, and a name without a visible character. Saving under a name that is there replaces
that view. A view is its owner's alone and acts on nothing, so the ledger does not speak of it.
"""

from dataclasses import dataclass

import psycopg.types.json
from pydantic import TypeAdapter

from clearhouse.clearing.prioritize.listing import QueueFilter
from clearhouse.kernel.ids import new_id
from clearhouse.kernel.store.database import Transaction

MOST = 20
LONGEST_NAME = 40
_FILTER = TypeAdapter(QueueFilter)


class ViewError(ValueError):
    """The view cannot be saved so; the message says why."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SavedView:
    """A filter with a name."""

    view_id: str
    name: str
    wanted: QueueFilter


def views_of(transaction: Transaction) -> tuple[SavedView, ...]:
    """Return the views of the transaction's actor, the oldest first."""
    rows = transaction.all(
        "SELECT view_id, name, wanted FROM saved_view ORDER BY created_at, view_id"
    )
    return tuple(
        SavedView(
            view_id=row["view_id"],
            name=row["name"],
            wanted=_FILTER.validate_python(row["wanted"]),
        )
        for row in rows
    )


def save(transaction: Transaction, name: str, wanted: QueueFilter) -> SavedView:
    """Save a view of the transaction's actor under a name.

    Raises: ViewError.
    """
    short = " ".join(name.split())
    if not short or len(short) > LONGEST_NAME or not short.isprintable():
        raise ViewError(f"a name has 1 to {LONGEST_NAME} characters that can be seen")
    transaction.execute(
        "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"views {transaction.actor}"]
    )
    known = views_of(transaction)
    if len(known) >= MOST and short not in {one.name for one in known}:
        raise ViewError(f"you have {MOST} views already; remove one first")
    row = transaction.one(
        "INSERT INTO saved_view (view_id, actor_id, name, wanted, created_at)"
        " VALUES (%s, %s, %s, %s, %s)"
        " ON CONFLICT (actor_id, name) DO UPDATE SET wanted = excluded.wanted RETURNING view_id",
        [
            new_id("vew"),
            transaction.actor,
            short,
            psycopg.types.json.Jsonb(_FILTER.dump_python(wanted, mode="json", exclude_none=True)),
            transaction.now,
        ],
    )
    if row is None:
        raise LookupError("the store returned nothing for what it stored")
    return SavedView(view_id=row["view_id"], name=short, wanted=wanted)


def remove(transaction: Transaction, view_id: str) -> bool:
    """Remove a view of the transaction's actor; False when there is none with this id."""
    return transaction.execute("DELETE FROM saved_view WHERE view_id = %s", [view_id]) == 1
