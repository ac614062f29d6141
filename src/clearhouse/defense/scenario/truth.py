"""What really happened in a recording, and what a good answer would be.

`unknown` is neither malicious nor benign and never counts as a false alarm. `visible_in` says in
which logs a thing can be seen at all; a tool that is given none of them is not said to miss it.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from clearhouse.defense.scenario.event import SourceKind
from clearhouse.defense.scenario.task import Task, Triage


class TruthClass(StrEnum):
    """What a stretch of a recording is."""

    MALICIOUS = "malicious"
    COLLATERAL = "collateral"
    """Follows from an attack and is none itself: a reboot, a locked account."""
    RECORDING_ARTEFACT = "recording-artefact"
    """Made by whoever recorded: logs cleared before the start, capture software."""
    LOOKALIKE = "benign-lookalike"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True, slots=True)
class Truth:
    """One step of an attack, or another stretch that must be known to judge a tool."""

    id: str
    attack: str | None
    """Steps of one attack share it; they are not independent trials."""
    title: str
    kind: TruthClass
    start: datetime
    end: datetime
    technique: str | None = None
    attack_version: str | None = None
    """Version of ATT&CK that the technique's id is from."""
    entities: tuple[str, ...] = ()
    events: tuple[str, ...] = ()
    """Empty where only the interval is known."""
    visible_in: tuple[SourceKind, ...] = ()
    source: str = ""
    """Who says so."""
    confidence: float = 1.0

    @property
    def malicious(self) -> bool:
        """Return whether a tool should report it."""
        return self.kind is TruthClass.MALICIOUS


class ValueKind(StrEnum):
    """How a typed answer is compared."""

    NAME = "name"
    """A host, user or address; case and domain do not matter."""
    TIME = "time"
    NAMES = "names"
    """A set; scored by F1."""
    NUMBER = "number"


@dataclass(frozen=True, kw_only=True, slots=True)
class Expected:
    """A task with what is right; the tool sees the task alone."""

    task: Task
    verdict: Triage | None = None
    value: str | None = None
    value_kind: ValueKind = ValueKind.NAME
    tolerance_s: float = 300.0
    allowed: tuple[str, ...] = ()
    """Actions that help."""
    forbidden: tuple[str, ...] = ()
    """Actions that do harm, such as isolating the domain controller."""


def steps(truths: Collection[Truth], kinds: Collection[SourceKind] | None = None) -> list[Truth]:
    """Return the malicious ones that can be seen in these logs, in the order of time."""
    found = [
        one
        for one in truths
        if one.malicious
        and (kinds is None or not one.visible_in or not set(one.visible_in).isdisjoint(kinds))
    ]
    return sorted(found, key=lambda one: (one.start, one.id))
