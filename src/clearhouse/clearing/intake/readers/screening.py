"""Look at the words of a report before anybody or anything reads them.

In comes a draft; out comes the draft with its texts cut to what is handled and notices about what a
reader should know: text that gives orders to the reader's tools, characters that cannot be seen,
and cut text. A notice is a warning. Nothing here changes a claim, a decision or a place in a queue,
and nothing is refused for its wording.

Source: Unicode §23 (invisible characters), TR 36 (bidirectional spoofing); RFC 3629 §4.
"""

import re
from collections.abc import Iterator
from dataclasses import replace

from clearhouse.clearing.intake.record import Attachment, Draft, Notice

MAX_TEXT_CHARS = 128 * 1024
"""Of one text field, as AIxCC bounds free text; the original keeps everything."""
MAX_LINE_CHARS = 1024
"""Of a title, a name, a version and other one-line fields."""
MAX_SCREENED_BYTES = 256 * 1024
"""Of one attachment, for orders to tools."""

TEXTS = ("description", "trigger", "impact", "crash_log")
LINES = ("title", "software", "repository", "severity", "contact", "tested_version")

_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_INVISIBLE = re.compile(
    "[\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e007f]"
)
# Every alternative begins with a literal, and the text is in lower case: that is four times
# faster than the same with IGNORECASE. `y(?<=\by)ou` is `\byou` in that form.
_ORDERS = re.compile(
    r"""
    (?:ignore|disregard|forget|override|bypass)\s+(?:\w+\s+){0,3}?
        (?:previous|prior|above|earlier|preceding|your|all|any)\s+(?:\w+\s+){0,3}?
        (?:instruction|rule|prompt|guideline|polic|direction|order|check)
    | (?:ignore|disregard)\s+your\s+\w+
    | (?:mark|classify|rate|flag|label|treat|score|set|triage)\s+(?:\w+\s+){0,4}?
        (?:this|the)\s+(?:report|issue|finding|vulnerability|severity|submission|case)\s+
        (?:\w+\s+){0,2}?(?:as|to)\s+\W?(?:critical|high|urgent|valid|confirmed|verified|resolved|p0)
    | (?:skip|omit|suppress|disable)\s+(?:the\s+|all\s+|any\s+|further\s+)?
        (?:validation|verification|triage|review|duplicate\s+check|sandbox)
    | (?:note|message|instruction|attention)s?\s+(?:to|for)\s+(?:\w+\s+){0,3}?
        (?:ai|llm|agent|assistant|automated|model|bot|triage\s+tool|language\s+model)
    | (?:y(?<=\by)ou\s+are\s+now|p(?<=\bp)retend\s+to\s+be)\s+(?:an?|the|in)\s+\w+
    | (?:s(?<=\bs)ystem|d(?<=\bd)eveloper|h(?<=\bh)idden)\s+prompt\b
    | <\|(?:im_start|im_end|system|assistant|endoftext)\|>
    | \[/?inst\] | <</?sys>> | \#\#\s{0,8}(?:system|new\s+instructions?)\b
    | (?:do\s+not|don't|never)\s+(?:tell|inform|mention|reveal|report)\s+(?:\w+\s+){0,3}?
        (?:user|operator|analyst|human|maintainer)
    | (?:reply|respond|answer|output)\s+(?:only\s+)?with\s+["'`]?
        (?:valid|confirmed|approved|yes|true)
    | ignoriere?\s+(?:\w+\s+){0,3}?(?:anweisung|regel|vorgabe)
    | ignor(?:e[zr]?|a)\s+(?:\w+\s+){0,3}?
        (?:instrucciones|instructions|consignes|instru\u00e7\u00f5es)
    | \u5ffd\u7565.{0,8}(?:\u6307\u4ee4|\u6307\u793a|\u89c4\u5219)
    """,
    re.VERBOSE,
)
_ROLE = re.compile(r"^[ \t]{0,8}\W{0,3}(?:system|assistant)[ \t]{0,4}:[ \t]{1,4}\S", re.MULTILINE)


def screened(draft: Draft) -> Draft:
    """Cut the texts of a draft to size and add the notices about its words."""
    notices: list[Notice] = []
    changes: dict[str, str] = {}
    for name, limit in (
        *((n, MAX_TEXT_CHARS) for n in TEXTS),
        *((n, MAX_LINE_CHARS) for n in LINES),
    ):
        value: str | None = getattr(draft, name)
        if value is None:
            continue
        notices += text_notices(name, value)
        shown = _shown(value)
        if len(shown) > limit:
            reason = f"cut to {limit} of {len(shown)} characters; the original keeps everything"
            notices.append(Notice(code="truncated", field=name, reason=reason))
        if shown[:limit] != value:
            changes[name] = shown[:limit]
    for attachment in draft.attachments:
        notices += _attachment_notices(attachment)
    return replace(draft, **changes, notices=(*draft.notices, *notices))  # type: ignore[arg-type]


def text_notices(field: str, text: str) -> Iterator[Notice]:
    """Say what is unusual about one text."""
    if _CONTROL.search(text):
        reason = "holds control characters, shown here as a replacement character"
        yield Notice(code="control_characters", field=field, reason=reason)
    if _INVISIBLE.search(text):
        reason = "holds characters that cannot be seen or that reorder what is seen"
        yield Notice(code="invisible_characters", field=field, reason=reason)
    plain = _INVISIBLE.sub("", text).lower()
    if _ORDERS.search(plain) or _ROLE.search(plain):
        yield Notice(
            code="instructions_in_report",
            field=field,
            reason="addresses the reader's tools; it is data here and no decision follows it",
        )


def _attachment_notices(attachment: Attachment) -> Iterator[Notice]:
    """Look into text files for orders; a program may hold any bytes."""
    head = attachment.data[:MAX_SCREENED_BYTES]
    if b"\x00" in head:
        return
    text = head.decode("utf-8", "replace")
    field = f"attachment {attachment.filename}"
    if attachment.description:
        text = f"{attachment.description}\n{text}"
    yield from (n for n in text_notices(field, text) if n.code != "control_characters")


def _shown(text: str) -> str:
    """Replace what no store or screen can show; line ends become plain line feeds."""
    plain = text.replace("\r\n", "\n").replace("\r", "\n")
    return _CONTROL.sub("\ufffd", plain)
