"""Look everything that a report cites up in the source: fetch, ask what is open, check.

In come the draft, local knowledge, the cache and the repositories that may be opened; out come the
checks and, where nothing could be looked at, the reason. A package is looked up in its registry, a
project with a repository in the commit or tag that the report names. Only what the trees do not
settle is searched in the history and in dependencies, since that takes long.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from clearhouse.clearing.deconflict.known import Known
from clearhouse.clearing.intake.record import AttachmentKind, Draft
from clearhouse.clearing.validate.claims.cited import citations, cited_refs
from clearhouse.clearing.validate.claims.elsewhere import Elsewhere, History, Names
from clearhouse.clearing.validate.claims.past import all_commits
from clearhouse.clearing.validate.claims.source import (
    Questions,
    check_source,
    open_questions,
)
from clearhouse.clearing.validate.claims.target import resolves
from clearhouse.clearing.validate.claims.tree import SourceTree
from clearhouse.clearing.validate.profiles import Profile, profile_for
from clearhouse.clearing.validate.record import ClaimCheck
from clearhouse.clearing.validate.reproduce.packages import BuildError
from clearhouse.clearing.validate.sources.allowed import Repositories
from clearhouse.clearing.validate.sources.claimed import claimed_version, newest_version
from clearhouse.clearing.validate.sources.repository import Repository
from clearhouse.clearing.validate.sources.shelf import SourceShelf
from clearhouse.clearing.validate.versions import parse_range, parse_version
from clearhouse.formats.purl import parse as parse_purl

_MAX_DEPENDENCIES = 25
_REQUIRES = re.compile(r"^Requires-Dist: ([A-Za-z0-9._-]+)([^\n]*)$", re.MULTILINE)
_PROOFS = {AttachmentKind.POC, AttachmentKind.REPRODUCER}
_REGISTRIES = {"pypi", "npm", "deb"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Looked:
    """What looking at the source gave, or why nobody could."""

    checks: tuple[ClaimCheck, ...] = ()
    places: tuple[str, ...] = ()
    """Releases and commits that were looked at."""
    missing: str | None = None
    """Why nothing, or not everything, was looked at, in words for the analyst."""


def look(draft: Draft, known: Known, shelf: SourceShelf, repositories: Repositories) -> Looked:
    """Look up what a report cites.

    Raises: PolicyError or ProfileError when a project profile of ours is broken.
    """
    if not resolves(draft) or draft.purl is None or not cites_anything(draft):
        return Looked()
    profile = profile_for(draft.purl)
    try:
        if parse_purl(draft.purl).type in _REGISTRIES:
            return _in_registry(draft, known, shelf, profile)
        return _in_repository(draft, shelf, repositories, profile)
    except BuildError as error:
        return Looked(missing=f"Not looked up: the source could not be had ({error}).")


def cites_anything(draft: Draft) -> bool:
    """Say whether a report names something that can be looked up in the source."""
    proofs = any(one.kind in _PROOFS for one in draft.attachments)
    return proofs or bool(citations(draft)) or bool(all_commits(draft))


def _in_registry(draft: Draft, known: Known, shelf: SourceShelf, profile: Profile) -> Looked:
    target = parse_purl(draft.purl or "")
    version = claimed_version(draft, known)
    if version is None:
        return Looked(missing="Not looked up: no release that exists is named.")
    claimed = shelf.release(target, version)
    newest = shelf.release(target, newest_version(draft.purl or "", known))
    asked = open_questions(draft, claimed, newest)
    elsewhere = _dependencies(asked, claimed, shelf, profile)
    checks = check_source(draft, claimed, newest, elsewhere)
    return Looked(checks=tuple(dict.fromkeys(checks)), places=(claimed.place, newest.place))


def _in_repository(
    draft: Draft, shelf: SourceShelf, repositories: Repositories, profile: Profile
) -> Looked:
    address = repository_of(draft, profile)
    if address is None:
        return Looked(missing="Not looked up: no repository of this project is known.")
    repository = repositories.open(address)
    tags = repository.tags()
    name, commit = claimed_commit(draft, repository, tags)
    claimed = repository.tree(commit, name)
    head = repository.head()
    newest = repository.tree(head)
    asked = open_questions(draft, claimed, newest)
    names = profile.names
    elsewhere = Elsewhere(history=_history(asked, repository, tags), names=names)
    found, searched = _search_owners(asked.names, names, shelf)
    elsewhere = replace(elsewhere, dependencies=found, dependencies_searched=searched)
    checks = check_source(draft, claimed, newest, elsewhere)
    return Looked(checks=tuple(dict.fromkeys(checks)), places=(claimed.place, newest.place))


def repository_of(draft: Draft, profile: Profile) -> str | None:
    """Return the address of the project's repository: the profile's, the purl's, the report's."""
    if profile.repository is not None:
        return profile.repository
    target = parse_purl(draft.purl or "")
    if target.type == "github" and target.namespace:
        return f"https://github.com/{target.namespace}/{target.name}"
    return draft.repository


def claimed_commit(
    draft: Draft, repository: Repository, tags: Mapping[str, str]
) -> tuple[str, str]:
    """Return name and object of the commit that a report speaks of.

    First what it links to or says it examined, then the version it tested, then the versions it
    lists, then the highest tag inside its range, else the newest commit.
    """
    stated = [one for one in (draft.tested_version, *draft.affected_versions) if one]
    versions = [one.strip().removeprefix("v") for one in stated]
    tagged = [tags[one] for one in versions if one in tags]
    inside = _highest_inside(draft, tags)
    linked = [one for one in cited_refs(draft) if one.lower() not in {"master", "main", "head"}]
    wanted = (*linked, *draft.commits, *tagged, *([inside] if inside else []))
    for name in wanted:
        commit = repository.resolve(name)
        if commit is not None:
            return name, commit
    head = repository.head()
    return head[:12], head


def _highest_inside(draft: Draft, tags: Mapping[str, str]) -> str | None:
    ranges = [parse_range("generic", one) for one in draft.affected_versions]
    best = None
    for version, tag in tags.items():
        parsed = parse_version("generic", version)
        inside = parsed is not None and any(one is not None and parsed in one for one in ranges)
        if inside and parsed is not None and (best is None or best[0] < parsed):
            best = parsed, tag
    return None if best is None else best[1]


def _history(asked: Questions, repository: Repository, tags: Mapping[str, str]) -> History:
    """Ask the history what the trees do not settle; what cannot be searched stays open."""
    names: Mapping[str, str] = {}
    searched = None
    wanted = [one for one in asked.names if one.isidentifier()]
    if wanted:
        try:
            names, searched = repository.search(wanted)
        except BuildError:
            searched = None
    return History(
        names=names,
        names_searched=searched,
        paths=dict(_fates(asked.paths, repository)),
        commits={one: repository.day(one) for one in asked.commits},
        tags=tags,
        fresh=repository.fresh,
    )


def _fates(paths: Sequence[str], repository: Repository) -> Iterator[tuple[str, str | None]]:
    for path in paths:
        try:
            yield path, repository.fate(path)
        except BuildError:
            continue  # a path that was not searched is absent, and then it is not denied


def _search_owners(
    wanted: Sequence[str], names: Names, shelf: SourceShelf
) -> tuple[dict[str, str], tuple[str, ...]]:
    """Search the dependencies whose prefixes tell that they would define a name."""
    owners = dict.fromkeys(one for name in wanted if (one := names.dependency(name)) is not None)
    return _search(wanted, list(owners), shelf)


def _search(
    wanted: Sequence[str], packages: Sequence[str], shelf: SourceShelf
) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return where names occur among packages, and the packages that could be looked at."""
    found: dict[str, str] = {}
    searched = []
    for package in packages:
        try:
            tree = shelf.release(parse_purl(package), None)
        except (BuildError, ValueError):
            continue
        searched.append(package)
        found.update({name: package for name in wanted if _has(name, tree)})
    return found, tuple(searched)


