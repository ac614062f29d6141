"""The way out of the house: mail by SMTP, and signed requests to addresses that parties named.

In: an address and words that are no secret. Out: the other side's acceptance. Refused: mail without
TLS to anything but this machine, requests without HTTPS to anything but this machine, requests to
inside networks (`addresses`), redirects. Failures say of what kind they are, never what the other
side said. Mail travels in the clear at some hop: nothing that an embargo covers may be handed to
it. What a request may hold, the relay decides.
Source: RFC 5321, RFC 8314 §3 (TLS for submission), RFC 9421.
"""

import http.client
import json
import smtplib
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path
from types import MappingProxyType
from urllib.parse import SplitResult, unquote, urlsplit

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from clearhouse.formats import http_signature
from clearhouse.formats.canonical import Json
from clearhouse.kernel.addresses import AddressRefusedError, UnknownHostError, is_here, look_up

_TIMEOUT_S = 20.0
MOST_ANSWER_BYTES = 1024 * 1024
_PORTS = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}


class OutsideError(RuntimeError):
    """The outside world did not take it; try again later. The message is a kind, not its words."""


class UnclearError(OutsideError):
    """It broke off after everything was sent: the other side may have taken it, or not."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What came back from a request."""

    status: int
    headers: Mapping[str, str]
    """By their names in lower case."""
    body: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Enclosure:
    """A file that goes along with a mail."""

    name: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Outside:
    """How this installation reaches others; without a mail server, no mail is sent."""

    desk_address: str
    """Where people open what they are told of, without a slash at its end."""
    mail: str | None = field(default=None, repr=False)
    """`smtp+starttls://user:password@host`, `smtps://…`, or `smtp://` on this machine."""
    sender: str = "clearhouse@localhost"
    counter_address: str = "http://127.0.0.1:8440"
    """Where others reach the counter, without a slash at its end."""
    house_name: str = "Clearhouse"
    """How the house calls itself to other coordinators."""
    maildir: Path | None = None
    """Where the mail server delivers what is sent to `sender`, also with `+…` in its local part."""
    mail_checker: str | None = None
    """The server whose word on senders counts (RFC 8601); without one, the address alone does."""

    def send_mail(
        self,
        to: str,
        subject: str,
        text: str,
        *,
        message_id: str,
        at: datetime,
        enclosures: Sequence[Enclosure] = (),
    ) -> None:
        """Hand one mail to the server; the same id twice is one mail to a reader.

        Raises: OutsideError, AddressRefusedError.
        """
        letter = EmailMessage()
        letter.set_content(text)
        for one in enclosures:
            letter.add_attachment(
                one.data, maintype="application", subtype="octet-stream", filename=one.name
            )
        self.send_letter(letter, to, subject, message_id=message_id, at=at)

    def send_letter(
        self,
        letter: EmailMessage,
        to: str,
        subject: str,
        *,
        message_id: str,
        at: datetime,
        reply_to: str | None = None,
    ) -> None:
        """Give a letter its outer headers and hand it to the server.

        Raises: OutsideError, AddressRefusedError.
        """
        letter["From"], letter["To"], letter["Subject"] = self.sender, to, subject
        if reply_to is not None:
            letter["Reply-To"] = reply_to
        letter["Message-ID"] = f"<{message_id}@{self.sender.rpartition('@')[2]}>"
        letter["Date"] = format_datetime(at)
        letter["Auto-Submitted"] = "auto-generated"  # RFC 3834
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
        answer = self.ask(
            "POST", address, content, headers=headers | {"Content-Type": "application/json"}
        )
        if not 200 <= answer.status < 300:  # RFC 9110 §15.3
            raise OutsideError(f"answered {answer.status}")

    def ask(
        self,
        method: str,
        address: str,
        content: bytes | None = None,
        *,
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> Answer:
        """Send one request, to nowhere inside, and return the answer, redirects too.

        Raises: OutsideError, UnclearError, AddressRefusedError.
        """
        try:
            place = look_up(address, at_home=self.at_home)
        except UnknownHostError as error:
            raise OutsideError("request: the host has no address") from error
        parts = place.parts
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection = place.connection(_TIMEOUT_S)
        try:
            connection.connect()
        except OSError as error:
            raise OutsideError(f"request: {type(error).__name__}") from error
        try:
            connection.request(method, path, body=content, headers=dict(headers))
            return _answer(connection)
        except (OSError, http.client.HTTPException) as error:
            raise UnclearError(f"request: {type(error).__name__}") from error
        finally:
            connection.close()

    @property
    def at_home(self) -> bool:
        """Whether the house itself is on loopback, so that others on this machine are near."""
        return is_here(urlsplit(self.desk_address).hostname)


def _submit(server: SplitResult, letter: EmailMessage) -> None:
    if server.scheme not in _PORTS or (server.scheme == "smtp" and not is_here(server.hostname)):
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


def _answer(connection: http.client.HTTPConnection) -> Answer:
    came = connection.getresponse()
    body = came.read(MOST_ANSWER_BYTES + 1)
    if len(body) > MOST_ANSWER_BYTES:
        raise UnclearError("request: the answer is too large")
    headers = {name.lower(): value for name, value in came.getheaders()}
    return Answer(status=came.status, headers=headers, body=body)
