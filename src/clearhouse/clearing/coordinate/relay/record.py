"""The nouns of the relay: peers, matters with them, and what went out and came in."""

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from clearhouse.formats.tlp import Tlp
from clearhouse.kernel.identity import WATCHERS
from clearhouse.kernel.ids import ActorId, Compartment, PartyId

PEER_READERS = ("role:clearing", "role:coordinator_on_duty", "role:administrator")
"""Who of the house knows its peers."""
NOTED_TO = tuple(dict.fromkeys((*PEER_READERS, *WATCHERS)))
"""Who reads in the ledger what happened to peers."""


class PeerKind(StrEnum):
    """What the other side runs."""

    CLEARHOUSE = "clearhouse"
    VINCE = "vince"
    GITHUB = "github"
    """Private vulnerability reporting of one repository."""
    TAP = "tap"
    MAIL = "mail"


class Code(StrEnum):
    """Why an envelope is refused; a shipped code is never renamed."""

    UNKNOWN_KEY = "unknown-key"
    KEY_NOT_IN_USE = "key-not-in-use"
    REVOKED = "revoked"
    NO_NONCE = "no-nonce"
    REPLAYED = "replayed"
    MALFORMED = "malformed"
    NOT_THE_SENDER = "not-the-sender"
    NOT_FOR_US = "not-for-us"
    CHAIN_BROKEN = "chain-broken"
    LOOP = "loop"
    TLP_TOO_STRICT = "tlp-too-strict"
    EMBARGO_PAST = "embargo-past"
    NOTHING_IN_IT = "nothing-in-it"
    UNREADABLE = "unreadable"
    UNKNOWN_MATTER = "unknown-matter"
    ID_REUSED = "id-reused"
    NOT_READ_IN = "not-read-in"
    NOT_TAKEN = "not-taken"
    """The other system said no; its own words are not kept."""


FINAL = frozenset(Code) - {Code.UNKNOWN_KEY, Code.KEY_NOT_IN_USE, Code.NO_NONCE, Code.REPLAYED}
"""Codes after which sending the same again is of no use. After the others somebody can mend it."""


def code_of(said: str) -> str:
    """Return a code that another side gave; what is none becomes `not-taken`."""
    return said if re.fullmatch("[a-z]+(-[a-z]+)*", said) and len(said) <= 40 else Code.NOT_TAKEN


@dataclass(frozen=True, kw_only=True, slots=True)
class Peer:
    """Another coordinator, as the house has enrolled it."""

    peer_id: str
    kind: PeerKind
    name: str
    party_id: PartyId
    actor_id: ActorId
    node_id: str | None
    """The id of its Clearhouse; None for the other kinds."""
    address: str
    sends_up_to: Tlp
    """The strictest label of what goes to it."""
    takes_up_to: Tlp
    """The strictest label of what is taken from it."""
    enrolled_at: datetime
    document_at: datetime | None
    revoked_at: datetime | None
    key_ids: tuple[str, ...] = ()
    compartment: Compartment = field(repr=False)
    secret_payload: str | None = field(default=None, repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Link:
    """One matter between the house and a peer."""

    link_id: str
    case_id: str
    peer_id: str
    our_handle: str
    their_handle: str | None
    """None until it has answered."""
    opened_at: datetime
    sent: int
    heard: int
    told_at: datetime | None
    told_until: datetime | None
    """The embargo under which the other side holds the case."""
    closed_because: str | None
    readers: tuple[str, ...]
    compartment: Compartment = field(repr=False)
    told_payload: str | None = field(default=None, repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Sent:
    """An envelope that goes out, and how far that is."""

    envelope_id: str
    link_id: str
    number: int
    kind: str
    tlp: Tlp
    made_at: datetime
    due_at: datetime
    attempts: int
    failure: str | None
    sent_at: datetime | None
    refused: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Heard:
    """An envelope that came in, and what became of it."""

    envelope_id: str
    link_id: str | None
    number: int
    kind: str
    tlp: Tlp
    received_at: datetime
    taken_at: datetime | None
    outcome: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class RelayPolicy:
    """How envelopes travel, as the policy in force says."""

    version: str
    signature_life: timedelta
    first_pause: timedelta
    longest_pause: timedelta
    key_lead: timedelta
    key_overlap: timedelta
    in_the_clear_up_to: Tlp
    refusals_per_hour: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Caller:
    """Who a signature names, as the counter may know it."""

    peer_id: str
    party_id: PartyId
    actor_id: ActorId
    name: str
    roles: frozenset[str]
    node_id: str
    takes_up_to: Tlp
    public: bytes
    since: datetime
    until: datetime | None
    revoked: bool
