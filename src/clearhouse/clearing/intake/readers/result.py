"""What a reader answers: drafts, or a refusal that says whose fault it is and what to do.

A refusal is an expected outcome and therefore a result, never an exception. It names the field and
the rule and repeats nothing of the document.
"""

from dataclasses import dataclass
from enum import StrEnum

from clearhouse.clearing.intake.record import Draft


class Format(StrEnum):
    """The formats that are read, by the name that a stored report carries."""

    TAP = "tap"
    OSV = "osv"
    CSAF = "csaf"
    SARIF = "sarif"
    GHSA = "ghsa"
    INTERCHANGE = "interchange"
    OWN = "clearhouse"
    EMAIL = "email"
    TEXT = "text"


class Fault(StrEnum):
    """Whose turn it is."""

    DOCUMENT = "document"
    """The document breaks the rules of its format: its author repairs it."""
    LIMIT = "limit"
    """The document is larger or deeper than is read: its sender splits it."""
    CONTENT = "content"
    """The document is well-formed and reports no flaw: it belongs elsewhere."""
    UNSUPPORTED = "unsupported"
    """This house does not read the format: its sender picks another."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadRefusal:
    """Why nothing was read."""

    code: str
    """Machine-readable and never renamed."""
    fault: Fault
    reason: str
    remedy: str
    """What the sender can do about it."""
    place: str = ""
    """JSON pointer, field or `byte N`; empty when it is the whole document."""

    @property
    def detail(self) -> str:
        """The refusal in one or two sentences for a person."""
        where = f" (at {self.place})" if self.place else ""
        return f"{self.reason}{where}; {self.remedy}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """What one document holds."""

    format: Format
    drafts: tuple[Draft, ...]


ReadResult = Reading | ReadRefusal
Drafts = tuple[Draft, ...] | ReadRefusal
"""What one reader answers."""
