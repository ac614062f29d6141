"""The life of a determination, as one table.

In: a state and an act. Out: the state after it, or None where the act does not fit. Expiry is no
act: time does it, and whoever reads a determination is told.
"""

from collections.abc import Mapping
from enum import StrEnum


class DeterminationState(StrEnum):
    """Where a determination is in its life."""

    PROPOSED = "proposed"
    """One person signed it; it says nothing yet."""
    DETERMINED = "determined"
    """A second person signed it."""
    RELEASED = "released"
    """Its releasable part is public."""
    SUPERSEDED = "superseded"
    """A later determination, or another checkpoint, took its place."""
    WITHDRAWN = "withdrawn"
    """Taken back; the record stays."""


class Act(StrEnum):
    """What persons do with it."""

    COUNTERSIGN = "countersign"
    RELEASE = "release"
    SUPERSEDE = "supersede"
    WITHDRAW = "withdraw"


_S = DeterminationState
TRANSITIONS: Mapping[tuple[DeterminationState, Act], DeterminationState] = {
    (_S.PROPOSED, Act.COUNTERSIGN): _S.DETERMINED,
    (_S.PROPOSED, Act.WITHDRAW): _S.WITHDRAWN,
    (_S.DETERMINED, Act.RELEASE): _S.RELEASED,
    (_S.DETERMINED, Act.SUPERSEDE): _S.SUPERSEDED,
    (_S.DETERMINED, Act.WITHDRAW): _S.WITHDRAWN,
    (_S.RELEASED, Act.SUPERSEDE): _S.SUPERSEDED,
    (_S.RELEASED, Act.WITHDRAW): _S.WITHDRAWN,
}


def after(state: DeterminationState, act: Act) -> DeterminationState | None:
    """Return the state after an act, None where it does not fit."""
    return TRANSITIONS.get((state, act))
