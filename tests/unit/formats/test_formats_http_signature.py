import base64
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from clearhouse.formats.http_signature import (
    Fault,
    SignatureError,
    claimed_key,
    digest,
    sign,
    verify,
)

KEY = Ed25519PrivateKey.generate()
NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
ASKED = {"method": "POST", "address": "https://house.example/relay?x=1", "body": b'{"a":1}'}


def headers(**changes):
    return sign(KEY, "k1", at=NOW, **ASKED) | changes


def verified(key=KEY, at=NOW, sent=None, **changes):
    return verify(key.public_key(), headers=headers() if sent is None else sent, at=at,
                  **(ASKED | changes))  # fmt: skip


def test_a_signed_request_says_who_and_when():
    signed = verified()
    assert (signed.key_id, signed.created) == ("k1", NOW)


def test_the_digest_is_that_of_the_standard():
    # RFC 9530, appendix D.1
    assert digest(b'{"hello": "world"}\n') == (
        "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:"
    )


def test_the_signature_is_over_the_base_of_the_standard():
    """Checked against the text of RFC 9421 §2.5, built here by hand."""
    sent = headers()
    params = sent["Signature-Input"].removeprefix("clearhouse=")
    base = (
        '"@method": POST\n"@target-uri": https://house.example/relay?x=1\n'
        f'"content-digest": {sent["Content-Digest"]}\n"@signature-params": {params}'
    )
    signature = base64.b64decode(sent["Signature"].removeprefix("clearhouse=:")[:-1])
    KEY.public_key().verify(signature, base.encode())


@pytest.mark.parametrize("changes", [
    {"body": b'{"a":2}'}, {"method": "PUT"}, {"address": "https://house.example/relay?x=2"},
    {"at": NOW + timedelta(minutes=6)}, {"at": NOW - timedelta(minutes=6)},
    {"key": Ed25519PrivateKey.generate()},
    {"sent": {}},
    {"sent": headers(Signature="clearhouse=:AAAA:")},
    {"sent": headers(Signature="nothing")},
    {"sent": headers(**{"Signature-Input": headers()["Signature-Input"].replace('"@method" ', "")})},
    {"sent": headers(**{"Signature-Input": headers()["Signature-Input"].replace("k1", "k2")})},
])  # fmt: skip
def test_whatever_was_changed_on_the_way_is_refused(changes):
    with pytest.raises(SignatureError):
        verified(**changes)


def once(**changes):
    return sign(KEY, "k1", at=NOW, life=timedelta(minutes=2), nonce="n-0_nce", **ASKED) | changes


def test_a_request_that_counts_once_says_until_when_and_with_which_nonce():
    signed = verified(sent=once())
    assert signed.nonce == "n-0_nce"
    assert signed.expires == NOW + timedelta(minutes=2)
    assert claimed_key(once()) == "k1"
    assert claimed_key({}) is None


@pytest.mark.parametrize(("changes", "code"), [
    ({"at": NOW + timedelta(minutes=3)}, Fault.EXPIRED),
    ({"at": NOW - timedelta(hours=1)}, Fault.CLOCK_SKEW),
    ({"sent": once(**{"Signature-Input": once()["Signature-Input"].replace("n-0_nce", "other")})},
     Fault.WRONG_SIGNATURE),
    ({"body": b"else"}, Fault.DIGEST),
    ({"sent": {"Content-Digest": digest(ASKED["body"])}}, Fault.UNSIGNED),
])  # fmt: skip
def test_each_fault_has_its_code(changes, code):
    with pytest.raises(SignatureError) as refused:
        verified(**({"sent": once()} | changes))
    assert refused.value.code is code
