import base64
import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from clearhouse.formats import dsse
from clearhouse.formats.dsse import UntrustedEnvelopeError, open_envelope, seal

ANN, BOB, EVE = (Ed25519PrivateKey.from_private_bytes(letter * 32) for letter in (b"a", b"b", b"e"))
TYPE = "http://example.com/HelloWorld"


def publics(*keys):
    return [key.public_key() for key in keys]


def test_what_is_signed_is_the_encoding_of_the_standard():
    """Source: DSSE v1.0 protocol.md, test vector."""
    encoded = dsse._pre_authentication_encoding(TYPE, b"hello world")
    assert encoded == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    envelope = seal(b"hello world", TYPE, [ANN])
    assert envelope["payload"] == "aGVsbG8gd29ybGQ="
    assert envelope["payloadType"] == TYPE
    (signature,) = envelope["signatures"]
    ANN.public_key().verify(base64.b64decode(signature["sig"]), encoded)


def test_lengths_count_bytes_and_not_characters():
    assert dsse._pre_authentication_encoding("é", b"") == b"DSSEv1 2 \xc3\xa9 0 "


@pytest.mark.parametrize("payload", [b"", b"x", bytes(range(256))])
def test_an_opened_envelope_gives_payload_type_and_the_trusted_signers(payload):
    envelope = json.loads(json.dumps(seal(payload, TYPE, [ANN, BOB])))
    opened = open_envelope(envelope, publics(EVE, BOB, ANN))
    assert (opened.payload, opened.payload_type) == (payload, TYPE)
    assert opened.key_ids == (dsse.key_id(BOB.public_key()), dsse.key_id(ANN.public_key()))


def test_the_key_id_in_the_envelope_is_a_hint_that_proves_nothing():
    envelope = seal(b"x", TYPE, [EVE])
    envelope["signatures"][0]["keyid"] = dsse.key_id(ANN.public_key())
    with pytest.raises(UntrustedEnvelopeError, match="no trusted key"):
        open_envelope(envelope, publics(ANN))
    envelope = seal(b"x", TYPE, [ANN])
    del envelope["signatures"][0]["keyid"]
    assert open_envelope(envelope, publics(ANN)).payload == b"x"


def test_without_a_signature_or_a_trusted_key_nothing_opens():
    for envelope, keys in (
        (seal(b"x", TYPE, []), publics(ANN)),
        (seal(b"x", TYPE, [ANN]), []),
        (seal(b"x", TYPE, [ANN]), publics(EVE)),
    ):
        with pytest.raises(UntrustedEnvelopeError, match="no trusted key"):
            open_envelope(envelope, keys)


def test_both_alphabets_of_base64_are_read():
    """Source: DSSE v1.0 envelope.md."""
    envelope = seal(b"\xfb\xff\xfe", TYPE, [ANN])
    assert envelope["payload"] == "+//+"
    url_safe = envelope | {
        "payload": "-__-",
        "signatures": [
            {"sig": entry["sig"].replace("+", "-").replace("/", "_")}
            for entry in envelope["signatures"]
        ],
    }
    assert open_envelope(url_safe, publics(ANN)).payload == b"\xfb\xff\xfe"


def test_entries_that_are_no_signatures_are_passed_over():
    envelope = seal(b"x", TYPE, [ANN])
    noise = [None, 5, "sig", {}, {"sig": 5}, {"sig": "AAAA"}]
    mixed = envelope | {"signatures": [*noise, *envelope["signatures"]]}
    assert open_envelope(mixed, publics(ANN)).payload == b"x"


GOOD = seal(b"hello", TYPE, [ANN])


@pytest.mark.parametrize(
    "envelope",
    [
        None,
        "text",
        [],
        {},
        GOOD | {"payload": None},
        GOOD | {"payload": 5},
        GOOD | {"payload": "aGVsbG8"},
        GOOD | {"payload": "aGVsbG9="},
        GOOD | {"payload": "aGVs bG8="},
        GOOD | {"payload": "é"},
        GOOD | {"payload": "\ud800"},
        GOOD | {"payloadType": 5},
        GOOD | {"payloadType": "\ud800"},
        GOOD | {"signatures": {}},
        GOOD | {"signatures": [{"sig": "*"}]},
        GOOD | {"signatures": [{"sig": "QR=="}]},
        {name: part for name, part in GOOD.items() if name != "signatures"},
    ],
)
def test_a_malformed_envelope_is_refused(envelope):
    with pytest.raises(UntrustedEnvelopeError):
        open_envelope(envelope, publics(ANN))
