"""Reproduce one bundle: build, disguise, run in random order, trace, judge.

1. Build the vulnerable environment, then the fixed one with the same companions.
2. Make both look alike.
3. Run both sides in an order drawn for this bundle, each time at another place; when they differ,
   go on until chance cannot have done it.
4. If the sides differ, trace what the target did, and run on decoys of both sides.
5. Judge, and write down hashes, limits and repeats.

Trouble with the machine or the registry is INCONCLUSIVE with its reason, never a verdict about the
claim. Nothing is ever run outside the sandbox.
"""

import secrets
from dataclasses import dataclass, replace
from datetime import datetime

from clearhouse.bench.sandbox.host.alone import Alone
from clearhouse.bench.sandbox.host.record import EnforcedLimit, SandboxUnavailableError
from clearhouse.clearing.validate.record import (
    Doubt,
    InputHash,
    Level,
    Limit,
    Verdict,
    VerdictKind,
)
from clearhouse.clearing.validate.reproduce import attribution, chance, disguise, trials
from clearhouse.clearing.validate.reproduce.attribution import Reached
from clearhouse.clearing.validate.reproduce.bundle import Bundle, BundleError, OracleKind
from clearhouse.clearing.validate.reproduce.decoy import decoy
from clearhouse.clearing.validate.reproduce.judge import Ruling, Runs, judge
from clearhouse.clearing.validate.reproduce.packages import (
    BuildError,
    Environment,
    PackageCache,
)
from clearhouse.clearing.validate.reproduce.patch_gate import run_gate, with_gate

RULES = "reproduce/3"
REPEATS = 3
"""Runs on each side before the number of more is known."""
_MORE_REPEATS = 5
"""Runs on each side when the first ones disagree among themselves: all must agree then."""
_MORE_SERIES = 3
_MORE_SLOW_SERIES = 2
"""Series after a run that was cut short."""
_FIRST_SHARE, _LATER_SHARE = 1 / 2, 1 / (2 * _MORE_SERIES)
"""Parts of what may be left to chance that each series gets."""
_TWIN_TRIES = 3
"""A proof that follows bytes stays silent in all of them; one that measures time may need two."""
_QUIET = Alone("timing")
"""Held while a series must not be disturbed by another series of the same kind."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Sides:
    """The environments of one bundle, made to look alike."""

    vulnerable: Environment
    fixed: Environment | None


@dataclass(frozen=True, kw_only=True, slots=True)
class _Record:
    """What is written down beside the ruling."""

    runs: Runs
    limits: tuple[EnforcedLimit, ...]
    plain_s: float
    """How long a run on the vulnerable side took at most."""
    seconds: tuple[float, float]
    """What a run cost on the vulnerable and on the fixed side."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Pace:
    """How a series is run, and when it ends early."""

    cpus: float = trials.FULL_SPEED
    steady: bool = False
    """Before other work; ended by a silent run on the vulnerable side."""
    decisive: bool = False
    """Ended by any run that disagrees."""


def reproduce(bundle: Bundle, cache: PackageCache, *, now: datetime) -> Verdict:
    """Run a bundle and return its verdict; judge its patch when the flaw is reproduced."""
    verdict = _reproduce(bundle, cache, now=now)
    if bundle.patch is None or verdict.kind is not VerdictKind.REPRODUCED:
        return verdict
    try:
        return with_gate(verdict, run_gate([bundle], cache))
    except SandboxUnavailableError as error:
        return replace(verdict, not_established=(*verdict.not_established, f"Patch: {error}"))


def _reproduce(bundle: Bundle, cache: PackageCache, *, now: datetime) -> Verdict:
    try:
        sides = _prepare(bundle, cache)
    except BuildError as error:
        return _trouble(bundle, Doubt.BUILD, str(error), now)
    except SandboxUnavailableError as error:
        return _unavailable(bundle, error, now)
    try:
        record = _run(bundle, sides)
        ruling = _rule(bundle, sides, cache, record)
    except SandboxUnavailableError as error:
        return _unavailable(bundle, error, now)
    except BuildError as error:
        return _trouble(bundle, Doubt.BUILD, str(error), now)
    except BundleError as error:
        return _trouble(bundle, Doubt.UNSUPPORTED, str(error), now)
    return _verdict(bundle, sides, record, ruling, now)


