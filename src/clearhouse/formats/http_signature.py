"""Signs requests to other houses, and checks theirs.

In: a request's method, address and body, and an Ed25519 key. Out: the header fields
`Content-Digest`, `Signature-Input` and `Signature`. Refused with `SignatureError` when checking: a
body that is not the one of the digest, a signature that covers too little, is too old or from the
future, has expired, or is not of the key.
Always covered: method, address and digest; the time and the key's id are parameters, and where a
request must count once, when it expires and a nonce. Who keeps nonces until then is the caller.
Source: RFC 9421 (§2.3 parameters, §2.5 signature base, §3.3.6 Ed25519, §7.2.2 replay), RFC 9530 §2
(Content-Digest).
"""

import base64
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

COVERED = ("@method", "@target-uri", "content-digest")
LABEL = "clearhouse"
MAX_AGE = timedelta(minutes=5)
_INPUT = re.compile(
    LABEL + r"=(?P<params>\((?P<covered>[^)]*)\);created=(?P<created>\d{1,11})"
    r'(?:;expires=(?P<expires>\d{1,11}))?;keyid="(?P<key>[^"]*)";alg="ed25519"'
    r'(?:;nonce="(?P<nonce>[A-Za-z0-9_-]{1,128})")?)'
)
_SIGNATURE = re.compile(LABEL + r"=:(?P<value>[A-Za-z0-9+/=]+):")


class Fault(StrEnum):
    """Why a signed request is refused; a shipped code is never renamed."""

    DIGEST = "digest"
    UNSIGNED = "unsigned"
    COVERS_TOO_LITTLE = "covers-too-little"
    WRONG_SIGNATURE = "wrong-signature"
    CLOCK_SKEW = "clock-skew"
    EXPIRED = "expired"


class SignatureError(ValueError):
    """The request is not signed as it must be; the message says what is wrong."""

    def __init__(self, code: Fault, reason: str) -> None:
        super().__init__(reason)
        self.code = code


@dataclass(frozen=True, kw_only=True, slots=True)
class Signed:
    """What a valid signature says."""

    key_id: str
    created: datetime
    expires: datetime | None = None
    nonce: str | None = None


def digest(body: bytes) -> str:
    """Return the value of `Content-Digest`."""
    return f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"


def sign(
    key: Ed25519PrivateKey,
    key_id: str,
    *,
    method: str,
    address: str,
    body: bytes,
    at: datetime,
    life: timedelta | None = None,
    nonce: str | None = None,
) -> dict[str, str]:
    """Return the header fields of a signed request; `life` is how long it may be used."""
    covered = " ".join(f'"{name}"' for name in COVERED)
    params = f"({covered});created={int(at.timestamp())}"
    params += "" if life is None else f";expires={int((at + life).timestamp())}"
    params += f';keyid="{key_id}";alg="ed25519"'
    params += "" if nonce is None else f';nonce="{nonce}"'
    signature = key.sign(_base(method, address, digest(body), params))
    return {
        "Content-Digest": digest(body),
        "Signature-Input": f"{LABEL}={params}",
        "Signature": f"{LABEL}=:{base64.b64encode(signature).decode()}:",
    }


def verify(
    key: Ed25519PublicKey,
    *,
    method: str,
    address: str,
    body: bytes,
    headers: Mapping[str, str],
    at: datetime,
) -> Signed:
    """Return what the signature says when it holds.

    Raises: SignatureError.
    """
    fields = {name.lower(): value for name, value in headers.items()}
    if fields.get("content-digest") != digest(body):
        raise SignatureError(Fault.DIGEST, "the body is not the one that was signed")
    said = _INPUT.fullmatch(fields.get("signature-input", ""))
    held = _SIGNATURE.fullmatch(fields.get("signature", ""))
    if said is None or held is None:
        raise SignatureError(Fault.UNSIGNED, "there is no signature of this form")
    if tuple(re.findall(r'"([^"]+)"', said["covered"])) != COVERED:
        reason = "the signature does not cover method, address and body"
        raise SignatureError(Fault.COVERS_TOO_LITTLE, reason)
    try:
        key.verify(
            base64.b64decode(held["value"], validate=True),
            _base(method, address, digest(body), said["params"]),
        )
    except (InvalidSignature, ValueError) as error:
        reason = "the signature is not of this key"
        raise SignatureError(Fault.WRONG_SIGNATURE, reason) from error
    return _timely(said, at)


def claimed_key(headers: Mapping[str, str]) -> str | None:
    """Return the id of the key that a request says it is signed with; nothing is checked."""
    fields = {name.lower(): value for name, value in headers.items()}
    said = _INPUT.fullmatch(fields.get("signature-input", ""))
    return None if said is None else said["key"]


def _timely(said: re.Match[str], at: datetime) -> Signed:
    created = datetime.fromtimestamp(int(said["created"]), UTC)
    expires = None if said["expires"] is None else datetime.fromtimestamp(int(said["expires"]), UTC)
    if abs(at - created) > MAX_AGE:
        reason = "the signature is too old, or from the future"
        raise SignatureError(Fault.CLOCK_SKEW, reason)
    if expires is not None and at >= expires:
        raise SignatureError(Fault.EXPIRED, "the signature has expired")
    return Signed(key_id=said["key"], created=created, expires=expires, nonce=said["nonce"])


def _base(method: str, address: str, content_digest: str, params: str) -> bytes:
    """Return the bytes that are signed."""
    return (
        f'"@method": {method}\n"@target-uri": {address}\n"content-digest": {content_digest}\n'
        f'"@signature-params": {params}'
    ).encode()
