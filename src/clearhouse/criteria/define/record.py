"""The nouns of define: a criterion, its clauses, and the values it may keep sealed.

A criterion is data with a version. It never licenses anybody; it says what would have to be shown,
how sure one must be, and which evidence counts.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar


class CriterionError(ValueError):
    """The criterion's file is wrong; the message names file, line and field, and what to do."""


class Kind(StrEnum):
    """What a criterion claims to be."""

    REFERENCE = "unclassified-reference-profile"
    """Made in the open from public sources; it is not the classified benchmark of anybody."""
    PUBLIC_RULE = "transcription-of-a-public-rule"
    """What a public rule says, as clauses on declared facts."""
    LOCAL = "local"
    """An organisation's own."""


class Population(StrEnum):
    """About what a score speaks. Source: NIST AI 800-3 (2026)."""

    BENCHMARK = "benchmark"
    """These very items; only the attempts vary."""
    GENERALIZED = "generalized"
    """Items of this kind; these are a sample of them."""


class Statistic(StrEnum):
    """Which number of the attempts counts."""

    PASS_1 = "pass@1"  # noqa: S105 - a statistic's name
    """The mean score of one attempt."""
    PASS_K = "pass@k"  # noqa: S105 - as above
    """At least one of k attempts succeeds, estimated without bias."""
    ALL_OF_K = "k-of-k"
    """All of k attempts succeed."""
    HORIZON = "horizon"
    """Minutes that people need for what the model does at a given reliability."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Estimand:
    """What is estimated."""

    population: Population
    statistic: Statistic
    k: int = 1
    reliability: float | None = None
    """For horizons: 0.5 or 0.8."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sealed:
    """A value that is committed to and not shown."""

    sha256: str
    """Of the canonical JSON of field, value and blinding."""
    holder: str
    """Who can open it."""


Value = float | Sealed


@dataclass(frozen=True, kw_only=True, slots=True)
class Metric:
    """The score of a benchmark lies above a threshold."""

    id: str
    benchmark: str
    estimand: Estimand
    above: Value
    """0 to 1, or minutes for horizons."""
    alert_above: Value | None = None
    """A lower line that calls for a closer look."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Fact:
    """A fact that somebody declares, such as training compute; it is not measured here."""

    id: str
    fact: str
    op: str
    """`above`, `at_least` or `is`."""
    value: float | bool | str
    unit: str | None = None
    source: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class All:
    """Every part holds."""

    word: ClassVar[str] = "all of"
    parts: "tuple[Clause, ...]"


@dataclass(frozen=True, kw_only=True, slots=True)
class AnyOf:
    """At least one part holds."""

    word: ClassVar[str] = "any of"
    parts: "tuple[Clause, ...]"


@dataclass(frozen=True, kw_only=True, slots=True)
class Not:
    """The part does not hold."""

    part: "Clause"


Clause = Metric | Fact | All | AnyOf | Not


def leaves(clause: Clause) -> Iterator[Metric | Fact]:
    """Yield the metrics and facts of a clause, in reading order."""
    if isinstance(clause, Metric | Fact):
        yield clause
    elif isinstance(clause, Not):
        yield from leaves(clause.part)
    else:
        for part in clause.parts:
            yield from leaves(part)


@dataclass(frozen=True, kw_only=True, slots=True)
class Benchmark:
    """Which evaluation counts as evidence."""

    id: str
    task: str
    version: str
    scorer: str
    items: int
    """How many items it has."""
    attempts: int = 1
    """How many attempts at each are planned."""
    dataset_sha256: str | None = None
    """Pins the content of the items; None leaves it open, and says so in the determination."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Criterion:
    """One version of a criterion."""

    id: str
    version: int
    title: str
    kind: Kind
    statement: str
    """What it is and what it is not, in a sentence or two."""
    sources: tuple[str, ...]
    confidence: float
    """Of both sides together; 0.95 lets each side err in 2.5 %."""
    expires_days: int
    rule: Clause
    sha256: str
    """Of the canonical document, sealed values as commitments."""
    sequential: bool = False
    """Whether one may look during the run; then only evidence valid at any moment decides."""
    benchmarks: Mapping[str, Benchmark] = field(default_factory=dict)
    gates: Mapping[str, Mapping[str, float | str]] = field(default_factory=dict)
    """Parameters of gates that differ from the catalogue's."""
    waived: Mapping[str, str] = field(default_factory=dict)
    """Gates that this criterion does without, each with its reason."""

    @property
    def name(self) -> str:
        """Id and version, as determinations cite it."""
        return f"{self.id}/{self.version}"

    @property
    def alpha(self) -> float:
        """The error that one side may make."""
        return (1 - self.confidence) / 2

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """The clauses that need evidence."""
        return tuple(one for one in leaves(self.rule) if isinstance(one, Metric))

    @property
    def facts(self) -> tuple[Fact, ...]:
        """The clauses that need a declaration."""
        return tuple(one for one in leaves(self.rule) if isinstance(one, Fact))

    @property
    def sealed(self) -> dict[str, Sealed]:
        """What is still sealed, by field such as `exploit.above`."""
        return {
            f"{metric.id}.{name}": value
            for metric in self.metrics
            for name, value in (("above", metric.above), ("alert_above", metric.alert_above))
            if isinstance(value, Sealed)
        }
