"""Peers come in by the fingerprint that people read out, change their keys in time, and end at once."""

from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from clearhouse.clearing.coordinate.machine import Refused
from clearhouse.clearing.coordinate.relay import keys, peers
from clearhouse.clearing.coordinate.relay.peers import Other
from clearhouse.clearing.coordinate.relay.record import PeerKind
from clearhouse.formats import relay_node
from clearhouse.kernel import policy
from clearhouse.kernel.policy import ForbiddenError, PolicyError
from house import coordinator, reporter
from relay_houses import (
    LIMITS,
    NOW,
    Wire,
    administrator,
    enroll,
    open_house,
    set_clock,
)

DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def pair(installation, tmp_path_factory):
    folder, wire = tmp_path_factory.mktemp("peers"), Wire()
    folder.chmod(0o711)
    with (
        open_house(installation, folder / "a", "a", wire) as a,
        open_house(installation, folder / "b", "b", wire) as b,
    ):
        yield a, b


@pytest.fixture
def houses(pair):
    for one in pair:
        set_clock(one, NOW)
        one.publish_node()
    a, _ = pair
    yield pair
    for peer in a.do(peers.peers):
        if peer.revoked_at is None:
            a.do(peers.revoke, peer.peer_id, because="the test is over", by=administrator(a.app))


def asked(house, document, fingerprint, by=None, **more):
    return house.do(
        peers.enroll, document, fingerprint=fingerprint, limits=LIMITS,
        by=by or administrator(house.app), **more,
    )  # fmt: skip


def document(house):
    return (house.home / "counter" / "relay-node.json").read_bytes()


def test_a_peer_is_enrolled_by_the_fingerprint_that_its_people_read_out(houses):
    a, b = houses
    with pytest.raises(ForbiddenError):
        asked(a, document(b), b.node.fingerprint, by=coordinator(a.app))
    assert asked(a, document(b), "0000 1111").code == "wrong-fingerprint"
    assert asked(a, b"{}", "0").code == "no-node"
    assert asked(a, document(a), a.node.fingerprint).code == "ourselves"
    done = asked(a, document(b), b.node.fingerprint.upper().replace(" ", "-"))
    assert (done.name, done.node_id, done.address) == ("House b", b.node.id, b.address)
    assert asked(a, document(b), b.node.fingerprint).code == "known-node"
    assert [one.peer_id for one in a.do(peers.peers)][:1] == [done.peer_id]
    assert a.events("relay.peer_enrolled")[-1]["keys"] == list(done.key_ids)


def test_a_name_that_stands_for_somebody_else_and_a_key_of_another_are_refused(houses):
    a, b = houses
    reporter(a.app)
    for name in ("this clearinghouse", "Lab of Rita Reporter"):
        assert asked(a, document(b), b.node.fingerprint, name=name).code == "name-taken"
    enroll(a, b)
    private = [one.private for one in keys.own_keys(b.desk.keys, NOW)]
    other = replace(b.node, id="nod_other", name="Other")
    refused = asked(a, relay_node.write(other, private), other.fingerprint)
    assert refused.code == "known-key"


def test_an_address_that_leads_inside_is_no_peers_address(houses):
    a, b = houses
    private = [one.private for one in keys.own_keys(b.desk.keys, NOW)]
    for address in ("http://b.test", "https://10.0.0.1", "https://169.254.169.254"):
        moved = replace(b.node, address=address)
        refused = asked(a, relay_node.write(moved, private), moved.fingerprint)
        assert refused.code == "address-refused"


@pytest.mark.parametrize(("other", "code"), [
    (Other(kind=PeerKind.CLEARHOUSE, name="x", address="https://x.test"), "no-node"),
    (Other(kind=PeerKind.MAIL, name="x", address="nobody"), "address-refused"),
    (Other(kind=PeerKind.GITHUB, name="x", address="https://api.github.com/o/r"), "address-refused"),
    (Other(kind=PeerKind.VINCE, name="x", address="http://kb.test"), "address-refused"),
])  # fmt: skip
def test_another_system_needs_an_address_of_its_kind(houses, other, code):
    a, _ = houses
    done = a.do(peers.enroll_other, other, limits=LIMITS, by=administrator(a.app))
    assert done.code == code


def test_the_token_of_another_system_is_sealed_and_shown_to_nobody(houses):
    a, _ = houses
    other = Other(
        kind=PeerKind.VINCE, name="CERT", address="https://kb.test/", secret="SECRET-TOKEN"
    )
    done = a.do(peers.enroll_other, other, limits=LIMITS, by=administrator(a.app))
    assert not isinstance(done, Refused)
    assert "SECRET-TOKEN" not in repr(done)
    rows = a.rows("SELECT sealed FROM payload WHERE kind = 'relay-secret'")
    assert rows
    assert all(b"SECRET-TOKEN" not in bytes(row[0]) for row in rows)


def test_a_new_key_is_announced_before_it_signs_and_the_old_one_counts_a_while_after(houses):
    a, b = houses
    old = keys.signing(b.desk.keys, NOW).private_bytes_raw()
    peer = enroll(a, b)
    since = keys.announce(b.desk.keys, NOW)
    assert since == NOW + DAY
    assert keys.signing(b.desk.keys, NOW).private_bytes_raw() == old, "not yet"
    set_clock(b, NOW + timedelta(hours=1))
    b.publish_node()
    assert peers.refresh(a.desk) == 1
    (known,) = [one for one in a.do(peers.peers) if one.peer_id == peer.peer_id]
    assert len(known.key_ids) == 2
    assert peers.refresh(a.desk) == 0, "the same document is no news"
    assert keys.signing(b.desk.keys, NOW + 2 * DAY).private_bytes_raw() != old
    assert len(keys.own_keys(b.desk.keys, NOW + 8 * DAY - timedelta(hours=1))) == 2
    assert len(keys.own_keys(b.desk.keys, NOW + 9 * DAY)) == 1
    assert keys.outlived(b.desk.keys, NOW + 9 * DAY) == ["relay"]
    assert keys.node_id(b.desk.keys) == b.node.id, "the house stays the same"


def test_a_later_document_counts_only_when_a_known_key_signed_it_and_it_is_of_the_same_node(houses):
    a, b = houses
    peer = enroll(a, b)
    private = [one.private for one in keys.own_keys(b.desk.keys, NOW)]
    later = replace(b.node, at=b.node.at + DAY, address="https://moved.test")
    with a.desk.database.transaction(a.desk.clearing_actor.actor_id) as transaction:
        for wrong in (
            relay_node.write(later, [Ed25519PrivateKey.generate()]),
            relay_node.write(replace(later, id="nod_else"), private),
            relay_node.write(replace(later, at=b.node.at - DAY), private),
        ):
            assert not peers.renew(transaction, peer, wrong)
        assert peers.renew(transaction, peer, relay_node.write(later, private))
    assert [one.address for one in a.do(peers.peers) if one.revoked_at is None] == [
        "https://moved.test"
    ]
    assert peers.refresh(a.desk) == 0, "nobody answers there now"


def test_a_policy_of_the_relay_without_a_number_is_said_to_lack_it(monkeypatch):
    monkeypatch.setattr(policy, "load", lambda _: {"id": "x", "version": 1})
    with pytest.raises(PolicyError, match="lacks"):
        keys.relay_policy()
