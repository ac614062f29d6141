"""Whatever comes through a door: read it, take it in, and say what is missing from it.

In: bytes from any door. Out: `Accepted` with the receipt and a completeness answer per report,
or `Refused` with the reason. Refused: what no reader understands, and what TAP forbids where TAP
is spoken. Every door calls `receive`, so that permission, reading and answers cannot differ.
"""

import hashlib
from dataclasses import dataclass

from clearhouse.clearing.intake.completeness import Completeness, judge
from clearhouse.clearing.intake.operations import Arrival, take_in
from clearhouse.clearing.intake.readers import ReadRefusal, read
from clearhouse.clearing.intake.readers.tap import draft_of
from clearhouse.clearing.intake.record import Draft
from clearhouse.formats import tap
from clearhouse.formats.tap_record import TapRefusal
from clearhouse.kernel.identity import Actor
from clearhouse.kernel.ids import Receipt
from clearhouse.kernel.services import Counter


@dataclass(frozen=True, kw_only=True, slots=True)
class Incoming:
    """What came through a door, not yet read."""

    data: bytes
    content_type: str | None = None
    filename: str | None = None
    tap: bool = False
    """Whether the door speaks the TAP Intake API, whose rules are stricter."""
    idempotency_key: str | None = None

    @classmethod
    def file(cls, name: str, data: bytes) -> "Incoming":
        """Return a file whose name and content are its idempotency key."""
        digest = hashlib.sha256(data).hexdigest()
        return cls(data=data, filename=name, idempotency_key=f"file:{name[:128]}:{digest}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Gap:
    """An element of a ready report that is missing."""

    element: str
    what_to_do: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What one report has and lacks, in words that a reporter or an agent can act on."""

    present: tuple[str, ...]
    missing: tuple[Gap, ...]
    hints: tuple[str, ...] = ()
    """What about the discovery would help, and makes no report incomplete."""

    def as_json(self) -> dict[str, object]:
        """Return the answer as the doors send it."""
        return {
            "ready": not self.missing,
            "present": list(self.present),
            "missing": [
                {"element": gap.element, "what_to_do": gap.what_to_do} for gap in self.missing
            ],
            "hints": list(self.hints),
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Accepted:
    """The submission is on disk."""

    receipt: Receipt
    reports: tuple[Answer, ...]
    warnings: tuple[dict[str, str], ...] = ()
    """What could not be taken as it stood: code, field, reason."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Refused:
    """Nothing was stored, and why."""

    status: int
    """The HTTP status that says the same."""
    detail: str
    document: dict[str, object] | None = None
    """A complete problem document where the format has one of its own."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Read:
    """What was understood of what came, before anything is stored."""

    format: str
    drafts: tuple[Draft, ...]
    judged: tuple[Completeness, ...]
    warnings: tuple[dict[str, str], ...]

    @property
    def answers(self) -> tuple[Answer, ...]:
        """What each report has and lacks."""
        return tuple(map(_answer, self.judged))


def look(incoming: Incoming) -> Read | Refused:
    """Read what came and judge it, and store nothing."""
    found = _read_tap(incoming) if incoming.tap else _read_any(incoming)
    if isinstance(found, Refused):
        return found
    format_name, drafts, warnings = found
    return Read(
        format=format_name, drafts=drafts, judged=tuple(map(judge, drafts)), warnings=warnings
    )


def receive(counter: Counter, actor: Actor, incoming: Incoming) -> Accepted | Refused:
    """Read what came, store it durably, and answer.

    Raises: ForbiddenError, KeyReusedError; StoreUnavailableError when nothing was stored.
    """
    counter.authority.demand(actor, "report.submit")
    found = look(incoming)
    if isinstance(found, Refused):
        return found
    receipt = take_in(
        counter,
        actor,
        Arrival(
            original=incoming.data,
            format=found.format,
            drafts=found.drafts,
            idempotency_key=incoming.idempotency_key,
            judged=found.judged,
        ),
    )
    return Accepted(receipt=receipt, reports=found.answers, warnings=found.warnings)


_Found = tuple[str, tuple[Draft, ...], tuple[dict[str, str], ...]]


def _read_tap(incoming: Incoming) -> _Found | Refused:
    report = tap.read(incoming.data, incoming.content_type or "")
    if isinstance(report, TapRefusal):
        return Refused(status=report.status, detail=report.detail, document=report.document())
    warnings = tuple(warning.document() for warning in report.warnings)
    return "tap", (draft_of(report),), warnings


def _read_any(incoming: Incoming) -> _Found | Refused:
    result = read(incoming.data, filename=incoming.filename, content_type=incoming.content_type)
    if isinstance(result, ReadRefusal):
        return Refused(status=422, detail=result.detail, document=_problem(result))
    warnings = tuple(
        {"code": notice.code, "field": notice.field, "reason": notice.reason}
        for draft in result.drafts
        for notice in draft.notices
    )
    return result.format, result.drafts, warnings


def _problem(refusal: ReadRefusal) -> dict[str, object]:
    return {
        "type": "about:blank",
        "title": "Not understood",
        "status": 422,
        "detail": refusal.detail,
        "errors": [
            {"code": refusal.code, "field": refusal.place or "document", "reason": refusal.reason}
        ],
    }


def _answer(completeness: Completeness) -> Answer:
    return Answer(
        present=tuple(str(element) for element in completeness.present),
        missing=tuple(
            Gap(element=str(gap.element), what_to_do=gap.what_to_do) for gap in completeness.missing
        ),
        hints=tuple(hint.what_to_do for hint in completeness.hints),
    )
