"""What a person decides about findings, as every door of the desk carries it to match.

In: who decides and about what. Out: where it led. Refused with `ImpossibleError`: a decision that
makes no sense for the findings as they are now, with the reason in words for that person.
"""

from collections.abc import Sequence

from clearhouse.clearing.match import operations as match
from clearhouse.clearing.match.record import Edge, Relation
from clearhouse.kernel.identity import Actor
from clearhouse.kernel.ids import FindingId, ReportId
from clearhouse.kernel.services import Desk
from clearhouse.kernel.store.database import Transaction


class ImpossibleError(ValueError):
    """The decision does not fit the findings as they are now; the message says why."""


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


def split(
    desk: Desk,
    transaction: Transaction,
    actor: Actor,
    finding_id: FindingId,
    reports: Sequence[ReportId],
    *,
    note: str,
) -> tuple[FindingId, ...]:
    """Part some reports of one finding from its others.

    Raises: NoSuchFindingError, ForbiddenError, ImpossibleError.
    """
    whole = match.finding(desk, transaction, finding_id)
    if not set(reports) < set(whole.report_ids):
        raise ImpossibleError("name some, not all, of the reports of this finding")
    return match.split(desk, transaction, actor, list(dict.fromkeys(reports)), note=note)
