"""Judge the patch of a compiled target: the fix that a Debian source package carries.

The same five steps as `patch_gate`, on builds under AddressSanitizer. The base is the package with
all of its patches but the ones of this fix; series and fix are applied without fuzz. Tests are
compiled from the source of either side. Variants change the proof's input; where there is none,
they change the harness, and one that fires on both sides decides nothing then, since a changed
harness may break the library's contract.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import PurePosixPath

from clearhouse.bench.sandbox.host.record import Observation
from clearhouse.clearing.validate.reproduce.bundle import Bundle
from clearhouse.clearing.validate.reproduce.native_build import Side, build, check_source
from clearhouse.clearing.validate.reproduce.native_bundle import NativeBundle
from clearhouse.clearing.validate.reproduce.native_shot import alarmed, fired, shoot
from clearhouse.clearing.validate.reproduce.packages import (
    BuildError,
    Environment,
    PackageCache,
)
from clearhouse.clearing.validate.reproduce.patch_gate import (
    REPEATS,
    Gate,
    Outcome,
    Step,
    StepResult,
    judge_regression,
    judge_tests,
    judge_variants,
    stopped,
)
from clearhouse.clearing.validate.reproduce.patch_plan import CheckRun

_CODE = {".c", ".cc", ".cpp", ".h"}
_BASE, _PATCHED = Side(vulnerable=True), Side(vulnerable=False)


def run_native_gate(proofs: Sequence[NativeBundle], cache: PackageCache) -> Gate:
    """Judge the fix that the first bundle takes back, against the proofs of all of them.

    Raises: SandboxUnavailableError.
    """
    native = proofs[0]
    plan = native.bundle.patch
    if plan is None:
        raise ValueError("the bundle has no patch part")
    try:
        for side in (_BASE, _PATCHED):
            build(native, cache, side)
    except BuildError as error:
        return stopped(Outcome.UNDECIDED, f"A side could not be built: {error}.")
    reason = "The fix fits the package's other patches without fuzz, and both sides compile."
    steps = (
        StepResult(step=Step.APPLIES, outcome=Outcome.HOLDS, reason=reason),
        _silences(native, proofs, cache),
        _tests(native, plan.tests, cache),
        _regression(native, plan.regression, cache),
        _variants(native, cache),
    )
    return Gate(steps=steps, patch_sha256=None)


def _silences(
    owner: NativeBundle, proofs: Sequence[NativeBundle], cache: PackageCache
) -> StepResult:
    silent = 0
    for proof in proofs:
        mine = replace(proof, build=replace(owner.build, harness=proof.build.harness))
        base, patched = (build(mine, cache, side) for side in (_BASE, _PATCHED))
        if not all(fired(mine, shoot(mine, base), base) for _ in range(REPEATS)):
            reason = "A proof does not fire every time on the base of the patch."
            return StepResult(step=Step.SILENCES, outcome=Outcome.UNDECIDED, reason=reason)
        silent += not any(alarmed(shoot(mine, patched)) for _ in range(REPEATS))
    outcome = Outcome.HOLDS if silent == len(proofs) else Outcome.FAILS
    reason = f"{silent} of {len(proofs)} proofs are silent in {REPEATS} runs on the patched build."
    return StepResult(step=Step.SILENCES, outcome=outcome, reason=reason)


def _tests(native: NativeBundle, check: CheckRun | None, cache: PackageCache) -> StepResult:
    seen = _both(native, check, cache)
    if isinstance(seen, str):
        return StepResult(step=Step.TESTS, outcome=Outcome.UNDECIDED, reason=seen)
    return judge_tests(*seen, counted=False)


def _regression(native: NativeBundle, check: CheckRun | None, cache: PackageCache) -> StepResult:
    seen = _both(native, check, cache)
    if isinstance(seen, str):
        return StepResult(step=Step.REGRESSION, outcome=Outcome.UNDECIDED, reason=seen)
    return judge_regression(*seen)


def _both(
    native: NativeBundle, check: CheckRun | None, cache: PackageCache
) -> tuple[Observation, Observation] | str:
    """Run a test on both sides; a sentence when that cannot be done."""
    if check is None:
        return "The bundle names no such test."
    try:
        before = check_source(native, cache, _BASE, check)
        return before, check_source(native, cache, _PATCHED, check)
    except BuildError as error:
        return f"The test could not be run: {error}."


def _variants(native: NativeBundle, cache: PackageCache) -> StepResult:
    """Try variants of the input, or of the harness where there is no input."""
    data = tuple(one for one in native.bundle.files if PurePosixPath(one[0]).suffix not in _CODE)
    on_data = bool(data) and len(native.bundle.run) > 1
    code = tuple(one for one in native.bundle.files if one not in data)
    lasting: list[Bundle] = []

    def sided(one: Bundle, side: Side) -> tuple[NativeBundle, Environment]:
        whole = replace(one, files=(*code, *one.files)) if on_data else one
        changed = replace(native, bundle=whole)
        return changed, build(native if on_data else changed, cache, side)

    def counts(one: Bundle) -> bool:
        try:
            changed, base = sided(one, _BASE)
            if not fired(changed, shoot(changed, base), base):
                return False
            if on_data:
                return True
            changed, patched = sided(one, _PATCHED)
        except BuildError:
            return False
        if alarmed(shoot(changed, patched)):
            lasting.append(one)
            return False
        return True

    def survives(one: Bundle) -> bool:
        changed, patched = sided(one, _PATCHED)
        return alarmed(shoot(changed, patched))

    found = judge_variants(
        replace(native.bundle, files=data if on_data else code), counts, survives
    )
    if lasting and found.outcome is Outcome.HOLDS:
        return replace(found, reason=f"{found.reason[:-1]}; others change what the harness does.")
    return found
