import os
import signal
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from clearhouse.kernel.clock import fixed_clock
from clearhouse.kernel.ids import ActorId
from clearhouse.kernel.store.database import Database, SwallowedDatabaseError
from clearhouse.kernel.store.embedded import StoreUnavailableError

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture
def database(own_server):
    database = Database(own_server.url(), clock=fixed_clock(NOON), patience_s=1.0)
    with database.transaction(None) as transaction:
        transaction.execute("CREATE TABLE thing (n integer PRIMARY KEY)")
    yield database
    own_server.start()
    with database.transaction(None) as transaction:
        transaction.execute("DROP TABLE thing")
    database.close()


def things(database: Database) -> list[int]:
    with database.transaction(None) as transaction:
        return [row["n"] for row in transaction.all("SELECT n FROM thing ORDER BY n")]


def test_all_of_a_transaction_happens(database):
    with database.transaction(None) as transaction:
        assert transaction.execute("INSERT INTO thing VALUES (%s), (%s)", [1, 2]) == 2
        transaction.many("INSERT INTO thing VALUES (%s)", [[3], [4]])
        transaction.many("INSERT INTO thing VALUES (%s)", [])
        assert transaction.one("SELECT n FROM thing WHERE n = 9") is None
    assert things(database) == [1, 2, 3, 4]


def test_a_pipelined_transaction_happens_whole_or_fails_at_its_end(database):
    with database.transaction(None, pipelined=True) as transaction:
        transaction.execute("INSERT INTO thing VALUES (1)")
        assert transaction.one("SELECT n FROM thing") == {"n": 1}

    def fail() -> None:
        with database.transaction(None, pipelined=True) as transaction:
            transaction.execute("INSERT INTO thing VALUES (2)")
            transaction.execute("INSERT INTO thing VALUES (1)")

    with pytest.raises(psycopg.errors.UniqueViolation):
        fail()
    assert things(database) == [1]


def test_an_exception_undoes_the_whole_transaction(database):
    def fail_late() -> None:
        with database.transaction(None) as transaction:
            transaction.execute("INSERT INTO thing VALUES (1)")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_late()
    assert things(database) == []


def test_a_database_error_that_was_caught_inside_cannot_pass_for_success(database):
    def swallow() -> None:
        with database.transaction(None) as transaction:
            transaction.execute("INSERT INTO thing VALUES (1)")
            with pytest.raises(psycopg.errors.UniqueViolation):
                transaction.execute("INSERT INTO thing VALUES (1)")

    with pytest.raises(SwallowedDatabaseError):
        swallow()
    assert things(database) == []


def test_a_database_error_that_is_not_caught_reaches_the_caller_as_it_is(database):
    with (
        pytest.raises(psycopg.errors.UndefinedTable),
        database.transaction(None) as transaction,
    ):
        transaction.execute("SELECT * FROM nowhere")


def test_the_actor_and_the_instant_hold_for_one_transaction_only(database):
    asked = "SELECT current_setting('clearhouse.actor', true) AS actor"
    with database.transaction(ActorId("act_x")) as transaction:
        assert transaction.one(asked) == {"actor": "act_x"}
        assert (transaction.actor, transaction.now) == ("act_x", NOON)
    with database.transaction(None) as transaction:
        assert transaction.one(asked) == {"actor": ""}


def test_a_connection_lost_inside_a_transaction_is_said_to_the_caller(database):
    def lose() -> None:
        with database.transaction(None) as transaction:
            transaction.execute("INSERT INTO thing VALUES (1)")
            with pytest.raises(psycopg.OperationalError):
                transaction.execute("SELECT pg_terminate_backend(pg_backend_pid())")
            transaction.execute("INSERT INTO thing VALUES (2)")

    with pytest.raises(StoreUnavailableError, match="try again"):
        lose()
    assert things(database) == []


def test_while_the_store_is_down_the_caller_is_told_and_afterwards_it_works(database, own_server):
    assert things(database) == []
    own_server.stop()
    with pytest.raises(StoreUnavailableError, match="nothing is known to be stored"):
        things(database)
    own_server.start()
    assert things(database) == []


def test_after_a_kill_of_the_store_no_stale_connection_reaches_a_caller(database, own_server):
    with database.transaction(None), database.transaction(None), database.transaction(None):
        pass  # now three connections wait in the pool
    pid = own_server.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    own_server.start()
    with database.transaction(None), database.transaction(None), database.transaction(None):
        assert things(database) == []


def test_a_clock_without_a_zone_is_refused():
    with pytest.raises(ValueError, match="time zone"):
        fixed_clock(NOON.replace(tzinfo=None))
    assert fixed_clock(NOON)() - NOON == timedelta(0)
