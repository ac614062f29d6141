"""An advisory as a CycloneDX 1.7 vulnerability exploitability exchange.

In: `Content`. Out: a bill of materials with one component, without a version, and one
vulnerability that reaches ranges of it. Refused: nothing; what reaches this module can be said.
A withdrawn advisory has the instant of its rejection; it is a false positive unless another
advisory stands for the same flaw.
Source: CycloneDX 1.7 (ECMA-424), `vulnerabilities`; VERS 1.1 for ranges.
"""

import uuid
from typing import Final

from clearhouse.clearing.publish import compose, gcve, products
from clearhouse.clearing.publish.content import Content
from clearhouse.formats import cvss
from clearhouse.formats import purl as purls
from clearhouse.formats.canonical import Json
from clearhouse.formats.osv import instant

SPEC_VERSION: Final = "1.7"
_SOURCES: Final = {
    "CVE": ("CVE Program", "https://www.cve.org/"),
    "GHSA": ("GitHub Advisory Database", "https://github.com/advisories/"),
}


def cyclonedx_document(content: Content) -> dict[str, Json]:
    """Return the CycloneDX document of an advisory."""
    facts = content.facts
    name = f"{facts.publisher.address(facts.id)}/cyclonedx"
    house = {"name": compose.clean(facts.publisher.name), "url": [facts.publisher.namespace]}
    return {
        "$schema": f"http://cyclonedx.org/schema/bom-{SPEC_VERSION}.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": SPEC_VERSION,
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, name)}",
        "version": len(facts.revisions),
        "metadata": {
            "timestamp": instant(content.modified),
            "tools": {"components": [{"type": "application", "name": compose.ENGINE}]},
            "supplier": house,
        },
        "components": [_component(content)],
        "vulnerabilities": [_vulnerability(content)],
    }


def _component(content: Content) -> Json:
    package = purls.parse(content.facts.purl)
    found: dict[str, Json] = {
        "type": "library",
        "bom-ref": content.facts.purl,
        "name": package.name,
        "purl": content.facts.purl,
        "supplier": {"name": compose.vendor(content.facts)},
    }
    return {**found, "group": package.namespace} if package.namespace else found


def _vulnerability(content: Content) -> Json:
    facts = content.facts
    name, *others = content.names
    found: dict[str, Json] = {
        "bom-ref": facts.id,
        "id": name,
        "source": _source(name, content),
        "references": [{"id": one, "source": _source(one, content)} for one in others],
        "ratings": [_rating(one) for one in content.vectors],
        "cwes": [int(one.removeprefix("CWE-")) for one in content.cwes],
        "description": compose.summary(facts),
        "detail": compose.details(facts, content.affected),
        "recommendation": compose.fix_statement(content.affected),
        "workaround": "\n\n".join(compose.mitigations(facts)),
        "advisories": [
            {"title": facts.id, "url": facts.publisher.address(facts.id)},
            *({"title": one.type.capitalize(), "url": one.url} for one in content.references),
        ],
        "published": instant(content.published),
        "updated": instant(content.modified),
        "rejected": instant(facts.withdrawn.at) if facts.withdrawn else None,
        "credits": _credits(content),
        "analysis": _analysis(content),
        "affects": [{"ref": facts.purl, "versions": _versions(content)}],
        "properties": _properties(content),
    }
    return {key: value for key, value in found.items() if value}


def _source(id_: str, content: Content) -> dict[str, Json]:
    house = (compose.clean(content.facts.publisher.name), content.facts.publisher.namespace)
    prefix = id_.partition("-")[0]
    name, url = house if id_ == content.facts.id else _SOURCES.get(prefix, (prefix, ""))
    return {"name": name, "url": url} if url else {"name": name}


def _rating(vector: str) -> Json:
    score = cvss.parse(vector)
    return {
        "method": cvss.CYCLONEDX_METHODS[score.version],
        "score": score.score,
        "severity": score.rating.value,
        "vector": vector,
    }


def _credits(content: Content) -> dict[str, Json]:
    names = [compose.encodable(one.name) for one in content.facts.credits if one.name.strip()]
    return {"individuals": [{"name": one} for one in dict.fromkeys(names)]} if names else {}


def _analysis(content: Content) -> dict[str, Json]:
    facts = content.facts
    issued: dict[str, Json] = {
        "firstIssued": instant(content.published),
        "lastUpdated": instant(content.modified),
    }
    if facts.withdrawn is not None:
        state = "in_triage" if facts.withdrawn.duplicate_of else "false_positive"
        return {**issued, "state": state, "detail": compose.withdrawal(facts.withdrawn)}
    responses = ["update"] if content.affected.fixed else []
    responses += ["workaround_available"] if compose.mitigations(facts) else []
    found: dict[str, Json] = {**issued, "state": "exploitable"}
    return {**found, "response": list(responses)} if responses else found


def _versions(content: Content) -> list[Json]:
    affected = content.affected
    return [
        *(
            {"range": products.vers_text(content, span), "status": "affected"}
            for span in affected.spans
        ),
        *({"version": one, "status": "affected"} for one in affected.versions),
        *({"version": one, "status": "unaffected"} for one in affected.fixed),
    ]


def _properties(content: Content) -> list[Json]:
    facts = content.facts
    told = {
        "clearhouse:tlp": facts.tlp.value,
        "clearhouse:ai": gcve.in_words(facts.ai) if facts.ai else None,
        "clearhouse:exploited-since": instant(facts.exploited_since)
        if facts.exploited_since
        else None,
    }
    return [{"name": name, "value": value} for name, value in told.items() if value]
