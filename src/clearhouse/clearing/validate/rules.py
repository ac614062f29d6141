"""Decide what a report establishes without running or downloading anything: E0 and part of E1.

In come the draft, local knowledge and the instant; out come claim checks and a verdict. No clock,
no store, no network. The verdict is CONTRADICTED when at least one claim is; otherwise it is
NOT_ATTEMPTED, because nothing has been executed, and it lists what has not been checked.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime

from clearhouse.clearing.deconflict.known import Known
from clearhouse.clearing.intake.record import Attachment, AttachmentKind, Draft
from clearhouse.clearing.validate.claims.commits import check_commits
from clearhouse.clearing.validate.claims.crash import check_crash
from clearhouse.clearing.validate.claims.identifiers import check_ids
from clearhouse.clearing.validate.claims.pending import check_pending
from clearhouse.clearing.validate.claims.ranges import check_ranges
from clearhouse.clearing.validate.claims.releases import check_versions
from clearhouse.clearing.validate.claims.severity import check_severity
from clearhouse.clearing.validate.claims.subject import check_subject
from clearhouse.clearing.validate.claims.target import check_target, resolves
from clearhouse.clearing.validate.record import (
    Claim,
    ClaimCheck,
    ClaimResult,
    InputHash,
    Level,
    Verdict,
    VerdictKind,
)

RULES = "claims/1"
"""Version of these rules; every verdict names it."""

_CHECKS: tuple[Callable[[Draft, Known, datetime], Iterator[ClaimCheck]], ...] = (
    check_versions,
    lambda draft, _, __: check_ranges(draft),
    check_ids,
    lambda draft, _, __: check_commits(draft),
    lambda draft, known, _: check_subject(draft, known),
    lambda draft, _, __: check_severity(draft),
    lambda draft, _, __: check_crash(draft),
    lambda draft, _, __: check_pending(draft),
)
_OPEN = {
    Claim.FILE: "the cited files exist at the claimed version",
    Claim.SYMBOL: "the cited functions exist at the claimed version",
    Claim.LINE: "the cited lines say what the report says",
    Claim.SNIPPET: "the cited code stands in the source",
    Claim.COMMIT: "the cited commits exist in the project's repository",
    Claim.VERSION: "the cited versions were released",
    Claim.IDENTIFIER: "the claimed ids are assigned",
    Claim.IDENTIFIER_SUBJECT: "the claimed ids are about this flaw",
    Claim.FRAME: "the crash is in the target",
}
_POCS = {AttachmentKind.POC, AttachmentKind.REPRODUCER}


def check_claims(draft: Draft, known: Known, now: datetime) -> tuple[ClaimCheck, ...]:
    """Look at every claim of a report that needs no download.

    `now` is an aware instant; years that have not begun and the age of lists are measured by it.
    """
    target = check_target(draft, known)
    sound = draft if resolves(draft) else replace(draft, purl=None)
    others = (one for check in _CHECKS for one in check(sound, known, now))
    return tuple(dict.fromkeys((*target, *others)))


def decide(
    draft: Draft,
    checks: tuple[ClaimCheck, ...],
    *,
    decided_at: datetime,
    inputs: tuple[InputHash, ...] = (),
) -> Verdict:
    """Turn claim checks into a verdict that shows its level and what is open."""
    wrong = [one for one in checks if one.result is ClaimResult.CONTRADICTED]
    if wrong:
        kind = VerdictKind.CONTRADICTED
        more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
        reason = f"{wrong[0].reason}{more}"
    else:
        kind = VerdictKind.NOT_ATTEMPTED
        reason = "No claim is contradicted by local knowledge; nothing has been executed."
    return Verdict(
        level=Level.E0 if resolves(draft) else None,
        kind=kind,
        reason=reason,
        checks=checks,
        not_established=not_established(draft, checks),
        inputs=inputs,
        rules=RULES,
        decided_at=decided_at,
    )


def not_established(draft: Draft, checks: tuple[ClaimCheck, ...]) -> tuple[str, ...]:
    """Say in words what nobody has checked or shown yet."""
    open_claims = {one.claim for one in checks if one.result is ClaimResult.UNCHECKABLE}
    found = [
        f"Not checked: that {words}." for claim, words in _OPEN.items() if claim in open_claims
    ]
    if not resolves(draft):
        found.insert(0, "Not known: which package this is about; no package URL is given.")
    if not draft.locations:
        found.append("Not stated: any place in the source that could be looked up.")
    found.append("Not checked: that the flaw is inside the project's threat model.")
    found.append(_execution(draft.attachments))
    return tuple(found)


def _execution(attachments: tuple[Attachment, ...]) -> str:
    if any(one.kind in _POCS for one in attachments):
        return "Not attempted: running the attached proof of concept."
    return "Not attempted: reproduction; the report carries no proof of concept."
