"""The ledger is append-only: whatever happens, every signed head extends every earlier one."""

import json
import random
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clearhouse.formats import dsse, merkle
from clearhouse.formats.canonical import canonical_bytes
from clearhouse.kernel import ledger, ledger_export
from clearhouse.kernel.ledger_export import verify

KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)

several = settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
steps = st.lists(
    st.tuples(st.just("append"), st.integers(1, 5))
    | st.tuples(st.just("undone"), st.integers(1, 3))
    | st.tuples(st.sampled_from(["sequence", "sequence undone", "sign"]), st.just(0)),
    max_size=20,
)


class UndoneError(Exception):
    """Thrown to undo a transaction."""


@dataclass
class History:
    """A ledger and what we remember of it from outside."""

    app: object
    me: str
    heads: list[ledger.TreeHead] = field(default_factory=list)
    written: list[str] = field(default_factory=list)

    def take(self, step: str, count: int) -> None:
        try:
            with self.app.desk.database.transaction(self.me) as transaction:
                self._do(transaction, step, count)
        except UndoneError:
            pass

    def _do(self, transaction, step, count):
        if step in {"append", "undone"}:
            fresh = [
                ledger.append(transaction, "test.done", f"thing {n}", {}, readers=[self.me])
                for n in range(count)
            ]
            if step == "undone":
                raise UndoneError
            self.written += fresh
        elif step == "sign":
            self.heads.append(ledger.sign_head(transaction, KEY))
        else:
            ledger.sequence(transaction)
            if step == "sequence undone":
                raise UndoneError


@several
@given(history=steps)
def test_under_any_history_every_head_extends_every_earlier_one_and_nothing_is_lost(app, history):
    me = app.desk.clearing_actor.actor_id
    with app.desk.database.transaction(me) as transaction:
        before = [row["event_id"] for row in transaction.all("SELECT event_id FROM ledger_event")]
        everything = transaction.all(
            "SELECT event_id FROM ledger_pending UNION SELECT event_id FROM ledger_leaf"
        )
    hidden = [row["event_id"] for row in everything if row["event_id"] not in before]
    told = History(app, me, written=before)
    for step, count in (*history, ("sequence", 0), ("sign", 0)):
        told.take(step, count)
    with app.desk.database.transaction(me) as transaction:
        lines = list(ledger_export.export(transaction, KEY.public_key()))
        placed = transaction.all("SELECT event_id FROM ledger_leaf")
        for earlier in told.heads:
            newest, path = ledger.prove_extends(transaction, earlier.size)
            assert newest == told.heads[-1]
            assert merkle.consistency_holds(
                earlier.size, newest.size, earlier.root, newest.root, path
            )
        for event_id in random.sample(told.written, min(3, len(told.written))):
            assert ledger.prove(transaction, event_id) is not None
    assert sorted(row["event_id"] for row in placed) == sorted([*told.written, *hidden])
    result = verify(lines, KEY.public_key())
    assert (result.faults, result.size) == ((), len(told.written) + len(hidden))
    assert result.events_shown == len(told.written)


def a_file(count: int) -> list[str]:
    tree, lines = merkle.Peaks(), []
    for n in range(count):
        event = {"id": f"evt_{n}", "data": {"n": n, "x": [1.5, None, True]}}
        leaf = merkle.leaf_hash(canonical_bytes(event))
        tree.append(leaf)
        lines.append({"leaf": leaf.hex(), "event": event} if n % 3 else {"leaf": leaf.hex()})
    head = {"size": count, "root": tree.root().hex(), "at": "2026-11-23T12:00:00+00:00"}
    envelope = dsse.seal(canonical_bytes(head), ledger.TREE_HEAD_TYPE, [KEY])
    public_key = ledger_export._spell(KEY.public_key())
    header = {"format": ledger_export.FORMAT, "public_key": public_key, "size": count}
    return [json.dumps(line) for line in (header, *lines, {"tree_head": envelope})]


@settings(max_examples=300)
@given(
    st.integers(0, 12),
    st.integers(0, 10_000),
    st.integers(0, 10_000),
    st.characters(codec="utf-8"),
)
def test_a_file_in_which_any_character_was_changed_says_the_same_or_is_refused(
    count, where, at, character
):
    lines = a_file(count)
    number = where % len(lines)
    line = lines[number]
    place = at % len(line)
    bent = line[:place] + character + line[place + 1 :]
    result = verify([*lines[:number], bent, *lines[number + 1 :]], KEY.public_key())
    if result.holds:
        assert says_the_same(bent, line)


def says_the_same(bent: str, line: str) -> bool:
    """Spaces, spellings of a number, and the hint of the key's id may differ."""
    one, other = json.loads(bent), json.loads(line)
    for document in (one, other):
        head = document.get("tree_head")
        if head is not None:
            for entry in head["signatures"]:
                entry.pop("keyid", None)
                for name in [name for name in entry if name != "sig"]:
                    del entry[name]
            for name in head.keys() - {"payload", "payloadType", "signatures"}:
                del head[name]
    spelt = json.dumps(one).translate(dsse._TO_STANDARD_BASE64)
    return spelt == json.dumps(other).translate(dsse._TO_STANDARD_BASE64)


@given(st.lists(st.text() | st.binary().map(repr), max_size=6))
def test_any_lines_at_all_end_in_a_list_of_faults(lines):
    assert not verify(lines).holds
