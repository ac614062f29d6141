"""How an advisory names what is affected: as a version, as a range, as a package URL of either.

In: `Content`. Out: package URLs and `vers:` texts that every form of the advisory uses alike, so
that a product has one name in all of them. Refused: nothing; what reaches this module can be said.
Source: ECMA-427, qualifier `vers`; VERS 1.1.
"""

from dataclasses import replace

from clearhouse.clearing.publish.content import Content
from clearhouse.clearing.publish.versions import Span
from clearhouse.formats import purl as purls
from clearhouse.formats import vers


def vers_text(content: Content, span: Span) -> str:
    """Return a stretch of versions as a `vers:` range."""
    bounds = ((">=", span.introduced), ("<", span.fixed), ("<=", span.last_affected))
    constraints = [
        vers.Constraint(comparator=sign, version=version)
        for sign, version in bounds
        if version is not None
    ]
    scheme = content.affected.scheme or "generic"
    return str(vers.build(scheme, constraints or [vers.Constraint(comparator="*")]))


def ranged(content: Content, span: Span) -> str:
    """Return the package URL of a stretch of versions."""
    package = purls.parse(content.facts.purl)
    qualifiers = (*package.qualifiers, ("vers", vers_text(content, span)))
    return str(replace(package, qualifiers=tuple(sorted(qualifiers))))


def versioned(content: Content, version: str) -> str:
    """Return the package URL of one version."""
    return str(replace(purls.parse(content.facts.purl), version=version))
