"""Matching reports, settling what is proven, and what people decide about it.

In: a report id, or two findings and a person's word. Out: the finding a report belongs to, and
edges with their reasons, each with its ledger entry in the caller's transaction. Running the same
operation again changes nothing. Refused: actors without the act or not read in; a merge against a
person's word that two reports are different bugs.
"""

from collections.abc import Sequence
from dataclasses import replace

from clearhouse.clearing.intake.operations import load
from clearhouse.clearing.intake.record import Credit, Draft
from clearhouse.clearing.match import _compare, _index, _store
from clearhouse.clearing.match.clusters import bridges, thanks
from clearhouse.clearing.match.matching import (
    NoSuchFindingError,
    match_reports,
    new_edge,
    record_pairs,
)
from clearhouse.clearing.match.model import model
from clearhouse.clearing.match.record import (
    Basis,
    Edge,
    Finding,
    MatchOutcome,
    Reason,
    ReasonCode,
    Relation,
    Suggestion,
)
from clearhouse.clearing.match.rules import RULE
from clearhouse.formats.canonical import Json
from clearhouse.kernel import ledger
from clearhouse.kernel.identity import Actor
from clearhouse.kernel.ids import Compartment, FindingId, ReportId
from clearhouse.kernel.services import Desk
from clearhouse.kernel.store.database import Transaction

COMPANIONS = 100
"""So many findings are named at most that look like one bug with another."""


class SaidDifferentError(ValueError):
    """A person has said that the two are different bugs; that word must be taken back first."""


def match_report(
    desk: Desk, transaction: Transaction, actor: Actor, report_id: ReportId
) -> MatchOutcome:
    """Give a report its finding and compare it with the earlier ones.

    Proofs found are kept pending until `settle` says that nothing contradicts them.
    Raises: NoSuchFindingError; ForbiddenError when the actor may not clear reports.
    """
    match_reports(desk, transaction, actor, [report_id])
    return _outcome(desk, transaction, report_id)


def settle(
    desk: Desk, transaction: Transaction, actor: Actor, report_id: ReportId, *, contradicted: bool
) -> FindingId:
    """Let the proofs of a report count, or suspend them when validation contradicts it.

    A proof counts once both sides have been validated and neither is contradicted, and no
    person's word stands against it. Returns the finding that the report belongs to now.
    Raises: NoSuchFindingError; ForbiddenError.
    """
    place = _place(transaction, report_id)
    desk.authority.demand(actor, "finding.merge_proven", place.readers)
    _store.lock_findings(transaction)
    if place.contradicted is not contradicted:
        _store.set_contradicted(transaction, report_id, contradicted=contradicted)
    proofs = [
        edge
        for edge in _store.edges_of(transaction, [report_id])
        if edge.basis is Basis.PROOF
        and edge.relation is Relation.SAME
        and edge.retracted_at is None
    ]
    changed = (
        _suspend(transaction, proofs) if contradicted else _activate(transaction, report_id, proofs)
    )
    if changed:
        rule = "suspended: a side is contradicted" if contradicted else RULE
        _regroup(transaction, changed, rule=rule, policy=desk.authority.name)
    return finding_of(transaction, report_id)


