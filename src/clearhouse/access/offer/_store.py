"""Where windows are kept."""

import psycopg

from clearhouse.access.offer.record import ModelPin, Times, Window, WindowState
from clearhouse.kernel.ids import Compartment, PartyId
from clearhouse.kernel.store.database import Row, Transaction

CheckViolation = psycopg.errors.CheckViolation
"""The store's own refusal of what the rules refuse too."""


def insert(transaction: Transaction, window: Window) -> None:
    """Store a fresh window."""
    transaction.execute(
        "INSERT INTO access_window (window_id, label, lab_party_id, government_party_id, model,"
        " model_digest, served_names, state, opens_at, partners_from, closes_at, released_at,"
        " terms, terms_sha256, selection, capacity, created_at, deliberation, compartment, readers)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        [
            window.window_id,
            window.label,
            window.lab,
            window.government,
            window.model.name,
            window.model.digest,
            list(window.model.served_names),
            window.state,
            window.times.opens_at,
            window.times.partners_from,
            window.times.closes_at,
            window.times.released_at,
            window.terms,
            window.terms_sha256,
            window.selection,
            window.capacity,
            transaction.now,
            window.deliberation,
            window.compartment,
            list(window.readers),
        ],
    )


def load(transaction: Transaction, window_id: str) -> Window | None:
    """Return a window that the actor may read."""
    row = transaction.one("SELECT * FROM access_window WHERE window_id = %s", [window_id])
    return None if row is None else _window(row)


def lock(transaction: Transaction, window_id: str) -> Window | None:
    """Return a window to be changed; others who change it wait."""
    row = transaction.one(
        "SELECT * FROM access_window WHERE window_id = %s FOR UPDATE", [window_id]
    )
    return None if row is None else _window(row)


def all_windows(transaction: Transaction) -> tuple[Window, ...]:
    """Return the windows that the actor may read, the newest first."""
    rows = transaction.all("SELECT * FROM access_window ORDER BY opens_at DESC, window_id")
    return tuple(_window(row) for row in rows)


def due(transaction: Transaction) -> tuple[Window, ...]:
    """Return the windows whose end has come and that are not closed."""
    rows = transaction.all(
        "SELECT * FROM access_window WHERE state <> 'closed' AND closes_at <= %s"
        " ORDER BY window_id",
        [transaction.now],
    )
    return tuple(_window(row) for row in rows)


def save(transaction: Transaction, window: Window) -> None:
    """Store the next state of a window."""
    transaction.execute(
        "UPDATE access_window SET state = %s, opens_at = %s, partners_from = %s, closes_at = %s,"
        " released_at = %s, opened_at = %s, closed_at = %s, capacity = %s WHERE window_id = %s",
        [
            window.state,
            window.times.opens_at,
            window.times.partners_from,
            window.times.closes_at,
            window.times.released_at,
            window.opened_at,
            window.closed_at,
            window.capacity,
            window.window_id,
        ],
    )


def _window(row: Row) -> Window:
    return Window(
        window_id=row["window_id"],
        label=row["label"],
        lab=PartyId(row["lab_party_id"]),
        government=PartyId(row["government_party_id"]),
        model=ModelPin(
            name=row["model"],
            digest=row["model_digest"],
            served_names=tuple(row["served_names"]),
        ),
        times=Times(
            opens_at=row["opens_at"],
            partners_from=row["partners_from"],
            closes_at=row["closes_at"],
            released_at=row["released_at"],
        ),
        state=WindowState(row["state"]),
        opened_at=row["opened_at"],
        closed_at=row["closed_at"],
        terms=row["terms"],
        terms_sha256=row["terms_sha256"],
        selection=row["selection"],
        capacity=row["capacity"],
        compartment=Compartment(row["compartment"]),
        readers=tuple(row["readers"]),
        deliberation=Compartment(row["deliberation"]),
    )
