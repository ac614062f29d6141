"""OSV documents: one flaw, the packages it is in, and the versions it reaches.

In: an `Entry`. Out: its JSON document with a fixed order of members and fixed bytes, and, for any
document, a list of what makes it unusable. Refused: nothing here raises; `problems` names each
fault, so that a caller can refuse with all of them.

An id needs a prefix that the format knows. One that it does not know is written with `x_`, the
mark for databases that are not registered.

Source: OSV schema 1.7.5 (ossf/osv-schema).
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal

from clearhouse.formats.canonical import Json

SCHEMA_VERSION: Final = "1.7.5"

_PREFIXES: Final = (
    "ASB-A|PUB-A|ALPINE|ALSA|ALBA|ALEA|AZL|BELL|BIT|CGA|CLEANSTART|CLSA|CURL|CVE|DEBIAN|DHI"
    "|DRUPAL|DSA|DLA|ELA|DTSA|ECHO|EEF|FreeBSD|GHSA|GO|GSD|HSEC|JLSEC|KUBE|LBSEC|LSN|MAL|MINI"
    "|MGASA|OESA|OSEC|OSV|openSUSE-SU|PHSA|PSF|PYSEC|RHBA|RHEA|RHSA|RLSA|RXSA|RSEC|ROOT|RUSTSEC"
    "|SUSE-[SRFO]U|UBUNTU|USN|V8"
)
_REGISTERED: Final = re.compile(rf"({_PREFIXES})-")
_KNOWN_ID: Final = re.compile(rf"x_|({_PREFIXES})-")
_INSTANT: Final = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z")
_COMMIT: Final = re.compile(r"0|[a-f0-9]{40}|[a-f0-9]{64}")

RangeType = Literal["SEMVER", "ECOSYSTEM", "GIT"]
SeverityType = Literal["CVSS_V2", "CVSS_V3", "CVSS_V4"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """One point on the line of versions."""

    kind: Literal["introduced", "fixed", "last_affected"]
    value: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Range:
    """Stretches of affected versions, or commits of a repository."""

    type: RangeType
    events: tuple[Event, ...]
    repo: str | None = None
    """Only for `GIT`, and needed there."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Package:
    """One package of one ecosystem."""

    ecosystem: str
    name: str
    purl: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Affected:
    """One package and the versions of it that have the flaw."""

    package: Package | None
    """None where OSV knows no ecosystem for the package."""
    ranges: tuple[Range, ...] = ()
    versions: tuple[str, ...] = ()
    database_specific: Mapping[str, Json] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Severity:
    """A CVSS vector."""

    type: SeverityType
    score: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Reference:
    """A link, with what it leads to."""

    type: str
    url: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Credit:
    """Somebody to be thanked."""

    name: str
    type: str
    """Upper case, for example `FINDER`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One OSV record."""

    id: str
    published: datetime
    modified: datetime
    summary: str
    details: str
    affected: tuple[Affected, ...]
    aliases: tuple[str, ...] = ()
    severity: tuple[Severity, ...] = ()
    references: tuple[Reference, ...] = ()
    credits: tuple[Credit, ...] = ()
    related: tuple[str, ...] = ()
    """Ids of records about something close by, which are not the same flaw."""
    withdrawn: datetime | None = None
    database_specific: Mapping[str, Json] | None = None


def osv_id(id_: str) -> str:
    """Return the id as OSV takes it: with `x_` in front unless its database is registered."""
    return id_ if _REGISTERED.match(id_) else f"x_{id_}"


def document(entry: Entry) -> dict[str, Json]:
    """Return the JSON document of an entry; what the entry does not have is left out."""
    return _without_empty(
        {
            "schema_version": SCHEMA_VERSION,
            "id": osv_id(entry.id),
            "modified": instant(entry.modified),
            "published": instant(entry.published),
            "withdrawn": None if entry.withdrawn is None else instant(entry.withdrawn),
            "aliases": list(entry.aliases),
            "related": list(entry.related),
            "summary": entry.summary,
            "details": entry.details,
            "severity": [{"type": one.type, "score": one.score} for one in entry.severity],
            "affected": [_affected(one) for one in entry.affected],
            "references": [{"type": one.type, "url": one.url} for one in entry.references],
            "credits": [{"name": one.name, "type": one.type} for one in entry.credits],
            "database_specific": entry.database_specific,
        }
    )


