"""Proof that a request comes from whoever holds a key: DPoP proofs and key thumbprints.

In: a private key and a request, or a proof and what it must prove. Out: a compact proof, or its
claims. Refused: every proof that is not signed by exactly the expected key, for exactly this method
and address, just now, and for exactly this token. Whether a proof was seen before is the caller's
to remember; `Claims.unique` is what to remember.
Only ES256 and Ed25519 keys; a proof names its key, but the key that counts is the expected one.
Source: RFC 9449 §4.2 and §4.3 (proofs), RFC 7638 (thumbprints), RFC 7515 (JWS), RFC 8037 (OKP).
"""

import base64
import binascii
import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)
from cryptography.hazmat.primitives.hashes import SHA256

from clearhouse.formats.canonical import canonical_bytes

PrivateKey = Ed25519PrivateKey | ec.EllipticCurvePrivateKey
PublicKey = Ed25519PublicKey | ec.EllipticCurvePublicKey

LONGEST_PROOF = 4096
_COORDINATE_BYTES = 32
_BASE64URL = re.compile(r"[A-Za-z0-9_-]*")
_JTI = re.compile(r"[\x21-\x7e]{8,200}")


class ProofError(ValueError):
    """Why a proof proves nothing; the code says which rule, never what the proof held."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code


class KeyShapeError(ValueError):
    """Not the public JWK of a key that may be used here."""


@dataclass(frozen=True, slots=True)
class Claims:
    """What a checked proof says."""

    unique: bytes
    """SHA-256 of key and proof id, to be remembered until the proof is too old."""
    issued_at: float
    """Seconds since the epoch, by the sender's clock."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Expected:
    """What a proof must prove."""

    method: str
    address: str
    """The address without query and fragment."""
    now: float
    access_token: str | None = None
    oldest_s: float = 60.0
    ahead_s: float = 30.0
    """How far the sender's clock may be ahead."""


def public_jwk(key: PublicKey) -> dict[str, str]:
    """Return the public JWK of a key, with the required members only."""
    if isinstance(key, Ed25519PublicKey):
        return {"crv": "Ed25519", "kty": "OKP", "x": encode(key.public_bytes_raw())}
    numbers = key.public_numbers()
    x, y = (value.to_bytes(_COORDINATE_BYTES, "big") for value in (numbers.x, numbers.y))
    return {"crv": "P-256", "kty": "EC", "x": encode(x), "y": encode(y)}


def public_key(jwk: Mapping[str, object]) -> PublicKey:
    """Return the key of a public JWK.

    Raises: KeyShapeError when it is of another kind, or holds a private part.
    """
    try:
        match jwk:
            case {"d": _}:
                raise KeyShapeError("this is a private key; keep it, and send its public part")
            case {"kty": "OKP", "crv": "Ed25519", "x": str(x)}:
                return Ed25519PublicKey.from_public_bytes(decode(x))
            case {"kty": "EC", "crv": "P-256", "x": str(x), "y": str(y)}:
                point = b"\x04" + decode(x) + decode(y)
                return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
            case _:
                raise KeyShapeError("use an Ed25519 or P-256 key")
    except ValueError as error:
        if isinstance(error, KeyShapeError):
            raise
        raise KeyShapeError("not a point of the curve") from error


def thumbprint(jwk: Mapping[str, str]) -> str:
    """Return the RFC 7638 thumbprint of a JWK made by `public_jwk`."""
    return encode(hashlib.sha256(canonical_bytes(jwk)).digest())


def token_hash(access_token: str) -> str:
    """Return the `ath` of an access token. Source: RFC 9449 §4.2."""
    return encode(hashlib.sha256(access_token.encode()).digest())


def prove(
    key: PrivateKey, method: str, address: str, *, now: float, access_token: str | None = None
) -> str:
    """Make a fresh proof for one request."""
    kind = "EdDSA" if isinstance(key, Ed25519PrivateKey) else "ES256"
    claims: dict[str, object] = {
        "htm": method,
        "htu": address,
        "iat": int(now),
        "jti": secrets.token_urlsafe(18),
    }
    if access_token is not None:
        claims["ath"] = token_hash(access_token)
    header = {"alg": kind, "jwk": public_jwk(key.public_key()), "typ": "dpop+jwt"}
    head, body = (
        encode(json.dumps(part, separators=(",", ":")).encode()) for part in (header, claims)
    )
    return f"{head}.{body}.{encode(_sign(key, f'{head}.{body}'.encode()))}"


def named_key(proof: str) -> str:
    """Return the thumbprint of the key that a proof names, before anything of it is believed.

    Raises: ProofError when it names none.
    """
    header, _, _ = _parts(proof)
    try:
        return thumbprint(public_jwk(public_key(_jwk_of(header))))
    except KeyShapeError as error:
        raise ProofError("proof-key", str(error)) from error


