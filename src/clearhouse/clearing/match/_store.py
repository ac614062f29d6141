"""Where findings, edges and the keyed index are kept. Only match reads these tables.

Reasons quote two reports, so they are sealed in a compartment that the house's machinery alone
opens; whoever may read both reports gets them through `operations.explain`.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString

from pydantic import TypeAdapter

from clearhouse.clearing.intake.operations import DESK_READERS, Report
from clearhouse.clearing.match import _index
from clearhouse.clearing.match.record import Basis, Edge, Finding, Reason, Relation
from clearhouse.kernel import vault
from clearhouse.kernel.breadth import NOT_THEIRS_ALONE, in_order, is_analyst
from clearhouse.kernel.ids import Compartment, FindingId, ReportId, new_id
from clearhouse.kernel.services import Desk
from clearhouse.kernel.store.database import Row, Transaction

MACHINERY = ("role:clearing",)
"""Who opens the payloads that quote two reports."""

_BETWEEN = "\n"
"""Stands between the names of readers, none of which holds it."""

_REASONS = TypeAdapter(dict[str, tuple[Reason, ...]])


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where one matched report stands."""

    report_id: ReportId
    serial: int
    received_at: datetime
    finding_id: FindingId
    contradicted: bool | None
    """None until validation has spoken."""
    compartment: Compartment
    readers: tuple[str, ...]
    rule: str | None = None
    """The model that it was last compared with; None when it is not in the index."""


def found(
    desk: Desk, transaction: Transaction, reports: Sequence[Report], *, rule: str | None = None
) -> list[Place]:
    """Give each report a finding of its own and a place among the matched, in this order.

    With `rule`, those are taken down as compared with that model.
    """
    # Not the reports' boxes: who sent one would see by its finding that it is a duplicate.
    boxes = desk.vault.new_boxes(transaction, DESK_READERS, len(reports))
    finding_ids = [FindingId(new_id("fnd")) for _ in reports]
    rows = transaction.all(
        "WITH new AS (SELECT * FROM unnest(%s::text[], %s::timestamptz[], %s::text[], %s::text[])"
        "  WITH ORDINALITY AS n (report_id, received_at, finding_id, compartment, place)),"
        " founded AS (INSERT INTO finding (finding_id, report_id, founded_at, compartment, readers)"
        "  SELECT finding_id, report_id, received_at, compartment, %s FROM new)"
        " INSERT INTO match_report (report_id, received_at, own_finding_id, finding_id,"
        "  compartment, readers, rule)"
        " SELECT report_id, received_at, finding_id, finding_id, compartment, %s, %s"
        " FROM new ORDER BY place RETURNING *",
        [
            [report.report_id for report in reports],
            [report.received_at for report in reports],
            finding_ids,
            [box.compartment for box in boxes],
            list(DESK_READERS),
            list(DESK_READERS),
            rule,
        ],
    )
    return [_place(row) for row in rows]


def place(transaction: Transaction, report_id: ReportId) -> Place | None:
    """Return where a report stands; None when it was not matched or the actor may not read it."""
    return places(transaction, [report_id]).get(report_id)


def places(transaction: Transaction, report_ids: Sequence[ReportId]) -> dict[ReportId, Place]:
    """Return where reports stand, as far as the actor may read them."""
    rows = transaction.all(
        "SELECT * FROM match_report WHERE report_id = ANY(%s)", [list(report_ids)]
    )
    return {ReportId(row["report_id"]): _place(row) for row in rows}


def places_of(transaction: Transaction, serials: Sequence[int]) -> dict[int, Place]:
    """Return where the reports with these serial numbers stand."""
    rows = transaction.all("SELECT * FROM match_report WHERE serial = ANY(%s)", [list(serials)])
    return {row["serial"]: _place(row) for row in rows}


