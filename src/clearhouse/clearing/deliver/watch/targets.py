"""Which names a component of an inventory can be found under, and why one cannot.

In: components as a file states them, and the ecosystems and vendors that the sources cover. Out: a
`Target` for each that can be matched, and an `Unchecked` for each that cannot, with what would
change that. Pure.

A binary package of a distribution is also looked up under the source package that it was built
from, where its package URL says which.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from clearhouse.clearing.deliver.watch.record import Unchecked
from clearhouse.formats import package_key
from clearhouse.formats.ecosystems import ecosystem_name
from clearhouse.formats.inventory import Component
from clearhouse.formats.purl import Purl, PurlError

_DISTRIBUTED: Final = frozenset({"apk", "deb", "rpm"})
_CODENAMES: Final = {
    "buster": "10", "bullseye": "11", "bookworm": "12", "trixie": "13", "bionic": "18.04",
    "focal": "20.04", "jammy": "22.04", "noble": "24.04",
}  # fmt: skip
_RELEASE: Final = re.compile(r"\d+(?:\.\d+)*")


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """One component under the names by which documents may call it."""

    component: Component
    names: tuple[tuple[str, str], ...]
    """Key and the version to compare, the surest name first."""
    release: str | None = None
    """Release of the distribution, as numbers."""


def targets(
    components: Sequence[Component], kinds: Collection[str]
) -> tuple[list[Target], list[Unchecked]]:
    """Return what can be matched, and what cannot."""
    found: list[Target] = []
    unchecked: list[Unchecked] = []
    for component in components:
        one = _target(component, kinds)
        if isinstance(one, Target):
            found.append(one)
        else:
            unchecked.append(one)
    return found, unchecked


def release_fits(claimed: str | None, installed: str | None) -> bool | None:
    """Answer whether a release that a document names is the installed one; None when unknown."""
    if claimed is None:
        return True
    wanted = _RELEASE.search(claimed)
    if wanted is None or installed is None:
        return None
    parts, own = wanted[0].split("."), installed.split(".")
    return own[: len(parts)] == parts


def _target(component: Component, kinds: Collection[str]) -> Target | Unchecked:
    purl: Purl | None = None
    if component.purl is not None:
        try:
            purl = package_key.read_purl(component.purl)
        except PurlError as error:
            return _unchecked(component, f"its package URL is wrong: {error}", "correct the purl")
    names = _names(component, purl)
    if not names:
        return _nameless(component)
    covered = [(key, version) for key, version in names if package_key.kind_of(key) in kinds]
    if not covered:
        what = " or ".join(sorted({_spoken(package_key.kind_of(key)) for key, _ in names}))
        reason = f"no source at hand has anything from {what}"
        return _unchecked(component, reason, "add a source that covers it")
    versioned = [(key, version) for key, version in covered if version]
    if not versioned:
        reason = component.remark or "its version is not stated"
        return _unchecked(component, reason, "state the installed version")
    return Target(
        component=component,
        names=tuple((key, version) for key, version in versioned if version),
        release=_release(purl) if purl is not None else None,
    )


def _names(component: Component, purl: Purl | None) -> list[tuple[str, str | None]]:
    names: list[tuple[str, str | None]] = []
    version = component.version
    if purl is not None:
        key = package_key.of_purl(component.purl or "")
        names += [(key, purl.version or version)] if key is not None else []
        names += _source_package(purl, version)
    elif component.ecosystem is not None:
        ecosystem = ecosystem_name(component.ecosystem) or component.ecosystem
        names.append((package_key.of_ecosystem(ecosystem, component.name), version))
    cpe = package_key.of_cpe(component.cpe or "")
    if cpe is not None:
        names.append((cpe[0], version or cpe[1]))
    named = package_key.of_product(component.vendor, component.name)
    if named is not None and purl is None:
        names.append((named, version))
    return names


def _source_package(purl: Purl, version: str | None) -> list[tuple[str, str | None]]:
    """Return the package that a binary was built from, as scanners write it: `name@version`."""
    upstream = dict(purl.qualifiers).get("upstream")
    if purl.type not in _DISTRIBUTED or not upstream:
        return []
    name, _, own = upstream.partition("@")
    key = package_key.of_purl(f"pkg:{purl.type}/{purl.namespace}/{name}")
    return [(key, own or purl.version or version)] if key is not None else []


def _spoken(kind: str) -> str:
    """Return an ecosystem or vendor in words."""
    type_, _, owner = kind.partition("|")
    return f"the vendor {owner}" if type_ in {"cpe", "name"} else f"{owner} {type_}".strip()


def _release(purl: Purl) -> str | None:
    distro = dict(purl.qualifiers).get("distro")
    if distro is None:
        return None
    word = distro.rpartition("-")[2].lower()
    match = _RELEASE.search(distro)
    return _CODENAMES.get(word) or (match[0] if match else None)


def _nameless(component: Component) -> Unchecked:
    if component.cpe is not None:
        return _unchecked(component, "its CPE name is wrong", "correct the CPE name")
    reason = "it has neither package URL nor CPE name, nor vendor and product"
    return _unchecked(component, reason, "add a package URL, or the vendor")


def _unchecked(component: Component, reason: str, action: str) -> Unchecked:
    return Unchecked(component=component, reason=reason, place=component.place, action=action)
