"""What overlaps, what may be told of it, and whether a lease is granted; pure functions.

In: a claim, the leases of others, what maintainers allow, the policy and the time. Out: what is
granted, what overlaps, or why not. Two scopes overlap when they have the same target, a path, a
version and an instant in common; what cannot be compared is taken to overlap. A lease whose holder
lets nothing be told reserves nothing, and still counts for the maintainers' pacing.
"""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta

from clearhouse.clearing.deconflict.leases.record import (
    Claim,
    Coverage,
    Disclosure,
    LeasePolicy,
    Limit,
    Overlap,
    Overlapping,
    Scope,
    Standing,
    Taken,
)
from clearhouse.clearing.deconflict.refusal import Refusal
from clearhouse.formats import purl, vers

MOST_PATHS = 200
_ADDRESS = re.compile(r"https://([A-Za-z0-9.-]+(?::\d+)?)/([\w./~-]+)")
_COMMIT = re.compile("[0-9a-f]{7,64}")
_LEVELS = tuple(Disclosure)
_SKEW = timedelta(minutes=5)


def target_of(text: str) -> str:
    """Return the one spelling of a target.

    Raises: ValueError when it is neither a package URL nor the https address of a repository.
    """
    if text.startswith("pkg:"):
        return purl.identity(text)
    found = _ADDRESS.fullmatch(text)
    if found is None:
        raise ValueError("name a target as pkg:type/name or https://host/owner/repository")
    # Hosts of repositories tell no capital from a small letter in the path either.
    return f"https://{found[1]}/{found[2].strip('/')}".lower().removesuffix(".git")


def path_of(text: str) -> str:
    """Return the one spelling of a path below the root.

    Raises: ValueError when it leads outside.
    """
    parts = [part for part in text.replace("\\", "/").split("/") if part not in {"", "."}]
    if ".." in parts:
        raise ValueError("a path stays below the root of its target")
    return "/".join(parts)


def cleaned(scope: Scope) -> Scope:
    """Return a scope in its one spelling.

    Raises: ValueError that names what is wrong.
    """
    paths = sorted({path_of(one) for one in scope.paths})
    if len(paths) > MOST_PATHS:
        raise ValueError(f"a lease names at most {MOST_PATHS} paths")
    if scope.starts.tzinfo is None or scope.until.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    versions = None if scope.versions is None else str(vers.parse(scope.versions))
    return Scope(
        target=target_of(scope.target),
        starts=scope.starts,
        until=scope.until,
        paths=() if "" in paths else tuple(paths),
        versions=None if versions is not None and versions.endswith("/*") else versions,
    )


def paths_overlap(one: Sequence[str], other: Sequence[str]) -> bool:
    """Say whether a file may lie in both; no paths stand for every file."""
    if not one or not other:
        return True
    return any(_below(a, b) or _below(b, a) for a in one for b in other)


def versions_overlap(one: str | None, other: str | None) -> tuple[bool, bool]:
    """Say whether a version may lie in both ranges, and whether that is a guess."""
    if one is None or other is None:
        return True, False
    try:
        return vers.intersects(vers.parse(one), vers.parse(other)), False
    except vers.VersError:
        return True, True


def overlap(one: Scope, other: Scope) -> tuple[bool, bool]:
    """Say whether two scopes overlap, and whether that is a guess."""
    meet, unsure = versions_overlap(one.versions, other.versions)
    together = (
        one.target == other.target
        and one.starts < other.until
        and other.starts < one.until
        and paths_overlap(one.paths, other.paths)
        and meet
    )
    return together, together and unsure


def told(taken: Taken, *, unsure: bool) -> Overlap:
    """Return what may be told of a lease: as much as its holder allows."""
    level = _LEVELS.index(taken.disclosure)
    what = level >= _LEVELS.index(Disclosure.TOOL)
    return Overlap(
        until=taken.scope.until if level >= _LEVELS.index(Disclosure.WHEN) else None,
        tool=taken.tool if what else None,
        paths=taken.scope.paths if what else None,
        versions=taken.scope.versions if what else None,
        party=taken.party if level >= _LEVELS.index(Disclosure.PARTY) else None,
        unsure=unsure,
    )


def overlaps(scope: Scope, others: Sequence[Taken]) -> list[tuple[Taken, Overlap]]:
    """Return the leases that overlap and may be told of, with what is told."""
    found = []
    for one in others:
        together, unsure = overlap(scope, one.scope)
        if together and one.disclosure is not Disclosure.NOTHING:
            found.append((one, told(one, unsure=unsure)))
    return found