def merge(
    desk: Desk,
    transaction: Transaction,
    actor: Actor,
    one: FindingId,
    other: FindingId,
    *,
    note: str,
) -> FindingId:
    """Join two findings on a person's word; the one reported earlier survives.

    Raises: NoSuchFindingError; ForbiddenError; SaidDifferentError.
    """
    left, right = _both(desk, transaction, one, other)
    decision = desk.authority.demand(actor, "finding.merge", left.readers)
    desk.authority.demand(actor, "finding.merge", right.readers)
    _store.lock_findings(transaction)
    if left.finding_id == right.finding_id:
        return left.finding_id
    if _store.join_forbidden(transaction, left.report_ids[0], right.report_ids[0]):
        raise SaidDifferentError("a person said that these are different bugs; undo that first")
    edge = _word(transaction, left, right, Relation.SAME, note, decision.policy)
    _store.insert_edges(desk, transaction, [(_place(transaction, edge.right), [edge])])
    _regroup(transaction, [edge], rule="a person's word", policy=decision.policy)
    return finding_of(transaction, left.report_ids[0])


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
    """Write down that two findings are siblings or different bugs; nothing is joined or parted.

    Raises: NoSuchFindingError; ForbiddenError; ValueError for another relation or one finding.
    """
    if relation not in {Relation.SIBLING, Relation.DIFFERENT}:
        raise ValueError("only siblings and different bugs are related so; merge joins")
    left, right = _both(desk, transaction, one, other)
    if left.finding_id == right.finding_id:
        raise ValueError("these are one finding; split it first")
    decision = desk.authority.demand(actor, "finding.split", left.readers)
    desk.authority.demand(actor, "finding.split", right.readers)
    edge = _word(transaction, left, right, relation, note, decision.policy)
    _store.insert_edges(desk, transaction, [(_place(transaction, edge.right), [edge])])
    record_pairs(
        transaction, f"finding.{relation}", left.finding_id, [edge], {"policy": decision.policy}
    )
    return edge


def split(
    desk: Desk,
    transaction: Transaction,
    actor: Actor,
    report_ids: Sequence[ReportId],
    *,
    note: str,
) -> tuple[FindingId, ...]:
    """Part some reports of one finding from the others, and keep them apart.

    Every edge between the two sides is retracted, and the person's word that they are different
    keeps proofs from joining them again. Returns the findings of all reports involved.
    Raises: NoSuchFindingError; ForbiddenError; ValueError unless the reports are a proper part
    of one finding.
    """
    whole = _finding(transaction, finding_of(transaction, report_ids[0]))
    decision = desk.authority.demand(actor, "finding.split", whole.readers)
    parted = frozenset(report_ids)
    rest = [report for report in whole.report_ids if report not in parted]
    if not parted < frozenset(whole.report_ids):
        raise ValueError("name some, not all, of the reports of one finding")
    _store.lock_findings(transaction)
    cut = bridges(_store.edges_of(transaction, whole.report_ids), parted)
    _store.retract(transaction, [edge.id for edge in cut])
    first = next(report for report in whole.report_ids if report in parted)
    places = _store.places(transaction, [first, rest[0]])
    left, right = sorted(places.values(), key=lambda p: (p.received_at, p.report_id))
    edge = new_edge(transaction, left.report_id, right.report_id, Relation.DIFFERENT, Basis.PERSON)
    edge = replace(edge, reasons=(_said(note),), policy=decision.policy)
    _store.insert_edges(desk, transaction, [(right, [edge])])
    _regroup(transaction, [*cut, edge], rule="a person's word", policy=decision.policy)
    moved = _store.places(transaction, whole.report_ids)
    return tuple(dict.fromkeys(moved[report].finding_id for report in whole.report_ids))


def undo(
    desk: Desk, transaction: Transaction, actor: Actor, edge_id: str
) -> tuple[FindingId, FindingId]:
    """Take an edge back, whoever made it; return the findings of its two reports now.

    Raises: NoSuchFindingError; ForbiddenError.
    """
    edge = _store.edge(transaction, edge_id)
    if edge is None:
        raise NoSuchFindingError("no edge with this id that you may read")
    places = _store.places(transaction, [edge.left, edge.right])
    act = "finding.split" if edge.relation is Relation.SAME else "finding.merge"
    for place in places.values():
        decision = desk.authority.demand(actor, act, place.readers)
    _store.lock_findings(transaction)
    if edge.retracted_at is None:
        _store.retract(transaction, [edge_id])
        if edge.relation is Relation.SAME:
            _regroup(transaction, [edge], rule="taken back", policy=decision.policy)
        else:
            facts: dict[str, Json] = {"rule": "taken back", "policy": decision.policy}
            record_pairs(transaction, "edge.retracted", edge_id, [edge], facts)
    return finding_of(transaction, edge.left), finding_of(transaction, edge.right)


