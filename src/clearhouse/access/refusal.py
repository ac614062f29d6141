"""What is not done, and tables of states that say what may be done next.

An expected refusal is a result, not an error: nothing changed, and here is why.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

StateT = TypeVar("StateT", bound=StrEnum)
StepT = TypeVar("StepT", bound=StrEnum)


@dataclass(frozen=True, kw_only=True, slots=True)
class Refused:
    """Why something was not done, all reasons at once."""

    code: str
    reason: str


class NotThereError(LookupError):
    """There is no such thing, or the actor is not read in to it; the answer is the same."""


@dataclass(frozen=True, slots=True)
class States(Generic[StateT, StepT]):
    """A named table of what leads where."""

    name: str
    start: StateT
    table: Mapping[tuple[StateT, StepT], StateT]

    def after(self, state: StateT, step: StepT) -> StateT | Refused:
        """Follow one line of the table."""
        reached = self.table.get((state, step))
        if reached is None:
            said = f"{self.name}: {step.value} is not possible while {state.value}"
            return Refused(code="no-such-step", reason=said)
        return reached

    def steps(self, state: StateT) -> tuple[StepT, ...]:
        """Return what may happen next."""
        return tuple(step for source, step in self.table if source == state)

    def diagram(self) -> str:
        """Return the table as a Mermaid state diagram."""
        lines = [
            f"    {source.value} --> {target.value}: {step.value}"
            for (source, step), target in self.table.items()
        ]
        return "\n".join(["stateDiagram-v2", f"    [*] --> {self.start.value}", *lines]) + "\n"
