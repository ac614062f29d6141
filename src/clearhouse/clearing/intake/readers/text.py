"""Read a report in Markdown or plain text.

In come bytes; out comes one draft, or a refusal. Text is UTF-8; UTF-16 with a byte order mark and
Windows-1252 are understood with a notice. Refused: bytes that are no text, and text without words.
"""

import re
from dataclasses import replace

from clearhouse.clearing.intake.readers.result import Drafts, Fault, ReadRefusal
from clearhouse.clearing.intake.readers.settle import settled
from clearhouse.clearing.intake.readers.words import read_words
from clearhouse.clearing.intake.record import Notice

MAX_BYTES = 4 * 1024 * 1024
MAX_CONTROL_SHARE = 0.02
"""Above this share of control characters, bytes are taken to be no text."""

_CONTROL = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_WORD = re.compile(r"\w{2}")
_MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
NOT_TEXT = ReadRefusal(
    code="not_text",
    fault=Fault.UNSUPPORTED,
    reason="the bytes are neither text nor a format that is read here",
    remedy="send the report as text, e-mail or JSON, and attach binary files to it",
)
EMPTY = ReadRefusal(
    code="empty",
    fault=Fault.DOCUMENT,
    reason="the report holds no words",
    remedy="describe the flaw and name the package",
)


def read(data: bytes) -> Drafts:
    """Read one report in words."""
    if len(data) > MAX_BYTES:
        return ReadRefusal(
            code="too_large",
            fault=Fault.LIMIT,
            reason=f"a text report is read up to {MAX_BYTES} bytes",
            remedy="send the words alone and the rest as attachments",
        )
    decoded = decode(data)
    if decoded is None:
        return NOT_TEXT
    text, notices = decoded
    if not _WORD.search(text):
        return EMPTY
    draft = read_words(text)
    return (settled(replace(draft, notices=(*draft.notices, *notices))),)


def decode(data: bytes) -> tuple[str, tuple[Notice, ...]] | None:
    """Decode text, with a notice where the encoding had to be guessed; None when it is no text."""
    encoding = next((name for mark, name in _MARKS if data.startswith(mark)), "utf-8")
    notices: tuple[Notice, ...] = ()
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        text = data.decode("cp1252", "replace")
        reason = "not UTF-8; read as Windows-1252, some characters may be wrong"
        notices = (Notice(code="guessed_encoding", field="", reason=reason),)
    if len(_CONTROL.findall(text)) > MAX_CONTROL_SHARE * len(text):
        return None
    return text, notices
