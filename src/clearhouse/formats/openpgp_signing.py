"""An OpenPGP certificate for an Ed25519 key that is kept elsewhere, and its detached signatures.

In: a private Ed25519 key, a name, bytes, an instant. Out: the certificate and signatures, armored.
Equal input gives equal bytes: the signature's time is the caller's, and Ed25519 draws no number. So
files that are made again are the same files. Refused: nothing.

Certificates are of version 4 with the algorithm number 22, which every verifier in use reads; their
time of making is a constant, because it is hashed into the fingerprint, and the fingerprint should
follow from the key alone.
Source: RFC 9580 §5.2 (signatures), §5.5 (keys), §5.13 (user ids), §9.1 (EdDSALegacy).
"""

import hashlib
from datetime import UTC, datetime
from typing import Final

import pysequoia
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

BORN: Final = datetime(2020, 1, 1, tzinfo=UTC)
"""The time of making that every certificate states."""

_EDDSA, _SHA512 = 22, 10
_CURVE: Final = bytes.fromhex("2b06010401da470f01")
_PUBLIC_KEY, _USER_ID, _SIGNATURE = 6, 13, 2
_OF_BYTES, _OF_USER_ID = 0x00, 0x13
_MAY_CERTIFY_AND_SIGN: Final = b"\x03"


def fingerprint(key: Ed25519PublicKey) -> str:
    """Return the fingerprint of a key's certificate, 40 digits of upper-case hex."""
    return _fingerprint(_key_body(key)).hex().upper()


def certificate(key: Ed25519PrivateKey, name: str) -> str:
    """Return the armored certificate of a key under a name, signed by the key itself."""
    body, user_id = _key_body(key.public_key()), name.encode("utf-8", "replace")
    proof = _signature(
        key,
        _OF_USER_ID,
        _framed(body) + b"\xb4" + len(user_id).to_bytes(4) + user_id,
        BORN,
        _subpacket(27, _MAY_CERTIFY_AND_SIGN) + _subpacket(21, bytes([_SHA512])),
    )
    packets = _packet(_PUBLIC_KEY, body) + _packet(_USER_ID, user_id) + _packet(_SIGNATURE, proof)
    return _armored(packets, pysequoia.ArmorKind.PublicKey)


def sign(key: Ed25519PrivateKey, data: bytes, at: datetime) -> str:
    """Return an armored detached signature that says it was made at an instant.

    An instant before `BORN` counts as `BORN`: no signature is older than its key.
    """
    packet = _packet(_SIGNATURE, _signature(key, _OF_BYTES, data, max(at, BORN), b""))
    return _armored(packet, pysequoia.ArmorKind.Signature)


def _key_body(key: Ed25519PublicKey) -> bytes:
    point = b"\x40" + key.public_bytes_raw()
    born = int(BORN.timestamp()).to_bytes(4)
    return b"\x04" + born + bytes([_EDDSA, len(_CURVE)]) + _CURVE + _number(point)


def _fingerprint(body: bytes) -> bytes:
    return hashlib.sha1(_framed(body), usedforsecurity=False).digest()


def _framed(body: bytes) -> bytes:
    return b"\x99" + len(body).to_bytes(2) + body


def _signature(key: Ed25519PrivateKey, kind: int, data: bytes, at: datetime, more: bytes) -> bytes:
    """Return the body of a signature packet of version 4. Source: RFC 9580 §5.2.3 and §5.2.4."""
    print_ = _fingerprint(_key_body(key.public_key()))
    hashed = _subpacket(2, int(at.timestamp()).to_bytes(4)) + _subpacket(33, b"\x04" + print_)
    hashed += more
    start = bytes([4, kind, _EDDSA, _SHA512]) + len(hashed).to_bytes(2) + hashed
    digest = hashlib.sha512(data + start + b"\x04\xff" + len(start).to_bytes(4)).digest()
    unhashed = _subpacket(16, print_[-8:])
    made = key.sign(digest)
    return (
        start
        + len(unhashed).to_bytes(2)
        + unhashed
        + digest[:2]
        + _number(made[:32])
        + _number(made[32:])
    )


def _subpacket(kind: int, data: bytes) -> bytes:
    return bytes([len(data) + 1, kind]) + data


def _number(data: bytes) -> bytes:
    """Write a number as OpenPGP does: its length in bits, then its bytes. Source: §3.2."""
    value = int.from_bytes(data)
    return value.bit_length().to_bytes(2) + value.to_bytes((value.bit_length() + 7) // 8)


def _packet(kind: int, body: bytes) -> bytes:
    return bytes([0xC0 | kind, 0xFF]) + len(body).to_bytes(4) + body


def _armored(data: bytes, kind: pysequoia.ArmorKind) -> str:
    return str(pysequoia.armor(data, kind))
