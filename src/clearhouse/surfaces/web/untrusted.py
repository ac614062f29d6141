"""Shows text from strangers so that it can neither act nor deceive.

In: any text of a report. Out: HTML in which markup is inert, and every character that a reader
would not see (controls, zero-width, direction overrides, tags) is named by its code point.
Refused: nothing; text beyond the cap is cut and the cut is stated.
Source: Unicode Standard Annex 9 (direction), Technical Report 36 (visual deception).
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from markupsafe import Markup, escape

from clearhouse.clearing.coordinate import canary

SHOWN_CHARACTERS = 12_000
"""How much of one text a page shows; the whole text stands one link away."""
LINE_CHARACTERS = 300
_MARKED, _SHORTEST_MARKED = 40, 3
"""So many different words are marked in one text, none shorter than that."""
_HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp"})
# Letters and marks by category that nevertheless show nothing.
_BLANK = frozenset(
    "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u2800\u3164\uffa0"
    + "".join(map(chr, range(0xFE00, 0xFE0F)))
    + "".join(map(chr, range(0xE0100, 0xE01F0)))
)
_PLAIN = frozenset("\n\t")
_PILED_MARKS = re.compile("([\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff"
                          "\ufe20-\ufe2f]{3})[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff"
                          "\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]+")  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class Excerpt:
    """The part of a text that a page shows."""

    html: Markup
    left_out: int
    """Characters that are not shown; 0 when the text is whole."""


def is_hidden(character: str) -> bool:
    """Return whether a reader would not see this character, or see others differently."""
    if character in _PLAIN:
        return False
    return character in _BLANK or unicodedata.category(character) in _HIDDEN_CATEGORIES


def thinned(text: str) -> str:
    """Return a text in which no letter carries more than three marks."""
    return _PILED_MARKS.sub(r"\1…", text)


def excerpt(
    text: str,
    limit: int = SHOWN_CHARACTERS,
    *,
    copy: str | None = None,
    marked: Iterable[str] = (),
) -> Excerpt:
    """Return the beginning of `text` as inert HTML with hidden characters named.

    `copy` names the mark of this reader's copy; it stands between words and is not named.
    Words of `marked` are shown as found; upper and lower case are one.
    """
    # Cut first: work must not grow with what a stranger sends.
    kept = text[: limit + 1].replace("\r\n", "\n")[:limit]
    left_out = max(0, len(text) - limit)
    if copy is None:
        return Excerpt(html=_marked(kept, marked), left_out=left_out)
    mark = canary.mark_of(copy)
    own = canary.hidden(mark)
    pieces = [_inert(piece) for piece in canary.woven(kept, mark).split(own)]
    # The mark is ours: six bytes written in five characters without width.
    return Excerpt(html=Markup(own).join(pieces), left_out=left_out)  # noqa: S704


def one_line(text: object, limit: int = LINE_CHARACTERS) -> Markup:
    """Return text for a heading or a table cell: one line, cut with an ellipsis."""
    whole = str(text)
    flat = " ".join(whole[: limit + 1].split())
    short = flat if len(flat) <= limit and len(whole) <= limit else f"{flat[: limit - 1]}…"
    return Markup("<bdi>%s</bdi>") % _inert(short)


def plain_line(text: object, limit: int = LINE_CHARACTERS) -> str:
    """Return text for places that take no markup, such as a page title."""
    flat = " ".join(str(text)[:limit].split())
    return "".join(f"[{_name(c)}]" if is_hidden(c) else c for c in flat)


def _marked(text: str, words: Iterable[str]) -> Markup:
    wanted = [word for word in words if _SHORTEST_MARKED <= len(word) <= LINE_CHARACTERS]
    if not wanted:
        return _inert(text)
    found = "|".join(re.escape(word) for word in sorted(wanted, key=len, reverse=True)[:_MARKED])
    pieces = re.split(rf"(?<!\w)({found})(?!\w)", text, flags=re.IGNORECASE)
    return Markup("").join(
        Markup("<mark>{}</mark>").format(_inert(piece)) if place % 2 else _inert(piece)
        for place, piece in enumerate(pieces)
    )


def _inert(text: str) -> Markup:
    if text.isascii() and text.isprintable():
        return escape(text)  # nothing in it can be hidden or pile up
    safe = str(escape(thinned(text)))
    hidden = {character for character in set(safe) if is_hidden(character)}
    if hidden:
        safe = "".join(_badge(c) if c in hidden else c for c in safe)
    return Markup(safe)  # noqa: S704 - escaped two lines above; badges hold no text of the report


def _badge(character: str) -> str:
    title = unicodedata.name(character, "control or unassigned character").lower()
    return f'<span class="hidden-char" title="{title}">{_name(character)}</span>'


def _name(character: str) -> str:
    return f"U+{ord(character):04X}"
