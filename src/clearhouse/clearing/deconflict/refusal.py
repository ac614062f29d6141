"""How deconflict says no: an expected answer, never an exception."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Refusal:
    """What was not done, and why."""

    code: str
    """A shipped code is never renamed."""
    reason: str
