"""Fetch the source of a release, so that cited places can be looked up.

In come a package and a version; out comes the tree of readable files, from the same cache that
reproduction uses. Nothing of the package is run.
"""

import re

from clearhouse.clearing.deconflict.known import Known
from clearhouse.clearing.intake.record import Draft
from clearhouse.clearing.validate.claims.source import SourceTree
from clearhouse.clearing.validate.reproduce.packages import Environment, PackageCache
from clearhouse.clearing.validate.versions import (
    Version,
    highest,
    parse_range,
    parse_version,
)
from clearhouse.formats.purl import Purl
from clearhouse.formats.purl import parse as parse_purl

_MAX_FILE = 2 << 20
_FINAL = re.compile(r"v?(?:\d+!)?\d+(?:\.\d+)*(?:\.post\d+)?")
"""Releases that are no pre-releases; other registries' spellings of those have letters too."""
_COMPILED = {".so", ".pyd", ".node", ".wasm"}


def claimed_version(draft: Draft, known: Known) -> str | None:
    """Return the release that a report speaks of: tested, listed, or the newest inside its range.

    None when the report names none that is known to be released.
    """
    if draft.purl is None:
        return None
    kind = parse_purl(draft.purl).type
    released = _released(known, draft.purl, kind)
    for stated in (draft.tested_version, *draft.affected_versions):
        version = parse_version(kind, stated) if stated else None
        if version is not None and version in released:
            return released[version]
    ranges = [parse_range(kind, stated) for stated in draft.affected_versions]
    inside = [one for one in released if any(span is not None and one in span for span in ranges)]
    if inside:
        return released[highest(inside)]
    return newest_version(draft.purl, known)


def newest_version(purl: str, known: Known) -> str | None:
    """Return the newest known release that is no pre-release."""
    released = _released(known, purl, parse_purl(purl).type)
    final = [one for one, name in released.items() if _FINAL.fullmatch(name)]
    return released[highest(final or list(released))] if released else None


def fetch(cache: PackageCache, purl: str, version: str) -> SourceTree:
    """Return the readable files of a release.

    Raises: BuildError; SandboxUnavailableError.
    """
    target = parse_purl(purl)
    return _tree(cache.environment(target, version), target, version)


def _released(known: Known, purl: str, kind: str) -> dict[Version, str]:
    names = known.releases(purl) or ()
    return {version: name for name in names if (version := parse_version(kind, name)) is not None}


def _tree(environment: Environment, target: Purl, version: str) -> SourceTree:
    prefix = "/".join(part for part in (target.namespace, target.name) if part) + "/"
    own = set(environment.own_files)
    mine, others = {}, {}
    for path in sorted(environment.folder.rglob("*")):
        name = path.relative_to(environment.folder).as_posix()
        if not path.is_file() or path.stat().st_size > _MAX_FILE or path.suffix in _COMPILED:
            continue
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        if name in own:
            shown = name.removeprefix(prefix) if environment.kind == "npm" else name
            mine[shown] = text
        else:
            others[name] = text
    compiled = any(name.endswith(tuple(_COMPILED)) for name in own)
    return SourceTree(version=version, files=mine, others=others, compiled=compiled)
