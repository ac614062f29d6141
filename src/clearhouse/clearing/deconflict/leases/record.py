"""The nouns of scan leases."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from clearhouse.kernel.ids import ActorId, PartyId


class Tool(StrEnum):
    """The class of a tool."""

    STATIC = "static"
    FUZZING = "fuzzing"
    MODEL = "model"
    """A language model or an agent that is led by one."""
    DYNAMIC = "dynamic"
    """Against something that runs."""
    MANUAL = "manual"


class Disclosure(StrEnum):
    """What others are told of a lease that overlaps with theirs; each level tells more."""

    NOTHING = "nothing"
    """Nothing. It reserves nothing either."""
    OVERLAP = "overlap"
    """That there is one."""
    WHEN = "when"
    """And until when."""
    TOOL = "tool"
    """And with which class of tool, on which paths and versions."""
    PARTY = "party"
    """And whose it is."""


class Basis(StrEnum):
    """What a scan stands on."""

    MAINTAINER = "maintainer"
    """The maintainers agreed."""
    PROGRAMME = "programme"
    """A published policy or bounty covers it."""
    OWN = "own"
    """The party's own code."""
    COPY = "copy"
    """A local copy of open source."""


class State(StrEnum):
    """How far a lease is; `lapsed` owes its coverage statement."""

    HELD = "held"
    HANDED_BACK = "handed-back"
    LAPSED = "lapsed"
    WITHDRAWN = "withdrawn"


class Extent(StrEnum):
    """How far a path was scanned."""

    SCANNED = "scanned"
    PARTLY = "partly"
    NOT_SCANNED = "not-scanned"


@dataclass(frozen=True, kw_only=True, slots=True)
class Scope:
    """What is scanned, and when."""

    target: str
    """A package URL without version, or the address of a repository."""
    starts: datetime
    until: datetime
    """The first instant that is no longer part of it."""
    paths: tuple[str, ...] = ()
    """Files and folders below the root; empty for everything."""
    versions: str | None = None
    """A `vers:` range; None for every version."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Authorisation:
    """Why the party may scan."""

    basis: Basis
    reference: str
    """Where it can be read: an address, a message, a contract's number."""
    safe_harbour: str
    """Id of the text that the party accepts."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """A party asks for a lease."""

    scope: Scope
    tool: Tool
    authorisation: Authorisation
    disclosure: Disclosure = Disclosure.OVERLAP
    share: bool = False
    """Whether to scan all the same when others are told to do the same."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Taken:
    """A lease of somebody, as the decision sees it."""

    lease_id: str
    party_id: PartyId
    party: str
    scope: Scope
    tool: Tool
    disclosure: Disclosure


@dataclass(frozen=True, kw_only=True, slots=True)
class Overlap:
    """What is told of a lease that overlaps; None where its holder does not let it be told."""

    until: datetime | None = None
    tool: Tool | None = None
    paths: tuple[str, ...] | None = None
    versions: str | None = None
    party: str | None = None
    unsure: bool = False
    """The versions could not be compared, so they were taken to overlap."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Overlapping:
    """The lease was not granted, because others do the same; nothing was written for them."""

    overlaps: tuple[Overlap, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Coverage:
    """What was scanned of one path, at which commit."""

    path: str
    """As in the lease; `.` for everything."""
    commit: str
    extent: Extent
    note: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Lease:
    """One lease as its party and the house read it."""

    lease_id: str
    party_id: PartyId
    actor_id: ActorId
    scope: Scope
    tool: Tool
    disclosure: Disclosure
    authorisation: Authorisation
    shared: bool
    state: State
    granted_at: datetime
    ended_at: datetime | None
    coverage: tuple[Coverage, ...]
    policy: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Granted:
    """A lease, and what its holder was told of others."""

    lease: Lease
    overlaps: tuple[Overlap, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Scanned:
    """A coverage statement as others read it."""

    tool: Tool | None
    ended_at: datetime | None
    party: str | None
    coverage: tuple[Coverage, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Limit:
    """What the maintainers of a target allow."""

    target: str
    opted_out: bool = False
    at_once: int | None = None
    """So many leases at once; None for the policy's number."""
    barred_tools: tuple[Tool, ...] = ()
    reference: str
    """Where they said so."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """What a party already holds."""

    open: int
    owed: int
    """Leases that ended without a coverage statement, for longer than allowed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LeasePolicy:
    """How leases are granted, as the policy in force says."""

    name: str
    longest: timedelta
    ahead: timedelta
    open_per_party: int
    at_once_per_target: int
    statement: timedelta
    shared: bool
    bases: Mapping[Tool, frozenset[Basis]]
    safe_harbour: str
    safe_harbour_text: str
