"""Judge a patch by running it: five steps, each with its own answer.

1. applies: every line of the patch stands at the stated base, without offset or fuzz.
2. silences: every proof of the finding fires on the base and is silent on the patched build.
3. project tests: the project's own tests pass on the base, and as many pass on the patched source.
4. regression test: fails before the patch and passes after it.
5. variants: other spellings of the proof that fire on the base are silent on the patched build.

A step that could not be tried is UNDECIDED, such as a suite that fails before the patch already:
that says something about this machine, nothing about the patch. Everything runs in the sandbox
without a network. A patch is a stranger's code like a proof; it could count its own tests wrongly,
so a person still reads it.
"""

import hashlib
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import islice
from pathlib import Path, PurePosixPath

from clearhouse.bench.sandbox.host import runtime
from clearhouse.bench.sandbox.host.record import MIB, Ended, Job, Limits, Mount, Observation
from clearhouse.bench.sandbox.host.run import run
from clearhouse.clearing.validate.record import (
    Claim,
    ClaimCheck,
    ClaimResult,
    InputHash,
    Level,
    Verdict,
    VerdictKind,
)
from clearhouse.clearing.validate.reproduce import disguise, trials, unified_diff
from clearhouse.clearing.validate.reproduce.archive import (
    Archive,
    ArchiveError,
    Tree,
    pack,
    unpack,
)
from clearhouse.clearing.validate.reproduce.bundle import Bundle
from clearhouse.clearing.validate.reproduce.judge import PATCH_UNCHECKED
from clearhouse.clearing.validate.reproduce.native_sources import fetch
from clearhouse.clearing.validate.reproduce.packages import (
    GUEST_NODE,
    GUEST_PYTHON,
    BuildError,
    Environment,
    PackageCache,
)
from clearhouse.clearing.validate.reproduce.patch_plan import CheckRun, PatchPlan
from clearhouse.clearing.validate.reproduce.unified_diff import PatchError
from clearhouse.clearing.validate.reproduce.variants import variants

REPEATS = 3
"""Runs of each proof on each build."""
VARIANTS_WANTED = 8
VARIANTS_TRIED = 32
_TREE = "/work/tree"
_LAY_OUT = f'mkdir {_TREE} && cd {_TREE} && tar -xf /work/tree.tar && exec "$@"'
CHECK_LIMITS = Limits(
    wall_s=240,
    cpu_s=300,
    memory_bytes=2048 * MIB,
    tmp_bytes=256 * MIB,
    pids=256,
)
_COUNTS = tuple(
    re.compile(one, re.MULTILINE)
    for one in (
        r"\b(\d{1,6}) passed\b",  # pytest
        r"^Ran (\d{1,6}) tests? in",  # unittest
        r"^# pass +(\d{1,6})",  # TAP
        r"\b(\d{1,6}) passing\b",  # mocha
        r"^(\d{1,6}) Tests 0 Failures",  # Unity
    )
)


class Step(StrEnum):
    """One question about a patch."""

    APPLIES = "applies"
    SILENCES = "silences"
    TESTS = "project-tests"
    REGRESSION = "regression-test"
    VARIANTS = "variants"


class Outcome(StrEnum):
    """The answer to one question."""

    HOLDS = "holds"
    FAILS = "fails"
    UNDECIDED = "undecided"
    """Not tried, or this machine cannot tell."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StepResult:
    """One question, its answer and why."""

    step: Step
    outcome: Outcome
    reason: str
    """One sentence, without words of the proof or the patch."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Gate:
    """What is established about one patch."""

    steps: tuple[StepResult, ...]
    patch_sha256: str | None
    """None when there was no patch to speak of."""

    @property
    def holds(self) -> bool:
        """Say whether every step holds."""
        return all(one.outcome is Outcome.HOLDS for one in self.steps)


@dataclass(frozen=True, kw_only=True, slots=True)
class Sides:
    """The source and what a proof sees of it, before and after the patch."""

    base_tree: Tree
    patched_tree: Tree
    base: Environment
    patched: Environment
    fixed: Environment | None
    """The release that holds the fix; None where there is none."""
    patch_sha256: str
    minimal: bool
    """True when the patch changes one place in one file."""


