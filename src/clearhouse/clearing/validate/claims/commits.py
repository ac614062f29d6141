"""Say which cited commits cannot be git object names.

Existence needs the repository and is not decided here. What no hash function produces is: letters
beyond f, and strings that only repeat or count.

Source: git's object names are SHA-1 (40 hexadecimal digits) or SHA-256 (64), or a prefix of one.
"""

import re
from collections.abc import Iterator
from itertools import pairwise

from clearhouse.clearing.intake.record import Draft
from clearhouse.clearing.validate.claims.answer import contradicted, uncheckable
from clearhouse.clearing.validate.record import Claim, ClaimCheck

_HEX = re.compile(r"[0-9a-f]+")
_WORD = re.compile(r"[0-9a-z]+")
_FULL_LENGTHS = {40, 64}
_PATTERN_CHARS = 16
"""Below this length a pattern may be chance."""


def check_commits(draft: Draft) -> Iterator[ClaimCheck]:
    """Look at the shape of every commit that the report cites."""
    cited = dict.fromkeys(
        one for one in (draft.introduced_commit, draft.fixed_commit, *draft.commits) if one
    )
    for commit in cited:
        flaw = _flaw(commit.lower())
        if flaw is None:
            yield uncheckable(
                Claim.COMMIT, commit, "Possible; the repository has not been looked at."
            )
        else:
            yield contradicted(Claim.COMMIT, commit, flaw, "shape of git object names")
    if draft.introduced_commit and draft.introduced_commit == draft.fixed_commit:
        yield contradicted(
            Claim.COMMIT,
            draft.introduced_commit,
            "One commit cannot both introduce and fix the flaw.",
            "the report itself",
        )


def _flaw(commit: str) -> str | None:
    """Say why no git object can have this name, or None when one may."""
    if not _HEX.fullmatch(commit):
        if len(commit) in _FULL_LENGTHS and _WORD.fullmatch(commit):
            return "As long as a git object name, but not hexadecimal."
        return None
    if len(commit) > max(_FULL_LENGTHS):
        return "Longer than any git object name."
    if len(commit) >= _PATTERN_CHARS and (_repeats(commit) or _counts(commit)):
        return "A pattern that no hash function gives: it repeats or counts."
    return None


def _repeats(commit: str) -> bool:
    """Say whether one short block fills the whole name."""
    return any(
        commit == (commit[:size] * len(commit))[: len(commit)] for size in range(1, 11)
    ) or _is_cycle(commit, "0123456789abcdef")


def _is_cycle(commit: str, alphabet: str) -> bool:
    """Say whether the name only runs through an alphabet, from any start, either way."""
    steps = {
        (alphabet.index(after) - alphabet.index(before)) % len(alphabet)
        for before, after in pairwise(commit)
    }
    return steps in ({1}, {len(alphabet) - 1})


def _counts(commit: str) -> bool:
    """Say whether letters and digits take turns and both only count up, as in a1b2c3d4e5f6."""
    for letters, digits in ((commit[0::2], commit[1::2]), (commit[1::2], commit[0::2])):
        if letters.isalpha() and digits.isdigit():
            return _is_cycle(letters, "abcdef") and _is_cycle(digits, "0123456789")
    return False
