"""What every test may ask for."""

import os
import secrets
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from clearhouse.app import App, Settings, build
from clearhouse.kernel.store import embedded
from clearhouse.kernel.store.embedded import Embedded

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


@pytest.fixture
def app(installation: tuple[Path, Embedded], tmp_path: Path) -> Iterator[App]:
    """A wired clearinghouse over a fresh, empty database."""
    home, server = installation
    name = f"t{secrets.token_hex(6)}"
    with psycopg.connect(server.url(), dbname="postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE clearhouse")
        wired = build(
            Settings(
                home=home,
                database_url=make_conninfo(server.url(), dbname=name),
                known=PROJECT / "examples" / "known",
                published=tmp_path / "published",
            )
        )
        yield wired
        wired.close()
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
