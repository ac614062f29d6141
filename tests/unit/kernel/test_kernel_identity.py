import threading
from datetime import timedelta

import pytest
from psycopg import sql

from clearhouse.kernel import identity, ledger
from clearhouse.kernel.identity import ActorKind, PartyKind, Scope
from clearhouse.kernel.ids import ActorId, TokenId
from clearhouse.kernel.store.database import Database


@pytest.fixture
def lab(app):
    with app.desk.database.transaction(None) as transaction:
        return identity.add_party(transaction, PartyKind.LAB, "Lab", contact="lab@example.org")


def person(app, lab, name="Ann", **options):
    with app.desk.database.transaction(None) as transaction:
        return identity.add_actor(transaction, lab, ActorKind.PERSON, name, **options)


def token_of(app, actor, **options):
    with app.desk.database.transaction(None) as transaction:
        return identity.issue_token(
            transaction, actor, label="laptop", scopes=[Scope.SUBMIT], **options
        )


def behind(database, secret):
    with database.transaction(None) as transaction:
        return identity.authenticate(transaction, secret)


def principals(app, actor):
    with app.desk.database.transaction(actor) as transaction:
        return transaction.one("SELECT principals() AS names")["names"]


def test_a_token_leads_to_its_actor_at_both_doors(app, lab):
    ann = person(app, lab, roles=["reporter", "auditor"])
    secret = token_of(app, ann)
    assert secret.startswith("chs_")
    for database in (app.desk.database, app.counter.database):
        actor = behind(database, secret)
        assert actor is not None
        assert (actor.actor_id, actor.party_id, actor.kind) == (ann, lab, "person")
        assert actor.scopes == {"reports:submit"}
        assert actor.principals == {ann, lab, "role:reporter", "role:auditor"}
        assert set(principals(app, ann)) == actor.principals


@pytest.mark.parametrize("wrong", ["", "chs_", "chs_unknown", "\x00", "é" * 1000])
def test_any_other_text_leads_to_nobody(app, lab, wrong):
    token_of(app, person(app, lab))
    assert behind(app.counter.database, wrong) is None


def test_the_secret_of_a_token_is_stored_nowhere(app, lab, owner):
    secret = token_of(app, person(app, lab))
    tables = owner.execute(
        "SELECT oid::regclass::text FROM pg_class"
        " WHERE relkind = 'r' AND relnamespace = 'clearhouse'::regnamespace"
    ).fetchall()
    for (table,) in tables:
        rows = owner.execute(
            sql.SQL("SELECT t::text FROM {} t").format(sql.Identifier(table))
        ).fetchall()
        assert not [row for (row,) in rows if secret in row or secret[4:] in row]
    assert ("token",) in tables


def test_a_token_ends_at_its_instant(app, lab):
    secret = token_of(app, person(app, lab), life=timedelta(hours=1))
    now = app.desk.database.clock()

    def at(after: timedelta) -> Database:
        return Database(app.desk.database.url, clock=lambda: now + after)

    for after, expected in ((timedelta(minutes=59), True), (timedelta(minutes=61), False)):
        database = at(after)
        assert (behind(database, secret) is not None) is expected
        database.close()


@pytest.mark.parametrize("life", [timedelta(0), timedelta(days=-1), timedelta(days=366)])
def test_a_token_lives_for_some_time_and_at_most_a_year(app, lab, life):
    ann = person(app, lab)
    with pytest.raises(ValueError, match="at most a year"):
        token_of(app, ann, life=life)


def test_a_revoked_token_ends_at_once_and_the_actors_others_go_on(app, lab, owner):
    ann = person(app, lab)
    first, second = token_of(app, ann), token_of(app, ann)
    row = owner.execute(
        "SELECT token_id FROM token WHERE hash = %s", [identity._hash(first)]
    ).fetchone()
    assert row is not None
    with app.desk.database.transaction(None) as transaction:
        assert identity.revoke_token(transaction, TokenId(str(row[0])))
        assert not identity.revoke_token(transaction, TokenId(str(row[0])))
    assert behind(app.counter.database, first) is None
    assert behind(app.counter.database, second) is not None


