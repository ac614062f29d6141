import json
import threading
import time

import psycopg
import pytest

from clearhouse.formats import dsse, merkle
from clearhouse.kernel import ledger
from clearhouse.kernel.ids import ActorId, EventId, new_id

ANN = ActorId("act_ann")
pytestmark = pytest.mark.usefixtures("empty_ledger")


@pytest.fixture
def me(app):
    return app.desk.clearing_actor.actor_id


@pytest.fixture
def key(app):
    return app.desk.keys.signing_key()


def write(app, me, count=1, **data):
    with app.desk.database.transaction(me) as transaction:
        return [
            ledger.append(transaction, "test.done", f"thing {n}", data, readers=[me])
            for n in range(count)
        ]


def sequence(app):
    with app.desk.database.transaction(None) as transaction:
        transaction.execute("SET LOCAL lock_timeout = '10s'")  # a sequencer never waits
        return ledger.sequence(transaction)


def sign(app, key):
    with app.desk.database.transaction(None) as transaction:
        return ledger.sign_head(transaction, key)


def leaves(owner):
    return owner.execute("SELECT leaf_hash FROM ledger_leaf ORDER BY leaf_index").fetchall()


def test_an_event_may_have_hundreds_of_readers(app, me):
    readers = [me, *(new_id("act") for _ in range(300))]
    with app.desk.database.transaction(me) as transaction:
        ledger.append(transaction, "test.done", "thing", {}, readers=readers)
        row = transaction.one("SELECT readers FROM ledger_event WHERE kind = 'test.done'")
    assert row["readers"] == readers


def test_an_event_says_who_did_what_to_what_and_when(app, me, owner):
    (event_id,) = write(app, me, rule="r1", version=3)
    row = owner.execute("SELECT body, at FROM ledger_event WHERE event_id = %s", [event_id])
    body, at = row.fetchone()
    event = json.loads(body)
    assert event.pop("salt").isalnum()
    assert event == {
        "id": event_id,
        "at": at.isoformat(),
        "kind": "test.done",
        "actor": me,
        "subject": "thing 0",
        "data": {"rule": "r1", "version": 3},
    }


def test_equal_acts_have_different_leaves_so_that_no_hash_can_be_guessed(app, me, owner):
    write(app, me, 2)
    hashes = owner.execute("SELECT leaf_hash FROM ledger_pending").fetchall()
    assert len(set(hashes)) == 2


def test_a_transaction_that_is_undone_leaves_no_trace(app, me, owner):
    def fail_late() -> None:
        with app.desk.database.transaction(me) as transaction:
            ledger.append(transaction, "x", "y", {}, readers=[me])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_late()
    count = "SELECT (SELECT count(*) FROM ledger_event) + (SELECT count(*) FROM ledger_pending)"
    assert owner.execute(count).fetchone() == (0,)
    write(app, me)
    assert owner.execute(count).fetchone() == (2,)


def test_the_counter_can_write_events_and_read_none(app, me):
    with app.counter.database.transaction(me) as transaction:
        ledger.append(transaction, "x", "y", {}, readers=[me])
    assert sequence(app) == 1
    with (
        pytest.raises(psycopg.errors.InsufficientPrivilege),
        app.counter.database.transaction(me) as transaction,
    ):
        transaction.one("SELECT * FROM ledger_event")


def test_work_nobody_started_is_said_to_be_nobodys(app, owner):
    with app.desk.database.transaction(None) as transaction:
        ledger.append(transaction, "x", "y", {}, readers=["role:auditor"])
    assert owner.execute("SELECT actor_id FROM ledger_event").fetchone() == ("nobody",)


