"""Read a GitHub security advisory as a report.

In comes the parsed document in the shape of GitHub's REST interface (repository and global
advisories) or of its GraphQL interface; out comes one draft, or a refusal. An advisory that names
several packages becomes one draft about the first.

Source: GitHub REST API, security advisories; GraphQL API, SecurityAdvisory.
"""

from collections.abc import Iterator
from dataclasses import replace

from clearhouse.clearing.intake.readers.document import Node
from clearhouse.clearing.intake.readers.provenance import read_provenance
from clearhouse.clearing.intake.readers.result import Drafts, Fault, ReadRefusal
from clearhouse.clearing.intake.readers.settle import settled
from clearhouse.clearing.intake.readers.words import read_field, with_words
from clearhouse.clearing.intake.record import Credit, Draft, Location, Notice
from clearhouse.formats.strict_json import Json

_MARKS = frozenset(
    {"ghsa_id", "ghsaId", "cve_id", "cvss_severities", "security_vulnerabilities", "cwe_ids"}
    | {"vulnerabilities", "identifiers", "withdrawnAt", "withdrawn_at", "cwes", "summary"}
)
_EMPTY = ReadRefusal(
    code="no_flaw",
    fault=Fault.CONTENT,
    reason="the advisory has neither words nor a vulnerable package",
    remedy="give a summary, a description or a vulnerability",
)
_WITHDRAWN = ReadRefusal(
    code="withdrawn",
    fault=Fault.CONTENT,
    reason="the advisory is withdrawn",
    remedy="send reports of flaws that still hold",
)


def recognised(members: dict[str, Json]) -> bool:
    """Say whether a document has the marks of a GitHub advisory."""
    if members.keys() & {"ghsa_id", "ghsaId"}:
        return True
    return "summary" in members and len(members.keys() & _MARKS) >= 3


def read(document: dict[str, Json]) -> Drafts:
    """Read one advisory."""
    node = Node(document)
    if node.text("withdrawn_at") or node.text("withdrawnAt"):
        return _WITHDRAWN
    draft = _claims(node)
    if not (draft.title or draft.description or draft.software):
        return _EMPTY
    return (settled(draft, node),)


def _claims(node: Node) -> Draft:
    node.use("updated_at", "updatedAt", "published_at", "publishedAt", "created_at")
    packages = _listed(node, "vulnerabilities") or _listed(node, "securityVulnerabilities")
    single = node.node("securityVulnerability")
    package = packages[0] if packages else single
    draft = Draft(
        title=node.text("summary"),
        aliases=tuple(dict.fromkeys(_ids(node))),
        cwes=tuple(_cwes(node)),
        references=tuple(_references(node)),
        cvss_vectors=tuple(dict.fromkeys(_vectors(node))),
        severity=node.text("severity"),
        repository=node.text("source_code_location"),
        credits=tuple(_credits(node)),
        provenance=read_provenance(node.node("clearhouse")),
    )
    draft = with_words(_packaged(draft, package), read_field(node.text("description")))
    if len({_named(one) for one in packages}) > 1:
        reason = f"{len(packages)} entries; this report is about the first one's package"
        notice = Notice(code="several_packages", field=node.at("vulnerabilities"), reason=reason)
        draft = replace(draft, notices=(*draft.notices, notice))
    return draft


def _listed(node: Node, name: str) -> tuple[Node, ...]:
    """Read a list as REST gives it, or as GraphQL wraps it into `nodes`."""
    if isinstance(node.members.get(name), dict):
        return node.node(name).nodes("nodes")
    return node.nodes(name)


def _ids(node: Node) -> Iterator[str]:
    for name in ("ghsa_id", "ghsaId", "cve_id"):
        if value := node.text(name):
            yield value
    for one in node.nodes("identifiers"):
        one.use("type")
        if value := one.text("value"):
            yield value


def _cwes(node: Node) -> Iterator[str]:
    yield from node.texts("cwe_ids")
    for one in _listed(node, "cwes"):
        if value := one.text("cwe_id") or one.text("cweId"):
            yield value


def _references(node: Node) -> Iterator[str]:
    value = node.members.get("references")
    if isinstance(value, list) and all(isinstance(entry, str) for entry in value):
        yield from node.texts("references")
    else:
        yield from (url for one in node.nodes("references") if (url := one.text("url")))
    for name in ("html_url", "permalink"):
        if url := node.text(name):
            yield url


def _vectors(node: Node) -> Iterator[str]:
    scores = [node.node("cvss"), node.node("cvssV3"), node.node("cvssV4")]
    rated = node.node("cvss_severities")
    scores += [rated.node("cvss_v3"), rated.node("cvss_v4")]
    for score in scores:
        # A score beside a vector is recomputed, never taken over.
        for name in ("vector_string", "vectorString"):
            if vector := score.text(name):
                yield vector
    if vector := node.text("cvss_vector_string"):
        yield vector


def _credits(node: Node) -> Iterator[Credit]:
    for name in ("credits", "credits_detailed"):
        for one in _listed(node, name):
            user = one.node("user")
            if login := one.text("login") or user.text("login"):
                role = one.text("type") or "finder"
                yield Credit(name=login, role=role.lower())


def _named(entry: Node) -> str:
    package = entry.members.get("package")
    named = package if isinstance(package, dict) else {}
    return f"{named.get('ecosystem')}/{named.get('name')}"


def _packaged(draft: Draft, entry: Node) -> Draft:
    package = entry.node("package")
    affected = entry.text("vulnerable_version_range") or entry.text("vulnerableVersionRange")
    functions = (*entry.texts("vulnerable_functions"), *entry.texts("vulnerableFunctions"))
    return replace(
        draft,
        software=package.text("name"),
        ecosystem=package.text("ecosystem"),
        affected_versions=(affected,) if affected else (),
        fixed_versions=_fixed(entry),
        locations=tuple(Location(function=name.removesuffix("()")) for name in functions),
    )


def _fixed(entry: Node) -> tuple[str, ...]:
    for name in ("patched_versions", "first_patched_version"):
        if entry.is_text(name):
            return entry.texts(name)
    for name in ("first_patched_version", "firstPatchedVersion"):
        if version := entry.node(name).text("identifier"):
            return (version,)
    return ()
