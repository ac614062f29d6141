import contextlib
import os
import secrets
import subprocess
import sys

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from clearhouse.kernel import identity, ledger, vault
from clearhouse.kernel.identity import ActorKind, PartyKind
from clearhouse.kernel.keys import KeyFolder, Keys
from clearhouse.kernel.store import migrate as module
from clearhouse.kernel.store.database import Database, Role
from clearhouse.kernel.store.migrate import SchemaMismatchError, migrate, migrations
from clearhouse.kernel.vault import SealedError, Vault

PASSWORDS = {role: f"secret-of-{role}" for role in Role}
NAMES = [name for name, _ in migrations()]

MIGRATE = """
import sys
from clearhouse.kernel.store.database import Role
from clearhouse.kernel.store.migrate import migrate
print(len(migrate(sys.argv[1], {role: f"secret-of-{role}" for role in Role})))
"""


@pytest.fixture
def empty(own_server):
    """The owner's connection string of an empty database."""
    name = f"m{secrets.token_hex(6)}"
    with psycopg.connect(own_server.url(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        yield make_conninfo(own_server.url(), dbname=name)
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def test_migrating_again_changes_nothing(empty):
    assert migrate(empty, PASSWORDS) == NAMES
    assert migrate(empty, PASSWORDS) == []


def test_of_two_processes_that_migrate_at_once_one_does_it(empty):
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(sys.path)}
    both = [
        subprocess.Popen(
            [sys.executable, "-c", MIGRATE, empty], stdout=subprocess.PIPE, env=environment
        )
        for _ in range(2)
    ]
    applied = sorted(int(process.communicate(timeout=60)[0]) for process in both)
    assert applied == [0, len(NAMES)]


@pytest.mark.parametrize(
    "tamper",
    [
        "UPDATE clearhouse.migration SET sha256 = 'edited' WHERE name = '0001_kernel.sql'",
        "INSERT INTO clearhouse.migration VALUES ('9999_future.sql', 'x')",
    ],
    ids=["edited", "newer"],
)
def test_a_database_of_another_version_is_refused(empty, tamper):
    migrate(empty, PASSWORDS)
    with psycopg.connect(empty, autocommit=True) as connection:
        connection.execute(tamper)
    with pytest.raises(SchemaMismatchError, match="another version"):
        migrate(empty, PASSWORDS)


def test_a_migration_that_fails_leaves_nothing_of_itself(empty, monkeypatch):
    fine = ("0001_fine.sql", "CREATE TABLE fine (n integer);")
    broken = ("0002_broken.sql", "CREATE TABLE half (n integer); SELECT 1 / 0;")
    monkeypatch.setattr(module, "migrations", lambda: [fine, broken])
    with pytest.raises(psycopg.errors.DivisionByZero):
        migrate(empty, PASSWORDS)
    with psycopg.connect(empty) as connection:
        tables = connection.execute(
            "SELECT relname FROM pg_class WHERE relname IN ('fine', 'half')"
        ).fetchall()
        applied = connection.execute("SELECT name FROM clearhouse.migration").fetchall()
    assert (tables, applied) == ([("fine",)], [("0001_fine.sql",)])


def test_a_role_that_could_bypass_need_to_know_is_refused(empty):
    migrate(empty, PASSWORDS)
    with psycopg.connect(empty, autocommit=True) as connection:
        connection.execute("ALTER ROLE clearhouse_counter BYPASSRLS")
        try:
            with pytest.raises(SchemaMismatchError, match="bypass need to know"):
                migrate(empty, PASSWORDS)
        finally:
            connection.execute("ALTER ROLE clearhouse_counter NOBYPASSRLS")


def test_no_log_of_statements_holds_a_password(empty, own_server):
    with psycopg.connect(own_server.url(), autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET log_statement = 'all'")
        connection.execute("SELECT pg_reload_conf()")
        try:
            migrate(empty, PASSWORDS)
        finally:
            connection.execute("ALTER SYSTEM RESET log_statement")
            connection.execute("SELECT pg_reload_conf()")
    log = (own_server.folder / "server.log").read_text()
    assert "CREATE TABLE party" in log  # statements were logged
    assert not [password for password in PASSWORDS.values() if password in log]


def test_under_an_owner_that_is_no_superuser_need_to_know_holds_all_the_same(servers, tmp_path):
    """As in a hosted database; there is no superuser whose power could hide a missing right."""
    server = servers(durable=False)
    server.start()
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute("CREATE ROLE hosted LOGIN CREATEROLE PASSWORD 'hosted'")
        connection.execute("CREATE DATABASE house OWNER hosted")
    url = make_conninfo(server.url(user="hosted", password="hosted"), dbname="house")
    assert migrate(url, PASSWORDS) == NAMES
    assert migrate(url, PASSWORDS) == []
    password = PASSWORDS[Role.DESK]
    database = Database(make_conninfo(url, user=Role.DESK, password=password))
    keys = Keys(KeyFolder(tmp_path / "keys"))
    box_of = Vault.with_key(keys.opening_key())
    with contextlib.closing(database):
        with database.transaction(None) as transaction:
            party = identity.add_party(transaction, PartyKind.LAB, "Lab")
            ann, bob = (
                identity.add_actor(transaction, party, ActorKind.PERSON, name)
                for name in ("Ann", "Bob")
            )
        with database.transaction(ann) as transaction:
            box = box_of.new_box(transaction, [ann])
            payload = box.seal(transaction, "text", b"the flaw")
            event = ledger.append(
                transaction, "x", "y", {}, readers=[ann], compartment=box.compartment
            )
            ledger.sequence(transaction)
            ledger.sign_head(transaction, keys.signing_key())
            assert ledger.prove(transaction, event) is not None
        with (
            database.transaction(bob) as transaction,
            pytest.raises(SealedError),
        ):
            box_of.open(transaction, payload)
        with database.transaction(ann) as transaction:
            vault.set_readers(transaction, box.compartment, [bob])
        with database.transaction(bob) as transaction:
            assert box_of.open(transaction, payload) == b"the flaw"
            assert ledger.prove(transaction, event) is not None
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("SET search_path = clearhouse")
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"):
                connection.execute("DELETE FROM ledger_event")
