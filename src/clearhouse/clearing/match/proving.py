"""What running proofs shows about two reports: the same bug, or different ones.

In: two reports and what validation saw when it ran each proof on the other's fix. Out: an edge on
proof, with the runs as its reason and a ledger entry in the caller's transaction. Kept once for a
pair. Refused: actors who may not merge on proof, or who are not read in.
"""

from collections.abc import Sequence
from dataclasses import replace

from clearhouse.clearing.match import _store
from clearhouse.clearing.match.matching import new_edge, record_pairs
from clearhouse.clearing.match.operations import _other, _place, _regroup
from clearhouse.clearing.match.record import Basis, Edge, Reason, ReasonCode, Relation
from clearhouse.formats.canonical import Json
from clearhouse.kernel.identity import Actor
from clearhouse.kernel.ids import ReportId
from clearhouse.kernel.services import Desk
from clearhouse.kernel.store.database import Transaction

CROSS_FIX_RULE = "match-crossfix-1"
"""Name and version of the rule that what running proofs showed is attributed to."""


def suspects(transaction: Transaction, report_id: ReportId) -> list[ReportId]:
    """Return the reports that might be the same bug as this one and were not run against it yet."""
    edges = _store.edges_of(transaction, [report_id])
    tried = {_other(edge, report_id) for edge in edges if edge.policy == CROSS_FIX_RULE}
    found = (_other(edge, report_id) for edge in edges if edge.retracted_at is None)
    return [other for other in dict.fromkeys(found) if other not in tried]


def prove(
    desk: Desk,
    transaction: Transaction,
    actor: Actor,
    one: ReportId,
    other: ReportId,
    *,
    relation: Relation,
    seen: Sequence[str],
) -> Edge:
    """Keep what running the proofs of two reports on each other's fixes has shown.

    SAME waits for `settle` like every proof. DIFFERENT counts at once, and takes back the proofs
    that said otherwise, for ids and files can be copied; a person's word stays.
    Raises: NoSuchFindingError; ForbiddenError; ValueError for another relation.
    """
    if relation not in {Relation.SAME, Relation.DIFFERENT}:
        raise ValueError("running proofs shows the same bug or different ones")
    ends = sorted(
        (_place(transaction, one), _place(transaction, other)),
        key=lambda place: (place.received_at, place.report_id),
    )
    for place in ends:
        desk.authority.demand(actor, "finding.merge_proven", place.readers)
    _store.lock_findings(transaction)
    left, right = ends
    between = [
        edge
        for edge in _store.edges_of(transaction, [left.report_id])
        if right.report_id in {edge.left, edge.right} and edge.retracted_at is None
    ]
    known = next((edge for edge in between if edge.policy == CROSS_FIX_RULE), None)
    if known is not None:
        return known
    edge = replace(
        new_edge(transaction, left.report_id, right.report_id, relation, Basis.PROOF),
        reasons=(_shown(relation, seen),),
        pending=relation is Relation.SAME,
        policy=CROSS_FIX_RULE,
    )
    _store.insert_edges(desk, transaction, [(right, [edge])])
    refuted = [old for old in between if old.relation is Relation.SAME and old.basis is Basis.PROOF]
    if relation is Relation.DIFFERENT and refuted:
        _store.retract(transaction, [old.id for old in refuted])
        _regroup(transaction, [*refuted, edge], rule=CROSS_FIX_RULE, policy=desk.authority.name)
    else:
        facts: dict[str, Json] = {"rule": CROSS_FIX_RULE, "relation": str(relation)}
        record_pairs(transaction, "finding.compared_by_running", left.report_id, [edge], facts)
    return edge


def _shown(relation: Relation, seen: Sequence[str]) -> Reason:
    said = (
        "Fixing one fixes the other: the same minimal patch silences both proofs."
        if relation is Relation.SAME
        else "Fixing one does not fix the other: a build silences one proof and not the other."
    )
    weight = 1.0 if relation is Relation.SAME else -1.0
    return Reason(code=ReasonCode.CROSS_FIX, text=said, weight=weight, evidence=tuple(seen))
