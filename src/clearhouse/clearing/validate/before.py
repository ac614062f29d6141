"""What a reporter can mend before a report is sent: nothing is stored, nothing leaves the machine.

In: a report as it would be sent, and local public knowledge. Out: why it would be refused, or, for
each report in it, what it has and lacks, and which of its claims public knowledge contradicts.
The same readers and rules look at it that look at it after it was sent.
"""

from dataclasses import dataclass
from datetime import datetime

from clearhouse.clearing.deconflict.known import Known
from clearhouse.clearing.intake.receive import Answer, Incoming, Refused, look
from clearhouse.clearing.validate.record import ClaimCheck, ClaimResult
from clearhouse.clearing.validate.rules import check_claims


@dataclass(frozen=True, kw_only=True, slots=True)
class Looked:
    """One report, before it is sent."""

    answer: Answer
    contradicted: tuple[ClaimCheck, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Before:
    """Everything in what would be sent."""

    reports: tuple[Looked, ...]
    warnings: tuple[dict[str, str], ...]
    """What could not be taken as it stands: code, field, reason."""


def look_before(incoming: Incoming, known: Known, now: datetime) -> Before | Refused:
    """Look at a report without taking it in."""
    found = look(incoming)
    if isinstance(found, Refused):
        return found
    return Before(
        reports=tuple(
            Looked(
                answer=answer,
                contradicted=tuple(
                    check
                    for check in check_claims(draft, known, now)
                    if check.result is ClaimResult.CONTRADICTED
                ),
            )
            for draft, answer in zip(found.drafts, found.answers, strict=True)
        ),
        warnings=found.warnings,
    )
