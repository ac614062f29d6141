"""Where advisories are kept: public documents, and beside each case how far its publication is."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from pydantic import TypeAdapter

from clearhouse.clearing.publish.record import Advisory, Documents, Withdrawal, Wording
from clearhouse.kernel.ids import Compartment, EventId
from clearhouse.kernel.services import Desk
from clearhouse.kernel.store.database import Row, Transaction

_WORDING = TypeAdapter(Wording)
_WITHDRAWAL = TypeAdapter(Withdrawal)


@dataclass(frozen=True, kw_only=True, slots=True)
class Past:
    """One issue of an advisory as its history tells of it."""

    at: datetime
    summary: str
    withdrawal: Withdrawal | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Publication:
    """How far the publication of a case is."""

    case_id: str
    advisory_id: str | None
    """None while it is held back."""
    looked_at: datetime
    refusals: tuple[str, ...]
    """Codes of what holds it back."""


def next_number(transaction: Transaction, year: int) -> int:
    """Return the next free number of a year; others wait for it until this transaction ends."""
    row = transaction.one("SELECT next_advisory_number(%s) AS next", [year])
    return int(row["next"]) if row else 1


def insert(
    transaction: Transaction,
    documents: Documents,
    issue: Past,
    *,
    year: int,
    number: int,
    event_id: EventId,
) -> None:
    """Store an issue that was decided and is not written yet."""
    withdrawal = None if issue.withdrawal is None else _WITHDRAWAL.dump_json(issue.withdrawal)
    transaction.execute(
        "INSERT INTO advisory (advisory_id, revision, year, number, decided_at, event_id, summary,"
        " withdrawal) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
        [
            documents.id,
            documents.revision,
            year,
            number,
            issue.at,
            event_id,
            issue.summary,
            None if withdrawal is None else withdrawal.decode(),
        ],
    )
    transaction.execute(
        "INSERT INTO advisory_document (advisory_id, revision, form, body)"
        " SELECT %s, %s, form, body FROM unnest(%s::text[], %b::bytea[]) AS made (form, body)",
        [
            documents.id,
            documents.revision,
            list(documents.bodies),
            list(documents.bodies.values()),
        ],
    )


def issues(transaction: Transaction, advisory_id: str) -> tuple[Past, ...]:
    """Return the public issues of an advisory, the first one first."""
    rows = transaction.all(
        "SELECT decided_at, summary, withdrawal FROM advisory"
        " WHERE advisory_id = %s AND written_at IS NOT NULL ORDER BY revision",
        [advisory_id],
    )
    return tuple(
        Past(
            at=row["decided_at"],
            summary=row["summary"],
            withdrawal=None
            if row["withdrawal"] is None
            else _WITHDRAWAL.validate_python(row["withdrawal"]),
        )
        for row in rows
    )


def unwritten(transaction: Transaction) -> list[Advisory]:
    """Return the issues that were decided and are not public yet, the oldest first."""
    rows = transaction.all(
        "SELECT * FROM advisory WHERE written_at IS NULL ORDER BY decided_at, advisory_id, revision"
    )
    return _with_documents(transaction, rows)


def written(transaction: Transaction, advisory: Advisory, proof: bytes) -> bool:
    """Note that an issue is public; True when it was not before."""
    return bool(
        transaction.execute(
            "UPDATE advisory SET written_at = %s, proof = %s"
            " WHERE advisory_id = %s AND revision = %s AND written_at IS NULL",
            [transaction.now, proof, advisory.advisory_id, advisory.revision],
        )
    )


def public(transaction: Transaction, *, form: str | None = None) -> list[Advisory]:
    """Return the newest public issue of every advisory, the newest advisory first.

    With a form, they come with the document of that form alone.
    """
    rows = transaction.all(
        "SELECT * FROM (SELECT DISTINCT ON (advisory_id) * FROM advisory"
        " WHERE written_at IS NOT NULL ORDER BY advisory_id, revision DESC) AS newest"
        " ORDER BY year DESC, number DESC"
    )
    return _with_documents(transaction, rows, form)


def public_one(transaction: Transaction, advisory_id: str) -> Advisory | None:
    """Return the newest public issue of one advisory."""
    rows = transaction.all(
        "SELECT * FROM advisory WHERE advisory_id = %s AND written_at IS NOT NULL"
        " ORDER BY revision DESC LIMIT 1",
        [advisory_id],
    )
    return next(iter(_with_documents(transaction, rows)), None)


def advisories_of(transaction: Transaction, receipt: str) -> list[str]:
    """Return the ids of the public advisories that a submission became part of."""
    rows = transaction.all("SELECT advisory_id FROM advisories_of(%s)", [receipt])
    return [str(row["advisory_id"]) for row in rows]


def every_public(transaction: Transaction) -> list[Advisory]:
    """Return every public issue of every advisory."""
    rows = transaction.all(
        "SELECT * FROM advisory WHERE written_at IS NOT NULL ORDER BY year, number, revision"
    )
    return _with_documents(transaction, rows)


def in_order_of_release(transaction: Transaction, form: str) -> list[tuple[datetime, Advisory]]:
    """Return every public issue with the document of a form, and since when it is public."""
    rows = transaction.all(
        "SELECT * FROM advisory WHERE written_at IS NOT NULL"
        " ORDER BY written_at, advisory_id, revision"
    )
    found = _with_documents(transaction, rows, form)
    return [(row["written_at"], one) for row, one in zip(rows, found, strict=True)]


def newest_release(transaction: Transaction) -> tuple[int, datetime | None]:
    """Return how many issues are public, and since when the last of them is."""
    row = transaction.one("SELECT count(written_at) AS many, max(written_at) AS at FROM advisory")
    return (0, None) if row is None else (int(row["many"]), row["at"])


def public_issues(transaction: Transaction, advisory_id: str) -> list[Advisory]:
    """Return every public issue of one advisory, the newest first."""
    rows = transaction.all(
        "SELECT * FROM advisory WHERE advisory_id = %s AND written_at IS NOT NULL"
        " ORDER BY revision DESC",
        [advisory_id],
    )
    return _with_documents(transaction, rows)


def publication(transaction: Transaction, case_id: str) -> Publication | None:
    """Return how far a case is; None when nobody looked yet, or the actor may not see it."""
    row = transaction.one("SELECT * FROM publication WHERE case_id = %s", [case_id])
    return None if row is None else _publication(row)


def looked_at(transaction: Transaction, since: datetime) -> dict[str, int]:
    """Return the cases that were looked at since an instant, with the revision seen then."""
    rows = transaction.all(
        "SELECT case_id, case_revision FROM publication WHERE looked_at > %s", [since]
    )
    return {row["case_id"]: row["case_revision"] for row in rows}


def case_of(transaction: Transaction, advisory_id: str) -> str | None:
    """Return the case of an advisory to those who may see it."""
    row = transaction.one("SELECT case_id FROM publication WHERE advisory_id = %s", [advisory_id])
    return None if row is None else str(row["case_id"])


def note(
    transaction: Transaction,
    case_id: str,
    compartment: Compartment,
    readers: Sequence[str],
    *,
    case_revision: int,
    refusals: Sequence[str],
    advisory_id: str | None,
) -> bool:
    """Write down what came of looking at a case; True when it is not what was known before."""
    before = publication(transaction, case_id)
    transaction.execute(
        "INSERT INTO publication (case_id, advisory_id, case_revision, looked_at, refusals,"
        " compartment, readers) VALUES (%s, %s, %s, %s, %s, %s, %s)"
        " ON CONFLICT (case_id) DO UPDATE SET advisory_id = excluded.advisory_id,"
        " case_revision = excluded.case_revision, looked_at = excluded.looked_at,"
        " refusals = excluded.refusals",
        [
            case_id,
            advisory_id,
            case_revision,
            transaction.now,
            list(refusals),
            compartment,
            list(readers),
        ],
    )
    return before is None or before.refusals != tuple(refusals)


def wording(desk: Desk, transaction: Transaction, case_id: str) -> Wording:
    """Return what a coordinator wrote for the advisory of a case."""
    row = transaction.one("SELECT wording_payload FROM publication WHERE case_id = %s", [case_id])
    if row is None or row["wording_payload"] is None:
        return Wording()
    return _WORDING.validate_json(desk.vault.open(transaction, row["wording_payload"]))


def set_wording(
    desk: Desk, transaction: Transaction, case_id: str, compartment: Compartment, text: Wording
) -> None:
    """Replace what a coordinator wrote, sealed with the case; what was written before stays."""
    box = desk.vault.open_box(transaction, compartment)
    payload = box.seal(transaction, "wording", _WORDING.dump_json(text))
    transaction.execute(
        "INSERT INTO publication (case_id, case_revision, looked_at, refusals, wording_payload,"
        " compartment, readers) VALUES (%s, 0, %s, '{}', %s, %s, %s)"
        " ON CONFLICT (case_id) DO UPDATE SET case_revision = 0,"
        " wording_payload = excluded.wording_payload",
        [case_id, transaction.now, payload, compartment, list(box.readers)],
    )


def count(transaction: Transaction) -> dict[str, int]:
    """Count advisories, and the cases that are held back, as far as the actor may see them."""
    return transaction.counts(
        "SELECT (SELECT count(DISTINCT advisory_id) FROM advisory WHERE written_at IS NOT NULL)"
        " AS advisories, (SELECT count(*) FROM advisory WHERE written_at IS NULL) AS waiting,"
        " (SELECT count(*) FROM publication WHERE advisory_id IS NULL"
        " AND cardinality(refusals) > 0) AS held"
    )


def _with_documents(
    transaction: Transaction, rows: Sequence[Row], form: str | None = None
) -> list[Advisory]:
    """Return issues with their documents, or with the one of a form."""
    bodies: dict[tuple[str, int], dict[str, bytes]] = {}
    for found in transaction.all(
        "SELECT document.* FROM unnest(%s::text[], %s::integer[]) AS issue (advisory_id, revision)"
        " JOIN advisory_document AS document USING (advisory_id, revision)"
        " WHERE form = coalesce(%s, form) ORDER BY form",
        [[row["advisory_id"] for row in rows], [row["revision"] for row in rows], form],
    ):
        issue = bodies.setdefault((found["advisory_id"], found["revision"]), {})
        issue[found["form"]] = found["body"]
    return [
        Advisory(
            advisory_id=row["advisory_id"],
            revision=row["revision"],
            decided_at=row["decided_at"],
            event_id=row["event_id"],
            bodies=bodies.get((row["advisory_id"], row["revision"]), {}),
            proof=row["proof"],
        )
        for row in rows
    ]


def _publication(row: Row) -> Publication:
    return Publication(
        case_id=row["case_id"],
        advisory_id=row["advisory_id"],
        looked_at=row["looked_at"],
        refusals=tuple(row["refusals"]),
    )
