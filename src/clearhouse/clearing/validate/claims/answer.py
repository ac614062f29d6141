"""Build the answers of claim checks in one shape."""

from clearhouse.clearing.validate.record import Claim, ClaimCheck, ClaimResult

SUBJECT_CHARS = 200
"""Longer subjects are cut; the whole text stands in the report."""


def holds(claim: Claim, subject: str, reason: str, looked_at: str | None = None) -> ClaimCheck:
    """Answer that the claim agrees with the place looked at."""
    return _answer(claim, subject, ClaimResult.HOLDS, reason, looked_at)


def contradicted(
    claim: Claim, subject: str, reason: str, looked_at: str | None = None
) -> ClaimCheck:
    """Answer that the place looked at says otherwise."""
    return _answer(claim, subject, ClaimResult.CONTRADICTED, reason, looked_at)


def uncheckable(
    claim: Claim, subject: str, reason: str, looked_at: str | None = None
) -> ClaimCheck:
    """Answer that nothing is decided, and why."""
    return _answer(claim, subject, ClaimResult.UNCHECKABLE, reason, looked_at)


def _answer(
    claim: Claim, subject: str, result: ClaimResult, reason: str, looked_at: str | None
) -> ClaimCheck:
    cut = subject if len(subject) <= SUBJECT_CHARS else subject[: SUBJECT_CHARS - 1] + "…"
    return ClaimCheck(claim=claim, subject=cut, result=result, reason=reason, looked_at=looked_at)
