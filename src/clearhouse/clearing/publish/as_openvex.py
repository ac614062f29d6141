"""An advisory as an OpenVEX document: which products are affected, which hold the fix.

In: `Content`. Out: the document. Refused: nothing; what reaches this module can be said. OpenVEX
has no ranges, so a range is a package URL with the qualifier `vers`; a reader that does not know it
takes every version for affected, which errs on the safe side. A withdrawn advisory says that
nothing is affected, unless another advisory stands for the same flaw: then it points there.
Source: OpenVEX 0.2.0; VEX minimum requirements (CISA, 2023); ECMA-427, qualifier `vers`.
"""

import uuid

from clearhouse.clearing.publish import compose, products
from clearhouse.clearing.publish.content import Content
from clearhouse.formats.canonical import Json
from clearhouse.formats.openvex_check import CONTEXT
from clearhouse.formats.osv import instant


def openvex_document(content: Content) -> dict[str, Json]:
    """Return the OpenVEX document of an advisory."""
    facts = content.facts
    name = f"{facts.publisher.address(facts.id)}/openvex"
    return {
        "@context": CONTEXT,
        "@id": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, name)}",
        "author": compose.clean(facts.publisher.name),
        "role": "Coordinator",
        "timestamp": instant(content.published),
        "last_updated": instant(content.modified),
        "version": len(facts.revisions),
        "tooling": compose.ENGINE,
        "statements": list(_statements(content)),
    }


def _statements(content: Content) -> list[Json]:
    facts, affected = content.facts, content.affected
    reached = [
        *(products.ranged(content, span) for span in affected.spans),
        *(products.versioned(content, one) for one in affected.versions),
    ]
    about = _about(content)
    withdrawn = facts.withdrawn
    if withdrawn is not None and withdrawn.duplicate_of is None:
        why = compose.withdrawal(withdrawn)
        return [{**about, **_of(reached), "status": "not_affected", "impact_statement": why}]
    words = [compose.withdrawal(withdrawn)] if withdrawn else []
    words += [compose.fix_statement(affected), *compose.mitigations(facts)]
    found: list[Json] = [
        {
            **about,
            **_of(reached),
            "status": "affected",
            "action_statement": "\n".join(words),
            "action_statement_timestamp": instant(content.modified),
        }
    ]
    if affected.fixed:
        fixed = [products.versioned(content, one) for one in affected.fixed]
        found.append({**about, **_of(fixed), "status": "fixed"})
    return found


def _about(content: Content) -> dict[str, Json]:
    name, *others = content.names
    vulnerability: dict[str, Json] = {
        "name": name,
        "description": compose.summary(content.facts),
    }
    if others:
        vulnerability["aliases"] = list(others)
    return {
        "vulnerability": vulnerability,
        "timestamp": instant(content.modified),
        "supplier": compose.vendor(content.facts),
    }


def _of(purls: list[str]) -> dict[str, Json]:
    return {"products": [{"@id": one, "identifiers": {"purl": one}} for one in purls]}