def finding(desk: Desk, transaction: Transaction, finding_id: FindingId) -> Finding:  # noqa: ARG001 - the same shape as every operation
    """Return the finding that an id leads to now, also by the id of one that was merged.

    Raises: NoSuchFindingError.
    """
    return _finding(transaction, finding_id)


def finding_of(transaction: Transaction, report_id: ReportId) -> FindingId:
    """Return the finding that a report belongs to now.

    Raises: NoSuchFindingError.
    """
    return _place(transaction, report_id).finding_id


def findings(transaction: Transaction) -> list[FindingId]:
    """Return every finding the actor may read, the earliest first."""
    return _store.findings(transaction)


def credits_of(desk: Desk, transaction: Transaction, finding_id: FindingId) -> tuple[Credit, ...]:
    """Return everybody to be thanked for a finding, in first-reporter order."""
    members = _finding(transaction, finding_id).report_ids
    by_id = {report.report_id: report for report in load(desk, transaction, members)}
    return thanks(by_id[member].content.credits for member in members)


def edges_of(desk: Desk, transaction: Transaction, finding_id: FindingId) -> tuple[Edge, ...]:
    """Return everything said about the reports of a finding, with reasons, the oldest first.

    Only edges both of whose reports the actor may read. Call it in a transaction of its own:
    reasons are opened beside it, and see only what is committed.
    """
    members = _finding(transaction, finding_id).report_ids
    edges = _store.edges_of(transaction, members)
    with desk.database.transaction(desk.clearing_actor.actor_id) as machinery:
        reasons = _store.reasons(desk, machinery, [edge.id for edge in edges])
    return tuple(replace(edge, reasons=reasons[edge.id]) for edge in edges)


def alike(
    desk: Desk, transaction: Transaction, actor: Actor, draft: Draft
) -> tuple[Suggestion, ...]:
    """Tell what a report would be like, without taking it in.

    Only reports that the actor may read are named; nothing tells that there were others.
    Raises: ForbiddenError when the actor may not read findings.
    """
    desk.authority.demand(actor, "finding.read")
    reading = _compare.read(desk, draft)
    with desk.database.transaction(desk.clearing_actor.actor_id) as machinery:
        found = _compare.compare(desk, machinery, reading, transaction).comparisons
    return tuple(one.suggestion for one in found if one.shown)


def companions(transaction: Transaction, finding_id: FindingId) -> list[FindingId]:
    """Return the findings that look like one bug with this one, at most `COMPANIONS` of them.

    They hang together by suggestions that the actor may read; nobody has decided.
    """
    return _store.companions(transaction, finding_id, COMPANIONS)


def doubts(desk: Desk, draft: Draft) -> tuple[str, ...]:
    """Say in words what of a report cannot be compared, or only in part."""
    return _compare.read(desk, draft).clear.missing


def pack_index(desk: Desk) -> None:
    """Pack what was filed in the index lately, so that looking under a token is one read."""
    with desk.database.transaction(desk.clearing_actor.actor_id) as machinery:
        _index.pack_postings(machinery)


def limit_findings(
    transaction: Transaction, report_ids: Sequence[ReportId], house: Sequence[str]
) -> None:
    """Leave the findings that these reports began with, merged away or not, to `house`."""
    _store.limit_findings(transaction, report_ids, house)


def compartments_of(transaction: Transaction, report_ids: Sequence[ReportId]) -> list[Compartment]:
    """Return the compartments of the findings that these reports began with."""
    return _store.compartments_of(transaction, report_ids)


def counts(transaction: Transaction) -> dict[str, int]:
    """Count reports, findings, merges and suggestions, as far as the actor may see them."""
    return _store.counts(transaction)


def _place(transaction: Transaction, report_id: ReportId) -> _store.Place:
    place = _store.place(transaction, report_id)
    if place is None:
        raise NoSuchFindingError("no matched report with this id that you may read")
    return place


def _finding(transaction: Transaction, finding_id: FindingId) -> Finding:
    found = _store.finding(transaction, finding_id)
    if found is None:
        raise NoSuchFindingError("no finding with this id that you may read")
    return found


