"""Say whether cited commits and versions exist in the project's repository.

A copy that is complete can deny a commit: one that is said to have introduced a flaw of a version
which the copy has must be in it; another one only when the copy is fresh. A fix may stand on a
branch that nobody has published yet, so it is never denied.
"""

from collections.abc import Iterator

from clearhouse.clearing.intake.record import Draft
from clearhouse.clearing.validate.claims.answer import contradicted, holds, uncheckable
from clearhouse.clearing.validate.claims.cited import cited_commits
from clearhouse.clearing.validate.claims.elsewhere import History
from clearhouse.clearing.validate.record import Claim, ClaimCheck

_PLACE = "the project's repository"


def check_past(draft: Draft, history: History) -> Iterator[ClaimCheck]:
    """Look up cited commits and versions."""
    for commit in all_commits(draft):
        if commit in history.commits:
            yield _commit(draft, commit, history)
    for version in _versions(draft):
        tag = history.tags.get(version.removeprefix("v"))
        if tag is not None:
            yield holds(Claim.VERSION, version, f"Tagged {tag}.", _PLACE)


def all_commits(draft: Draft) -> tuple[str, ...]:
    """Return every commit that the report cites."""
    roles = (draft.introduced_commit, draft.fixed_commit)
    return tuple(dict.fromkeys([*(one for one in roles if one), *cited_commits(draft)]))


def _commit(draft: Draft, commit: str, history: History) -> ClaimCheck:
    day = history.commits[commit]
    if day is not None:
        return holds(Claim.COMMIT, commit, f"A commit of {day}.", _PLACE)
    if commit == draft.fixed_commit:
        return uncheckable(Claim.COMMIT, commit, "Not there; a fix may not be public.", _PLACE)
    tagged = any(version.removeprefix("v") in history.tags for version in _versions(draft))
    introduced = commit == draft.introduced_commit and tagged
    if introduced or history.fresh:
        return contradicted(
            Claim.COMMIT, commit, "The complete repository has no such commit.", _PLACE
        )
    return uncheckable(
        Claim.COMMIT, commit, "Not in this copy, which may be older than the commit.", _PLACE
    )


def _versions(draft: Draft) -> tuple[str, ...]:
    stated = (draft.tested_version, *draft.affected_versions)
    return tuple(dict.fromkeys(one for one in stated if one and one[:1] in "v0123456789"))
