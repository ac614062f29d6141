"""An advisory as a CSAF 2.0 document of the profile `csaf_security_advisory`.

In: `Content`. Out: a `csaf.Advisory`, which `formats.csaf` writes. Refused: nothing; what reaches
this module can be said. Product ids are made of package URL and version, so they stay the same in
every issue of the advisory.
Source: CSAF 2.0, sections 3.2 and 4.4; VERS 1.1 for version ranges.
"""

from typing import Final, Literal

from clearhouse.clearing.coordinate.record import Outcome
from clearhouse.clearing.publish import compose
from clearhouse.clearing.publish.as_osv import credit_type
from clearhouse.clearing.publish.content import Content
from clearhouse.clearing.publish.record import AdvisoryFacts, AiNote
from clearhouse.clearing.publish.versions import Span
from clearhouse.formats import csaf, cvss, osv, vers
from clearhouse.formats import purl as purls

ENGINE: Final = "Clearhouse"
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
        engine=ENGINE,
        vendor=compose.vendor(facts),
        product=compose.software(facts),
        affected=_affected(content),
        fixed=tuple(_version(facts, version) for version in content.affected.fixed),
        notes=tuple(_notes(content)),
        descriptions=tuple(_descriptions(content)),
        remediation=_remediation(content),
        cve=content.cve,
        aliases=tuple(
            (one.partition("-")[0], one) for one in content.aliases if one != content.cve
        ),
        cwe=_weakness(content),
        vectors=tuple(one for one in content.vectors if not one.startswith("CVSS:4")),
        references=tuple((one.type.value.capitalize(), one.url) for one in content.references),
        acknowledgments=tuple(
            (compose.encodable(one.name), credit_type(one.role).replace("_", " ").capitalize())
            for one in facts.credits
            if one.name.strip()
        ),
        involvements=tuple(_involvements(facts)),
        exploited_since=facts.exploited_since,
    )


def _affected(content: Content) -> tuple[csaf.Product, ...]:
    facts, affected = content.facts, content.affected
    ranges = [_range(facts, span, affected.scheme) for span in affected.spans]
    return (*ranges, *(_version(facts, version) for version in affected.versions))


def _range(facts: AdvisoryFacts, span: Span, scheme: str | None) -> csaf.Product:
    text = _vers(span, scheme or "generic")
    return csaf.Product(
        id=f"{facts.purl}?vers={text}",
        name=f"{compose.software(facts)} {compose.span_words(span)}",
        vers=text,
        purl=facts.purl,
    )


def _vers(span: Span, scheme: str) -> str:
    bounds = ((">=", span.introduced), ("<", span.fixed), ("<=", span.last_affected))
    constraints = [
        vers.Constraint(comparator=sign, version=version)
        for sign, version in bounds
        if version is not None
    ]
    return str(vers.build(scheme, constraints or [vers.Constraint(comparator="*")]))


def _version(facts: AdvisoryFacts, version: str) -> csaf.Product:
    package = purls.parse(facts.purl)
    versioned = purls.Purl(
        type=package.type,
        namespace=package.namespace,
        name=package.name,
        version=version,
        qualifiers=package.qualifiers,
    )
    return csaf.Product(
        id=str(versioned),
        name=f"{compose.software(facts)} {version}",
        version=version,
        purl=str(versioned),
    )


def _notes(content: Content) -> list[csaf.Note]:
    facts = content.facts
    notes = [csaf.Note(category="summary", text=compose.summary(facts))]
    if facts.timeline:
        lines = [f"{osv.instant(one.at)} {compose.clean(one.what)}" for one in facts.timeline]
        notes.append(csaf.Note(category="general", title="Timeline", text="\n".join(lines)))
    if facts.ai is not None:
        notes.append(
            csaf.Note(category="general", title="AI in the discovery", text=_ai_words(facts.ai))
        )
    return notes


def _ai_words(note: AiNote) -> str:
    """Say the GCVE annotation in a sentence, since CSAF has no place for its fields."""
    words = f"ai_level: {note.level.value}"
    if note.review is not None:
        words += f"; review_status: {note.review.value}"
    models = [" ".join(filter(None, (one.name, one.version))) for one in note.models]
    if models and note.review is not None:
        words += f"; models: {', '.join(compose.clean(one) for one in models)}"
    return f"{words} (GCVE-BCP-05-X-01, as the finders stated it)"


def _descriptions(content: Content) -> list[csaf.Note]:
    notes = [
        csaf.Note(category="description", text=compose.details(content.facts, content.affected))
    ]
    newest = next((one for one in content.vectors if one.startswith("CVSS:4")), None)
    if newest is not None:
        score = cvss.parse(newest)
        text = f"{score.score} {score.rating.value.upper()} {newest}"
        notes.append(csaf.Note(category="other", title="CVSS v4.0", text=text))
    return notes


def _remediation(content: Content) -> csaf.Remediation:
    category: Literal["vendor_fix", "none_available"] = (
        "vendor_fix" if content.affected.fixed else "none_available"
    )
    return csaf.Remediation(
        category=category,
        details=compose.fix_statement(content.affected),
        at=content.facts.revisions[-1].at,
    )


def _weakness(content: Content) -> tuple[str, str] | None:
    """Return the first weakness whose exact name is known; CSAF 2.0 takes one."""
    named = ((one, compose.weakness_name(one)) for one in content.cwes)
    return next(((one, name) for one, name in named if name is not None), None)


def _involvements(facts: AdvisoryFacts) -> list[csaf.Involvement]:
    found = [csaf.Involvement(party="coordinator", status="completed", at=facts.revisions[-1].at)]
    if facts.vendor is not None:
        status = _VENDOR_STATUS[facts.vendor.outcome]
        found.append(csaf.Involvement(party="vendor", status=status, at=facts.vendor.at))
    return found
