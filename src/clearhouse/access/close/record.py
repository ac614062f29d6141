"""The nouns of close: the closure of a window, certificates, and where findings went."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class FindingKind(StrEnum):
    """Where something that an early user found belongs."""

    VULNERABILITY = "vulnerability"
    """Of other people's software; to the clearinghouse, under its embargo."""
    SAFEGUARDS = "safeguards"
    """Of the model; to its lab, and to nobody else."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Closure:
    """The receipts of a window under one root, once its last call has ended."""

    window_id: str
    at: datetime
    because: str
    receipts: int
    chains: int
    root: str
    """Hex; the same for everybody."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ChainPlace:
    """Where one chain stands under the root of its window (RFC 9162 §2.1.3)."""

    chain: str
    entries: int
    head: str
    leaf_index: int
    size: int
    path: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Certificate:
    """That a party destroyed what the terms ask it to."""

    certificate_id: str
    admission_id: str
    actor_id: str
    at: datetime
    destroyed: tuple[str, ...]
    method: str
    terms_sha256: str


@dataclass(frozen=True, kw_only=True, slots=True)
class RoutedFinding:
    """Something found under a grant, and where it went; its words are elsewhere."""

    routing_id: str
    grant_id: str
    kind: FindingKind
    receipt: str | None
    at: datetime
