"""Look at the words of a report before anybody or anything reads them.

In comes a draft; out comes the draft with its texts cut to what is handled and notices about what a
reader should know: text that gives orders to the reader's tools, characters that cannot be seen,
and cut text. A notice is a warning. Nothing here changes a claim, a decision or a place in a queue,
and nothing is refused for its wording.

Source: Unicode §23 (invisible characters), TR 36 (bidirectional spoofing); RFC 3629 §4.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

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


@dataclass(frozen=True, kw_only=True, slots=True)
class _Order:
    """One way to give orders to a tool, and the words without which a text cannot hold it.

    Texts are long and orders are rare: looking for words first is ten times faster than the
    expressions alone.
    """

    words: tuple[tuple[str, ...], ...]
    """Of each tuple, at least one."""
    shape: re.Pattern[str]
    """For text in lower case."""

    def given_in(self, text: str) -> bool:
        """Say whether a text gives this order."""
        for any_of in self.words:
            for word in any_of:
                if word in text:
                    break
            else:
                return False
        return self.shape.search(text) is not None


def _order(*words: str, shape: str) -> _Order:
    return _Order(
        words=tuple(tuple(any_of.split("|")) for any_of in words),
        shape=re.compile(shape, re.VERBOSE | re.MULTILINE),
    )


_ORDERS = (
    _order(
        "ignore|disregard|forget|override|bypass",
        "instruction|rule|prompt|guideline|polic|direction|order|check",
        "previous|prior|above|earlier|preceding|your|all|any",
        shape=r"""(?:ignore|disregard|forget|override|bypass)\s+(?:\w+\s+){0,3}?
            (?:previous|prior|above|earlier|preceding|your|all|any)\s+(?:\w+\s+){0,3}?
            (?:instruction|rule|prompt|guideline|polic|direction|order|check)""",
    ),
    _order("ignore|disregard", " your", shape=r"(?:ignore|disregard)\s+your\s+\w+"),
    _order(
        "mark|classify|rate|flag|label|treat|score|set|triage",
        "report|issue|finding|vulnerability|severity|submission|case",
        "critical|high|urgent|valid|confirmed|verified|resolved|p0",
        # "we rate this issue as high" is a reporter's own assessment, and no order.
        shape=r"""(?<!\bwe\ )(?<!\bi\ )\b
            (?:mark|classify|rate|flag|label|treat|score|set|triage)\s+(?:\w+\s+){0,4}?
            (?:th(?:is|e)\s+(?:report|issue|finding|vulnerability|submission|case)|severity|it)\s+
            (?:\w+\s+){0,2}?(?:as|to)\s+\W?
            (?:critical|high|urgent|valid|confirmed|verified|resolved|p0)""",
    ),
    _order(
        "skip|omit|suppress|disable",
        "validation|verification|triage|review|duplicate|sandbox",
        shape=r"""(?:skip|omit|suppress|disable)\s+(?:the\s+|all\s+|any\s+|further\s+)?
            (?:validation|verification|triage|review|duplicate\s+check|sandbox)""",
    ),
    _order(
        "note|message|instruction|attention",
        "ai|llm|agent|assistant|automated|model|bot|tool",
        shape=r"""(?:note|message|instruction|attention)s?\s+(?:to|for)\s+(?:\w+\s+){0,3}?
            (?:ai|llm|agent|assistant|automated|model|bot|triage\s+tool)""",
    ),
    _order(
        "you are now|pretend",
        shape=r"\b(?:you\s+are\s+now|pretend\s+to\s+be)\s+(?:an?|the|in)\s+\w+",
    ),
    _order("prompt", shape=r"\b(?:system|developer|hidden)\s+prompt\b"),
    _order(
        "system:|system :|assistant:|assistant :",
        shape=r"^[ \t]{0,8}\W{0,3}(?:system|assistant)[ \t]{0,4}:[ \t]{1,4}\S",
    ),
    _order("<|", shape=r"<\|(?:im_start|im_end|system|assistant|endoftext)\|>"),
    _order("inst]|sys>>", shape=r"\[/?inst\] | <</?sys>>"),
    _order("##", "system|instruction", shape=r"\#\#\s{0,8}(?:system|new\s+instructions?)\b"),
    _order(
        "do not|don't|never",
        "user|operator|analyst|human|maintainer",
        shape=r"""(?:do\s+not|don't|never)\s+(?:tell|inform|mention|reveal|report)\s+
            (?:\w+\s+){0,3}?(?:user|operator|analyst|human|maintainer)""",
    ),
    _order(
        "with",
        "reply|respond|answer|output",
        "valid|confirmed|approved|yes|true",
        shape=r"""(?:reply|respond|answer|output)\s+(?:only\s+)?with\s+["'`]?
            (?:valid|confirmed|approved|yes|true)""",
    ),
    _order("ignorier", shape=r"ignoriere?\s+(?:\w+\s+){0,3}?(?:anweisung|regel|vorgabe)"),
    _order(
        "instrucciones|instructions|consignes|instru\u00e7\u00f5es",
        "ignor",
        shape=r"""ignor(?:e[zr]?|a)\s+(?:\w+\s+){0,3}?
            (?:instrucciones|instructions|consignes|instru\u00e7\u00f5es)""",
    ),
    _order("\u5ffd\u7565", shape="\u5ffd\u7565.{0,8}(?:\u6307\u4ee4|\u6307\u793a|\u89c4\u5219)"),
)


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
    if not (changes or notices):
        return draft
    return replace(draft, **changes, notices=(*draft.notices, *notices))  # type: ignore[arg-type]


def text_notices(field: str, text: str) -> Iterator[Notice]:
    """Say what is unusual about one text."""
    if _CONTROL.search(text):
        reason = "holds control characters, shown here as a replacement character"
        yield Notice(code="control_characters", field=field, reason=reason)
    plain = text.lower()
    if not text.isascii() and _INVISIBLE.search(text):
        reason = "holds characters that cannot be seen or that reorder what is seen"
        yield Notice(code="invisible_characters", field=field, reason=reason)
        plain = _INVISIBLE.sub("", plain)
    if any(order.given_in(plain) for order in _ORDERS):
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
