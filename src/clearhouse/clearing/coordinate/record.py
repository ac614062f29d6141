"""The nouns of coordinate: one case, its parties, who is read in, and what the vendor said.

A `Case` is never changed: each transition gives a new one. Verdicts, disagreements and
read-ins are only ever added, so the record shows who knew and said what, and when.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from clearhouse.clearing.coordinate.contacts import Resolved
from clearhouse.clearing.coordinate.embargo import Embargo, Waiver
from clearhouse.clearing.coordinate.embargo_consent import ConsentState
from clearhouse.clearing.coordinate.embargo_management import EmState
from clearhouse.clearing.coordinate.embargo_policy import Share
from clearhouse.clearing.coordinate.report_management import RmState
from clearhouse.formats.tlp import Tlp
from clearhouse.kernel.ids import CaseId, Compartment


class PartyRole(StrEnum):
    """What a party is in the case."""

    FINDER = "finder"
    VENDOR = "vendor"
    """Whoever maintains the affected software, paid or not."""
    COORDINATOR = "coordinator"
    DISTRIBUTOR = "distributor"
    OTHER = "other"


class ProductState(StrEnum):
    """What is known of one product, as in CSAF and VEX. Silence is no state: it has no row."""

    UNDER_INVESTIGATION = "under_investigation"
    AFFECTED = "known_affected"
    NOT_AFFECTED = "known_not_affected"
    FIXED = "fixed"


class Justification(StrEnum):
    """Why a product is not affected. Source: VEX minimum requirements; CSAF 2.0 §3.2.3.5."""

    COMPONENT_NOT_PRESENT = "component_not_present"
    CODE_NOT_PRESENT = "vulnerable_code_not_present"
    CODE_NOT_REACHED = "vulnerable_code_not_in_execute_path"
    NOT_CONTROLLABLE = "vulnerable_code_cannot_be_controlled_by_adversary"
    MITIGATED = "inline_mitigations_already_exist"


class Outcome(StrEnum):
    """What a vendor says of the report. It is the vendor's to say."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    NEEDS_INFO = "needs-info"
    FIX_RELEASED = "fix-released"


@dataclass(frozen=True, kw_only=True, slots=True)
class Party:
    """An organisation or person with a part in the case."""

    id: str
    role: PartyRole
    name: str
    contact: str | None = None
    """Where messages go; None while no contact is known."""
    report: RmState = RmState.RECEIVED
    consent: ConsentState = ConsentState.NO_EMBARGO
    """Whether it stands by the embargo of the case."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Review:
    """A second look at an emergency read-in."""

    due_at: datetime
    by: str | None = None
    """None while nobody has looked."""
    at: datetime | None = None
    upheld: bool | None = None
    because: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Participant:
    """One named person or agent of a party, or the house's group on duty, that is read in."""

    actor: str
    """An actor id, or a group such as `role:coordinator_on_duty`."""
    party: str
    tier: int
    """0 to 3; what each tier sees is policy."""
    read_in_at: datetime
    approved_by: tuple[str, ...]
    expires_at: datetime | None = None
    """None: until the advisory is out."""
    revoked_at: datetime | None = None
    reason: str | None = None
    """Why this person or agent needs to know; None for who is read in by being on duty."""
    revoked_by: str | None = None
    revoked_because: str | None = None
    review: "Review | None" = None
    """What a second person said of a read-in that one person gave alone; None for others."""

    def reads(self, at: datetime) -> bool:
        """Return whether the read-in stands at an instant."""
        ended = [end for end in (self.expires_at, self.revoked_at) if end is not None]
        return self.read_in_at <= at and all(at < end for end in ended)


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """A vendor's statement about the report. Later statements add to earlier ones."""

    party: str
    outcome: Outcome
    by: str
    """The actor who brought it, for example the person who read the vendor's mail."""
    at: datetime
    reason: str | None = None
    fixed_version: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ProductStatus:
    """What a vendor says of one of its products. Later statements add to earlier ones."""

    vendor: str
    product: str
    """A package URL, or the vendor's own name of the product."""
    versions: str | None
    """A range or a version; None for all that are supported."""
    state: ProductState
    by: str
    at: datetime
    justification: Justification | None = None
    note: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Disagreement:
    """A coordinator's other opinion, kept beside the verdict and never in its place."""

    verdict: int
    """Which verdict of the case it is about, counted from 0."""
    by: str
    at: datetime
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """Something that one person asked for and that needs a second one: exactly one of two kinds."""

    by: str
    at: datetime
    reason: str
    read_in: Participant | None = None
    """Who is to be let in, as it would stand in the case."""
    waiver: Waiver | None = None
    """Which rule of the embargo policy is to be set aside."""
    decided_by: str | None = None
    """None while it waits."""
    decided_at: datetime | None = None
    granted: bool | None = None
    because: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Conflict:
    """Why somebody must neither read a case nor decide in it."""

    actor: str
    what: str
    by: str
    at: datetime
    lifted_by: str | None = None
    lifted_at: datetime | None = None
    lifted_because: str | None = None


