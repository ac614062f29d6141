"""Bring the claims of a draft into the spellings that the house compares.

In comes a draft as a reader found it; out comes the same draft with canonical package, ids,
weaknesses, versions, commits and vectors. What cannot be read under its standard leaves its field,
is kept in `Draft.unknown` under the field's name, and gets a notice: a claim is never guessed and
never lost.

Source: ECMA-427 (package URL); VERS 1.1; CVE, GHSA and CWE id syntax; CVSS v4.0, v3.1 and v2.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, cast

from clearhouse.clearing.intake.record import Draft, Notice
from clearhouse.formats import cvss, purl, vers, vers_native
from clearhouse.formats.ecosystems import ecosystem_name, package_of
from clearhouse.formats.identifiers import cwe_ids, is_commit, vulnerability_id
from clearhouse.formats.tap_fields import is_web_url

MAX_ENTRIES = 512
"""Entries kept of one list; a document may list thousands of versions."""
MAX_STATEMENT_CHARS = 256
"""Of one statement about versions; a longer one is kept as it stands."""

_WORDS = (
    (
        re.compile(r"\b(?:all )?(?:versions? )?(?:before|prior to|earlier than|below|less than)\b"),
        "<",
    ),
    (re.compile(r"\b(?:all )?(?:versions? )?(?:up to and including|up to|through|until)\b"), "<="),
    (
        re.compile(r"\b(?:versions? )?(?:starting (?:from|with)|since|from|after and including)\b"),
        ">=",
    ),
)
_AND_EARLIER = re.compile(r"(\S+?),? (?:and|or) (?:earlier|older|below|lower|prior|before)\b.*")
_AND_LATER = re.compile(r"(\S+?),? (?:and|or) (?:later|newer|above|higher|up)\b.*")
_FROM_TO = re.compile(
    r"(?:from )?v?(\d\S*?)(?: - | to | \u2013 | through | until | up to )v?(\d\S*)"
)
_EVERYTHING = frozenset({"*", "all", "all versions", "any", "every version"})
_PLAIN = re.compile(r"v?[0-9A-Za-z][0-9A-Za-z.+!_:~-]*")
_SIGN = re.compile(r"[<>=!^~|*]")


def canonical(draft: Draft) -> Draft:
    """Settle every claim of a draft."""
    for step in (_package, _versions, _weaknesses, _ids, _vectors, _commits, _references):
        draft = step(draft)
    return draft


def noted(draft: Draft, code: str, field: str, reason: str) -> Draft:
    """Add one notice."""
    return replace(draft, notices=(*draft.notices, Notice(code=code, field=field, reason=reason)))


def _set_aside(draft: Draft, field: str, values: Iterable[str], code: str, reason: str) -> Draft:
    """Keep what could not be read, and say so."""
    kept = list(values)
    if not kept:
        return draft
    draft = replace(draft, unknown=draft.unknown | {field: kept})
    return noted(draft, code, field, reason)


def _package(draft: Draft) -> Draft:
    version = None
    if draft.purl is not None:
        try:
            found = purl.parse(draft.purl)
        except purl.PurlError as error:
            stated = draft.purl
            draft = _set_aside(
                replace(draft, purl=None), "purl", [stated], "unparseable_purl", str(error)
            )
        else:
            version, identity = found.version, found.identity
            draft = draft if identity == draft.purl else replace(draft, purl=identity)
    draft = _ecosystem(draft)
    if draft.purl is None and draft.ecosystem and draft.software:
        draft = replace(draft, purl=package_of(draft.ecosystem, draft.software))
    if draft.purl is not None:
        draft = _names(draft, draft.purl)
    if version is not None and not draft.affected_versions:
        draft = replace(draft, affected_versions=(version,))
    return draft


def _ecosystem(draft: Draft) -> Draft:
    if draft.ecosystem is None:
        return draft
    name = ecosystem_name(draft.ecosystem)
    if name is not None:
        return draft if name == draft.ecosystem else replace(draft, ecosystem=name)
    stated = draft.ecosystem
    draft = replace(draft, ecosystem=None)
    reason = "not an ecosystem of OSV or a package URL type"
    return _set_aside(draft, "ecosystem", [stated], "unknown_ecosystem", reason)


def _names(draft: Draft, identity: str) -> Draft:
    if draft.ecosystem and draft.software:
        return draft
    named = purl.ecosystem_of(identity)
    if named is None:
        return draft
    return replace(
        draft, ecosystem=draft.ecosystem or named[0], software=draft.software or named[1]
    )


def _versions(draft: Draft) -> Draft:
    scheme = vers.scheme_of(draft.purl.partition(":")[2].partition("/")[0]) if draft.purl else None
    affected = [
        one
        for text in draft.affected_versions[:MAX_ENTRIES]
        for one in stated_versions(text, scheme)
    ]
    fixed = [
        one
        for text in draft.fixed_versions[:MAX_ENTRIES]
        for one in _listed(text[:MAX_STATEMENT_CHARS])
    ]
    if not (affected or fixed):
        return draft
    for field in ("affected_versions", "fixed_versions"):
        if len(getattr(draft, field)) > MAX_ENTRIES:
            draft = noted(draft, "truncated", field, f"only the first {MAX_ENTRIES} are compared")
    draft = replace(draft, affected_versions=_bounded(affected), fixed_versions=_bounded(fixed))
    if unread := [one for one in draft.affected_versions if " " in one]:
        reason = f"{len(unread)} of them could not be read as versions or a range"
        draft = noted(draft, "unparseable_versions", "affected_versions", reason)
    return draft


def stated_versions(text: str, scheme: str | None) -> tuple[str, ...]:
    """Turn a statement about versions into single versions and vers ranges.

    What is neither under the scheme comes back as it was stated.
    """
    text = re.sub(r"\s+", " ", text[:MAX_STATEMENT_CHARS]).strip(" .`'\"")
    if text.startswith("vers:") or not text:
        return (text,) if text else ()
    if text.lower() in _EVERYTHING:
        return (f"vers:{scheme}/*",) if scheme else (text,)
    phrase = _as_comparators(text)
    listed = _listed(phrase)
    if not _SIGN.search(phrase):
        return tuple(listed) if all(map(_PLAIN.fullmatch, listed)) else (text,)
    if scheme is None:
        return (text,)
    alternatives = re.split(r"\s*(?:;|\|\|| or )\s*", phrase)
    try:
        return tuple(_range(one, scheme) for one in alternatives if one)
    except vers.VersError:
        return (text,)


def _range(text: str, scheme: str) -> str:
    if not _SIGN.search(text):
        return text.removeprefix("v")
    try:
        return str(vers_native.from_comparators(scheme, text))
    except vers.VersError:
        return str(vers_native.from_native(scheme, text))


def _as_comparators(text: str) -> str:
    """Replace the words that people use for bounds."""
    phrase = re.sub(r"^versions? ", "", text, flags=re.IGNORECASE)
    phrase = _AND_EARLIER.sub(r"<=\1", phrase)
    phrase = _AND_LATER.sub(r">=\1", phrase)
    phrase = _FROM_TO.sub(r">=\1, <=\2", phrase)
    for pattern, sign in _WORDS:
        phrase = re.sub(rf"{pattern.pattern} *v?", sign, phrase, flags=re.IGNORECASE)
    return re.sub(r"([<>]=?|=) *v(?=\d)", r"\1", phrase).replace(" and ", ", ")


def _listed(text: str) -> list[str]:
    parts = re.split(r"\s*(?:[,;]|\band\b|\bor\b)\s*|\s+(?=v?\d)", text.strip(" .`"))
    return [part.strip("`'\" ").removeprefix("v") for part in parts if part.strip("`'\" ")]


def _bounded(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))[:MAX_ENTRIES]


def _weaknesses(draft: Draft) -> Draft:
    if not draft.cwes:
        return draft
    found = [one for text in draft.cwes for one in cwe_ids(text)]
    unread = [text for text in draft.cwes if not cwe_ids(text)]
    draft = replace(draft, cwes=_bounded(found))
    return _set_aside(draft, "cwes", unread, "unparseable_cwe", "not of the form CWE-<number>")


def _ids(draft: Draft) -> Draft:
    return _sorted_out(
        draft, "aliases", vulnerability_id, "unknown_id", "not an id of a public database"
    )


def _vectors(draft: Draft) -> Draft:
    return _sorted_out(draft, "cvss_vectors", _vector, "unparseable_cvss", "not a CVSS vector")


def _vector(text: str) -> str | None:
    try:
        return cvss.parse(text).vector
    except cvss.CvssError:
        return None


def _references(draft: Draft) -> Draft:
    return _sorted_out(
        draft,
        "references",
        lambda text: text if is_web_url(text) else None,
        "invalid_reference",
        "not an absolute http or https URL",
    )


def _sorted_out(
    draft: Draft, field: str, read: Callable[[str], str | None], code: str, reason: str
) -> Draft:
    """Keep in a list what `read` understands, set the rest aside."""
    stated: tuple[str, ...] = getattr(draft, field)
    if not stated:
        return draft
    judged = [(text, read(text)) for text in stated[:MAX_ENTRIES]]
    good = _bounded(value for _, value in judged if value is not None)
    bad = [text for text, value in judged if value is None]
    if good != stated:
        draft = _changed(draft, field, good)
    if len(stated) > MAX_ENTRIES:
        draft = noted(draft, "truncated", field, f"only the first {MAX_ENTRIES} are compared")
    return _set_aside(draft, field, bad, code, f"{len(bad)} of them: {reason}")


def _changed(draft: Draft, field: str, value: object) -> Draft:
    return replace(draft, **cast("dict[str, Any]", {field: value}))


_COMMIT_LENGTH = re.compile(r"[0-9A-Za-z]{40}|[0-9A-Za-z]{64}")


def _commits(draft: Draft) -> Draft:
    for field in ("introduced_commit", "fixed_commit"):
        stated: str | None = getattr(draft, field)
        if stated is None:
            continue
        if is_commit(stated):
            draft = _changed(draft, field, stated.lower()) if stated.lower() != stated else draft
        elif _COMMIT_LENGTH.fullmatch(stated):
            # It wants to be a commit and cannot be one: a claim for validation to look at.
            draft = noted(draft, "invalid_commit", field, "as long as a commit, not hexadecimal")
        else:
            draft = _changed(draft, field, None)
            reason = "not 7 to 64 hexadecimal digits"
            draft = _set_aside(draft, field, [stated], "invalid_commit", reason)
    return _sorted_out(
        draft,
        "commits",
        lambda text: text.lower() if is_commit(text) else None,
        "invalid_commit",
        "not 7 to 64 hexadecimal digits",
    )
