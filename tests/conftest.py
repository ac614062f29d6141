"""What every test may ask for."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from psycopg.conninfo import make_conninfo

from clearhouse.app import App, Settings, build
from clearhouse.kernel.store import embedded
from clearhouse.kernel.store.embedded import Embedded

# A loaded machine is no failure: laws are about answers, not about time.
settings.register_profile("clearhouse", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("clearhouse")

PROJECT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared() -> Path:
    """Return the folder beside the project that holds official test data and benchmarks."""
    folder = Path(os.environ.get("CLEARHOUSE_SHARED", PROJECT.parent / "shared"))
    if not folder.is_dir():
        pytest.skip(f"no shared test data at {folder}; set CLEARHOUSE_SHARED")
    return folder


@pytest.fixture(scope="session")
def suites(shared: Path) -> Path:
    """Return the folder of the field's official test suites."""
    return shared / "suites"


@pytest.fixture(scope="session")
def examples() -> Path:
    """Return the project's own example input."""
    return PROJECT / "examples"


@pytest.fixture(scope="session")
def installation() -> Iterator[tuple[Path, Embedded]]:
    """A throw-away store per test process, with a migrated database to copy from.

    Not below pytest's own folder: pytest shuts that to others, and so to the server's account,
    whenever another run begins.
    """
    with tempfile.TemporaryDirectory(prefix="clearhouse-test-") as folder:
        home = Path(folder)
        home.chmod(0o711)
        server = embedded.prepare(home / "store", durable=False)
        server.start()
        build(Settings(home=home, database_url=server.url())).close()
        yield home, server
        server.stop()


@pytest.fixture(scope="session")
def shared_database(installation: tuple[Path, Embedded]) -> str:
    """The owner's address of one database that test after test may have for itself."""
    _, server = installation
    with psycopg.connect(server.url(), dbname="postgres", autocommit=True) as connection:
        connection.execute("CREATE DATABASE house TEMPLATE clearhouse")
    return make_conninfo(server.url(), dbname="house")


@pytest.fixture
def app(installation: tuple[Path, Embedded], shared_database: str, tmp_path: Path) -> Iterator[App]:
    """A wired clearinghouse over an empty database."""
    home, _ = installation
    _empty(shared_database)
    wired = build(
        Settings(
            home=home,
            database_url=shared_database,
            known=PROJECT / "examples" / "known",
            published=tmp_path / "published",
        )
    )
    yield wired
    wired.close()


def _empty(database: str) -> None:
    """Empty every table and begin every sequence anew: far cheaper than a database per test."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        connection.execute(_EMPTY)


_EMPTY = """
DO $$
DECLARE
    item record;
BEGIN
    SET LOCAL session_replication_role = replica; -- no foreign keys, no append-only triggers
    FOR item IN
        SELECT c.oid::regclass AS name, relkind FROM pg_class c
          JOIN pg_namespace n ON n.oid = relnamespace
         WHERE nspname IN ('clearhouse', 'public') AND relkind IN ('r', 'S')
           AND relname <> 'migration'
    LOOP
        IF item.relkind = 'S' THEN
            EXECUTE format('ALTER SEQUENCE %s RESTART', item.name);
        ELSE
            EXECUTE format('DELETE FROM %s', item.name);
        END IF;
    END LOOP;
END $$
"""
