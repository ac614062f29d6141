"""Gives reports their finding and compares them with the earlier ones, several at a time.

In come report ids, out come findings, edges with their reasons, entries of the index and of the
ledger, all in the caller's transaction; what is there already is left as it is. Several reports in
one transaction get the answers that they would get one after the other, and cost far less.
Refused: actors who may not clear reports.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from clearhouse.clearing.intake.operations import Report, load
from clearhouse.clearing.match import _compare, _index, _store
from clearhouse.clearing.match.model import model
from clearhouse.clearing.match.record import Basis, Edge, Relation
from clearhouse.clearing.match.retrieval import entry
from clearhouse.clearing.match.rules import RULE
from clearhouse.formats.canonical import Json
from clearhouse.kernel import ledger
from clearhouse.kernel.identity import Actor
from clearhouse.kernel.ids import ReportId, new_id
from clearhouse.kernel.services import Desk
from clearhouse.kernel.store.database import Transaction

_MOST = 160
"""So many are matched at once where nobody waits: more take more memory and save no time."""
_ELSEWHERE: dict[ReportId, frozenset[int]] = {}
"""The names of reports that somebody else was at, so that they need not be read to ask again."""
_REMEMBERED = 10_000
Matched = dict[ReportId, _compare.Found]
"""What was found for each report."""


class NoSuchFindingError(LookupError):
    """There is no such report, finding or edge, or the actor is not read in; both look the same."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Taken:
    """A report taken up in this transaction."""

    report: Report
    reading: _compare.Reading
    place: _store.Place
    again: bool
    """Whether it was compared before, with another model."""


def waits(transaction: Transaction, report_id: ReportId) -> bool:
    """Say whether a report has not been matched yet."""
    return bool(_store.waiting(transaction, [report_id]))


def match_reports(
    desk: Desk,
    transaction: Transaction,
    actor: Actor,
    report_ids: Sequence[ReportId],
    *,
    wait: bool = True,
) -> Matched:
    """Match the first of these reports, and as many of the others as nobody else is matching.

    When somebody is at the first, or at one that it must not be matched beside, it is waited for;
    without `wait` it is left like the others.
    Returns what was found for those that had not been matched yet; nothing when the first had.
    Raises: NoSuchFindingError; ForbiddenError when the actor may not clear reports.
    """
    waiting = _store.waiting(transaction, report_ids)
    if report_ids[0] not in waiting:
        places = _store.places(transaction, report_ids[:1])
        desk.authority.demand(actor, "report.clear", places[report_ids[0]].readers)
        return {}
    if not wait:
        waiting = _without_those_elsewhere(transaction, waiting)[:_MOST]
        if not waiting:
            return {}
    reports = load(desk, transaction, waiting, files=True)
    if report_ids[0] in set(waiting) - {report.report_id for report in reports}:
        raise NoSuchFindingError("no report with this id that you may read")
    for readers in {report.readers for report in reports}:
        desk.authority.demand(actor, "report.clear", readers)
    taken = _take(desk, transaction, reports, report_ids[0] if wait else None)
    if not taken:
        return {}
    keys = {one.place.serial: one.reading.keyed.keys for one in taken}
    _index.file_keys(transaction, keys)
    asked = [_compare.Asked(reading=one.reading, serial=one.place.serial) for one in taken]
    found = _compare.compare_all(desk, transaction, asked)
    pairs = list(zip(taken, found, strict=True))
    _index.file(transaction, [_filing(*pair) for pair in pairs])
    again = [one.place.serial for one in taken if one.again]
    if again:
        _store.compared(transaction, again, model().name)
    said = [(one, _edges(transaction, one.place, its.comparisons)) for one, its in pairs]
    said = _without_known(transaction, said)
    _store.insert_edges(desk, transaction, [(one.place, edges) for one, edges in said])
    ledger.append_all(transaction, [event for one, edges in said for event in _events(one, edges)])
    return {one.report.report_id: its for one, its in pairs}


def new_edge(
    transaction: Transaction, left: ReportId, right: ReportId, relation: Relation, basis: Basis
) -> Edge:
    """Return an edge that the transaction's actor draws now."""
    return Edge(
        id=new_id("edg"),
        left=left,
        right=right,
        relation=relation,
        basis=basis,
        reasons=(),
        decided_by=transaction.actor or "nobody",
        decided_at=transaction.now,
    )


def record_pairs(
    transaction: Transaction,
    kind: str,
    subject: str,
    edges: Sequence[Edge],
    facts: dict[str, Json],
) -> None:
    """Write down what was said about pairs, for the machinery alone."""
    ledger.append_all(transaction, [_pair_event(kind, subject, edges, facts)])


def _pair_event(
    kind: str, subject: str, edges: Sequence[Edge], facts: dict[str, Json]
) -> ledger.Event:
    """Describe what was said about pairs.

    To a reader of one side, an event about a pair would tell that there is another side.
    """
    data: dict[str, Json] = {**facts, "edges": [edge.id for edge in edges]}
    return ledger.Event(kind, subject, data, _store.MACHINERY)


