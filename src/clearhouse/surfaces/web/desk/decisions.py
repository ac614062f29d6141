"""What a person decides about findings, as every door of the desk carries it to the rooms.

In: who decides and about what. Out: where it led. Refused with `ImpossibleError`: a decision that
makes no sense for the findings as they are now, with the reason in words for that person.
When findings become one or part, the house clears a report of each again in the background, so
that priorities and cases follow.
"""

from collections.abc import Iterable, Sequence

from clearhouse.clearing.intake.operations import CLEAR_REPORT
from clearhouse.clearing.match import deciding
from clearhouse.clearing.match import operations as match
from clearhouse.clearing.match.record import Edge, Relation
from clearhouse.kernel.identity import Actor
from clearhouse.kernel.ids import FindingId, ReportId
from clearhouse.kernel.services import Desk
from clearhouse.kernel.store.database import Transaction


class ImpossibleError(ValueError):
    """The decision does not fit the findings as they are now; the message says why."""


def join(
    desk: Desk,
    transaction: Transaction,
    actor: Actor,
    one: FindingId,
    other: FindingId,
    *,
    note: str,
) -> FindingId:
    """Join two findings on a person's word and return what they became.

    Raises: NoSuchFindingError, ForbiddenError, SaidDifferentError.
    """
    joined = match.merge(desk, transaction, actor, one, other, note=note)
    _clear_again(desk, transaction, [joined])
    return joined


def join_all(
    desk: Desk,
    transaction: Transaction,
    actor: Actor,
    one: FindingId,
    others: Sequence[FindingId],
    *,
    note: str,
) -> FindingId:
    """Join findings that a person saw listed as one bug; all of them, or none.

    Raises: NoSuchFindingError, ForbiddenError, SaidDifferentError.
    """
    joined = one
    for other in others:
        joined = match.merge(desk, transaction, actor, joined, other, note=note)
    _clear_again(desk, transaction, [joined])
    return joined


def relate(
    desk: Desk,
    transaction: Transaction,
    actor: Actor,
    one: FindingId,
    other: FindingId,
    *,
    relation: Relation,
    note: str,
) -> Edge:
    """Write down that two findings are siblings or different bugs.

    Raises: NoSuchFindingError, ForbiddenError, ImpossibleError.
    """
    ends = [match.finding(desk, transaction, end).finding_id for end in (one, other)]
    if ends[0] == ends[1]:
        raise ImpossibleError("these are one finding now; split it first")
    return match.relate(desk, transaction, actor, *ends, relation=relation, note=note)


def say(
    desk: Desk,
    transaction: Transaction,
    actor: Actor,
    edge_id: str,
    relation: Relation,
    *,
    note: str,
) -> str | None:
    """Write down what a person says about a suggested pair; return the edge that keeps the word.

    Raises: NoSuchFindingError, ForbiddenError, SaidDifferentError.
    """
    said = deciding.word(desk, transaction, actor, edge_id, relation, note=note)
    if said is not None and relation is Relation.SAME:
        joined, _ = deciding.findings_of(transaction, edge_id)
        _clear_again(desk, transaction, [joined])
    return said


def split(
    desk: Desk,
    transaction: Transaction,
    actor: Actor,
    finding_id: FindingId,
    reports: Sequence[ReportId],
    *,
    note: str,
) -> tuple[FindingId, ...]:
    """Part some reports of one finding from its others and return what there is now.

    Raises: NoSuchFindingError, ForbiddenError, ImpossibleError.
    """
    whole = match.finding(desk, transaction, finding_id)
    if not set(reports) < set(whole.report_ids):
        raise ImpossibleError("name some, not all, of the reports of this finding")
    parts = match.split(desk, transaction, actor, list(dict.fromkeys(reports)), note=note)
    _clear_again(desk, transaction, parts)
    return parts


def undo(desk: Desk, transaction: Transaction, actor: Actor, edge_id: str) -> tuple[FindingId, ...]:
    """Take back what was said about two reports and return their findings now.

    Raises: NoSuchFindingError, ForbiddenError.
    """
    parts = tuple(dict.fromkeys(match.undo(desk, transaction, actor, edge_id)))
    _clear_again(desk, transaction, parts)
    return parts


def _clear_again(desk: Desk, transaction: Transaction, findings: Iterable[FindingId]) -> None:
    for finding_id in findings:
        report_id = match.finding(desk, transaction, finding_id).report_ids[0]
        desk.jobs.ask(transaction, CLEAR_REPORT, report_id=report_id)
