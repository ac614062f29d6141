"""What may be shared of a result card: sums, from which nobody can read a network.

In: a card's exercises, or a shared document of somebody else. Out: for each tool, by technique, how
many steps were found of how many, and false alarms a day as "up to". Names, kinds of alerts, times
and single steps stay with whoever measured. Refused: documents that are not these sums.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated, cast

from pydantic import Field, TypeAdapter, ValidationError

from clearhouse.defense.compare.refusal import CardError
from clearhouse.defense.exercise.record import Amount, Count, Exercise, Tier
from clearhouse.defense.scenario.grade import Grade
from clearhouse.formats.canonical import Json

_BANDS = (0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
_Name = Annotated[str, Field(min_length=1, max_length=200)]
_Technique = Annotated[str, Field(pattern=r"^T\d{4}$")]


@dataclass(frozen=True, kw_only=True, slots=True)
class SharedTool:
    """What one tool reached on one network."""

    tool: _Name
    version: _Name
    void: bool
    """Its adapter failed the self-test, so nothing of it counts."""
    techniques: Mapping[_Technique, tuple[Count, Count]]
    """Steps found in the right place, and steps asked, by parent technique."""
    false_alarms_a_day_up_to: Amount | None
    """None where they were not measured, or beyond the widest band."""

    @property
    def found(self) -> int:
        """Steps found, of all techniques."""
        return sum(found for found, _ in self.techniques.values())

    @property
    def asked(self) -> int:
        """Steps asked, of all techniques."""
        return sum(asked for _, asked in self.techniques.values())


@dataclass(frozen=True, kw_only=True, slots=True)
class Shared:
    """Everything that leaves a network."""

    grade: Grade
    policy: _Name
    made_on: date
    tools: Annotated[tuple[SharedTool, ...], Field(max_length=50)]


_SHARED = TypeAdapter(Shared)


def aggregate(exercises: Sequence[Exercise], grade: Grade, policy: str, made_on: date) -> Shared:
    """Sum up what was measured."""
    return Shared(
        grade=grade, policy=policy, made_on=made_on, tools=tuple(map(_shared_tool, exercises))
    )


def _shared_tool(one: Exercise) -> SharedTool:
    found: Counter[str] = Counter()
    asked: Counter[str] = Counter()
    for step in one.steps:
        if step.visible and step.technique:
            parent = step.technique.partition(".")[0]
            asked[parent] += 1
            found[parent] += Tier.PLACE in step.reached
    return SharedTool(
        tool=one.tool,
        version=one.version,
        void=bool(one.void),
        techniques={name: (found[name], asked[name]) for name in sorted(asked)},
        false_alarms_a_day_up_to=None if one.load is None else _band(one.load.per_day),
    )


def _band(per_day: float) -> float | None:
    return next((float(one) for one in _BANDS if per_day <= one), None)


def shared_document(made: Shared) -> dict[str, Json]:
    """Return the sums as JSON."""
    return cast("dict[str, Json]", _SHARED.dump_python(made, mode="json"))


def read_shared(content: object) -> Shared:
    """Read somebody's sums. Raises: CardError."""
    try:
        read = _SHARED.validate_python(content)
    except ValidationError as error:
        raise CardError(f"not a shared result: {error.error_count()} fields are wrong") from error
    if any(found > asked for one in read.tools for found, asked in one.techniques.values()):
        raise CardError("a shared result says that more steps were found than asked")
    return read
