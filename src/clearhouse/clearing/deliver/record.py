"""The nouns of deliver: the ways an advisory can reach an operator, and how far each has come."""

from dataclasses import dataclass
from enum import StrEnum


class Way(StrEnum):
    """How operators can learn of an advisory."""

    FILES = "files"
    """OSV, CSAF and proof as static files, which any web server can carry."""
    COUNTER = "counter"
    """The public pages and the API of this house."""
    FEED = "feed"
    """A signed feed that tools subscribe to."""
    INVENTORY = "inventory"
    """A match against the operator's own inventory, on the operator's machine."""
    ACKNOWLEDGEMENT = "acknowledgement"
    """Word back from operators: affected, patched, since when."""


class Progress(StrEnum):
    """How far one way has come. Not attempted is a result, never a zero."""

    DONE = "done"
    WAITING = "waiting"
    NOT_ATTEMPTED = "not-attempted"


@dataclass(frozen=True, kw_only=True, slots=True)
class Notice:
    """How far one advisory has come on one way."""

    advisory_id: str
    way: Way
    progress: Progress
    reason: str
    """One sentence for the coordinator."""