def compared(transaction: Transaction, serials: Sequence[int], rule: str) -> None:
    """Write down which model these reports were compared with."""
    transaction.execute(
        "UPDATE match_report SET rule = %s WHERE serial = ANY(%s)", [rule, list(serials)]
    )


def forget_rules(transaction: Transaction) -> int:
    """Ask for every matched report to be compared again; return how many there are."""
    return transaction.execute("UPDATE match_report SET rule = NULL WHERE rule IS NOT NULL")


def waiting(transaction: Transaction, report_ids: Sequence[ReportId]) -> list[ReportId]:
    """Return those of these reports that are not in the index, in the same order."""
    known = places(transaction, report_ids)
    return [one for one in report_ids if one not in known or known[one].rule is None]


def set_contradicted(transaction: Transaction, report_id: ReportId, *, contradicted: bool) -> None:
    """Write down what validation said about a report."""
    transaction.execute(
        "UPDATE match_report SET contradicted = %s WHERE report_id = %s", [contradicted, report_id]
    )


def lock(transaction: Transaction, names: Iterable[int]) -> None:
    """Let one transaction at a time match under each of these names: none overlooks another.

    Everybody takes them in the same order.
    """
    for name in sorted(names):
        transaction.execute("SELECT pg_advisory_xact_lock(%s)", [name])


def try_lock(transaction: Transaction, names: Mapping[ReportId, Iterable[int]]) -> list[ReportId]:
    """Take the same locks as `lock` for reports, and return those of which none was taken."""
    reports = list(names)
    pairs = [(place, name) for place, one in enumerate(reports) for name in sorted(names[one])]
    rows = transaction.tuples(
        "SELECT place FROM unnest(%s::integer[], %s::bigint[]) AS asked (place, name)"
        " GROUP BY place HAVING bool_and(pg_try_advisory_xact_lock(name))",
        [_index.numbers(place for place, _ in pairs), _index.numbers(name for _, name in pairs)],
    )
    return [reports[place] for (place,) in rows]


def lock_findings(transaction: Transaction) -> None:
    """Let one transaction at a time change which reports are one."""
    transaction.execute("SELECT lock_findings()")


def forget(transaction: Transaction, report_id: ReportId) -> None:
    """Take a report out of the index, as when its compartment is shredded."""
    row = place(transaction, report_id)
    if row is not None:
        _index.remove(transaction, row.serial)


def insert_edges(
    desk: Desk, transaction: Transaction, edges: Sequence[tuple[Place, Sequence[Edge]]]
) -> None:
    """Store edges by the report that they end at, the reasons of each report sealed together."""
    edges = [(owner, ending) for owner, ending in edges if ending]
    if not edges:
        return
    boxes = desk.vault.new_boxes(transaction, MACHINERY, len(edges))
    reasons = [{edge.id: edge.reasons for edge in ending} for _, ending in edges]
    dumped = [_REASONS.dump_json(one) for one in reasons]
    payloads = vault.seal_many(transaction, "match-reasons", list(zip(boxes, dumped, strict=True)))
    rows = [
        (
            edge.id,
            edge.left,
            edge.right,
            edge.relation,
            edge.basis,
            "pending" if edge.pending else "active",
            edge.score,
            edge.companion,
            payload,
            edge.policy,
            edge.decided_by,
            edge.decided_at,
            owner.compartment,
            _BETWEEN.join(owner.readers),
        )
        for (owner, ending), payload in zip(edges, payloads, strict=True)
        for edge in ending
    ]
    transaction.execute(
        "INSERT INTO match_edge (edge_id, left_report, right_report, relation, basis, state,"
        " score, companion, reasons_payload, policy, decided_by, decided_at, compartment, readers)"
        " SELECT edge_id, one, other, relation, basis, state, score, companion, payload, policy,"
        "  decided_by, decided_at, compartment, string_to_array(readers, %s)"
        " FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[],"
        "  %s::real[], %s::boolean[], %s::text[], %s::text[], %s::text[], %s::timestamptz[],"
        "  %s::text[], %s::text[]) AS e (edge_id, one, other, relation, basis, state, score,"
        "  companion, payload, policy, decided_by, decided_at, compartment, readers)"
        " ON CONFLICT (left_report, right_report)"
        "  WHERE basis = 'similarity' AND state <> 'retracted' DO NOTHING",
        [_BETWEEN, *(list(column) for column in zip(*rows, strict=True))],
    )


