import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from clearhouse.formats import dsse, merkle
from clearhouse.formats.canonical import canonical_bytes
from clearhouse.kernel import ledger, ledger_export
from clearhouse.kernel.ledger_export import verify

KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
OTHER = Ed25519PrivateKey.from_private_bytes(b"o" * 32)


def a_file(events=5, hidden=(1,), key=KEY, size=None):
    """An export made by hand, line by line, as its format is described."""
    tree, lines = merkle.Peaks(), []
    for n in range(events):
        event = {"id": f"evt_{n}", "data": {"n": n}, "salt": f"{n:032x}"}
        leaf = merkle.leaf_hash(canonical_bytes(event))
        tree.append(leaf)
        lines.append({"leaf": leaf.hex()} | ({} if n in hidden else {"event": event}))
    statement = {"size": events, "root": tree.root().hex(), "at": "2026-11-23T12:00:00+00:00"}
    envelope = dsse.seal(canonical_bytes(statement), ledger.TREE_HEAD_TYPE, [key])
    header = {
        "format": ledger_export.FORMAT,
        "public_key": ledger_export._spell(key.public_key()),
        "size": events if size is None else size,
    }
    return [json.dumps(line) for line in (header, *lines, {"tree_head": envelope})]


@pytest.mark.usefixtures("empty_ledger")
def test_an_export_verifies_alone_and_shows_each_reader_its_own_events(app):
    me, key = app.desk.clearing_actor.actor_id, app.desk.keys.signing_key()
    with app.desk.database.transaction(me) as transaction:
        for n in range(7):
            readers = [me] if n % 2 else ["act_somebody_else"]
            ledger.append(transaction, "test.done", f"thing {n}", {"n": n}, readers=readers)
        ledger.sequence(transaction)
        head = ledger.sign_head(transaction, key)
        ledger.append(transaction, "later", "not in the signed tree", {}, readers=[me])
        ledger.sequence(transaction)
    for actor, shown in ((me, 3), (None, 0)):
        with app.desk.database.transaction(actor) as transaction:
            lines = list(ledger_export.export(transaction, key.public_key()))
        result = verify(lines, trusted=key.public_key())
        assert (result.holds, result.faults) == (True, ())
        assert (result.size, result.root, result.events_shown) == (7, head.root.hex(), shown)
        assert verify(lines).holds
        assert "thing 0" not in "".join(lines)  # closed to both
        assert ("thing 1" in "".join(lines)) is (actor is me)


@pytest.mark.usefixtures("empty_ledger")
def test_a_long_ledger_is_exported_in_batches(app, monkeypatch):
    monkeypatch.setattr(ledger_export, "_BATCH", 3)
    me, key = app.desk.clearing_actor.actor_id, app.desk.keys.signing_key()
    with app.desk.database.transaction(me) as transaction:
        for n in range(8):
            ledger.append(transaction, "test.done", f"thing {n}", {}, readers=[me])
        ledger.sequence(transaction)
        ledger.sign_head(transaction, key)
        result = verify(ledger_export.export(transaction, key.public_key()))
    assert (result.holds, result.size, result.events_shown) == (True, 8, 8)


def test_a_ledger_that_was_never_signed_proves_nothing(app):
    with app.desk.database.transaction(None) as transaction:
        lines = list(ledger_export.export(transaction, app.desk.keys.signing_key().public_key()))
    assert verify(lines).faults == ("no signed tree head at the end: cut short, or never signed",)


def test_a_large_measurement_in_an_event_is_no_tampering(app):
    me, key = app.desk.clearing_actor.actor_id, app.desk.keys.signing_key()
    with app.desk.database.transaction(me) as transaction:
        measured = {"seconds": 4.682725654493535e16, "bytes": 2**53 - 1, "none": -0.0}
        ledger.append(transaction, "test.done", "thing", measured, readers=[me])
        ledger.sequence(transaction)
        ledger.sign_head(transaction, key)
        assert verify(ledger_export.export(transaction, key.public_key())).faults == ()


def test_an_empty_ledger_that_was_signed_holds():
    assert verify(a_file(events=0), KEY.public_key()).holds


def test_the_file_made_by_hand_holds():
    for events in (1, 2, 3, 5, 8):
        result = verify(a_file(events=events), KEY.public_key())
        assert (result.faults, result.size) == ((), events)


def rewritten(number, change):
    lines = a_file()
    document = json.loads(lines[number])
    change(document)
    lines[number] = json.dumps(document)
    return lines


def of_event(change):
    return rewritten(1, lambda document: change(document["event"]))


def swapped(first, second):
    lines = a_file()
    lines[first], lines[second] = lines[second], lines[first]
    return lines


def without(number):
    lines = a_file()
    del lines[number]
    return lines


def with_line(number, text):
    lines = a_file()
    lines.insert(number, text)
    return lines


def replaced(number, text):
    lines = a_file()
    lines[number] = text
    return lines


def forged_head(payload, kind=ledger.TREE_HEAD_TYPE):
    return replaced(6, json.dumps({"tree_head": dsse.seal(payload, kind, [KEY])}))


TRUE_HEAD = json.loads(a_file()[-1])["tree_head"]
TRUE_PAYLOAD = dsse.open_envelope(TRUE_HEAD, [KEY.public_key()]).payload

