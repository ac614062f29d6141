"""The SQL of blind lookup. What only functions of the owner may read is asked of them."""

from collections.abc import Sequence
from datetime import date, datetime

from clearhouse.clearing.deconflict.blind.record import Allowed, Epoch, Held, Part
from clearhouse.kernel.identity import WATCHERS
from clearhouse.kernel.ids import Compartment, PartyId, new_id
from clearhouse.kernel.store.database import Transaction

HOUSE = ("role:clearing", *WATCHERS)
"""Who of the house sees which keys answer and how much a party asks."""
OPENING_LOCK = 0x6B6E6F77  # "know"


def epochs(transaction: Transaction) -> tuple[Epoch, ...]:
    """Return the epochs that answer now, the newest first."""
    rows = transaction.all("SELECT * FROM known_epochs(%s)", [transaction.now])
    return tuple(Epoch(**{**row, "public_key": bytes(row["public_key"])}) for row in rows)


def put_epoch(transaction: Transaction, epoch_id: str, public_key: bytes) -> None:
    """Open an epoch."""
    transaction.execute(
        "INSERT INTO known_epoch (epoch_id, public_key, opened_at, compartment, readers)"
        " VALUES (%s, %s, %s, %s, %s)",
        [epoch_id, public_key, transaction.now, f"known_{epoch_id}", list(HOUSE)],
    )


def limit_epochs(transaction: Transaction, newest: str, until: datetime) -> None:
    """Let every open epoch but the newest end."""
    transaction.execute(
        "UPDATE known_epoch SET answers_until = %s WHERE epoch_id <> %s AND answers_until IS NULL",
        [until, newest],
    )


def over(transaction: Transaction) -> list[str]:
    """Return the epochs that answer no more and are still kept."""
    rows = transaction.all(
        "SELECT epoch_id FROM known_epoch WHERE closed_at IS NULL AND answers_until <= %s",
        [transaction.now],
    )
    return [row["epoch_id"] for row in rows]


def close_epoch(transaction: Transaction, epoch_id: str) -> None:
    """Forget what an epoch knew, and who held it."""
    transaction.execute("SELECT known_forget(%s)", [epoch_id])
    transaction.execute("DELETE FROM known_holding WHERE epoch_id = %s", [epoch_id])
    transaction.execute(
        "UPDATE known_epoch SET closed_at = %s WHERE epoch_id = %s", [transaction.now, epoch_id]
    )


def lock_opening(transaction: Transaction) -> None:
    """Let one process at a time open and close epochs."""
    transaction.execute("SELECT pg_advisory_xact_lock(%s)", [OPENING_LOCK])


def spend(
    transaction: Transaction,
    party_id: PartyId,
    epoch_id: str,
    many: int,
    *,
    most_a_day: int,
    most_an_epoch: int,
) -> bool:
    """Count what a party asks, and say whether it is within its quotas."""
    row = transaction.one(
        "SELECT known_spend(%s, %s, %s, %s, %s, %s, %s, %s) AS within",
        [party_id, epoch_id, transaction.now.date(), many, most_a_day, most_an_epoch,
         f"known_{party_id}", list(HOUSE)],
    )  # fmt: skip
    return row is not None and bool(row["within"])


def asked(transaction: Transaction, party_id: PartyId, epoch_id: str) -> tuple[int, int]:
    """Return how many a party has asked today, and in the epoch."""
    row = transaction.one(
        "SELECT coalesce(sum(asked) FILTER (WHERE day = %s), 0) AS today,"
        " coalesce(sum(asked), 0) AS in_all FROM known_quota"
        " WHERE party_id = %s AND epoch_id = %s",
        [transaction.now.date(), party_id, epoch_id],
    )
    return (0, 0) if row is None else (int(row["today"]), int(row["in_all"]))