def activate(transaction: Transaction, edge_ids: Sequence[str]) -> None:
    """Let pending edges count from now on."""
    transaction.execute(
        "UPDATE match_edge SET state = 'active' WHERE edge_id = ANY(%s) AND state = 'pending'",
        [list(edge_ids)],
    )


def suspend(transaction: Transaction, edge_ids: Sequence[str]) -> None:
    """Let edges wait again for validation."""
    transaction.execute(
        "UPDATE match_edge SET state = 'pending' WHERE edge_id = ANY(%s) AND state = 'active'",
        [list(edge_ids)],
    )


def retract(transaction: Transaction, edge_ids: Sequence[str]) -> None:
    """Let edges no longer count; they stay to be read."""
    transaction.execute(
        "UPDATE match_edge SET state = 'retracted', retracted_at = %s, retracted_by = %s"
        " WHERE edge_id = ANY(%s) AND state <> 'retracted'",
        [transaction.now, transaction.actor or "nobody", list(edge_ids)],
    )


def edges_of(transaction: Transaction, report_ids: Sequence[ReportId]) -> list[Edge]:
    """Return every edge at these reports that the actor may read, without its reasons."""
    rows = transaction.all(
        "SELECT * FROM match_edge WHERE left_report = ANY(%s) OR right_report = ANY(%s)"
        " ORDER BY decided_at, edge_id",
        [list(report_ids), list(report_ids)],
    )
    return [_edge(row) for row in rows]


def edge(transaction: Transaction, edge_id: str) -> Edge | None:
    """Return one edge without its reasons, or None when the actor may not read it."""
    row = transaction.one("SELECT * FROM match_edge WHERE edge_id = %s", [edge_id])
    return None if row is None else _edge(row)


def reasons(
    desk: Desk, machinery: Transaction, edge_ids: Sequence[str]
) -> dict[str, tuple[Reason, ...]]:
    """Open the reasons of edges, in a transaction of the house's machinery."""
    rows = machinery.all(
        "SELECT edge_id, reasons_payload FROM match_edge WHERE edge_id = ANY(%s)",
        [list(edge_ids)],
    )
    opened = desk.vault.open_many(machinery, list({row["reasons_payload"] for row in rows}))
    known = {name: _REASONS.validate_json(data) for name, data in opened.items()}
    return {row["edge_id"]: known[row["reasons_payload"]][row["edge_id"]] for row in rows}


def join_forbidden(transaction: Transaction, one: ReportId, other: ReportId) -> bool:
    """Say whether a person's word stands against joining two reports."""
    row = transaction.one("SELECT join_forbidden(%s, %s) AS forbidden", [one, other])
    return row is not None and bool(row["forbidden"])


def regroup(transaction: Transaction, report_ids: Sequence[ReportId]) -> None:
    """Recompute the findings of these reports and of all that share one with them."""
    transaction.execute("SELECT regroup_findings(%s)", [list(report_ids)])


