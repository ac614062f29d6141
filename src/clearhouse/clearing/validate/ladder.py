"""Say of each level whether it is established: runs do not establish what nobody looked at.

Pure. In comes a verdict, out come the levels that hold. A proof that ran reaches E3 to E6 by what
it showed; it says nothing of whether the text is consistent (E1) or whether the project counts the
flaw as its own (E2).
"""

from clearhouse.clearing.validate.record import Claim, ClaimResult, Level, Verdict

PLACES = frozenset({Claim.FILE, Claim.SYMBOL, Claim.LINE, Claim.SNIPPET})
"""Claims that are looked up in the source."""
CONSISTENT = PLACES | {Claim.VERSION, Claim.VERSION_RANGE, Claim.COMMIT, Claim.FRAME}
"""Claims that must all hold for E1."""


def established(verdict: Verdict) -> tuple[Level, ...]:
    """Return the levels that a verdict establishes, the lowest first."""
    if verdict.level is None:
        return ()
    return tuple(
        level for level in Level if level <= verdict.level and _holds(level, verdict, verdict.level)
    )


def _holds(level: Level, verdict: Verdict, highest: Level) -> bool:
    if level is highest:
        return True
    if level is Level.E1:
        return consistent(verdict)
    # No rule of ours says that a trust boundary is crossed; only a verdict that ends there does.
    return level is not Level.E2


def consistent(verdict: Verdict) -> bool:
    """Say whether places were cited and looked up, and all that the text cites is there."""
    cited = [one for one in verdict.checks if one.claim in CONSISTENT]
    looked_up = any(one.claim in PLACES for one in cited)
    return looked_up and all(one.result is ClaimResult.HOLDS for one in cited)
