"""An advisory as a CVE Record, of a house that is a CVE Numbering Authority.

In: `Content`. Out: the record; None where the advisory has no CVE id, where the house is no CNA,
and for a duplicate whose CVE id the other advisory bears. A withdrawn advisory makes its record
REJECTED. Texts are cut to the lengths that the format allows. Refused: nothing.
Source: CVE Record Format 5.2.0; CNA Operational Rules 4.1.0, section 4.5 (rejection).
"""

from collections.abc import Iterator
from typing import Final

from clearhouse.clearing.coordinate.record import Outcome
from clearhouse.clearing.publish import compose, gcve
from clearhouse.clearing.publish.as_osv import credit_type, is_semantic
from clearhouse.clearing.publish.content import Content
from clearhouse.clearing.publish.record import Cna, ReferenceType
from clearhouse.clearing.publish.versions import Span
from clearhouse.formats import cvss
from clearhouse.formats import purl as purls
from clearhouse.formats.canonical import Json
from clearhouse.formats.osv import instant

DATA_VERSION: Final = "5.2.0"
_TAGS: Final = {
    ReferenceType.ADVISORY: "third-party-advisory",
    ReferenceType.ARTICLE: "technical-description",
    ReferenceType.FIX: "patch",
    ReferenceType.PACKAGE: "product",
    ReferenceType.REPORT: "issue-tracking",
}
_COLLECTIONS: Final = {
    "cargo": "https://crates.io",
    "composer": "https://packagist.org",
    "gem": "https://rubygems.org",
    "golang": "https://pkg.go.dev",
    "hackage": "https://hackage.haskell.org",
    "hex": "https://hex.pm",
    "maven": "https://repo.maven.apache.org/maven2",
    "npm": "https://registry.npmjs.org",
    "nuget": "https://www.nuget.org",
    "pub": "https://pub.dev",
    "pypi": "https://pypi.org",
}
_VERSION_TYPES: Final = {"pypi": "python", "maven": "maven", "rpm": "rpm"}
_METRICS: Final = {"4.0": "cvssV4_0", "3.1": "cvssV3_1", "3.0": "cvssV3_0", "2.0": "cvssV2_0"}


def cve_record(content: Content) -> dict[str, Json] | None:
    """Return the CVE Record of an advisory; None where there is none to write."""
    cna, withdrawn = content.facts.publisher.cna, content.facts.withdrawn
    if content.cve is None or cna is None:
        return None
    if withdrawn is None:
        return _record(content, cna, "PUBLISHED", _published(content, cna))
    if withdrawn.cve_elsewhere == content.cve:
        return None
    rejected: dict[str, Json] = {
        "providerMetadata": _provider(content, cna),
        "rejectedReasons": [_text(compose.withdrawal(withdrawn))],
    }
    if withdrawn.cve_elsewhere is not None:
        rejected["replacedBy"] = [withdrawn.cve_elsewhere]
    return _record(content, cna, "REJECTED", rejected)


def _record(content: Content, cna: Cna, state: str, container: dict[str, Json]) -> dict[str, Json]:
    metadata: dict[str, Json] = {
        "assignerOrgId": cna.org_id,
        "cveId": content.cve,
        "datePublished": instant(content.published),
        "state": state,
    }
    if state == "REJECTED":
        metadata["dateRejected"] = instant(content.modified)
    else:
        metadata["dateUpdated"] = instant(content.modified)
    if cna.short_name:
        metadata["assignerShortName"] = cna.short_name
    return {
        "dataType": "CVE_RECORD",
        "dataVersion": DATA_VERSION,
        "cveMetadata": metadata,
        "containers": {"cna": container},
    }


