"""Let an analyst look at a sample, and say how many false alarms a day that makes.

In: groups of alerts, a seed. Out: a stratified sample to judge, and from the judgements the
weighted rate with its interval. Strata are kinds of alerts; rare kinds are drawn in full,
frequent ones in part, so that fifty judgements say something of ten thousand alerts.
Source: Cochran 1977 §5 (stratified sampling), with the exact interval where a stratum is uniform.
"""

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from clearhouse.bench.statistics.intervals import Interval, upper_bound
from clearhouse.bench.statistics.special import normal_quantile
from clearhouse.defense.exercise.load import Group

SMALLEST, LARGEST = 50, 200


@dataclass(frozen=True, kw_only=True, slots=True)
class Drawn:
    """One alert to judge."""

    number: int
    stratum: str
    group: Group


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """What to judge, and how many there are of each kind."""

    drawn: tuple[Drawn, ...]
    sizes: Mapping[str, int]


@dataclass(frozen=True, kw_only=True, slots=True)
class Adjudicated:
    """What the judgements say of all alerts."""

    judged: int
    of: int
    false_per_day: float
    interval: Interval
    real: tuple[int, ...]
    """Numbers of alerts that were judged real: look at these first."""


class NotJudgedError(ValueError):
    """Too little was judged to say anything."""


def sample(found: Sequence[Group], *, size: int = SMALLEST, seed: int = 0) -> Sample:
    """Draw a sample; each kind gets at least two, the rest by its square root."""
    strata: dict[str, list[Group]] = {}
    for one in found:
        strata.setdefault(one.kind, []).append(one)
    wanted = _allocated({kind: len(members) for kind, members in strata.items()}, size)
    draw = random.Random(seed)  # noqa: S311 - a sample, not a secret
    chosen = [
        (kind, group)
        for kind, members in sorted(strata.items())
        for group in draw.sample(members, wanted[kind])
    ]
    draw.shuffle(chosen)
    return Sample(
        drawn=tuple(
            Drawn(number=place, stratum=kind, group=group)
            for place, (kind, group) in enumerate(chosen, 1)
        ),
        sizes={kind: len(members) for kind, members in strata.items()},
    )


def _allocated(sizes: Mapping[str, int], size: int) -> dict[str, int]:
    total = sum(map(math.sqrt, sizes.values())) or 1.0
    return {
        kind: min(count, max(2, round(size * math.sqrt(count) / total)))
        for kind, count in sizes.items()
    }


def adjudicated(
    drawn: Sample, real: Mapping[int, bool], *, days: float, confidence: float = 0.95
) -> Adjudicated:
    """Return the weighted false alarms a day from judgements by number.

    Raises: NotJudgedError when a kind has no judgement.
    """
    total = variance = 0.0
    judged = 0
    for kind, size in drawn.sizes.items():
        said = [
            real[one.number] for one in drawn.drawn if one.stratum == kind and one.number in real
        ]
        if not said:
            raise NotJudgedError(f"no alert of the kind {kind!r} was judged")
        judged += len(said)
        false = said.count(False)
        share = false / len(said)
        total += size * share
        variance += size * size * _spread(false, len(said), size)
    half = normal_quantile(1 - (1 - confidence) / 2) * math.sqrt(variance)
    return Adjudicated(
        judged=judged,
        of=sum(drawn.sizes.values()),
        false_per_day=total / days,
        interval=Interval(
            low=max(0.0, total - half) / days, high=(total + half) / days, confidence=confidence
        ),
        real=tuple(sorted(number for number, is_real in real.items() if is_real)),
    )


def _spread(false: int, judged: int, size: int) -> float:
    """Return the variance of a stratum's share; a uniform one is not certain for that."""
    if judged == size:
        return 0.0
    left = (size - judged) / size
    if 0 < false < judged:
        share = false / judged
        return left * share * (1 - share) / max(1, judged - 1)
    doubt = upper_bound(0, judged, 0.16)  # about one standard deviation of what was not seen
    return left * doubt * doubt
