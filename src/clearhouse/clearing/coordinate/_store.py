"""Where cases are kept: one row with times and states, the case itself sealed.

Each change seals the whole case anew and keeps the earlier one, so the history can be read by
those who are read in and by nobody else.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from pydantic import TypeAdapter

from clearhouse.clearing.coordinate import transitions
from clearhouse.clearing.coordinate.embargo import ProjectPolicy
from clearhouse.clearing.coordinate.embargo_management import EmState
from clearhouse.clearing.coordinate.record import Case, CaseFile, DueCase, Party, PartyRole
from clearhouse.kernel import vault
from clearhouse.kernel.breadth import in_order
from clearhouse.kernel.ids import CaseId, Compartment, PartyId, PayloadId, ReportId
from clearhouse.kernel.services import Desk
from clearhouse.kernel.store.database import Row, Transaction
from clearhouse.kernel.vault import Box

_CASE = TypeAdapter(Case)


@dataclass(frozen=True, kw_only=True, slots=True)
class Vendor:
    """A party that answers for a package."""

    party: Party
    policy: ProjectPolicy | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Ahead:
    """What time alone will do to a case next."""

    at: datetime | None
    """When; None when never."""
    plain_end: bool
    """It ends the embargo, and lets nobody read who does not read now."""
    after: datetime | None
    """When the next thing comes after a plain end."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ended:
    """A case whose embargo was ended without opening it."""

    case_id: CaseId
    policy: str
    rule: str
    instant: datetime
    compartment: Compartment
    readers: tuple[str, ...]


def insert(transaction: Transaction, box: Box, case: Case, *, ahead: Ahead) -> None:
    """Store a fresh case."""
    payload = _seal(transaction, box, case)
    embargo = case.embargo
    transaction.execute(
        "INSERT INTO coordination_case (case_id, opened_at, changed_at, revision, embargo_state,"
        " embargo_instant, embargo_rule, policy, content_payload, compartment, readers,"
        " next_clock, plain_end, clock_after)"
        " VALUES (%s, %s, %s, 1, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        [
            case.id,
            case.opened_at,
            transaction.now,
            case.embargo_state,
            embargo.instant,
            embargo.rule,
            f"{embargo.policy}/{embargo.version}",
            payload,
            box.compartment,
            list(box.readers),
            ahead.at,
            ahead.plain_end,
            ahead.after,
        ],
    )
    _keep(transaction, box, case.id, 1, "opened", payload)


def load(
    desk: Desk, transaction: Transaction, case_id: str, *, to_change: bool = False
) -> CaseFile | None:
    """Return a case that the actor may read; `to_change` lets others wait until it is saved."""
    row = (
        transaction.one("SELECT * FROM coordination_case WHERE case_id = %s FOR UPDATE", [case_id])
        if to_change
        else transaction.one("SELECT * FROM coordination_case WHERE case_id = %s", [case_id])
    )
    return None if row is None else _opened(desk, transaction, [row])[0]


def newest(
    desk: Desk, transaction: Transaction, limit: int, *, offset: int = 0, kept_back: bool = False
) -> list[CaseFile]:
    """Return the cases that the actor may read, the one whose embargo ends first in front.

    `kept_back` leaves out those without an embargo, and those that are public.
    """
    with in_order(transaction):
        rows = transaction.all(
            "SELECT * FROM coordination_case WHERE merged_into IS NULL"
            " AND (NOT %s OR (published_at IS NULL AND embargo_instant IS NOT NULL))"
            " ORDER BY published_at IS NOT NULL, embargo_instant NULLS FIRST, case_id"
            " LIMIT %s OFFSET %s",
            [kept_back, limit, offset],
        )
    return _opened(desk, transaction, rows)


def ends(transaction: Transaction) -> dict[date, int]:
    """Count by day, in UTC, the cases kept back that the actor may read: then they are public."""
    rows = transaction.all(
        "SELECT (embargo_instant AT TIME ZONE 'UTC')::date AS day, count(*) AS cases"
        " FROM coordination_case WHERE merged_into IS NULL"
        " AND published_at IS NULL AND embargo_instant IS NOT NULL GROUP BY day ORDER BY day"
    )
    return {row["day"]: row["cases"] for row in rows}


def save(
    desk: Desk,
    transaction: Transaction,
    before: CaseFile,
    case: Case,
    what: str,
    *,
    ahead: Ahead,
) -> None:
    """Store the next state of a case and keep the one before."""
    box = desk.vault.open_box(transaction, before.compartment)
    payload = _seal(transaction, box, case)
    embargo = case.embargo
    transaction.execute(
        "UPDATE coordination_case SET changed_at = %s, revision = %s, embargo_state = %s,"
        " embargo_instant = %s, embargo_rule = %s, policy = %s, published_at = %s,"
        " content_payload = %s, next_clock = %s, plain_end = %s, clock_after = %s, ended_at = NULL"
        " WHERE case_id = %s",
        [
            transaction.now,
            before.revision + 1,
            case.embargo_state,
            embargo.instant,
            embargo.rule,
            f"{embargo.policy}/{embargo.version}",
            case.published_at,
            payload,
            ahead.at,
            ahead.plain_end,
            ahead.after,
            case.id,
        ],
    )
    _keep(transaction, box, case.id, before.revision + 1, what, payload)


