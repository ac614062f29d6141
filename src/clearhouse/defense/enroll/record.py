"""The nouns of a tool under test: what it is shown, what it may use, and what it says.

A tool never sees the truth. What it says is data: nothing it proposes is ever carried out.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from clearhouse.defense.scenario.event import Event
from clearhouse.defense.scenario.task import Task, TaskKind, Triage


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One thing that a tool reports."""

    kind: str
    """The tool's own name of it: a rule, a detection, a headline."""
    at: datetime
    """Which moment of the recording it is about."""
    events: tuple[str, ...] = ()
    """Ids of the events it cites; whether they exist is checked."""
    techniques: tuple[str, ...] = ()
    """ATT&CK ids, such as `T1059.001`."""
    entities: tuple[str, ...] = ()
    """Hosts, users, addresses it names."""
    score: float = 0.0
    """Higher is more urgent; analysts read from the top."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What a tool says to a task."""

    task: str
    verdict: Triage | None = None
    value: str | None = None
    """The typed answer of an investigation."""
    events: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()
    """Proposed, as `verb:object`, such as `isolate:ws-03`."""
    findings: tuple[Finding, ...] = ()
    """What a hunt brought back."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Budget:
    """What one run may use; a tool that wants more is stopped, and that is recorded."""

    seconds: float = 300.0
    findings: int = 100_000
    queries: int = 40
    """Of one task, for tools that query."""
    tokens: int = 200_000
    """Of one task, for tools that speak to a model."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Usage:
    """What a run used. None: the tool does not say, or has none of it."""

    seconds: float = 0.0
    queries: int | None = None
    tokens: int | None = None
    cost: float | None = None
    """In the currency of the price that was given."""
    faults: tuple[str, ...] = ()
    """What went wrong outside the tool's judgement: time ran out, output beyond the budget, late
    or malformed answers."""
    asked: tuple[str, ...] = ()
    """The tool calls of an agent, in order, for comparing runs."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Output:
    """All that a tool said in one run."""

    findings: tuple[Finding, ...] = ()
    answers: tuple[Answer, ...] = ()
    usage: Usage = Usage()


@dataclass(frozen=True, kw_only=True, slots=True)
class View:
    """What a tool is shown: events in the order of time, and tasks. Never the truth."""

    events: Collection[Event]
    tasks: tuple[Task, ...] = ()
    history: Collection[Event] = ()
    """An earlier quiet time of the same network, for tools that learn what is normal."""


class ToolFaultError(RuntimeError):
    """The tool or its adapter failed; that is never counted as a miss."""


class Tool(Protocol):
    """Anything that can be tested."""

    @property
    def name(self) -> str:
        """How reports call it."""

    @property
    def version(self) -> str:
        """Which state of it ran: a version, or a hash of its settings."""

    @property
    def tasks(self) -> frozenset[TaskKind]:
        """Which kinds of tasks it can be asked."""

    def run(self, view: View, budget: Budget) -> Output:
        """Put it through a view. Raises: ToolFaultError when nothing can be said of the tool."""
