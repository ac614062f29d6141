"""Proofs and thumbprints, with the examples that the standards print."""

import json

import pytest

from clearhouse.formats import dpop
from early import new_key

HERE = "https://gateway.test/v1/chat/completions"


def expected(**more):
    return dpop.Expected(**({"method": "POST", "address": HERE, "now": 1000.0} | more))


def test_thumbprints_are_those_of_the_standards():
    # RFC 9449 §6.1 with the key of its figure 2.
    p256 = {
        "crv": "P-256", "kty": "EC",
        "x": "l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs",
        "y": "9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA",
    }  # fmt: skip
    assert dpop.thumbprint(p256) == "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"
    assert dpop.public_jwk(dpop.public_key(p256)) == p256


def test_the_hash_of_a_token_is_that_of_the_standard():
    # RFC 9449 §7.1: the ath of the access token of figure 13.
    token = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU"
    assert dpop.token_hash(token) == "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo"


@pytest.mark.parametrize("kind", ["ed25519", "p256"])
def test_a_proof_holds_for_its_key_its_request_and_its_token_alone(kind):
    key, other = new_key(kind), new_key(kind)
    jkt = dpop.thumbprint(dpop.public_jwk(key.public_key()))
    proof = dpop.prove(key, "POST", HERE, now=1000, access_token="t")
    claims = dpop.check(proof, key.public_key(), jkt, expected(access_token="t"))
    assert claims.issued_at == 1000
    assert dpop.named_key(proof) == jkt
    again = dpop.prove(key, "POST", HERE, now=1000, access_token="t")
    assert dpop.check(again, key.public_key(), jkt, expected()).unique != claims.unique
    for wrong in (
        expected(method="GET"),
        expected(address=HERE + "/"),
        expected(access_token="other"),
        expected(now=1061),
        expected(now=969),
    ):
        with pytest.raises(dpop.ProofError):
            dpop.check(proof, key.public_key(), jkt, wrong)
    with pytest.raises(dpop.ProofError) as raised:
        dpop.check(proof, other.public_key(), jkt, expected())
    assert raised.value.code == "proof-signature"
    foreign = dpop.thumbprint(dpop.public_jwk(other.public_key()))
    with pytest.raises(dpop.ProofError, match="another key"):
        dpop.check(proof, key.public_key(), foreign, expected())


def forged(key, header=None, claims=None):
    """A proof with other words, signed again by its own key."""
    proof = dpop.prove(key, "POST", HERE, now=1000)
    head, body = (json.loads(dpop.decode(part)) for part in proof.split(".")[:2])
    head, body = head | (header or {}), body | (claims or {})
    signed = ".".join(dpop.encode(json.dumps(part).encode()) for part in (head, body))
    return f"{signed}.{dpop.encode(dpop._sign(key, signed.encode()))}"


@pytest.mark.parametrize(
    ("header", "claims"),
    [
        ({"typ": "jwt"}, None),
        ({"alg": "none"}, None),
        ({"crit": ["x"]}, None),
        ({"jwk": None}, None),
        ({"jwk": {"kty": "OKP", "crv": "Ed25519", "x": "A", "d": "B"}}, None),
        (None, {"jti": "short"}),
        (None, {"jti": 5}),
        (None, {"iat": True}),
        (None, {"iat": "1000"}),
        (None, {"iat": None}),
    ],
)
def test_a_proof_that_its_own_key_signed_still_says_what_the_standard_asks(header, claims):
    key = new_key()
    jkt = dpop.thumbprint(dpop.public_jwk(key.public_key()))
    with pytest.raises(dpop.ProofError):
        dpop.check(forged(key, header, claims), key.public_key(), jkt, expected())


@pytest.mark.parametrize(
    "text",
    ["", "a.b", "a.b.c.d", "é.é.é", ".." + "x" * 5000, "e30=.e30.e30", "e31.e30.", "WzFd.e30."],
)
def test_what_is_no_compact_jws_is_refused(text):
    with pytest.raises(dpop.ProofError):
        dpop.named_key(text)


def test_base64url_has_one_spelling():
    assert dpop.decode("AQ") == b"\x01"
    for wrong in ("AR", "AQ==", "A", "A+"):
        with pytest.raises(ValueError, match=r"base64url|Incorrect|Invalid"):
            dpop.decode(wrong)
