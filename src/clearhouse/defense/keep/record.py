"""The nouns of kept results."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from clearhouse.defense.compare.card import Card
from clearhouse.defense.compare.pooling import PooledTool
from clearhouse.defense.compare.sharing import Shared
from clearhouse.defense.exercise.record import Count
from clearhouse.kernel.ids import PartyId


class CardKind(StrEnum):
    """How much of a result was handed in."""

    WHOLE = "whole"
    """Every number; for the organisation alone."""
    SHARED = "shared"
    """Sums, to be pooled with those of others."""


@dataclass(frozen=True, kw_only=True, slots=True)
class KeptCard:
    """A card as it is kept, without its content."""

    card_id: str
    party_id: PartyId
    kind: CardKind
    sha256: str
    key_id: str
    pack_sha256: str
    handed_in_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class CardFile:
    """A card and what it says."""

    kept: KeptCard
    content: Card | Shared


@dataclass(frozen=True, kw_only=True, slots=True)
class Pool:
    """Tools over several networks."""

    networks: Count
    """How many organisations shared something of it."""
    tools: tuple[PooledTool, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class ReleasedPool:
    """A pool as operators read it."""

    pool_id: str
    released_at: datetime
    pool: Pool
