"""The nouns of prioritize: the facts that go in, four separate axes, and the priority.

Severity, exploit state, validation path and queue band answer four questions and are never folded
into one number. Each carries its value, what it rests on, and the version of the table that gave
it. Absence is a value of its own: a finding without a vector has no score and says why.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal

from clearhouse.clearing.intake.record import ExploitState
from clearhouse.clearing.validate.record import Level, VerdictKind
from clearhouse.formats.cvss import Rating

READY_ELEMENTS = ("description", "trigger", "severity", "poc", "patch", "tests")
"""The six elements of a ready report."""


class VectorSource(StrEnum):
    """Who states a vector, the one that counts most first: the vendor owns the verdict."""

    VENDOR = "vendor"
    COORDINATOR = "coordinator"
    REPORTER = "reporter"


class ExploitLevel(StrEnum):
    """What is known about exploitation, the worst first. Unknown is last and never means safe."""

    KEV = "kev"
    """Listed in a catalogue of known exploited vulnerabilities."""
    ACTIVE = "active"
    """Somebody claims that it is exploited."""
    DEMONSTRATED = "demonstrated"
    POC = "poc"
    THEORETICAL = "theoretical"
    UNKNOWN = "unknown"


class Band(StrEnum):
    """How soon somebody looks, the soonest first."""

    INCIDENT = "INCIDENT"
    URGENT = "URGENT"
    STANDARD = "STANDARD"
    NEEDS_INFO = "NEEDS-INFO"


class Coordination(StrEnum):
    """Whether a coordinator acts on the finding. Source: SSVC, ssvc:COORDINATE:1.0.1."""

    COORDINATE = "coordinate"
    TRACK = "track"
    DECLINE = "decline"


@dataclass(frozen=True, kw_only=True, slots=True)
class VectorClaim:
    """One CVSS vector and who states it."""

    vector: str
    by: VectorSource = VectorSource.REPORTER


@dataclass(frozen=True, kw_only=True, slots=True)
class KevListing:
    """That the flaw is in a catalogue of known exploited vulnerabilities."""

    id: str
    added: str
    """Day of listing, ISO 8601."""
    ransomware: bool | None = None
    """`None` when the catalogue says unknown."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PriorityFacts:
    """Everything that a priority is decided from, as plain values. `None` means: nobody said."""

    finding_id: str
    first_received: datetime
    """When the earliest report came in; UTC."""
    parties: int
    """How many parties reported it independently."""
    packages: tuple[str, ...] = ()
    """Canonical package-urls without versions."""
    vectors: tuple[VectorClaim, ...] = ()
    claimed_severities: tuple[str, ...] = ()
    """The reporters' own words, kept apart from any assessment."""
    claimed_exploit: ExploitState = ExploitState.UNKNOWN
    """The worst that any report claims."""
    kev: KevListing | None = None
    kev_checked: bool = False
    """Whether a catalogue was at hand to look in."""
    public: bool | None = None
    """Whether a report of the flaw is public."""
    public_record: str | None = None
    """The id of the public record, where there is one."""
    fixed: bool | None = None
    """Whether a version without the flaw is known."""
    level: Level | None = None
    verdict: VerdictKind = VerdictKind.NOT_ATTEMPTED
    present: tuple[str, ...] = ()
    """Which of `READY_ELEMENTS` the reports have together."""
    families: tuple[str, ...] = ()
    """CWE families."""
    supplier_contacted: bool | None = None
    supplier_engaged: bool | None = None
    automatable: bool | None = None
    """Assessed by a person; read from the vector while nobody has."""
    value_concentrated: bool | None = None
    safety_impact: str | None = None
    """Value key of ssvc:SI:2.0.1."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Assessment:
    """What a person says about a finding that no report and no vector tells. `None`: not said."""

    vector: VectorClaim | None = None
    automatable: bool | None = None
    value_concentrated: bool | None = None
    """Whether what the component guards is rich (ssvc:VD:1.0.0)."""
    safety_impact: Literal["N", "M", "R", "C"] | None = None
    """Negligible, marginal, critical or catastrophic (ssvc:SI:2.0.1)."""
    supplier_contacted: bool | None = None
    supplier_engaged: bool | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Severity:
    """How bad the flaw is, by the vector alone."""

    score: float | None
    """0.0 to 10.0 recomputed from the vector; `None` when there is none to score."""
    rating: Rating | None
    standard: str | None
    """For example `CVSS-B 4.0`: the metric groups counted and the version."""
    vector: str | None
    by: VectorSource | None
    reason: str
    claimed: tuple[str, ...] = ()
    """The reporters' own words, which decide nothing."""
    notes: tuple[str, ...] = ()
    """Other vectors that differ, and vectors that could not be scored."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Exploit:
    """What is known or claimed about exploitation."""

    value: ExploitLevel
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Validation:
    """How far the claim has been shown to be true."""

    level: Level | None
    verdict: VerdictKind
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Queue:
    """In which band the finding waits, and until when somebody looks."""

    band: Band
    due: datetime
    """First received plus the band's time; UTC."""
    rule: str
    reason: str
    policy: str
    """Id and version of the queue policy."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Input:
    """One decision point of a table with its value."""

    point: str
    """For example `ssvc:A:2.0.0`."""
    name: str
    key: str
    value: str
    reason: str
    assumed: bool = False
    """Whether nobody said so and the value is the policy's default."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What one decision table says."""

    table: str
    """Id with version, for example `ssvc:DT_COORD_TRIAGE:1.0.0`."""
    name: str
    key: str
    outcome: str
    inputs: tuple[Input, ...]
    possible: tuple[str, ...]
    """Every outcome, lowest first, that some other value of the assumed inputs would give."""

    @property
    def assumed(self) -> tuple[Input, ...]:
        """The inputs that nobody stated."""
        return tuple(one for one in self.inputs if one.assumed)


@dataclass(frozen=True, kw_only=True, slots=True)
class Priority:
    """The answer for one finding: four axes, what the tables say, and its place in the queue."""

    finding_id: str
    severity: Severity
    exploit: Exploit
    validation: Validation
    queue: Queue
    triage: Answer
    """SSVC coordinator triage."""
    if_exposed: Answer
    """CISA BOD 26-04 for an asset that is publicly exposed."""
    if_not_exposed: Answer
    attention: tuple[Answer, ...]
    """CISA coordinator for low, medium and high impact on mission and well-being."""
    parties: int
    ready: tuple[str, ...]
    """Elements present, of `READY_ELEMENTS`, in that order."""
    first_received: datetime
    policies: tuple[str, ...]
    """Id and version of every table and policy that took part."""
    key: tuple[int, ...]
    """Sorts the queue: the lower comes first. One number per step of `rules.STEPS`."""

    @property
    def band(self) -> Band:
        """The queue band."""
        return self.queue.band

    @property
    def coordination(self) -> Coordination:
        """What SSVC coordinator triage says about acting on it."""
        return Coordination(self.triage.outcome.lower())


@dataclass(frozen=True, kw_only=True, slots=True)
class PastPriority:
    """A priority with the time for which it held."""

    priority: Priority
    computed_at: datetime
    superseded_at: datetime | None
    """`None` while it is the one in force."""
