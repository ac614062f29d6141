"""Say which claims wait for the source: files, functions, lines and snippets."""

from collections.abc import Iterator

from clearhouse.clearing.intake.record import Draft
from clearhouse.clearing.validate.claims.answer import uncheckable
from clearhouse.clearing.validate.record import Claim, ClaimCheck

_REASON = "The source has not been looked at."


def check_pending(draft: Draft) -> Iterator[ClaimCheck]:
    """Name every claim that only the target's source can settle."""
    for place in draft.locations:
        if place.file:
            yield uncheckable(Claim.FILE, place.file, _REASON)
        if place.function:
            yield uncheckable(Claim.SYMBOL, place.function, _REASON)
        if place.line is not None:
            yield uncheckable(Claim.LINE, f"{place.file or '?'}:{place.line}", _REASON)
        if place.snippet:
            yield uncheckable(Claim.SNIPPET, place.snippet, _REASON)
