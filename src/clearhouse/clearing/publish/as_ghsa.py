"""An advisory in the shape of a GitHub repository security advisory.

In: `Content`. Out: the object that GitHub's REST interface gives for an advisory, and takes when
one is created or updated. Refused: nothing. Credits there are GitHub accounts; names of people are
thanked in the description instead, so that nobody is lost.
Source: GitHub REST API, repository security advisories (2022-11-28).
"""

from typing import Final

from clearhouse.clearing.publish import compose
from clearhouse.clearing.publish.content import Content
from clearhouse.clearing.publish.versions import Span
from clearhouse.formats import cvss
from clearhouse.formats import purl as purls
from clearhouse.formats.canonical import Json
from clearhouse.formats.osv import instant

_ECOSYSTEMS: Final = {
    "cargo": "rust",
    "composer": "composer",
    "gem": "rubygems",
    "golang": "go",
    "hex": "erlang",
    "maven": "maven",
    "npm": "npm",
    "nuget": "nuget",
    "pub": "pub",
    "pypi": "pip",
    "swift": "swift",
}
_SUMMARY_LIMIT: Final = 1024
_DESCRIPTION_LIMIT: Final = 65_535
"""Characters that GitHub takes."""


def ghsa_document(content: Content) -> dict[str, Json]:
    """Return an advisory as GitHub's REST interface has it."""
    facts = content.facts
    ghsa = next((one for one in content.aliases if one.startswith("GHSA-")), None)
    named = {"GHSA": ghsa, "CVE": content.cve}
    scores = {one[:6]: one for one in content.vectors}
    return {
        "ghsa_id": ghsa,
        "cve_id": content.cve,
        "html_url": facts.publisher.address(facts.id),
        "identifiers": [{"type": kind, "value": id_} for kind, id_ in named.items() if id_],
        "summary": compose.shortened(compose.summary(facts), _SUMMARY_LIMIT),
        "description": compose.shortened(_description(content), _DESCRIPTION_LIMIT),
        "severity": _severity(content),
        "state": "published",
        "published_at": instant(content.published),
        "updated_at": instant(content.modified),
        "withdrawn_at": instant(facts.withdrawn.at) if facts.withdrawn else None,
        "vulnerabilities": list(_vulnerabilities(content)),
        "cvss_severities": {
            "cvss_v3": _score(scores.get("CVSS:3")),
            "cvss_v4": _score(scores.get("CVSS:4")),
        },
        "cwe_ids": list(content.cwes),
        "cwes": [
            {"cwe_id": one, "name": compose.weakness_name(one) or one} for one in content.cwes
        ],
        "credits": [],
        "references": list(dict.fromkeys(one.url for one in content.references)),
    }


def _description(content: Content) -> str:
    facts = content.facts
    parts = [compose.details(facts, content.affected)]
    helps = compose.mitigations(facts)
    if helps:
        parts.append("\n".join(["### If you cannot update", *(f"- {one}" for one in helps)]))
    names = [compose.clean(one.name) for one in facts.credits if one.name.strip()]
    if names:
        parts.append("\n".join(["### Thanks to", *(f"- {one}" for one in dict.fromkeys(names))]))
    return "\n\n".join(parts)


def _severity(content: Content) -> str | None:
    """Return the rating of the newest vector; GitHub has no word for none."""
    rating = cvss.parse(content.vectors[0]).rating if content.vectors else cvss.Rating.NONE
    return None if rating is cvss.Rating.NONE else rating.value


def _score(vector: str | None) -> Json:
    if vector is None:
        return None
    return {"vector_string": vector, "score": cvss.parse(vector).score}


def _vulnerabilities(content: Content) -> list[Json]:
    affected = content.affected
    ranges = [(_range(span), span.fixed) for span in affected.spans]
    ranges += [(f"= {one}", None) for one in affected.versions]
    fixes = ", ".join(affected.fixed)
    return [
        {
            "package": _package(content),
            "vulnerable_version_range": text,
            "patched_versions": fix or fixes,
            "vulnerable_functions": [],
        }
        for text, fix in ranges
    ]


def _package(content: Content) -> Json:
    package = purls.parse(content.facts.purl)
    named = purls.ecosystem_of(content.facts.purl)
    if package.type not in _ECOSYSTEMS or named is None:
        return {"ecosystem": "other", "name": content.facts.purl}
    return {"ecosystem": _ECOSYSTEMS[package.type], "name": named[1]}


def _range(span: Span) -> str:
    bounds = ((">=", span.introduced), ("<", span.fixed), ("<=", span.last_affected))
    return ", ".join(f"{sign} {version}" for sign, version in bounds if version) or ">= 0"
