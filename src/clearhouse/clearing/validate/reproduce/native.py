"""Reproduce a bundle about compiled code, on the build with the flaw and on the one without.

In comes a `NativeBundle`; out comes a `Verdict`. Every run draws the place of the private log and
the exit code that stands for a report. The oracle fires when both agree, the log names the declared
error, and the fault lies in the target's own module. On the fixed side any report counts as fired.
There are three runs on each side, and as many more as rule chance out where code of the bundle runs
beside the target; then one on twins whose machine code is different everywhere.

Trouble with the machine, the mirrors or the compiler is never a verdict about the claim.
"""

import secrets
import time
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path, PurePosixPath

from clearhouse.bench.sandbox.host.record import (
    EnforcedLimit,
    Job,
    Limits,
    Mount,
    SandboxUnavailableError,
)
from clearhouse.bench.sandbox.host.run import run
from clearhouse.clearing.validate.record import (
    Doubt,
    InputHash,
    Level,
    Limit,
    Verdict,
    VerdictKind,
)
from clearhouse.clearing.validate.reproduce import chance, disguise
from clearhouse.clearing.validate.reproduce.attribution import Function, Reached
from clearhouse.clearing.validate.reproduce.bundle import read_folder
from clearhouse.clearing.validate.reproduce.judge import Ruling, Runs, judge
from clearhouse.clearing.validate.reproduce.native_build import (
    TARGET,
    Side,
    build,
    compiler,
)
from clearhouse.clearing.validate.reproduce.native_bundle import (
    NativeBundle,
    Recipe,
    is_native,
    read_native_folder,
)
from clearhouse.clearing.validate.reproduce.native_gate import run_native_gate
from clearhouse.clearing.validate.reproduce.native_shot import (
    Shot,
    alarmed,
    fired,
    own_modules,
    shoot,
)
from clearhouse.clearing.validate.reproduce.packages import (
    BuildError,
    Environment,
    PackageCache,
)
from clearhouse.clearing.validate.reproduce.patch_gate import with_gate
from clearhouse.clearing.validate.reproduce.patterns import UnsafePatternError
from clearhouse.clearing.validate.reproduce.reproduce import reproduce

RULES = "reproduce-native/3"
REPEATS = 3
"""Runs on each side, and the first ones where more are needed."""
_HARNESS = "Not excluded: that the harness, which is code, wrote the report itself."


@dataclass(frozen=True, kw_only=True, slots=True)
class _Sides:
    vulnerable: Environment
    fixed: Environment
    vulnerable_twin: Environment
    fixed_twin: Environment


def reproduce_native(native: NativeBundle, cache: PackageCache, *, now: datetime) -> Verdict:
    """Build both sides, run them, and return the verdict; judge the patch where there is one."""
    verdict = _reproduce(native, cache, now=now)
    if native.bundle.patch is None or verdict.kind is not VerdictKind.REPRODUCED:
        return verdict
    try:
        return with_gate(verdict, run_native_gate([native], cache))
    except SandboxUnavailableError as error:
        return replace(verdict, not_established=(*verdict.not_established, f"Patch: {error}"))


def _reproduce(native: NativeBundle, cache: PackageCache, *, now: datetime) -> Verdict:
    try:
        compiler()
        sides = _prepare(native, cache)
        runs, shots = _run(native, sides)
        ruling = _rule(native, sides, runs, shots)
    except BuildError as error:
        return _trouble(native, Doubt.BUILD, str(error), now)
    except UnsafePatternError as error:
        return _trouble(native, Doubt.UNSUPPORTED, f"oracle's match: {error}", now)
    except SandboxUnavailableError as error:
        return _trouble(native, Doubt.ENVIRONMENT, str(error), now)
    limits = shots[-1].seen.limits if shots else ()
    return _verdict(native, sides, ruling, limits, now)


def reproduce_folder(
    folder: Path, cache: PackageCache, *, now: datetime, at_once: int = 1
) -> Verdict:
    """Reproduce the bundle of a folder, compiled or interpreted.

    `at_once` lets runs of an interpreted one go side by side.

    Raises: BundleError when the bundle cannot be used.
    """
    if is_native(folder):
        return reproduce_native(read_native_folder(folder), cache, now=now)
    return reproduce(read_folder(folder), cache, now=now, at_once=at_once)


def _prepare(native: NativeBundle, cache: PackageCache) -> _Sides:
    def side(*, vulnerable: bool, optimised: bool) -> Environment:
        built = build(native, cache, Side(vulnerable=vulnerable, optimised=optimised))
        return _disguised(native, cache, built, vulnerable=vulnerable)

    return _Sides(
        vulnerable=side(vulnerable=True, optimised=True),
        fixed=side(vulnerable=False, optimised=True),
        vulnerable_twin=side(vulnerable=True, optimised=False),
        fixed_twin=side(vulnerable=False, optimised=False),
    )


def _disguised(
    native: NativeBundle, cache: PackageCache, built: Environment, *, vulnerable: bool
) -> Environment:
    """Make two versions of a Python package look alike; two Debian builds do already."""
    bundle = native.bundle
    if native.build.recipe is not Recipe.PYTHON:
        return built
    shown = bundle.target.version or ""
    real = shown if vulnerable else bundle.fixed or shown
    return disguise.look_alike(cache, bundle.target, built, real=real, shown=shown)


