"""CSAF security advisories: the form that vendors, coordinators and operators exchange.

In: an `Advisory`. Out: its JSON document under the profile `csaf_security_advisory`. Refused:
nothing here raises; `problems` names each fault that a consumer's mandatory tests would find in
what this module writes, so that a caller can refuse with all of them.

CSAF 2.0 has no slot for CVSS 4.0 and the labels of TLP 1. A 4.0 vector therefore goes into a
note, and a label without a twin is written as the stricter one with a sentence beside it.

Source: OASIS, Common Security Advisory Framework Version 2.0, sections 3 and 4.4 (profile 4) and
6.1 (mandatory tests).
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, cast

from cvss import CVSS2, CVSS3

from clearhouse.formats.canonical import Json
from clearhouse.formats.osv import instant
from clearhouse.formats.tlp import Tlp

CSAF_VERSION: Final = "2.0"
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
    remediation: Remediation
    cve: str | None = None
    aliases: tuple[tuple[str, str], ...] = ()
    """Name of the system and id in it; CVE ids do not belong here."""
    cwe: tuple[str, str] | None = None
    """Id and exact name."""
    vectors: tuple[str, ...] = ()
    """CVSS 2 and 3; at most one of each version."""
    references: tuple[tuple[str, str], ...] = ()
    """Summary and address."""
    acknowledgments: tuple[tuple[str, str], ...] = ()
    """Name and what for."""
    involvements: tuple[Involvement, ...] = ()
    exploited_since: datetime | None = None


def document(advisory: Advisory) -> dict[str, Json]:
    """Return the CSAF 2.0 document of an advisory."""
    return {
        "document": _head(advisory),
        "product_tree": _product_tree(advisory),
        "vulnerabilities": [_vulnerability(advisory)],
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


def _head(advisory: Advisory) -> dict[str, Json]:
    publisher = advisory.publisher
    return _without_none(
        {
            "category": "csaf_security_advisory",
            "csaf_version": CSAF_VERSION,
            "distribution": _without_none(
                {
                    "text": _STRICT if advisory.tlp is Tlp.AMBER_STRICT else None,
                    "tlp": {"label": advisory.tlp.version_1},
                }
            ),
            "lang": "en",
            "notes": [_note(note) for note in advisory.notes] or None,
            "publisher": _without_none(
                {
                    "category": publisher.category,
                    "contact_details": publisher.contact,
                    "issuing_authority": publisher.issuing_authority,
                    "name": publisher.name,
                    "namespace": publisher.namespace,
                }
            ),
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


def _product_tree(advisory: Advisory) -> dict[str, Json]:
    leaves: list[Json] = [_leaf(one) for one in (*advisory.affected, *advisory.fixed)]
    product: Json = {"branches": leaves, "category": "product_name", "name": advisory.product}
    return {
        "branches": [{"branches": [product], "category": "vendor", "name": advisory.vendor}],
    }


def _leaf(product: Product) -> dict[str, Json]:
    helper: Json = None if product.purl is None else {"purl": product.purl}
    whole = {
        "name": product.name,
        "product_id": product.id,
        "product_identification_helper": helper,
    }
    return {
        "category": "product_version" if product.version is not None else "product_version_range",
        "name": product.version if product.version is not None else product.vers,
        "product": _without_none(whole),
    }


def _vulnerability(advisory: Advisory) -> dict[str, Json]:
    affected: list[Json] = [one.id for one in advisory.affected]
    fixed: list[Json] = [one.id for one in advisory.fixed]
    remedy = advisory.remediation
    return _without_none(
        {
            "acknowledgments": [
                {"names": [name], "summary": summary} for name, summary in advisory.acknowledgments
            ]
            or None,
            "cve": advisory.cve,
            "cwe": None
            if advisory.cwe is None
            else {"id": advisory.cwe[0], "name": advisory.cwe[1]},
            "ids": [{"system_name": name, "text": text} for name, text in advisory.aliases] or None,
            "involvements": [_involvement(one) for one in advisory.involvements] or None,
            "notes": [_note(note) for note in advisory.descriptions],
            "product_status": _without_none({"fixed": fixed or None, "known_affected": affected}),
            "references": [
                {"category": "external", "summary": summary, "url": url}
                for summary, url in advisory.references
            ]
            or None,
            "release_date": instant(advisory.revisions[0].at),
            "remediations": [
                {
                    "category": remedy.category,
                    "date": instant(remedy.at),
                    "details": remedy.details,
                    "product_ids": affected,
                }
            ],
            "scores": _scores(advisory.vectors, affected) or None,
            "threats": _threats(advisory, affected) or None,
            "title": advisory.title,
        }
    )


def _scores(vectors: tuple[str, ...], products: list[Json]) -> list[Json]:
    """Put the vectors of different CVSS versions side by side, recomputed from the vector."""
    score: dict[str, Json] = {"products": products}
    for vector in vectors:
        third = vector.startswith("CVSS:3")
        calculated = CVSS3(vector) if third else CVSS2(vector)
        score["cvss_v3" if third else "cvss_v2"] = cast(
            "dict[str, Json]", dict(calculated.as_json(sort=True, minimal=True))
        )
    return [score] if vectors else []


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
    return _without_none({"category": note.category, "text": note.text, "title": note.title})


def _involvement(one: Involvement) -> Json:
    return _without_none(
        {
            "date": instant(one.at),
            "party": one.party,
            "status": one.status,
            "summary": one.summary,
        }
    )


def _without_none(value: Mapping[str, Json]) -> dict[str, Json]:
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
    if any(count > 1 for count in kinds.values()) or any(
        vector.startswith("CVSS:4") for vector in advisory.vectors
    ):
        yield "6.1.7: more than one score of a CVSS version, or one that CSAF 2.0 cannot hold"
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
    yield from (advisory.publisher.name, advisory.publisher.namespace, advisory.remediation.details)
    yield from (note.text for note in (*advisory.notes, *advisory.descriptions))
    yield from (one.summary for one in advisory.revisions)
    for pair in (*advisory.aliases, *advisory.references, *advisory.acknowledgments):
        yield from pair
