"""Find the name or path that a slightly wrong one may mean.

A near match never settles a claim; it is named to the analyst. Near are: another case, other
underscores, an existing name that begins with the claimed one or lacks one of its general words
(`_internal`, `_impl`), the same words in another order, one word of several misspelt, and one word
left out.
"""

import re
from collections.abc import Iterable
from pathlib import PurePosixPath

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_GENERAL = frozenset(
    re.findall(
        r"\w+",
        """
    impl internal inner func fn cb callback handler helper ex s a w n v unsafe safe locked nolock
    raw base core async sync new old do get set is the to init main one all
    """,
    )
)
_MIN_PREFIX = 6


def near_name(name: str, names: Iterable[str]) -> str | None:
    """Return an existing name that the claimed one may mean, the nearest first; None without."""
    words = _words(name)
    if not words:
        return None
    best: tuple[int, str] | None = None
    for other in names:
        rank = _rank(name, words, other)
        if rank is not None and (best is None or (rank, other) < best):
            best = rank, other
    return None if best is None else best[1]


def near_path(path: str, paths: Iterable[str]) -> str | None:
    """Return an existing path that the claimed one may mean: moved, or nearly the same name."""
    wanted = PurePosixPath(path)
    near = None
    for other in sorted(paths):
        found = PurePosixPath(other)
        if found.name.lower() == wanted.name.lower():
            return other
        same_folder = found.parent == wanted.parent or wanted.parent.name == found.parent.name != ""
        if near is None and same_folder and _near_stem(wanted, found):
            near = other
    return near


def distance(one: str, other: str, limit: int) -> int:
    """Return how many letters differ (inserted, deleted, replaced), at most `limit` + 1."""
    if abs(len(one) - len(other)) > limit:
        return limit + 1
    row = list(range(len(other) + 1))
    for number, letter in enumerate(one, start=1):
        above, row[0] = row[0], number
        for place, there in enumerate(other, start=1):
            above, row[place] = (
                row[place],
                min(row[place] + 1, row[place - 1] + 1, above + (letter != there)),
            )
        if min(row) > limit:
            return limit + 1
    return min(row[-1], limit + 1)


def _words(name: str) -> tuple[str, ...]:
    return tuple(word.lower() for word in _WORD.findall(name))


def _rank(name: str, words: tuple[str, ...], other: str) -> int | None:
    """Say how near a name is, 0 the nearest; None when it is not near."""
    if _MIN_PREFIX <= len(name) < len(other) <= 2 * len(name) and other.startswith(name):
        return 1
    begins = other[:4].lower()
    likely = abs(len(other) - len(name)) <= max(len(name), 12) and words[0][0] in begins
    theirs = _words(other) if likely else ()
    if not theirs:
        return None
    if "".join(words) == "".join(theirs):
        return 0
    if sorted(words) == sorted(theirs):
        return 2
    if len(words) == len(theirs):
        return _one_misspelt(words, theirs)
    return _one_word_more(words, theirs)


def _one_word_more(words: tuple[str, ...], theirs: tuple[str, ...]) -> int | None:
    """Rank names of which one has a single word that the other lacks."""
    if len(words) >= 2 and len(theirs) == len(words) + 1 and _within(words, theirs):
        return 4
    if len(theirs) >= 2 and len(words) == len(theirs) + 1 and _within(theirs, words):
        extra = [word for word in words if word not in theirs]
        return 5 if not extra or extra[0] in _GENERAL else None
    return None


def _one_misspelt(words: tuple[str, ...], theirs: tuple[str, ...]) -> int | None:
    differing = [(a, b) for a, b in zip(words, theirs, strict=True) if a != b]
    if len(differing) != 1:
        return None
    a, b = differing[0]
    limit = max(1, min(len(a), len(b)) // 3)
    if min(len(a), len(b)) >= 3 and (distance(a, b, limit) <= limit or _abbreviates(a, b)):
        return 3
    return None


def _abbreviates(one: str, other: str) -> bool:
    return one.startswith(other) or other.startswith(one)


def _within(fewer: tuple[str, ...], more: tuple[str, ...]) -> bool:
    """Say whether words stand in another list in the same order."""
    rest = iter(more)
    return all(word in rest for word in fewer)


def _near_stem(one: PurePosixPath, other: PurePosixPath) -> bool:
    a, b = one.stem.lower(), other.stem.lower()
    if a == b:
        return True
    if one.suffix.lower() != other.suffix.lower():
        return False
    limit = max(1, min(len(a), len(b)) // 4)
    near = distance(a, b, limit) <= limit
    return near or (min(len(a), len(b)) >= 3 and _abbreviates(a, b))
