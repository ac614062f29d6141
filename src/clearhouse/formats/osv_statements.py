"""Reads OSV documents as statements that an inventory can be matched with.

In: a parsed document. Out: a `Statement`, or, faster, only the keys of its packages. Refused with
`StatementError`: a document without an id, or whose members are of the wrong kind; the message
names the field. A single entry that cannot be used is a fault of the statement.

Source: OSV schema 1.7.5.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Final, cast

from clearhouse.formats import package_key
from clearhouse.formats.statements import Claim, Details, Remedy, RemedyKind, Statement, Status
from clearhouse.formats.vers import scheme_of
from clearhouse.formats.version_match import Event, Listed, Timeline

_KINDS: Final = ("introduced", "fixed", "last_affected", "limit")
_HEADING: Final = re.compile(r"^#{1,6}\s*(.+?)\s*#*\s*$", re.MULTILINE)
_WORKAROUND: Final = re.compile(r"work-?\s?around|mitigat", re.IGNORECASE)
_NONE: Final = re.compile(
    r"^\W*(none|no\b.{0,40}(work-?arounds?|mitigations?)|n/?a)", re.IGNORECASE
)
MAX_REMEDY: Final = 2000

Fields = Mapping[str, object]


class StatementError(ValueError):
    """The document cannot be read as what it calls itself; the message names the field."""


def recognised(document: Fields) -> bool:
    """Answer whether a document has the marks of OSV."""
    marked = "affected" in document or "modified" in document
    return marked and isinstance(document.get("id"), str)


def keys(document: Fields) -> set[str]:
    """Return the keys of all packages that the document names.

    Raises: StatementError when they cannot be read, so that no package is passed over.
    """
    found: set[str] = set()
    affected = document.get("affected")
    for one in affected if affected.__class__ is list else _none(affected):
        if one.__class__ is not dict:
            raise StatementError("affected[]: is not an object")
        package = one.get("package")
        if package is None:
            elsewhere = _elsewhere(one)
            found.update((elsewhere,) if elsewhere else ())
            continue
        key = _key(package)
        if key is None:
            raise StatementError("affected[].package: has neither package URL nor name")
        found.add(key)
    return found


def read(document: Fields) -> Statement:
    """Return what the document says.

    Raises: StatementError.
    """
    id_ = document.get("id")
    if not isinstance(id_, str) or not id_.strip():
        raise StatementError("id: is missing")
    faults: list[str] = []
    return Statement(
        id=id_,
        document=id_,
        form="osv",
        aliases=_texts(document, "aliases"),
        upstream=_texts(document, "upstream"),
        withdrawn=_withdrawn(document),
        claims=tuple(_claims(document, faults)),
        faults=tuple(faults),
    )


def details(document: Fields) -> Details:
    """Return the rest of what the document says."""
    links = _objects(document, "references")
    return Details(
        title=_text(document.get("summary")) or _first_line(document.get("details")),
        published=instant(document.get("published")),
        vectors=_vectors(document),
        cwes=_cwes(document),
        remedies=tuple(_remedies(document)),
        links=tuple(url for one in links if (url := _text(one.get("url")))),
        demonstrated=any(one.get("type") == "EVIDENCE" for one in links),
    )


def instant(value: object) -> datetime | None:
    """Return an instant of RFC 3339, None for anything else."""
    try:
        found = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def _none(affected: object) -> tuple[Fields, ...]:
    if affected is not None:
        raise StatementError("affected: is not a list")
    return ()


def _key(package: object) -> str | None:
    if package.__class__ is not dict:
        return None
    fields = cast("Fields", package)
    ecosystem, name = fields.get("ecosystem"), fields.get("name")
    if isinstance(ecosystem, str) and isinstance(name, str) and name:
        return package_key.of_ecosystem(ecosystem, name)
    purl = fields.get("purl")
    return package_key.of_purl(purl) if isinstance(purl, str) else None


def _withdrawn(document: Fields) -> datetime | None:
    if not document.get("withdrawn"):
        return None
    return instant(document["withdrawn"]) or datetime.min.replace(tzinfo=UTC)


def _claims(document: Fields, faults: list[str]) -> Iterator[Claim]:
    for index, one in enumerate(_objects(document, "affected")):
        package = one.get("package")
        if not isinstance(package, Mapping):
            elsewhere = _elsewhere(one)
            if elsewhere is not None:
                yield _claim(elsewhere, "", one, f"affected[{index}]", faults)
            continue
        key = _key(package)
        if key is None:
            faults.append(f"affected[{index}].package: has neither package URL nor name")
            continue
        ecosystem = str(package.get("ecosystem") or "")
        yield _claim(key, ecosystem, one, f"affected[{index}]", faults)


def _elsewhere(entry: Fields) -> str | None:
    """Key a package URL of a type that OSV has no ecosystem for, as this house writes it."""
    specific = entry.get("database_specific")
    purl = specific.get("purl") if isinstance(specific, Mapping) else None
    return package_key.of_purl(purl) if isinstance(purl, str) else None


def _claim(key: str, ecosystem: str, entry: Fields, place: str, faults: list[str]) -> Claim:
    scheme = scheme_of(key.partition("|")[0])
    ranges: list[Timeline] = []
    for index, one in enumerate(_objects(entry, "ranges")):
        where = f"{place}.ranges[{index}]"
        kind = one.get("type")
        if kind == "GIT":
            continue  # commits are no versions; the list of versions stands beside them
        events = _events(one, where, faults)
        ordered = "generic" if kind == "SEMVER" and scheme is None else scheme
        ranges.append(Timeline(scheme=ordered, events=events, place=f"{where}.events"))
    versions = frozenset(_texts(entry, "versions"))
    if not ranges and not versions:
        faults.append(f"{place}: names no version that can be compared")
    return Claim(
        key=key,
        status=Status.AFFECTED,
        covers=Listed(scheme=scheme, versions=versions, ranges=tuple(ranges)),
        place=place,
        scheme=scheme or ("generic" if ranges and ranges[0].scheme else None),
        release=ecosystem.partition(":")[2] or None,
        fixes=tuple(dict.fromkeys(fix for one in ranges for fix in one.fixes())),
        whole=bool(ranges or versions),
    )


def _events(range_: Fields, place: str, faults: list[str]) -> tuple[Event, ...]:
    found: list[Event] = []
    for index, one in enumerate(_objects(range_, "events")):
        pairs = [(kind, one[kind]) for kind in _KINDS if kind in one]
        if len(pairs) != 1 or not isinstance(pairs[0][1], str) or not pairs[0][1]:
            faults.append(f"{place}.events[{index}]: is no event with a version")
            continue
        found.append(cast("Event", pairs[0]))
    return tuple(found)


def _vectors(document: Fields) -> tuple[str, ...]:
    scored = [document, *_objects(document, "affected")]
    listed = [one.get("score") for each in scored for one in _objects(each, "severity")]
    return tuple(dict.fromkeys(one for one in listed if isinstance(one, str)))


def _cwes(document: Fields) -> tuple[str, ...]:
    specific = document.get("database_specific")
    listed = specific.get("cwe_ids") if isinstance(specific, Mapping) else None
    return tuple(str(one) for one in listed) if isinstance(listed, list) else ()


def _remedies(document: Fields) -> Iterator[Remedy]:
    """Take what the database states apart, and what the text says under a heading of its own."""
    specific = document.get("database_specific")
    listed = specific.get("mitigations") if isinstance(specific, Mapping) else None
    for one in listed if isinstance(listed, list) else []:
        if isinstance(one, str) and one.strip():
            yield Remedy(kind=RemedyKind.MITIGATION, text=one.strip()[:MAX_REMEDY])
    details = document.get("details")
    if isinstance(details, str):
        yield from _sections(details)


def _sections(details: str) -> Iterator[Remedy]:
    heads = [*_HEADING.finditer(details)]
    for head, after in zip(heads, [*heads[1:], None], strict=False):
        if not _WORKAROUND.search(head[1]):
            continue
        text = details[head.end() : after.start() if after else len(details)].strip()
        if text:
            kind = RemedyKind.NONE if _NONE.match(text) else RemedyKind.WORKAROUND
            yield Remedy(kind=kind, text=text[:MAX_REMEDY])


def _first_line(details: object) -> str | None:
    lines = str(details).strip().splitlines() if isinstance(details, str) else []
    return lines[0].lstrip("# ")[:200] if lines else None


def _text(value: object) -> str | None:
    return value.strip() or None if isinstance(value, str) else None


def _texts(fields: Fields, name: str) -> tuple[str, ...]:
    listed = fields.get(name)
    return tuple(one for one in listed if isinstance(one, str)) if isinstance(listed, list) else ()


def _objects(fields: Fields, name: str) -> list[Fields]:
    listed = fields.get(name)
    return [one for one in listed if one.__class__ is dict] if listed.__class__ is list else []
