"""Mail that only the holder of an OpenPGP key can read.

In: a certificate as somebody gave it; a letter. Out: what is known of the certificate; the letter
encrypted to it, headers of the outer one kept bare. Refused with `OpenPgpError`: what is no
certificate, holds a secret key, is revoked or expired, or can encrypt nothing.
Source: RFC 9580 (OpenPGP); RFC 3156 §4 (PGP/MIME). Library: pysequoia.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage, MIMEPart
from email.policy import SMTP

import pysequoia
from pysequoia import packet

MOST_BYTES = 64 * 1024


class OpenPgpError(ValueError):
    """The certificate cannot be used; the message says why and never repeats it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Certificate:
    """A certificate that can be encrypted to."""

    fingerprint: str
    armored: str
    expires: datetime | None


def certificate(data: bytes, at: datetime) -> Certificate:
    """Return a certificate that holds at an instant.

    Raises: OpenPgpError.
    """
    if len(data) > MOST_BYTES:
        raise OpenPgpError("larger than a certificate can be")
    if _is_secret(data):
        raise OpenPgpError("this is a secret key: keep it, and send the certificate alone")
    found = _read(data)
    if found.is_revoked:
        raise OpenPgpError("the certificate is revoked")
    expires = None if found.expiration is None else found.expiration.astimezone(UTC)
    if expires is not None and expires <= at:
        raise OpenPgpError("the certificate has expired")
    _encrypt(found, b"probe")
    return Certificate(fingerprint=found.fingerprint, armored=str(found), expires=expires)


def encrypted(inner: EmailMessage, armored: str) -> EmailMessage:
    """Return a letter whose only content is `inner`, encrypted; headers of `inner` go inside.

    Raises: OpenPgpError.
    """
    sealed = _encrypt(_read(armored.encode()), inner.as_bytes(policy=SMTP))
    letter = EmailMessage()
    version, data = MIMEPart(), MIMEPart()
    version["Content-Type"] = "application/pgp-encrypted"
    version.set_payload("Version: 1\r\n")
    data["Content-Type"] = 'application/octet-stream; name="encrypted.asc"'
    data["Content-Disposition"] = 'inline; filename="encrypted.asc"'
    data.set_payload(sealed.decode("ascii"))
    letter["MIME-Version"] = "1.0"
    letter["Content-Type"] = 'multipart/encrypted; protocol="application/pgp-encrypted"'
    letter.set_payload([version, data])
    return letter


def _is_secret(data: bytes) -> bool:
    try:
        tags = [one.tag for one in packet.PacketPile.from_bytes(data)]
    except RuntimeError:
        return False  # no OpenPGP at all, which reading it says
    return packet.Tag.SecretKey in tags or packet.Tag.SecretSubkey in tags


def _read(data: bytes) -> pysequoia.Cert:
    try:
        return pysequoia.Cert.from_bytes(data)
    except RuntimeError as error:
        raise OpenPgpError("not an OpenPGP certificate") from error


def _encrypt(to: pysequoia.Cert, data: bytes) -> bytes:
    try:
        return bytes(pysequoia.encrypt(recipients=[to], bytes=data))
    except RuntimeError as error:
        raise OpenPgpError("nothing can be encrypted to this certificate") from error
