"""A row is seen if, and only if, one of its readers is a principal of whoever asks.

The tables are those that the catalogue lists, so a table made tomorrow is held to the same laws.
"""

import secrets

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from clearhouse.kernel import identity
from clearhouse.kernel.identity import ActorKind, PartyKind

ROLES = ["clearing", "coordinator", "auditor"]
several = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture
def owner(app, installation):
    name = conninfo_to_dict(app.desk.database.url)["dbname"]
    url = make_conninfo(
        installation[1].url(), dbname=name, options="-c search_path=clearhouse,public"
    )
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def people(app):
    """Actors of two parties with different roles."""
    made = []
    with app.desk.database.transaction(None) as transaction:
        for party, roles in (("A", []), ("A", ["auditor"]), ("B", ["coordinator", "auditor"])):
            party_id = identity.add_party(transaction, PartyKind.LAB, party)
            actor_id = identity.add_actor(
                transaction, party_id, ActorKind.PERSON, f"P{len(made)}", roles=roles
            )
            made.append(identity.actor(transaction, actor_id))
    return made


def protected_tables(connection):
    rows = connection.execute(
        "SELECT polrelid::regclass::text FROM pg_policy WHERE polname = 'need_to_know' ORDER BY 1"
    )
    return [row[0] for row in rows.fetchall()]


def columns(connection, table):
    return connection.execute(
        "SELECT attname, format_type(atttypid, NULL), attnotnull FROM pg_attribute"
        " WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped"
        " AND attidentity = '' AND attgenerated = ''",
        [table],
    ).fetchall()


def permitted(connection, table):
    """Values that a CHECK of the table lists, by column; any of them will do."""
    rows = connection.execute(
        "SELECT (SELECT attname FROM pg_attribute WHERE attrelid = conrelid AND attnum = conkey[1]),"
        " substring(pg_get_constraintdef(oid) FROM '''([^'']*)''') FROM pg_constraint"
        " WHERE conrelid = %s::regclass AND contype = 'c' AND cardinality(conkey) = 1",
        [table],
    ).fetchall()
    return {column: value for column, value in rows if value is not None}


PLAIN = {
    "integer": 1,
    "smallint": 1,
    "bigint": 1,
    "boolean": True,
    "date": "2026-11-23",
}


def plain_value(kind):
    """Any value of a type."""
    if kind.endswith("[]"):
        return []
    if kind.startswith("timestamp"):
        return "2026-11-23T12:00:00Z"
    if kind.startswith("json"):
        return "{}"
    if kind in {"numeric", "real", "double precision"}:
        return 1
    if kind == "bytea":
        return secrets.token_bytes(32)
    return PLAIN.get(kind, secrets.token_hex(8))


CHOSEN = {"relay_peer": {"kind": "mail"}, "match_edge": {"companion": False}}
"""What is chosen where one column's value asks for another's."""


UNCHECKED = {
    "match_edge": dict.fromkeys(["left_report", "right_report"], ("match_report", "report_id"))
}
"""References that no constraint keeps, because their rows are never deleted."""


def references(connection, table):
    """The column of another table that a column points to, by column."""
    rows = connection.execute(
        "SELECT a.attname, confrelid::regclass::text, b.attname FROM pg_constraint"
        " JOIN pg_attribute a ON a.attrelid = conrelid AND a.attnum = conkey[1]"
        " JOIN pg_attribute b ON b.attrelid = confrelid AND b.attnum = confkey[1]"
        " WHERE conrelid = %s::regclass AND contype = 'f' AND cardinality(conkey) = 1",
        [table],
    ).fetchall()
    return {column: (other, key) for column, other, key in rows} | UNCHECKED.get(table, {})


def put(connection, table, readers):
    """Insert a row made of plain values, with the protected rows that it points to.

    Returns its place and its values. Keys to unprotected tables are left unchecked.
    """
    known = permitted(connection, table) | CHOSEN.get(table, {})
    for column, (other, key) in sorted(references(connection, table).items()):
        if other in protected_tables(connection) and other not in {table, "data_key"}:
            known[column] = put(connection, other, readers)[1][key]
    row = {
        name: known.get(name, plain_value(kind))
        for name, kind, needed in columns(connection, table)
        if needed
    }
    row["readers"] = readers
    if "compartment" in row:
        row["compartment"] = f"cmp_{secrets.token_hex(8)}"
    statement = sql.SQL("INSERT INTO {} ({}) VALUES ({}) RETURNING ctid::text").format(
        sql.Identifier(table),
        sql.SQL(", ").join(map(sql.Identifier, row)),
        sql.SQL(", ").join([sql.Placeholder()] * len(row)),
    )
    return connection.execute(statement, list(row.values())).fetchone()[0], row


@pytest.fixture
def rows_of(owner):
    """Makes a row in every protected table; referenced rows need not exist for this."""
    owner.execute("SET session_replication_role = replica")

    def make(readers):
        return {table: put(owner, table, readers)[0] for table in protected_tables(owner)}

    yield make
    owner.execute("SET session_replication_role = origin")


def sees(app, actor_id, table, place):
    query = sql.SQL("SELECT 1 FROM {} WHERE ctid = {}::tid").format(
        sql.Identifier(table), sql.Literal(place)
    )
    with app.desk.database.transaction(actor_id) as transaction:
        return transaction.connection.execute(query).fetchone() is not None


@several
@given(data=st.data())
def test_a_row_is_visible_exactly_to_those_who_share_a_principal_with_it(
    app, people, rows_of, data
):
    names = sorted({*(p for person in people for p in person.principals), "act_x", "role:clearing"})
    readers = data.draw(st.lists(st.sampled_from(names), max_size=4), label="readers")
    person = data.draw(st.sampled_from(people), label="person")
    expected = not person.principals.isdisjoint(readers)
    places = rows_of(readers)
    assert {table: sees(app, person.actor_id, table, place) for table, place in places.items()} == (
        dict.fromkeys(places, expected)
    )


