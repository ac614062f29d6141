"""The composition root: settings in, a wired clearinghouse out; and the way in to all doors.

In: the environment (`Settings.from_environment`). Out: an `App` with the services of the desk
and of the counter over one store. Refused: an external database without the passwords of the
application roles.
"""

import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
from psycopg.conninfo import make_conninfo

from clearhouse.access.close import operations as closing
from clearhouse.clearing import route
from clearhouse.clearing.coordinate.relay.keys import own_document
from clearhouse.clearing.validate.workers import Workers
from clearhouse.kernel import backup, identity, policy, providers
from clearhouse.kernel.clock import Clock, system_clock
from clearhouse.kernel.identity import ActorKind, PartyKind
from clearhouse.kernel.jobs import Jobs
from clearhouse.kernel.keys import KeyFileError, KeyFolder, Keys
from clearhouse.kernel.outside import Outside
from clearhouse.kernel.services import App, Counter, Desk, GatewayHome
from clearhouse.kernel.store import embedded
from clearhouse.kernel.store.database import Database, Role
from clearhouse.kernel.store.migrate import migrate
from clearhouse.kernel.vault import Sealer, Vault
from clearhouse.surfaces.cli.main import Connect, run_command_line

HOUSE = "this clearinghouse"
CLEARING = "clearing"
CLOSE_WINDOWS = "close_windows"
NODE_FILE = "relay-node.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """Where an installation keeps what it has."""

    home: Path
    """Folder of keys, store and published advisories; private to this installation."""
    database_url: str | None = None
    """Connection string of the schema's owner; None for the embedded server."""
    known: Path | None = None
    """Local copies of public knowledge; None for `home/known`."""
    published: Path | None = None
    """Where advisories are written; None for `home/published`."""
    outside: Outside = field(default_factory=lambda: Outside(desk_address="http://127.0.0.1:8441"))
    """How parties are told that there is something to read at the desk."""
    durable: bool = True
    """False switches fsync off, for throw-away test stores only."""

    @classmethod
    def from_environment(cls) -> "Settings":
        """Read `CLEARHOUSE_HOME`, `_DATABASE_URL`, `_KNOWN`, `_PUBLISHED`, `_SMTP` and others.

        For telling parties: `CLEARHOUSE_DESK_ADDRESS`, `CLEARHOUSE_SMTP`, `CLEARHOUSE_MAIL_FROM`;
        for relaying: `CLEARHOUSE_COUNTER_ADDRESS` and `CLEARHOUSE_NAME`, as others know the house.
        For mail in: `CLEARHOUSE_MAILDIR`, `CLEARHOUSE_MAIL_CHECKER`.
        For telling parties: `CLEARHOUSE_DESK_ADDRESS`, `CLEARHOUSE_SMTP`, `CLEARHOUSE_MAIL_FROM`.
        """
        known, published = (
            os.environ.get("CLEARHOUSE_KNOWN"),
            os.environ.get("CLEARHOUSE_PUBLISHED"),
        )
        maildir = os.environ.get("CLEARHOUSE_MAILDIR")
        return cls(
            home=Path(os.environ.get("CLEARHOUSE_HOME", ".clearhouse")).resolve(),
            database_url=os.environ.get("CLEARHOUSE_DATABASE_URL"),
            known=Path(known) if known else None,
            published=Path(published) if published else None,
            outside=Outside(
                desk_address=os.environ.get("CLEARHOUSE_DESK_ADDRESS", "http://127.0.0.1:8441"),
                mail=os.environ.get("CLEARHOUSE_SMTP"),
                sender=os.environ.get("CLEARHOUSE_MAIL_FROM", "clearhouse@localhost"),
                counter_address=os.environ.get(
                    "CLEARHOUSE_COUNTER_ADDRESS", "http://127.0.0.1:8440"
                ).rstrip("/"),
                house_name=os.environ.get("CLEARHOUSE_NAME", "Clearhouse"),
                maildir=Path(maildir) if maildir else None,
                mail_checker=os.environ.get("CLEARHOUSE_MAIL_CHECKER") or None,
            ),
        )


