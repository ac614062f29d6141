"""Tokens: the words of a report as the matcher compares them.

In comes text of any kind, out come case-folded tokens, each a piece of the text itself. Identifiers
(`parse_header`, `readFile`, `a::b`), paths and versions are kept whole and in parts, because one
finder writes `lib/http2/frame.c` and another `frame.c`. Words that carry nothing are left out. No
stemming and no dictionary: a token can always be pointed at in the text it came from.
"""

import re
from collections.abc import Iterator

from clearhouse.clearing.intake.record import Draft

MAX_CHARS = 200_000
"""Text beyond this is not tokenised; a report of 5 MB is mostly dumps."""
MAX_TOKEN_CHARS = 80
"""Longer runs are encodings, not names."""

_CHUNK = re.compile(r"[^\W_](?:[\w.:/\\$@#-]*\w)?")
_PART = re.compile(r"[^\W\d_]+|\d+(?:\.\d+)+|\d+")
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_JOINT = re.compile(r"::|->|[.:/\\$@#_-]+")

_EMPTY = """
    a about above after all allow allows also an and any are as at attack attacker attackers be
    because been before being below between both bug but by can cause causes could cve cwe did do
    does doing due during each found flaw for from further had has have having how however if in
    input into is issue it its just lead leads may might more most no nor not of off on once only
    or other our out over own possible report same security should so some such than that the
    their them then there these they this those through to too under until up upon use used user
    users using version versions very via vulnerability vulnerabilities vulnerable was we were
    what when where which while who why will with without would you your
"""
EMPTY_WORDS = frozenset(_EMPTY.split())
"""Function words, and the words that every report of this field contains."""


def tokens(text: str) -> tuple[str, ...]:
    """Return the tokens of a text in order, repetitions included."""
    return tuple(_tokens(text[:MAX_CHARS]))


def is_name(token: str) -> bool:
    """Say whether a token looks like code, a path or a version rather than prose."""
    return any(not char.isalpha() for char in token)


def words_of(draft: Draft) -> str:
    """Join the parts of a report that describe the flaw, without credits, contact and files."""
    parts = [draft.title, draft.description, draft.trigger, draft.impact, draft.crash_log]
    for location in draft.locations:
        parts += [location.file, location.function, location.snippet]
    return "\n".join(part for part in parts if part)


def _tokens(text: str) -> Iterator[str]:
    for match in _CHUNK.finditer(text):
        chunk = match[0]
        seen: set[str] = set()
        for piece in (chunk, *_pieces(chunk)):
            token = piece.casefold()
            if token not in seen and _carries(token):
                seen.add(token)
                yield token


def _pieces(chunk: str) -> Iterator[str]:
    """Give base name, dotted or slashed parts, snake and camel parts, and version numbers."""
    if "/" in chunk or "\\" in chunk:
        yield re.split(r"[/\\]", chunk)[-1]
    for joined in _JOINT.split(chunk):
        yield joined
        for hump in _HUMP.split(joined):
            yield from _PART.findall(hump)
    yield from re.findall(r"\d+(?:\.\d+)+", chunk)


def _carries(token: str) -> bool:
    return 2 <= len(token) <= MAX_TOKEN_CHARS and token not in EMPTY_WORDS