def _prepare(bundle: Bundle, cache: PackageCache) -> _Sides:
    """Build both sides; steps 1 and 2."""
    target, version = bundle.target, bundle.target.version or ""
    vulnerable = cache.environment(target, version, bundle.requires)
    if bundle.fixed is None:
        shown = disguise.look_alike(cache, target, vulnerable, real=version, shown=version)
        return _Sides(vulnerable=shown, fixed=None)
    companions = tuple(one for one in vulnerable.versions if one[1] != version)
    fixed = cache.environment(target, bundle.fixed, bundle.requires, companions)
    return _Sides(
        vulnerable=disguise.look_alike(cache, target, vulnerable, real=version, shown=version),
        fixed=disguise.look_alike(cache, target, fixed, real=bundle.fixed, shown=version),
    )


def _run(bundle: Bundle, sides: _Sides) -> _Record:
    """Run both sides in random order; step 3.

    When the vulnerable side disagrees with itself, as proofs that measure time do on a busy
    machine, longer series follow, one bundle at a time and before other work. One of them must
    fire every time, and the fixed side must have been silent in every run of all series. A run that
    was cut short in silence makes those series slower, for both sides alike: a proof that raises
    its load until a threshold is met may overshoot its own time limit on a fast machine.
    """
    record = _settle(bundle, sides, REPEATS, _Pace())
    if sides.fixed is None:  # without a control no series can settle it
        return record
    cut = record.runs.cut_short
    pace = _Pace(cpus=trials.HALF_SPEED if cut else trials.ONE_PROCESSOR, steady=True)
    total = record
    for _ in range(_MORE_SLOW_SERIES if cut else _MORE_SERIES):
        if not (record.runs.cut_short or _mixed(total.runs)) or any(total.runs.fixed or ()):
            break
        with _QUIET:
            record = _settle(bundle, sides, _MORE_REPEATS, pace)
        if _settled(record.runs):
            return record
        total = _joined(total, record)
    return total


def _settle(bundle: Bundle, sides: _Sides, repeats: int, pace: _Pace) -> _Record:
    """Run a series; when the sides differ, another one, long enough to rule chance out."""
    record = _series(bundle, sides, (repeats, repeats), pace)
    if sides.fixed is None or not _settled(record.runs):
        return record
    left = chance.agreement(repeats, repeats)
    share = _LATER_SHARE if pace.steady else _FIRST_SHARE
    counts, left = chance.more_runs(left, share, *record.seconds)
    record = _joined(record, _series(bundle, sides, counts, replace(pace, decisive=True)))
    return replace(record, runs=replace(record.runs, by_chance=left / share))


def _series(bundle: Bundle, sides: _Sides, counts: tuple[int, int], pace: _Pace) -> _Record:
    """Run the vulnerable and the fixed side so many times, in an order drawn for this series."""
    order = [sides.vulnerable] * counts[0] + ([sides.fixed] * counts[1] if sides.fixed else [])
    secrets.SystemRandom().shuffle(order)
    answers: dict[bool, list[bool]] = {True: [], False: []}
    seconds = {True: 0.0, False: 0.0}
    plain_s, cut_short = 0.0, False
    limits: tuple[EnforcedLimit, ...] = ()
    for environment in order:
        trial = trials.try_once(bundle, environment, cpus=pace.cpus, steady=pace.steady)
        vulnerable = environment is sides.vulnerable
        seconds[vulnerable] += trial.cost_s
        answers[vulnerable].append(trial.answer.fired)
        limits = trial.seen.limits
        if vulnerable:
            plain_s = max(plain_s, trial.seen.wall_s)
        cut_short |= trial.cut_short
        wrong = trial.answer.fired != vulnerable
        if cut_short or (wrong and _is_hopeless(bundle, pace, answers)):
            break
    runs = Runs(
        vulnerable=tuple(answers[True]),
        fixed=tuple(answers[False]) if sides.fixed is not None else None,
        cut_short=cut_short,
    )
    return _Record(
        runs=runs,
        limits=limits,
        plain_s=plain_s,
        seconds=(seconds[True] / counts[0], seconds[False] / counts[1]),
    )


def _is_hopeless(bundle: Bundle, pace: _Pace, answers: dict[bool, list[bool]]) -> bool:
    """Say whether a series can end with a run that disagrees.

    Where runs that fire take all their time, one on each side is enough to see that both do.
    """
    if pace.decisive or (pace.steady and not all(answers[True])):
        return True
    return bundle.oracle.kind is OracleKind.HANG and any(answers[True]) and any(answers[False])


def _joined(earlier: _Record, later: _Record) -> _Record:
    """Add up the answers of two series, so that giving up forgets none of them."""
    fixed = None
    if earlier.runs.fixed is not None:
        fixed = (*earlier.runs.fixed, *(later.runs.fixed or ()))
    vulnerable = (*earlier.runs.vulnerable, *later.runs.vulnerable)
    cut_short = earlier.runs.cut_short or later.runs.cut_short
    runs = Runs(vulnerable=vulnerable, fixed=fixed, cut_short=cut_short)
    return replace(later, runs=runs, plain_s=max(earlier.plain_s, later.plain_s))


