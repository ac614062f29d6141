"""What every test may ask for."""

import os
import secrets
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
TESTS = PROJECT / "tests"
UNMEASURED = (
    *("architecture/", "conformance/", "docs/", "fuzz/", "property/"),
    *("unit/access/", "unit/bench/", "unit/criteria/", "unit/defense/", "unit/formats/"),
    *("scenario/test_access_", "scenario/test_criteria_"),
    *("surfaces/test_access_", "surfaces/test_criteria_", "surfaces/test_defense_"),
)
"""Tests that `check` takes no coverage from, and that run in a third of the time for it.

They repeat the same lines for thousands of examples, or are about parts whose coverage it does not
ask. Those marked `no_cover` are such too.
"""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--cov-sparingly",
        action="store_true",
        help="take coverage only from tests of what `clearhouse check` asks the coverage of",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> None:
    """Stop measuring before a test that needs none, what it sets up included; then go on."""
    plugin = item.config.pluginmanager.getplugin("_cov")
    control = plugin and plugin.cov_controller
    if not control or not item.config.getoption("--cov-sparingly"):
        return
    if measured(item) and not control.started:
        control.resume()
    elif not measured(item) and control.started:
        control.pause()


def measured(item: pytest.Item) -> bool:
    path = item.path.relative_to(TESTS).as_posix()
    return not path.startswith(UNMEASURED) and not item.get_closest_marker("no_cover")


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
def shared_house(installation: tuple[Path, Embedded]) -> Iterator["SharedHouse"]:
    """One database that test after test may have for itself."""
    _, server = installation
    with psycopg.connect(server.url(), dbname="postgres", autocommit=True) as connection:
        connection.execute("CREATE DATABASE house TEMPLATE clearhouse")
    house = SharedHouse(make_conninfo(server.url(), dbname="house"))
    yield house
    house.close()


@pytest.fixture
def app(
    installation: tuple[Path, Embedded], shared_house: "SharedHouse", tmp_path: Path
) -> Iterator[App]:
    """A wired clearinghouse over an empty database."""
    home, _ = installation
    shared_house.empty()
    wired = build(
        Settings(
            home=home,
            database_url=shared_house.owner_url,
            known=PROJECT / "examples" / "known",
            published=tmp_path / "published",
        )
    )
    yield wired
    wired.close()


@pytest.fixture(scope="module")
def lasting(
    installation: tuple[Path, Embedded], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[App]:
    """A wired clearinghouse that the tests of one module share, with a database of its own."""
    home, server = installation
    name = f"lasting_{secrets.token_hex(4)}"
    with psycopg.connect(server.url(), dbname="postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE clearhouse")
        wired = build(
            Settings(
                home=home,
                database_url=make_conninfo(server.url(), dbname=name),
                known=PROJECT / "examples" / "known",
                published=tmp_path_factory.mktemp("published") / "folder",
            )
        )
        yield wired
        wired.close()
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


class SharedHouse:
    """A database that is emptied on one connection, which remembers how: a tenth of the time."""

    def __init__(self, owner_url: str) -> None:
        self.owner_url = owner_url
        self._connection = self._ready()

    def empty(self) -> None:
        """End what others do there, empty every table and begin every sequence anew."""
        try:
            self._connection.execute("SELECT pg_temp.empty()")
        except psycopg.OperationalError:  # a test has ended every connection
            self._connection = self._ready()
            self._connection.execute("SELECT pg_temp.empty()")

    def close(self) -> None:
        self._connection.close()

    def _ready(self) -> psycopg.Connection:
        connection = psycopg.connect(self.owner_url, autocommit=True)
        connection.execute(_KNOW_HOW_TO_EMPTY)
        return connection


_KNOW_HOW_TO_EMPTY = """
DO $$
DECLARE
    statements text;
BEGIN
    SELECT string_agg(
               CASE relkind
                   WHEN 'r' THEN format('DELETE FROM %s;', c.oid::regclass)
                   ELSE format('PERFORM setval(%L, seqstart, false) FROM pg_sequence'
                               ' WHERE seqrelid = %s;', c.oid::regclass, c.oid)
               END,
               E'\n'
           )
      INTO statements
      FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
     WHERE nspname IN ('clearhouse', 'public') AND relkind IN ('r', 'S') AND relname <> 'migration';
    EXECUTE format(
        $make$
            CREATE FUNCTION pg_temp.empty() RETURNS void LANGUAGE plpgsql AS $do$
            BEGIN
                PERFORM pg_terminate_backend(pid) FROM pg_stat_activity
                  WHERE datname = current_database() AND pid <> pg_backend_pid();
                -- No foreign keys, no append-only triggers.
                PERFORM set_config('session_replication_role', 'replica', true);
                %s
            END $do$
        $make$,
        statements
    );
END $$
"""
