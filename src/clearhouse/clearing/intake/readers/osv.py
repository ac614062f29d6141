"""Read an OSV document as a report.

In comes the parsed document; out comes one draft, or a refusal. A document that names several
packages becomes one draft about the first; the others stay among the unknown fields, and a notice
says how many. Aliases are claimed; `related` and `upstream` ids are not.

Source: OSV schema 1.7.5.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import cast

from clearhouse.clearing.intake.readers.document import Node
from clearhouse.clearing.intake.readers.provenance import read_provenance
from clearhouse.clearing.intake.readers.result import Drafts, Fault, ReadRefusal
from clearhouse.clearing.intake.readers.settle import settled
from clearhouse.clearing.intake.readers.words import read_field, with_words
from clearhouse.clearing.intake.record import Credit, Draft, Location, Notice
from clearhouse.formats import vers, vers_native
from clearhouse.formats.ecosystems import package_of
from clearhouse.formats.identifiers import vulnerability_id
from clearhouse.formats.purl import PurlError, identity
from clearhouse.formats.strict_json import Json

_EVENTS = ("introduced", "fixed", "last_affected", "limit")
_NO_WORDS = ReadRefusal(
    code="no_flaw",
    fault=Fault.CONTENT,
    reason="the OSV document has neither words nor an affected package",
    remedy="give a summary, details or an affected package",
)
_WITHDRAWN = ReadRefusal(
    code="withdrawn",
    fault=Fault.CONTENT,
    reason="the OSV document is withdrawn",
    remedy="send reports of flaws that still hold",
    place="/withdrawn",
)


def recognised(members: dict[str, Json]) -> bool:
    """Say whether a document has the marks of OSV."""
    marks = members.keys() & {"schema_version", "affected", "modified", "details", "aliases"}
    return isinstance(members.get("id"), str) and len(marks) >= 2 and "ghsa_id" not in members


def read(document: dict[str, Json]) -> Drafts:
    """Read one OSV document."""
    node = Node(document)
    if node.text("withdrawn"):
        return _WITHDRAWN
    draft = claims(node)
    if not (draft.title or draft.description or draft.purl or draft.software):
        return _NO_WORDS
    return (settled(draft, node),)


def claims(node: Node) -> Draft:
    """Take the claims of a document that may be part of another one."""
    node.use("schema_version", "modified", "published")
    extra = node.node("database_specific")
    # The first entry is the package that the draft is about; the rest is given back as it came.
    affected = node.nodes("affected")
    package = affected[0] if affected else Node({})
    words = read_field(node.text("details"))
    draft = Draft(
        title=node.text("summary"),
        cwes=(*extra.texts("cwe_ids"), *_inner_cwes(package)),
        aliases=_aliases(node),
        references=tuple(url for one in node.nodes("references") if (url := _url(one))),
        cvss_vectors=tuple(_vectors(node, package)),
        severity=extra.text("severity"),
        credits=tuple(_credits(node)),
        contact=_contact(node),
        provenance=read_provenance(extra.node("clearhouse")),
        language=None,
    )
    draft = with_words(_packaged(draft, package), words)
    if len({_named(entry) for entry in affected}) > 1:
        reason = f"{len(affected)} entries; this report is about the first one's package"
        notice = Notice(code="several_packages", field=node.at("affected"), reason=reason)
        draft = replace(draft, notices=(*draft.notices, notice))
    return draft


def _aliases(node: Node) -> tuple[str, ...]:
    """Take the aliases, and the document's own id where it is one of a public database."""
    own = node.text("id")
    if own is not None and vulnerability_id(own) is None:
        node.keep("id")
        own = None
    return (*([own] if own else []), *node.texts("aliases"))


def _url(reference: Node) -> str | None:
    reference.use("type")
    return reference.text("url")


def _vectors(node: Node, package: Node) -> Iterator[str]:
    for owner in (node, package):
        for one in owner.nodes("severity"):
            if str(one.members.get("type", "")).startswith("CVSS") and one.is_text("score"):
                one.use("type")
                yield one.text("score") or ""


