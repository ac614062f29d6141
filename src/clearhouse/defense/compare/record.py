"""What can be said of tools side by side."""

from dataclasses import dataclass
from enum import StrEnum


class Relation(StrEnum):
    """What a comparison shows."""

    MORE = "finds-more"
    FEWER = "finds-fewer"
    NOT_DISTINGUISHABLE = "not-distinguishable"


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """One tool against another on the same attacks."""

    first: str
    second: str
    relation: Relation
    """Of the first to the second."""
    difference: float
    """Mean over attacks of the difference in the share of steps found."""
    low: float
    high: float
    attacks: int
    only_first: int
    """Attacks of which the first found more."""
    only_second: int
    p: float | None
    """After Holm; None when too few attacks were there to ask."""
    power: float
    """To show the smallest difference that matters, with so many attacks."""
    reason: str
    """Why this relation, in a sentence."""
    policy: str
