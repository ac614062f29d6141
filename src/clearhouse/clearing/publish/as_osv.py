"""An advisory as an OSV record.

In: `Content`. Out: the OSV document. Refused: nothing; what reaches this module can be said.
Weaknesses, timeline, fix, mitigations, the TLP label and the note about AI stand in
`database_specific`, the place that OSV leaves to each database.
Source: OSV schema 1.7.5; GCVE-BCP-05-X-01.
"""

import re
from collections.abc import Sequence
from typing import Final

from clearhouse.clearing.publish import compose, gcve
from clearhouse.clearing.publish.content import Content
from clearhouse.clearing.publish.versions import Span
from clearhouse.formats import osv
from clearhouse.formats import purl as purls
from clearhouse.formats.canonical import Json

_SEMVER_SCHEMES: Final = frozenset({"cargo", "generic", "golang", "hex", "npm", "pub", "swift"})
_SEMVER: Final = re.compile(
    r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)"
    r"(-[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?(\+[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?"
)
_SEVERITIES: Final[dict[str, osv.SeverityType]] = {
    "CVSS:4": "CVSS_V4",
    "CVSS:3": "CVSS_V3",
}
CREDIT_TYPES: Final = frozenset(
    {"FINDER", "REPORTER", "ANALYST", "COORDINATOR", "REMEDIATION_DEVELOPER", "SPONSOR", "TOOL"}
    | {"REMEDIATION_REVIEWER", "REMEDIATION_VERIFIER", "OTHER"}
)


def osv_document(content: Content) -> dict[str, Json]:
    """Return the OSV document of an advisory."""
    facts = content.facts
    return osv.document(
        osv.Entry(
            id=facts.id,
            published=facts.revisions[0].at,
            modified=facts.revisions[-1].at,
            summary=compose.summary(facts),
            details=compose.details(facts, content.affected),
            aliases=content.aliases,
            related=tuple(osv.osv_id(one) for one in facts.related),
            withdrawn=facts.withdrawn.at if facts.withdrawn else None,
            severity=tuple(
                osv.Severity(type=_SEVERITIES.get(one[:6], "CVSS_V2"), score=one)
                for one in content.vectors
            ),
            affected=(_affected(content),),
            references=tuple(
                osv.Reference(type=one.type.value, url=one.url) for one in content.references
            ),
            credits=tuple(
                osv.Credit(name=compose.encodable(one.name), type=credit_type(one.role))
                for one in facts.credits
                if one.name.strip()
            ),
            database_specific=_database_specific(content),
        )
    )


def credit_type(role: str) -> str:
    """Return OSV's word for a role; one it does not know becomes `OTHER`."""
    word = role.strip().upper().replace("-", "_").replace(" ", "_")
    return word if word in CREDIT_TYPES else "OTHER"


def _affected(content: Content) -> osv.Affected:
    facts, affected = content.facts, content.affected
    named = None if facts.purl.startswith("pkg:github/") else purls.ecosystem_of(facts.purl)
    package = None
    if named is not None:
        package = osv.Package(ecosystem=named[0], name=named[1], purl=facts.purl)
    return osv.Affected(
        package=package,
        ranges=tuple(_ranges(affected.spans, affected.scheme)),
        versions=affected.versions,
        # Without an ecosystem there is no place for the package URL but this one.
        database_specific=None if package else {"purl": facts.purl},
    )


def _ranges(spans: Sequence[Span], scheme: str | None) -> list[osv.Range]:
    """Write stretches that end with a fix and those that do not apart, as OSV asks."""
    fixed = [span for span in spans if span.last_affected is None]
    other = [span for span in spans if span.last_affected is not None]
    return [
        osv.Range(
            type=_range_type(group, scheme),
            events=tuple(event for span in group for event in _events(span)),
        )
        for group in (fixed, other)
        if group
    ]


def _range_type(spans: Sequence[Span], scheme: str | None) -> osv.RangeType:
    return "SEMVER" if all(is_semantic(span, scheme) for span in spans) else "ECOSYSTEM"


def is_semantic(span: Span, scheme: str | None) -> bool:
    """Answer whether every bound is a version of Semantic Versioning, in an ecosystem of it."""
    bounds = (span.introduced, span.fixed, span.last_affected)
    return scheme in _SEMVER_SCHEMES and all(
        _SEMVER.fullmatch(version) for version in bounds if version is not None
    )


def _events(span: Span) -> list[osv.Event]:
    events = [osv.Event(kind="introduced", value=span.introduced or "0")]
    if span.fixed is not None:
        events.append(osv.Event(kind="fixed", value=span.fixed))
    if span.last_affected is not None:
        events.append(osv.Event(kind="last_affected", value=span.last_affected))
    return events


def _database_specific(content: Content) -> dict[str, Json]:
    facts = content.facts
    specific: dict[str, Json] = {
        "cwe_ids": list(content.cwes),
        "fix": compose.fix_statement(content.affected),
        "mitigations": list(compose.mitigations(facts)),
        "timeline": [
            {"at": osv.instant(one.at), "what": compose.clean(one.what)} for one in facts.timeline
        ],
        "tlp": facts.tlp.value,
    }
    if facts.ai is not None:
        specific["x_gcve"] = gcve.extension(facts.ai)
    return {key: value for key, value in specific.items() if value}
