"""Lists what came in, for those who may read it.

In: a transaction and how far a list was read. Out: rows in clear columns only; texts stay sealed
until somebody opens one report. Refused: nothing; what the actor may not read is not there.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from clearhouse.clearing.intake.record import Draft
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
    """Of the submission: queued, processing or done."""


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


def newest(
    transaction: Transaction, *, before: ReportId | None = None, limit: int = 50
) -> tuple[ReportRow, ...]:
    """Return the newest reports; with `before`, those received before that one."""
    # The page is chosen before anything is joined to it; joined first, all reports are read.
    rows = transaction.all(
        "WITH page AS MATERIALIZED (SELECT * FROM report"
        " WHERE (received_at, report_id) <"
        " (coalesce((SELECT received_at FROM report WHERE report_id = %s), 'infinity'),"
        " coalesce(%s, '')) ORDER BY received_at DESC, report_id DESC LIMIT %s)"
        " SELECT r.report_id, r.receipt, r.ordinal, r.received_at, r.format, r.present_elements,"
        " p.name AS from_party, s.status FROM page r JOIN submission s USING (receipt)"
        " JOIN party p ON p.party_id = r.party_id ORDER BY r.received_at DESC, r.report_id DESC",
        [before, before, min(limit, LONGEST_LIST)],
    )
    return tuple(_row(row) for row in rows)


def one(transaction: Transaction, report_id: ReportId) -> ReportRow | None:
    """Return one report's row, None when there is none that the actor may read."""
    row = transaction.one(
        "SELECT r.report_id, r.receipt, r.ordinal, r.received_at, r.format, r.present_elements,"
        " p.name AS from_party, s.status FROM report r JOIN submission s USING (receipt)"
        " JOIN party p ON p.party_id = r.party_id WHERE r.report_id = %s",
        [report_id],
    )
    return None if row is None else _row(row)


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
        status=row["status"],
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