def run_gate(proofs: Sequence[Bundle], cache: PackageCache) -> Gate:
    """Judge the patch of the first bundle against the proofs of all of them.

    Raises: SandboxUnavailableError; BundleError when a proof cannot be run.
    """
    bundle = proofs[0]
    plan = bundle.patch
    if plan is None:
        raise ValueError("the bundle has no patch")
    try:
        sides = prepare(bundle, plan, cache)
    except PatchError as error:
        return stopped(Outcome.FAILS, f"The patch does not apply: {error}.")
    except (BuildError, ArchiveError) as error:
        return stopped(Outcome.UNDECIDED, f"The patched build could not be made: {error}.")
    steps = (
        _result(Step.APPLIES, Outcome.HOLDS, "Every line of the patch fits the stated base."),
        _silences(proofs, sides),
        _project_tests(bundle, plan.tests, sides, cache),
        _regression(bundle, plan.regression, sides, cache),
        _variants(bundle, sides),
    )
    return Gate(steps=steps, patch_sha256=sides.patch_sha256)


def with_gate(verdict: Verdict, gate: Gate) -> Verdict:
    """Add what is known about a patch to the verdict of a reproduced flaw."""
    if verdict.kind is not VerdictKind.REPRODUCED:
        return verdict
    answers = {
        Outcome.HOLDS: ClaimResult.HOLDS,
        Outcome.FAILS: ClaimResult.CONTRADICTED,
        Outcome.UNDECIDED: ClaimResult.UNCHECKABLE,
    }
    checks = tuple(
        ClaimCheck(
            claim=Claim.PATCH,
            subject=one.step,
            result=answers[one.outcome],
            reason=one.reason,
            looked_at="patch gate",
        )
        for one in gate.steps
    )
    digest = gate.patch_sha256
    kept = tuple(one for one in verdict.not_established if one != PATCH_UNCHECKED)
    missing = tuple(
        f"Patch, {one.step}: {one.reason}" for one in gate.steps if one.outcome is not Outcome.HOLDS
    )
    return replace(
        verdict,
        level=Level.E6 if gate.holds else verdict.level,
        reason=f"{verdict.reason} The patch holds in every step." if gate.holds else verdict.reason,
        checks=(*verdict.checks, *checks),
        not_established=(*missing, *kept),
        inputs=verdict.inputs
        + (() if digest is None else (InputHash(name="patch", sha256=digest),)),
    )


def prepare(bundle: Bundle, plan: PatchPlan, cache: PackageCache) -> Sides:
    """Apply the patch to the source and to what is installed from it.

    Raises: PatchError; ArchiveError; BuildError.
    """
    target = bundle.target
    base_version, shown = plan.base or target.version or "", target.version or ""
    if plan.source is None:
        raise BuildError("the bundle names no source that the patch applies to")
    tree = _tree(bundle, plan.source, cache)
    data = _patch_of(bundle, plan, tree, cache)
    changes = unified_diff.parse(data)
    patched_tree = unified_diff.apply(changes, tree)
    digest = hashlib.sha256(data).hexdigest()
    real = cache.environment(target, base_version, bundle.requires)
    changed = _installed(real, tree, patched_tree)
    patched = cache.derived(
        f"patched {real.sha256} {digest}", lambda content: _lay_over(content, real, changed)
    )

    def look(environment: Environment, version: str) -> Environment:
        return disguise.look_alike(cache, target, environment, real=version, shown=shown)

    fixed = None
    if bundle.fixed is not None:
        companions = tuple(one for one in real.versions if one[1] != base_version)
        fixed = cache.environment(target, bundle.fixed, bundle.requires, companions)
    return Sides(
        base_tree=tree,
        patched_tree=patched_tree,
        base=look(real, base_version),
        patched=look(patched, base_version),
        fixed=None if fixed is None else look(fixed, bundle.fixed or ""),
        patch_sha256=digest,
        minimal=len(changes) == 1 and len(changes[0].hunks) == 1,
    )


def _patch_of(bundle: Bundle, plan: PatchPlan, tree: Tree, cache: PackageCache) -> bytes:
    """Return the patch as a unified diff: the bundle's own, or made by its rule.

    Raises: PatchError; ArchiveError; BuildError.
    """
    if plan.diff is not None:
        return dict(bundle.files)[plan.diff]
    if plan.difference is None:
        raise BuildError("the bundle states no patch")
    other = _tree(bundle, plan.difference.archive, cache)
    return unified_diff.difference(tree, other, plan.difference.files)


def _tree(bundle: Bundle, archive: Archive, cache: PackageCache) -> dict[str, bytes]:
    target = bundle.target
    name = "/".join(part for part in (target.namespace, target.name) if part)
    return unpack(fetch(cache.folder, target.type, name, archive).read_bytes())