TAMPERED = {
    "an event changed": (of_event(lambda e: e["data"].update(n=99)), "event of leaf 0 was changed"),
    "an event named anew": (of_event(lambda e: e.update(id="evt_x")), "leaf 0 was changed"),
    "an event emptied": (rewritten(1, lambda d: d.update(event=None)), "leaf 0 was changed"),
    "an event of another": (rewritten(1, lambda d: d.update(event={})), "leaf 0 was changed"),
    "a number no reader agrees on": (
        of_event(lambda e: e["data"].update(n=10**30)),
        "leaf 0 was changed",
    ),
    "a number that is none": (of_event(lambda e: e.update(n=float("nan"))), "leaf 0 was changed"),
    "half a character": (of_event(lambda e: e.update(id="\ud800")), "leaf 0 was changed"),
    "an event said twice": (
        replaced(1, a_file()[1].replace('"id": "evt_0"', '"id": "evt_x", "id": "evt_0"')),
        "line 2 is not a JSON object with distinct names",
    ),
    "deep nesting": (replaced(1, '{"leaf":' * 100_000), "line 2 is not a JSON object"),
    "a leaf changed": (
        rewritten(2, lambda d: d.update(leaf="00" * 32)),
        "do not lead to the signed root",
    ),
    "a leaf in capitals": (
        rewritten(2, lambda d: d.update(leaf=d["leaf"].upper())),
        "leaf 1 is not a SHA-256 hash",
    ),
    "a leaf cut": (rewritten(2, lambda d: d.update(leaf="00")), "leaf 1 is not a SHA-256 hash"),
    "a leaf that is a number": (rewritten(2, lambda d: d.update(leaf=5)), "leaf 1 is not"),
    "a leaf with a note": (rewritten(2, lambda d: d.update(note="!")), "line 3 is neither"),
    "a leaf left out": (without(2), "announces 5 leaves, the file has 4"),
    "the last leaf left out": (without(5), "signed tree has 5 leaves, not 4"),
    "a leaf twice": (with_line(2, a_file()[1]), "do not lead to the signed root"),
    "leaves swapped": (swapped(2, 3), "do not lead to the signed root"),
    "a line of something else": (with_line(2, '{"note": "x"}'), "line 3 is neither a leaf"),
    "a line of noise": (with_line(2, "noise"), "line 3 is not a JSON object"),
    "an empty line": (with_line(2, ""), "line 3 is not a JSON object"),
    "a line of a list": (with_line(2, "[]"), "line 3 is not a JSON object"),
    "a line after the end": (with_line(7, a_file()[1]), "line 8 comes after the tree head"),
    "a second head": (with_line(7, a_file()[6]), "line 8 comes after the tree head"),
    "the head left out": (without(6), "no signed tree head at the end"),
    "the head emptied": (replaced(6, '{"tree_head": null}'), "no signed tree head at the end"),
    "the head of text": (replaced(6, '{"tree_head": "x"}'), "not signed by the ledger's key"),
    "only the header": (a_file(size=0)[:1], "no signed tree head at the end"),
    "the header left out": (without(0), "not a clearhouse-ledger/1 file"),
    "the header of noise": (replaced(0, "noise"), "line 1 is not a JSON object"),
    "another format": (rewritten(0, lambda d: d.update(format="x/1")), "not a clearhouse-ledger/1"),
    "a header with a note": (rewritten(0, lambda d: d.update(note=1)), "not a clearhouse-ledger/1"),
    "another size": (rewritten(0, lambda d: d.update(size=4)), "announces 4 leaves"),
    "a size of text": (rewritten(0, lambda d: d.update(size="5")), "announces '5' leaves"),
    "a size of true": (
        [a_file(events=1, hidden=())[0].replace('"size": 1', '"size": true'), *a_file(1)[1:]],
        "announces True leaves",
    ),
    "another key": (
        rewritten(0, lambda d: d.update(public_key=ledger_export._spell(OTHER.public_key()))),
        "not signed by the ledger's key",
    ),
    "no key": (rewritten(0, lambda d: d.update(public_key=None)), "no usable public key"),
    "a key too short": (
        rewritten(0, lambda d: d.update(public_key="AAAA")),
        "no usable public key",
    ),
    "a key of noise": (rewritten(0, lambda d: d.update(public_key="é")), "no usable public key"),
    "a key spelt otherwise": (
        rewritten(0, lambda d: d.update(public_key=d["public_key"][:-2] + "x=")),
        "no usable public key",
    ),
    "a signature of another type": (forged_head(TRUE_PAYLOAD, "text/plain"), "do not lead to"),
    "a signed list": (forged_head(b"[]"), "do not lead to the signed root"),
    "signed noise": (forged_head(b"\xff\x00"), "do not lead to the signed root"),
    "a signed empty object": (forged_head(b"{}"), "signed tree has None leaves"),
}


@pytest.mark.parametrize("case", TAMPERED)
def test_every_tampering_is_found_and_named(case):
    lines, fault = TAMPERED[case]
    result = verify(lines)
    assert not result.holds
    assert fault in " | ".join(result.faults)


def test_a_file_signed_again_by_another_is_whole_but_not_the_ledgers():
    forged = a_file(key=OTHER)
    assert verify(forged).holds  # says only that the file is whole
    result = verify(forged, trusted=KEY.public_key())
    assert any("not signed by the ledger's key" in fault for fault in result.faults)
    assert any("another key than the one you trust" in fault for fault in result.faults)


@pytest.mark.parametrize("kept", range(7))
def test_a_file_that_was_cut_short_anywhere_is_found(kept):
    lines = a_file()
    assert not verify(lines[:kept]).holds
    assert not verify([*lines[:kept], lines[kept][: len(lines[kept]) // 2]]).holds


def test_every_fault_is_listed_and_not_only_the_first():
    lines = a_file()
    lines[1] = lines[1].replace('"n": 0', '"n": 7')
    lines[4] = lines[4].replace('"n": 3', '"n": 8')
    lines[0] = lines[0].replace('"size": 5', '"size": 6')
    assert len(verify(lines).faults) == 3
