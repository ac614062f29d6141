import base64
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from clearhouse.formats import dsse, relay_node
from clearhouse.formats.relay_node import Node, NodeError, NodeKey

NOW = datetime(2026, 11, 27, tzinfo=UTC)
KEY, OTHER = (Ed25519PrivateKey.generate() for _ in range(2))


def public(key):
    return key.public_key().public_bytes_raw()


NODE = Node(
    id="nod_a", name="House A", address="https://a.example", at=NOW,
    keys=(NodeKey(public=public(KEY), since=NOW, until=NOW + timedelta(days=9)),
          NodeKey(public=public(OTHER), since=NOW + timedelta(days=2))),
)  # fmt: skip


def test_a_node_document_comes_back_as_it_was():
    assert relay_node.read(relay_node.write(NODE, [KEY])) == NODE
    assert relay_node.read(relay_node.write(NODE, [KEY]), [public(KEY)]) == NODE


def test_a_key_counts_from_its_first_instant_to_its_last():
    first, second = NODE.keys
    assert [first.counts(NOW + timedelta(days=days)) for days in (-1, 0, 8, 9)] == [
        False, True, True, False,
    ]  # fmt: skip
    assert second.counts(NOW + timedelta(days=4000))
    assert first.id == dsse.key_id(KEY.public_key())


def test_a_fingerprint_is_of_the_id_and_the_keys_and_of_nothing_else():
    assert len(NODE.fingerprint.split()) == 10
    assert replace(NODE, name="Else", at=NOW + timedelta(1)).fingerprint == NODE.fingerprint
    assert replace(NODE, id="nod_b").fingerprint != NODE.fingerprint
    assert replace(NODE, keys=NODE.keys[:1]).fingerprint != NODE.fingerprint


def sealed(**changes):
    envelope = json.loads(relay_node.write(NODE, [KEY]))
    facts = json.loads(base64.b64decode(envelope["payload"])) | changes
    return json.dumps(dsse.seal(json.dumps(facts).encode(), relay_node.MEDIA_TYPE, [KEY])).encode()


@pytest.mark.parametrize("data", [
    b"", b"[]", b"{}", b'{"payload": "eA=="}', b"x" * 70_000, b"[" * 30_000,
    relay_node.write(NODE, [Ed25519PrivateKey.generate()]),
    relay_node.write(NODE, []),
    sealed(format="else/1"), sealed(keys=[]), sealed(keys=7), sealed(node=""), sealed(name=7),
    sealed(at="now"), sealed(keys=[{"public": "eA==", "since": "2026-11-27T00:00:00Z", "until": None}]),
    json.dumps(dsse.seal(base64.b64decode(json.loads(sealed())["payload"]), "text/x", [KEY])).encode(),
])  # fmt: skip
def test_a_document_that_is_none_or_that_nobody_signed_is_refused(data):
    with pytest.raises(NodeError):
        relay_node.read(data)


def test_where_earlier_keys_are_trusted_a_new_document_needs_one_of_them():
    with pytest.raises(NodeError, match="trusted"):
        relay_node.read(relay_node.write(NODE, [OTHER]), [public(KEY)])
    assert relay_node.read(relay_node.write(NODE, [OTHER, KEY]), [public(KEY)]) == NODE
