"""Read local public knowledge: OSV documents, release lists and the KEV catalogue.

In comes the text of one file; out come records. What a record needs and the file does not hold is
refused with `UnreadableError`, which says what is wrong; `known` adds the name of the file.

Source: OSV schema 1.7; CISA KEV catalogue schema; VERS 1.1 for the ranges.
"""

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from typing import cast

from clearhouse.clearing.deconflict.record import (
    AffectedPackage,
    KevEntry,
    KnownVulnerability,
    Releases,
)
from clearhouse.formats.purl import PurlError, identity, purl_of
from clearhouse.formats.vers import Constraint, VersError, build, scheme_of

Fields = dict[str, object]


class UnreadableError(ValueError):
    """A document of local knowledge does not hold what it must."""


def read_json(text: str) -> Fields:
    """Parse one JSON object.

    Raises: UnreadableError when it is not JSON or not an object.
    """
    try:
        document: object = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UnreadableError(f"not JSON: {error}") from error
    if not isinstance(document, dict):
        raise UnreadableError("not a JSON object")
    return cast("Fields", document)


def read_osv(text: str) -> KnownVulnerability:
    """Read one OSV document.

    Raises: UnreadableError when it is not an OSV document with an id.
    """
    document = read_json(text)
    name = _text(document, "id")
    if name is None:
        raise UnreadableError("no id")
    return KnownVulnerability(
        id=name,
        aliases=tuple(_texts(document, "aliases")),
        packages=_packages(_objects(document, "affected")),
        summary=_text(document, "summary"),
        details=_text(document, "details"),
        cwes=_cwes(document),
        published=_instant(document, "published"),
        withdrawn=_instant(document, "withdrawn"),
    )


def read_releases(text: str) -> dict[str, Releases]:
    """Read the release lists, keyed by package URL without a version.

    Raises: UnreadableError when a list or its instant is missing.
    """
    found = {}
    for purl, entry in read_json(text).items():
        if not isinstance(entry, dict):
            raise UnreadableError(f"{purl}: not an object")
        as_of = _instant(entry, "as_of")
        versions = tuple(_texts(entry, "versions"))
        if as_of is None or not versions:
            raise UnreadableError(f"{purl}: needs as_of and versions")
        found[canonical(purl)] = Releases(versions=versions, as_of=as_of)
    return found


def read_kev(text: str) -> dict[str, KevEntry]:
    """Read the KEV catalogue, keyed by CVE id.

    Raises: UnreadableError when an entry has no CVE id or no date.
    """
    found = {}
    for entry in _objects(read_json(text), "vulnerabilities"):
        cve, added = _text(entry, "cveID"), _day(entry, "dateAdded")
        if cve is None or added is None:
            raise UnreadableError("an entry needs cveID and dateAdded")
        found[cve.upper()] = KevEntry(
            cve=cve.upper(),
            added=added,
            due=_day(entry, "dueDate"),
            ransomware=True if entry.get("knownRansomwareCampaignUse") == "Known" else None,
            name=_text(entry, "vulnerabilityName"),
        )
    return found


def canonical(purl: str) -> str:
    """Return a package URL in canonical form, without version, qualifiers and subpath.

    Raises: UnreadableError when it is not a package URL.
    """
    try:
        return identity(purl)
    except PurlError as error:
        raise UnreadableError(str(error)) from error


def _packages(affected: Iterable[Fields]) -> tuple[AffectedPackage, ...]:
    """Join what the document says about each package, in the order of first mention."""
    entries: dict[str, list[Fields]] = {}
    for entry in affected:
        purl = _purl(_object(entry, "package"))
        if purl is not None:
            entries.setdefault(purl, []).append(entry)
    return tuple(_package(purl, found) for purl, found in entries.items())


def _purl(package: Fields) -> str | None:
    stated = _text(package, "purl")
    if stated is not None:
        return canonical(stated)
    ecosystem, name = _text(package, "ecosystem"), _text(package, "name")
    return None if ecosystem is None or name is None else purl_of(ecosystem, name)


def _package(purl: str, entries: list[Fields]) -> AffectedPackage:
    ranges = [
        item
        for entry in entries
        for item in _objects(entry, "ranges")
        if item.get("type") in {"SEMVER", "ECOSYSTEM"}
    ]
    kind = purl.removeprefix("pkg:").split("/")[0]
    comparators = [part for item in ranges for part in _comparators(_objects(item, "events"))]
    if not comparators:
        comparators = [
            Constraint(comparator="=", version=version)
            for entry in entries
            for version in _texts(entry, "versions")
        ]
    fixed = tuple(
        version
        for item in ranges
        for event in _objects(item, "events")
        if (version := _text(event, "fixed")) is not None
    )
    return AffectedPackage(purl=purl, affected=_vers(kind, comparators), fixed=fixed)


def _comparators(events: Iterable[Fields]) -> Iterator[Constraint]:
    """Turn the events of one range into constraints. Source: OSV 1.7 `affected[].ranges`."""
    for event in events:
        for key, comparator in (("introduced", ">="), ("fixed", "<"), ("last_affected", "<=")):
            version = _text(event, key)
            if version == "0" and key == "introduced":
                yield Constraint(comparator="*")
            elif version is not None:
                yield Constraint(comparator=comparator, version=version)


def _vers(kind: str, constraints: list[Constraint]) -> str | None:
    """Join constraints in the order of versions; None when a version cannot be ordered.

    A `*` stands for "from the first version on" and only counts alone.
    """
    bounds = [one for one in constraints if one.comparator != "*"] or constraints[:1]
    scheme = scheme_of(kind)
    if not bounds or scheme is None:
        return None
    try:
        return str(build(scheme, bounds))
    except VersError:
        return None


def _cwes(document: Fields) -> tuple[str, ...]:
    specific = _object(document, "database_specific")
    named = [*_texts(specific, "cwe_ids"), *_texts(specific, "cwes")]
    return tuple(dict.fromkeys(cwe for cwe in named if cwe.startswith("CWE-")))


def _text(fields: Fields, key: str) -> str | None:
    value = fields.get(key)
    return value if isinstance(value, str) and value else None


def _texts(fields: Fields, key: str) -> Iterator[str]:
    value = fields.get(key)
    if isinstance(value, list):
        yield from (item for item in value if isinstance(item, str) and item)


def _object(fields: Fields, key: str) -> Fields:
    value = fields.get(key)
    return cast("Fields", value) if isinstance(value, dict) else {}


def _objects(fields: Fields, key: str) -> Iterator[Fields]:
    value = fields.get(key)
    if isinstance(value, list):
        yield from (cast("Fields", item) for item in value if isinstance(item, dict))


def _instant(fields: Fields, key: str) -> datetime | None:
    value = _text(fields, key)
    if value is None:
        return None
    try:
        instant = datetime.fromisoformat(value)
    except ValueError as error:
        raise UnreadableError(f"{key}: not an RFC 3339 instant") from error
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)


def _day(fields: Fields, key: str) -> date | None:
    value = _text(fields, key)
    try:
        return None if value is None else date.fromisoformat(value)
    except ValueError as error:
        raise UnreadableError(f"{key}: not a date") from error
