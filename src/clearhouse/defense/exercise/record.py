"""What one tool did with one pack: numbers, each with how many trials it rests on."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from clearhouse.bench.statistics.intervals import Interval, wilson

Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0)]
"""Cards come back from strangers; what is no share, amount or count is refused when it is read."""


class Tier(StrEnum):
    """How much a finding has to get right to count as a detection."""

    ANY = "any"
    """Anything at all is said while the step lasts or soon after: what is often called detected."""
    PLACE = "place"
    """It cites an event of the step, or names one of its machines or people at its time."""
    PARENT = "parent"
    """Place, and the technique up to its parent."""
    EXACT = "exact"
    """Place, and the technique itself."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Estimate:
    """A share with its interval. `n` of 0 means that nothing could be measured."""

    value: Share | None
    n: Count
    low: Share | None = None
    high: Share | None = None


def share(hits: int, n: Count) -> Estimate:
    """Return a share of independent trials with Wilson's interval."""
    if not n:
        return Estimate(value=None, n=0)
    found: Interval = wilson(hits, n)
    return Estimate(value=hits / n, n=n, low=found.low, high=found.high)


@dataclass(frozen=True, kw_only=True, slots=True)
class StepResult:
    """What a tool made of one step of an attack."""

    step: str
    attack: str
    technique: str | None
    """As it is called today."""
    visible: bool
    """The logs that the tool was given can show it."""
    reached: tuple[Tier, ...]
    delay_s: Amount | None
    """From the step's start to the first finding in the right place; None when there was none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Detection:
    """How many steps were found, in one tier."""

    tier: Tier
    found: Estimate
    """Interval from attacks as clusters: steps of one attack are not independent."""
    chance: Share | None
    """What findings of this number and length, put anywhere, would reach."""
    lift: float | None
    """(found - chance) / (1 - chance); 0 is chance, 1 is perfect."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AlertLoad:
    """What an analyst has to read on days without an attack."""

    groups: Count
    """Of one kind, machine and hour."""
    findings: Count
    days: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    per_day: Amount
    low: Amount
    high: Amount
    """Where nothing was seen: up to 3/days remains possible."""
    by_kind: tuple[tuple[str, Count], ...]
    """The most frequent kinds and how many groups each made."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BudgetPoint:
    """What is found when an analyst reads so many groups a day, the most urgent first."""

    groups_per_day: Annotated[int, Field(ge=1)]
    found: Estimate


@dataclass(frozen=True, kw_only=True, slots=True)
class SurvivalPoint:
    """Which share of attacks is still unseen after so many seconds."""

    seconds: Amount
    unseen: Share
    low: Share
    high: Share


@dataclass(frozen=True, kw_only=True, slots=True)
class TimeToDetect:
    """Time from an attack's start to the first finding in the right place; misses are censored."""

    curve: Annotated[tuple[SurvivalPoint, ...], Field(min_length=1)]
    attacks: Count
    missed: Count
    median_s: Amount | None
    """None when fewer than half were ever found."""
    restricted_mean_s: Amount
    horizon_s: Amount


@dataclass(frozen=True, kw_only=True, slots=True)
class Grounding:
    """Whether what a tool cites exists, and is about an attack."""

    exist: Estimate
    in_truth: Estimate
    uncited: Estimate
    """Findings without any citation."""
    invented_entities: tuple[str, ...]
    """Names that occur nowhere in the recording."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TriageResult:
    """How alerts were judged."""

    right: Estimate
    closed_true_positives: Estimate
    """True alerts that would have been closed: the error that harms."""
    unsure: Count
    unanswered: Count
    confusion: Mapping[str, int] = field(default_factory=dict)
    """`truth → said` to how often."""


@dataclass(frozen=True, kw_only=True, slots=True)
class HuntResult:
    """What one hunt brought back."""

    queries: Count | None
    """How many questions it was allowed."""
    found: Estimate
    """Attacks of which it found a step."""
    chance: Share | None
    """What as many citations drawn at random would find."""
    right: Estimate
    """Findings that are about an attack."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ResponseResult:
    """What a tool proposed to do. Nothing was done."""

    helpful: Estimate
    """Cases with at least one act that helps."""
    harmful: Estimate
    """Cases with at least one act that is forbidden."""
    acts: tuple[str, ...]
    """The forbidden ones that were proposed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Stability:
    """Whether the same input gives the same answer."""

    repeats: int
    flips: Estimate
    """Steps and verdicts that were not the same every time."""
    all_of_k: Estimate
    """Steps found in every repeat."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Cost:
    """What it took."""

    seconds: Amount
    queries: Count | None
    tokens: Count | None
    money: Amount | None
    money_per_step: Amount | None
    """None when nothing was found or nothing was paid."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Exercise:
    """One tool on one pack."""

    tool: str
    version: str
    pack: str
    pack_sha256: str
    at: datetime
    grade: str
    """Of the pack's labels."""
    void: tuple[str, ...]
    """Why nothing counts: what the adapter's self-test found. Empty when it passed."""
    steps: tuple[StepResult, ...] = ()
    detection: tuple[Detection, ...] = ()
    load: AlertLoad | None = None
    budget: tuple[BudgetPoint, ...] = ()
    budget_area: float | None = None
    """Mean recall over the logarithm of the budget."""
    time: TimeToDetect | None = None
    grounding: Grounding | None = None
    triage: TriageResult | None = None
    answers: Estimate | None = None
    response: ResponseResult | None = None
    hunts: tuple[HuntResult, ...] = ()
    stability: Stability | None = None
    cost: Cost | None = None
    faults: tuple[str, ...] = ()
    """What went wrong beside its judgement: time ran out, malformed output, budget."""

    def tier(self, tier: Tier) -> Detection | None:
        """Return the detection of a tier."""
        return next((one for one in self.detection if one.tier is tier), None)
