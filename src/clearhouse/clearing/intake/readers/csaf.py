"""Read a CSAF document as reports: one draft for each vulnerability.

In comes the parsed document of CSAF 2.0 or 2.1, advisories and vulnerability reports alike; out
come the drafts, or a refusal. Product ids are looked up in the product tree (`csaf_products`). A
vulnerability that affects several packages becomes one draft about the first.

A document that breaks a mandatory test of the standard may still be read: a report is judged by
what it says of a flaw, and the notices tell what could not be read.

Source: CSAF 2.0 §3.2; CSAF 2.1 §3.2, §4.7 (vulnerability report profile).
"""

import re
from collections.abc import Iterator
from dataclasses import replace

from clearhouse.clearing.intake.readers.csaf_products import Product, products
from clearhouse.clearing.intake.readers.document import Node
from clearhouse.clearing.intake.readers.labels import exploit_state
from clearhouse.clearing.intake.readers.provenance import merged, read_provenance
from clearhouse.clearing.intake.readers.result import Drafts, Fault, ReadRefusal
from clearhouse.clearing.intake.readers.settle import settled
from clearhouse.clearing.intake.readers.words import read_field, with_words
from clearhouse.clearing.intake.record import Credit, Draft, ExploitState, Notice, Provenance
from clearhouse.formats.strict_json import Json, StrictJsonError, parse

MAX_VULNERABILITIES = 256

_AFFECTED = ("known_affected", "first_affected", "last_affected")
_FIXED = ("first_fixed", "fixed")
_REPRODUCES = re.compile(r"reproduc|trigger|proof of concept|\bpoc\b|exploit", re.IGNORECASE)
_DISCOVERS = re.compile(r"discovery method", re.IGNORECASE)
_NOT_KNOWN = re.compile(r"\b(?:not|no|never|unaware)\b", re.IGNORECASE)
_EMAIL = re.compile(r"[^\s@<>\"(),:;]+@[^\s@<>\"(),:;]+\.[^\s@<>\"(),:;]+")
_VERSION = ReadRefusal(
    code="unsupported_version",
    fault=Fault.UNSUPPORTED,
    reason="CSAF is read in the versions 2.0 and 2.1",
    remedy="set document.csaf_version to one of them",
    place="/document/csaf_version",
)
_NO_FLAW = ReadRefusal(
    code="no_flaw",
    fault=Fault.CONTENT,
    reason="the CSAF document names no vulnerability",
    remedy="describe each flaw in vulnerabilities",
    place="/vulnerabilities",
)
_TOO_MANY = ReadRefusal(
    code="too_many_reports",
    fault=Fault.LIMIT,
    reason=f"one CSAF document is read up to {MAX_VULNERABILITIES} vulnerabilities",
    remedy="send several documents",
    place="/vulnerabilities",
)


def recognised(members: dict[str, Json]) -> bool:
    """Say whether a document has the marks of CSAF."""
    document = members.get("document")
    marks = {"csaf_version", "tracking", "publisher"}
    return isinstance(document, dict) and bool(document.keys() & marks)


def read(document: dict[str, Json]) -> Drafts:
    """Read one CSAF document."""
    root = Node(document)
    head = root.node("document")
    if head.text("csaf_version") not in {"2.0", "2.1"}:
        return _VERSION
    entries = document.get("vulnerabilities")
    if not isinstance(entries, list) or not any(isinstance(entry, dict) for entry in entries):
        return _NO_FLAW
    if len(entries) > MAX_VULNERABILITIES:
        return _TOO_MANY
    known = products(root.node("product_tree"))
    return (
        tuple(
            _draft(document, index, known)
            for index, entry in enumerate(entries)
            if isinstance(entry, dict) and entry
        )
        or _NO_FLAW
    )


def _draft(document: dict[str, Json], index: int, known: dict[str, Product]) -> Draft:
    """Read one vulnerability with what the document says for all of them."""
    head = Node(document.get("document"), "/document")
    entries = document["vulnerabilities"]
    entry = Node(entries[index] if isinstance(entries, list) else None, f"/vulnerabilities/{index}")
    head.use("csaf_version", "category")
    draft = Draft(
        title=entry.text("title") or head.text("title"),
        cwes=tuple(_cwes(entry)),
        aliases=tuple(_ids(entry)),
        references=tuple(url for one in entry.nodes("references") if (url := one.text("url"))),
        cvss_vectors=tuple(dict.fromkeys(_vectors(entry))),
        severity=_severity(entry) or head.node("aggregate_severity").text("text"),
        exploit_state=_exploitation(entry),
        impact="\n".join(_threats(entry, "impact")) or None,
        credits=(*_credits(entry), *_credits(head)),
        contact=_contact(head),
        language=head.text("lang"),
    )
    draft = _with_products(draft, entry, known)
    return settled(_with_notes(draft, entry, head), head, entry)


def _cwes(entry: Node) -> Iterator[str]:
    for one in (entry.node("cwe"), *entry.nodes("cwes")):
        if found := one.text("id"):
            yield found


