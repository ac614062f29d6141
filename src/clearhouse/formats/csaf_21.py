"""CSAF 2.1, still a draft: the record of `csaf`, written the newer way.

In: a `csaf.Advisory`. Out: its JSON document; a withdrawn one has the profile `csaf_withdrawn`, or
`csaf_superseded` where another document stands in its place. Refused: nothing here raises; what
`csaf.problems` names is wrong here too.

The drafts differ in how they write whom to contact and who did what, so a document here leaves both
out and is valid under CSD 03 and CSD 04 alike; the contact stands in a note.

Source: OASIS, Common Security Advisory Framework Version 2.1, CSD 03 and 04, sections 3.2 and 4.
"""

from dataclasses import replace
from typing import Final

from clearhouse.formats import csaf, cvss
from clearhouse.formats.canonical import Json
from clearhouse.formats.osv import instant

SCHEMA: Final = "https://docs.oasis-open.org/csaf/csaf/v2.1/schema/csaf.json"
_METRICS: Final = {"CVSS:4": "cvss_v4", "CVSS:3": "cvss_v3"}
CWE_VERSION: Final = "4.18"
"""A release of the list in which all names of `formats/cwe.yaml` are spelled as they are there."""


def document(advisory: csaf.Advisory) -> dict[str, Json]:
    """Return the CSAF 2.1 document of an advisory."""
    advisory = _said_alike_by_drafts(advisory)
    own: dict[str, Json] = {
        "category": _category(advisory),
        "csaf_version": "2.1",
        "distribution": {"tlp": {"label": advisory.tlp.value.removeprefix("TLP:")}},
    }
    written: dict[str, Json] = {"$schema": SCHEMA, "document": {**csaf.head(advisory), **own}}
    if advisory.withdrawn is None:
        written["product_tree"] = csaf.product_tree(advisory, lambda purl: {"purls": [purl]})
        written["vulnerabilities"] = [{**csaf.about(advisory), **_only_here(advisory)}]
    return written


def _said_alike_by_drafts(advisory: csaf.Advisory) -> csaf.Advisory:
    contact = advisory.publisher.contact
    notes = advisory.notes
    if contact is not None:
        notes = (*notes, csaf.Note(category="general", title="Contact", text=contact))
    publisher = replace(advisory.publisher, contact=None)
    return replace(advisory, publisher=publisher, notes=notes, involvements=())


def _category(advisory: csaf.Advisory) -> str:
    if advisory.withdrawn is None:
        return "csaf_security_advisory"
    return "csaf_superseded" if advisory.withdrawn.superseded_by else "csaf_withdrawn"


def _only_here(advisory: csaf.Advisory) -> dict[str, Json]:
    """Return what CSAF 2.1 alone says of a flaw, or says its own way."""
    products = csaf.affected_ids(advisory)
    since = advisory.exploited_since
    told = instant(advisory.revisions[-1].at)
    known: Json = None
    if since is not None:
        known = [{"date": told, "exploitation_date": instant(since), "product_ids": products}]
    return csaf.without_none(
        {
            "cwes": [
                {"id": id_, "name": name, "version": CWE_VERSION} for id_, name in advisory.cwes
            ]
            or None,
            "disclosure_date": instant(advisory.revisions[0].at),
            "first_known_exploitation_dates": known,
            "metrics": _metrics(advisory, products) or None,
        }
    )


def _metrics(advisory: csaf.Advisory, products: list[Json]) -> list[Json]:
    content: dict[str, Json] = {
        _METRICS.get(vector[:6], "cvss_v2"): dict(cvss.as_json(vector))
        for vector in advisory.vectors
    }
    return [{"content": content, "products": products}] if content else []