def _published(content: Content, cna: Cna) -> dict[str, Json]:
    facts = content.facts
    found: dict[str, Json] = {
        "providerMetadata": _provider(content, cna),
        "title": compose.shortened(compose.summary(facts), 256),
        "datePublic": instant(content.published),
        "descriptions": [_text(compose.details(facts, content.affected))],
        "affected": [_product(content)],
        "references": list(_references(content)),
        "problemTypes": [{"descriptions": [_weakness(one)]} for one in content.cwes],
        "metrics": [_metric(one) for one in content.vectors],
        "solutions": [_text(compose.fix_statement(content.affected))],
        "workarounds": _once(_text(one) for one in compose.mitigations(facts)),
        "timeline": _once(
            {"time": instant(one.at), **_text(what)}
            for one in facts.timeline
            if (what := compose.clean(one.what))
        ),
        "credits": _once(_credits(content)),
        "source": {"advisory": facts.id, "discovery": "EXTERNAL"},
        "x_generator": {"engine": compose.ENGINE},
    }
    if facts.exploited_since is not None:
        since = f"{facts.exploited_since:%Y-%m-%d}"
        found["exploits"] = [_text(f"Exploitation has been observed since {since}.")]
    if facts.vendor is not None and facts.vendor.outcome is Outcome.REJECTED:
        found["tags"] = ["disputed"]
    if facts.ai is not None:
        found["x_gcve"] = gcve.extension(facts.ai)
    return {key: value for key, value in found.items() if value}


def _provider(content: Content, cna: Cna) -> dict[str, Json]:
    found: dict[str, Json] = {"orgId": cna.org_id, "dateUpdated": instant(content.modified)}
    return {**found, "shortName": cna.short_name} if cna.short_name else found


def _product(content: Content) -> dict[str, Json]:
    """Name the package by its package URL without a version, and by its registry."""
    facts, affected = content.facts, content.affected
    package = purls.parse(facts.purl)
    found: dict[str, Json] = {
        "vendor": compose.shortened(compose.vendor(facts), 512),
        "product": compose.shortened(compose.software(facts), 2048),
        "packageURL": facts.purl,
        "defaultStatus": "unaffected",
        "versions": [
            *(_stretch(span, content) for span in affected.spans),
            *({"version": one, "status": "affected"} for one in affected.versions),
        ],
    }
    if package.type in _COLLECTIONS:
        named = purls.ecosystem_of(facts.purl)
        found["collectionURL"] = _COLLECTIONS[package.type]
        found["packageName"] = named[1] if named else package.name
    return found


def _stretch(span: Span, content: Content) -> dict[str, Json]:
    scheme = content.affected.scheme or ""
    kind = "semver" if is_semantic(span, scheme) else _VERSION_TYPES.get(scheme, scheme or "custom")
    found: dict[str, Json] = {
        "version": span.introduced or "0",
        "status": "affected",
        "versionType": kind,
    }
    if span.last_affected is not None:
        return {**found, "lessThanOrEqual": span.last_affected}
    return {**found, "lessThan": span.fixed or "*"}


def _references(content: Content) -> Iterator[Json]:
    """Yield the advisory itself, which every record needs at least, then its links."""
    own = content.facts.publisher.address(content.facts.id)
    yield {"url": own, "tags": ["third-party-advisory"]}
    seen = {own}
    for one in content.references:
        if one.url not in seen:
            seen.add(one.url)
            tag = _TAGS.get(one.type)
            yield {"url": one.url, **({"tags": [tag]} if tag else {})}


def _weakness(cwe_id: str) -> Json:
    name = compose.weakness_name(cwe_id)
    found: dict[str, Json] = {"lang": "en", "type": "CWE"}
    found["description"] = f"{cwe_id} {name}" if name else cwe_id
    return {**found, "cweId": cwe_id} if len(cwe_id) > len("CWE-1") else found


def _metric(vector: str) -> Json:
    version = cvss.parse(vector).version
    return {
        "format": "CVSS",
        "scenarios": [{"lang": "en", "value": "GENERAL"}],
        _METRICS[version]: cvss.as_json(vector),
    }


def _credits(content: Content) -> Iterator[dict[str, Json]]:
    for one in content.facts.credits:
        if one.name.strip():
            kind = credit_type(one.role).lower().replace("_", " ")
            yield {**_text(compose.encodable(one.name)), "type": kind}


def _text(words: str) -> dict[str, Json]:
    return {"lang": "en", "value": compose.shortened(words, 4096)}


def _once(entries: Iterator[dict[str, Json]]) -> list[Json]:
    """Return entries without repetitions, which the format forbids."""
    return list({str(one): one for one in entries}.values())