def finding(transaction: Transaction, finding_id: FindingId) -> Finding | None:
    """Return the finding that an id leads to now; None when the actor may not read it."""
    head = transaction.one(
        "SELECT now.* FROM finding asked JOIN match_report r ON r.own_finding_id = asked.finding_id"
        " JOIN finding now ON now.finding_id = r.finding_id WHERE asked.finding_id = %s",
        [finding_id],
    )
    if head is None:
        return None
    rows = transaction.all(
        "SELECT report_id, own_finding_id FROM match_report WHERE finding_id = %s"
        " ORDER BY received_at, report_id",
        [head["finding_id"]],
    )
    return Finding(
        finding_id=FindingId(head["finding_id"]),
        report_ids=tuple(ReportId(row["report_id"]) for row in rows),
        founded_at=head["founded_at"],
        merged=tuple(
            FindingId(row["own_finding_id"])
            for row in rows
            if row["own_finding_id"] != head["finding_id"]
        ),
        compartment=Compartment(head["compartment"]),
        readers=tuple(head["readers"]),
    )


def companions(transaction: Transaction, finding_id: FindingId, most: int) -> list[FindingId]:
    """Return the findings that are taken to be one with this one, through what the actor sees.

    A person's word that two are siblings or different bugs parts them.
    """
    rows = transaction.all(
        "WITH RECURSIVE near (finding_id) AS (SELECT %s UNION"
        "  SELECT other.finding_id FROM near JOIN match_report r USING (finding_id),"
        "  LATERAL (SELECT right_report AS report_id FROM match_edge"
        "    WHERE left_report = r.report_id AND companion AND state = 'active'"
        "   UNION ALL SELECT left_report FROM match_edge"
        "    WHERE right_report = r.report_id AND companion AND state = 'active') AS beside"
        "  JOIN match_report other ON other.report_id = beside.report_id"
        "  WHERE NOT EXISTS (SELECT FROM match_report one JOIN match_edge word"
        "    ON one.report_id IN (word.left_report, word.right_report)"
        "   JOIN match_report two ON two.report_id IN (word.left_report, word.right_report)"
        "   WHERE one.finding_id = near.finding_id AND two.finding_id = other.finding_id"
        "    AND word.relation IN ('sibling', 'different') AND word.state = 'active'))"
        " SELECT finding_id FROM near WHERE finding_id <> %s LIMIT %s",
        [finding_id, finding_id, most],
    )
    return [FindingId(row["finding_id"]) for row in rows]


def undecided(transaction: Transaction, *, after: str | None, most: int) -> list[str]:
    """Return the suggestions that nobody has answered, the likeliest first.

    With `after`, those behind that one; a person's word about two findings answers for all pairs
    between them.
    """
    found: list[str] = []
    while len(found) < most:
        some = _suggested(transaction, after, most + _AT_ONCE)
        said = _told_apart(transaction, {finding for _, *both in some for finding in both})
        found += [edge for edge, *both in some if frozenset(both) not in said]
        if len(some) < most + _AT_ONCE:
            break
        after = some[-1][0]
    return found[:most]


_AT_ONCE = 20
"""So many more suggestions are read than are wanted, for those that are answered."""


def _suggested(
    transaction: Transaction, after: str | None, most: int
) -> list[tuple[str, FindingId, FindingId]]:
    """Return suggestions between two findings, the likeliest first, each with both."""
    hidden: LiteralString = (
        "" if is_analyst(transaction) else NOT_THEIRS_ALONE.replace("readers", "e.readers")
    )
    with in_order(transaction):
        rows = transaction.all(
            "SELECT e.edge_id, l.finding_id AS one, r.finding_id AS other FROM match_edge e"  # noqa: S608 - a text of ours
            " JOIN match_report l ON l.report_id = e.left_report"
            " JOIN match_report r ON r.report_id = e.right_report"
            f" WHERE e.relation = 'suggested' AND e.state = 'active'{hidden}"
            " AND l.finding_id <> r.finding_id"
            " AND (-coalesce(e.score, 0), e.edge_id) > (coalesce((SELECT -coalesce(score, 0)"
            "   FROM match_edge WHERE edge_id = %s), '-infinity'::real), coalesce(%s, ''))"
            " ORDER BY -coalesce(e.score, 0), e.edge_id LIMIT %s",
            [after, after, most],
        )
    return [(row["edge_id"], row["one"], row["other"]) for row in rows]


