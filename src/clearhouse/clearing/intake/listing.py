"""Lists what came in, for those who may read it.

In: a transaction and how far a list was read. Out: rows in clear columns only; texts stay sealed
until somebody opens one report. Refused: nothing; what the actor may not read is not there.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import LiteralString

from clearhouse.clearing.intake.record import Draft
from clearhouse.kernel.breadth import FOR_ANALYSTS, NOT_FOR_ANALYSTS, is_analyst
from clearhouse.kernel.ids import Receipt, ReportId
from clearhouse.kernel.store.database import Row, Transaction

LONGEST_LIST = 200
_HEADLINE, _LOOKED_AT = 140, 2000
_ORNAMENT = " \t\r\n#*=-_>"
_SENTENCE_END = re.compile(r"(?<=\w{3}[.!?]) ")


@dataclass(frozen=True, kw_only=True, slots=True)
class ReportRow:
    """One report as lists show it."""

    report_id: ReportId
    receipt: Receipt
    ordinal: int
    """Its place among the reports of the same submission, from 0."""
    received_at: datetime
    format: str
    from_party: str
    """Name of the party that sent it."""
    present: tuple[str, ...]
    """Which elements of a ready report are there."""
    status: str
    """Of the submission: queued, processing or done; `closed` to who may not read the submission,
    because another report that came with it is in a case."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Passage:
    """That a report has passed a room of the route."""

    room: str
    at: datetime
    outcome: str


def headline(draft: Draft) -> str | None:
    """Return what to call a report in a list: its title, else the first sentence it says.

    Many formats have no title. `None` when the report has neither.
    """
    title = " ".join((draft.title or "")[:_LOOKED_AT].split())
    if title:
        return _short(title)
    said = (draft.description or "")[:_LOOKED_AT].strip(_ORNAMENT).partition("\n\n")[0]
    return _short(_SENTENCE_END.split(" ".join(said.split()), maxsplit=1)[0]) or None


def _short(text: str) -> str:
    return text if len(text) <= _HEADLINE else f"{text[: _HEADLINE - 1]}…"


_BEHIND: LiteralString = " AND (received_at, report_id) < (%(at)s, %(id)s)"
_FIRST: LiteralString = " ORDER BY received_at DESC, report_id DESC LIMIT %(most)s"
_EVERY: LiteralString = f"SELECT * FROM report WHERE true{_BEHIND}{_FIRST}"  # noqa: S608 - texts of ours
_FOR_OTHERS: LiteralString = (
    f"(SELECT * FROM report WHERE true{NOT_FOR_ANALYSTS}{_BEHIND}{_FIRST})"  # noqa: S608
    f" UNION ALL SELECT * FROM report WHERE true{FOR_ANALYSTS}{_BEHIND}"
)


def _start(transaction: Transaction, before: ReportId | None) -> dict[str, object]:
    """Return where a list goes on: behind a report that the actor may read, else at its start."""
    row = transaction.one(
        "SELECT received_at AS at, report_id AS id FROM report WHERE report_id = %s", [before]
    )
    return row or {"at": datetime.max.replace(tzinfo=UTC), "id": ""}


def newest(
    transaction: Transaction, *, before: ReportId | None = None, limit: int = 50
) -> tuple[ReportRow, ...]:
    """Return the newest reports; with `before`, those received before that one."""
    # The page is chosen before anything is joined to it; joined first, all reports are read.
    page = _EVERY if is_analyst(transaction) else _FOR_OTHERS
    rows = transaction.all(
        f"WITH page AS MATERIALIZED ({page})"  # noqa: S608 - one of two texts of ours
        " SELECT r.report_id, r.receipt, r.ordinal, r.received_at, r.format, r.present_elements,"
        " p.name AS from_party, s.status FROM page r LEFT JOIN submission s USING (receipt)"
        " JOIN party p ON p.party_id = r.party_id"
        " ORDER BY r.received_at DESC, r.report_id DESC LIMIT %(most)s",
        {"most": min(limit, LONGEST_LIST), **_start(transaction, before)},
    )
    return tuple(_row(row) for row in rows)


def one(transaction: Transaction, report_id: ReportId) -> ReportRow | None:
    """Return one report's row, None when there is none that the actor may read."""
    row = transaction.one(
        "SELECT r.report_id, r.receipt, r.ordinal, r.received_at, r.format, r.present_elements,"
        " p.name AS from_party, s.status FROM report r LEFT JOIN submission s USING (receipt)"
        " JOIN party p ON p.party_id = r.party_id WHERE r.report_id = %s",
        [report_id],
    )
    return None if row is None else _row(row)


def estimated(transaction: Transaction) -> int:
    """Return about how many reports the house has, by the store's own statistics.

    It is the same for everybody, so it is for choosing how to ask and never for showing.
    """
    row = transaction.one(
        "SELECT greatest(reltuples, 0)::bigint AS reports FROM pg_class"
        " WHERE oid = 'report'::regclass"
    )
    return int(row["reports"]) if row else 0


def present(
    transaction: Transaction, report_ids: Sequence[ReportId]
) -> dict[ReportId, tuple[str, ...]]:
    """Return which elements of a ready report each of these has, as judged when it came in."""
    rows = transaction.all(
        "SELECT report_id, present_elements FROM report WHERE report_id = ANY(%s)",
        [list(report_ids)],
    )
    return {ReportId(row["report_id"]): tuple(row["present_elements"]) for row in rows}


def passages(transaction: Transaction, report_id: ReportId) -> tuple[Passage, ...]:
    """Return the rooms that a report has passed, the first first."""
    rows = transaction.all(
        "SELECT room, at, outcome FROM passage WHERE report_id = %s ORDER BY at, room",
        [report_id],
    )
    return tuple(Passage(**row) for row in rows)


def _row(row: Row) -> ReportRow:
    return ReportRow(
        report_id=ReportId(row["report_id"]),
        receipt=Receipt(row["receipt"]),
        ordinal=row["ordinal"],
        received_at=row["received_at"],
        format=row["format"],
        from_party=row["from_party"],
        present=tuple(row["present_elements"]),
        status=row["status"] or "closed",
    )


def receipts_of(
    transaction: Transaction, report_ids: Sequence[ReportId], party: str
) -> list[Receipt]:
    """Return the receipts under which a party sent some of these reports, the oldest first."""
    rows = transaction.all(
        "SELECT receipt FROM report WHERE report_id = ANY(%s) AND party_id = %s"
        " GROUP BY receipt ORDER BY min(received_at), receipt",
        [list(report_ids), party],
    )
    return [Receipt(row["receipt"]) for row in rows]
