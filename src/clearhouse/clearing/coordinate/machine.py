"""State machines as tables: the code, the diagram and the tests all read the same rows.

In: a table of arrows, a state, an event and the situation. Out: the next state, or a refusal
with its reason. Refused: every event that no arrow draws, and every arrow whose guard is shut.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

StateT = TypeVar("StateT", bound=StrEnum)
EventT = TypeVar("EventT", bound=StrEnum)


@dataclass(frozen=True, kw_only=True, slots=True)
class Situation:
    """What guards may look at; it belongs to the case, not to one party."""

    public: bool = False
    exploit_public: bool = False
    attacked: bool = False
    embargo_in_force: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Refused:
    """An expected refusal: nothing changed, and here is why."""

    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class Guard:
    """A condition on an arrow, with the sentence for whoever finds it shut."""

    name: str
    is_open: Callable[[Situation], bool]
    otherwise: str


@dataclass(frozen=True, slots=True)
class Arrow(Generic[StateT, EventT]):
    """One allowed change."""

    source: StateT
    event: EventT
    target: StateT
    guard: Guard | None = None


@dataclass(frozen=True, slots=True)
class Machine(Generic[StateT, EventT]):
    """A named table of arrows."""

    name: str
    start: StateT
    arrows: tuple[Arrow[StateT, EventT], ...]

    def table(self) -> Mapping[tuple[StateT, EventT], Arrow[StateT, EventT]]:
        """Return the arrows by state and event."""
        return {(arrow.source, arrow.event): arrow for arrow in self.arrows}

    def step(self, state: StateT, event: EventT, situation: Situation) -> StateT | Refused:
        """Follow one arrow."""
        arrow = self.table().get((state, event))
        if arrow is None:
            reason = f"{self.name}: {event.value} is not possible in state {state.value}"
            return Refused(code="no-such-step", reason=reason)
        if arrow.guard is not None and not arrow.guard.is_open(situation):
            return Refused(code=arrow.guard.name, reason=arrow.guard.otherwise)
        return arrow.target

    def follow(
        self, state: StateT, events: Iterable[EventT], situation: Situation
    ) -> StateT | Refused:
        """Follow several arrows as one act: all of them, or none."""
        for event in events:
            reached = self.step(state, event, situation)
            if isinstance(reached, Refused):
                return reached
            state = reached
        return state

    def events(self, state: StateT, situation: Situation) -> tuple[EventT, ...]:
        """Return what may happen next."""
        return tuple(
            arrow.event
            for arrow in self.arrows
            if arrow.source == state and (arrow.guard is None or arrow.guard.is_open(situation))
        )

    def diagram(self) -> str:
        """Return the table as a Mermaid state diagram."""
        lines = ["stateDiagram-v2", f"    [*] --> {self.start.value}"]
        for arrow in self.arrows:
            guard = f" [{arrow.guard.name}]" if arrow.guard else ""
            step = f"{arrow.source.value} --> {arrow.target.value}"
            lines.append(f"    {step}: {arrow.event.value}{guard}")
        return "\n".join(lines) + "\n"
