"""What an OpenID provider says is believed only when it says exactly what was asked for."""

import base64
import hmac
import json
from datetime import UTC, datetime, timedelta

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, RSAKey

from clearhouse.formats import openid
from clearhouse.formats.openid import Asked, Metadata, OpenIdError

NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
ISSUER = "https://id.example"
METADATA = Metadata(
    issuer=ISSUER,
    authorization=f"{ISSUER}/auth",
    token=f"{ISSUER}/token",
    keys=f"{ISSUER}/keys",
    names_itself=True,
)
ASKED = Asked.drawn_from("cha_secret")
RSA = RSAKey.generate_key(2048, {"kid": "one", "use": "sig"})
EC = ECKey.generate_key("P-256", {"kid": "two"})
KEYS = openid.read_keys(json.dumps(KeySet([RSA, EC]).as_dict(private=False)).encode())


def claims(**other):
    at = int(NOW.timestamp())
    plain = {
        "iss": ISSUER, "aud": "desk", "sub": "ada", "nonce": ASKED.nonce, "iat": at, "exp": at + 300,
    }  # fmt: skip
    return {name: value for name, value in (plain | other).items() if value is not None}


def token(key=RSA, alg="RS256", kid="one", **other):
    return jwt.encode({"alg": alg, "kid": kid}, claims(**other), key, algorithms=[alg])


def who(said, keys=KEYS):
    return openid.subject_of(said, keys, metadata=METADATA, client_id="desk", asked=ASKED, now=NOW)


@pytest.mark.parametrize(
    "said",
    [
        token(),
        token(EC, "ES256", "two"),
        token(RSA, "PS256"),
        token(aud=["desk", "other"], azp="desk"),
        token(iat=int(NOW.timestamp()) + 30),
        token(roles=["administrator"]),
    ],
)
def test_a_token_that_answers_the_question_names_its_subject(said):
    assert who(said) == "ada"


AT = int(NOW.timestamp())


@pytest.mark.parametrize(
    "other",
    [
        {"iss": "https://evil.example"},
        {"iss": None},
        {"aud": "other"},
        {"aud": ["desk", "other"]},
        {"aud": None},
        {"azp": "other"},
        {"nonce": "other"},
        {"nonce": None},
        {"nonce": 7},
        {"exp": AT - 61},
        {"exp": None},
        {"exp": "soon"},
        {"exp": True},
        {"iat": AT + 61},
        {"iat": AT - 601},
        {"iat": None},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
        {"sub": "x" * 256},
        {"sub": "a\0b"},
        {"sub": "ad\u00e4"},
    ],
    ids=str,
)
def test_a_token_that_says_anything_else_names_nobody(other):
    with pytest.raises(OpenIdError):
        who(token(**other))


def _with_the_public_key_as_a_secret():
    parts = [{"alg": "HS256", "kid": "one"}, claims()]
    said = ".".join(_base64url(json.dumps(part).encode()) for part in parts)
    return f"{said}.{_base64url(hmac.digest(RSA.as_pem(private=False), said.encode(), 'sha256'))}"


def _base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def test_a_token_signed_by_anybody_else_or_by_nothing_names_nobody():
    stranger = RSAKey.generate_key(2048, {"kid": "one"})
    head, body, _ = token().split(".")
    bare = _base64url(b'{"alg":"none"}')
    forged = [
        token(stranger),
        token(kid="nobody"),
        _with_the_public_key_as_a_secret(),
        f"{bare}.{body}.",
        f"{head}.{body}.AAAA",
        f"{head}.{body}",
        "",
        "a.b.c",
    ]  # fmt: skip
    for said in forged:
        with pytest.raises(OpenIdError):
            who(said)


def test_the_question_proves_who_asks_and_hides_the_proof():
    address = openid.question(
        METADATA, client_id="desk", back="https://desk.example/b", asked=ASKED, scope="openid"
    )
    assert address.startswith(f"{ISSUER}/auth?response_type=code&client_id=desk")
    assert ASKED.verifier not in address
    assert ASKED.nonce in address
    assert len({ASKED.state, ASKED.nonce, ASKED.verifier}) == 3
    assert Asked.drawn_from("cha_other") != ASKED


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"state": "x", "code": "c", "iss": ISSUER},
        {"state": ASKED.state, "code": "c"},
        {"state": ASKED.state, "code": "c", "iss": "https://evil.example"},
        {"state": ASKED.state, "iss": ISSUER, "error": "access_denied", "code": "c"},
        {"state": ASKED.state, "iss": ISSUER},
        {"state": ASKED.state, "iss": ISSUER, "code": ""},
    ],
)
def test_an_answer_to_another_question_or_from_another_issuer_is_none(answer):
    with pytest.raises(OpenIdError):
        openid.judge_answer(METADATA, ASKED, answer)


def test_an_answer_to_the_question_gives_its_code():
    answer = {"state": ASKED.state, "iss": ISSUER, "code": "c"}
    assert openid.judge_answer(METADATA, ASKED, answer) == "c"


def discovery(**other):
    plain = {
        "issuer": ISSUER, "authorization_endpoint": f"{ISSUER}/auth",
        "token_endpoint": f"{ISSUER}/token", "jwks_uri": f"{ISSUER}/keys",
        "authorization_response_iss_parameter_supported": True,
    }  # fmt: skip
    return json.dumps(plain | other).encode()


def test_metadata_of_the_issuer_is_read():
    assert openid.read_metadata(discovery(), ISSUER) == METADATA


@pytest.mark.parametrize(
    "body",
    [
        discovery(issuer="https://evil.example"),
        discovery(token_endpoint="http://id.example/token"),
        discovery(jwks_uri=None),
        discovery(authorization_endpoint="javascript:alert(1)"),
        b"[]",
        b"{",
    ],
)
def test_metadata_of_others_or_without_tls_is_refused(body):
    with pytest.raises(OpenIdError):
        openid.read_metadata(body, ISSUER)


@pytest.mark.parametrize(
    "body",
    [b"{}", b'{"keys": []}', b'{"keys": [{"kty": "klingon"}]}', b'{"keys": [7]}',
     b'{"keys": [{"kty": "RSA", "use": "enc", "n": "AQAB", "e": "AQAB"}]}'],
)  # fmt: skip
def test_keys_that_cannot_be_used_are_none(body):
    with pytest.raises(OpenIdError):
        openid.read_keys(body)


def test_the_key_that_a_token_names_is_read_before_it_is_believed():
    assert openid.key_id(token()) == "one"
    bare = base64.urlsafe_b64encode(b'{"alg":"RS256"}').decode()
    assert openid.key_id(f"{bare}.x.y") is None
    for said in ("", "%%%", "a.b.c"):
        with pytest.raises(OpenIdError):
            openid.key_id(said)


@pytest.mark.parametrize("body", [b"{}", b'{"id_token": 7}', b"[]"])
def test_an_answer_without_a_token_is_none(body):
    with pytest.raises(OpenIdError):
        openid.read_token_answer(body)


def test_a_question_keeps_what_the_providers_address_has():
    metadata = Metadata(
        issuer=ISSUER, authorization=f"{ISSUER}/auth?tenant=1", token="t", keys="k",
        names_itself=False,
    )  # fmt: skip
    asked = openid.question(metadata, client_id="d", back="b", asked=ASKED, scope="openid")
    assert "tenant=1&response_type=code" in asked
    assert openid.judge_answer(metadata, ASKED, {"state": ASKED.state, "code": "c"}) == "c"
    assert timedelta(seconds=openid.OLDEST_S) < timedelta(hours=1)