def build(settings: Settings, *, clock: Clock = system_clock) -> App:
    """Start the store if it is ours, bring the schema up to date, and wire the services.

    Raises: StoreUnavailableError, SchemaMismatchError, KeyFileError, PolicyError; each message
    says what to do.
    """
    settings.home.mkdir(mode=0o711, parents=True, exist_ok=True)  # what is private says so itself
    server = (
        None
        if settings.database_url
        else embedded.prepare(settings.home / "store", durable=settings.durable)
    )
    if server is not None:
        server.start()
    owner_url = settings.database_url or (server.url() if server else "")
    passwords = _role_passwords(settings.home)
    migrate(owner_url, passwords)
    return _wire(settings, server, owner_url, passwords, clock)


def restore(settings: Settings, folder: Path) -> backup.Manifest:
    """Load a backup into the empty store of this installation, and check that it works.

    Raises: BackupError, KeyFileError, StoreUnavailableError, SchemaMismatchError.
    """
    settings.home.mkdir(mode=0o711, parents=True, exist_ok=True)
    backup.read_manifest(folder)  # before anything is made
    server = None
    if settings.database_url is None:
        server = embedded.prepare(settings.home / "store", durable=settings.durable)
        server.start()
    try:
        manifest = backup.restore(
            settings.database_url or (server.url() if server else ""),
            KeyFolder(settings.home / "keys"),
            folder,
            passwords=_role_passwords(settings.home),
            published=settings.published or settings.home / "published",
        )
        build(settings).close()  # brings an older schema up to date, and demands our own keys
    finally:
        if server is not None:
            server.stop()
    return manifest


def build_counter(settings: Settings, *, clock: Clock = system_clock) -> Counter:
    """Return the counter's services from the counter's own folder, and from nothing else.

    The folder holds the counter's database role, the public sealing key and the marking key, so
    the process can run under an account that can read neither the desk's password nor the opening
    key.
    Raises: KeyFileError when the installation was not set up yet.
    """
    folder = settings.home / "counter"
    try:
        url = (folder / "database.url").read_text("utf-8")
        sealing_key = (folder / "sealing.pub").read_bytes()
        marking_key = (folder / "marking.key").read_bytes()
    except FileNotFoundError as error:
        raise KeyFileError(f"{folder} is not set up; run `clearhouse up` once") from error
    return Counter(
        database=Database(url, clock=clock, name="counter"),
        sealer=Sealer(X25519PublicKey.from_public_bytes(sealing_key)),
        authority=policy.authority(),
        jobs=Jobs(),
        marking_key=marking_key,
        node_file=folder / NODE_FILE,
        published_folder=settings.published or settings.home / "published",
        known_folder=settings.known or settings.home / "known",
    )


def build_gateway(settings: Settings) -> GatewayHome:
    """Return what the gateway's process needs, from the gateway's own folder and nothing else.

    Raises: KeyFileError when the installation was not set up yet.
    """
    folder = settings.home / "gateway"
    try:
        url = (folder / "database.url").read_text("utf-8")
    except FileNotFoundError as error:
        raise KeyFileError(f"{folder} is not set up; run `clearhouse up` once") from error
    return GatewayHome(database_url=url, folder=folder / "receipts")


