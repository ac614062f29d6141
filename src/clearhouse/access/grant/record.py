"""The nouns of grant: who may call what, how much, with which key, until when."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from clearhouse.kernel.ids import ActorId, Compartment


class GrantState(StrEnum):
    """How far a grant is."""

    PENDING = "pending"
    """Issued; its holder has shown no key and accepted nothing yet."""
    ACTIVE = "active"
    REVOKED = "revoked"


@dataclass(frozen=True, kw_only=True, slots=True)
class Scope:
    """What a grant allows."""

    endpoints: tuple[str, ...]
    """Names from the gateway's table, for example `openai.chat`."""
    purposes: tuple[str, ...]
    networks: tuple[str, ...] = ("0.0.0.0/0", "::/0")
    """Where calls may come from, as CIDR."""
    calls_per_minute: int = 600
    concurrent_calls: int = 50
    token_budget: int = 1_000_000
    """Tokens in and out together, for the whole life of the grant."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Grant:
    """Access of one named person or agent; never of an organisation."""

    grant_id: str
    window_id: str
    admission_id: str
    holder: ActorId
    state: GrantState
    jkt: str | None
    """Thumbprint of the holder's key (RFC 7638); without the key the grant is worth nothing."""
    scope: Scope
    not_before: datetime
    not_after: datetime
    issued_at: datetime
    issued_by: ActorId
    activated_at: datetime | None
    revoked_at: datetime | None
    revoked_because: str | None
    compartment: Compartment
    readers: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Use:
    """What a grant has used, from its receipts."""

    calls: int = 0
    refused: int = 0
    tokens: int = 0
    last_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Selector:
    """Who is meant by a kill: every condition must hold, and no condition means everybody."""

    grants: tuple[str, ...] = ()
    parties: tuple[str, ...] = ()
    attribute: str | None = None
    """Name of an attribute, such as `nationality`."""
    values: tuple[str, ...] = ()
    other_than: bool = False
    """True: those whose attribute is none of `values`, or unknown."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Loser:
    """Somebody who loses access, or would."""

    grant_id: str
    holder: ActorId
    name: str
    party: str
    because: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Kill:
    """What a kill did, or would do."""

    done: bool
    losers: tuple[Loser, ...]
    keep: int
    """How many live grants of the window are left."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Bearer:
    """A grant with what is sealed of it, for the two sides."""

    grant: Grant
    name: str
    party: str
    attributes: Mapping[str, str] = field(default_factory=dict)
