"""Run a compiled target once under its sanitizer, and say whether the declared error was seen.

In come a `NativeBundle` and one build of it; out comes a `Shot`: what the sandbox saw, and the
report, if one came with the exit code and the private log that were drawn for this run. Whether the
report counts is decided by the module that the fault lies in: the target's own, or not.
"""

import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass

from clearhouse.bench.sandbox.host import runtime
from clearhouse.bench.sandbox.host.cgroups import probe
from clearhouse.bench.sandbox.host.record import (
    Ended,
    Job,
    Mount,
    Observation,
    SandboxUnavailableError,
)
from clearhouse.bench.sandbox.host.run import run
from clearhouse.clearing.validate.reproduce import native_report
from clearhouse.clearing.validate.reproduce.native_build import PROGRAM, TARGET, compiler
from clearhouse.clearing.validate.reproduce.native_bundle import NativeBundle, Recipe, Sanitizer
from clearhouse.clearing.validate.reproduce.native_report import Report
from clearhouse.clearing.validate.reproduce.packages import Environment
from clearhouse.clearing.validate.reproduce.patterns import compile_pattern
from clearhouse.clearing.validate.reproduce.views import fresh_view

_HOME = "/work/bundle"
_EXIT_CODES = range(64, 120)
_NO_START = re.compile(
    rb"LeakSanitizer has encountered a fatal error|Shadow memory range interleaves"
    rb"|runtime does not come first|ReserveShadowMemoryRange failed"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Shot:
    """One run under a sanitizer."""

    seen: Observation
    report: Report | None
    """None when no report came with the exit code drawn for this run."""


def shoot(native: NativeBundle, environment: Environment) -> Shot:
    """Run the proof once and read its private log.

    Raises: SandboxUnavailableError, also when the sanitizer itself cannot run here.
    """
    code, place = secrets.choice(_EXIT_CODES), f"/out/{secrets.token_hex(8)}"
    with fresh_view(environment) as shown:
        seen = run(_job(native, shown, code, place))
    logs = [one.data for one in seen.collected if one.path.startswith(place)]
    if any(_NO_START.search(one) for one in (seen.stderr, *logs)):
        raise SandboxUnavailableError("the sanitizer cannot run on this machine")
    report = None
    if seen.ended is Ended.EXITED and seen.exit_code == code:
        read = (native_report.parse(one.decode("utf-8", "replace")) for one in logs)
        report = next((one for one in read if one is not None), None)
    return Shot(seen=seen, report=report)


def fired(native: NativeBundle, shot: Shot, environment: Environment) -> bool:
    """Say whether the declared error was reported, with the fault in the target."""
    own = own_modules(native, environment)
    if shot.report is None or not native_report.blames(shot.report, own):
        return False
    match = native.bundle.oracle.match
    return match is None or bool(compile_pattern(match).search(shot.report.kind))


def alarmed(shot: Shot) -> bool:
    """Say whether a run that must be silent was not: a report, or an end that is not its own.

    Raises: SandboxUnavailableError when it ran into a time limit, which shows neither.
    """
    if shot.seen.ended in {Ended.WALL_LIMIT, Ended.CPU_LIMIT}:
        raise SandboxUnavailableError("the build without the flaw did not finish in time")
    return shot.report is not None or shot.seen.ended is not Ended.EXITED


def own_modules(native: NativeBundle, environment: Environment) -> set[str]:
    """Return the modules that were compiled from the target's source alone."""
    if native.build.recipe is Recipe.C:
        return {f"{TARGET}/{environment.own_files[0]}"}
    return {f"{TARGET}/{one}" for one in environment.own_files if one.endswith(".so")}


def _job(native: NativeBundle, environment: Environment, code: int, place: str) -> Job:
    bundle = native.bundle
    leaks = native.build.sanitizer is Sanitizer.LEAK
    settings = {
        "log_path": place,
        "exitcode": code,
        "symbolize": 0,
        "detect_leaks": int(leaks),
        "abort_on_error": 0,
        "allocator_may_return_null": 1,
        "disable_coredump": 1,
    }
    options = ":".join(f"{name}={value}" for name, value in settings.items())
    held = "memory" in probe().folders
    return Job(
        argv=("/usr/bin/env", f"ASAN_OPTIONS={options}", *_command(native)),
        mounts=(Mount(source=environment.folder, target=TARGET), *_interpreter(native)),
        files=tuple((f"bundle/{name}", data) for name, data in bundle.files),
        cwd=_HOME,
        limits=bundle.limits,
        collect=("/out",),
        hide=runtime.HIDDEN,
        allow_ptrace=leaks or not held,
    )


def _command(native: NativeBundle) -> tuple[str, ...]:
    words = native.bundle.run
    if native.build.recipe is Recipe.C:
        return (f"{TARGET}/{PROGRAM}", *words[1:])
    return (
        f"LD_PRELOAD={compiler().runtime}",
        "PYTHONMALLOC=malloc",
        f"PYTHONPATH={TARGET}",
        "PYTHONSAFEPATH=1",
        "PYTHONDONTWRITEBYTECODE=1",
        *(str(runtime.python().program), "-s", f"{_HOME}/{words[1]}"),
    )


def _interpreter(native: NativeBundle) -> Iterator[Mount]:
    if native.build.recipe is Recipe.PYTHON and (prefix := runtime.python().prefix) is not None:
        yield Mount(source=prefix, target=str(prefix))
