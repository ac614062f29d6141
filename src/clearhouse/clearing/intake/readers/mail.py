"""Read a report that came as an e-mail file, with its attachments.

In come the bytes of a message; out comes one draft, or a refusal. The plain text is preferred to
HTML, of which only the words are kept: nothing is rendered and nothing is fetched. Attachments are
kept as they came; archives stay closed and attached messages stay unread. The sender's address is
the contact; other headers are given back among the unknown fields.

Python's compatible policy is used because it never raises on malformed headers.

Source: RFC 5322; RFC 2045 to 2047; RFC 2183.
"""

import html
import re
from dataclasses import replace
from email import policy
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from email.parser import BytesParser
from email.utils import getaddresses

from clearhouse.clearing.intake.readers.files import kind_of, safe_name
from clearhouse.clearing.intake.readers.result import Drafts, Fault, ReadRefusal
from clearhouse.clearing.intake.readers.settle import settled
from clearhouse.clearing.intake.readers.words import read_words
from clearhouse.clearing.intake.record import Attachment, Credit, Draft, Notice

MAX_BYTES = 24 * 1024 * 1024
MAX_PARTS = 100
MAX_DEPTH = 20
_SHOWN_HEADERS = ("date", "message-id", "in-reply-to", "references", "to", "cc", "reply-to")
_HEADER = re.compile(
    rb"(?:from|to|cc|subject|date|message-id|received|return-path|mime-version|content-type|"
    rb"reply-to|dkim-signature|delivered-to|x-[a-z-]+):[ \t]",
    re.IGNORECASE,
)
_TAG = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9]{0,15})(?:[^<>]{0,4096})>")
_BREAKS = frozenset({"p", "br", "div", "li", "tr", "h1", "h2", "h3", "pre", "blockquote"})
_TOO_LARGE = ReadRefusal(
    code="too_large",
    fault=Fault.LIMIT,
    reason=f"an e-mail is read up to {MAX_BYTES} bytes",
    remedy="send fewer or smaller attachments",
)
_TOO_COMPLEX = ReadRefusal(
    code="too_many_parts",
    fault=Fault.LIMIT,
    reason=f"an e-mail is read up to {MAX_PARTS} parts, {MAX_DEPTH} inside each other",
    remedy="send the report as a plain message with its attachments",
)
_EMPTY = ReadRefusal(
    code="empty",
    fault=Fault.DOCUMENT,
    reason="the e-mail has neither text nor a subject",
    remedy="write what the flaw is and which package it is in",
)


def recognised(data: bytes) -> bool:
    """Say whether bytes begin with the headers of a message."""
    head, _, _ = data.lstrip(b"\r\n")[:65536].replace(b"\r\n", b"\n").partition(b"\n\n")
    lines = head.split(b"\n")
    named = {line.split(b":")[0].lower() for line in lines if _HEADER.match(line)}
    first = bool(lines) and _HEADER.match(lines[0]) is not None
    return first and len(named) >= 2 and bool(named & {b"from", b"received", b"message-id"})


def read(data: bytes) -> Drafts:
    """Read one message."""
    if len(data) > MAX_BYTES:
        return _TOO_LARGE
    try:
        message = BytesParser(policy=policy.compat32).parsebytes(data.lstrip(b"\r\n"))
        parts = _leaves(message)
    except RecursionError:
        return _TOO_COMPLEX
    if parts is None:
        return _TOO_COMPLEX
    body, files, notices = _sorted_parts(parts)
    subject = _header(message, "subject")
    if not subject and not (body or "").strip():
        return _EMPTY
    words = read_words(body or "")
    name, address = _sender(message)
    draft = replace(
        words,
        title=subject or words.title,
        attachments=(*words.attachments, *files),
        contact=words.contact or address,
        credits=words.credits or ((Credit(name=name),) if name else ()),
        unknown=words.unknown | _headers(message),
        notices=(*words.notices, *notices),
    )
    return (settled(_title_in_words(draft, words)),)


def _title_in_words(draft: Draft, words: Draft) -> Draft:
    """Keep a first line that stands in the body and is not the subject."""
    if words.title is None or words.title == draft.title:
        return draft
    return replace(draft, description=f"{words.title}\n\n{draft.description or ''}".strip())