def clocks_due(desk: Desk, transaction: Transaction, limit: int) -> list[CaseFile]:
    """Return cases that time has changed, to be changed; those that others hold are left."""
    rows = transaction.all(
        "SELECT * FROM coordination_case WHERE next_clock <= %s AND merged_into IS NULL"
        " ORDER BY next_clock, case_id LIMIT %s FOR UPDATE SKIP LOCKED",
        [transaction.now, limit],
    )
    return _opened(desk, transaction, rows)


def end_plainly(transaction: Transaction, limit: int) -> list[Ended]:
    """End embargoes whose instant has come, where that lets nobody new read; open none.

    Peers that have a case by relay are told of its end, so such a case is opened.
    """
    rows = transaction.all(
        "WITH due AS (SELECT case_id FROM coordination_case c WHERE next_clock <= %s AND plain_end"
        " AND merged_into IS NULL"
        " AND NOT EXISTS (SELECT FROM relay_link l WHERE l.case_id = c.case_id)"
        " ORDER BY next_clock, case_id LIMIT %s FOR UPDATE OF c SKIP LOCKED),"
        " ended AS (UPDATE coordination_case c SET embargo_state = %s, ended_at = %s,"
        " changed_at = %s, revision = revision + 1, next_clock = clock_after, plain_end = false,"
        " clock_after = NULL FROM due WHERE c.case_id = due.case_id RETURNING c.*),"
        " kept AS (INSERT INTO case_revision (case_id, revision, at, actor_id, what,"
        " content_payload, compartment, readers) SELECT case_id, revision, %s, %s,"
        " 'embargo.ended', content_payload, compartment, readers FROM ended)"
        " SELECT case_id, policy, embargo_rule, embargo_instant, compartment, readers FROM ended",
        [transaction.now, limit, EmState.EXITED, *[transaction.now] * 3,
         transaction.actor or "nobody"],
    )  # fmt: skip
    return [
        Ended(
            case_id=CaseId(row["case_id"]),
            policy=row["policy"],
            rule=row["embargo_rule"],
            instant=row["embargo_instant"],
            compartment=Compartment(row["compartment"]),
            readers=tuple(row["readers"]),
        )
        for row in rows
    ]


def set_readers(transaction: Transaction, compartment: Compartment, readers: Sequence[str]) -> None:
    """Let exactly these principals read everything of the case."""
    vault.set_readers(transaction, compartment, readers)


def link(transaction: Transaction, stored: CaseFile, report_ids: Sequence[ReportId]) -> int:
    """Note which case the reports belong to; return how many are new in it."""
    return sum(
        transaction.execute(
            "INSERT INTO case_report (report_id, case_id, compartment, readers)"
            " VALUES (%s, %s, %s, %s) ON CONFLICT (report_id) DO NOTHING",
            [report_id, stored.case.id, stored.compartment, list(stored.readers)],
        )
        for report_id in report_ids
    )


def reports_of(transaction: Transaction, case_id: str) -> list[ReportId]:
    """Return the ids of the reports in a case."""
    rows = transaction.all(
        "SELECT report_id FROM case_report WHERE case_id = %s ORDER BY report_id", [case_id]
    )
    return [ReportId(row["report_id"]) for row in rows]


def cases_of(transaction: Transaction, report_ids: Sequence[ReportId]) -> list[CaseId]:
    """Return the cases that hold any of the reports, the oldest first."""
    rows = transaction.all(
        "SELECT DISTINCT case_id, opened_at FROM case_report JOIN coordination_case USING (case_id)"
        " WHERE report_id = ANY(%s) AND merged_into IS NULL ORDER BY opened_at, case_id",
        [list(report_ids)],
    )
    return [CaseId(row["case_id"]) for row in rows]


def absorb(transaction: Transaction, kept: CaseFile, other: CaseFile) -> None:
    """Move the reports of one case to another and let the first one point there."""
    transaction.execute(
        "UPDATE case_report SET case_id = %s, compartment = %s, readers = %s WHERE case_id = %s",
        [kept.case.id, kept.compartment, list(kept.readers), other.case.id],
    )
    transaction.execute(
        "UPDATE coordination_case SET merged_into = %s WHERE case_id = %s",
        [kept.case.id, other.case.id],
    )


def hurry_notices(transaction: Transaction, case_id: str) -> None:
    """Let what pacing holds back of a case go at once."""
    transaction.execute(
        "UPDATE notice SET due_at = %s, held_because = NULL"
        " WHERE case_id = %s AND sent_at IS NULL AND held_because IS NOT NULL",
        [transaction.now, case_id],
    )


