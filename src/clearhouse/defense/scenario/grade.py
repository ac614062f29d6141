"""What labels are worth: a grade from A to D, and the claims that it carries.

Free of everything that reads recordings, so that results can be read where no recording is.
"""

from dataclasses import dataclass
from enum import StrEnum


class Grade(StrEnum):
    """How far labels can be trusted."""

    A = "A"
    B = "B"
    C = "C"
    D = "D"


class Claim(StrEnum):
    """What a report may want to say."""

    DETECTION = "detection"
    TECHNIQUE = "technique"
    FALSE_ALARMS = "false-alarms"
    RANKING = "ranking"
    TIME_TO_DETECT = "time-to-detect"


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """One thing that was looked at."""

    name: str
    grade: Grade
    value: float
    words: str
    """What was found, as an analyst would say it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Audit:
    """All checks of one pack."""

    pack: str
    pack_sha256: str
    policy: str
    grade: Grade
    claims: tuple[Claim, ...]
    """What the grade still allows to be said."""
    checks: tuple[Check, ...]
    events: int
    attacks: int
    steps: int

    def allows(self, claim: Claim) -> bool:
        """Return whether the labels carry a claim."""
        return claim in self.claims