def write(value: Mapping[str, Json]) -> bytes:
    """Return the bytes of a document: members in order of their names, two blanks of indent.

    The same document always gives the same bytes.
    """
    text = json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return f"{text}\n".encode()


def instant(value: datetime) -> str:
    """Return an instant as RFC 3339 in UTC, in whole seconds."""
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def problems(value: Mapping[str, object]) -> tuple[str, ...]:
    """Name what makes a document unusable, each with its place; nothing when it is sound.

    It checks what the schema cannot say as well: that each stretch of a range begins, and has one
    end at most. Events may stand in any order; readers sort them.
    """
    return tuple(_problems(value))


def _affected(one: Affected) -> dict[str, Json]:
    package: dict[str, Json] | None = None
    if one.package is not None:
        package = {
            "ecosystem": one.package.ecosystem,
            "name": one.package.name,
            "purl": one.package.purl,
        }
    return _without_empty(
        {
            "package": package,
            "ranges": [_range(found) for found in one.ranges],
            "versions": list(one.versions),
            "database_specific": one.database_specific,
        }
    )


def _range(one: Range) -> dict[str, Json]:
    events: list[Json] = [{event.kind: event.value} for event in one.events]
    return _without_empty({"type": one.type, "repo": one.repo, "events": events})


def _without_empty(value: Mapping[str, Json]) -> dict[str, Json]:
    return {key: one for key, one in value.items() if one not in (None, [], {}, "")}


def _problems(value: Mapping[str, object]) -> Iterator[str]:
    id_ = value.get("id")
    if not isinstance(id_, str) or not _KNOWN_ID.match(id_):
        yield "id: has no prefix that OSV knows"
    for name in ("modified", "published", "withdrawn"):
        if (name in value or name == "modified") and not _is_instant(value.get(name)):
            yield f"{name}: is not an instant in UTC"
    affected = value.get("affected")
    if not isinstance(affected, list) or not affected:
        yield "affected: names no package"
        return
    for index, one in enumerate(affected):
        yield from _affected_problems(one, f"affected[{index}]")


def _is_instant(value: object) -> bool:
    return isinstance(value, str) and _INSTANT.fullmatch(value) is not None


def _affected_problems(value: object, place: str) -> Iterator[str]:
    if not isinstance(value, Mapping):
        yield f"{place}: is not an object"
        return
    ranges = value.get("ranges") or []
    if not ranges and not value.get("versions"):
        yield f"{place}: names no version"
    for index, one in enumerate(ranges if isinstance(ranges, list) else [None]):
        where = f"{place}.ranges[{index}]"
        events = one.get("events") if isinstance(one, Mapping) else None
        if not isinstance(one, Mapping) or not isinstance(events, list) or not events:
            yield f"{where}: has no events"
            continue
        yield from _range_problems(one, events, where)


def _range_problems(value: Mapping[str, object], events: list[object], place: str) -> Iterator[str]:
    kinds = [next(iter(event), "") if isinstance(event, Mapping) else "" for event in events]
    starts = kinds.count("introduced")
    # Commits branch, so a flaw that began once can be fixed many times.
    if starts == 0 or (len(kinds) > 2 * starts and value.get("type") != "GIT"):
        yield f"{place}: has an end without a beginning"
    if {"fixed", "last_affected"} <= set(kinds):
        yield f"{place}: has fixed and last_affected together"
    if value.get("type") == "GIT":
        if not value.get("repo"):
            yield f"{place}: names no repository"
        texts = [next(iter(event.values()), "") for event in events if isinstance(event, Mapping)]
        if not all(isinstance(text, str) and _COMMIT.fullmatch(text) for text in texts):
            yield f"{place}: has a commit that is not a full hash"
        if any(texts.count(text) > 1 for text in texts):
            yield f"{place}: names a commit twice"
