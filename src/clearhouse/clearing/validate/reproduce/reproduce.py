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

from dataclasses import replace
from datetime import datetime

from clearhouse.bench.sandbox.host.alone import Alone
from clearhouse.bench.sandbox.host.record import SandboxUnavailableError
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
from clearhouse.clearing.validate.reproduce.bundle import Bundle, BundleError
from clearhouse.clearing.validate.reproduce.decoy import decoy
from clearhouse.clearing.validate.reproduce.judge import Ruling, Runs, judge
from clearhouse.clearing.validate.reproduce.packages import (
    BuildError,
    Environment,
    PackageCache,
)
from clearhouse.clearing.validate.reproduce.patch_gate import run_gate, with_gate
from clearhouse.clearing.validate.reproduce.series import Pace, Record, Sides, run_series

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


def reproduce(bundle: Bundle, cache: PackageCache, *, now: datetime, at_once: int = 1) -> Verdict:
    """Run a bundle and return its verdict; judge its patch when the flaw is reproduced.

    `at_once` lets runs of one series go side by side.
    """
    verdict = _reproduce(bundle, cache, now=now, at_once=at_once)
    if bundle.patch is None or verdict.kind is not VerdictKind.REPRODUCED:
        return verdict
    try:
        return with_gate(verdict, run_gate([bundle], cache))
    except SandboxUnavailableError as error:
        return replace(verdict, not_established=(*verdict.not_established, f"Patch: {error}"))


def _reproduce(bundle: Bundle, cache: PackageCache, *, now: datetime, at_once: int) -> Verdict:
    try:
        sides = _prepare(bundle, cache)
    except BuildError as error:
        return _trouble(bundle, Doubt.BUILD, str(error), now)
    except SandboxUnavailableError as error:
        return _unavailable(bundle, error, now)
    try:
        record = _run(bundle, sides, at_once)
        ruling = _rule(bundle, sides, cache, record)
    except SandboxUnavailableError as error:
        return _unavailable(bundle, error, now)
    except BuildError as error:
        return _trouble(bundle, Doubt.BUILD, str(error), now)
    except BundleError as error:
        return _trouble(bundle, Doubt.UNSUPPORTED, str(error), now)
    return _verdict(bundle, sides, record, ruling, now)


def _prepare(bundle: Bundle, cache: PackageCache) -> Sides:
    """Build both sides; steps 1 and 2."""
    target, version = bundle.target, bundle.target.version or ""
    vulnerable = cache.environment(target, version, bundle.requires)
    if bundle.fixed is None:
        shown = disguise.look_alike(cache, target, vulnerable, real=version, shown=version)
        return Sides(vulnerable=shown, fixed=None)
    companions = tuple(one for one in vulnerable.versions if one[1] != version)
    fixed = cache.environment(target, bundle.fixed, bundle.requires, companions)
    return Sides(
        vulnerable=disguise.look_alike(cache, target, vulnerable, real=version, shown=version),
        fixed=disguise.look_alike(cache, target, fixed, real=bundle.fixed, shown=version),
    )


def _run(bundle: Bundle, sides: Sides, at_once: int) -> Record:
    """Run both sides in random order; step 3.

    When the vulnerable side disagrees with itself, as proofs that measure time do on a busy
    machine, longer series follow, one bundle at a time and before other work. One of them must
    fire every time, and the fixed side must have been silent in every run of all series. A run that
    was cut short in silence makes those series slower, for both sides alike: a proof that raises
    its load until a threshold is met may overshoot its own time limit on a fast machine.
    """
    record = _settle(bundle, sides, REPEATS, Pace(at_once=at_once))
    if sides.fixed is None:  # without a control no series can settle it
        return record
    cut = record.runs.cut_short
    pace = Pace(cpus=trials.HALF_SPEED if cut else trials.ONE_PROCESSOR, steady=True)
    total = record
    for _ in range(_MORE_SLOW_SERIES if cut else _MORE_SERIES):
        if not (record.runs.cut_short or _mixed(total.runs)) or any(total.runs.fixed or ()):
            break
        with _QUIET:
            record = _settle(bundle, sides, _MORE_REPEATS, pace)
        if record.settled:
            return record
        total = total.joined(record)
    return total


def _settle(bundle: Bundle, sides: Sides, repeats: int, pace: Pace) -> Record:
    """Run a series; when the sides differ, another one, long enough to rule chance out."""
    record = run_series(bundle, sides, (repeats, repeats), pace)
    if sides.fixed is None or not record.settled:
        return record
    left = chance.agreement(repeats, repeats)
    share = _LATER_SHARE if pace.steady else _FIRST_SHARE
    counts, left = chance.more_runs(left, share, *record.seconds)
    record = record.joined(run_series(bundle, sides, counts, replace(pace, decisive=True)))
    return replace(record, runs=replace(record.runs, by_chance=left / share))


def _mixed(runs: Runs) -> bool:
    sides = (runs.vulnerable, runs.fixed or ())
    return any(len(set(side)) > 1 for side in sides)


def _rule(bundle: Bundle, sides: Sides, cache: PackageCache, record: Record) -> Ruling:
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


def _with_twins(bundle: Bundle, sides: Sides, cache: PackageCache, runs: Runs) -> Runs:
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


def _reached(bundle: Bundle, sides: Sides, plain_s: float) -> Reached:
    environment = sides.vulnerable
    seen = trials.trace(bundle, environment, plain_s=plain_s)
    if environment.kind == "pypi":
        return attribution.read_python(seen, environment, sides.fixed)
    modules = attribution.loaded_modules(seen, environment)
    return attribution.read_node(seen, environment, trials.control(environment, modules))


def _verdict(
    bundle: Bundle, sides: Sides, record: Record, ruling: Ruling, now: datetime
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


def _inputs(bundle: Bundle, sides: Sides | None) -> tuple[InputHash, ...]:
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