def test_without_an_actor_the_desk_sees_no_row_of_any_protected_table(app, people, rows_of):
    places = rows_of([people[0].actor_id, "role:auditor", "", "nobody"])
    for table, place in places.items():
        assert sees(app, people[0].actor_id, table, place), "there is something to see"
        for nobody in (None, "", "act_never", "role:auditor", "nobody", "{}", "*"):
            assert not sees(app, nobody, table, place)
    with app.desk.database.transaction(None) as transaction:
        for table in places:
            count = sql.SQL("SELECT count(*) AS n FROM {}").format(sql.Identifier(table))
            assert transaction.connection.execute(count).fetchone() == {"n": 0}


def test_a_row_of_others_can_be_neither_changed_nor_removed(app, people, rows_of):
    outsider = people[0]
    for table, place in rows_of(["act_x"]).items():
        for verb in (
            "UPDATE {} SET readers = readers WHERE ctid = {}::tid",
            "DELETE FROM {} WHERE ctid = {}::tid",
        ):
            statement = sql.SQL(verb).format(sql.Identifier(table), sql.Literal(place))
            with app.desk.database.transaction(outsider.actor_id) as transaction:
                assert transaction.connection.execute(statement).rowcount == 0


def test_every_table_with_a_compartment_is_protected_even_from_its_owner(owner):
    tables = owner.execute(
        "SELECT c.relname, c.relrowsecurity, c.relforcerowsecurity,"
        " EXISTS (SELECT FROM pg_attribute WHERE attrelid = c.oid AND attname = 'readers'"
        "         AND attnotnull)"
        " FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'compartment'"
        " WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'clearhouse'::regnamespace"
    ).fetchall()
    assert {"data_key", "payload", "ledger_event", "report", "submission"} <= {t[0] for t in tables}
    assert sorted(name for name, *_ in tables) == protected_tables(owner)
    assert not [name for name, *protections in tables if not all(protections)]


def test_need_to_know_is_the_only_way_for_the_desk_to_read_a_protected_table(owner):
    """Policies add up: one that is generous undoes the others."""
    policies = owner.execute(
        "SELECT tablename, policyname, roles::text[], cmd FROM pg_policies"
        " WHERE schemaname = 'clearhouse' AND policyname <> 'need_to_know'"
        " AND permissive = 'PERMISSIVE' AND tablename = ANY (%s)",
        [protected_tables(owner)],
    ).fetchall()
    assert policies
    for table, name, roles, command in policies:
        assert roles == ["clearhouse_owner"] or command == "INSERT", (table, name)
        assert "public" not in roles, (table, name)


def test_a_list_of_readers_stands_in_no_index_that_limits_its_length(owner):
    """An entry of a b-tree holds 2,704 bytes, and a case may have hundreds of people."""
    kinds = owner.execute(
        "SELECT amname, array_agg(i.indexrelid::regclass::text) FROM pg_index i"
        " JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)"
        " JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am ON pg_am.oid = c.relam"
        " WHERE a.attname = 'readers' GROUP BY amname"
    ).fetchall()
    assert [amname for amname, _ in kinds] == ["gin"], kinds


def test_a_view_opens_nothing_that_its_tables_close(owner):
    """A view reads with its owner's rights unless it says otherwise."""
    views = owner.execute(
        "SELECT DISTINCT v.relname FROM pg_class v"
        " JOIN pg_rewrite r ON r.ev_class = v.oid"
        " JOIN pg_depend d ON d.objid = r.oid AND d.classid = 'pg_rewrite'::regclass"
        " JOIN pg_policy p ON p.polrelid = d.refobjid AND p.polname = 'need_to_know'"
        " WHERE v.relkind IN ('v', 'm')"
        " AND NOT coalesce(v.reloptions && ARRAY['security_invoker=true'], false)"
    ).fetchall()
    assert views == []


def test_the_counter_may_read_no_column_of_any_protected_table(owner):
    for table in protected_tables(owner):
        readable = owner.execute(
            "SELECT has_table_privilege('clearhouse_counter', %s, 'SELECT')"
            " OR has_any_column_privilege('clearhouse_counter', %s, 'SELECT'),"
            " has_table_privilege('clearhouse_counter', %s, 'UPDATE, DELETE, TRUNCATE')",
            [table, table, table],
        ).fetchone()
        assert readable == (False, False), table


def test_no_application_role_can_step_around_the_policies(owner):
    rows = owner.execute(
        "SELECT rolname, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb,"
        " (SELECT count(*) FROM pg_auth_members WHERE member = r.oid),"
        " (SELECT count(*) FROM pg_class WHERE relowner = r.oid),"
        " has_schema_privilege(rolname, 'clearhouse', 'CREATE')"
        " FROM pg_roles r WHERE rolname LIKE 'clearhouse%' AND rolname <> 'clearhouse_owner'"
    ).fetchall()
    assert {row[0] for row in rows} == {
        "clearhouse_desk",
        "clearhouse_counter",
        "clearhouse_gateway",
    }
    assert {row[1:] for row in rows} == {(False, False, False, False, 0, 0, False)}


def test_every_function_that_runs_as_the_owner_fixes_its_search_path(owner):
    loose = owner.execute(
        "SELECT proname FROM pg_proc WHERE prosecdef"
        " AND pronamespace IN ('clearhouse'::regnamespace, 'public'::regnamespace)"
        " AND NOT coalesce(proconfig::text LIKE '%search_path=clearhouse, pg_temp%', false)"
    ).fetchall()
    assert loose == []
