"""Brings a database to the schema of this version, once, whoever starts first.

In: a connection string of the schema's owner and the passwords of the application roles.
Out: all numbered migrations applied in order, each in its own transaction.
Refused: a database whose applied migrations differ from ours, because they were edited later or
come from a newer version.
"""

import hashlib
from collections.abc import Mapping
from importlib.resources import files

import psycopg
from procrastinate.schema import SchemaManager
from psycopg import sql

from clearhouse.kernel.store.database import Role

_LOCK = 0x636C6872  # "clhr"


class SchemaMismatchError(RuntimeError):
    """The database was made by another version of the software."""


def migrations() -> list[tuple[str, str]]:
    """Return (name, text) of every migration in order."""
    folder = files("clearhouse.kernel.store") / "migrations"
    found = sorted((entry.name, entry.read_text("utf-8")) for entry in folder.iterdir())
    return [(name, text) for name, text in found if name.endswith(".sql")]


def migrate(owner_url: str, passwords: Mapping[Role, str]) -> list[str]:
    """Apply what is missing and return the names of what was applied.

    Raises: SchemaMismatchError when an applied migration is not one of ours.
    """
    with psycopg.connect(owner_url, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
        _make_roles(connection, passwords)
        connection.execute("CREATE SCHEMA IF NOT EXISTS clearhouse")
        connection.execute("SET search_path = clearhouse")
        connection.execute(
            "CREATE TABLE IF NOT EXISTS migration (name text PRIMARY KEY, sha256 text NOT NULL,"
            " applied_at timestamptz NOT NULL DEFAULT now())"
        )
        return _apply_missing(connection)


def make_roles(owner_url: str, passwords: Mapping[Role, str]) -> None:
    """Make the database roles of the application, before a dump that names them is loaded.

    Raises: SchemaMismatchError when a role could bypass need to know.
    """
    with psycopg.connect(owner_url, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
        _make_roles(connection, passwords)


def _make_roles(connection: psycopg.Connection, passwords: Mapping[Role, str]) -> None:
    for role in Role:
        _make_role(connection, role, passwords[role])


def _apply_missing(connection: psycopg.Connection) -> list[str]:
    applied: dict[str, str] = dict(
        connection.execute("SELECT name, sha256 FROM migration").fetchall()
    )
    ours = {name: (text, hashlib.sha256(text.encode()).hexdigest()) for name, text in migrations()}
    foreign = sorted(name for name, sha in applied.items() if ours.get(name, ("", ""))[1] != sha)
    if foreign:
        raise SchemaMismatchError(
            f"this database was made by another version of Clearhouse ({foreign[0]}); "
            "use that version, or start with a fresh store"
        )
    fresh = [name for name in ours if name not in applied]
    for name in fresh:
        text, sha = ours[name]
        with connection.transaction():
            connection.execute(_expand(text).encode())
            connection.execute("INSERT INTO migration VALUES (%s, %s)", [name, sha])
    return fresh


def _expand(text: str) -> str:
    """Put the job library's own schema where a migration asks for it."""
    marker = "-- include: procrastinate schema"
    return text.replace(marker, SchemaManager.get_schema()) if marker in text else text


def _make_role(connection: psycopg.Connection, role: Role, password: str) -> None:
    """Make a role that cannot bypass need to know, or give the one that is there its password."""
    name = sql.Identifier(role)
    known = connection.execute(
        "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = %s", [role]
    ).fetchone()
    if known is not None and known[0]:
        raise SchemaMismatchError(f"the database role {role} could bypass need to know; drop it")
    if known is None:
        connection.execute(sql.SQL("CREATE ROLE {}").format(name))
    # The server gets a SCRAM verifier, so that no statement log can hold the password. Only
    # these attributes: others may be named by superusers alone, which a hosted owner is not.
    verifier = connection.pgconn.encrypt_password(
        password.encode(), role.encode(), b"scram-sha-256"
    ).decode()
    connection.execute(
        sql.SQL("ALTER ROLE {} LOGIN PASSWORD {}").format(name, sql.Literal(verifier))
    )
    connection.execute(sql.SQL("ALTER ROLE {} SET search_path = clearhouse, public").format(name))
