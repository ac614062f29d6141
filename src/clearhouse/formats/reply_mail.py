"""A mail that answers, read as data: who sent it, to which address, what it says, what it holds.

In: the bytes of one mail. Out: a `ReplyMail`. Refused with `ReplyMailError`: what is no mail or too
large. Nothing of it is executed or followed: HTML and attachments stay files. What a machine sent
(vacations, bounces, lists, our own mail) says so, so that no loop begins.
Source: RFC 5322, RFC 2045; RFC 3834 (automatic responses); RFC 8601 (authentication results).
"""

import re
from dataclasses import dataclass
from email import policy
from email.errors import MessageError
from email.message import EmailMessage
from email.parser import BytesParser
from email.utils import getaddresses

MOST_BYTES = 25 * 1024 * 1024
MOST_PARTS = 200
_MACHINES = re.compile(r"(mailer-daemon|postmaster|no-?reply|bounces?)([+-].*)?@", re.IGNORECASE)
_PRECEDENCE = {"bulk", "junk", "list", "auto_reply"}
_RESPONDERS = ("List-Id", "X-Autoreply", "X-Autorespond", "X-Loop")
_TO = ("Delivered-To", "X-Original-To", "Envelope-To", "To", "Cc")
_PASS = re.compile(r"\b(dmarc|dkim|spf)\s*=\s*pass\b", re.IGNORECASE)


class ReplyMailError(ValueError):
    """The bytes are no mail; the message never repeats them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MailFile:
    """Something attached, never opened."""

    name: str
    content_type: str
    data: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class ReplyMail:
    """One mail."""

    sender: str | None
    """The one address of From, its domain in small letters; None when there is not exactly one."""
    recipients: tuple[str, ...]
    text: str
    """Plain text; empty when there is none."""
    files: tuple[MailFile, ...]
    automatic: str | None
    """Why a machine is taken to have sent it; None for a person's mail."""
    checks: tuple[tuple[str, str], ...]
    """Each server that says it checked the sender, and what passed (`dmarc`, `dkim`, `spf`)."""


def parse(data: bytes) -> ReplyMail:
    """Read a mail.

    Raises: ReplyMailError.
    """
    if len(data) > MOST_BYTES:
        raise ReplyMailError("larger than a mail may be")
    try:
        letter = BytesParser(policy=policy.default).parsebytes(data)
        return _read(letter)
    except (
        MessageError,
        ValueError,
        LookupError,
        RecursionError,
        AttributeError,
        TypeError,
    ) as bad:
        # The standard parser meets hostile headers with any of these.
        raise ReplyMailError("not a mail that can be read") from bad


def _read(letter: EmailMessage) -> ReplyMail:
    senders = _addresses(letter, "From")
    recipients = [one for name in _TO for one in _addresses(letter, name)]
    if not senders and not recipients:
        raise ReplyMailError("neither a sender nor a recipient")
    text, files = _content(letter)
    return ReplyMail(
        sender=senders[0] if len(senders) == 1 else None,
        recipients=tuple(dict.fromkeys(recipients)),
        text=text,
        files=files,
        automatic=_automatic(letter, senders),
        checks=tuple(_checks(letter)),
    )


def _addresses(letter: EmailMessage, name: str) -> list[str]:
    texts = [str(one) for one in letter.get_all(name, [])][:20]
    found = []
    for _, address in getaddresses(texts):
        local, at, domain = address.strip().rpartition("@")
        if at and local and domain and " " not in address:
            found.append(f"{local}@{domain.lower()}")
    return found


def _automatic(letter: EmailMessage, senders: list[str]) -> str | None:
    said = str(letter.get("Auto-Submitted", "no")).split(";")[0].strip().lower()
    bulk = str(letter.get("Precedence", "")).strip().lower() in _PRECEDENCE
    signs = {
        "it says that it was sent automatically": said != "no",
        "it has no sender to return to, as bounces have": (
            str(letter.get("Return-Path", "")).strip() == "<>"
        ),
        "it is marked as bulk mail": bulk,
        "a list or an automatic responder sent it": any(letter.get(name) for name in _RESPONDERS),
        "it is a report about another mail": letter.get_content_type() == "multipart/report",
        "its sender is a machine": any(_MACHINES.match(one) for one in senders),
    }
    return next((reason for reason, is_so in signs.items() if is_so), None)


def _checks(letter: EmailMessage) -> list[tuple[str, str]]:
    found = []
    for header in letter.get_all("Authentication-Results", [])[:10]:
        server, _, results = str(header).partition(";")
        name = server.split()[0].lower() if server.split() else ""
        found += [(name, passed.lower()) for passed in _PASS.findall(results)]
    return found


def _content(letter: EmailMessage) -> tuple[str, tuple[MailFile, ...]]:
    text, parts = "", 0
    files: list[MailFile] = []
    for part in letter.walk():
        parts += 1
        if parts > MOST_PARTS:
            raise ReplyMailError("more parts than a mail may have")
        if part.is_multipart():
            continue
        plain = part.get_content_type() == "text/plain" and not part.get_filename()
        if plain and part.get_content_disposition() != "attachment" and not text:
            text = _text(part)
        else:
            files.append(_file(part, len(files)))
    return text, tuple(files)


def _text(part: EmailMessage) -> str:
    raw = part.get_payload(decode=True)
    data = raw if isinstance(raw, bytes) else b""
    charset = part.get_content_charset("utf-8")
    try:
        return data.decode(charset, "replace").replace("\r\n", "\n")
    except LookupError:
        return data.decode("utf-8", "replace").replace("\r\n", "\n")


def _file(part: EmailMessage, place: int) -> MailFile:
    raw = part.get_payload(decode=True)
    kind = part.get_content_type()
    ending = {"text/html": "html", "text/plain": "txt"}.get(kind, "bin")
    return MailFile(
        name=(part.get_filename() or f"part-{place + 1}.{ending}")[:200],
        content_type=kind[:100],
        data=raw if isinstance(raw, bytes) else b"",
    )
