"""Turn a bundle into jobs and run them.

The same files, command, paths and settings on both sides; only the read-only view of the installed
packages differs. What a proof could use in place of its target is kept away: the host's own
packages, the bundle's own copies of installed modules, and its folder on the module path when a
file there has the name of a module.
"""

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import PurePosixPath

from clearhouse.bench.sandbox.host import runtime
from clearhouse.bench.sandbox.host.record import Ended, Job, Limits, Mount, Observation
from clearhouse.bench.sandbox.host.run import run
from clearhouse.clearing.validate.reproduce.bundle import Bundle, BundleError, OracleKind
from clearhouse.clearing.validate.reproduce.oracles import Answer, ask, ask_growth
from clearhouse.clearing.validate.reproduce.packages import (
    GUEST_NODE,
    GUEST_PYTHON,
    Environment,
)
from clearhouse.clearing.validate.reproduce.views import fresh_view

_HOME = "/work/bundle"
_TRACE_PYTHON, _TRACE_NODE = "trace_python.py", "trace_node.cjs"
NOTES = "/out/notes.json"
COVERAGE = "/out/coverage"
_TRACED_SLOWDOWN = 6
_TRACED_LATE = 4
"""How many times longer a traced run may take that is still computing."""
_TRACE_START_S = 5.0
FULL_SPEED = Limits().cpus
ONE_PROCESSOR, HALF_SPEED = 1.0, 0.5
_PROCESSORS = threading.BoundedSemaphore(os.cpu_count() or 1)
"""Runs of this process that go side by side; those that must be steady come on top."""
_PREPARATION_S = 0.05
_LIMITS = {Ended.WALL_LIMIT, Ended.CPU_LIMIT, Ended.OUT_OF_MEMORY}
_PYTHON_NAMES = {"python", "python3"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Trial:
    """One run and the oracle's answer."""

    answer: Answer
    seen: Observation

    @property
    def cut_short(self) -> bool:
        """Say whether a limit ended the run before it showed anything: neither yes nor no."""
        return not self.answer.fired and self.seen.ended in _LIMITS

    @property
    def cost_s(self) -> float:
        """Return how long the processor was busy with it, its preparation included."""
        return _PREPARATION_S + (self.seen.wall_s if self.seen.cpu_s is None else self.seen.cpu_s)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Plan:
    """A command in the guest's terms."""

    language: str
    """`python`, `node` or `program`."""
    script: str | None
    """Path of the script in the guest."""
    arguments: tuple[str, ...]
    files: tuple[tuple[str, bytes], ...]


def try_once(
    bundle: Bundle, environment: Environment, *, cpus: float = FULL_SPEED, steady: bool = False
) -> Trial:
    """Run the proof once, untraced and at a place of its own, and ask its oracle.

    `cpus` is the share of processor time that the run gets, `steady` asks for it before other work.
    Raises: SandboxUnavailableError; BundleError when the command cannot be run.
    """
    with nullcontext() if steady else _PROCESSORS, fresh_view(environment) as shown:
        if bundle.oracle.kind is OracleKind.GROWTH:
            return _grow(bundle, shown)
        job = job_of(bundle, shown)
        seen = run(replace(job, limits=replace(job.limits, cpus=cpus, steady=steady)))
    return Trial(answer=ask(bundle.oracle, seen), seen=seen)


def trace(bundle: Bundle, environment: Environment, *, plain_s: float) -> Observation:
    """Run the proof once more with notes on what the target does, and limits of its own.

    `plain_s` is how long an untraced run took; a traced one that computes far longer is ended, with
    the notes that it has made until then. On a busy machine it gets that time on the processor.
    """
    job = _traced(bundle, environment)
    wall_s = min(job.limits.wall_s, _TRACE_START_S + plain_s * _TRACED_SLOWDOWN)
    cpu_s = min(job.limits.cpu_s, int(wall_s) + 1)
    limits = replace(job.limits, wall_s=wall_s, late_s=wall_s * _TRACED_LATE, cpu_s=cpu_s)
    with _PROCESSORS:
        return run(replace(job, limits=limits))


def control(environment: Environment, modules: tuple[str, ...]) -> Observation:
    """Only load these files of a Node.js target, to see what loading alone makes run."""
    script = "".join(f"try {{ require({path!r}) }} catch (e) {{}}\n" for path in modules)
    job = Job(
        argv=(str(runtime.node().program), "/work/control.js"),
        files=(("control.js", script.encode()),),
        env=(("NODE_V8_COVERAGE", COVERAGE),),
        mounts=_mounts(environment),
        hide=runtime.HIDDEN,
        collect=("/out",),
        limits=Limits(wall_s=60),
    )
    return run(job)


def job_of(bundle: Bundle, environment: Environment, *, size: int | None = None) -> Job:
    """Return the job of one plain run.

    Raises: BundleError when the command does not fit the bundle's kind of package.
    """
    plan = _plan(bundle, size)
    limits = bundle.limits
    oracle = bundle.oracle
    return Job(
        argv=(*_program(plan), *((plan.script,) if plan.script else ()), *plan.arguments),
        files=tuple((f"bundle/{name}", data) for name, data in plan.files),
        cwd=_HOME if plan.files else "/work",
        env=_env(plan, environment),
        mounts=_mounts(environment),
        hide=runtime.HIDDEN,
        limits=limits,
        collect=(oracle.path,) if oracle.path is not None else (),
    )


def _grow(bundle: Bundle, environment: Environment) -> Trial:
    """Run once per size and fit the exponent."""
    seconds = []
    for size in bundle.oracle.sizes:
        seen = run(job_of(bundle, environment, size=size))
        seconds.append(seen.wall_s if seen.cpu_s is None else seen.cpu_s)
    answer = ask_growth(bundle.oracle, bundle.oracle.sizes, seconds)
    return Trial(answer=answer, seen=replace(seen, cpu_s=sum(seconds)))


def _traced(bundle: Bundle, environment: Environment) -> Job:
    size = bundle.oracle.sizes[0] if bundle.oracle.sizes else None
    plan = _plan(bundle, size)
    job = job_of(bundle, environment, size=size)
    limits = replace(job.limits, cpu_s=job.limits.cpu_s * _TRACED_SLOWDOWN)
    if plan.language == "python" and plan.script is not None:
        argv = (
            *_program(plan),
            *(f"/work/guest/{_TRACE_PYTHON}", f"{GUEST_PYTHON}/", NOTES, plan.script),
            *plan.arguments,
        )
        placed, env = (_guest_file(_TRACE_PYTHON),), job.env
    elif plan.language == "node" and plan.script is not None:
        preload = ("--require", f"/work/guest/{_TRACE_NODE}")
        argv = (*_program(plan), *preload, plan.script, *plan.arguments)
        placed = (_guest_file(_TRACE_NODE),)
        env = (
            *job.env,
            ("NODE_V8_COVERAGE", COVERAGE),
            ("CLEARHOUSE_TARGET", GUEST_NODE),
            ("CLEARHOUSE_HOME", _HOME),
            ("CLEARHOUSE_NOTES", NOTES),
        )
    else:
        raise BundleError("what this command makes run cannot be traced")
    return replace(
        job, argv=argv, files=(*job.files, *placed), env=env, limits=limits, collect=("/out",)
    )


def _guest_file(name: str) -> tuple[str, bytes]:
    return f"guest/{name}", (files("clearhouse.bench.sandbox.guest") / name).read_bytes()


def _plan(bundle: Bundle, size: int | None) -> _Plan:
    """Read the command; inline code becomes a file so that it can be traced too."""
    program, *rest = (
        one.replace("{size}", str(size)) if size is not None else one for one in bundle.run
    )
    name = PurePosixPath(program).name
    language = "python" if name in _PYTHON_NAMES else "node" if name == "node" else "program"
    placed = bundle.files
    if language == "program":
        return _Plan(language=language, script=None, arguments=(program, *rest), files=placed)
    if len(rest) > 1 and rest[0] in {"-c", "-e"}:
        inline = "inline.py" if language == "python" else "inline.js"
        placed = (*placed, (inline, rest[1].encode()))
        rest = [inline, *rest[2:]]
    if not rest or rest[0] not in dict(placed):
        raise BundleError("the command does not run a file of the bundle")
    return _Plan(
        language=language,
        script=f"{_HOME}/{rest[0]}",
        arguments=tuple(rest[1:]),
        files=tuple(_harmless(placed)),
    )


def _harmless(placed: tuple[tuple[str, bytes], ...]) -> Iterator[tuple[str, bytes]]:
    """Leave out the bundle's own copies of installed packages."""
    for name, data in placed:
        if "node_modules" not in PurePosixPath(name).parts:
            yield name, data


def _program(plan: _Plan) -> tuple[str, ...]:
    if plan.language == "python":
        return (str(runtime.python().program), "-B", "-s")
    if plan.language == "node":
        return (str(runtime.node().program),)
    return ()


def _env(plan: _Plan, environment: Environment) -> tuple[tuple[str, str], ...]:
    path = GUEST_PYTHON if _shadows(plan, environment) else f"{GUEST_PYTHON}:{_HOME}"
    return (
        ("PYTHONPATH", path),
        ("PYTHONSAFEPATH", "1"),
        ("PYTHONDONTWRITEBYTECODE", "1"),
        ("PYTHONNOUSERSITE", "1"),
        ("PYTHONHASHSEED", "0"),
        ("NO_COLOR", "1"),
    )


def _shadows(plan: _Plan, environment: Environment) -> bool:
    """Say whether a file of the bundle would be taken for an installed or standard module."""
    mine = {PurePosixPath(name).parts[0].removesuffix(".py") for name, _ in plan.files}
    installed = {path.name.partition(".")[0] for path in environment.folder.iterdir()}
    return bool(mine & (installed | sys.stdlib_module_names))


def _mounts(environment: Environment) -> tuple[Mount, ...]:
    interpreter = runtime.python() if environment.kind == "pypi" else runtime.node()
    place = GUEST_PYTHON if environment.kind == "pypi" else GUEST_NODE
    shown = [Mount(source=environment.folder, target=place)]
    if interpreter.prefix is not None:
        shown.append(Mount(source=interpreter.prefix, target=str(interpreter.prefix)))
    return tuple(shown)
