"""Run every proof of a suspected group on every fix, to tell same from different.

Two findings are the same bug when fixing one fixes the other. In come bundles of one package and
the versions that fix them; out comes a boolean matrix and what it says about each pair. A pair is
proven only when each proof is attributed, fires on its own vulnerable version every time, and every
answer in its rows agrees with itself. Released versions carry more than one change, so agreement
alone is the weaker word: `silenced together`. Disagreement is a proof of difference.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from clearhouse.clearing.validate.reproduce import disguise, trials
from clearhouse.clearing.validate.reproduce.bundle import Bundle
from clearhouse.clearing.validate.reproduce.native_build import Side
from clearhouse.clearing.validate.reproduce.native_build import build as build_side
from clearhouse.clearing.validate.reproduce.native_bundle import NativeBundle
from clearhouse.clearing.validate.reproduce.native_shot import fired, shoot
from clearhouse.clearing.validate.reproduce.packages import Environment, PackageCache
from clearhouse.clearing.validate.reproduce.patch_gate import prepare

REPEATS = 2


class Relation(StrEnum):
    """What the matrix says about two proofs."""

    DIFFERENT = "different"
    """Some build silences one and not the other: fixing one does not fix the other."""
    TOGETHER = "silenced-together"
    """Every build that silences one silences the other. A reason to look, no proof of sameness,
    unless one of the builds is a minimal patch."""
    SAME = "same"
    """As before, and a build whose only change is one fix silences both."""
    UNKNOWN = "unknown"
    """An answer is missing, or a proof does not fire where it should."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Build:
    """One build of the package."""

    name: str
    """Version, or version and patch."""
    minimal: bool = False
    """True when it differs from a vulnerable build by one minimal patch alone."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Matrix:
    """Answers of proofs on builds; None for one that disagreed with itself."""

    proofs: tuple[str, ...]
    builds: tuple[Build, ...]
    fires: Mapping[tuple[str, str], bool | None]
    """Proof and build name to whether its oracle fired."""

    def row(self, proof: str) -> tuple[bool | None, ...]:
        """Return one proof's answers in the order of the builds."""
        return tuple(self.fires.get((proof, build.name)) for build in self.builds)


def relate(matrix: Matrix, one: str, other: str) -> Relation:
    """Say what the matrix shows about two proofs."""
    rows = list(zip(matrix.builds, matrix.row(one), matrix.row(other), strict=True))
    if any(left is None or right is None for _, left, right in rows):
        return Relation.UNKNOWN
    if not any(left for _, left, _ in rows) or not any(right for _, _, right in rows):
        return Relation.UNKNOWN
    if any(left != right for _, left, right in rows):
        return Relation.DIFFERENT
    if any(build.minimal and not left for build, left, _ in rows):
        return Relation.SAME
    silenced = any(not left for _, left, _ in rows)
    return Relation.TOGETHER if silenced else Relation.UNKNOWN


def run_matrix(
    bundles: Mapping[str, Bundle], cache: PackageCache, *, repeats: int = REPEATS
) -> Matrix:
    """Run every bundle on the vulnerable and fixed versions of all of them, and on their patches.

    Raises: BuildError; SandboxUnavailableError; BundleError; ValueError when the bundles are about
    different packages.
    """
    _assert_one_package([bundle.target.identity for bundle in bundles.values()])
    builds = [Build(name=version) for version in _versions(tuple(bundles.values()))]
    fires: dict[tuple[str, str], bool | None] = {}
    for build in builds:
        for name, bundle in bundles.items():
            fires[name, build.name] = _answer(bundle, cache, build.name, repeats)
    for owner, bundle in bundles.items():
        if (plan := bundle.patch) is None:
            continue
        name = f"{plan.base or bundle.target.version} with the patch of {owner}"
        builds.append(Build(name=name, minimal=prepare(bundle, plan, cache).minimal))
        for proof, its in bundles.items():
            beside = replace(bundle, requires=its.requires)
            patched = prepare(beside, plan, cache).patched
            fires[proof, name] = _agreed(_fires(its, patched) for _ in range(repeats))
    return Matrix(proofs=tuple(bundles), builds=tuple(builds), fires=fires)


def run_native_matrix(
    natives: Mapping[str, NativeBundle], cache: PackageCache, *, repeats: int = REPEATS
) -> Matrix:
    """Run every compiled proof on both sides of all of them, with its own harness.

    A Debian package with one fix more is a build that differs by one patch alone.
    Raises: BuildError; SandboxUnavailableError; ValueError as above.
    """
    _assert_one_package([one.bundle.target.identity for one in natives.values()])
    builds: list[Build] = []
    fires: dict[tuple[str, str], bool | None] = {}
    for owner, host in natives.items():
        single = len(host.build.patches) == 1
        for side, word in ((Side(vulnerable=True), "without"), (Side(vulnerable=False), "with")):
            build = Build(name=f"{word} the fix of {owner}", minimal=single and not side.vulnerable)
            builds.append(build)
            for name, proof in natives.items():
                fires[name, build.name] = _native_answer(proof, host, cache, side, repeats)
    return Matrix(proofs=tuple(natives), builds=tuple(builds), fires=fires)


def _assert_one_package(identities: Sequence[str]) -> None:
    if len(set(identities)) != 1:
        raise ValueError("a matrix needs bundles of one package")


def _versions(bundles: Sequence[Bundle]) -> tuple[str, ...]:
    stated = (one for bundle in bundles for one in (bundle.target.version, bundle.fixed))
    return tuple(dict.fromkeys(one for one in stated if one is not None))


def _answer(bundle: Bundle, cache: PackageCache, version: str, repeats: int) -> bool | None:
    """Run one proof on one version; None when its runs disagree.

    Every version presents itself as the bundle's vulnerable one.
    """
    shown_as = bundle.target.version or version
    real = cache.environment(bundle.target, version, bundle.requires)
    shown = disguise.look_alike(cache, bundle.target, real, real=version, shown=shown_as)
    return _agreed(_fires(bundle, shown) for _ in range(repeats))


def _fires(bundle: Bundle, environment: Environment) -> bool:
    return trials.try_once(bundle, environment).answer.fired


def _native_answer(
    proof: NativeBundle, host: NativeBundle, cache: PackageCache, side: Side, repeats: int
) -> bool | None:
    """Run one compiled proof on one side of another's build; None when its runs disagree."""
    mine = replace(proof, build=replace(host.build, harness=proof.build.harness))
    built = build_side(mine, cache, side)
    return _agreed(fired(mine, shoot(mine, built), built) for _ in range(repeats))


def _agreed(answers: Iterable[bool]) -> bool | None:
    found = set(answers)
    return found.pop() if len(found) == 1 else None
