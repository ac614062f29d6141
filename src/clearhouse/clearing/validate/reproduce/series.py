"""Run both sides of a bundle many times, in an order drawn at random.

In come a bundle, its two environments and how often and in which way to run; out comes a record of
all answers. A series ends early when a limit cut a run short, or when a run disagrees and nothing
that follows could mend it. Runs of one series may go side by side, on the processors that this
process has left; a run that measures time alone asks for that by its pace.
"""

import secrets
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from clearhouse.bench.sandbox.host.record import EnforcedLimit
from clearhouse.clearing.validate.reproduce import trials
from clearhouse.clearing.validate.reproduce.bundle import Bundle, OracleKind
from clearhouse.clearing.validate.reproduce.judge import Runs
from clearhouse.clearing.validate.reproduce.packages import Environment


@dataclass(frozen=True, kw_only=True, slots=True)
class Sides:
    """The environments of one bundle, made to look alike."""

    vulnerable: Environment
    fixed: Environment | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Pace:
    """How a series is run, and when it ends early."""

    at_once: int = 1
    """Runs side by side."""
    cpus: float = trials.FULL_SPEED
    steady: bool = False
    """Before other work, one after the other; ended by a silent run on the vulnerable side."""
    decisive: bool = False
    """Ended by any run that disagrees."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """What the runs of one or several series showed."""

    runs: Runs
    limits: tuple[EnforcedLimit, ...]
    plain_s: float
    """How long a run on the vulnerable side took at most."""
    seconds: tuple[float, float]
    """What a run cost on the vulnerable and on the fixed side."""

    def joined(self, later: "Record") -> "Record":
        """Add up the answers of two series, so that giving up forgets none of them."""
        fixed = None
        if self.runs.fixed is not None:
            fixed = (*self.runs.fixed, *(later.runs.fixed or ()))
        vulnerable = (*self.runs.vulnerable, *later.runs.vulnerable)
        cut_short = self.runs.cut_short or later.runs.cut_short
        runs = Runs(vulnerable=vulnerable, fixed=fixed, cut_short=cut_short)
        return replace(later, runs=runs, plain_s=max(self.plain_s, later.plain_s))

    @property
    def settled(self) -> bool:
        """Say whether every run fired on the vulnerable side and none on the fixed one."""
        runs = self.runs
        return all(runs.vulnerable) and not any(runs.fixed or ()) and not runs.cut_short


@dataclass(kw_only=True, slots=True)
class _Tally:
    """The answers of a series so far."""

    bundle: Bundle
    pace: Pace
    answers: dict[bool, list[bool]] = field(default_factory=lambda: {True: [], False: []})
    seconds: dict[bool, float] = field(default_factory=lambda: {True: 0.0, False: 0.0})
    limits: tuple[EnforcedLimit, ...] = ()
    plain_s: float = 0.0
    cut_short: bool = False
    over: bool = False

    def add(self, trial: trials.Trial, *, vulnerable: bool) -> None:
        """Count one run, and see whether the series goes on."""
        self.seconds[vulnerable] += trial.cost_s
        self.answers[vulnerable].append(trial.answer.fired)
        self.limits = trial.seen.limits
        if vulnerable:
            self.plain_s = max(self.plain_s, trial.seen.wall_s)
        self.cut_short |= trial.cut_short
        wrong = trial.answer.fired != vulnerable
        ends = self.pace.decisive or (self.pace.steady and vulnerable)
        self.over |= self.cut_short or (wrong and ends) or self._hangs_on_both()

    def _hangs_on_both(self) -> bool:
        """Say whether runs that take all their time were seen on both sides: once is enough."""
        hang = self.bundle.oracle.kind is OracleKind.HANG
        return hang and any(self.answers[True]) and any(self.answers[False])


def run_series(bundle: Bundle, sides: Sides, counts: tuple[int, int], pace: Pace) -> Record:
    """Run the vulnerable and the fixed side so many times, in an order drawn for this series."""
    order = [sides.vulnerable] * counts[0] + ([sides.fixed] * counts[1] if sides.fixed else [])
    secrets.SystemRandom().shuffle(order)
    tally = _Tally(bundle=bundle, pace=pace)
    _run_all(bundle, sides, order, tally)
    answers, seconds = tally.answers, tally.seconds
    runs = Runs(
        vulnerable=tuple(answers[True]),
        fixed=tuple(answers[False]) if sides.fixed is not None else None,
        cut_short=tally.cut_short,
    )
    return Record(
        runs=runs,
        limits=tally.limits,
        plain_s=tally.plain_s,
        seconds=(seconds[True] / counts[0], seconds[False] / counts[1]),
    )


def _run_all(bundle: Bundle, sides: Sides, order: Sequence[Environment], tally: _Tally) -> None:
    pace, counting = tally.pace, threading.Lock()

    def one(environment: Environment) -> None:
        if tally.over:
            return
        try:
            trial = trials.try_once(bundle, environment, cpus=pace.cpus, steady=pace.steady)
        except BaseException:
            tally.over = True
            raise
        with counting:
            tally.add(trial, vulnerable=environment is sides.vulnerable)

    if pace.at_once == 1 or pace.steady:
        for environment in order:
            one(environment)
        return
    with ThreadPoolExecutor(pace.at_once) as pool:
        for done in [pool.submit(one, environment) for environment in order]:
            done.result()
