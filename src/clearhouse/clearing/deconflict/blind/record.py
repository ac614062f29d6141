"""The nouns of blind lookup: fingerprints, the keys that answer, tables and answers."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol

from clearhouse.clearing.deconflict.refusal import Refusal
from clearhouse.formats.voprf import Evaluated


class Grain(StrEnum):
    """What a fingerprint is made of; a shipped name is never changed."""

    PLACE = "place"
    """File, function and CWE family, in a package."""
    PATCH = "patch"
    """Id of a patch that ignores places, line numbers and white space."""
    POC = "poc"
    """SHA-256 of a proof of concept."""
    CRASH = "crash"
    """Crash type and the first telling frames of the stack."""
    FUNCTION = "function"
    """The name of a function, in a package; so few that a dictionary of them is soon tried."""
    FILE = "file"
    """The base name of a file, in a package; fewer still."""


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class Fingerprint:
    """One thing that independent finders of one bug may have in common."""

    grain: Grain
    package: str | None
    """Canonical purl without a version; None where the grain alone identifies (a proof's hash)."""
    value: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Epoch:
    """One key that answers, for a time."""

    epoch_id: str
    public_key: bytes
    opened_at: datetime
    answers_until: datetime | None
    """None for the newest; the one before it still answers until here."""
    entries: int
    """How many entries its table had when they were last counted, decoys included."""
    version: int
    """How far the table is; what came later has a higher one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Card:
    """What a client must know before it asks."""

    epochs: tuple[Epoch, ...]
    """The newest first."""
    most_bits: tuple[int, ...]
    """For each of them, how many bits of an output may be shown to get a part of its table."""
    asked_at_once: int
    policy: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """A table, or a part of it, as it is handed out."""

    entries: bytes
    """Tags and labels, one after the other, in the order of the tags."""
    version: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Held:
    """What whoever holds a fingerprint enters: nothing in it tells the fingerprint."""

    tag: bytes
    mask: bytes
    """What the day is hidden with, for those who ask for the same fingerprint."""
    ticket: bytes
    """By which somebody who found it known asks for an introduction."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """Whether a fingerprint is known, as only the client learns it."""

    fingerprint: Fingerprint
    known: bool
    since: date | None = None
    """Since when; None where whoever holds it does not tell, or it is not known."""
    epoch_id: str
    """Under which key it was asked."""
    held: Held = field(repr=False)
    """What the client may enter there when it holds this itself."""

    @property
    def ticket(self) -> bytes | None:
        """What is presented to ask for an introduction; None when not known."""
        return self.held.ticket if self.known else None


class Door(Protocol):
    """A house that is asked, in this process or over the network."""

    def card(self) -> Card:
        """Return which keys answer."""
        ...

    def evaluate(self, epoch_id: str, elements: Sequence[bytes]) -> Evaluated | Refusal:
        """Evaluate blinded fingerprints."""
        ...

    def table(self, epoch_id: str, after: int) -> Part | Refusal:
        """Return what the table has beyond a version, 0 for all of it."""
        ...

    def buckets(
        self, epoch_id: str, bits: int, prefixes: Sequence[int]
    ) -> tuple[Part, ...] | Refusal:
        """Return the parts of the table whose tags begin with these bits."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Allowed:
    """What others may learn of what somebody holds."""

    answer: bool
    since: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownPolicy:
    """How the house answers, as the policy in force says."""

    name: str
    epoch_days: int
    overlap_days: int
    asked_per_day: int
    asked_per_epoch: int
    asked_at_once: int
    bucket_at_least: int
    held_per_epoch: int
    decoys_per_hour: int
    grains: frozenset[Grain]
    """At which grains the house enters what came in."""
    reports: Allowed
    relayed: Allowed
