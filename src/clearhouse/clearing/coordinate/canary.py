"""Marks by which a copy of a text tells whose copy it was.

In: a text and a mark of six bytes. Out: the same words for the eye, with the mark woven in, or the
mark as words that can be said. Read back: every mark that a leaked text holds, in either form.
Refused: nothing; what holds no mark gives none.

The mark stands between words of prose, as characters without width, about every eighty characters,
so that two sentences of it are enough; copy and paste keep it, and so does breaking lines anew.
It never stands in code: indented lines, fenced blocks, between backticks, in patches. Whoever types
the words off, or strips such characters, loses it; the handling line says it once more in letters.
What is woven is a copy: the words as they were said stay as they are.
Source: Unicode 15.1 §23.2 (layout controls); Wilkerson, A Proposal for Proquints (2009).
"""

import re
from collections.abc import Iterator

MARK_BYTES = 6
_FRAME = "\u2063"  # invisible separator
_DIGITS = "\u200b\u200c\u200d\u2060"  # two bits each, without width
_EVERY = 80
# A program that breaks lines counts characters without width, and may break within a mark.
_HELD = re.compile(rf"{_FRAME}((?:\s*[{_DIGITS}]){{{MARK_BYTES * 4}}})\s*{_FRAME}")
_GAP = re.compile(r"(?<=[^\W_]) (?=[^\W_])|(?<=[.,;:!?)]) (?=[^\W_(])")
_FENCE = re.compile(r" {0,3}(```|~~~)")
_CODE = re.compile(r"    |\t|[+\-@>|$#]|diff |index ")
_CONSONANTS, _VOWELS = "bdfghjklmnprstvz", "aiou"
_NAME = re.compile(r"\b([bdfghjklmnprstvz][aiou]){2}[bdfghjklmnprstvz]"
                   r"(-([bdfghjklmnprstvz][aiou]){2}[bdfghjklmnprstvz]){2}\b")  # fmt: skip


def named(mark: bytes) -> str:
    """Return a mark as three words that can be said, such as `lusab-babad-gutih`."""
    words = (int.from_bytes(mark[at : at + 2], "big") for at in range(0, MARK_BYTES, 2))
    return "-".join(_word(one) for one in words)


def mark_of(name: str) -> bytes:
    """Return the mark that `named` gave as three words."""
    return b"".join(_number(word).to_bytes(2, "big") for word in name.split("-"))


def woven(text: str, mark: bytes) -> str:
    """Return a copy of a text in which the mark stands between words of prose."""
    between = hidden(mark)
    parts, since, fenced = [], _EVERY, False
    for line in text.splitlines(keepends=True):
        if _FENCE.match(line):
            fenced = not fenced
        if fenced or _FENCE.match(line) or _CODE.match(line):
            parts.append(line)
            continue
        line, since = _line(line, between, since)  # noqa: PLW2901 - the same line with its marks
        parts.append(line)
    return "".join(parts)


def _line(line: str, between: str, since: int) -> tuple[str, int]:
    parts, last = [], 0
    for gap in _GAP.finditer(line):
        if since + gap.start() - last < _EVERY or line.count("`", 0, gap.start()) % 2:
            continue
        parts += [line[last : gap.start()], between]
        last, since = gap.start(), 0
    return "".join((*parts, line[last:])), since + len(line) - last


def held(text: str) -> frozenset[bytes]:
    """Return every mark that a text holds, woven in or said in letters."""
    return frozenset((*_unseen(text), *_said(text)))


def without(text: str) -> str:
    """Return a text without what was woven into it."""
    return _HELD.sub("", text)


def hidden(mark: bytes) -> str:
    """Return a mark as it stands between words, without width."""
    digits = (byte >> shift & 3 for byte in mark for shift in (6, 4, 2, 0))
    return _FRAME + "".join(_DIGITS[one] for one in digits) + _FRAME


def _unseen(text: str) -> Iterator[bytes]:
    for found in _HELD.finditer(text):
        digits = [_DIGITS.index(one) for one in "".join(found[1].split())]
        yield bytes(
            digits[at] << 6 | digits[at + 1] << 4 | digits[at + 2] << 2 | digits[at + 3]
            for at in range(0, len(digits), 4)
        )


def _said(text: str) -> Iterator[bytes]:
    # Breaking lines anew may part the words after a hyphen.
    for found in _NAME.finditer(re.sub(r"-\s+", "-", text.lower())):
        yield mark_of(found[0])


def _word(number: int) -> str:
    return "".join(
        (_CONSONANTS if width == 4 else _VOWELS)[number >> shift & (1 << width) - 1]
        for shift, width in ((12, 4), (10, 2), (6, 4), (4, 2), (0, 4))
    )


def _number(word: str) -> int:
    number = 0
    for letter in word:
        letters, width = (_CONSONANTS, 4) if letter in _CONSONANTS else (_VOWELS, 2)
        number = number << width | letters.index(letter)
    return number