def unnoted(transaction: Transaction) -> list[tuple[str, str, date, int]]:
    """Take what was asked since it was last noted: party, epoch, day and how many."""
    rows = transaction.all(
        "WITH open AS (SELECT party_id, epoch_id, day, asked - noted AS fresh FROM known_quota"
        "  WHERE noted < asked FOR UPDATE)"
        " UPDATE known_quota q SET noted = q.noted + open.fresh FROM open"
        "  WHERE (q.party_id, q.epoch_id, q.day) = (open.party_id, open.epoch_id, open.day)"
        " RETURNING q.party_id, q.epoch_id, q.day, open.fresh"
    )
    return [(row["party_id"], row["epoch_id"], row["day"], row["fresh"]) for row in rows]


def table(transaction: Transaction, epoch: Epoch, after: int) -> Part:
    """Return what a table has beyond a version."""
    row = transaction.one(
        "SELECT known_since(%s, %s, %s) AS entries", [epoch.epoch_id, after, epoch.version]
    )
    return Part(entries=bytes(row["entries"]) if row else b"", version=epoch.version)


def buckets(
    transaction: Transaction, epoch: Epoch, bounds: Sequence[tuple[bytes, bytes | None]]
) -> tuple[Part, ...]:
    """Return the entries from each tag to before the one beside it."""
    rows = transaction.all(
        "SELECT entries FROM known_buckets(%s, %s, %s) ORDER BY place",
        [epoch.epoch_id, [low for low, _ in bounds], [high for _, high in bounds]],
    )
    return tuple(Part(entries=bytes(row["entries"]), version=epoch.version) for row in rows)


def enter(transaction: Transaction, epoch_id: str, entries: Sequence[tuple[bytes, bytes]]) -> None:
    """Add tags with their labels to a table."""
    tags, labels = [tag for tag, _ in entries], [label for _, label in entries]
    transaction.execute("SELECT known_enter(%s, %s, %s)", [epoch_id, tags, labels])


def count(transaction: Transaction, epoch_id: str) -> None:
    """Count the entries of an epoch."""
    transaction.execute("SELECT known_count(%s)", [epoch_id])


def hold(
    transaction: Transaction,
    epoch_id: str,
    found: Sequence[Held],
    *,
    party_id: PartyId,
    subject: str,
    since: datetime,
    compartment: Compartment,
    readers: Sequence[str],
) -> int:
    """Note who holds what, and return how many were new."""
    return transaction.execute(
        "INSERT INTO known_holding"
        " (holding_id, epoch_id, ticket, party_id, subject, held_at, compartment, readers)"
        " SELECT id, %s, ticket, %s, %s, %s, %s, %s"
        " FROM unnest(%s::text[], %b::bytea[]) AS h (id, ticket) ON CONFLICT DO NOTHING",
        [epoch_id, party_id, subject, since, compartment, list(readers),
         [new_id("hld") for _ in found], [one.ticket for one in found]],
    )  # fmt: skip


def held_by(transaction: Transaction, party_id: PartyId, epoch_id: str) -> int:
    """Return how many entries a party has made in an epoch."""
    row = transaction.one(
        "SELECT count(*) AS many FROM known_holding WHERE party_id = %s AND epoch_id = %s"
        " AND subject NOT LIKE 'rep\\_%%'",
        [party_id, epoch_id],
    )
    return int(row["many"]) if row else 0


def preference(transaction: Transaction, party_id: PartyId) -> Allowed | None:
    """Return what a party lets others learn, None when it has not said."""
    row = transaction.one("SELECT * FROM known_preference_of(%s)", [party_id])
    return None if row is None else Allowed(answer=row["answers"], since=row["tells_since"])


def put_preference(transaction: Transaction, party_id: PartyId, allowed: Allowed) -> None:
    """Keep what a party lets others learn."""
    transaction.execute(
        "INSERT INTO known_preference"
        " (party_id, answers, tells_since, said_at, compartment, readers)"
        " VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT (party_id) DO UPDATE SET"
        " answers = excluded.answers, tells_since = excluded.tells_since,"
        " said_at = excluded.said_at",
        [party_id, allowed.answer, allowed.since, transaction.now, f"known_{party_id}",
         [party_id, *HOUSE]],
    )  # fmt: skip
