"""The tool that looks at a report before it is sent; the same at the counter and on one's own side.

In: a report in one of two forms. Out: what it has, lacks and gets wrong. Nothing is stored.
"""

import hashlib
import json
from collections.abc import Callable, Sequence

from anyio import to_thread

from clearhouse.clearing.deconflict.known import Known
from clearhouse.clearing.intake.receive import Answer, Incoming, Refused
from clearhouse.clearing.validate.before import Before, look_before
from clearhouse.clearing.validate.record import ClaimCheck
from clearhouse.kernel.clock import Clock
from clearhouse.surfaces.mcp import words
from clearhouse.surfaces.mcp.fence import Fence, one_line
from clearhouse.surfaces.mcp.shapes import (
    CheckAnswer,
    Contradiction,
    Fault,
    LookedAt,
    Missing,
    ReportArguments,
)
from clearhouse.surfaces.mcp.toolbox import Caller, OfferedTool

_MOST_REPORTS, _MOST_FAULTS = 20, 50


def check_tool(known: Callable[[], Known], clock: Clock) -> OfferedTool:
    """Return the tool, over whatever is known here."""

    async def check(_: Caller, sent: ReportArguments, fence: Fence) -> CheckAnswer:
        found = await to_thread.run_sync(
            lambda: look_before(incoming_of(sent, None), known(), clock())
        )
        return _refused(found) if isinstance(found, Refused) else _answer(found, fence)

    return OfferedTool(
        name="check_report",
        title="Check a report",
        description=words.CHECK,
        takes=ReportArguments,
        gives=CheckAnswer,
        work=check,
        reads_only=True,
    )


def incoming_of(sent: ReportArguments, key: str | None) -> Incoming:
    """Return a report as it comes through a door; without a key, its content is its key."""
    data = (
        json.dumps(sent.report).encode()
        if sent.report is not None
        else (sent.text or "").encode("utf-8", "replace")
    )
    key = key or f"agent:{hashlib.sha256(data).hexdigest()}"
    if sent.report is not None:
        return Incoming(data=data, content_type="application/json", tap=True, idempotency_key=key)
    return Incoming(
        data=data, content_type="text/markdown", filename="report.md", idempotency_key=key
    )


def looked_at(answer: Answer, contradicted: Sequence[Contradiction] = ()) -> LookedAt:
    """Return what one report has and lacks, as tools answer it."""
    return LookedAt(
        ready=not answer.missing and not contradicted,
        present=list(answer.present),
        missing=[Missing(element=gap.element, what_to_do=gap.what_to_do) for gap in answer.missing],
        hints=list(answer.hints),
        contradicted=list(contradicted),
    )


def refused_in_words(refused: Refused) -> str:
    """Return why a report is refused: the fields and rules, one after the other."""
    said = [f"{one.get('field')}: {one.get('reason')}" for one in _errors(refused)[:10]]
    return "; ".join(said) or refused.detail


def _errors(refused: Refused) -> list[dict[str, object]]:
    found = (refused.document or {}).get("errors")
    return found if isinstance(found, list) else []


def _faults(refused: Refused) -> list[Fault]:
    return [
        Fault(**{name: one_line(one.get(name, "")) for name in ("code", "field", "reason")})
        for one in _errors(refused)[:_MOST_FAULTS]
    ]


def _refused(refused: Refused) -> CheckAnswer:
    return CheckAnswer(
        would_be_taken=False,
        refused=one_line(refused.detail),
        faults=_faults(refused),
        next="Correct what is named, and check again.",
    )


def _answer(found: Before, fence: Fence) -> CheckAnswer:
    reports = [
        looked_at(one.answer, [_contradiction(check, fence) for check in one.contradicted[:20]])
        for one in found.reports[:_MOST_REPORTS]
    ]
    ready = all(one.ready for one in reports)
    return CheckAnswer(
        would_be_taken=True,
        reports=reports,
        warnings=[
            Fault(**{name: one_line(said) for name, said in one.items()})
            for one in found.warnings[:_MOST_FAULTS]
        ],
        next="Send it with `submit_report`." if ready else "Correct it, and check again.",
    )


def _contradiction(check: ClaimCheck, fence: Fence) -> Contradiction:
    return Contradiction(
        claim=str(check.claim),
        about=fence.around(check.subject, 300),
        reason=one_line(check.reason),
    )