def _without_those_elsewhere(
    transaction: Transaction, report_ids: Sequence[ReportId]
) -> list[ReportId]:
    """Leave out reports that somebody was at when they were last asked for, and still is."""
    known = {one: _ELSEWHERE[one] for one in report_ids if one in _ELSEWHERE}
    free = set(_store.try_lock(transaction, known)) if known else set()
    return [one for one in report_ids if one not in known or one in free]


def _remember(report_id: ReportId, names: frozenset[int]) -> None:
    if len(_ELSEWHERE) >= _REMEMBERED:
        _ELSEWHERE.pop(next(iter(_ELSEWHERE)), None)
    _ELSEWHERE[report_id] = names


def _take(
    desk: Desk, transaction: Transaction, reports: Sequence[Report], waited_for: ReportId | None
) -> list[_Taken]:
    """Lock the names of reports that wait to be matched, read them and give them their places."""
    names = {one.report_id: _compare.names(desk, one.content) for one in reports}
    if waited_for is not None:  # before any other, so that no two wait for each other
        _store.lock(transaction, names[waited_for])
    ours = set(_store.try_lock(transaction, names))
    for report_id in names.keys() - ours:
        _remember(report_id, names[report_id])
    mine = [one for one in reports if one.report_id in ours]
    # Another transaction may have matched them while this one waited.
    places = _store.places(transaction, [report.report_id for report in mine])
    unfiled = frozenset(_store.waiting(transaction, [report.report_id for report in mine]))
    waiting = [report for report in mine if report.report_id in unfiled]
    again = places.keys() & unfiled
    strangers = [report for report in waiting if report.report_id not in again]
    # Taken down as compared at once, as they will be when this transaction is through.
    fresh = _store.found(desk, transaction, strangers, rule=model().name) if strangers else []
    places |= {place.report_id: place for place in fresh}
    readings = _compare.read_all(desk, [one.content for one in waiting])
    return [
        _Taken(
            report=report,
            reading=reading,
            place=places[report.report_id],
            again=report.report_id in again,
        )
        for report, reading in zip(waiting, readings, strict=True)
    ]


def _filing(one: _Taken, found: _compare.Found) -> _index.Filing:
    return _index.Filing(
        serial=one.place.serial,
        entry=entry(one.place.serial, one.reading.plain),
        packed=found.packed,
        package=one.reading.keyed.package,
        tokens=found.filed,
        group=one.place.serial if found.joining is None else found.joining.group,
    )


def _edges(
    transaction: Transaction, place: _store.Place, found: Sequence[_compare.Comparison]
) -> list[Edge]:
    """Make a pending edge of every proof and a suggested one of what else is worth a look."""
    edges = []
    shown = {suggestion.report for suggestion in _compare.suggestions(found)}
    for one in found:
        ends = sorted((one.place, place), key=lambda p: (p.received_at, p.report_id))
        left, right = (end.report_id for end in ends)
        if one.ruling.proven:
            edge = new_edge(transaction, left, right, Relation.SAME, Basis.PROOF)
            edges.append(replace(edge, reasons=one.ruling.reasons, pending=True, policy=RULE))
        elif one.place.report_id in shown:
            edge = new_edge(transaction, left, right, Relation.SUGGESTED, Basis.SIMILARITY)
            said = one.suggestion
            edges.append(
                replace(
                    edge,
                    reasons=said.reasons,
                    score=said.score,
                    policy=model().name,
                    companion=one.companion,
                )
            )
    return edges


def _without_known(
    transaction: Transaction, said: Sequence[tuple[_Taken, list[Edge]]]
) -> list[tuple[_Taken, list[Edge]]]:
    """Leave out what was said of a pair before, when reports are compared with another model.

    A proof is kept as it stands, also one that was taken back; a suggestion gives way to the new.
    """
    again = [one.report.report_id for one, _ in said if one.again]
    if not again:
        return list(said)
    known = _store.edges_of(transaction, again)
    proofs = {(e.left, e.right) for e in known if e.basis is Basis.PROOF}
    old = {
        (e.left, e.right): e.id
        for e in known
        if e.basis is Basis.SIMILARITY and e.retracted_at is None
    }
    kept = [(one, [e for e in edges if (e.left, e.right) not in proofs]) for one, edges in said]
    new = [e for _, edges in kept for e in edges]
    _store.retract(transaction, [old[e.left, e.right] for e in new if (e.left, e.right) in old])
    return kept


def _events(one: _Taken, edges: Sequence[Edge]) -> list[ledger.Event]:
    events = []
    if not one.again:
        facts: dict[str, Json] = {
            "finding": one.place.finding_id,
            "proof_rule": RULE,
            "suggestion_rule": model().name,
        }
        place = one.place
        events.append(
            ledger.Event("report.matched", place.report_id, facts, place.readers, place.compartment)
        )
    if edges:
        rules: dict[str, Json] = {"rules": sorted({edge.policy for edge in edges})}
        events.append(_pair_event("report.compared", one.place.report_id, edges, rules))
    return events