def _inner_cwes(package: Node) -> tuple[str, ...]:
    """Take the weaknesses that GitHub's converter puts into the package's own part."""
    extra = package.node("database_specific")
    return tuple(text for one in extra.nodes("cwes") if (text := one.text("cweId")))


def _credits(node: Node) -> Iterator[Credit]:
    for one in node.nodes("credits"):
        if name := one.text("name"):
            yield Credit(name=name, role=(one.text("type") or "finder").lower())


def _contact(node: Node) -> str | None:
    for one in node.nodes("credits"):
        for address in one.texts("contact"):
            if address.startswith("mailto:"):
                return address.removeprefix("mailto:")
    return None


def _named(entry: Node) -> str:
    package = entry.members.get("package")
    named = package if isinstance(package, dict) else {}
    return f"{named.get('ecosystem')}/{named.get('name')}"


def _packaged(draft: Draft, package: Node) -> Draft:
    """Add the affected package, its versions, commits and places."""
    name = package.node("package")
    own = name.text("purl")
    ecosystem, software = name.text("ecosystem"), name.text("name")
    scheme = _scheme(own, ecosystem, software)
    git, released = _events(package)
    extra = package.node("ecosystem_specific")
    return replace(
        draft,
        purl=own,
        ecosystem=ecosystem,
        software=software,
        affected_versions=_affected(package, scheme, released),
        fixed_versions=_of(released, "fixed"),
        introduced_commit=next((one for one in _of(git, "introduced") if one.strip("0")), None),
        fixed_commit=next(iter(_of(git, "fixed")), None),
        repository=next(
            (url for one in package.nodes("ranges") if (url := one.text("repo"))), None
        ),
        locations=tuple(_locations(extra)),
    )


def _scheme(own: str | None, ecosystem: str | None, software: str | None) -> str | None:
    found = None
    if own is not None:
        try:
            found = identity(own)
        except PurlError:
            found = None
    if found is None and ecosystem and software:
        found = package_of(ecosystem, software)
    return vers.scheme_of(found.partition(":")[2].partition("/")[0]) if found else None


_Events = list[list[tuple[vers_native.EventKind, str]]]


def _events(package: Node) -> tuple[_Events, _Events]:
    """Return the events of the git ranges and of the ranges of releases."""
    git: _Events = []
    released: _Events = []
    for one in package.nodes("ranges"):
        kind = one.text("type")
        events = [
            (cast("vers_native.EventKind", name), version)
            for event in one.nodes("events")
            for name in _EVENTS
            if (version := event.text(name))
        ]
        (git if kind == "GIT" else released).append(events)
    return git, released


def _of(ranges: _Events, kind: str) -> tuple[str, ...]:
    return tuple(version for events in ranges for name, version in events if name == kind)


def _affected(package: Node, scheme: str | None, released: _Events) -> tuple[str, ...]:
    """Give the ranges as one vers range, else the versions that are listed one by one."""
    listed = package.texts("versions")
    if scheme is not None and any(released):
        try:
            found = vers_native.from_osv(scheme, released)
        except vers.VersError:
            found = None
        if found is not None:
            package.keep("versions")
            return (str(found),)
    if listed:
        return listed
    return tuple(", ".join(_worded(events)) for events in released if events)


def _worded(events: list[tuple[vers_native.EventKind, str]]) -> Iterator[str]:
    """Write events as comparators where no scheme can order them."""
    signs = {"introduced": ">=", "fixed": "<", "last_affected": "<=", "limit": "<"}
    for kind, version in events:
        if (kind, version) != ("introduced", "0"):
            yield f"{signs[kind]} {version}"


def _locations(extra: Node) -> Iterator[Location]:
    for name in ("affected_functions", "functions"):
        yield from (Location(function=one) for one in extra.texts(name))
    for one in extra.nodes("imports"):
        path = one.text("path")
        for symbol in one.texts("symbols"):
            yield Location(file=path, function=symbol)