def _both(
    desk: Desk, transaction: Transaction, one: FindingId, other: FindingId
) -> tuple[Finding, Finding]:
    """Return two findings, the one reported earlier first."""
    pair = finding(desk, transaction, one), finding(desk, transaction, other)
    left, right = sorted(pair, key=lambda f: (f.founded_at, f.report_ids[0]))
    return left, right


def _said(note: str) -> Reason:
    return Reason(code=ReasonCode.PERSON, text=note, weight=1.0)


def _word(
    transaction: Transaction,
    left: Finding,
    right: Finding,
    relation: Relation,
    note: str,
    policy: str,
) -> Edge:
    ends = left.report_ids[0], right.report_ids[0]
    edge = new_edge(transaction, *ends, relation, Basis.PERSON)
    return replace(edge, reasons=(_said(note),), policy=policy)


def _outcome(desk: Desk, transaction: Transaction, report_id: ReportId) -> MatchOutcome:
    edges = [e for e in _store.edges_of(transaction, [report_id]) if e.retracted_at is None]
    suggested = [edge for edge in edges if edge.relation is Relation.SUGGESTED]
    reasons = _store.reasons(desk, transaction, [edge.id for edge in suggested])
    return MatchOutcome(
        finding_id=finding_of(transaction, report_id),
        suggestions=tuple(
            Suggestion(
                report=_other(edge, report_id),
                score=edge.score or 0.0,
                band=model().band(edge.score or 0.0),
                reasons=reasons[edge.id],
            )
            for edge in sorted(suggested, key=lambda e: -(e.score or 0.0))
        ),
        pending_proofs=tuple(_other(edge, report_id) for edge in edges if edge.pending),
    )


def _other(edge: Edge, report_id: ReportId) -> ReportId:
    return edge.left if edge.right == report_id else edge.right


def _suspend(transaction: Transaction, proofs: list[Edge]) -> list[Edge]:
    counted = [edge for edge in proofs if edge.active]
    _store.suspend(transaction, [edge.id for edge in counted])
    return counted


def _activate(transaction: Transaction, report_id: ReportId, proofs: list[Edge]) -> list[Edge]:
    pending = [edge for edge in proofs if edge.pending]
    others = _store.places(transaction, [_other(edge, report_id) for edge in pending])
    ready = []
    for edge in pending:
        other = _other(edge, report_id)
        if others[other].contradicted is False and not _store.join_forbidden(
            transaction, report_id, other
        ):
            _store.activate(transaction, [edge.id])
            ready.append(edge)
    return ready


def _regroup(transaction: Transaction, edges: Sequence[Edge], *, rule: str, policy: str) -> None:
    """Recompute findings after edges changed, and write down what became of each."""
    reports = list(dict.fromkeys(end for edge in edges for end in (edge.left, edge.right)))
    before = _store.places(transaction, reports)
    _store.regroup(transaction, reports)
    after = _store.places(transaction, reports)
    facts: dict[str, Json] = {"rule": rule, "policy": policy}
    merged = any(edge.joins for edge in _now(transaction, edges))
    kind = "finding.merged" if merged else "finding.split"
    heads = dict.fromkeys(place.finding_id for place in after.values())
    for head in heads:
        now = _finding(transaction, head)
        absorbed = sorted({before[r].finding_id for r in reports if r in now.report_ids} - {head})
        _record(transaction, kind, now, edges, {**facts, "absorbed": [*absorbed]})


def _now(transaction: Transaction, edges: Sequence[Edge]) -> list[Edge]:
    ids = {edge.id for edge in edges}
    ends = [edge.left for edge in edges]
    return [edge for edge in _store.edges_of(transaction, ends) if edge.id in ids]


def _record(
    transaction: Transaction,
    kind: str,
    subject: Finding,
    edges: Sequence[Edge],
    facts: dict[str, Json],
) -> None:
    ledger.append(
        transaction,
        kind,
        subject.finding_id,
        {**facts, "edges": [edge.id for edge in edges], "reports": len(subject.report_ids)},
        readers=subject.readers,
        compartment=subject.compartment,
    )
