"""The nouns of measure: one evaluation log as evidence, and its samples.

An `Evidence` is what a log says, with our own hashes and what does not agree inside it. It keeps
no prompt, answer or target: only hashes of them, so that it may travel further than the log.
What a log does not say is None, never 0. Fields of type `object` hold JSON as the log has it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class EvidenceError(ValueError):
    """The file cannot serve as evidence; the message says why and what to do."""


class LogFormat(StrEnum):
    """Where evidence comes from."""

    INSPECT = "inspect-eval"
    """An Inspect `.eval` archive."""
    NEUTRAL = "clearhouse-evidence"
    """JSON lines of any other harness; `docs/criteria.md` shows the fields."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """One attempt of the model at one item of the benchmark."""

    id: str
    """The item's id; the same in every epoch."""
    epoch: int
    """Which attempt at the item, from 1."""
    scores: Mapping[str, float | None]
    """By scorer, 0 to 1 as a rule; None where the scorer gave no number."""
    item_sha256: str | None
    """Hash of what was asked: id, input, target, files, set-up. None when the log lacks them."""
    sample_sha256: str
    """Hash of the whole sample as the log holds it."""
    run: str | None = None
    """Unique id of the attempt, as the harness gave it; two attempts never share one."""
    family: str | None = None
    """Items that share a source or an idea; the outer cluster."""
    minutes: float | None = None
    """How long a skilled person needs for the item."""
    ended_at: str | None = None
    """ISO 8601, as the log says; orders samples for sequential tests."""
    errored: bool = False
    """The attempt broke; neither a success nor a failure of the model."""
    attempts: int = 1
    """How often the sample was started; more than one after errors."""
    limit: str | None = None
    """Which budget stopped it, None when it ended by itself."""
    model_calls: int = 0
    retries: int = 0
    cached: int = 0
    refusals: int = 0
    fallbacks: int = 0
    tool_calls: int = 0
    tool_errors: int = 0
    tokens: int = 0
    requested: tuple[str, ...] = ()
    """Models that were asked, other than graders."""
    served: tuple[str, ...] = ()
    """Models that answered, by the names in their answers."""
    request_ids: tuple[str, ...] = ()
    """The endpoint's ids of the calls, which join them to its receipts."""
    edited: bool = False
    invalidated: bool = False
    faults: tuple[str, ...] = ()
    """What does not agree inside the sample, for example a score that its own events deny."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Revision:
    """Which state of the benchmark's code ran."""

    commit: str
    dirty: bool | None
    """None when the log does not say."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reported:
    """A number that the log's header claims."""

    scorer: str
    reducer: str | None
    metric: str
    value: float | None
    """None when it is not a finite number."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Budget:
    """What one sample may use. None: no limit is set."""

    tokens: int | None = None
    messages: int | None = None
    seconds: int | None = None
    cost: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """One evaluation log, read."""

    format: LogFormat
    format_version: int
    sha256: str
    """Of the file, byte for byte."""
    size_bytes: int
    run_id: str
    created: datetime
    status: str
    """As the log says; only `success` is a finished run."""
    task: str
    task_version: str
    model: str
    """The model that was asked for."""
    scaffold: str
    """The solver or agent around the model."""
    samples: tuple[Sample, ...] = field(repr=False)
    dataset_sha256: str | None
    """Over the hashes of all items; None when the log lacks their content."""
    samples_sha256: str
    """Over the hashes of all samples, whatever their order in the file."""
    declared_ids: tuple[str, ...] | None = None
    """The items that the log says belong to the benchmark."""
    declared_epochs: int = 1
    declared_total: int | None = None
    """How many samples the header says were run."""
    subset: tuple[str, ...] = ()
    """What narrowed the benchmark: a limit, chosen ids."""
    stopped_early: str | None = None
    """Why the run was stopped before its end, None when it was not."""
    task_args: Mapping[str, object] = field(default_factory=dict)
    base_url: str | None = None
    generation: Mapping[str, object] = field(default_factory=dict)
    """Temperature, effort, seeds and the like."""
    graders: tuple[str, ...] = ()
    sandbox: str | None = None
    revision: Revision | None = None
    packages: Mapping[str, str] = field(default_factory=dict)
    budget: Budget = Budget()
    reported: tuple[Reported, ...] = ()
    edits: int = 0
    """How many changes after the run the log admits."""
    invalidated: bool = False
    metadata: Mapping[str, object] = field(default_factory=dict)
    faults: tuple[str, ...] = ()
    """What does not agree between header, summaries and samples, in words."""

    @property
    def scorers(self) -> tuple[str, ...]:
        """Every scorer that some sample has a score of, in the order of their names."""
        return tuple(sorted({name for sample in self.samples for name in sample.scores}))