def _settled(runs: Runs) -> bool:
    return all(runs.vulnerable) and not any(runs.fixed or ()) and not runs.cut_short


def _mixed(runs: Runs) -> bool:
    sides = (runs.vulnerable, runs.fixed or ())
    return any(len(set(side)) > 1 for side in sides)


def _rule(bundle: Bundle, sides: _Sides, cache: PackageCache, record: _Record) -> Ruling:
    """Look closer where the oracle fired, then judge; steps 4 and 5."""
    noun = f"{bundle.oracle.kind} oracle"
    runs = record.runs
    if runs.cut_short or not all(runs.vulnerable):
        return judge(runs, None, changed=None, noun=noun)
    reached = _reached(bundle, sides, record.plain_s)
    changed = None
    if sides.fixed is not None and not any(runs.fixed or ()):
        changed = attribution.changed_code_ran(reached, sides.vulnerable, sides.fixed)
        if changed and not reached.inspected:
            runs = _with_twins(bundle, sides, cache, runs)
    return judge(runs, reached, changed=changed, noun=noun)


def _with_twins(bundle: Bundle, sides: _Sides, cache: PackageCache, runs: Runs) -> Runs:
    """Run on decoys: each does what its version does and looks like the other one too."""
    assert sides.fixed is not None  # noqa: S101  # only called with two sides
    vulnerable = decoy(cache, sides.vulnerable, sides.fixed)
    fixed = decoy(cache, sides.fixed, sides.vulnerable)
    return replace(
        runs,
        vulnerable_twin=any(_twin_fires(bundle, vulnerable) for _ in range(_TWIN_TRIES)),
        fixed_twin=_answer(trials.try_once(bundle, fixed)),
    )


def _twin_fires(bundle: Bundle, environment: Environment) -> bool:
    with _QUIET:
        trial = trials.try_once(bundle, environment, cpus=trials.ONE_PROCESSOR, steady=True)
    return _answer(trial)


def _answer(trial: trials.Trial) -> bool:
    """Say whether a run on a decoy fired.

    Raises: SandboxUnavailableError when it was cut short, which shows neither.
    """
    if trial.cut_short:
        raise SandboxUnavailableError("a run on a decoy was ended by its limit")
    return trial.answer.fired


def _reached(bundle: Bundle, sides: _Sides, plain_s: float) -> Reached:
    environment = sides.vulnerable
    seen = trials.trace(bundle, environment, plain_s=plain_s)
    if environment.kind == "pypi":
        return attribution.read_python(seen, environment, sides.fixed)
    modules = attribution.loaded_modules(seen, environment)
    return attribution.read_node(seen, environment, trials.control(environment, modules))


def _verdict(
    bundle: Bundle, sides: _Sides, record: _Record, ruling: Ruling, now: datetime
) -> Verdict:
    return Verdict(
        level=ruling.level,
        kind=ruling.kind,
        reason=ruling.reason,
        doubt=ruling.doubt,
        not_established=ruling.not_established,
        inputs=_inputs(bundle, sides),
        limits=tuple(
            Limit(name=one.name, value=one.value, enforced_by=one.enforced_by)
            for one in record.limits
        ),
        rules=RULES,
        decided_at=now,
    )


def _inputs(bundle: Bundle, sides: _Sides | None) -> tuple[InputHash, ...]:
    found = [InputHash(name="bundle", sha256=bundle.sha256)]
    if sides is not None:
        found.append(InputHash(name="vulnerable environment", sha256=sides.vulnerable.sha256))
        if sides.fixed is not None:
            found.append(InputHash(name="fixed environment", sha256=sides.fixed.sha256))
    return tuple(found)


def _unavailable(bundle: Bundle, error: SandboxUnavailableError, now: datetime) -> Verdict:
    if "not attempted" in str(error):
        return replace(
            _trouble(bundle, Doubt.ENVIRONMENT, str(error), now),
            kind=VerdictKind.NOT_ATTEMPTED,
            doubt=None,
        )
    return _trouble(bundle, Doubt.ENVIRONMENT, str(error), now)


def _trouble(bundle: Bundle, doubt: Doubt, reason: str, now: datetime) -> Verdict:
    return Verdict(
        level=Level.E0,
        kind=VerdictKind.INCONCLUSIVE,
        doubt=doubt,
        reason=reason,
        not_established=("Not attempted: running the proof.",),
        inputs=_inputs(bundle, None),
        rules=RULES,
        decided_at=now,
    )
