"""Committing now and revealing later, and who was first."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearhouse.clearing import route
from clearhouse.clearing.deconflict.blind.record import Fingerprint, Grain
from clearhouse.clearing.deconflict.commitments import operations, rules
from clearhouse.clearing.deconflict.commitments.opening import new_opening
from clearhouse.clearing.deconflict.commitments.record import HeldSince
from clearhouse.kernel import ledger_export
from clearhouse.kernel.identity import PartyKind
from clearhouse.kernel.policy import ForbiddenError
from house import person, reporter

PRINT = Fingerprint(grain=Grain.PLACE, package="pkg:npm/one", value="a.js#run#CWE-74")
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def labs(app):
    app.desk.database.clock = app.counter.database.clock = lambda: NOW
    return [person(app, f"Lab {name}", PartyKind.LAB, name, "finder") for name in ("Ada", "Bob")]


def do(app, actor, verb, *arguments):
    with app.desk.database.transaction(actor.actor_id) as transaction:
        return verb(app.desk, transaction, actor, *arguments)


def export(app, actor):
    route.seal_ledger(app.desk)
    key = app.desk.keys.signing_key().public_key()
    with app.desk.database.transaction(actor.actor_id) as transaction:
        return list(ledger_export.export(transaction, key)), key


def test_an_export_proves_who_held_what_since_when(app, labs):
    opening = new_opening([PRINT], report=b"the report as it will be sent")
    made = do(app, labs[0], operations.commit, rules.digest_of(opening))
    lines, key = export(app, labs[0])
    proven = rules.prove(lines, opening, key)
    assert (proven.party_id, proven.made_at) == (labs[0].party_id, NOW)
    assert (proven.event_id, proven.fingerprints) == (made.event_id, (PRINT,))
    event = json.loads(lines[proven.leaf_index + 1])["event"]
    assert event["id"] == made.event_id, "the leaf is counted from 0, after the header"


def test_nothing_in_the_ledger_tells_what_was_committed_to(app, labs):
    opening = new_opening([PRINT])
    do(app, labs[0], operations.commit, rules.digest_of(opening))
    lines, _ = export(app, labs[0])
    whole = "\n".join(lines)
    assert opening.blinding.hex() not in whole
    assert "a.js" not in whole
    unblinded = replace(opening, blinding=bytes(32))
    assert rules.digest_of(unblinded).hex() not in whole
    assert new_opening([PRINT]).blinding != opening.blinding
    assert opening.blinding.hex() not in repr(opening)


@pytest.mark.parametrize(
    "other",
    [
        lambda one: replace(one, blinding=bytes(32)),
        lambda one: replace(one, fingerprints=(replace(PRINT, value="b.js#run#CWE-74"),)),
        lambda one: replace(one, report_sha256="0" * 64),
    ],
)
def test_another_opening_is_neither_proven_nor_revealed(app, labs, other):
    opening = new_opening([PRINT])
    made = do(app, labs[0], operations.commit, rules.digest_of(opening))
    lines, key = export(app, labs[0])
    assert rules.prove(lines, other(opening), key).code == "not-committed"
    refused = do(app, labs[0], operations.reveal, made.commitment_id, other(opening))
    assert refused.code == "wrong-opening"


def test_a_changed_export_proves_nothing(app, labs):
    opening = new_opening([PRINT])
    do(app, labs[0], operations.commit, rules.digest_of(opening))
    lines, key = export(app, labs[0])
    earlier = [line.replace("2026-11-23", "2026-10-23") for line in lines]
    assert rules.prove(earlier, opening, key).code == "broken-ledger"
    assert rules.prove([*lines[:2], f"{rules.MADE}"], opening, key).code == "broken-ledger"


def test_a_commitment_is_revealed_by_its_party_and_again_changes_nothing(app, labs):
    opening = new_opening([PRINT])
    made = do(app, labs[0], operations.commit, rules.digest_of(opening))
    assert do(app, labs[1], operations.reveal, made.commitment_id, opening).code == (
        "no-such-commitment"
    )
    done = do(app, labs[0], operations.reveal, made.commitment_id, opening)
    app.desk.database.clock = lambda: NOW + HOUR
    again = do(app, labs[0], operations.reveal, made.commitment_id, opening)
    assert done == again
    assert done.revealed_at == NOW
    assert do(app, labs[0], operations.mine) == [done]
    assert do(app, labs[1], operations.mine) == []
    with app.desk.database.transaction(app.desk.clearing_actor.actor_id) as transaction:
        held = operations.held_since(app.desk, transaction, [PRINT])
        none = operations.held_since(app.desk, transaction, [replace(PRINT, value="x")])
    assert held == [HeldSince(party=labs[0].party_id, at=NOW)]
    assert none == []


def test_a_digest_of_another_length_or_made_before_is_refused(app, labs):
    digest = rules.digest_of(new_opening([PRINT]))
    assert do(app, labs[0], operations.commit, digest[:-1]).code == "malformed"
    do(app, labs[0], operations.commit, digest)
    assert do(app, labs[1], operations.commit, digest).code == "known-digest"


def test_nobody_commits_without_the_role(app, labs):
    stranger, opening = reporter(app), new_opening([PRINT])
    for verb, arguments in (
        (operations.commit, (bytes(32),)), (operations.reveal, ("cmt_x", opening)),
        (operations.mine, ()),
    ):  # fmt: skip
        with pytest.raises(ForbiddenError):
            do(app, stranger, verb, *arguments)
    assert labs


def test_an_opening_is_written_and_read_back():
    opening = new_opening([PRINT, replace(PRINT, grain=Grain.POC, package=None)], b"report")
    assert rules.read_opening(json.loads(json.dumps(rules.write_opening(opening)))) == opening


@pytest.mark.parametrize(
    "wrong",
    [
        {"format": "x"}, {"blinding": "00"}, {"blinding": None}, {"report_sha256": "00"},
        {"report_sha256": 1}, {"fingerprints": []}, {"fingerprints": None},
        {"fingerprints": [1]}, {"fingerprints": [{"grain": "no", "value": "x"}]},
        {"fingerprints": [{"grain": "poc", "package": 1, "value": "x"}]},
    ],
)  # fmt: skip
def test_a_malformed_opening_is_refused(wrong):
    document = rules.write_opening(new_opening([PRINT])) | wrong
    with pytest.raises(ValueError, match=r"."):
        rules.read_opening(document)
    with pytest.raises(ValueError, match="is no"):
        rules.read_opening([])


def at(hours):
    return NOW + hours * HOUR


def test_the_first_is_who_can_show_the_earliest_instant():
    held = [HeldSince(party="B", at=at(5)), HeldSince(party="A", at=at(9)),
            HeldSince(party="A", at=at(2))]  # fmt: skip
    found = rules.order(held, tie=HOUR)
    assert (found.first, found.later, found.independent) == (("A",), ("B",), 2)
    assert found.rediscovered_at == at(5)


def test_instants_that_clocks_do_not_tell_apart_are_joint():
    held = [HeldSince(party="B", at=at(1)), HeldSince(party="A", at=at(0))]
    assert rules.order(held, tie=HOUR).first == ("A", "B")


def test_who_was_told_before_is_not_independent():
    held = [HeldSince(party="A", at=at(0)), HeldSince(party="B", at=at(5), told_at=at(4)),
            HeldSince(party="C", at=at(5), told_at=at(6))]  # fmt: skip
    found = rules.order(held, tie=timedelta(0))
    assert (found.first, found.later, found.not_independent) == (("A",), ("C",), ("B",))


def test_nobody_found_what_nobody_holds():
    found = rules.order([], tie=HOUR)
    assert (found.first, found.independent, found.rediscovered_at) == ((), 0, None)


moments = st.integers(0, 6).map(at)
holding = st.builds(
    HeldSince, party=st.sampled_from("ABC"), at=moments, told_at=st.none() | moments
)


@given(st.lists(holding), st.randoms())
def test_the_order_does_not_depend_on_who_was_asked_first_and_names_everybody_once(held, random):
    found = rules.order(held, tie=HOUR)
    mixed = list(held)
    random.shuffle(mixed)
    assert rules.order(mixed, tie=HOUR) == found
    named = (*found.first, *found.later, *found.not_independent)
    assert sorted(named) == sorted({one.party for one in held})
