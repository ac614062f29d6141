"""The nouns of a provider check: the standard's requirements, and how each was met."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Outcome(StrEnum):
    """How a requirement was found. What was not looked at is never counted as met."""

    MET = "met"
    FAILED = "failed"
    NOT_NEEDED = "not-needed"
    NOT_CHECKED = "not-checked"


REQUIREMENTS: Final = {
    1: "Valid CSAF document",
    2: "Filename",
    3: "TLS",
    4: "TLP:WHITE",
    5: "TLP:AMBER and TLP:RED",
    6: "No redirects",
    7: "provider-metadata.json",
    8: "security.txt",
    9: "Well-known URL for provider-metadata.json",
    10: "DNS path",
    11: "One folder per year",
    12: "index.txt",
    13: "changes.csv",
    14: "Directory listings",
    15: "ROLIE feed",
    16: "ROLIE service document",
    17: "ROLIE category document",
    18: "Integrity",
    19: "Signatures",
    20: "Public OpenPGP key",
}
"""Requirements 1 to 20, by number. Source: CSAF 2.0 §7.1; 21 to 23 are for aggregators."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Requirement:
    """How one requirement was met."""

    number: int
    outcome: Outcome
    said: tuple[str, ...]
    """What is wrong or why it was not checked, each with its file."""

    @property
    def title(self) -> str:
        """Return its name in the standard."""
        return REQUIREMENTS[self.number]