def test_a_revoked_actor_loses_tokens_and_reading_rights_with_the_next_statement(app, lab):
    ann = person(app, lab, roles=["reporter"])
    secret = token_of(app, ann)
    with app.desk.database.transaction(ann) as transaction:
        ledger.append(transaction, "x", "y", {}, readers=[ann])
    seen = "SELECT count(*) AS n FROM ledger_event WHERE kind = 'x'"
    with app.desk.database.transaction(ann) as reading:
        assert reading.one(seen) == {"n": 1}
        with app.desk.database.transaction(None) as transaction:
            assert identity.revoke_actor(transaction, ann)
            assert not identity.revoke_actor(transaction, ann)
        assert reading.one(seen) == {"n": 0}  # in the middle of its own transaction
    assert behind(app.counter.database, secret) is None
    assert principals(app, ann) == []
    with app.desk.database.transaction(None) as transaction:
        assert identity.actor(transaction, ann) is None
        assert identity.actor_named(transaction, lab, "Ann") is None


def test_an_agent_needs_a_person_who_may_act(app, lab):
    ann = person(app, lab)
    with app.desk.database.transaction(None) as transaction:
        agent = identity.add_actor(
            transaction, lab, ActorKind.AGENT, "Robot", responsible=ann, roles=["reporter"]
        )
        for nobody in (None, ActorId("act_never"), agent):
            with pytest.raises(ValueError, match="responsible person"):
                identity.add_actor(transaction, lab, ActorKind.AGENT, "R2", responsible=nobody)
        identity.revoke_actor(transaction, ann)
        with pytest.raises(ValueError, match="responsible person"):
            identity.add_actor(transaction, lab, ActorKind.AGENT, "R3", responsible=ann)


def test_an_agent_ends_with_the_person_responsible_for_it(app, lab):
    ann = person(app, lab)
    with app.desk.database.transaction(None) as transaction:
        agent = identity.add_actor(transaction, lab, ActorKind.AGENT, "Robot", responsible=ann)
    secret = token_of(app, agent)
    assert behind(app.counter.database, secret) is not None
    assert principals(app, agent) != []
    with app.desk.database.transaction(None) as transaction:
        identity.revoke_actor(transaction, ann)
        assert identity.actor(transaction, agent) is None
    assert behind(app.counter.database, secret) is None
    assert principals(app, agent) == []


def test_who_is_there_already_is_returned_unchanged(app, lab):
    ann = person(app, lab, roles=["reporter"])
    assert person(app, lab, roles=["administrator"]) == ann
    with app.desk.database.transaction(None) as transaction:
        assert identity.add_party(transaction, PartyKind.VENDOR, "Lab") == lab
        found = identity.actor_named(transaction, lab, "Ann")
        assert found is not None
        assert found.roles == {"reporter"}
        assert found == identity.actor(transaction, ann)
        assert identity.actor(transaction, ActorId("act_never")) is None


def test_processes_that_add_the_same_party_at_once_get_the_same_one(app):
    gate = threading.Barrier(4)
    got: list[tuple[str, str]] = []

    def add() -> None:
        with app.desk.database.transaction(None) as transaction:
            gate.wait()
            party = identity.add_party(transaction, PartyKind.LAB, "New lab")
            got.append(
                (party, identity.add_actor(transaction, party, ActorKind.SYSTEM, "machinery"))
            )

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 4
    assert len(set(got)) == 1


def test_who_may_act_since_when_and_until_when_is_in_the_ledger_once(app, lab, owner):
    def noted(subject):
        rows = owner.execute(
            "SELECT kind FROM ledger_event WHERE subject = %s ORDER BY kind", [subject]
        )
        return [kind for (kind,) in rows.fetchall()]

    ann = person(app, lab)
    assert person(app, lab) == ann
    secret = token_of(app, ann)
    row = owner.execute(
        "SELECT token_id FROM token WHERE hash = %s", [identity._hash(secret)]
    ).fetchone()
    token = TokenId(str(row[0]))
    with app.desk.database.transaction(None) as transaction:
        for _ in range(2):
            identity.revoke_token(transaction, token)
            identity.revoke_actor(transaction, ann)
    assert noted(lab) == ["party.added"]
    assert noted(ann) == ["actor.added", "actor.revoked"]
    assert noted(token) == ["token.issued", "token.revoked"]
    bodies = owner.execute("SELECT body FROM ledger_event").fetchall()
    assert not [body for (body,) in bodies if secret.encode() in body]
