"""Say whether a claim is inside its project's scope, citing the clause.

In come a draft and the project's profile; out come checks. Only paths decide by themselves: when
every cited file lies in places that the profile excludes. What needs judgement (misuse of an
interface, trusted elements, an old version that shares its code with a supported one) is named as a
question for a person, never answered here.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from clearhouse.clearing.intake.record import Draft
from clearhouse.clearing.validate.claims.answer import holds, uncheckable
from clearhouse.clearing.validate.claims.cited import Origin, citations
from clearhouse.clearing.validate.profiles import Clause, Profile, ProfileError, profile_for
from clearhouse.clearing.validate.record import Claim, ClaimCheck
from clearhouse.clearing.validate.versions import Range, parse_range, parse_version

__all__ = ["Profile", "ProfileError", "Scope", "check_scope", "profile_for"]

_UNWANTED = {
    "cvss": "The project does not want CVSS in a report.",
    "severity": "The project does not want a severity in a report.",
    "markdown": "The project wants plain text without Markdown.",
}
_MARKDOWN = re.compile(r"^(?:#{1,6} |```|\* \*\*|\|[^|\n]+\|)", re.MULTILINE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Scope:
    """What the profile says about one report."""

    profile: str
    excluded_by: Clause | None
    """The clause under which every cited file falls; None when none does."""
    checks: tuple[ClaimCheck, ...]


def check_scope(draft: Draft, profile: Profile) -> Scope:
    """Ask the profile about a report."""
    cited = citations(draft)
    files = [one.file for one in cited if one.file and one.origin in {Origin.STATED, Origin.LINK}]
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
            profile.cite(excluded),
        )
    elif files:
        yield holds(Claim.SCOPE, ", ".join(files), "No excluded place is cited.", profile.name)
    yield from _support(draft, profile)
    for clause in profile.clauses:
        if not clause.globs:
            yield uncheckable(
                Claim.SCOPE,
                clause.name,
                f"For a person to judge: {clause.text}",
                profile.cite(clause),
            )
    for what in profile.forbids:
        if _carries(draft, what):
            yield uncheckable(Claim.SCOPE, what, _UNWANTED[what], profile.source or profile.name)


def _support(draft: Draft, profile: Profile) -> Iterator[ClaimCheck]:
    """Say whether the named versions get security fixes."""
    supported = profile.supported()
    stated = [one for one in (draft.tested_version, *draft.affected_versions) if one]
    if not supported or not stated:
        return
    answers = [_supports(one, supported) for one in stated]
    listed = "; ".join(profile.supported_versions)
    place = f"{profile.name} of {profile.as_of}" if profile.as_of else profile.name
    if any(answers):
        yield holds(Claim.SCOPE, ", ".join(stated), f"Supported: {listed}.", place)
    elif all(answer is False for answer in answers):
        yield uncheckable(
            Claim.SCOPE,
            ", ".join(stated),
            f"None of these versions gets security fixes; supported: {listed}. "
            "Is a supported one affected too?",
            place,
        )


def _supports(stated: str, supported: tuple[Range, ...]) -> bool | None:
    """Say whether a stated version is supported; None for what is not one version."""
    version = parse_version("generic", stated)
    if version is not None:
        return any(version in one for one in supported)
    span = parse_range("generic", stated)
    if span is None:
        return None
    edges = [bound.version for one in supported for bound in one.bounds if "=" in bound.comparator]
    return True if span.everything or any(one in span for one in edges) else None


def _carries(draft: Draft, what: str) -> bool:
    if what == "cvss":
        return bool(draft.cvss_vectors)
    if what == "severity":
        return bool(draft.severity)
    return _MARKDOWN.search(draft.description or "") is not None


def _matches(path: str, globs: tuple[str, ...]) -> bool:
    path = path.removeprefix("./").lstrip("/")
    return any(_pattern(glob).fullmatch(path) for glob in globs)


@cache
def _pattern(glob: str) -> re.Pattern[str]:
    """Read a glob: `**` for any folders, `*` inside one name."""
    parts = re.split(r"(\*\*/|\*\*|\*)", glob)
    signs = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*"}
    return re.compile("".join(signs.get(part, re.escape(part)) for part in parts))
