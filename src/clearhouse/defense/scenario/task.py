"""What a tool can be asked to do with a recording."""

from dataclasses import dataclass
from enum import StrEnum


class TaskKind(StrEnum):
    """What a tool is asked to do."""

    DETECT = "detect"
    """Events in, findings out."""
    TRIAGE = "triage"
    """An alert in, a verdict out."""
    INVESTIGATE = "investigate"
    """A question in, a typed answer with evidence out."""
    HUNT = "hunt"
    """A budget of queries and no hint; findings out."""
    RESPOND = "respond"
    """A confirmed attack in, proposed actions out; they are scored and never executed."""


class Triage(StrEnum):
    """What a tool says of an alert."""

    TRUE_POSITIVE = "true-positive"
    BENIGN = "benign"
    """True and harmless: an administrator's own work."""
    FALSE_POSITIVE = "false-positive"
    UNSURE = "unsure"

    @property
    def closes(self) -> bool:
        """Return whether the alert would be closed by it."""
        return self in {Triage.BENIGN, Triage.FALSE_POSITIVE}


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """One question to a tool."""

    id: str
    kind: TaskKind
    prompt: str
    """In words, for tools that read."""
    events: tuple[str, ...] = ()
    """Ids of the events an alert is about; empty for tasks over the whole recording."""
    queries: int | None = None
    """How many questions may be asked of the recording, where the task limits them."""
