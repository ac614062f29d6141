"""security.txt: whom to tell of a flaw, as a web site says.

In: the bytes of `/.well-known/security.txt`, in clear text or with a cleartext signature around it.
Out: its contacts in the order of preference that the file gives, its other fields, and what is
wrong with it. Refused with `SecurityTxtError`: what is not UTF-8 text, or too large. A signature is
taken off and not verified; the record says that it was there.
Source: RFC 9116.
"""

import re
from dataclasses import dataclass
from datetime import datetime

MOST_BYTES = 32 * 1024
_FIELD = re.compile(r"([A-Za-z-]{1,40}):[ \t]*(\S.*?)[ \t]*")
_URI = re.compile(r"[a-z][a-z0-9+.-]*:\S+", re.IGNORECASE)


class SecurityTxtError(ValueError):
    """The bytes are no security.txt; the message never repeats them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SecurityTxt:
    """One file."""

    contacts: tuple[str, ...]
    """URIs, the preferred one first."""
    expires: datetime | None
    encryption: tuple[str, ...] = ()
    policy: tuple[str, ...] = ()
    canonical: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    signed: bool = False
    problems: tuple[str, ...] = ()
    """What the standard asks for and the file does not give, as rules."""


def parse(data: bytes) -> SecurityTxt:
    """Read a file.

    Raises: SecurityTxtError.
    """
    if len(data) > MOST_BYTES:
        raise SecurityTxtError("larger than a security.txt can be")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise SecurityTxtError("not UTF-8 (RFC 9116 §2.2)") from error
    body, signed = _without_signature(text)
    found: dict[str, list[str]] = {}
    for line in body.splitlines():
        field = _FIELD.fullmatch(line)
        if field and not line.startswith("#"):
            found.setdefault(field[1].lower(), []).append(field[2])
    contacts = tuple(one for one in found.get("contact", ()) if _URI.fullmatch(one))
    expires, problems = _expires(found.get("expires", []))
    if not found.get("contact"):
        problems.append("no contact (RFC 9116 §2.5.3)")
    if len(contacts) < len(found.get("contact", ())):
        problems.append("a contact that is no URI (RFC 9116 §2.5.3)")
    return SecurityTxt(
        contacts=contacts,
        expires=expires,
        encryption=tuple(found.get("encryption", ())),
        policy=tuple(found.get("policy", ())),
        canonical=tuple(found.get("canonical", ())),
        languages=tuple(
            one.strip() for one in ",".join(found.get("preferred-languages", ())).split(",") if one
        ),
        signed=signed,
        problems=tuple(problems),
    )


def _without_signature(text: str) -> tuple[str, bool]:
    """Return the text between the marks of a cleartext signature. Source: RFC 9580 §7."""
    begin, end = "-----BEGIN PGP SIGNED MESSAGE-----", "-----BEGIN PGP SIGNATURE-----"
    lines = text.splitlines()
    if begin not in lines or end not in lines:
        return text, False
    inside = lines[lines.index(begin) + 1 : lines.index(end)]
    return "\n".join(line.removeprefix("- ") for line in inside), True


def _expires(said: list[str]) -> tuple[datetime | None, list[str]]:
    if len(said) != 1:
        return None, ["not exactly one time of expiry (RFC 9116 §2.5.5)"]
    try:
        expires = datetime.fromisoformat(said[0].upper())  # RFC 3339 §5.6: t and z may be small
    except ValueError:
        return None, ["a time of expiry that is none (RFC 9116 §2.5.5)"]
    if expires.tzinfo is None:
        return None, ["a time of expiry without a zone (RFC 3339)"]
    return expires, []