def decide(
    claim: Claim,
    others: Sequence[Taken],
    limit: Limit | None,
    standing: Standing,
    policy: LeasePolicy,
    now: datetime,
) -> tuple[Overlap, ...] | Overlapping | Refusal:
    """Grant a claim, with what its holder is told of others, or say why not.

    Others who use another class of tool do something else: they are told of, and stop nobody.
    """
    refusal = (
        _out_of_time(claim, policy, now)
        or _not_authorised(claim, policy)
        or _not_allowed(claim, limit)
        or _too_much(standing, policy)
        or _paced(claim, others, limit, policy)
    )
    if refusal is not None:
        return refusal
    found = overlaps(claim.scope, others)
    if any(one.tool is claim.tool for one, _ in found) and not (claim.share and policy.shared):
        return Overlapping(overlaps=tuple(said for _, said in found))
    return tuple(said for _, said in found)


def uncovered(scope: Scope, coverage: Sequence[Coverage]) -> Refusal | None:
    """Return what a coverage statement leaves out or gets wrong, None when it is whole."""
    if any(not _COMMIT.fullmatch(one.commit) for one in coverage):
        return Refusal(code="no-commit", reason="say at which commit, as its hexadecimal id")
    said = [path_of(one.path) for one in coverage]
    missing = [
        path for path in (scope.paths or ("",)) if not any(_below(path, one) for one in said)
    ]
    if missing:
        reason = f"say of {missing[0] or '.'} too whether it was scanned"
        return Refusal(code="not-covered", reason=reason)
    return None


def _below(path: str, folder: str) -> bool:
    return folder in ("", path) or path.startswith(f"{folder}/")


def _out_of_time(claim: Claim, policy: LeasePolicy, now: datetime) -> Refusal | None:
    scope = claim.scope
    if not scope.starts < scope.until or scope.until <= now or scope.starts < now - _SKEW:
        reason = "a lease begins now or later, and ends after that"
        return Refusal(code="no-such-time", reason=reason)
    if scope.until - scope.starts > policy.longest or scope.starts > now + policy.ahead:
        reason = (
            f"a lease is of at most {policy.longest.days} days and begins within"
            f" {policy.ahead.days}; claim it again when it ends"
        )
        return Refusal(code="too-long", reason=reason)
    return None


def _not_authorised(claim: Claim, policy: LeasePolicy) -> Refusal | None:
    given = claim.authorisation
    if given.safe_harbour != policy.safe_harbour:
        reason = (
            f"accept the present safe harbour text by its id, {policy.safe_harbour}: "
            f"{policy.safe_harbour_text}"
        )
        return Refusal(code="safe-harbour", reason=reason)
    if given.basis not in policy.bases[claim.tool]:
        reason = f"a {claim.tool} scan cannot stand on {given.basis}"
        return Refusal(code="not-authorised", reason=reason)
    if not given.reference.strip():
        reason = "say where the authorisation can be read"
        return Refusal(code="not-authorised", reason=reason)
    return None


def _not_allowed(claim: Claim, limit: Limit | None) -> Refusal | None:
    if limit is not None and limit.opted_out:
        reason = f"the maintainers do not want to be scanned: {limit.reference}"
        return Refusal(code="opted-out", reason=reason)
    if limit is not None and claim.tool in limit.barred_tools:
        reason = f"the maintainers bar this class of tool: {limit.reference}"
        return Refusal(code="tool-barred", reason=reason)
    return None


def _too_much(standing: Standing, policy: LeasePolicy) -> Refusal | None:
    if standing.owed:
        reason = "hand back the leases that have lapsed, with what was scanned, before claiming"
        return Refusal(code="statement-due", reason=reason)
    if standing.open >= policy.open_per_party:
        reason = f"a party holds at most {policy.open_per_party} leases; hand some back"
        return Refusal(code="too-many", reason=reason)
    return None


def _paced(
    claim: Claim, others: Sequence[Taken], limit: Limit | None, policy: LeasePolicy
) -> Refusal | None:
    """Count who is there at the fullest instant of the claim: it is a beginning, or the claim's."""
    most = policy.at_once_per_target
    if limit is not None and limit.at_once is not None:
        most = limit.at_once
    scope = claim.scope
    there = [
        one.scope
        for one in others
        if one.scope.starts < scope.until and scope.starts < one.scope.until
    ]
    instants = [max(scope.starts, one.starts) for one in there]
    fullest = max(
        (sum(one.starts <= at < one.until for one in there) for at in instants), default=0
    )
    if fullest < most:
        return None
    reason = f"this target takes {most} leases at once; ask for a later time"
    return Refusal(code="paced", reason=reason)
