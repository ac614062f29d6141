"""The nouns of determine: an outcome with its reasons, and what becomes of it.

A determination is never changed. A later one of the same criterion and model supersedes it, time
ends it, an appeal stands beside it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from clearhouse.criteria.measure.estimate import Estimate
from clearhouse.criteria.measure.gates import GateAnswer


class Outcome(StrEnum):
    """What evidence and criterion together say. None of them licenses anybody."""

    COVERED = "COVERED"
    """Shown to be above the threshold, by valid evidence."""
    ALERT = "ALERT"
    """Shown to be above the alert line, not above the threshold: look closer."""
    NOT_COVERED = "NOT_COVERED"
    """Shown to be below the threshold, and every gate for a claim of absence passes."""
    INSUFFICIENT = "INSUFFICIENT"
    """Neither is shown; what is missing is listed."""
    INVALID = "INVALID"
    """The evidence was changed, swapped or contaminated; it decides nothing."""


class Holds(StrEnum):
    """What is shown of one clause."""

    YES = "yes"
    NO = "no"
    UNDECIDED = "undecided"


@dataclass(frozen=True, kw_only=True, slots=True)
class Subject:
    """The model that is judged, in one state."""

    model: str
    """As the logs name it."""
    checkpoint: str
    """Names the weights; another checkpoint is another subject."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ClauseResult:
    """What is shown of a metric or fact."""

    clause: str
    says: str
    """The clause in words; a sealed threshold stays sealed in them."""
    holds: Holds
    p_true: float
    """How surely it holds; small is sure. After Holm where any of several would do."""
    p_false: float
    p_alert: float
    """How surely the alert line is passed; as `p_true` where there is none."""
    threshold: float | None
    """None for facts."""
    alert: float | None
    sealed: bool
    estimates: tuple[Estimate, ...] = ()
    problems: tuple[str, ...] = ()
    """Why a log could not answer."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Needed:
    """How many independent attempts would decide a clause, if the truth is as estimated."""

    clause: str
    direction: str
    """`above` or `below`."""
    attempts: int | None
    """None: no number would, the estimate lies at the threshold."""
    have: float


@dataclass(frozen=True, kw_only=True, slots=True)
class LogName:
    """One log that was looked at."""

    sha256: str
    samples_sha256: str
    dataset_sha256: str | None
    task: str
    task_version: str
    run_id: str
    model: str
    scaffold: str
    samples: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Determination:
    """A decision with everything it rests on."""

    outcome: Outcome
    because: str
    """One sentence."""
    criterion: str
    criterion_sha256: str
    criterion_title: str
    statement: str
    """What the criterion is and is not."""
    subject: Subject
    decided_at: datetime
    expires_at: datetime
    confidence: float
    clauses: tuple[ClauseResult, ...]
    gates: tuple[GateAnswer, ...]
    missing: tuple[str, ...] = ()
    """What would have to be brought for another outcome."""
    needed: tuple[Needed, ...] = ()
    caveats: tuple[str, ...] = ()
    facts: Mapping[str, object] = field(default_factory=dict)
    """Declared, not measured."""
    logs: tuple[LogName, ...] = ()
    attestations: tuple[str, ...] = ()
    """SHA-256 of the signed statements that were believed."""
    sealed: Mapping[str, str] = field(default_factory=dict)
    """Commitments of the thresholds that stay sealed, by field."""
    engine: str
    """Version of the software that decided."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Appeal:
    """An objection, or an answer to one."""

    appeal_id: str
    at: datetime
    actor_id: str
    words: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Released:
    """A statement that everybody may read."""

    determination_id: str
    released_at: datetime
    ended_at: datetime | None
    envelope: bytes