def _told_apart(
    transaction: Transaction, finding_ids: Collection[FindingId]
) -> set[frozenset[FindingId]]:
    """Return which of these findings are siblings or different bugs by somebody's word, in pairs.

    Asked for by itself: as part of the question above, the store might look for it in all reports.
    """
    rows = transaction.all(
        "WITH own AS MATERIALIZED (SELECT report_id, finding_id FROM match_report"
        "  WHERE finding_id = ANY(%s))"
        " SELECT DISTINCT l.finding_id AS one, r.finding_id AS other FROM match_edge word"
        " JOIN own l ON l.report_id = word.left_report"
        " JOIN own r ON r.report_id = word.right_report"
        " WHERE word.left_report IN (SELECT report_id FROM own)"
        "  AND word.relation IN ('sibling', 'different') AND word.state = 'active'",
        [list(finding_ids)],
    )
    return {frozenset((row["one"], row["other"])) for row in rows}


def findings(transaction: Transaction) -> list[FindingId]:
    """Return every finding that the actor may read and that has become part of no other."""
    rows = transaction.all(
        "SELECT f.finding_id FROM finding f JOIN match_report r USING (report_id)"
        " WHERE r.finding_id = f.finding_id ORDER BY f.founded_at, f.finding_id"
    )
    return [FindingId(row["finding_id"]) for row in rows]


def limit_findings(
    transaction: Transaction, report_ids: Sequence[ReportId], house: Sequence[str]
) -> None:
    """Leave the findings that these reports began with to `house`."""
    transaction.execute("SELECT limit_findings(%s, %s)", [list(report_ids), sorted(house)])


def compartments_of(transaction: Transaction, report_ids: Sequence[ReportId]) -> list[Compartment]:
    """Return the compartments of the findings that these reports began with."""
    rows = transaction.all(
        "SELECT DISTINCT f.compartment FROM match_report m"
        " JOIN finding f ON f.finding_id = m.own_finding_id WHERE m.report_id = ANY(%s) ORDER BY 1",
        [list(report_ids)],
    )
    return [Compartment(row["compartment"]) for row in rows]


def counts(transaction: Transaction) -> dict[str, int]:
    """Count what the actor may read."""
    return transaction.counts(
        "SELECT * FROM (SELECT count(*) AS reports, count(DISTINCT finding_id) AS findings,"
        "   count(*) FILTER (WHERE finding_id <> own_finding_id) AS merged FROM match_report) AS r,"
        " (SELECT count(*) FILTER (WHERE state = 'active') AS suggested,"
        "   count(*) FILTER (WHERE state = 'pending') AS pending,"
        "   extract(epoch FROM %s - min(decided_at) FILTER (WHERE state = 'active'))::bigint"
        "    AS waited_s"
        "  FROM match_edge WHERE state = 'pending'"
        "   OR (state = 'active' AND relation = 'suggested')) AS e",
        [transaction.now],
    )


def _place(row: Row) -> Place:
    return Place(
        report_id=ReportId(row["report_id"]),
        serial=row["serial"],
        received_at=row["received_at"],
        finding_id=FindingId(row["finding_id"]),
        contradicted=row["contradicted"],
        compartment=Compartment(row["compartment"]),
        readers=tuple(row["readers"]),
        rule=row["rule"],
    )


def _edge(row: Row) -> Edge:
    return Edge(
        id=row["edge_id"],
        left=ReportId(row["left_report"]),
        right=ReportId(row["right_report"]),
        relation=Relation(row["relation"]),
        basis=Basis(row["basis"]),
        reasons=(),
        score=row["score"],
        companion=row["companion"],
        pending=row["state"] == "pending",
        policy=row["policy"],
        decided_by=row["decided_by"],
        decided_at=row["decided_at"],
        retracted_at=row["retracted_at"],
        retracted_by=row["retracted_by"],
    )
