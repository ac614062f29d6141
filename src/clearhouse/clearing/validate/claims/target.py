"""Say whether the target resolves: a package URL, of a package that local knowledge holds."""

from collections.abc import Iterator

from clearhouse.clearing.deconflict.known import Known, canonical
from clearhouse.clearing.intake.record import Draft
from clearhouse.clearing.validate.claims.answer import holds, uncheckable
from clearhouse.clearing.validate.record import Claim, ClaimCheck


def check_target(draft: Draft, known: Known) -> Iterator[ClaimCheck]:
    """Look at the package that the report is filed against."""
    if draft.purl is None:
        stated = draft.software or draft.repository or "no target"
        yield uncheckable(
            Claim.TARGET, stated, "The report names no package by package URL, so nothing resolves."
        )
    elif not resolves(draft):
        yield uncheckable(Claim.TARGET, draft.purl, "Not a valid package URL.")
    elif known.releases(draft.purl) or known.of_package(draft.purl):
        yield holds(Claim.TARGET, draft.purl, "The package is known.", "local public knowledge")
    else:
        yield uncheckable(
            Claim.TARGET,
            draft.purl,
            "A valid package URL of a package that local knowledge does not hold.",
            "local public knowledge",
        )


def resolves(draft: Draft) -> bool:
    """Say whether the report names a target that can be looked up."""
    if draft.purl is None:
        return False
    try:
        canonical(draft.purl)
    except ValueError:
        return False
    return True
