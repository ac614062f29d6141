"""Recognise the names that a report cites: vulnerability ids, weakness ids, commits.

In comes text; out come ids in the spelling that their databases use. Nothing here says whether an
id exists.

Source: CVE Record Format 5 (id syntax); GitHub advisory ids; OSV schema 1.7 §id (prefixes);
CWE 4.x.
"""

import re
from collections.abc import Iterator

_GHSA_WORD = "[23456789cfghjmpqrvwx]{4}"
CVE = re.compile(r"CVE-\d{4}-\d{4,19}", re.IGNORECASE)
GHSA = re.compile(rf"GHSA(?:-{_GHSA_WORD}){{3}}", re.IGNORECASE)
_OSV_PREFIXES = (
    "ALPINE|ALSA|ASB-A|AZL|BIT|CGA|CURL|DEBIAN|DLA|DRUPAL|DSA|DTSA|ECHO|EEF|ELA|GO|GSD|HSEC|JLSEC|"
    "KUBE|LBSEC|MAL|MGASA|OESA|OSEC|OSV|PHSA|PSF|PUB-A|PYSEC|RHBA|RHEA|RHSA|RLSA|RSEC|RUSTSEC|"
    "RXSA|UBUNTU|USN|V8"
)
_OTHER = re.compile(rf"(?:{_OSV_PREFIXES})-(?=[\w:.-]*\d)[\w:.-]{{1,100}}", re.IGNORECASE)
_ANY = re.compile(
    rf"(?<![\w-])(?:{CVE.pattern}|{GHSA.pattern}|"
    r"(?:PYSEC|GO|RUSTSEC|OSV)-\d{4}-\d{1,10}|MAL-\d{4}-\d{1,10}|SNYK-[A-Z]+-[A-Z0-9]+-\d+)(?![\w-])",
    re.IGNORECASE,
)
_CWE = re.compile(r"(?<![\w-])CWE[- ]?(\d{1,5})(?!\d)", re.IGNORECASE)
_COMMIT = re.compile(r"[0-9a-f]{7,64}", re.IGNORECASE)
CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")
"""What TAP and we call a control character: Unicode category Cc."""


def vulnerability_id(text: str) -> str | None:
    """Return an id in its database's spelling, or None when it has no known shape."""
    text = text.strip()
    if CVE.fullmatch(text):
        return text.upper()
    if GHSA.fullmatch(text):
        return "GHSA-" + text[5:].lower()
    return text if _OTHER.fullmatch(text) else None


def find_vulnerability_ids(text: str) -> Iterator[re.Match[str]]:
    """Find the ids in prose; `vulnerability_id` spells a match."""
    return _ANY.finditer(text)


def cwe_ids(text: str) -> tuple[str, ...]:
    """Find weakness ids, each once, in order of appearance, as `CWE-<number>`."""
    return tuple(dict.fromkeys(f"CWE-{int(number)}" for number in _CWE.findall(text)))


def is_commit(text: str) -> bool:
    """Say whether the text has the shape of a full or short commit hash."""
    return _COMMIT.fullmatch(text) is not None