def _ids(entry: Node) -> Iterator[str]:
    """Take the CVE id; ids of private systems stay among the unknown fields."""
    if cve := entry.text("cve"):
        yield cve
    for one in entry.nodes("ids"):
        text = str(one.members.get("text", ""))
        if text.upper().startswith(("CVE-", "GHSA-")):
            one.use("system_name")
            yield one.text("text") or ""


def _vectors(entry: Node) -> Iterator[str]:
    contents = [*entry.nodes("scores"), *(one.node("content") for one in entry.nodes("metrics"))]
    for content in contents:
        for name in ("cvss_v4", "cvss_v3", "cvss_v2"):
            if vector := content.node(name).text("vectorString"):
                yield vector


def _severity(entry: Node) -> str | None:
    """Take a rating in words; CVSS ratings are recomputed from their vectors."""
    rated = (
        one.node("content").text("qualitative_severity_rating") for one in entry.nodes("metrics")
    )
    return next((rating for rating in rated if rating), None)


def _threats(entry: Node, category: str) -> Iterator[str]:
    for one in entry.nodes("threats"):
        if one.members.get("category") == category and (details := one.text("details")):
            one.use("category")
            yield details


def _exploitation(entry: Node) -> ExploitState:
    if entry.nodes("first_known_exploitation_dates"):
        return ExploitState.ACTIVE
    stated = " ".join(_threats(entry, "exploit_status"))
    return ExploitState.UNKNOWN if _NOT_KNOWN.search(stated) else exploit_state(stated or None)


def _credits(node: Node) -> Iterator[Credit]:
    for one in node.nodes("acknowledgments"):
        names = one.texts("names")
        organization = one.text("organization")
        if names and organization:
            yield from (Credit(name=f"{name}, {organization}") for name in names)
        else:
            yield from (
                Credit(name=name) for name in names or ([organization] if organization else [])
            )


def _contact(head: Node) -> str | None:
    publisher = head.node("publisher")
    details = publisher.members.get("contact_details")
    contact = publisher.members.get("contact")
    stated = (
        contact.get("email") or contact.get("details") if isinstance(contact, dict) else details
    )
    found = _EMAIL.search(stated) if isinstance(stated, str) else None
    return found.group() if found else None


def _with_products(draft: Draft, entry: Node, known: dict[str, Product]) -> Draft:
    status = entry.node("product_status")
    affected = [known[one] for name in _AFFECTED for one in status.texts(name) if one in known]
    fixed = [known[one] for name in _FIXED for one in status.texts(name) if one in known]
    named = [one for one in (*affected, *fixed) if one.purl or one.name]
    if not named:
        return draft
    first = named[0]
    same = [one for one in affected if one.package == first.package]
    repaired = [one for one in fixed if one.package == first.package]
    if others := {one.package for one in named} - {first.package}:
        reason = f"{len(others)} more products; this report is about the first one"
        notice = Notice(code="several_packages", field=status.place, reason=reason)
        draft = replace(draft, notices=(*draft.notices, notice))
    return replace(
        draft,
        purl=first.purl,
        software=first.name,
        affected_versions=tuple(one.version for one in same if one.version),
        fixed_versions=tuple(
            one.version for one in repaired if one.version and not one.version.startswith("vers:")
        ),
    )


def _with_notes(draft: Draft, entry: Node, head: Node) -> Draft:
    """Sort the notes into description, trigger and provenance."""
    described: dict[str, list[str]] = {}
    triggers: list[str] = []
    stated, discovered = Provenance(), Provenance()
    for note in (*entry.nodes("notes"), *head.nodes("notes")):
        title = str(note.members.get("title", ""))
        category = str(note.members.get("category", ""))
        if title.strip().lower() == "clearhouse":
            stated = merged(stated, _stated_provenance(note))
        elif _DISCOVERS.search(title) and (text := note.text("text")):
            discovered = merged(discovered, Provenance(discovery_method=text))
        elif _REPRODUCES.search(title) and (text := note.text("text")):
            triggers.append(text)
        elif note.place.startswith("/vuln") or category in {"description", "summary", "details"}:
            text = note.text("text") or ""
            described.setdefault(category if category != "summary" else "description", []).append(
                text
            )
    words = read_field("\n\n".join(text for texts in described.values() for text in texts) or None)
    steps = read_field("## Steps to reproduce\n" + "\n\n".join(triggers)) if triggers else Draft()
    draft = with_words(draft, words)
    return replace(
        draft,
        trigger=steps.trigger or draft.trigger,
        attachments=(*draft.attachments, *steps.attachments),
        provenance=merged(stated, discovered),
    )


def _stated_provenance(note: Node) -> Provenance:
    """Read the provenance object that a note titled `clearhouse` holds as JSON text."""
    text = note.members.get("text")
    try:
        stated = parse(text.encode()) if isinstance(text, str) else None
    except StrictJsonError as error:
        notice = Notice(code="unparseable_provenance", field=note.at("text"), reason=error.reason)
        note.notices.append(notice)
        return Provenance()
    note.use("text", "title", "category", "audience")
    return read_provenance(Node(stated, note.at("text"), note.notices))
