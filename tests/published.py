"""A house in which an advisory is out: opened, accepted, dated and published as people do it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from casebook import DRAFT, acting, cleared, register, set_clock
from clearhouse.clearing.coordinate import casework
from clearhouse.clearing.coordinate.record import Outcome
from clearhouse.clearing.publish import operations as publish
from house import coordinator

OPENED = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)
OUT = OPENED + timedelta(days=10)


def embargoed(house):
    """Open a case that its vendor accepted, for the day `OUT`; return its id."""
    set_clock(house, OPENED)
    vendor = register(house, contact="security@example.org")
    desk = coordinator(house)
    report = cleared(house, replace(DRAFT, aliases=("CVE-2026-99999",)))
    with acting(house, desk) as transaction:
        case_id = casework.case_of(transaction, report)
        casework.give_verdict(
            house.desk, transaction, desk, case_id,
            vendor=vendor, outcome=Outcome.ACCEPTED, fixed_version="5.4.1",
        )  # fmt: skip
        casework.agree_date(house.desk, transaction, desk, case_id, vendor=vendor, date=OUT)
    return case_id


def published(house):
    """Let it be the day `OUT`, and return the ids of case and advisory."""
    case_id = embargoed(house)
    set_clock(house, OUT)
    (advisory_id,) = publish.publish_due(house.desk)
    return case_id, advisory_id
