"""The nouns of intake: what a reader makes of a document, and what the house accepts.

A `Draft` is the neutral content of one report, whatever format it came in. Readers build it,
completeness judges it, and the vault seals it. Every text in it is data from a stranger.
"""

from dataclasses import dataclass, field
from enum import StrEnum


class AttachmentKind(StrEnum):
    """What a file is for. Source: TAP Intake API, Attachments; `TEST` is ours."""

    PATCH = "patch"
    POC = "exploit-proof-of-concept"
    REPRODUCER = "reproducer"
    THREAT_MODEL = "threat-model"
    TEST = "test"
    OTHER = "other"


class ExploitState(StrEnum):
    """What is claimed or known about exploitation; unknown never means safe."""

    ACTIVE = "active"
    DEMONSTRATED = "demonstrated"
    POC = "poc"
    THEORETICAL = "theoretical"
    UNKNOWN = "unknown"


class Tooling(StrEnum):
    """Whether the tooling that found the flaw keeps what it sees to itself.

    A report made with public tooling may be ineligible for an embargo under some policies.
    """

    PUBLIC = "public"
    CONFIDENTIAL = "confidential"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True, slots=True)
class Location:
    """One place in the target's source."""

    file: str | None = None
    """Path inside the source tree, `/`-separated."""
    function: str | None = None
    line: int | None = None
    """1-based, display only: lines move between versions."""
    snippet: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Attachment:
    """One file that came with the report."""

    filename: str
    content_type: str
    data: bytes
    kind: AttachmentKind = AttachmentKind.OTHER
    description: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelUse:
    """An AI model that took part in the discovery."""

    name: str
    version: str | None = None
    vendor: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class HumanReview:
    """Who looked at the finding before it was sent, at what, and for how long."""

    who: str
    what: str | None = None
    minutes: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class DuplicateSearch:
    """One search for earlier reports that the finder made before sending."""

    where: str
    query: str | None = None
    result: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Provenance:
    """How the flaw was found. `None` means that the reporter did not say."""

    discovery_method: str | None = None
    """Free text; TAP suggests manual, ai-assisted, ai-discovered, hybrid, automated-scan."""
    tooling: str | None = None
    models: tuple[ModelUse, ...] = ()
    scaffold: str | None = None
    scaffold_version: str | None = None
    human_review: tuple[HumanReview, ...] = ()
    attempts: int | None = None
    """How many runs the finder made; the denominator that a single success hides."""
    candidates: int | None = None
    """How many candidate findings those runs gave."""
    confidentiality: Tooling = Tooling.UNKNOWN
    duplicate_searches: tuple[DuplicateSearch, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Credit:
    """Somebody to be thanked, verbatim as the report names them."""

    name: str
    role: str = "finder"
    """One of OSV's credit types, in lower case."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Notice:
    """Something the reader could not take as it stood, in words for the reporter."""

    code: str
    field: str
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Draft:
    """The content of one report. Absence is `None` or an empty tuple, never an empty string."""

    title: str | None = None
    description: str | None = None
    trigger: str | None = None
    """How the flaw is reached or reproduced, in words."""
    impact: str | None = None
    purl: str | None = None
    """Canonical package-url without a version."""
    software: str | None = None
    ecosystem: str | None = None
    """OSV ecosystem name, for example `PyPI` or `npm`."""
    affected_versions: tuple[str, ...] = ()
    """Single versions or vers ranges, as claimed."""
    fixed_versions: tuple[str, ...] = ()
    tested_version: str | None = None
    locations: tuple[Location, ...] = ()
    cwes: tuple[str, ...] = ()
    """`CWE-<number>`."""
    aliases: tuple[str, ...] = ()
    """CVE, GHSA, PYSEC, ... ids that the report claims for this flaw."""
    references: tuple[str, ...] = ()
    introduced_commit: str | None = None
    fixed_commit: str | None = None
    commits: tuple[str, ...] = ()
    """Other commits cited, for example the one that was examined."""
    repository: str | None = None
    cvss_vectors: tuple[str, ...] = ()
    severity: str | None = None
    """The reporter's own word (low, medium, high, critical), kept apart from our assessment."""
    exploit_state: ExploitState = ExploitState.UNKNOWN
    already_public: bool | None = None
    crash_log: str | None = None
    """Sanitizer or traceback text, as reported."""
    attachments: tuple[Attachment, ...] = ()
    provenance: Provenance = Provenance()
    credits: tuple[Credit, ...] = ()
    contact: str | None = None
    """E-mail address of the reporter; never echoed."""
    notify: str | None = None
    language: str | None = None
    """BCP 47 tag when the document states one."""
    unknown: dict[str, object] = field(default_factory=dict)
    """Fields of the original that no slot above holds, by their path; given back on export."""
    notices: tuple[Notice, ...] = ()
