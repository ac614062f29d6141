"""OpenID Connect, the parts that need no network: the question to a provider, and its answer.

In: a provider's metadata, keys and answer, and what was asked. Out: the address to send a browser
to, and the subject of an ID token. Refused (`OpenIdError`, which never holds what came): metadata
of another issuer, tokens with another signature, algorithm, issuer, audience, nonce or time than
was asked for. Claims about names, groups or roles are not read at all.
Source: OpenID Connect Core 1.0 §3.1.2.1, §3.1.3.7; Discovery 1.0 §4.3; RFC 7636 (PKCE, S256);
RFC 9207 (issuer in the answer); RFC 9700 §2.1, §4.4.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode, urlsplit

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

ALGORITHMS = ("RS256", "PS256", "ES256", "EdDSA", "Ed25519")
"""No symmetric ones and not `none`: what signs must be the provider's alone."""
LEEWAY_S, OLDEST_S = 60, 600
_LONGEST_SUBJECT = 255


class OpenIdError(ValueError):
    """What came is not what was asked for; the message names the rule."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Metadata:
    """Where a provider is asked."""

    issuer: str
    authorization: str
    token: str
    keys: str
    names_itself: bool
    """Whether its answers carry its name (RFC 9207)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """What one browser was sent to a provider with."""

    state: str
    nonce: str
    verifier: str

    @classmethod
    def drawn_from(cls, secret: str) -> "Asked":
        """Return the values that belong to a secret of the browser's."""
        return cls(**{name: _derived(secret, name) for name in ("state", "nonce", "verifier")})


def read_metadata(body: bytes, issuer: str) -> Metadata:
    """Read a provider's discovery document.

    Raises: OpenIdError.
    """
    document = _object(body)
    if document.get("issuer") != issuer:
        raise OpenIdError("the metadata is of another issuer")
    ends = [
        _address(document.get(name), issuer)
        for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")
    ]
    return Metadata(
        issuer=issuer,
        authorization=ends[0],
        token=ends[1],
        keys=ends[2],
        names_itself=document.get("authorization_response_iss_parameter_supported") is True,
    )


def question(metadata: Metadata, *, client_id: str, back: str, asked: Asked, scope: str) -> str:
    """Return the address that a browser is sent to."""
    challenge = _base64url(hashlib.sha256(asked.verifier.encode()).digest())
    query = {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": back,
        "scope": scope,
        "state": asked.state,
        "nonce": asked.nonce,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    glue = "&" if urlsplit(metadata.authorization).query else "?"
    return f"{metadata.authorization}{glue}{urlencode(query)}"


def judge_answer(metadata: Metadata, asked: Asked, answer: Mapping[str, str]) -> str:
    """Return the code of an answer that a browser brought back.

    Raises: OpenIdError.
    """
    if not hmac.compare_digest(answer.get("state", "").encode(), asked.state.encode()):
        raise OpenIdError("the answer is to another question")
    named = answer.get("iss")
    if (named is None and metadata.names_itself) or named not in {None, metadata.issuer}:
        raise OpenIdError("the answer comes from another issuer")
    if "error" in answer or not answer.get("code"):
        raise OpenIdError("the provider said no")
    return answer["code"]


def read_keys(body: bytes) -> KeySet:
    """Read a provider's keys.

    Raises: OpenIdError.
    """
    document = _object(body)
    keys = document.get("keys")
    if not isinstance(keys, list) or not keys:
        raise OpenIdError("the provider has no keys")
    # Keys for other uses, and of kinds that nobody here can read, are left out.
    usable = [one for one in keys if isinstance(one, dict) and one.get("use", "sig") == "sig"]
    found = []
    for one in usable:
        try:
            found += KeySet.import_key_set({"keys": [one]}).keys
        except (JoseError, ValueError, TypeError, KeyError):
            continue
    if not found:
        raise OpenIdError("the provider has no key that can be used")
    return KeySet(found)


def key_id(token: str) -> str | None:
    """Return the id of the key that a token says it is signed with.

    Raises: OpenIdError.
    """
    head = token.partition(".")[0]
    try:
        header = _object(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))
    except ValueError as error:
        raise OpenIdError("not an ID token") from error
    named = header.get("kid")
    return named if isinstance(named, str) else None


def read_token_answer(body: bytes) -> str:
    """Return the ID token of a token endpoint's answer.

    Raises: OpenIdError.
    """
    token = _object(body).get("id_token")
    if not isinstance(token, str) or len(token) > 64 * 1024:
        raise OpenIdError("the answer has no ID token")
    return token


def subject_of(
    token: str, keys: KeySet, *, metadata: Metadata, client_id: str, asked: Asked, now: datetime
) -> str:
    """Return who a provider says has signed in.

    Raises: OpenIdError.
    """
    try:
        claims = jwt.decode(token, keys, algorithms=ALGORITHMS).claims
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise OpenIdError("the ID token is not signed by the provider") from error
    _judge(claims, metadata, client_id, asked, now.timestamp())
    subject = claims.get("sub")
    if not isinstance(subject, str) or not is_subject(subject):
        raise OpenIdError("the ID token names nobody")
    return subject


def is_subject(text: str) -> bool:
    """Say whether a text can name somebody. Source: OpenID Connect Core 1.0 §2 (`sub`)."""
    return 0 < len(text) <= _LONGEST_SUBJECT and text.isascii() and text.isprintable()


def _judge(
    claims: Mapping[str, object], metadata: Metadata, client_id: str, asked: Asked, now: float
) -> None:
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    nonce, expires, issued = claims.get("nonce"), claims.get("exp"), claims.get("iat")
    rules = {
        "is of another issuer": claims.get("iss") == metadata.issuer,
        "is for another client": client_id in audiences,
        "was issued to another client": claims.get("azp", client_id) == client_id
        and (len(audiences) == 1 or "azp" in claims),
        "is for another question": isinstance(nonce, str)
        and hmac.compare_digest(nonce.encode(), asked.nonce.encode()),
        "is over": _is_number(expires) and float(str(expires)) > now - LEEWAY_S,
        "is not of now": _is_number(issued)
        and now - OLDEST_S <= float(str(issued)) <= now + LEEWAY_S,
    }
    broken = next((rule for rule, holds in rules.items() if not holds), None)
    if broken is not None:
        raise OpenIdError(f"the ID token {broken}")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _address(value: object, issuer: str) -> str:
    """Return an address that is as safe as the issuer's own."""
    parts = urlsplit(value if isinstance(value, str) else "")
    if parts.scheme not in {"https", urlsplit(issuer).scheme} or not parts.hostname:
        raise OpenIdError("the metadata names an address that cannot be used")
    return str(value)


def _object(body: bytes) -> dict[str, object]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise OpenIdError("not JSON") from error
    if not isinstance(document, dict):
        raise OpenIdError("not a JSON object")
    return document


def _derived(secret: str, name: str) -> str:
    return _base64url(hmac.digest(secret.encode(), f"openid:{name}".encode(), "sha256"))


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