class Way(StrEnum):
    """How somebody tried to reach a party."""

    EMAIL = "email"
    FORM = "form"
    ISSUE = "issue"
    """A public place; nothing of the flaw stands there."""
    PHONE = "phone"
    CHAT = "chat"
    PERSON = "person"
    """Through somebody who knows them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Attempt:
    """One try to reach a party."""

    party: str
    at: datetime
    by: str
    way: Way
    note: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """That a party said something elsewhere, whatever it was."""

    party: str
    at: datetime
    by: str
    note: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Appeal:
    """A wish that a verdict be looked at again. The verdict stays as it is."""

    verdict: int
    """Which verdict of the case it is about, counted from 0."""
    party: str
    by: str
    at: datetime
    reason: str
    acknowledged_at: datetime | None = None
    acknowledged_by: str | None = None
    resolved_at: datetime | None = None
    resolved_by: str | None = None
    upheld: bool | None = None
    resolution: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Deviation:
    """Another severity, noted beside one that stays."""

    of: str
    """Whose severity: a party, or the id of a public record."""
    value: str
    """A CVSS vector."""
    by: str
    at: datetime
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Met:
    """That what a clock asks for was done."""

    clock: str
    at: datetime
    by: str
    note: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """One flaw on its way to the public, with everybody who has a part in it."""

    id: str
    findings: tuple[str, ...]
    purl: str | None
    opened_at: datetime
    embargo: Embargo
    embargo_state: EmState
    parties: tuple[Party, ...] = ()
    participants: tuple[Participant, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    disagreements: tuple[Disagreement, ...] = ()
    statuses: tuple[ProductStatus, ...] = ()
    published_at: datetime | None = None
    requests: tuple[Request, ...] = ()
    """In the order in which they came; the place is the number."""
    conflicts: tuple[Conflict, ...] = ()
    contacts: Resolved | None = None
    """Whom to tell of the package, as last looked for; None while nobody has looked."""
    attempts: tuple[Attempt, ...] = ()
    answers: tuple[Answer, ...] = ()
    appeals: tuple[Appeal, ...] = ()
    deviations: tuple[Deviation, ...] = ()
    met: tuple[Met, ...] = ()

    def party(self, id_: str) -> Party | None:
        """Return the party of that id, None when it has no part in the case."""
        return next((party for party in self.parties if party.id == id_), None)

    def latest_verdict(self, party: str) -> Verdict | None:
        """Return a vendor's last word, None while it has not spoken."""
        return next((said for said in reversed(self.verdicts) if said.party == party), None)

    def has_conflict(self, actor: str) -> bool:
        """Return whether a declared conflict of interest keeps an actor out."""
        return any(one.actor == actor and one.lifted_at is None for one in self.conflicts)

    @property
    def vendors(self) -> tuple[Party, ...]:
        """The parties who own the verdict and the date."""
        return tuple(party for party in self.parties if party.role is PartyRole.VENDOR)


@dataclass(frozen=True, kw_only=True, slots=True)
class CaseFile:
    """A case as it is kept."""

    case: Case
    revision: int
    """Counts every change, from 1."""
    compartment: Compartment
    readers: tuple[str, ...]
    """The principals that the store lets read it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DueCase:
    """A case that no embargo keeps back any more and that is not published."""

    case_id: CaseId
    revision: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Disclosure:
    """What one reader may see of a case, and until when it stays there."""

    allowed: bool
    shares: tuple[Share, ...]
    tlp: Tlp
    until: datetime | None
    """UTC; None when no instant is set or nothing is kept back."""
    sentence: str
