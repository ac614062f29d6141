"""Affected versions as runs of a proof showed them, as claims that an advisory can be made from.

In: the span that `reproduce --history` found, from the first to the last released version on which
the proof fires. Out: one claim in the order of the package's ecosystem, and what the span leaves
open. Refused, as None: a package whose versions have no known order.

The search halves, so it takes a flaw to be in one piece; versions that could not be built are named
and count as affected where they lie inside. Where it still fires on the newest version, the range
has no end.
"""

from dataclasses import dataclass

from clearhouse.clearing.validate.reproduce.history import Span
from clearhouse.formats import purl as purls
from clearhouse.formats import vers


@dataclass(frozen=True, kw_only=True, slots=True)
class Observed:
    """What the runs say of versions."""

    claim: str
    """A `vers:` range."""
    open_questions: tuple[str, ...]
    """What a coordinator should know before relying on it."""


def claim_of(purl: str, span: Span) -> Observed | None:
    """Return what a span says of the affected versions of a package."""
    kind = purls.parse(purl).type
    scheme = None if kind in {"generic", "github"} else vers.scheme_of(kind)
    if scheme is None:
        return None
    bounds = []
    if span.silent_before is not None:
        bounds.append(vers.Constraint(comparator=">=", version=span.first))
    if span.silent_after is not None:
        bounds.append(vers.Constraint(comparator="<", version=span.silent_after))
    text = str(vers.build(scheme, bounds or [vers.Constraint(comparator="*")]))
    return Observed(claim=text, open_questions=tuple(_open(span)))


def _open(span: Span) -> list[str]:
    found = []
    if span.untried:
        found.append(f"could not be built or run: {', '.join(span.untried)}")
    if span.silent_after is None:
        found.append(f"still fires on {span.last}, the newest version that was tried")
    return found
