"""An advisory as a CSAF document of the profile `csaf_security_advisory`.

In: `Content`. Out: a `csaf.Advisory`, which `formats.csaf` writes as CSAF 2.0 and `formats.csaf_21`
as CSAF 2.1. Refused: nothing; what reaches
this module can be said. Product ids are made of package URL and version, so they stay the same in
every issue of the advisory.
Source: CSAF 2.0, sections 3.2 and 4.4; VERS 1.1 for version ranges.
"""

from collections.abc import Iterator
from typing import Final, Literal

from clearhouse.clearing.coordinate.record import Outcome
from clearhouse.clearing.publish import compose, gcve, products
from clearhouse.clearing.publish.as_osv import credit_type
from clearhouse.clearing.publish.content import Content
from clearhouse.clearing.publish.record import AdvisoryFacts
from clearhouse.clearing.publish.versions import Span
from clearhouse.formats import csaf, osv

_VENDOR_STATUS: Final[dict[Outcome, csaf.Involved]] = {
    Outcome.ACCEPTED: "in_progress",
    Outcome.FIX_RELEASED: "completed",
    Outcome.NEEDS_INFO: "open",
    Outcome.REJECTED: "disputed",
}


def csaf_advisory(content: Content) -> csaf.Advisory:
    """Return what CSAF says of an advisory."""
    facts = content.facts
    return csaf.Advisory(
        id=facts.id,
        title=compose.summary(facts),
        publisher=csaf.Publisher(
            name=compose.clean(facts.publisher.name),
            namespace=facts.publisher.namespace,
            contact=facts.publisher.contact,
            issuing_authority=facts.publisher.issuing_authority,
        ),
        tlp=facts.tlp,
        revisions=tuple(
            csaf.Revision(at=one.at, summary=compose.clean(one.summary) or "New issue")
            for one in facts.revisions
        ),
        engine=compose.ENGINE,
        vendor=compose.vendor(facts),
        product=compose.software(facts),
        affected=_affected(content),
        fixed=tuple(_version(content, version) for version in content.affected.fixed),
        notes=tuple(_notes(content)),
        descriptions=(
            csaf.Note(category="description", text=compose.details(facts, content.affected)),
        ),
        remediations=tuple(_remediations(content)),
        cve=content.cve,
        aliases=(
            (compose.clean(facts.publisher.name), facts.id),
            *((one.partition("-")[0], one) for one in content.aliases if one != content.cve),
        ),
        cwes=tuple(_weaknesses(content)),
        vectors=content.vectors,
        references=tuple((one.type.value.capitalize(), one.url) for one in content.references),
        acknowledgments=tuple(
            (compose.encodable(one.name), credit_type(one.role).replace("_", " ").capitalize())
            for one in facts.credits
            if one.name.strip()
        ),
        involvements=tuple(_involvements(facts)),
        exploited_since=facts.exploited_since,
        withdrawn=_withdrawn(facts),
    )


def _affected(content: Content) -> tuple[csaf.Product, ...]:
    ranges = [_range(content, span) for span in content.affected.spans]
    return (*ranges, *(_version(content, one) for one in content.affected.versions))


def _range(content: Content, span: Span) -> csaf.Product:
    return csaf.Product(
        id=products.ranged(content, span),
        name=f"{compose.software(content.facts)} {compose.span_words(span)}",
        vers=products.vers_text(content, span),
        purl=content.facts.purl,
    )


def _version(content: Content, version: str) -> csaf.Product:
    versioned = products.versioned(content, version)
    return csaf.Product(
        id=versioned,
        name=f"{compose.software(content.facts)} {version}",
        version=version,
        purl=versioned,
    )


def _notes(content: Content) -> list[csaf.Note]:
    facts = content.facts
    notes = [csaf.Note(category="summary", text=compose.summary(facts))]
    if facts.timeline:
        lines = [f"{osv.instant(one.at)} {compose.clean(one.what)}" for one in facts.timeline]
        notes.append(csaf.Note(category="general", title="Timeline", text="\n".join(lines)))
    if facts.ai is not None:
        notes.append(
            csaf.Note(category="general", title="AI in the discovery", text=gcve.in_words(facts.ai))
        )
    return notes


def _remediations(content: Content) -> Iterator[csaf.Remediation]:
    """Say the fix, what helps without it, or that there is neither; CSAF allows no mixture."""
    facts, at = content.facts, content.modified
    mitigations = compose.mitigations(facts)
    if content.affected.fixed or not mitigations:
        category: Literal["vendor_fix", "none_available"] = (
            "vendor_fix" if content.affected.fixed else "none_available"
        )
        words = compose.fix_statement(content.affected)
        yield csaf.Remediation(category=category, details=words, at=at)
    for one in mitigations:
        yield csaf.Remediation(category="mitigation", details=one, at=at)


def _weaknesses(content: Content) -> Iterator[tuple[str, str]]:
    """Yield the weaknesses whose exact names are known."""
    for one in content.cwes:
        name = compose.weakness_name(one)
        if name is not None:
            yield one, name


def _withdrawn(facts: AdvisoryFacts) -> csaf.Withdrawn | None:
    if facts.withdrawn is None:
        return None
    other = facts.withdrawn.duplicate_of
    return csaf.Withdrawn(
        reason=compose.withdrawal(facts.withdrawn),
        superseded_by=None if other is None else facts.publisher.address(other),
    )


def _involvements(facts: AdvisoryFacts) -> list[csaf.Involvement]:
    found = [csaf.Involvement(party="coordinator", status="completed", at=facts.revisions[-1].at)]
    if facts.vendor is not None:
        status = _VENDOR_STATUS[facts.vendor.outcome]
        found.append(csaf.Involvement(party="vendor", status=status, at=facts.vendor.at))
    return found
