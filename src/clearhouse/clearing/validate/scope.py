"""Say whether a claim is inside its project's scope, citing the clause.

In come a draft and the project's profile, which is data under `policies/projects/`; out come
checks. Only paths decide by themselves: when every cited file lies in places that the profile
excludes. What needs judgement (misuse of an interface, trusted elements) is named as a question for
a person, never answered here.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import cast

from clearhouse.clearing.intake.record import Draft
from clearhouse.clearing.validate.claims.answer import holds, uncheckable
from clearhouse.clearing.validate.record import Claim, ClaimCheck
from clearhouse.kernel import policy

PROFILES = ("curl-1", "cpython-1", "django-1", "nodejs-1", "linux-1")
DEFAULT = "default-1"


@dataclass(frozen=True, kw_only=True, slots=True)
class Clause:
    """One rule of a project."""

    name: str
    text: str
    globs: tuple[str, ...] = ()
    """Paths that the clause excludes; empty when a person has to judge."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Profile:
    """What one project counts as a vulnerability, and what it wants in a report."""

    id: str
    version: int
    applies_to: tuple[str, ...]
    source: str | None
    """Where the project states its policy."""
    clauses: tuple[Clause, ...]
    wants: tuple[str, ...]
    forbids: tuple[str, ...]
    """What a report to this project must not carry, for example `cvss`."""

    @property
    def name(self) -> str:
        """Id and version, as verdicts cite them."""
        return f"{self.id}/{self.version}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Scope:
    """What the profile says about one report."""

    profile: str
    excluded_by: Clause | None
    """The clause under which every cited file falls; None when none does."""
    checks: tuple[ClaimCheck, ...]


class ProfileError(ValueError):
    """A profile is not as it must be; the message names it and the field."""


def profile_for(purl: str | None) -> Profile:
    """Return the profile of a package, or the default one.

    Raises: ProfileError; PolicyError.
    """
    for name in PROFILES:
        profile = load_profile(name)
        if purl in profile.applies_to:
            return profile
    return load_profile(DEFAULT)


@cache
def load_profile(name: str) -> Profile:
    """Read one profile.

    Raises: ProfileError; PolicyError when it is missing or not YAML.
    """
    return read_profile(name, policy.load(f"projects/{name}"))


def read_profile(name: str, document: Mapping[str, object]) -> Profile:
    """Turn a document into a profile.

    Raises: ProfileError naming the field that is wrong.
    """
    source, version = document.get("source"), document.get("version")
    if not isinstance(version, int):
        raise ProfileError(f"{name}: version is not a number")
    return Profile(
        id=str(document.get("id")),
        version=version,
        applies_to=tuple(_texts(name, document, "applies_to")),
        source=source if isinstance(source, str) else None,
        clauses=(
            *_clauses(name, document, "excluded_paths"),
            *_clauses(name, document, "clauses"),
        ),
        wants=tuple(_texts(name, document, "wants")),
        forbids=tuple(_texts(name, document, "forbids")),
    )


def check_scope(draft: Draft, profile: Profile) -> Scope:
    """Ask the profile about a report."""
    files = [place.file for place in draft.locations if place.file]
    excluded = next(
        (
            clause
            for clause in profile.clauses
            if files and clause.globs and all(_matches(file, clause.globs) for file in files)
        ),
        None,
    )
    return Scope(
        profile=profile.name,
        excluded_by=excluded,
        checks=tuple(_checks(draft, profile, files, excluded)),
    )


def _checks(
    draft: Draft, profile: Profile, files: list[str], excluded: Clause | None
) -> Iterator[ClaimCheck]:
    if excluded is not None:
        yield uncheckable(
            Claim.SCOPE,
            ", ".join(files),
            f"Every cited file falls under {excluded.name}: {excluded.text}",
            profile.name,
        )
    elif files:
        yield holds(Claim.SCOPE, ", ".join(files), "No excluded place is cited.", profile.name)
    for clause in profile.clauses:
        if not clause.globs:
            yield uncheckable(
                Claim.SCOPE, clause.name, f"For a person to judge: {clause.text}", profile.name
            )
    if "cvss" in profile.forbids and draft.cvss_vectors:
        yield uncheckable(
            Claim.SCOPE, "cvss", "The project does not want CVSS in a report.", profile.name
        )


def _matches(path: str, globs: tuple[str, ...]) -> bool:
    path = path.removeprefix("./").lstrip("/")
    return any(_pattern(glob).fullmatch(path) for glob in globs)


@cache
def _pattern(glob: str) -> re.Pattern[str]:
    """Read a glob: `**` for any folders, `*` inside one name."""
    parts = re.split(r"(\*\*/|\*\*|\*)", glob)
    signs = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*"}
    return re.compile("".join(signs.get(part, re.escape(part)) for part in parts))


def _clauses(name: str, document: Mapping[str, object], field: str) -> Iterator[Clause]:
    stated = document.get(field, [])
    if not isinstance(stated, list):
        raise ProfileError(f"{name}: {field} is not a list")
    for one in cast("list[object]", stated):
        if not isinstance(one, dict) or not {"clause", "text"} <= one.keys():
            raise ProfileError(f"{name}: an entry of {field} needs clause and text")
        globs = tuple(_texts(name, one, "globs"))
        if field == "excluded_paths" and not globs:
            raise ProfileError(f"{name}: {one['clause']} needs globs")
        yield Clause(name=str(one["clause"]), text=str(one["text"]), globs=globs)


def _texts(name: str, document: Mapping[str, object], field: str) -> Iterator[str]:
    stated = document.get(field, [])
    if not isinstance(stated, list):
        raise ProfileError(f"{name}: {field} is not a list")
    yield from (str(one) for one in stated)