def due(transaction: Transaction) -> list[DueCase]:
    """Return the cases that no embargo keeps back any more and that are not published."""
    rows = transaction.all(
        "SELECT case_id, revision FROM coordination_case"
        " WHERE published_at IS NULL AND merged_into IS NULL"
        " AND (embargo_instant IS NULL OR embargo_instant <= %s)"
        " ORDER BY embargo_instant, case_id",
        [transaction.now],
    )
    return [DueCase(case_id=CaseId(row["case_id"]), revision=row["revision"]) for row in rows]


def revisions(transaction: Transaction, case_id: str) -> list[tuple[int, datetime, str, str]]:
    """Return number, instant, actor and event of every state a case was in."""
    rows = transaction.all(
        "SELECT revision, at, actor_id, what FROM case_revision WHERE case_id = %s"
        " ORDER BY revision",
        [case_id],
    )
    return [(row["revision"], row["at"], row["actor_id"], row["what"]) for row in rows]


def count(transaction: Transaction) -> dict[str, int]:
    """Count the cases that the actor may see, by what they wait for."""
    return transaction.counts(
        "SELECT count(*) AS cases, count(*) FILTER (WHERE published_at IS NOT NULL) AS published,"
        " count(*) FILTER (WHERE published_at IS NULL AND embargo_instant > %s) AS embargoed,"
        " count(*) FILTER (WHERE published_at IS NULL AND (embargo_instant IS NULL OR"
        " embargo_instant <= %s)) AS due,"
        " extract(epoch FROM %s - min(coalesce(embargo_instant, opened_at)) FILTER (WHERE"
        " published_at IS NULL AND (embargo_instant IS NULL OR embargo_instant <= %s)))::bigint"
        " AS waited_s FROM coordination_case WHERE merged_into IS NULL",
        [transaction.now] * 4,
    )


def register_vendor(
    transaction: Transaction, party_id: PartyId, purls: Sequence[str], policy: ProjectPolicy | None
) -> None:
    """Note that a party answers for these packages; a later note replaces its policy."""
    transaction.many(
        "INSERT INTO vendor_package (purl, party_id, policy_days, policy_source)"
        " VALUES (%s, %s, %s, %s) ON CONFLICT (purl, party_id) DO UPDATE"
        " SET policy_days = excluded.policy_days, policy_source = excluded.policy_source",
        [
            (purl, party_id, policy and policy.length.days, policy and policy.source)
            for purl in purls
        ],
    )


def vendors_of(transaction: Transaction, purl: str) -> list[Vendor]:
    """Return the parties that answer for a package."""
    rows = transaction.all(
        "SELECT party_id, name, contact, policy_days, policy_source FROM vendor_package"
        " JOIN party USING (party_id) WHERE purl = %s ORDER BY party_id",
        [purl],
    )
    return [Vendor(party=_party(row, PartyRole.VENDOR), policy=_policy(row)) for row in rows]


def parties(transaction: Transaction, ids: Sequence[PartyId], role: PartyRole) -> list[Party]:
    """Return parties of the house's register, as parties of a case."""
    rows = transaction.all(
        "SELECT party_id, name, contact FROM party WHERE party_id = ANY(%s) ORDER BY party_id",
        [list(ids)],
    )
    return [_party(row, role) for row in rows]


def _party(row: Row, role: PartyRole) -> Party:
    return Party(id=row["party_id"], role=role, name=row["name"], contact=row["contact"])


def _policy(row: Row) -> ProjectPolicy | None:
    if row["policy_days"] is None:
        return None
    return ProjectPolicy(length=timedelta(days=row["policy_days"]), source=row["policy_source"])


def _seal(transaction: Transaction, box: Box, case: Case) -> PayloadId:
    return box.seal(transaction, "case", _CASE.dump_json(case))


def _keep(
    transaction: Transaction, box: Box, case_id: str, revision: int, what: str, payload: PayloadId
) -> None:
    transaction.execute(
        "INSERT INTO case_revision (case_id, revision, at, actor_id, what, content_payload,"
        " compartment, readers) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
        [
            case_id,
            revision,
            transaction.now,
            transaction.actor or "nobody",
            what,
            payload,
            box.compartment,
            list(box.readers),
        ],
    )


def _opened(desk: Desk, transaction: Transaction, rows: Sequence[Row]) -> list[CaseFile]:
    contents = desk.vault.open_many(transaction, [row["content_payload"] for row in rows])
    return [
        CaseFile(
            case=_now(_CASE.validate_json(contents[row["content_payload"]]), row["ended_at"]),
            revision=row["revision"],
            compartment=Compartment(row["compartment"]),
            readers=tuple(row["readers"]),
        )
        for row in rows
    ]


def _now(sealed: Case, ended_at: datetime | None) -> Case:
    """Return a case as it is, when its embargo ended since it was sealed."""
    return sealed if ended_at is None else transitions.tick(sealed, ended_at)