def _run(native: NativeBundle, sides: _Sides) -> tuple[Runs, list[Shot]]:
    """Shoot at both sides in random order; give the answers and the vulnerable side's shots."""
    runs, shots, seconds = _series(native, sides, (REPEATS, REPEATS))
    if _settled(runs) and _has_code(native):
        left = chance.agreement(REPEATS, REPEATS)
        counts, left = chance.more_runs(left, 1, *seconds)
        more, later, _ = _series(native, sides, counts)
        runs = Runs(
            vulnerable=(*runs.vulnerable, *more.vulnerable),
            fixed=(*(runs.fixed or ()), *(more.fixed or ())),
            by_chance=left,
        )
        shots += later
    if not _settled(runs):
        return runs, shots
    with_twins = replace(
        runs,
        vulnerable_twin=fired(native, shoot(native, sides.vulnerable_twin), sides.vulnerable_twin),
        fixed_twin=alarmed(shoot(native, sides.fixed_twin)),
    )
    return with_twins, shots


def _series(
    native: NativeBundle, sides: _Sides, counts: tuple[int, int]
) -> tuple[Runs, list[Shot], tuple[float, float]]:
    """Shoot so many times at each side; give seconds a shot too."""
    order = [True] * counts[0] + [False] * counts[1]
    secrets.SystemRandom().shuffle(order)
    answers: dict[bool, list[bool]] = {True: [], False: []}
    seconds = {True: 0.0, False: 0.0}
    shots: list[Shot] = []
    for vulnerable in order:
        started = time.monotonic()
        shot = shoot(native, sides.vulnerable if vulnerable else sides.fixed)
        seconds[vulnerable] += time.monotonic() - started
        if vulnerable:
            shots.append(shot)
        answers[vulnerable].append(
            fired(native, shot, sides.vulnerable) if vulnerable else alarmed(shot)
        )
    runs = Runs(vulnerable=tuple(answers[True]), fixed=tuple(answers[False]))
    return runs, shots, (seconds[True] / counts[0], seconds[False] / counts[1])


def _settled(runs: Runs) -> bool:
    return all(runs.vulnerable) and not any(runs.fixed or ())


def _has_code(native: NativeBundle) -> bool:
    """Say whether code of the bundle's own runs in the process that makes the report."""
    return native.build.harness is not None or native.build.recipe is Recipe.PYTHON


def _rule(native: NativeBundle, sides: _Sides, runs: Runs, shots: list[Shot]) -> Ruling:
    noun = f"{native.build.sanitizer} sanitizer"
    if not all(runs.vulnerable):
        return judge(runs, None, changed=None, noun=noun)
    reached = _reached(native, sides.vulnerable, shots[0])
    changed = sides.vulnerable.sha256 != sides.fixed.sha256
    return judge(runs, reached, changed=changed, noun=noun)


def _reached(native: NativeBundle, environment: Environment, shot: Shot) -> Reached:
    """Name the target's functions on the stack of the fault."""
    frames = () if shot.report is None else shot.report.frames
    modules = own_modules(native, environment)
    own = [one for one in frames if one.module in modules]
    names = _names(environment, [(one.module, one.offset) for one in own])
    files = [one.module.removeprefix(f"{TARGET}/") for one in own]
    functions = (
        Function(file=file, name=name, text="") for file, name in zip(files, names, strict=True)
    )
    return Reached(
        functions=tuple(dict.fromkeys(functions)),
        files=tuple(sorted(set(files))),
        inspected=(),
        noted=True,
    )


def _names(environment: Environment, places: list[tuple[str, str]]) -> list[str]:
    """Ask for the functions' names, in the sandbox: the module's tables are a stranger's too."""
    found = []
    for module, offset in places:
        job = Job(
            argv=("addr2line", "-f", "-C", "-e", module, offset),
            mounts=(Mount(source=environment.folder, target=TARGET),),
            limits=Limits(wall_s=30),
        )
        line = run(job).stdout.decode("utf-8", "replace").partition("\n")[0][:100]
        known = bool(line) and not line.startswith("??")
        found.append(line if known else f"{PurePosixPath(module).name}+{offset}")
    return found


def _verdict(
    native: NativeBundle,
    sides: _Sides,
    ruling: Ruling,
    limits: tuple[EnforcedLimit, ...],
    now: datetime,
) -> Verdict:
    doubtful = (_HARNESS,) if _has_code(native) and ruling.level >= Level.E3 else ()
    return Verdict(
        level=ruling.level,
        kind=ruling.kind,
        reason=ruling.reason,
        doubt=ruling.doubt,
        not_established=(*ruling.not_established, *doubtful),
        inputs=(
            InputHash(name="bundle", sha256=native.bundle.sha256),
            InputHash(name="vulnerable environment", sha256=sides.vulnerable.sha256),
            InputHash(name="fixed environment", sha256=sides.fixed.sha256),
        ),
        limits=tuple(
            Limit(name=one.name, value=one.value, enforced_by=one.enforced_by) for one in limits
        ),
        rules=RULES,
        decided_at=now,
    )


def _trouble(native: NativeBundle, doubt: Doubt, reason: str, now: datetime) -> Verdict:
    attempted = "not attempted" not in reason
    return Verdict(
        level=Level.E0,
        kind=VerdictKind.INCONCLUSIVE if attempted else VerdictKind.NOT_ATTEMPTED,
        doubt=doubt if attempted else None,
        reason=reason,
        not_established=("Not attempted: running the proof.",),
        inputs=(InputHash(name="bundle", sha256=native.bundle.sha256),),
        rules=RULES,
        decided_at=now,
    )
