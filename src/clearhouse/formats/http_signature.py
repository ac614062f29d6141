"""Signs requests to other houses, and checks theirs.

In: a request's method, address and body, and an Ed25519 key. Out: the header fields
`Content-Digest`, `Signature-Input` and `Signature`. Refused with `SignatureError` when checking: a
body that is not the one of the digest, a signature that covers too little, is too old or from the
future, or is not of the key.
Always covered: method, address and digest; the time and the key's id are parameters.
Source: RFC 9421 (§2.5 signature base, §3.3.6 Ed25519), RFC 9530 §2 (Content-Digest).
"""

import base64
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

COVERED = ("@method", "@target-uri", "content-digest")
LABEL = "clearhouse"
MAX_AGE = timedelta(minutes=5)
_INPUT = re.compile(
    LABEL
    + r'=(?P<params>\((?P<covered>[^)]*)\);created=(?P<created>\d{1,12});keyid="(?P<key>[^"]*)"'
    r';alg="ed25519")'
)
_SIGNATURE = re.compile(LABEL + r"=:(?P<value>[A-Za-z0-9+/=]+):")


class SignatureError(ValueError):
    """The request is not signed as it must be; the message says what is wrong."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Signed:
    """What a valid signature says."""

    key_id: str
    created: datetime


def digest(body: bytes) -> str:
    """Return the value of `Content-Digest`."""
    return f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"


def sign(
    key: Ed25519PrivateKey, key_id: str, *, method: str, address: str, body: bytes, at: datetime
) -> dict[str, str]:
    """Return the header fields of a signed request."""
    covered = " ".join(f'"{name}"' for name in COVERED)
    params = f'({covered});created={int(at.timestamp())};keyid="{key_id}";alg="ed25519"'
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
        raise SignatureError("the body is not the one that was signed")
    said = _INPUT.fullmatch(fields.get("signature-input", ""))
    held = _SIGNATURE.fullmatch(fields.get("signature", ""))
    if said is None or held is None:
        raise SignatureError("there is no signature of this form")
    if tuple(re.findall(r'"([^"]+)"', said["covered"])) != COVERED:
        raise SignatureError("the signature does not cover method, address and body")
    created = datetime.fromtimestamp(int(said["created"]), UTC)
    if abs(at - created) > MAX_AGE:
        raise SignatureError("the signature is too old, or from the future")
    try:
        key.verify(
            base64.b64decode(held["value"], validate=True),
            _base(method, address, digest(body), said["params"]),
        )
    except (InvalidSignature, ValueError) as error:
        raise SignatureError("the signature is not of this key") from error
    return Signed(key_id=said["key"], created=created)


def _base(method: str, address: str, content_digest: str, params: str) -> bytes:
    """Return the bytes that are signed."""
    return (
        f'"@method": {method}\n"@target-uri": {address}\n"content-digest": {content_digest}\n'
        f'"@signature-params": {params}'
    ).encode()
