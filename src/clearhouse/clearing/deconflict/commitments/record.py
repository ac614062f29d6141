"""The nouns of commitments."""

from dataclasses import dataclass, field
from datetime import datetime

from clearhouse.clearing.deconflict.blind.record import Fingerprint
from clearhouse.kernel.ids import ActorId, PartyId


@dataclass(frozen=True, kw_only=True, slots=True)
class Opening:
    """What a party keeps to itself until it reveals: with it, the digest can be checked."""

    blinding: bytes = field(repr=False)
    """32 random bytes, without which the digest cannot be guessed."""
    fingerprints: tuple[Fingerprint, ...]
    report_sha256: str | None = None
    """Of the report as it will be submitted; None when there is none yet."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Commitment:
    """That a party held something at an instant."""

    commitment_id: str
    party_id: PartyId
    actor_id: ActorId
    digest: bytes
    made_at: datetime
    event_id: str
    """In the ledger, whose export proves party, digest and instant."""
    revealed_at: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Proven:
    """What a ledger's export proves of an opening."""

    party_id: str
    made_at: datetime
    event_id: str
    leaf_index: int
    fingerprints: tuple[Fingerprint, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class HeldSince:
    """A party held a flaw since an instant, by its commitment or its report."""

    party: str
    at: datetime
    told_at: datetime | None = None
    """When it could have learned of the flaw from others; None when never."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Discovery:
    """Who found a flaw, and in which order."""

    first: tuple[str, ...]
    """Several when they are closer together than clocks tell apart."""
    later: tuple[str, ...]
    """Those who found it independently afterwards, in order."""
    not_independent: tuple[str, ...]
    """Those who were told before they can show that they held it."""
    rediscovered_at: datetime | None
    """When a second party had found it; None while there is one."""

    @property
    def independent(self) -> int:
        """How many parties found it by themselves."""
        return len(self.first) + len(self.later)
