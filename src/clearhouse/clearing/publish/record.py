"""The nouns of publish: what an advisory says, and the advisory itself.

`AdvisoryFacts` is everything a published document may contain. Its texts are the coordinator's
own, or composed from structured fields; nothing in it is a reporter's prose, except names to be
thanked, which stay as they were given.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from clearhouse.clearing.coordinate.record import Outcome
from clearhouse.clearing.intake.record import Credit
from clearhouse.formats.tlp import Tlp
from clearhouse.kernel.ids import EventId


@dataclass(frozen=True, kw_only=True, slots=True)
class Cna:
    """The house as a CVE Numbering Authority, as the CVE program registered it."""

    org_id: str
    """UUID, version 4."""
    short_name: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Publisher:
    """Who issues advisories; from the settings of the house."""

    name: str
    namespace: str
    """A web address under the publisher's control."""
    contact: str | None = None
    issuing_authority: str | None = None
    drafts: frozenset[str] = frozenset()
    """Forms of standards that are drafts yet and written all the same, for example `csaf-2.1`."""
    cna: Cna | None = None
    """None: the house assigns no CVE ids, and writes no CVE Records."""

    def address(self, advisory_id: str) -> str:
        """Return where people read an advisory: at the counter, which answers below `namespace`."""
        return f"{self.namespace.rstrip('/')}/advisories/{advisory_id}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Revision:
    """One issue of the advisory, oldest first."""

    at: datetime
    summary: str


RECEIVED = "First report received"
"""What the first milestone of an advisory says."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Milestone:
    """One date of the disclosure that the public may know."""

    at: datetime
    what: str


class ReferenceType(StrEnum):
    """What a link leads to, in OSV's words."""

    ADVISORY = "ADVISORY"
    ARTICLE = "ARTICLE"
    FIX = "FIX"
    PACKAGE = "PACKAGE"
    REPORT = "REPORT"
    WEB = "WEB"


@dataclass(frozen=True, kw_only=True, slots=True)
class Reference:
    """One link."""

    type: ReferenceType
    url: str


class AiLevel(StrEnum):
    """How much AI took part. Source: GCVE-BCP-05-X-01, `ai_level`."""

    NONE = "none"
    ASSISTED = "assisted"
    AUGMENTED = "augmented"
    GENERATED = "generated"


class AiReview(StrEnum):
    """How much of it a person reviewed. Source: GCVE-BCP-05-X-01, `review_status`."""

    NONE = "none"
    PARTIAL = "partial"
    FULL = "full"


@dataclass(frozen=True, kw_only=True, slots=True)
class AiModel:
    """A model that took part."""

    name: str
    version: str | None = None
    provider: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class AiNote:
    """How AI took part in finding the flaw, as far as the finders said."""

    level: AiLevel
    review: AiReview | None = None
    """None exactly when the level is `NONE`."""
    models: tuple[AiModel, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class VendorWord:
    """The vendor's last verdict."""

    outcome: Outcome
    at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Withdrawal:
    """That an advisory no longer holds; its id stays taken and its history readable."""

    at: datetime
    reason: str
    """In the coordinator's words."""
    duplicate_of: str | None = None
    """The advisory that stands for the same flaw; None: it is no vulnerability, or an error."""
    cve_elsewhere: str | None = None
    """The CVE id of that advisory."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AdvisoryFacts:
    """Everything that the documents of one advisory are made from."""

    id: str
    """`CLR-<year>-<number>`."""
    purl: str
    """Canonical package URL without a version."""
    affected_claims: tuple[str, ...]
    """Versions and ranges as the reports and the vendor name them."""
    publisher: Publisher
    revisions: tuple[Revision, ...]
    """At least one, oldest first; the first is the publication."""
    fixed_versions: tuple[str, ...] = ()
    software: str | None = None
    """Name for people; the package's name when it is None."""
    vendor_name: str | None = None
    aliases: tuple[str, ...] = ()
    cwes: tuple[str, ...] = ()
    cvss_vectors: tuple[str, ...] = ()
    summary: str | None = None
    """One line in the coordinator's words; None: composed."""
    details: str | None = None
    """The coordinator's words; None: composed."""
    credits: tuple[Credit, ...] = ()
    references: tuple[Reference, ...] = ()
    timeline: tuple[Milestone, ...] = ()
    vendor: VendorWord | None = None
    exploited_since: datetime | None = None
    ai: AiNote | None = None
    """None: the finders did not say."""
    mitigations: tuple[str, ...] = ()
    """What helps whoever cannot update, in the coordinator's words."""
    related: tuple[str, ...] = ()
    """Advisories of this house that were split off this one, merged into it, or it into them."""
    withdrawn: Withdrawal | None = None
    tlp: Tlp = Tlp.CLEAR


@dataclass(frozen=True, kw_only=True, slots=True)
class Wording:
    """What a coordinator wrote or corrected for the advisory; `None`: taken from the case."""

    summary: str | None = None
    details: str | None = None
    affected_claims: tuple[str, ...] | None = None
    fixed_versions: tuple[str, ...] | None = None
    aliases: tuple[str, ...] | None = None
    cwes: tuple[str, ...] | None = None
    cvss_vectors: tuple[str, ...] | None = None
    mitigations: tuple[str, ...] | None = None
    related: tuple[str, ...] | None = None
    """Ids of advisories that were split off this one, or merged with it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Refusal:
    """One reason for which an advisory does not go out, in words for the coordinator."""

    code: str
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Documents:
    """One advisory in every format, ready to be written. Equal facts give equal bytes."""

    id: str
    revision: int
    bodies: Mapping[str, bytes]
    """The document of each form, by the form's name."""
    left_out: tuple[str, ...] = ()
    """What the facts hold and the formats cannot say, in words for the coordinator."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Advisory:
    """One issue of one advisory, as it is or will be public."""

    advisory_id: str
    revision: int
    decided_at: datetime
    event_id: EventId
    bodies: Mapping[str, bytes]
    """The document of each form, by the form's name."""
    proof: bytes | None
    """None until the files are written."""
