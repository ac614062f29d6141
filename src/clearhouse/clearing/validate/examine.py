"""Examine a report as deep as this machine can: claims, source, scope, reproduction.

In come the draft with its files, local knowledge, a cache of packages and the instant; out comes
one verdict. It shows the highest level reached; every step that could not be taken is named under
what is not established, with the reason.

A reproduced flaw outweighs a wrong detail in the report: the detail stays listed as contradicted.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from clearhouse.bench.sandbox.host.record import SandboxUnavailableError
from clearhouse.clearing.deconflict.known import Known
from clearhouse.clearing.intake.record import Draft
from clearhouse.clearing.validate.attached import bundle_files
from clearhouse.clearing.validate.claims.source import check_source
from clearhouse.clearing.validate.claims.target import resolves
from clearhouse.clearing.validate.record import (
    Claim,
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
from clearhouse.clearing.validate.reproduce.packages import BuildError, PackageCache
from clearhouse.clearing.validate.reproduce.reproduce import reproduce
from clearhouse.clearing.validate.rules import check_claims, decide
from clearhouse.clearing.validate.scope import Scope, check_scope, profile_for
from clearhouse.clearing.validate.sources import claimed_version, fetch, newest_version

RULES = "examine/1"
_PLACES = {Claim.FILE, Claim.SYMBOL, Claim.LINE, Claim.SNIPPET}
_E1_CLAIMS = _PLACES | {Claim.VERSION, Claim.VERSION_RANGE, Claim.COMMIT, Claim.FRAME}


@dataclass(frozen=True, kw_only=True, slots=True)
class _Looked:
    """What looking at the source gave, or why nobody could."""

    checks: tuple[ClaimCheck, ...] = ()
    missing: str | None = None


def examine(
    draft: Draft,
    known: Known,
    cache: PackageCache,
    *,
    now: datetime,
    inputs: tuple[InputHash, ...] = (),
) -> Verdict:
    """Examine a report.

    Raises: PolicyError or ProfileError when a project profile of ours is broken.
    """
    looked = _look(draft, known, cache)
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


def _look(draft: Draft, known: Known, cache: PackageCache) -> _Looked:
    """Look the cited places up in the claimed release and the newest one."""
    if not draft.locations or not resolves(draft) or draft.purl is None:
        return _Looked()
    version, newest = claimed_version(draft, known), newest_version(draft.purl, known)
    if version is None or newest is None:
        return _Looked(missing="Not looked up: no release list says which versions exist.")
    try:
        claimed_tree = fetch(cache, draft.purl, version)
        newest_tree = fetch(cache, draft.purl, newest)
    except (BuildError, SandboxUnavailableError) as error:
        return _Looked(missing=f"Not looked up: the source could not be had ({error}).")
    return _Looked(checks=tuple(check_source(draft, claimed_tree, newest_tree)))


def _merge(
    first: tuple[ClaimCheck, ...], looked: tuple[ClaimCheck, ...], scope: Scope
) -> tuple[ClaimCheck, ...]:
    """Put what the source says in the place of "not looked at"."""
    kept = first if not looked else tuple(one for one in first if one.claim not in _PLACES)
    return (*kept, *looked, *scope.checks)


def _with_scope(verdict: Verdict, scope: Scope) -> Verdict:
    if scope.excluded_by is None or verdict.contradicted:
        return verdict
    return replace(
        verdict,
        kind=VerdictKind.OUT_OF_SCOPE,
        reason=f"{scope.profile}, {scope.excluded_by.name}: {scope.excluded_by.text}",
    )


def _level(draft: Draft, checks: tuple[ClaimCheck, ...], looked: _Looked) -> Level | None:
    """E1 needs that places were cited, looked up, and that all of them hold."""
    if not resolves(draft):
        return None
    relevant = [one for one in checks if one.claim in _E1_CLAIMS]
    all_hold = all(one.result is ClaimResult.HOLDS for one in relevant)
    return Level.E1 if looked.checks and all_hold else Level.E0


def _open(words: tuple[str, ...], looked: _Looked) -> tuple[str, ...]:
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
