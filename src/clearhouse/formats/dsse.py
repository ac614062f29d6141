"""Signed envelopes: a payload, its type, and Ed25519 signatures over both.

In: payload bytes and a signing key, or an envelope and the keys that are trusted. Out: an
envelope, or the payload with the ids of the keys that signed it. Refused: envelopes that no
trusted key signed; `open_envelope` never returns the payload of such an envelope.
Source: DSSE v1.0 (secure-systems-lab), protocol.md and envelope.md.
"""

import base64
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from clearhouse.formats.canonical import Json

_TO_STANDARD_BASE64 = str.maketrans("-_", "+/")


class UntrustedEnvelopeError(ValueError):
    """The envelope is malformed, or no trusted key signed it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Opened:
    """A payload whose signatures were checked."""

    payload: bytes
    payload_type: str
    key_ids: tuple[str, ...]
    """The trusted keys that signed it; never empty."""


def key_id(key: Ed25519PublicKey) -> str:
    """Name a key by the hex SHA-256 of its 32 raw bytes."""
    return hashlib.sha256(key.public_bytes_raw()).hexdigest()


def public_key(text: str) -> Ed25519PublicKey:
    """Return the key whose 32 raw bytes are written in base64.

    Raises: ValueError for anything else.
    """
    try:
        return Ed25519PublicKey.from_public_bytes(base64.b64decode(text, validate=True))
    except ValueError as error:
        raise ValueError("a key is the base64 of its 32 bytes") from error


def seal(payload: bytes, payload_type: str, keys: Iterable[Ed25519PrivateKey]) -> dict[str, Json]:
    """Sign a payload with every key and return the JSON envelope."""
    message = _pre_authentication_encoding(payload_type, payload)
    return {
        "payload": base64.b64encode(payload).decode("ascii"),
        "payloadType": payload_type,
        "signatures": [
            {
                "keyid": key_id(key.public_key()),
                "sig": base64.b64encode(key.sign(message)).decode("ascii"),
            }
            for key in keys
        ],
    }


def open_envelope(envelope: object, trusted: Iterable[Ed25519PublicKey]) -> Opened:
    """Check an envelope against the trusted keys and return its payload.

    Raises: UntrustedEnvelopeError when it is malformed or no trusted key signed it.
    """
    payload, payload_type, signatures = _parse(envelope)
    message = _pre_authentication_encoding(payload_type, payload)
    signed_by = tuple(
        key_id(key)
        for key in trusted
        if any(_signature_holds(key, signature, message) for signature in signatures)
    )
    if not signed_by:
        raise UntrustedEnvelopeError("no trusted key signed this envelope")
    return Opened(payload=payload, payload_type=payload_type, key_ids=signed_by)


def unchecked_payload(envelope: object) -> bytes:
    """Return what an envelope holds, whoever signed it: only to find out which keys should have.

    Raises: UntrustedEnvelopeError when it is malformed.
    """
    return _parse(envelope)[0]


def _pre_authentication_encoding(payload_type: str, payload: bytes) -> bytes:
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def _signature_holds(key: Ed25519PublicKey, signature: bytes, message: bytes) -> bool:
    try:
        key.verify(signature, message)
    except InvalidSignature:
        return False
    return True


def _parse(envelope: object) -> tuple[bytes, str, list[bytes]]:
    match envelope:
        case {"payload": str(payload), "payloadType": str(kind), "signatures": list(signatures)}:
            pass
        case _:
            raise UntrustedEnvelopeError("not a DSSE envelope: payload, payloadType or signatures")
    try:
        kind.encode()  # half a surrogate pair, which JSON can carry, has no bytes to sign
        return (
            _decode(payload),
            kind,
            [
                _decode(entry["sig"])
                for entry in signatures
                if isinstance(entry, dict) and isinstance(entry.get("sig"), str)
            ],
        )
    except ValueError as error:
        raise UntrustedEnvelopeError("an envelope field is not base64 or not text") from error


def _decode(text: str) -> bytes:
    """Decode standard or URL-safe base64; one byte string has one spelling in each.

    Source: DSSE v1.0 envelope.md, which allows both alphabets.
    """
    standard = text.translate(_TO_STANDARD_BASE64)
    data = base64.b64decode(standard, validate=True)
    if base64.b64encode(data).decode("ascii") != standard:
        raise ValueError("stray bits at the end of base64")
    return data
