"""Database servers of one's own, for tests that kill, stop and break them."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from clearhouse.app import App
from clearhouse.kernel.store import embedded
from clearhouse.kernel.store.embedded import Embedded

SRC = Path(__file__).parents[3] / "src"
Run = Callable[..., subprocess.CompletedProcess[str]]
NOBODY = 65534


@pytest.fixture(scope="session")
def open_folders() -> Iterator[Callable[[], Path]]:
    """Makes folders that every account may enter, as an installation's would be."""
    made: list[Path] = []

    def make() -> Path:
        folder = Path(tempfile.mkdtemp(prefix="clearhouse-test-"))
        folder.chmod(0o711)
        made.append(folder)
        return folder

    yield make
    for folder in made:
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def servers(open_folders: Callable[[], Path]) -> Iterator[Callable[..., Embedded]]:
    """Makes servers and stops them at the end, however the test left them."""
    made: list[Embedded] = []

    def make(folder: Path | None = None, *, durable: bool = True) -> Embedded:
        server = embedded.prepare(folder or open_folders() / "store", durable=durable)
        made.append(server)
        return server

    yield make
    for server in made:
        if server.folder.exists():
            server.stop()
        shutil.rmtree(server.socket, ignore_errors=True)


@pytest.fixture(scope="session")
def own_server(servers: Callable[..., Embedded]) -> Embedded:
    """A durable server that tests may stop and kill, as long as they start it again."""
    server = servers()
    server.start()
    return server


@pytest.fixture
def python() -> Run:
    """Runs Python code in a process of its own, perhaps as another user."""

    def run(code: str, *arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-W", "error", "-c", code, *arguments],
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
            cwd="/",
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(SRC)},
            **options,
        )

    return run


@pytest.fixture
def owner(
    app: App, installation: tuple[Path, Embedded]
) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """The owner of the schema, who may do what no role of the application may."""
    name = conninfo_to_dict(app.desk.database.url)["dbname"]
    url = make_conninfo(
        installation[1].url(), dbname=name, options="-c search_path=clearhouse,public"
    )
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def empty_ledger(owner: psycopg.Connection[tuple[object, ...]]) -> None:
    """Leave out how the house itself came in, so that a test counts only its own events."""
    owner.execute("SET session_replication_role = replica")  # else the triggers refuse
    owner.execute("DELETE FROM ledger_event")
    owner.execute("DELETE FROM ledger_pending")
    owner.execute("SET session_replication_role = origin")