def test_concurrent_writers_and_sequencers_place_every_event_exactly_once(app, me, key, owner):
    written: list[EventId] = []
    working = threading.Event()
    working.set()

    def keep_sequencing() -> None:
        while working.is_set():
            sequence(app)

    sequencers = [threading.Thread(target=keep_sequencing) for _ in range(2)]
    writers = [
        threading.Thread(
            target=lambda: [written.extend(write(app, me, 1 + n % 3)) for n in range(20)]
        )
        for _ in range(3)
    ]
    for thread in (*sequencers, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    working.clear()
    for thread in sequencers:
        thread.join()
    sequence(app)
    rows = owner.execute(
        "SELECT leaf_index, event_id, leaf_hash, body"
        " FROM ledger_leaf JOIN ledger_event USING (event_id) ORDER BY leaf_index"
    ).fetchall()
    assert [row[0] for row in rows] == list(range(len(written)))
    assert sorted(row[1] for row in rows) == sorted(written)
    tree = merkle.Peaks()
    for _, _, leaf, body in rows:
        assert leaf == merkle.leaf_hash(body)
        tree.append(leaf)
    assert sign(app, key).root == tree.root()
    assert owner.execute("SELECT count(*) FROM ledger_pending").fetchone() == (0,)


def test_while_one_sequencer_works_another_does_nothing(app, me):
    write(app, me, 3)
    with app.desk.database.transaction(None) as first:
        assert ledger.sequence(first) == 3
        assert sequence(app) == 0
    write(app, me)
    assert sequence(app) == 1
    assert sequence(app) == 0


def test_a_sequencer_that_fails_leaves_the_events_waiting(app, me):
    write(app, me, 3)

    def die() -> None:
        with app.desk.database.transaction(None) as transaction:
            ledger.sequence(transaction)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        die()
    assert sequence(app) == 3


def test_a_long_queue_is_placed_in_batches_and_in_order(app, me, owner, monkeypatch):
    monkeypatch.setattr(ledger, "_BATCH", 4)
    waiting = write(app, me, 10)
    assert [sequence(app) for _ in range(4)] == [4, 4, 2, 0]
    placed = owner.execute("SELECT event_id FROM ledger_leaf ORDER BY leaf_index").fetchall()
    assert [row[0] for row in placed] == waiting


def test_a_head_is_signed_once_for_each_size(app, me, key):
    empty = sign(app, key)
    assert (empty.size, empty.root) == (0, merkle.EMPTY_ROOT)
    assert sign(app, key) == empty
    write(app, me)
    assert sign(app, key) == empty  # what waits is not in the tree yet
    sequence(app)
    one = sign(app, key)
    assert one.size == 1
    assert sign(app, key) == one
    opened = dsse.open_envelope(one.envelope, [key.public_key()])
    assert opened.payload_type == ledger.TREE_HEAD_TYPE
    assert json.loads(opened.payload) == {
        "size": 1,
        "root": one.root.hex(),
        "at": one.at.isoformat(),
    }


def test_of_two_signers_at_once_both_return_the_head_that_was_kept(app, me, key, owner):
    write(app, me, 2)
    sequence(app)
    late: list[ledger.TreeHead] = []
    with app.desk.database.transaction(None) as transaction:
        first = ledger.sign_head(transaction, key)
        second = threading.Thread(target=lambda: late.append(sign(app, key)))
        second.start()
        blocked = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        while owner.execute(blocked).fetchone() == (0,):
            time.sleep(0.01)
    second.join(10)
    assert late == [first]


def test_a_proof_convinces_whoever_has_the_key_and_stands_alone(app, me, key):
    events = write(app, me, 7, rule="r")
    sequence(app)
    sign(app, key)
    for event_id in events:
        with app.desk.database.transaction(me) as transaction:
            proof = ledger.prove(transaction, event_id)
        assert proof is not None
        document = json.loads(json.dumps(proof.as_json()))
        head = json.loads(dsse.open_envelope(document["tree_head"], [key.public_key()]).payload)
        assert document["event"]["id"] == event_id
        assert merkle.inclusion_holds(
            merkle.leaf_hash(proof.event),
            document["leaf_index"],
            head["size"],
            [bytes.fromhex(step) for step in document["path"]],
            bytes.fromhex(head["root"]),
        )


def test_there_is_no_proof_for_what_is_not_signed_not_there_or_not_yours(app, me, key):
    (early,) = write(app, me)

    def proof(actor, event_id):
        with app.desk.database.transaction(actor) as transaction:
            return ledger.prove(transaction, event_id)

    assert proof(me, early) is None  # not in the tree
    sequence(app)
    assert proof(me, early) is None  # not in a signed tree
    sign(app, key)
    assert proof(me, early) is not None
    assert proof(ANN, early) is None
    assert proof(me, EventId("evt_never")) is None
    (late,) = write(app, me)
    sequence(app)
    assert proof(me, late) is None


def test_each_signed_head_is_proven_to_extend_every_earlier_one(app, me, key):
    with app.desk.database.transaction(me) as transaction:
        assert ledger.prove_extends(transaction, 0) is None  # nothing is signed yet
    heads = [sign(app, key)]
    for count in (1, 2, 4, 1):
        write(app, me, count)
        sequence(app)
        heads.append(sign(app, key))
    for old in heads:
        with app.desk.database.transaction(None) as transaction:
            proven = ledger.prove_extends(transaction, old.size)
        assert proven is not None
        newest, path = proven
        assert newest == heads[-1]
        assert merkle.consistency_holds(old.size, newest.size, old.root, newest.root, path)
    with app.desk.database.transaction(None) as transaction:
        assert ledger.prove_extends(transaction, -1) is None
        assert ledger.prove_extends(transaction, 99) is None


TABLES = {
    "ledger_event": "kind = 'rewritten'",
    "ledger_leaf": "leaf_hash = 'x'",
    "ledger_node": "hash = 'x'",
    "tree_head": "root = 'x'",
}


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("who", ["owner", "desk"])
def test_nobody_can_change_or_remove_what_was_written(app, me, key, owner, who, table):
    write(app, me, 2)
    sequence(app)
    sign(app, key)

    def as_desk(attempt: str) -> None:
        with app.desk.database.transaction(me) as transaction:
            transaction.execute(attempt)

    attempt_as = {"owner": owner.execute, "desk": as_desk}
    before = owner.execute(f"SELECT * FROM {table}").fetchall()  # noqa: S608 - a constant above
    assert before
    for attempt in (
        f"UPDATE {table} SET {TABLES[table]}",  # noqa: S608 - constants above
        f"DELETE FROM {table}",  # noqa: S608 - a constant above
        f"TRUNCATE {table}",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            attempt_as[who](attempt)
    after = owner.execute(f"SELECT * FROM {table}").fetchall()  # noqa: S608 - a constant above
    assert after == before


def test_a_ledger_that_lost_a_node_says_so_instead_of_proving(app, me, key, owner):
    (event, *_) = write(app, me, 5)
    sequence(app)
    sign(app, key)
    owner.execute("SET session_replication_role = replica")  # only this session goes round them
    owner.execute("DELETE FROM ledger_node")
    owner.execute("DELETE FROM ledger_leaf WHERE leaf_index = 1")
    with app.desk.database.transaction(me) as transaction:
        with pytest.raises(LookupError, match="lost node 1 of level 0"):
            ledger.prove(transaction, event)
        with pytest.raises(LookupError, match="lost node 0 of level 1"):
            ledger.prove_extends(transaction, 3)