def _leaves(message: Message) -> list[Message] | None:
    """List the parts that hold content, or None when there are too many or too deep ones."""
    found: list[Message] = []
    pending = [(message, 0)]
    while pending:
        part, depth = pending.pop()
        inner = part.get_payload() if part.is_multipart() else None
        if isinstance(inner, list) and part.get_content_type() != "message/rfc822":
            pending.extend((one, depth + 1) for one in reversed(inner) if isinstance(one, Message))
        else:
            found.append(part)
        if len(found) + len(pending) > MAX_PARTS or depth > MAX_DEPTH:
            return None
    return found


def _sorted_parts(
    parts: list[Message],
) -> tuple[str | None, list[Attachment], list[Notice]]:
    """Tell the body from the files: the first plain text without a name, else the first HTML."""
    plain = next((one for one in parts if _is_body(one, "text/plain")), None)
    rich = next((one for one in parts if _is_body(one, "text/html")), None)
    body = _text(plain) if plain is not None else None
    notices = []
    if body is None and rich is not None:
        body = _words_of(_text(rich))
        reason = "only HTML came; its words were read, its layout was not"
        notices.append(Notice(code="html_only", field="body", reason=reason))
    rest = [one for one in parts if one is not plain and one is not rich]
    return body, [_attachment(one, number) for number, one in enumerate(rest, 1)], notices


def _is_body(part: Message, content_type: str) -> bool:
    return (
        part.get_content_type() == content_type
        and part.get_content_disposition() != "attachment"
        and _filename(part) is None
    )


def _payload(part: Message) -> bytes:
    if part.is_multipart():
        # An attached message is kept as its text; it is not read as part of this one.
        return bytes(str(part.get_payload(0)), "utf-8", "surrogateescape")
    data = part.get_payload(decode=True)
    return data if isinstance(data, bytes) else b""


def _text(part: Message) -> str:
    data = _payload(part)
    charset = part.get_content_charset() or "utf-8"
    try:
        return data.decode(charset)
    except (LookupError, UnicodeError):
        return data.decode("utf-8", "replace")


def _filename(part: Message) -> str | None:
    try:
        name = part.get_filename()
    except (LookupError, UnicodeError, ValueError):
        return "unnamed"
    return _decoded(name) if name else None


def _attachment(part: Message, number: int) -> Attachment:
    content_type = part.get_content_type()
    name = _filename(part) or f"part-{number}.{content_type.rpartition('/')[2][:16]}"
    data = _payload(part)
    return Attachment(
        filename=name,
        content_type=content_type[:128],
        data=data,
        kind=kind_of(safe_name(name), content_type, data),
    )


def _header(message: Message, name: str) -> str | None:
    value = message.get(name)
    if value is None:
        return None
    return " ".join(_decoded(str(value)).split()) or None


def _decoded(value: str) -> str:
    """Undo RFC 2047; a word in an unknown or broken encoding stays as it is written."""
    try:
        parts = decode_header(value)
        text = "".join(
            part if isinstance(part, str) else part.decode(charset or "ascii", "replace")
            for part, charset in parts
        )
    except (HeaderParseError, LookupError, ValueError):
        text = value
    return text.encode("utf-8", "replace").decode("utf-8")


def _sender(message: Message) -> tuple[str | None, str | None]:
    stated = _header(message, "reply-to") or _header(message, "from") or ""
    for name, address in getaddresses([stated[:1024]]):
        if "@" in address:
            return name or None, address
    return None, None


def _headers(message: Message) -> dict[str, object]:
    return {
        f"/headers/{name}": value[:1024]
        for name in _SHOWN_HEADERS
        if (value := _header(message, name))
    }


def _words_of(markup: str) -> str:
    """Keep the words of HTML; comments stay, so that what hides in them is seen.

    A parser is not used: Python's takes quadratic time on tags that never end.
    """
    words: list[str] = []
    silent = False
    position = 0
    for tag in _TAG.finditer(markup):
        if not silent:
            words.append(markup[position : tag.start()])
        name = tag.group(2).lower()
        if name in {"script", "style"}:
            silent = not tag.group(1)
        elif name in _BREAKS:
            words.append("\n")
        position = tag.end()
    words.append("" if silent else markup[position:])
    return html.unescape("".join(words))