def _wire(
    settings: Settings,
    server: embedded.Embedded | None,
    owner_url: str,
    passwords: dict[Role, str],
    clock: Clock,
) -> App:
    keys = Keys(KeyFolder(settings.home / "keys"))
    desk_database = Database(_url(owner_url, Role.DESK, passwords), clock=clock, name="desk")
    desk = Desk(
        database=desk_database,
        vault=Vault.with_key(keys.opening_key(), keys.opening_key_of),
        keys=keys,
        authority=policy.authority(),
        jobs=Jobs(),
        clearing_actor=_clearing_actor(desk_database),
        known_folder=settings.known or settings.home / "known",
        validate_folder=settings.home / "validate",
        published_folder=settings.published or settings.home / "published",
        outside=settings.outside,
        providers=providers.load(settings.home, settings.outside),
    )
    _demand_own_keys(desk_database, keys)
    _equip(
        settings.home / "counter",
        {
            "database.url": _url(owner_url, Role.COUNTER, passwords).encode(),
            "sealing.pub": keys.sealing_key().public_bytes_raw(),
            "marking.key": keys.marking_key(),
            NODE_FILE: own_document(keys, settings.outside, clock()),
        },
    )
    gateway_url = _url(owner_url, Role.GATEWAY, passwords).encode()
    _equip(settings.home / "gateway", {"database.url": gateway_url})
    workers = Workers()
    route.register_jobs(desk, workers)
    desk.jobs.add_periodic(CLOSE_WINDOWS, "* * * * * */5", partial(closing.close_due, desk))
    return App(
        home=settings.home,
        desk=desk,
        stop_examining=workers.stop,
        counter=build_counter(settings, clock=clock),
        owner_url=owner_url,
        server=server,
    )


def _demand_own_keys(database: Database, keys: Keys) -> None:
    """Refuse a store that was sealed to other keys; new ones could open nothing in it."""
    with database.transaction(None) as transaction:
        row = transaction.one("SELECT foreign_keys(%s) AS found", [keys.kek_ids()])
    if row is not None and row["found"]:
        raise KeyFileError(
            "this store was sealed with other keys than those in the keys folder; "
            "restore the folder from its backup"
        )


def _equip(folder: Path, files: Mapping[str, bytes]) -> None:
    """Give a process that may hold little the folder with just that."""
    folder.mkdir(mode=0o700, exist_ok=True)
    for name, content in files.items():
        if (folder / name).exists() and (folder / name).read_bytes() == content:
            continue  # to put a file in the place of another takes longer than to read it
        fresh = folder / f".{name}.{os.getpid()}"
        fresh.touch(mode=0o600)
        fresh.write_bytes(content)
        fresh.rename(folder / name)


def _clearing_actor(database: Database) -> identity.Actor:
    with database.transaction(None) as transaction:
        house = identity.add_party(transaction, PartyKind.COORDINATOR, HOUSE)
        actor_id = identity.add_actor(
            transaction, house, ActorKind.SYSTEM, CLEARING, roles=["clearing"]
        )
        actor = identity.actor(transaction, actor_id)
    if actor is None:
        raise policy.ForbiddenError("the clearing actor of this house was revoked")
    return actor


def _role_passwords(home: Path) -> dict[Role, str]:
    """Return a password per role, made at the first call; a role that is new gets one of its own.

    What is there never changes; two processes that add at once agree on whoever was first.
    """
    return {role: _role_password(home, role) for role in Role}


def _role_password(home: Path, role: Role) -> str:
    known = _first_passwords(home)
    if role in known:
        return known[role]
    path = home / f"role-{role}.json"
    _write_once(path, json.dumps(secrets.token_urlsafe(32)))
    return str(json.loads(path.read_text()))


def _first_passwords(home: Path) -> dict[str, str]:
    path = home / "roles.json"
    _write_once(path, json.dumps({role: secrets.token_urlsafe(32) for role in Role}))
    return {role: str(password) for role, password in json.loads(path.read_text()).items()}


def _write_once(path: Path, text: str) -> None:
    """Write a private file unless it is there, whoever else tries the same."""
    if path.exists():
        return
    fresh = path.with_suffix(f".{os.getpid()}")
    fresh.touch(mode=0o600)
    fresh.write_text(text)
    try:
        os.link(fresh, path)
    except FileExistsError:
        pass  # another process was first
    finally:
        fresh.unlink()


def _url(owner_url: str, role: Role, passwords: dict[Role, str]) -> str:
    return make_conninfo(owner_url, user=role, password=passwords[role])


def main() -> None:
    """Run the command line over an installation that is wired when a command asks for it."""
    run_command_line(
        Connect(
            lambda: build(Settings.from_environment()),
            lambda: build_counter(Settings.from_environment()),
            lambda: build_gateway(Settings.from_environment()),
            lambda folder: restore(Settings.from_environment(), folder),
        )
    )


if __name__ == "__main__":
    main()
