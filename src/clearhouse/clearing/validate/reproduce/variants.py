"""Write variants of a proof: the same attack with other numbers, lengths and spellings.

Pure. In comes a bundle; out come bundles that differ from it in one literal each, in an order that
the bundle's own hash decides, so that everybody gets the same ones. A number becomes a neighbour or
a multiple; a run of equal characters grows or shrinks; a word changes its case or its letters; a
blank or a slash is written in another way. Names of the language and of the target stay as they
are. Whether a variant is still an attack is for the runs to say, not for this module.
"""

import hashlib
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from clearhouse.clearing.validate.reproduce.bundle import Bundle

_NUMBER = re.compile(r"(?<![\w.\\])\d{1,9}(?![\w.])")
_QUOTED = re.compile(r"'((?:\\.|[^'\\\n]){1,400})'|\"((?:\\.|[^\"\\\n]){1,400})\"")
_RUN = re.compile(r"([^\W_\d\\])\1{2,}|([^\w\s\\'\"{}])\2{2,}")
_WORD = re.compile(r"(?<![\\\w{])[A-Za-z]{1,12}(?![\w}])")
_DIGITS = re.compile(r"(?<!\\)(?<!\\x)\d{1,6}")
_SPELLINGS = ((" ", "\t"), ("../", "./../"), ("/", "//"))
_CODE = {".py", ".js", ".cjs", ".mjs", ".c", ".cc"}


@dataclass(frozen=True, kw_only=True, slots=True)
class _Edit:
    file: str
    start: int
    end: int
    text: str


def variants(bundle: Bundle) -> Iterator[Bundle]:
    """Give every variant once, in the bundle's own order."""
    texts = {name: text for name, data in bundle.files if (text := _text(data)) is not None}
    found = {edit for name, text in texts.items() for edit in _edits(name, text)}
    order = sorted(found, key=lambda one: (one.file, one.start, one.end, one.text))
    random.Random(bundle.sha256).shuffle(order)  # noqa: S311  # the same for everybody is the point
    for edit in order:
        text = texts[edit.file]
        changed = text[: edit.start] + edit.text + text[edit.end :]
        if changed == text:
            continue
        placed = tuple(
            (name, changed.encode() if name == edit.file else data) for name, data in bundle.files
        )
        digest = hashlib.sha256(f"{bundle.sha256} {edit}".encode()).hexdigest()
        yield replace(bundle, files=placed, sha256=digest)


def _text(data: bytes) -> str | None:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _edits(name: str, text: str) -> Iterator[_Edit]:
    """Find what can be said in another way: in code inside literals alone, in data anywhere."""
    for found in _NUMBER.finditer(text):
        for other in _numbers(int(found[0])):
            yield _Edit(file=name, start=found.start(), end=found.end(), text=str(other))
    if PurePosixPath(name).suffix not in _CODE:
        yield from _inner(name, text, 0)
        return
    for found in _QUOTED.finditer(text):
        group = 1 if found[1] is not None else 2
        yield from _inner(name, found[group], found.start(group))


def _inner(name: str, text: str, offset: int) -> Iterator[_Edit]:
    def edit(start: int, end: int, changed: str) -> _Edit:
        return _Edit(file=name, start=offset + start, end=offset + end, text=changed)

    for found in _RUN.finditer(text):
        letter = found[0][0]
        for times in (len(found[0]) + 1, len(found[0]) * 2, max(1, len(found[0]) // 2)):
            yield edit(found.start(), found.end(), letter * times)
    for found in _DIGITS.finditer(text):
        for number in _numbers(int(found[0])):
            yield edit(found.start(), found.end(), str(number))
    for found in _WORD.finditer(text):
        yield edit(found.start(), found.end(), found[0].swapcase())
        yield edit(found.start(), found.end(), found[0] + found[0][-1])
    for plain, other in _SPELLINGS:
        at = text.find(plain)
        if at >= 0:
            yield edit(at, at + len(plain), other)


def _numbers(value: int) -> tuple[int, ...]:
    return tuple(dict.fromkeys((value + 1, value * 2 + 3, max(0, value - 1))))
