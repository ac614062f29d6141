"""Words of a report: its own text, rare words shared with another text, and named places."""

import re
from pathlib import PurePosixPath

from packageurl import PackageURL

from clearhouse.clearing.intake.record import Draft

_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]{2,}")
_STOP = frozenset(
    re.findall(
        r"\w+",
        """
    the and for that this with from are was were been being have has had not but its their which
    when where who what will would can could should may might must into onto than then them they
    you your our all any each every some such only also more most other same very via per out over
    under before after between because while does did done use used uses using user users make made
    issue issues bug bugs flaw vulnerability vulnerabilities vulnerable affected affects affect
    version versions package library application applications software attacker attackers attack
    attacks allow allows allowed allowing lead leads leading cause causes causing result results
    code function functions method methods call calls called value values data input inputs fix
    fixed fixes patch patched patches release released releases upgrade update updated security
    report reported exploit exploited exploitation impact severity remote remotely malicious
    crafted untrusted http https www com org github advisory advisories cve ghsa cwe
    """,
    )
)


def text_of(draft: Draft) -> str:
    """Return everything that the report says in words."""
    parts = (draft.title, draft.description, draft.trigger, draft.impact, draft.crash_log)
    return "\n".join(part for part in parts if part)


def rare_words(text: str) -> frozenset[str]:
    """Return the words of a text that tell it from other reports, in a plain stem."""
    words = (word.lower() for word in _WORD.findall(text))
    return frozenset(_stem(word) for word in words if word not in _STOP)


def overlap(published: str, reported: str) -> float:
    """Return which share of the shorter text's rare words the other has too; 0 to 1."""
    left, right = rare_words(published), rare_words(reported)
    if not left or not right:
        return 1.0
    return len(left & right) / min(len(left), len(right))


def places(draft: Draft) -> frozenset[str]:
    """Return the names of functions and files that the report points at."""
    names = set()
    for location in draft.locations:
        if location.function:
            names.update(re.findall(r"\w{3,}", location.function))
        if location.file:
            names.add(PurePosixPath(location.file).stem)
    return frozenset(names)


def same_name(purl: str, other: str) -> bool:
    """Say whether two packages may be relatives: one name holds the other."""
    left, right = _plain(purl), _plain(other)
    return left in right or right in left


def _plain(purl: str) -> str:
    name = PackageURL.from_string(purl).name.lower()
    return re.sub(r"[^a-z0-9]", "", name)


def _stem(word: str) -> str:
    for ending in ("ing", "ed", "es", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 4:
            return word[: -len(ending)]
    return word