def _has(name: str, tree: SourceTree) -> bool:
    return name in tree.identifiers or tree.compiled


def _dependencies(
    asked: Questions, claimed: SourceTree, shelf: SourceShelf, profile: Profile
) -> Elsewhere:
    """Search what the package states it needs, when a name is not its own."""
    if not asked.names:
        return Elsewhere(names=profile.names)
    needed = stated_dependencies(claimed)[:_MAX_DEPENDENCIES]
    found, searched = _search(asked.names, needed, shelf)
    return Elsewhere(dependencies=found, dependencies_searched=searched, names=profile.names)


def stated_dependencies(tree: SourceTree) -> tuple[str, ...]:
    """Return the packages that a release states it needs at run time."""
    found: list[str] = []
    metadata = [text for path, text in tree.files.items() if path.endswith(".dist-info/METADATA")]
    for text in metadata[:1]:
        found.extend(
            f"pkg:pypi/{re.sub(r'[-_.]+', '-', name).lower()}"
            for name, rest in _REQUIRES.findall(text)
            if "extra ==" not in rest
        )
    try:
        manifest = json.loads(tree.files.get("package.json", "{}"))
    except (ValueError, RecursionError):
        manifest = {}
    stated = manifest.get("dependencies") if isinstance(manifest, dict) else None
    if isinstance(stated, dict):
        found.extend(f"pkg:npm/{name.replace('@', '%40')}" for name in stated)
    return tuple(dict.fromkeys(found))