def _installed(real: Environment, tree: Tree, patched: Tree) -> dict[str, bytes | None]:
    """Say what the patch makes of the installed files: path to new content, None for removed.

    An installed file is the source's file when both are the same byte for byte.
    Raises: BuildError when no changed file is installed as it is, as in compiled packages.
    """
    changed = sorted(name for name in {*tree, *patched} if tree.get(name) != patched.get(name))
    own = {name: (real.folder / name).read_bytes() for name in real.own_files}
    found: dict[str, bytes | None] = {}
    folders: dict[PurePosixPath, PurePosixPath] = {}
    for source, data in tree.items():
        for name, installed in own.items():
            if installed == data and PurePosixPath(name).name == PurePosixPath(source).name:
                folders[PurePosixPath(source).parent] = PurePosixPath(name).parent
                if source in changed:
                    found[name] = patched.get(source)
    for source in changed:
        folder = folders.get(PurePosixPath(source).parent)
        if source not in tree and folder is not None:
            found[str(folder / PurePosixPath(source).name)] = patched[source]
    if not found:
        raise BuildError("the patch changes nothing that is installed as it stands in the source")
    return found


def _lay_over(
    content: Path, real: Environment, changed: Mapping[str, bytes | None]
) -> dict[str, object]:
    shutil.copytree(real.folder, content, dirs_exist_ok=True)
    own = set(real.own_files)
    for name, data in changed.items():
        place = content / name
        if data is None:
            place.unlink()
            own.discard(name)
        else:
            place.write_bytes(data)
            own.add(name)
    versions = [list(one) for one in real.versions]
    return {"kind": real.kind, "versions": versions, "own_files": sorted(own)}


def _silences(proofs: Sequence[Bundle], sides: Sides) -> StepResult:
    """Run every proof on the base and on the patched build."""
    silent = 0
    for proof in proofs:
        if not all(_fires(proof, sides.base) for _ in range(REPEATS)):
            reason = "A proof does not fire every time on the base of the patch."
            return _result(Step.SILENCES, Outcome.UNDECIDED, reason)
        silent += not any(_fires(proof, sides.patched) for _ in range(REPEATS))
    reason = f"{silent} of {len(proofs)} proofs are silent in {REPEATS} runs on the patched build."
    outcome = Outcome.HOLDS if silent == len(proofs) else Outcome.FAILS
    return _result(Step.SILENCES, outcome, reason)


def _fires(proof: Bundle, environment: Environment) -> bool:
    return trials.try_once(proof, environment).answer.fired


def _project_tests(
    bundle: Bundle, check: CheckRun | None, sides: Sides, cache: PackageCache
) -> StepResult:
    if check is None:
        return _result(Step.TESTS, Outcome.UNDECIDED, "The bundle names no tests of the project.")
    try:
        before = run_check(bundle, check, sides.base_tree, cache)
        after = run_check(bundle, check, sides.patched_tree, cache)
    except BuildError as error:
        return _result(Step.TESTS, Outcome.UNDECIDED, f"The tests could not be run: {error}.")
    return judge_tests(before, after, counted=True)


def _regression(
    bundle: Bundle, check: CheckRun | None, sides: Sides, cache: PackageCache
) -> StepResult:
    if check is None:
        return _result(Step.REGRESSION, Outcome.UNDECIDED, "The bundle holds no regression test.")
    try:
        before = run_check(bundle, check, sides.base_tree, cache)
        after = run_check(bundle, check, sides.patched_tree, cache)
    except BuildError as error:
        return _result(Step.REGRESSION, Outcome.UNDECIDED, f"It could not be run: {error}.")
    return judge_regression(before, after)


def judge_tests(before: Observation, after: Observation, *, counted: bool) -> StepResult:
    """Compare the project's tests before and after the patch.

    `counted` asks for a count of passed tests, which runners of interpreted projects print.
    """
    passed, left = tests_passed(before), tests_passed(after)
    if not _succeeded(before) or (counted and not passed):
        reason = f"The project's tests do not pass before the patch ({_how(before)})."
        return _result(Step.TESTS, Outcome.UNDECIDED, reason)
    if not _succeeded(after):
        reason = f"The project's tests pass before the patch and fail after it ({_how(after)})."
        return _result(Step.TESTS, Outcome.FAILS, reason)
    if counted and (left or 0) < (passed or 0):
        reason = f"After the patch {left or 0} of {passed} tests of the project still pass."
        return _result(Step.TESTS, Outcome.FAILS, reason)
    words = f"{left} tests of the project pass" if counted else "The project's tests pass"
    return _result(Step.TESTS, Outcome.HOLDS, f"{words} before and after the patch.")


