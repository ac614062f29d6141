"""The store as a thief, a database role, and an actor who is not read in see it."""

import contextlib
import json
import re

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

_ID = re.compile(r"\b(?:rep|fnd|cas|evt|edg|exm|cmp|pay|ver|vrd|pri|asm|ass|win|adm|gra|pty|act|tok|ses|thr|msg|ntc|per|lnk|hnd|env|inb|prt|mai)_[a-z2-7]{26}\b"
                 r"|\bSUB-[a-z2-7]{18}\b")  # fmt: skip


def tables(connection, schemas=("clearhouse", "public")):
    """Every table of the installation, as (schema, name)."""
    return connection.execute(
        "SELECT table_schema, table_name FROM information_schema.tables"
        " WHERE table_schema = ANY(%s) AND table_type = 'BASE TABLE' ORDER BY 1, 2",
        [list(schemas)],
    ).fetchall()


def dump(owner_url):
    """Yield every row of every table of the database as bytes, as its superuser reads them."""
    with psycopg.connect(owner_url) as connection:
        everywhere = connection.execute(
            "SELECT schemaname, tablename FROM pg_tables WHERE schemaname <> 'information_schema'"
        ).fetchall()
        for schema, name in everywhere:
            rows = connection.execute(
                sql.SQL("SELECT t::text FROM {} AS t").format(sql.Identifier(schema, name))
            )
            for (text,) in rows:
                yield f"{schema}.{name}", text.encode()


@contextlib.contextmanager
def as_actor(url, actor_id):
    """A connection of a database role that names an actor, as a door's transaction does."""
    with psycopg.connect(
        url, options="-c search_path=clearhouse,public", row_factory=dict_row
    ) as connection:
        connection.execute("SELECT set_config('clearhouse.actor', %s, false)", [actor_id or ""])
        yield connection


def visible(connection, protected_only=False):
    """Yield (table, row) of everything that a connection may read."""
    for row in tables(connection):
        schema, name = row["table_schema"], row["table_name"]
        columns = connection.execute(
            "SELECT a.attname FROM pg_attribute a WHERE attrelid = %s::regclass AND attnum > 0"
            " AND NOT attisdropped AND has_column_privilege(attrelid, attnum, 'SELECT')",
            [f"{schema}.{name}"],
        ).fetchall()
        if protected_only and not _protected(connection, schema, name):
            continue
        if columns:
            listed = sql.SQL(", ").join(sql.Identifier(one["attname"]) for one in columns)
            found = connection.execute(
                sql.SQL("SELECT {} FROM {}").format(listed, sql.Identifier(schema, name))
            )
            for one in found:
                yield f"{schema}.{name}", one


def _protected(connection, schema, name):
    row = connection.execute(
        "SELECT relrowsecurity AND relforcerowsecurity AS held FROM pg_class WHERE oid = %s::regclass",
        [f"{schema}.{name}"],
    ).fetchone()
    return row["held"]


def told(connection):
    """Everything under need to know that a connection reads, with ids and secrets made alike.

    An id becomes its kind and its place among the ids of its row, so that two houses in which the
    same happened tell the same, and a row that points to something else does not.
    """
    return sorted(
        f"{table} {alike(row)}"
        for table, row in visible(connection, protected_only=True)
        # Public, and signed at random.
        if table not in {"clearhouse.advisory", "clearhouse.advisory_document"}
    )


# A running number of all reports, used between tables of the keyed index; no door shows it.
_INTERNAL = {"serial"}


def alike(row):
    seen = {}

    def alias(found):
        kind = found[0][:3]
        places = seen.setdefault(kind, {})
        return f"{kind}#{places.setdefault(found[0], len(places))}"

    shown = {name: _plain(value) for name, value in row.items() if name not in _INTERNAL}
    return _ID.sub(alias, json.dumps(shown, sort_keys=True, default=str))


def _plain(value):
    if not isinstance(value, bytes):
        return sorted(value) if isinstance(value, list) else value
    try:
        return _unsalted(json.loads(value))
    except ValueError:
        return f"{len(value)} sealed bytes"


# What is drawn at random, or follows from it.
_RANDOM = {"salt", "original_commitment"}


def _unsalted(body):
    if not isinstance(body, dict):
        return body
    return {name: _unsalted(part) for name, part in body.items() if name not in _RANDOM}
