"""CSAF security advisories: the form that vendors, coordinators and operators exchange.

In: an `Advisory`. Out: its JSON document under the profile `csaf_security_advisory`; of a withdrawn
one, a document without products and flaws that says why. Refused: nothing here raises; `problems`
names each fault that a consumer's mandatory tests would find in what this module writes, so that a
caller can refuse with all of them. `csaf_21` writes the same record as CSAF 2.1.

CSAF 2.0 has no slot for CVSS 4.0 and the labels of TLP 1. A 4.0 vector therefore goes into a
note, and a label without a twin is written as the stricter one with a sentence beside it. It takes
one weakness, and knows no category for withdrawn documents.

Source: OASIS, Common Security Advisory Framework Version 2.0, sections 3 and 4.4 (profile 4) and
6.1 (mandatory tests).
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from clearhouse.formats import cvss
from clearhouse.formats.canonical import Json
from clearhouse.formats.osv import instant
from clearhouse.formats.tlp import Tlp

CSAF_VERSION: Final = "2.0"
_WITHDRAWN_CATEGORY: Final = "Withdrawn Security Advisory"
"""A name of our own, which makes it a document of the profile CSAF Base."""
_STRICT: Final = "TLP:AMBER+STRICT: share it only inside your own organisation."

Category = Literal["coordinator", "discoverer", "other", "translator", "user", "vendor"]
NoteCategory = Literal["description", "details", "faq", "general", "other", "summary"]
Party = Literal["coordinator", "discoverer", "other", "user", "vendor"]
Involved = Literal[
    "completed", "contact_attempted", "disputed", "in_progress", "not_contacted", "open"
]


@dataclass(frozen=True, kw_only=True, slots=True)
class Publisher:
    """Who issues the document."""

    name: str
    namespace: str
    """A web address under the publisher's control; ids are unique inside it."""
    category: Category = "coordinator"
    contact: str | None = None
    issuing_authority: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Revision:
    """One issue of the document; they are numbered 1, 2, 3 in their order."""

    at: datetime
    summary: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Product:
    """One version, or one range of versions, of one package."""

    id: str
    name: str
    version: str | None = None
    vers: str | None = None
    """A range as `vers:` text. Exactly one of `version` and `vers` is given."""
    purl: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Note:
    """A piece of text."""

    category: NoteCategory
    text: str
    title: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Involvement:
    """What one kind of party did about the flaw."""

    party: Party
    status: Involved
    at: datetime
    summary: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Remediation:
    """What to do. Without a fix, that there is none."""

    category: Literal["vendor_fix", "none_available", "mitigation", "workaround"]
    details: str
    at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Withdrawn:
    """That the document no longer holds."""

    reason: str
    superseded_by: str | None = None
    """Web address of the document that stands in its place."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Advisory:
    """One document about one flaw in one package."""

    id: str
    title: str
    publisher: Publisher
    tlp: Tlp
    revisions: tuple[Revision, ...]
    """At least one, oldest first."""
    engine: str
    """The software that wrote the document, with its version."""
    vendor: str
    product: str
    affected: tuple[Product, ...]
    fixed: tuple[Product, ...]
    notes: tuple[Note, ...]
    """About the document."""
    descriptions: tuple[Note, ...]
    """About the flaw."""
    remediations: tuple[Remediation, ...]
    cve: str | None = None
    aliases: tuple[tuple[str, str], ...] = ()
    """Name of the system and id in it; CVE ids do not belong here."""
    cwes: tuple[tuple[str, str], ...] = ()
    """Ids and exact names, the most telling one first."""
    vectors: tuple[str, ...] = ()
    """CVSS; at most one of each generation, the newest first."""
    references: tuple[tuple[str, str], ...] = ()
    """Summary and address."""
    acknowledgments: tuple[tuple[str, str], ...] = ()
    """Name and what for."""
    involvements: tuple[Involvement, ...] = ()
    exploited_since: datetime | None = None
    withdrawn: Withdrawn | None = None


def document(advisory: Advisory) -> dict[str, Json]:
    """Return the CSAF 2.0 document of an advisory."""
    strict = _STRICT if advisory.tlp is Tlp.AMBER_STRICT else None
    own = {
        "category": _WITHDRAWN_CATEGORY if advisory.withdrawn else "csaf_security_advisory",
        "csaf_version": CSAF_VERSION,
        "distribution": without_none({"text": strict, "tlp": {"label": advisory.tlp.version_1}}),
    }
    if advisory.withdrawn is not None:
        return {"document": {**head(advisory), **own}}
    return {
        "document": {**head(advisory), **own},
        "product_tree": product_tree(advisory, lambda purl: {"purl": purl}),
        "vulnerabilities": [{**about(advisory), **_only_here(advisory)}],
    }


def write(value: Mapping[str, Json]) -> bytes:
    """Return the bytes of a document: members sorted, as CSAF 6.2.13 recommends."""
    text = json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return f"{text}\n".encode()


def filename(id_: str) -> str:
    """Return the file name that the id demands. Source: CSAF 2.0, section 5.1."""
    kept = "".join(one if one in _NAME_CHARACTERS else "_" for one in id_.lower())
    while "__" in kept:
        kept = kept.replace("__", "_")
    return f"{kept}.json"


_NAME_CHARACTERS: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789+-")


def problems(advisory: Advisory) -> tuple[str, ...]:
    """Name what the mandatory tests would find, by test number; nothing when it is sound."""
    return tuple(_problems(advisory))


def head(advisory: Advisory) -> dict[str, Json]:
    """Return what both versions of CSAF say alike about a document."""
    publisher, withdrawn = advisory.publisher, advisory.withdrawn
    notes, references = list(advisory.notes), list[Json]()
    if withdrawn is not None:
        title = f"Reasoning for {'Supersession' if withdrawn.superseded_by else 'Withdrawal'}"
        notes.append(Note(category="description", title=title, text=withdrawn.reason))
        if withdrawn.superseded_by is not None:
            summary, url = "Superseding Document", withdrawn.superseded_by
            references.append({"category": "external", "summary": summary, "url": url})
    return without_none(
        {
            "lang": "en",
            "notes": [_note(note) for note in notes] or None,
            "publisher": without_none(
                {
                    "category": publisher.category,
                    "contact_details": publisher.contact,
                    "issuing_authority": publisher.issuing_authority,
                    "name": publisher.name,
                    "namespace": publisher.namespace,
                }
            ),
            "references": references or None,
            "title": advisory.title,
            "tracking": _tracking(advisory),
        }
    )


def _tracking(advisory: Advisory) -> dict[str, Json]:
    numbered = list(enumerate(advisory.revisions, start=1))
    return {
        "current_release_date": instant(advisory.revisions[-1].at),
        "generator": {"engine": {"name": advisory.engine}},
        "id": advisory.id,
        "initial_release_date": instant(advisory.revisions[0].at),
        "revision_history": [
            {"date": instant(one.at), "number": str(number), "summary": one.summary}
            for number, one in numbered
        ],
        "status": "final",
        "version": str(len(numbered)),
    }


def product_tree(advisory: Advisory, helper: Callable[[str], dict[str, Json]]) -> dict[str, Json]:
    """Return the tree of products; `helper` says how a version of CSAF writes a package URL."""
    leaves: list[Json] = [_leaf(one, helper) for one in (*advisory.affected, *advisory.fixed)]
    product: Json = {"branches": leaves, "category": "product_name", "name": advisory.product}
    return {
        "branches": [{"branches": [product], "category": "vendor", "name": advisory.vendor}],
    }


def _leaf(product: Product, helper: Callable[[str], dict[str, Json]]) -> dict[str, Json]:
    whole = {
        "name": product.name,
        "product_id": product.id,
        "product_identification_helper": None if product.purl is None else helper(product.purl),
    }
    return {
        "category": "product_version" if product.version is not None else "product_version_range",
        "name": product.version if product.version is not None else product.vers,
        "product": without_none(whole),
    }


def about(advisory: Advisory) -> dict[str, Json]:
    """Return what both versions of CSAF say alike about a flaw."""
    affected = affected_ids(advisory)
    fixed: list[Json] = [one.id for one in advisory.fixed]
    return without_none(
        {
            "acknowledgments": [
                {"names": [name], "summary": summary} for name, summary in advisory.acknowledgments
            ]
            or None,
            "cve": advisory.cve,
            "ids": [{"system_name": name, "text": text} for name, text in advisory.aliases] or None,
            "involvements": [_involvement(one) for one in advisory.involvements] or None,
            "notes": [_note(note) for note in advisory.descriptions],
            "product_status": without_none({"fixed": fixed or None, "known_affected": affected}),
            "references": [
                {"category": "external", "summary": summary, "url": url}
                for summary, url in advisory.references
            ]
            or None,
            "remediations": [
                {
                    "category": remedy.category,
                    "date": instant(remedy.at),
                    "details": remedy.details,
                    "product_ids": affected,
                }
                for remedy in advisory.remediations
            ],
            "threats": _threats(advisory, affected) or None,
            "title": advisory.title,
        }
    )


def affected_ids(advisory: Advisory) -> list[Json]:
    """Return the ids of the affected products."""
    return [one.id for one in advisory.affected]


def _only_here(advisory: Advisory) -> dict[str, Json]:
    """Return what CSAF 2.0 alone says of a flaw, or says its own way."""
    notes = [_note(note) for note in advisory.descriptions]
    notes += [_note(_in_words(one)) for one in advisory.vectors if one.startswith("CVSS:4")]
    return without_none(
        {
            "cwe": next(({"id": id_, "name": name} for id_, name in advisory.cwes), None),
            "notes": notes,
            "release_date": instant(advisory.revisions[0].at),
            "scores": _scores(advisory) or None,
        }
    )


def _in_words(vector: str) -> Note:
    score = cvss.parse(vector)
    text = f"{score.score} {score.rating.value.upper()} {vector}"
    return Note(category="other", title="CVSS v4.0", text=text)


def _scores(advisory: Advisory) -> list[Json]:
    """Put the vectors of different CVSS versions side by side."""
    score: dict[str, Json] = {
        "cvss_v3" if vector.startswith("CVSS:3") else "cvss_v2": dict(cvss.as_json(vector))
        for vector in advisory.vectors
        if not vector.startswith("CVSS:4")
    }
    return [{"products": affected_ids(advisory), **score}] if score else []


def _threats(advisory: Advisory, products: list[Json]) -> list[Json]:
    if advisory.exploited_since is None:
        return []
    return [
        {
            "category": "exploit_status",
            "date": instant(advisory.exploited_since),
            "details": "Exploitation has been observed.",
            "product_ids": products,
        }
    ]


def _note(note: Note) -> Json:
    return without_none({"category": note.category, "text": note.text, "title": note.title})


def _involvement(one: Involvement) -> Json:
    return without_none(
        {
            "date": instant(one.at),
            "party": one.party,
            "status": one.status,
            "summary": one.summary,
        }
    )


def without_none(value: Mapping[str, Json]) -> dict[str, Json]:
    """Return an object without its members that are null."""
    return {key: one for key, one in value.items() if one is not None}


def _problems(advisory: Advisory) -> Iterator[str]:
    ids = [one.id for one in (*advisory.affected, *advisory.fixed)]
    if len(set(ids)) < len(ids):
        yield "6.1.2, 6.1.6: a product stands twice, or is affected and fixed at once"
    if not advisory.affected:
        yield "6.1.27.6: no affected product"
    if not advisory.descriptions:
        yield "6.1.27.5: no note about the flaw"
    kinds = Counter(vector.partition("/")[0].partition(".")[0] for vector in advisory.vectors)
    if any(count > 1 for count in kinds.values()):
        yield "6.1.7: more than one score of a CVSS version"
    if advisory.withdrawn and len(advisory.revisions) < 2:
        yield "6.1.27.16: withdrawn in its first issue"
    dates = [one.at for one in advisory.revisions]
    if not dates or dates != sorted(dates):
        yield "6.1.14: revisions are missing or not in their order"
    if any((one.version is None) == (one.vers is None) for one in advisory.affected):
        yield "6.1.31: a product needs a version or a range, and not both"
    once = Counter((one.party, one.at) for one in advisory.involvements)
    if any(count > 1 for count in once.values()):
        yield "6.1.24: one party is involved twice at one instant"
    if not all(_texts(advisory)):
        yield "schema: a text is empty"


def _texts(advisory: Advisory) -> Iterator[str]:
    yield from (advisory.id, advisory.title, advisory.vendor, advisory.product, advisory.engine)
    yield from (advisory.publisher.name, advisory.publisher.namespace)
    yield from (one.details for one in advisory.remediations)
    yield advisory.withdrawn.reason if advisory.withdrawn else "holds"
    yield from (note.text for note in (*advisory.notes, *advisory.descriptions))
    yield from (one.summary for one in advisory.revisions)
    for pair in (*advisory.aliases, *advisory.references, *advisory.acknowledgments):
        yield from pair
