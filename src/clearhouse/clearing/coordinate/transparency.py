"""Transparency notices: that a report was made, to whom, about what and when; nothing else.

In: a case that an embargo holds, and a coordinator's word. Out: a public notice, which names the
vendors, the package, the day of the report and by when details come, with its event in the ledger;
the case's clock for it is met. Refused: a case that is public, one that has its notice, and whoever
may not publish. That a report exists is the vendor's to weigh too, so nothing goes out by itself.
Source: Google Project Zero, reporting transparency.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from clearhouse.clearing.coordinate import appeals, casework, deadlines
from clearhouse.clearing.coordinate.deadlines import Standing
from clearhouse.clearing.coordinate.duty import HOUSE_READERS
from clearhouse.clearing.coordinate.machine import Refused
from clearhouse.kernel import ledger
from clearhouse.kernel.identity import Actor
from clearhouse.kernel.ids import new_id
from clearhouse.kernel.services import Desk
from clearhouse.kernel.store.database import Transaction

CLOCK = "transparency-notice"


@dataclass(frozen=True, kw_only=True, slots=True)
class PublicNotice:
    """One notice as anybody reads it."""

    notice_id: str
    at: datetime
    body: Mapping[str, Any]
    advisory_id: str | None
    """Once the details are out."""


def publish(desk: Desk, transaction: Transaction, actor: Actor, case_id: str) -> str | Refused:
    """Say in public that a report was made, and return the id of the notice.

    Raises: NoSuchCaseError, ForbiddenError.
    """
    body = appeals.transparency_notice(desk, transaction, actor, case_id)
    stored = casework.case_file(desk, transaction, actor, case_id)
    if stored.case.published_at is not None:
        return Refused(code="published", reason="the case is public already")
    notice_id = new_id("ntc")
    made = transaction.execute(
        "INSERT INTO transparency_notice (notice_id, case_id, at, body, readers)"
        " VALUES (%s, %s, %s, %s, %s) ON CONFLICT (case_id) DO NOTHING",
        [notice_id, case_id, transaction.now, json.dumps(body), list(HOUSE_READERS)],
    )
    if not made:
        return Refused(code="twice", reason="the case has its notice already")
    ledger.append(
        transaction,
        "notice.published",
        notice_id,
        {"notice": dict(body), "authority": desk.authority.name},
        readers=stored.readers,
    )
    rules = deadlines.in_force()
    for one in deadlines.deadlines(stored.case, rules, transaction.now):
        if one.id == CLOCK and one.standing in {Standing.RUNNING, Standing.MISSED}:
            appeals.meet(desk, transaction, actor, case_id, clock=CLOCK, note=notice_id)
    return notice_id


def public(transaction: Transaction) -> tuple[PublicNotice, ...]:
    """Return every notice, the newest first; anybody may ask, at the counter too."""
    rows = transaction.all("SELECT * FROM notices() ORDER BY at DESC, notice_id LIMIT 1000")
    return tuple(
        PublicNotice(
            notice_id=row["notice_id"],
            at=row["at"],
            body=row["body"],
            advisory_id=row["advisory_id"],
        )
        for row in rows
    )
