"""The way out of the house: mail by SMTP, and signed requests to addresses that parties named.

In: an address and words that are no secret. Out: the other side's acceptance. Refused: mail without
TLS to anything but this machine, requests without HTTPS to anything but this machine, redirects.
Failures say of what kind they are, never what the other side said. Nothing that an embargo covers
may be handed to this module: what leaves here travels in the clear at some hop.
Source: RFC 5321, RFC 8314 §3 (TLS for submission), RFC 9421.
"""

import http.client
import ipaddress
import json
import smtplib
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
from urllib.parse import SplitResult, unquote, urlsplit

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from clearhouse.formats import http_signature
from clearhouse.formats.canonical import Json

_TIMEOUT_S = 20.0
_PORTS = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}


class OutsideError(RuntimeError):
    """The outside world did not take it; try again later. The message is a kind, not its words."""


class AddressRefusedError(ValueError):
    """Our own settings, or an address that a party named, would send in the clear."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Outside:
    """How this installation reaches others; without a mail server, no mail is sent."""

    desk_address: str
    """Where people open what they are told of, without a slash at its end."""
    mail: str | None = field(default=None, repr=False)
    """`smtp+starttls://user:password@host`, `smtps://…`, or `smtp://` on this machine."""
    sender: str = "clearhouse@localhost"

    def send_mail(self, to: str, subject: str, text: str, *, message_id: str, at: datetime) -> None:
        """Hand one mail to the server; the same id twice is one mail to a reader.

        Raises: OutsideError, AddressRefusedError.
        """
        letter = EmailMessage()
        letter["From"], letter["To"], letter["Subject"] = self.sender, to, subject
        letter["Message-ID"] = f"<{message_id}@{self.sender.rpartition('@')[2]}>"
        letter["Date"] = format_datetime(at)
        letter["Auto-Submitted"] = "auto-generated"  # RFC 3834
        letter.set_content(text)
        if self.mail is None:
            raise OutsideError("no mail server is set")
        _submit(urlsplit(self.mail), letter)

    def send_hook(
        self, address: str, body: Mapping[str, Json], *, key: Ed25519PrivateKey, at: datetime
    ) -> None:
        """Send one signed request.

        Raises: OutsideError, AddressRefusedError.
        """
        content = json.dumps(body, sort_keys=True).encode()
        key_id = key.public_key().public_bytes_raw().hex()[:16]
        headers = http_signature.sign(
            key, key_id, method="POST", address=address, body=content, at=at
        )
        status = _post(address, content, headers | {"Content-Type": "application/json"})
        if not 200 <= status < 300:  # RFC 9110 §15.3
            raise OutsideError(f"answered {status}")


def demand_private(address: str) -> SplitResult:
    """Return the parts of an address for requests that nobody on the way can read.

    Raises: AddressRefusedError.
    """
    try:
        parts = urlsplit(address)
        port_is_one = parts.port is None or parts.port > 0
    except ValueError as error:
        raise AddressRefusedError("this is no address") from error
    plain = parts.scheme == "http" and _is_here(parts.hostname)
    if not parts.hostname or not port_is_one or not (parts.scheme == "https" or plain):
        raise AddressRefusedError("an address for requests begins with https://")
    if parts.username or parts.password or parts.fragment:
        raise AddressRefusedError("an address for requests holds no password and no fragment")
    return parts


def _is_here(host: str | None) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


def _submit(server: SplitResult, letter: EmailMessage) -> None:
    if server.scheme not in _PORTS or (server.scheme == "smtp" and not _is_here(server.hostname)):
        raise AddressRefusedError("mail goes by smtp+starttls:// or smtps://, to others at least")
    port = server.port or _PORTS[server.scheme]
    secure = ssl.create_default_context()
    try:
        with (
            smtplib.SMTP_SSL(server.hostname or "", port, timeout=_TIMEOUT_S, context=secure)
            if server.scheme == "smtps"
            else smtplib.SMTP(server.hostname or "", port, timeout=_TIMEOUT_S)
        ) as session:
            if server.scheme == "smtp+starttls":
                session.starttls(context=secure)
            if server.username:
                session.login(unquote(server.username), unquote(server.password or ""))
            session.send_message(letter)
    except (OSError, smtplib.SMTPException) as error:
        raise OutsideError(f"mail: {type(error).__name__}") from error


def _post(address: str, content: bytes, headers: Mapping[str, str]) -> int:
    """Return the status of the answer; a redirect is an answer like others, and not followed."""
    parts = demand_private(address)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=_TIMEOUT_S)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection.request("POST", path, body=content, headers=dict(headers))
        return connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        raise OutsideError(f"request: {type(error).__name__}") from error
    finally:
        connection.close()
