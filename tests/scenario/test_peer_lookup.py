"""One house asks another blindly whether something is known, and no list changes hands."""

import json
from dataclasses import replace

import pytest

from clearhouse.clearing import route
from clearhouse.clearing.coordinate.machine import Refused
from clearhouse.clearing.coordinate.relay import lookup, peers
from clearhouse.clearing.deconflict.blind import epochs
from clearhouse.clearing.deconflict.blind.asking import ask
from clearhouse.clearing.deconflict.refusal import Refusal
from clearhouse.clearing.match.fingerprints import fingerprints
from clearhouse.formats import voprf
from clearhouse.formats.voprf import VoprfError
from clearhouse.kernel.identity import PartyKind
from clearhouse.kernel.outside import Answer, OutsideError
from clearhouse.kernel.policy import ForbiddenError
from house import coordinator, person, reporter, submit
from relay_houses import Wire, administrator, enroll, open_house
from scenario.laws_house import draft

MINE = fingerprints(draft())


@pytest.fixture
def two(installation, tmp_path):
    wire = Wire()
    with (
        open_house(installation, tmp_path / "north", "north", wire) as north,
        open_house(installation, tmp_path / "south", "south", wire) as south,
    ):
        for house, other in ((north, south), (south, north)):
            house.publish_node()
            other.publish_node()
            enroll(house, other)
            route.turn_known_keys(house.desk)
        yield north, south


def introduced(house, other):
    """Under which id one house knows the other."""
    ((peer_id,),) = house.rows("SELECT peer_id FROM relay_peer WHERE node_id = %s", [other.node.id])
    return peer_id


def door(north, south, actor=None):
    """North's door to South; whoever waits lets South's jobs run."""
    lab = actor or person(north.app, "Lab Ada", PartyKind.LAB, "Ada", "finder")
    with north.desk.database.transaction(lab.actor_id) as transaction:
        found = lookup.door_to(north.desk, transaction, lab, introduced(north, south))
    return (
        found
        if isinstance(found, Refusal)
        else replace(found, wait=lambda _: lookup.answer_waiting(south.desk))
    )


def test_a_lab_of_one_house_learns_what_the_other_knows(two):
    north, south = two
    assert not any(one.known for one in ask(door(north, south), MINE))
    route.clear(south.desk, submit(south.app, draft(), by=reporter(south.app)))
    answers = ask(door(north, south), MINE)
    assert {one.fingerprint.grain.value for one in answers if one.known} == {"place"}


def test_what_passes_the_wire_holds_neither_fingerprint_nor_lab(two):
    north, south = two
    route.clear(south.desk, submit(south.app, draft(), by=reporter(south.app)))
    ask(door(north, south), MINE)
    passed = b"".join(content for _, _, content in north.wire.passed)
    for secret in (b"src/parse.c", b"law-0", b"Lab Ada", b"Ada"):
        assert secret not in passed
    assert {address.rpartition("/")[2] for address, _, _ in north.wire.passed} == {"known"}


def test_each_house_answers_under_its_own_key(two):
    north, south = two
    keys = set()
    for one, other in ((north, south), (south, north)):
        keys.add(door(one, other).card().epochs[0].public_key)
    assert len(keys) == 2


def test_the_quota_of_the_peer_holds_for_all_its_labs(two, monkeypatch):
    north, south = two
    few = replace(epochs.known_policy(), asked_per_day=len(MINE))
    monkeypatch.setattr(epochs, "known_policy", lambda: few)
    assert not isinstance(ask(door(north, south), MINE), Refusal)
    other = person(north.app, "Lab Bob", PartyKind.LAB, "Bob", "finder")
    assert ask(door(north, south, other), MINE).code == "over-quota"


def test_large_tables_are_handed_out_in_parts_only(two, monkeypatch):
    north, south = two
    card = door(north, south).card()
    assert door(north, south).table(card.epochs[0].epoch_id, 0).entries == b""
    assert door(north, south).buckets(card.epochs[0].epoch_id, 3, [0]).code == "bucket-too-small"
    refused = door(north, south).buckets(card.epochs[0].epoch_id, 0, [0] * 17)
    assert refused.code == "malformed"


def test_an_answer_that_the_peer_did_not_sign_is_refused(two, monkeypatch):
    north, south = two
    plain = north.wire.carry

    def forged(method, address, content, headers):
        answer = plain(method, address, content, headers)
        if answer.status != 200:
            return answer
        envelope = json.loads(answer.body)
        envelope["payload"] = envelope["payload"][:-8] + "AAAAAAAA"
        return Answer(status=200, headers={}, body=json.dumps(envelope).encode())

    monkeypatch.setattr(north.wire, "carry", forged)
    with pytest.raises(OutsideError, match="not signed by the peer"):
        door(north, south).card()


def test_a_peer_that_answers_with_another_key_than_it_announced_is_found_out(two, monkeypatch):
    north, south = two
    other = voprf.derive_key(bytes(32), b"another")
    monkeypatch.setattr(epochs, "secret_of", lambda _keys, _epoch: other)
    with pytest.raises(VoprfError, match="not of this key"):
        ask(door(north, south), MINE)


def test_a_request_counts_once_and_an_id_for_one_question(two):
    north, south = two
    door(north, south).card()
    (address, headers, content), *_ = north.wire.passed
    again = north.wire.carry("POST", address, content, headers)
    assert json.loads(again.body)["code"] == "replayed"
    changed = json.loads(content) | {"ask": "evaluate"}
    body = json.dumps(changed).encode()
    signed = door(north, south)._signed(body, north.desk.database.clock())
    assert json.loads(north.wire.carry("POST", address, body, signed).body)["code"] == "id-reused"
    for wrong in (b"{", b"[]", b'{"id": "x"}'):
        signed = door(north, south)._signed(wrong, north.desk.database.clock())
        said = json.loads(north.wire.carry("POST", address, wrong, signed).body)
        assert said["code"] == "malformed"
    unknown = north.wire.carry("POST", address, b"{}", {})
    assert json.loads(unknown.body)["code"] == "unknown-key"


def test_a_peer_that_does_not_answer_in_time_is_asked_again_later(two):
    north, south = two
    slow = replace(door(north, south), wait=lambda _: None)
    assert slow.evaluate("epo_" + "a" * 26, [bytes(32)]).code == "not-yet"
    with pytest.raises(OutsideError, match="not answered yet"):
        slow.card()


@pytest.mark.parametrize("asked", [{"ask": "list"}, {"ask": "evaluate"}, {"ask": "buckets",
                         "epoch": "x", "bits": "many", "prefixes": []}])  # fmt: skip
def test_a_question_that_is_none_is_answered_so(two, asked):
    north, south = two
    assert door(north, south)._asked(asked).code == "malformed"


def test_a_peer_that_was_ended_is_neither_asked_nor_answered(two):
    north, south = two
    open_door = door(north, south)
    ended = south.do(
        peers.revoke, introduced(south, north), because="over", by=administrator(south.app)
    )
    assert not isinstance(ended, Refused)
    assert open_door.evaluate("epo_x", [bytes(32)]).code == "status-403"
    north.do(peers.revoke, introduced(north, south), because="over", by=administrator(north.app))
    assert door(north, south).code == "no-such-peer"


def test_only_who_may_ask_asks_a_peer(two):
    north, south = two
    with pytest.raises(ForbiddenError):
        door(north, south, coordinator(north.app))