def check(proof: str, key: PublicKey, jkt: str, expected: Expected) -> Claims:
    """Check a proof against the key that it must be signed with.

    Raises: ProofError for the first rule that it breaks.
    """
    header, claims, signature = _parts(proof)
    kind = "EdDSA" if isinstance(key, Ed25519PublicKey) else "ES256"
    if header.get("typ") != "dpop+jwt" or header.get("alg") != kind or "crit" in header:
        raise ProofError("proof-header", f"a proof is a dpop+jwt signed with {kind}")
    jwk = _jwk_of(header)
    if set(jwk) - {"kty", "crv", "x", "y", "kid", "alg", "use"}:
        raise ProofError("proof-key", "a proof names its public key and nothing else")
    named = {part: str(jwk[part]) for part in ("crv", "kty", "x", "y") if part in jwk}
    if not hmac.compare_digest(thumbprint(named), jkt):
        raise ProofError("proof-key", "the token is bound to another key")
    signed = proof.rpartition(".")[0].encode()
    if not _signature_holds(key, signature, signed):
        raise ProofError("proof-signature", "the signature does not hold")
    return _check_claims(claims, jkt, expected)


def encode(data: bytes) -> str:
    """Write bytes as base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def decode(text: str) -> bytes:
    """Read base64url without padding; one byte string has one spelling.

    Raises: ValueError for any other text.
    """
    if not _BASE64URL.fullmatch(text):
        raise ValueError("not base64url")
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if encode(data) != text:
        raise ValueError("stray bits at the end of base64url")
    return data


def _check_claims(claims: Mapping[str, object], jkt: str, expected: Expected) -> Claims:
    issued, unique = claims.get("iat"), claims.get("jti")
    if not isinstance(issued, int | float) or isinstance(issued, bool):
        raise ProofError("proof-clock", "a proof has an iat in seconds")
    if not isinstance(unique, str) or not _JTI.fullmatch(unique):
        raise ProofError("proof-id", "a proof has a jti of 8 to 200 printable characters")
    if claims.get("htm") != expected.method or claims.get("htu") != expected.address:
        raise ProofError("proof-target", "the proof is for another method or address")
    if not expected.now - expected.oldest_s <= issued <= expected.now + expected.ahead_s:
        raise ProofError("proof-clock", "the proof is too old, or its clock is ahead")
    bound = claims.get("ath")
    wanted = None if expected.access_token is None else token_hash(expected.access_token)
    if wanted is not None and not (isinstance(bound, str) and _same(bound, wanted)):
        raise ProofError("proof-token", "the proof is for another token")
    return Claims(hashlib.sha256(f"{jkt}\n{unique}".encode()).digest(), float(issued))


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode("utf-8", "replace"), other.encode())


def _parts(proof: str) -> tuple[Mapping[str, object], Mapping[str, object], bytes]:
    pieces = proof.split(".")
    if len(proof) > LONGEST_PROOF or len(pieces) != 3:
        raise ProofError("proof-shape", "a proof is a compact JWS of at most 4096 characters")
    try:
        header, claims = (_object(decode(piece)) for piece in pieces[:2])
        return header, claims, decode(pieces[2])
    except (ValueError, RecursionError) as error:
        raise ProofError("proof-shape", "the proof cannot be read") from error


def _object(data: bytes) -> Mapping[str, object]:
    value = json.loads(data.decode("utf-8"), object_pairs_hook=_once, parse_constant=_refuse)
    if not isinstance(value, dict):
        raise ValueError("not an object")  # noqa: TRY004 - wrong bytes, not a wrong type of ours
    return cast("Mapping[str, object]", value)


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a key is given twice")
    return made


def _refuse(_: str) -> object:
    raise ValueError("not a number of JSON")


def _jwk_of(header: Mapping[str, object]) -> Mapping[str, object]:
    jwk = header.get("jwk")
    if not isinstance(jwk, dict):
        raise ProofError("proof-key", "a proof names its public key")
    return cast("Mapping[str, object]", jwk)


def _sign(key: PrivateKey, data: bytes) -> bytes:
    if isinstance(key, Ed25519PrivateKey):
        return key.sign(data)
    r, s = decode_dss_signature(key.sign(data, ec.ECDSA(SHA256())))
    return r.to_bytes(_COORDINATE_BYTES, "big") + s.to_bytes(_COORDINATE_BYTES, "big")


def _signature_holds(key: PublicKey, signature: bytes, data: bytes) -> bool:
    if len(signature) != 2 * _COORDINATE_BYTES:
        return False
    try:
        if isinstance(key, Ed25519PublicKey):
            key.verify(signature, data)
        else:
            r, s = signature[:_COORDINATE_BYTES], signature[_COORDINATE_BYTES:]
            whole = encode_dss_signature(int.from_bytes(r, "big"), int.from_bytes(s, "big"))
            key.verify(whole, data, ec.ECDSA(SHA256()))
    except (InvalidSignature, binascii.Error):
        return False
    return True
