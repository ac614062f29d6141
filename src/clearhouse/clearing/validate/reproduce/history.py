"""Find the first and the last released version on which a proof fires.

In come a bundle and the released versions in order; out comes the span that fires. The search
halves both sides of the bundle's own version, so it takes a flaw to be in one piece; one that was
fixed and came back is not noticed. Versions that cannot be built are left out and named. This is
how a wrong range in an advisory is found.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from clearhouse.bench.sandbox.host.record import SandboxUnavailableError
from clearhouse.clearing.validate.reproduce import disguise, trials
from clearhouse.clearing.validate.reproduce.bundle import Bundle, BundleError, read_folder
from clearhouse.clearing.validate.reproduce.native_build import Side, build
from clearhouse.clearing.validate.reproduce.native_bundle import (
    NativeBundle,
    Recipe,
    is_native,
    read_native_folder,
)
from clearhouse.clearing.validate.reproduce.native_shot import fired, shoot
from clearhouse.clearing.validate.reproduce.packages import BuildError, PackageCache
from clearhouse.clearing.validate.reproduce.releases import released_versions, source_of

Ask = Callable[[str], bool | None]
"""Whether the proof fires on a version; None when it could not be tried."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    """The versions on which a proof fires."""

    first: str
    last: str
    silent_before: str | None
    """The newest silent version below; None when the proof fires from the first version on."""
    silent_after: str | None
    """The oldest silent version above; None when it still fires on the newest."""
    untried: tuple[str, ...]
    """Versions that were asked about and could not be built or run."""
    tried: int


def find_span(versions: Sequence[str], known: str, ask: Ask) -> Span | None:
    """Search the released versions, oldest first, from one on which the proof should fire.

    None when it does not fire even there.
    """
    answers: dict[str, bool | None] = {}

    def fires(version: str) -> bool | None:
        if version not in answers:
            answers[version] = ask(version)
        return answers[version]

    if known not in versions or not fires(known):
        return None
    start = versions.index(known)
    below = _edge(list(reversed(versions[:start])), fires)
    above = _edge(list(versions[start + 1 :]), fires)
    return Span(
        first=below[0] or known,
        last=above[0] or known,
        silent_before=below[1],
        silent_after=above[1],
        untried=tuple(version for version in versions if answers.get(version, True) is None),
        tried=sum(answer is not None for answer in answers.values()),
    )


def _edge(versions: list[str], fires: Ask) -> tuple[str | None, str | None]:
    """Return the farthest version that fires and the nearest that is silent, going outwards."""
    usable = list(versions)
    low, high = -1, len(usable)
    while high - low > 1:
        middle = (low + high) // 2
        answer = fires(usable[middle])
        if answer is None:
            del usable[middle]
            high = min(high - 1, len(usable))
        elif answer:
            low = middle
        else:
            high = middle
    farthest = usable[low] if low >= 0 else None
    return farthest, usable[high] if high < len(usable) else None


def span_of(bundle: Bundle, versions: Sequence[str], cache: PackageCache) -> Span | None:
    """Search with real runs, every version presenting itself as the bundle's own."""
    shown_as = bundle.target.version or ""

    def ask(version: str) -> bool | None:
        try:
            real = cache.environment(bundle.target, version, bundle.requires)
            shown = disguise.look_alike(cache, bundle.target, real, real=version, shown=shown_as)
            return trials.try_once(bundle, shown).answer.fired
        except (BuildError, SandboxUnavailableError):
            return None

    return find_span(versions, shown_as, ask)


def span_of_native(
    native: NativeBundle, versions: Sequence[str], cache: PackageCache
) -> Span | None:
    """Search with sanitized builds of every version's published source.

    Raises: BundleError when the target is one Debian package, whose versions are not comparable.
    """
    if native.build.recipe is not Recipe.PYTHON:
        raise BundleError(
            "a Debian source package is built with and without a patch, not by version"
        )
    target = native.bundle.target
    stated = {target.version or "": native.build.sources}
    if native.bundle.fixed is not None:
        stated[native.bundle.fixed] = native.build.fixed_sources

    def ask(version: str) -> bool | None:
        try:
            sources = stated.get(version) or (source_of(target, version),)
            one = replace(native, build=replace(native.build, sources=sources))
            built = build(one, cache, Side(vulnerable=True))
            return fired(one, shoot(one, built), built)
        except (BuildError, SandboxUnavailableError):
            return None

    return find_span(versions, target.version or "", ask)


def span_of_folder(folder: Path, cache: PackageCache) -> Span | None:
    """Search the released versions of the package that a folder's bundle is about.

    Raises: BundleError; BuildError when the registry cannot be asked.
    """
    if is_native(folder):
        native = read_native_folder(folder)
        return span_of_native(native, released_versions(native.bundle.target), cache)
    bundle = read_folder(folder)
    return span_of(bundle, released_versions(bundle.target), cache)
