"""An issue of an advisory as a STIX vulnerability object, and the pages of them that TAXII gives.

In: public issues with the instant at which each became public, and what a client asks for. Out: the
objects, the oldest first, one page at a time. Refused: a page that is no page of this question.
Every issue of an advisory is a version of one object, whose id follows from the advisory's.
Source: STIX 2.1 §4.18 (vulnerability), §3.2 (common properties), §2.9 (identifiers); TAXII 2.1 §3.4
(filtering), §3.5 (pagination).
"""

import json
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from clearhouse.clearing.publish.record import Advisory, Publisher
from clearhouse.formats.canonical import Json

MEDIA_TYPE: Final = "application/stix+json;version=2.1"
KIND: Final = "vulnerability"
SPEC_VERSION: Final = "2.1"
MOST: Final = 100
"""So many objects stand on one page at most."""


class NoSuchPageError(ValueError):
    """The client asks for a page that no answer led to."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Dated:
    """One version of an object, and since when it can be had."""

    added: datetime
    object: dict[str, Json]

    @property
    def id(self) -> str:
        """The object's id."""
        return str(self.object["id"])

    @property
    def version(self) -> str:
        """The version's name: when the object was modified."""
        return str(self.object["modified"])


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """What a client asks a collection for."""

    after: datetime | None = None
    """Only what was added later."""
    limit: int = MOST
    start: str | None = None
    """The `next` of the answer before."""
    ids: frozenset[str] = frozenset()
    kinds: frozenset[str] = frozenset()
    versions: frozenset[str] = frozenset({"last"})
    """`first`, `last`, `all`, or names of versions."""
    spec_versions: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True, slots=True)
class Sheet:
    """One page of an answer."""

    found: Sequence[Dated]
    following: str | None
    """How to ask for the rest; None when there is no more."""


def id_of(advisory_id: str, publisher: Publisher) -> str:
    """Return the id of the object of an advisory, the same for ever."""
    return f"{KIND}--{uuid.uuid5(uuid.NAMESPACE_URL, publisher.address(advisory_id))}"


def vulnerability(issue: Advisory, publisher: Publisher) -> dict[str, Json]:
    """Return the object of one issue, from what its OSV document says."""
    osv = json.loads(issue.bodies["osv"])
    modified = str(osv["modified"])
    ids = [str(one) for one in osv.get("aliases", ())]
    cves = [one for one in ids if one.startswith("CVE-")]
    elsewhere: list[Json] = [{"source_name": "cve", "external_id": one} for one in cves]
    here: dict[str, Json] = {
        "source_name": publisher.name,
        "external_id": issue.advisory_id,
        "url": publisher.address(issue.advisory_id),
    }
    said = [str(osv[name]) for name in ("summary", "details") if osv.get(name)]
    found: dict[str, Json] = {
        "type": KIND,
        "spec_version": SPEC_VERSION,
        "id": id_of(issue.advisory_id, publisher),
        "created": str(osv.get("published") or modified),
        "modified": modified,
        "name": cves[0] if cves else issue.advisory_id,
        "description": "\n\n".join(said),
        "external_references": [*elsewhere, here],
    }
    return found | ({"revoked": True} if "withdrawn" in osv else {})


def sheet(versions: Iterable[Dated], wanted: Wanted) -> Sheet:
    """Return the page that is asked for, of all versions of all objects in order of arrival.

    Raises: NoSuchPageError.
    """
    if wanted.start is not None and not (wanted.start.isascii() and wanted.start.isdigit()):
        raise NoSuchPageError("next is not one that an answer gave")
    known = list(versions)
    first = {one.id: one.version for one in reversed(known)}
    last = {one.id: one.version for one in known}
    chosen = [
        one
        for one in known
        if _is_wanted(one, wanted) and _is_version(one, wanted.versions, first, last)
    ]
    start = int(wanted.start or 0)
    end = start + max(1, min(wanted.limit, MOST))
    return Sheet(found=chosen[start:end], following=str(end) if end < len(chosen) else None)


def _is_wanted(one: Dated, wanted: Wanted) -> bool:
    return (
        (wanted.after is None or one.added > wanted.after)
        and (not wanted.ids or one.id in wanted.ids)
        and (not wanted.kinds or KIND in wanted.kinds)
        and (not wanted.spec_versions or SPEC_VERSION in wanted.spec_versions)
    )


def _is_version(
    one: Dated, names: frozenset[str], first: dict[str, str], last: dict[str, str]
) -> bool:
    return (
        "all" in names
        or one.version in names
        or ("first" in names and first[one.id] == one.version)
        or ("last" in names and last[one.id] == one.version)
    )


def stamp(at: datetime) -> str:
    """Write an instant as STIX and TAXII do, to the microsecond: none is asked for twice."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"
