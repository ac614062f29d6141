"""Examine a report as deep as this machine can: claims, source, scope, reproduction.

In come the draft with its files, local knowledge, a cache of packages and the instant; out comes
one verdict. It shows the highest level reached; every step that could not be taken is named under
what is not established, with the reason.

A reproduced flaw outweighs a wrong detail in the report: the detail stays listed as contradicted.
"""

from dataclasses import replace
from datetime import datetime

from clearhouse.clearing.deconflict.known import Known
from clearhouse.clearing.intake.record import Draft
from clearhouse.clearing.validate.attached import bundle_files
from clearhouse.clearing.validate.claims.target import resolves
from clearhouse.clearing.validate.ladder import CONSISTENT, PLACES
from clearhouse.clearing.validate.look import Looked, look
from clearhouse.clearing.validate.record import (
    ClaimCheck,
    ClaimResult,
    InputHash,
    Level,
    Verdict,
    VerdictKind,
)
from clearhouse.clearing.validate.reproduce.bundle import BundleError, read_files
from clearhouse.clearing.validate.reproduce.native import reproduce_native
from clearhouse.clearing.validate.reproduce.native_bundle import has_build, read_native
from clearhouse.clearing.validate.reproduce.packages import PackageCache
from clearhouse.clearing.validate.reproduce.reproduce import reproduce
from clearhouse.clearing.validate.rules import check_claims, decide
from clearhouse.clearing.validate.scope import Scope, check_scope, profile_for
from clearhouse.clearing.validate.sources.allowed import Repositories
from clearhouse.clearing.validate.sources.shelf import SourceShelf

RULES = "examine/2"


def examine(
    draft: Draft,
    known: Known,
    cache: PackageCache,
    *,
    now: datetime,
    inputs: tuple[InputHash, ...] = (),
    shelf: SourceShelf | None = None,
    repositories: Repositories | None = None,
) -> Verdict:
    """Examine a report.

    `shelf` and `repositories` are where sources come from; by default they stand beside the cache
    of packages, and the policy says which repositories may be opened.

    Raises: PolicyError or ProfileError when a project profile of ours is broken.
    """
    looked = look(
        draft,
        known,
        shelf or SourceShelf(cache.folder / "source"),
        repositories or Repositories.configured(cache.folder / "git"),
    )
    scope = check_scope(draft, profile_for(draft.purl))
    checks = _merge(check_claims(draft, known, now), looked.checks, scope)
    claimed = decide(draft, checks, decided_at=now, inputs=inputs)
    claimed = _with_scope(claimed, scope)
    claimed = replace(
        claimed,
        level=_level(draft, checks, looked),
        not_established=_open(claimed.not_established, looked),
        rules=RULES,
    )
    ran = _reproduced(draft, cache, now)
    return claimed if ran is None else _join(claimed, ran)


def _merge(
    first: tuple[ClaimCheck, ...], looked: tuple[ClaimCheck, ...], scope: Scope
) -> tuple[ClaimCheck, ...]:
    """Put what the source says in the place of "not looked at"."""
    answered = {(one.claim, one.subject) for one in looked}
    kept = (
        one
        for one in first
        if not looked or (one.claim not in PLACES and (one.claim, one.subject) not in answered)
    )
    return (*kept, *looked, *scope.checks)


def _with_scope(verdict: Verdict, scope: Scope) -> Verdict:
    if scope.excluded_by is None or verdict.contradicted:
        return verdict
    return replace(
        verdict,
        kind=VerdictKind.OUT_OF_SCOPE,
        reason=f"{scope.profile}, {scope.excluded_by.name}: {scope.excluded_by.text}",
    )


def _level(draft: Draft, checks: tuple[ClaimCheck, ...], looked: Looked) -> Level | None:
    """E1 needs that places were cited, looked up, and that all of them hold."""
    if not resolves(draft):
        return None
    relevant = [one for one in checks if one.claim in CONSISTENT]
    all_hold = all(one.result is ClaimResult.HOLDS for one in relevant)
    return Level.E1 if looked.checks and all_hold else Level.E0


def _open(words: tuple[str, ...], looked: Looked) -> tuple[str, ...]:
    return words if looked.missing is None else (*words, looked.missing)


def _reproduced(draft: Draft, cache: PackageCache, now: datetime) -> Verdict | str | None:
    """Run an attached bundle; a sentence when it cannot be used, None when there is none."""
    try:
        files = bundle_files(draft.attachments)
        if files is None:
            return None
        bundle = read_files(files)
        native = read_native(files) if has_build(files) else None
    except BundleError as error:
        return f"Not attempted: the attached bundle cannot be used ({error})."
    if draft.purl is not None and bundle.target.identity != draft.purl:
        return "Not attempted: the attached bundle is about another package."
    if native is not None:
        return reproduce_native(native, cache, now=now)
    return reproduce(bundle, cache, now=now)


def _join(claimed: Verdict, ran: Verdict | str) -> Verdict:
    """Join what the claims and what the runs say."""
    waiting = tuple(one for one in claimed.not_established if "proof of concept" not in one)
    if isinstance(ran, str):
        return replace(claimed, not_established=(*waiting, ran))
    settled = ran.kind is VerdictKind.REPRODUCED or claimed.kind is VerdictKind.NOT_ATTEMPTED
    levels = [one for one in (claimed.level, ran.level) if one is not None]
    return replace(
        claimed,
        level=max(levels, default=None),
        kind=ran.kind if settled else claimed.kind,
        doubt=ran.doubt if settled else None,
        reason=ran.reason if settled else f"{claimed.reason} The attached bundle: {ran.reason}",
        not_established=tuple(dict.fromkeys((*waiting, *ran.not_established))),
        inputs=(*claimed.inputs, *ran.inputs),
        limits=ran.limits,
    )
