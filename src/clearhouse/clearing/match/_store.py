"""Where findings, edges and the keyed index are kept. Only match reads these tables.

Reasons quote two reports, so they are sealed in a compartment that the house's machinery alone
opens; whoever may read both reports gets them through `operations.explain`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from pydantic import TypeAdapter

from clearhouse.clearing.intake.operations import DESK_READERS, Report
from clearhouse.clearing.match.keyed import KeyedFeatures
from clearhouse.clearing.match.record import Basis, Edge, Finding, Reason, Relation
from clearhouse.kernel.ids import Compartment, FindingId, ReportId, new_id
from clearhouse.kernel.services import Desk
from clearhouse.kernel.store.database import Row, Transaction

MACHINERY = ("role:clearing",)
"""Who opens the payloads that quote two reports."""

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


def found(desk: Desk, transaction: Transaction, report: Report) -> Place:
    """Give a report a finding of its own and a place among the matched."""
    box = desk.vault.new_box(transaction, DESK_READERS)
    finding_id = FindingId(new_id("fnd"))
    transaction.execute(
        "INSERT INTO finding (finding_id, report_id, founded_at, compartment, readers)"
        " VALUES (%s, %s, %s, %s, %s)",
        [finding_id, report.report_id, report.received_at, box.compartment, list(box.readers)],
    )
    row = transaction.one(
        "INSERT INTO match_report (report_id, received_at, own_finding_id, finding_id,"
        " compartment, readers) VALUES (%s, %s, %s, %s, %s, %s) RETURNING *",
        [
            report.report_id,
            report.received_at,
            finding_id,
            finding_id,
            # Not the report's: who sent it would see by its finding that it is a duplicate.
            box.compartment,
            list(box.readers),
        ],
    )
    if row is None:
        raise AssertionError("INSERT RETURNING gave no row")
    return _place(row)


def place(transaction: Transaction, report_id: ReportId) -> Place | None:
    """Return where a report stands; None when it was not matched or the actor may not read it."""
    return places(transaction, [report_id]).get(report_id)


def places(transaction: Transaction, report_ids: Sequence[ReportId]) -> dict[ReportId, Place]:
    """Return where reports stand, as far as the actor may read them."""
    rows = transaction.all(
        "SELECT * FROM match_report WHERE report_id = ANY(%s)", [list(report_ids)]
    )
    return {ReportId(row["report_id"]): _place(row) for row in rows}


def set_contradicted(transaction: Transaction, report_id: ReportId, *, contradicted: bool) -> None:
    """Write down what validation said about a report."""
    transaction.execute(
        "UPDATE match_report SET contradicted = %s WHERE report_id = %s", [contradicted, report_id]
    )


def lock(transaction: Transaction, package: int | None) -> None:
    """Let one transaction at a time match within a package, so that none overlooks the other."""
    transaction.execute("SELECT pg_advisory_xact_lock(%s)", [package or 0])


def lock_findings(transaction: Transaction) -> None:
    """Let one transaction at a time change which reports are one."""
    transaction.execute("SELECT lock_findings()")


def index(transaction: Transaction, serial: int, features: KeyedFeatures) -> None:
    """Make a report findable."""
    transaction.execute(
        "WITH report AS (INSERT INTO match_index_report (serial, package, tokens, families)"
        "  VALUES (%s, %s, %s, %s)), keys AS ("
        "  INSERT INTO match_index_key (value, serial, kind)"
        "  SELECT value, %s, kind FROM unnest(%s::bytea[], %s::text[]) AS k (value, kind))"
        " INSERT INTO match_index_token (token, serial)"
        " SELECT token, %s FROM unnest(%s::bigint[]) AS token",
        [
            serial,
            features.package,
            list(features.tokens),
            list(features.families),
            serial,
            list(features.keys),
            [str(key.kind) for key in features.keys.values()],
            serial,
            list(features.tokens),
        ],
    )


def forget(transaction: Transaction, report_id: ReportId) -> None:
    """Take a report out of the index, as when its compartment is shredded."""
    row = place(transaction, report_id)
    if row is not None:
        transaction.execute(
            "WITH report AS (DELETE FROM match_index_report WHERE serial = %s), keys AS"
            " (DELETE FROM match_index_key WHERE serial = %s)"
            " DELETE FROM match_index_token WHERE serial = %s",
            [row.serial, row.serial, row.serial],
        )


def key_holders(
    transaction: Transaction, hashes: Sequence[bytes], *, but: int | None
) -> dict[ReportId, list[bytes]]:
    """Return who holds which of these keys: the earliest report of each finding and key."""
    rows = transaction.all(
        "SELECT DISTINCT ON (k.value, r.finding_id) r.report_id, k.value"
        " FROM match_index_key k JOIN match_report r USING (serial)"
        " WHERE k.value = ANY(%s) AND k.serial IS DISTINCT FROM %s"
        " ORDER BY k.value, r.finding_id, r.received_at, r.report_id",
        [list(hashes), but],
    )
    holders: dict[ReportId, list[bytes]] = {}
    for row in rows:
        holders.setdefault(ReportId(row["report_id"]), []).append(bytes(row["value"]))
    return holders


def frequencies(transaction: Transaction, tokens: Sequence[int]) -> tuple[int, Mapping[int, int]]:
    """Return how many reports there are, and in how many each of these tokens occurs."""
    total = transaction.one("SELECT coalesce(max(serial), 0) AS reports FROM match_index_report")
    rows = transaction.all(
        "SELECT token, count(*) AS count FROM match_index_token WHERE token = ANY(%s)"
        " GROUP BY token",
        [list(tokens)],
    )
    return int(total["reports"]) if total else 0, {row["token"]: row["count"] for row in rows}


def nearest(
    transaction: Transaction,
    package: int,
    weights: Mapping[int, float],
    *,
    but: int | None,
    limit: int,
) -> list[ReportId]:
    """Return the reports of a package that share the heaviest tokens, best first."""
    rows = transaction.all(
        "SELECT r.report_id FROM unnest(%s::bigint[], %s::float8[]) AS asked (token, weight)"
        " JOIN match_index_token t USING (token) JOIN match_index_report i USING (serial)"
        " JOIN match_report r USING (serial)"
        " WHERE i.package = %s AND serial IS DISTINCT FROM %s"
        " GROUP BY r.report_id, serial ORDER BY sum(weight) DESC, serial LIMIT %s",
        [list(weights), list(weights.values()), package, but, limit],
    )
    return [ReportId(row["report_id"]) for row in rows]


def insert_edges(desk: Desk, transaction: Transaction, owner: Place, edges: Sequence[Edge]) -> None:
    """Store edges that end at one report, their reasons sealed together."""
    if not edges:
        return
    box = desk.vault.new_box(transaction, MACHINERY)
    reasons = {edge.id: edge.reasons for edge in edges}
    payload = box.seal(transaction, "match-reasons", _REASONS.dump_json(reasons))
    transaction.many(
        "INSERT INTO match_edge (edge_id, left_report, right_report, relation, basis, state,"
        " score, reasons_payload, policy, decided_by, decided_at, compartment, readers)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        [
            (
                edge.id,
                edge.left,
                edge.right,
                edge.relation,
                edge.basis,
                "pending" if edge.pending else "active",
                edge.score,
                payload,
                edge.policy,
                edge.decided_by,
                edge.decided_at,
                owner.compartment,
                list(owner.readers),
            )
            for edge in edges
        ],
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


def counts(transaction: Transaction) -> dict[str, int]:
    """Count what the actor may read."""
    row = transaction.one(
        "SELECT (SELECT count(*) FROM match_report) AS reports,"
        " (SELECT count(DISTINCT finding_id) FROM match_report) AS findings,"
        " (SELECT count(*) FROM match_edge WHERE state = 'active' AND relation = 'suggested')"
        " AS suggested,"
        " (SELECT count(*) FROM match_edge WHERE state = 'pending') AS pending,"
        " (SELECT count(*) FROM match_report r WHERE finding_id <> own_finding_id) AS merged"
    )
    return dict(row or {})


def _place(row: Row) -> Place:
    return Place(
        report_id=ReportId(row["report_id"]),
        serial=row["serial"],
        received_at=row["received_at"],
        finding_id=FindingId(row["finding_id"]),
        contradicted=row["contradicted"],
        compartment=Compartment(row["compartment"]),
        readers=tuple(row["readers"]),
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
        pending=row["state"] == "pending",
        policy=row["policy"],
        decided_by=row["decided_by"],
        decided_at=row["decided_at"],
        retracted_at=row["retracted_at"],
        retracted_by=row["retracted_by"],
    )