def judge_regression(before: Observation, after: Observation) -> StepResult:
    """Compare the regression test before and after the patch."""
    if not _succeeded(after):
        reason = f"The regression test does not pass after the patch ({_how(after)})."
        return _result(Step.REGRESSION, Outcome.FAILS, reason)
    if _succeeded(before):
        reason = "The regression test passes without the patch too, so it tests something else."
        return _result(Step.REGRESSION, Outcome.FAILS, reason)
    if before.ended in {Ended.WALL_LIMIT, Ended.CPU_LIMIT, Ended.EXITED, Ended.SIGNALLED}:
        reason = "The regression test fails before the patch and passes after it."
        return _result(Step.REGRESSION, Outcome.HOLDS, reason)
    return _result(Step.REGRESSION, Outcome.UNDECIDED, f"Before the patch: {_how(before)}.")


def judge_variants(
    bundle: Bundle, counts: Callable[[Bundle], bool], survives: Callable[[Bundle], bool]
) -> StepResult:
    """Try variants until enough of them count; one that survives the patch is enough to fail.

    `counts` says whether a variant is still an attack, `survives` whether the patch lets it be.
    """
    fired = 0
    for one in islice(variants(bundle), VARIANTS_TRIED):
        if fired == VARIANTS_WANTED:
            break
        if not counts(one):
            continue
        fired += 1
        if survives(one):
            reason = "A variant of the proof still fires on the patched build."
            return _result(Step.VARIANTS, Outcome.FAILS, reason)
    if fired == 0:
        reason = "No variant of the proof fires on the base, so nothing was tried."
        return _result(Step.VARIANTS, Outcome.UNDECIDED, reason)
    reason = f"{fired} variants of the proof that fire on the base are silent after the patch."
    return _result(Step.VARIANTS, Outcome.HOLDS, reason)


def _variants(bundle: Bundle, sides: Sides) -> StepResult:
    """Try variants; one whose change blinded its own oracle fires on the fixed release too."""

    def counts(one: Bundle) -> bool:
        control = sides.fixed
        return _fires(one, sides.base) and (control is None or not _fires(one, control))

    return judge_variants(bundle, counts, lambda one: _fires(one, sides.patched))


def run_check(bundle: Bundle, check: CheckRun, tree: Tree, cache: PackageCache) -> Observation:
    """Run a command inside a source tree, with the package's companions beside it.

    Raises: BuildError; SandboxUnavailableError.
    """
    target = bundle.target
    needs = (*bundle.requires, *check.needs)
    beside = cache.environment(target, target.version or "", needs)
    placed = {**tree, **{name: data for name, data in bundle.files if name in check.files}}
    is_python = beside.kind == "pypi"
    program = runtime.python().program if is_python else runtime.node().program
    own = ":".join(f"{_TREE}/{one}".rstrip("/.") for one in check.path or (".",))
    job = Job(
        argv=("/bin/sh", "-eu", "-c", _LAY_OUT, "sh", str(program), *check.run[1:]),
        files=(("tree.tar", pack(placed)),),
        env=(
            ("PYTHONPATH", f"{own}:{GUEST_PYTHON}"),
            ("PYTHONSAFEPATH", "1"),
            ("PYTHONDONTWRITEBYTECODE", "1"),
            ("PYTHONNOUSERSITE", "1"),
            ("NO_COLOR", "1"),
        ),
        mounts=tuple(_mounts(beside)),
        hide=runtime.HIDDEN,
        limits=CHECK_LIMITS,
    )
    return run(job)


def _mounts(environment: Environment) -> Iterator[Mount]:
    is_python = environment.kind == "pypi"
    interpreter = runtime.python() if is_python else runtime.node()
    yield Mount(source=environment.folder, target=GUEST_PYTHON if is_python else GUEST_NODE)
    if interpreter.prefix is not None:
        yield Mount(source=interpreter.prefix, target=str(interpreter.prefix))


def tests_passed(seen: Observation) -> int | None:
    """Return how many tests a run says have passed; None when it says nothing."""
    text = (seen.stdout + b"\n" + seen.stderr).decode("utf-8", "replace")
    found = [int(one) for pattern in _COUNTS for one in pattern.findall(text)]
    return found[-1] if found else None


def _succeeded(seen: Observation) -> bool:
    return seen.ended is Ended.EXITED and seen.exit_code == 0


def _how(seen: Observation) -> str:
    return f"exit code {seen.exit_code}" if seen.ended is Ended.EXITED else str(seen.ended)


def _result(step: Step, outcome: Outcome, reason: str) -> StepResult:
    return StepResult(step=step, outcome=outcome, reason=reason)


def stopped(outcome: Outcome, reason: str) -> Gate:
    """End at the first step: nothing can be said about the others."""
    rest = (
        _result(one, Outcome.UNDECIDED, "Not tried, since there is no patched build.")
        for one in Step
        if one is not Step.APPLIES
    )
    return Gate(steps=(_result(Step.APPLIES, outcome, reason), *rest), patch_sha256=None)
