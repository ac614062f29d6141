"""Say whether the claimed ids are possible, and about the flaw described.

Shape and year are decided without any list. Whether an id exists is only known where local data has
it; an id that local data lacks is UNCHECKABLE. A known id about a different package, or about
another kind of flaw in another place with other words, is CONTRADICTED.

Source: CVE id syntax (CVE Program, 2014); GHSA id syntax (github/advisory-database).
"""

import re
from collections.abc import Iterator
from datetime import datetime

from clearhouse.clearing.deconflict.known import Known, KnownVulnerability
from clearhouse.clearing.intake.record import Draft
from clearhouse.clearing.validate.claims.answer import contradicted, holds, uncheckable
from clearhouse.clearing.validate.claims.words import overlap, places, same_name, text_of
from clearhouse.clearing.validate.record import Claim, ClaimCheck
from clearhouse.clearing.validate.weaknesses import disjoint

_CVE = re.compile(r"CVE-(\d{4})-(\d{4,19})", re.IGNORECASE)
_CVE_NUMBERS = re.compile(r"CVE-(\d+)-(\d+)", re.IGNORECASE)
_GHSA = re.compile(r"GHSA(?:-[23456789cfghjmpqrvwx]{4}){3}", re.IGNORECASE)
_GHSA_SHAPE = re.compile(r"GHSA(?:-[0-9a-z]+)+", re.IGNORECASE)
_YEARLY = re.compile(r"(PYSEC|RUSTSEC|GO|OSV|MAL|GSD|DSA|DLA|USN)-(\d{4})-\d+", re.IGNORECASE)
_FIRST_CVE_YEAR = 1999
_DECEMBER = 12
_FEW_SHARED_WORDS = 0.12
"""Share of the published text's rare words that the report has too, below which texts differ."""


def check_ids(draft: Draft, known: Known, now: datetime) -> Iterator[ClaimCheck]:
    """Look at every id that the report claims for its flaw."""
    for name in dict.fromkeys(draft.aliases):
        flaw = impossible(name, now)
        if flaw is not None:
            yield contradicted(Claim.IDENTIFIER, name, flaw, "syntax of ids")
            continue
        records = known.records_of(name)
        if not records:
            yield uncheckable(
                Claim.IDENTIFIER,
                name,
                "Possible, but not in local data; that does not mean that it does not exist.",
                "local OSV documents",
            )
            continue
        yield holds(Claim.IDENTIFIER, name, _published(records), records[0].id)
        yield _subject(draft, name, records)


def impossible(name: str, now: datetime) -> str | None:
    """Say why nobody can have assigned this id, or None when somebody may have."""
    numbers = _CVE_NUMBERS.fullmatch(name)
    if numbers is not None:
        if _CVE.fullmatch(name) is None:
            return "A CVE id has a year of four digits and a number of at least four."
        return _impossible_year(int(numbers[1]), now)
    if _GHSA_SHAPE.fullmatch(name) and _GHSA.fullmatch(name) is None:
        return "A GHSA id has three groups of four of the characters 2-9, c, f-h, j, m, p-r, v-x."
    yearly = _YEARLY.fullmatch(name)
    if yearly is not None and int(yearly[2]) > now.year:
        return f"Its year has not begun; it is {now.year}."
    return None


def _impossible_year(year: int, now: datetime) -> str | None:
    if year < _FIRST_CVE_YEAR:
        return f"The CVE list begins in {_FIRST_CVE_YEAR}."
    reserved_ahead = now.month == _DECEMBER and year == now.year + 1
    if year > now.year and not reserved_ahead:
        return f"Its year has not begun; it is {now.year}."
    return None


def _published(records: tuple[KnownVulnerability, ...]) -> str:
    withdrawn = [one.withdrawn for one in records if one.withdrawn is not None]
    if len(withdrawn) == len(records):
        return f"Published, and withdrawn on {withdrawn[0]:%Y-%m-%d}."
    return "Published."


def _subject(draft: Draft, name: str, records: tuple[KnownVulnerability, ...]) -> ClaimCheck:
    """Compare the report with what is published under the id."""
    place = records[0].id
    packages = {package.purl for one in records for package in one.packages}
    if draft.purl is None or not packages:
        return uncheckable(
            Claim.IDENTIFIER_SUBJECT, name, "No package on both sides to compare.", place
        )
    text = text_of(draft)
    shared = max(overlap(one.text, text) for one in records)
    if draft.purl not in packages:
        return _other_package(draft.purl, name, packages, shared, place)
    cwes = tuple(cwe for one in records for cwe in one.cwes)
    if not disjoint(draft.cwes, cwes):
        return holds(
            Claim.IDENTIFIER_SUBJECT, name, "Same package, and no other kind of flaw.", place
        )
    same_place = any(places(draft) & set(re.findall(r"\w+", one.text)) for one in records)
    if same_place or shared >= _FEW_SHARED_WORDS:
        return uncheckable(
            Claim.IDENTIFIER_SUBJECT,
            name,
            "Same package and another kind of flaw, but the texts share places or words.",
            place,
        )
    return contradicted(
        Claim.IDENTIFIER_SUBJECT,
        name,
        f"The id is about another flaw of this package: {', '.join(dict.fromkeys(cwes))}, "
        f"not {', '.join(draft.cwes)}, in other words and another place.",
        place,
    )


def _other_package(
    purl: str, name: str, packages: set[str], shared: float, place: str
) -> ClaimCheck:
    others = ", ".join(sorted(packages)[:3])
    related = any(same_name(purl, other) for other in packages)
    if not related and shared < _FEW_SHARED_WORDS:
        return contradicted(
            Claim.IDENTIFIER_SUBJECT, name, f"The id is about another package: {others}.", place
        )
    return uncheckable(
        Claim.IDENTIFIER_SUBJECT,
        name,
        f"Published for {others}; the report may be about a copy or a relative of it.",
        place,
    )
