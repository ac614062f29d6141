"""SECURITY.md: whom to tell of a flaw, as people write it in prose.

In: the text of a security policy in Markdown. Out: addresses that it names for reports, the
likeliest first: those in sentences about reporting, then those that are called security, then
others. Refused: nothing; a text without an address gives none. What is read from prose is a guess
and is called one.
"""

import re

MOST_CHARACTERS = 100_000
_EMAIL = re.compile(
    r"[A-Za-z0-9][A-Za-z0-9._%+-]{0,63}(?:@|\s?[\[(]\s?at\s?[\])]\s?)"
    r"(?:[A-Za-z0-9-]{1,63}(?:\.|\s?[\[(]\s?dot\s?[\])]\s?)){1,6}[A-Za-z]{2,24}",
    re.IGNORECASE,
)
_FORM = re.compile(
    r"https://(?:github\.com/[\w.-]{1,100}/[\w.-]{1,100}/security/advisories(?:/new)?"
    r"|(?:www\.)?(?:hackerone|bugcrowd|huntr)\.(?:com|dev)/[\w./-]{1,100}"
    r"|[\w.-]{1,100}/[\w./-]{0,100}(?:report|vulnerab|security)[\w./-]{0,100})"
)
_REPORTING = re.compile(r"report|disclos|vulnerab|contact|e-?mail", re.IGNORECASE)
_ELSEWHERE = re.compile(r"example\.(com|org|net)|noreply|conduct", re.IGNORECASE)


def contacts(text: str) -> tuple[str, ...]:
    """Return e-mail and web addresses, the likeliest first."""
    found: dict[str, int] = {}
    for line in text[:MOST_CHARACTERS].splitlines():
        about = 0 if _REPORTING.search(line) else 2
        for match in _FORM.finditer(line):
            _note(found, match[0].rstrip("./-"), min(about, 1))
        for match in _EMAIL.finditer(line):
            address = _plain(match[0])
            if not _ELSEWHERE.search(address):
                _note(found, address, about if "secur" in address.lower() else about + 1)
    return tuple(sorted(found, key=lambda one: found[one]))


def _note(found: dict[str, int], address: str, rank: int) -> None:
    found[address] = min(rank, found.get(address, rank))


def _plain(address: str) -> str:
    """Write an address that somebody spelled out for machines not to read."""
    at = re.sub(r"\s?[\[(]\s?at\s?[\])]\s?", "@", address, flags=re.IGNORECASE)
    return re.sub(r"\s?[\[(]\s?dot\s?[\])]\s?", ".", at, flags=re.IGNORECASE)
