"""The nouns of introductions."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Field(StrEnum):
    """What may be shown; each by itself, and to both or to none."""

    PARTY = "party"
    CONTACT = "contact"
    PACKAGE = "package"
    PLACE = "place"
    WEAKNESS = "weakness"
    DATES = "dates"
    PROOF = "proof"
    PATCH = "patch"
    PLAN = "plan"
    """What is to become of it: who reports, and when."""


class Side(StrEnum):
    """Who found the flaw known, and who held it."""

    SEEKER = "seeker"
    HOLDER = "holder"


class State(StrEnum):
    """Whether the side still goes along."""

    OFFERED = "offered"
    DECLINED = "declined"


@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    """One field as a side reads it."""

    field: Field
    mine: str
    theirs: str | None
    """None until both have laid it down."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Introduction:
    """An introduction as one side reads it; of the other nothing but what it shows."""

    introduction_id: str
    side: Side
    state: State
    offered_at: datetime
    fields: tuple[Shown, ...]
