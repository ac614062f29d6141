"""Transactions on behalf of one actor, under a database role that cannot bypass need to know.

In: connection strings per trust role. Out: transactions whose every statement runs with the
actor set for row-level security. Refused: work without an actor sees public rows only.
"""

import contextlib
import select
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, LiteralString

import psycopg
from psycopg.pq import TransactionStatus
from psycopg.rows import DictRow, dict_row, tuple_row
from psycopg_pool import ConnectionPool, PoolTimeout

from clearhouse.kernel.clock import Clock, system_clock
from clearhouse.kernel.ids import ActorId
from clearhouse.kernel.store.embedded import StoreUnavailableError

Row = dict[str, Any]
"""One result row by column name; parsed into a record at once by the store that asked."""

Value = object


class SwallowedDatabaseError(RuntimeError):
    """Our bug: code went on after a database error that had already undone its transaction."""


class Role(StrEnum):
    """Database roles, one per trust tier; what each may touch is in the migrations."""

    DESK = "clearhouse_desk"
    COUNTER = "clearhouse_counter"
    GATEWAY = "clearhouse_gateway"


@dataclass(frozen=True, slots=True)
class Transaction:
    """One database transaction of one actor. All of it happens, or nothing."""

    connection: psycopg.Connection[DictRow]
    actor: ActorId | None
    now: datetime
    """The instant of the transaction, UTC; every row and event of it carries the same."""

    def execute(self, sql: LiteralString, parameters: Sequence[Value] = ()) -> int:
        """Run a statement and return how many rows it touched.

        Arrays of bytes are written `%b`: sent as text they would be escaped twice.
        """
        return self.connection.execute(sql, parameters).rowcount

    def one(self, sql: LiteralString, parameters: Sequence[Value] = ()) -> Row | None:
        """Return the first row, or None."""
        return self.connection.execute(sql, parameters).fetchone()

    def counts(self, sql: LiteralString, parameters: Sequence[Value] = ()) -> dict[str, int]:
        """Return the first row's numbers by name, without those that are not known."""
        row = self.one(sql, parameters) or {}
        return {name: number for name, number in row.items() if number is not None}

    def all(
        self, sql: LiteralString, parameters: Sequence[Value] | Mapping[str, Value] = ()
    ) -> list[Row]:
        """Return every row."""
        return self.connection.execute(sql, parameters).fetchall()

    def tuples(self, sql: LiteralString, parameters: Sequence[Value] = ()) -> list[tuple[Any, ...]]:
        """Return every row as a tuple, sent as the store holds it: for answers of many bytes."""
        with self.connection.cursor(binary=True, row_factory=tuple_row) as cursor:
            return cursor.execute(sql, parameters).fetchall()

    def many(self, sql: LiteralString, rows: Sequence[Sequence[Value]]) -> None:
        """Run one statement for many rows."""
        if rows:
            with self.connection.cursor() as cursor:
                cursor.executemany(sql, rows)


class Database:
    """A pool of connections under one role."""

    def __init__(
        self,
        url: str,
        *,
        clock: Clock = system_clock,
        size: int = 8,
        name: str = "clearhouse",
        patience_s: float = 10.0,
    ) -> None:
        self.clock = clock
        self.url = url
        self._pool: ConnectionPool[psycopg.Connection[DictRow]] = ConnectionPool(
            url,
            connection_class=psycopg.Connection[DictRow],
            kwargs={"row_factory": dict_row, "application_name": name},
            min_size=1,
            max_size=size,
            timeout=patience_s,
            # Its pauses double: with an hour, a store that is back would stay unseen for long.
            reconnect_timeout=patience_s,
            check=self._demand_silence,
            open=False,
        )

    def open(self) -> None:
        """Open the pool; calling it again is fine."""
        self._pool.open()

    def close(self) -> None:
        """Close every connection."""
        self._pool.close()

    @contextlib.contextmanager
    def transaction(
        self, actor: ActorId | None, *, pipelined: bool = False
    ) -> Iterator[Transaction]:
        """Run a block as one transaction of `actor`; an exception rolls it back.

        `pipelined` sends statements without waiting for the answers that nobody asks for; a
        statement's failure is then raised at the next question, or at the end of the block.

        Raises: StoreUnavailableError when the database cannot be reached or went away; the
        work is then not known to be stored, and the caller must say so.
        """
        self.open()
        try:
            with self._pool.connection() as connection:
                with connection.pipeline() if pipelined else contextlib.nullcontext():
                    connection.execute(
                        "SELECT set_config('clearhouse.actor', %s, true)", [actor or ""]
                    )
                    yield Transaction(connection, actor, self.clock())
                if connection.info.transaction_status is TransactionStatus.INERROR:
                    # COMMIT would quietly roll back, and the caller would believe it stored.
                    raise SwallowedDatabaseError("a database error inside the block was caught")
        except (psycopg.OperationalError, PoolTimeout) as error:
            raise StoreUnavailableError(
                "the database did not answer, so nothing is known to be stored; try again shortly"
            ) from error

    def _demand_silence(self, connection: psycopg.Connection[DictRow]) -> None:
        """Refuse a pooled connection whose server has gone; a live idle one has nothing to say.

        Costs no round trip, and spares callers one failure for each connection after a restart.
        Raises: psycopg.OperationalError, upon which the pool takes another connection.
        """
        poll = select.poll()
        poll.register(connection.fileno(), select.POLLIN)
        if poll.poll(0):
            connection.close()  # else the pool would keep it
            self._pool.drain()  # the others, as old as this one, are no better
            raise psycopg.OperationalError("the server hung up")
