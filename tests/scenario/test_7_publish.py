"""Two finders, one flaw, one vendor: from the first report to files that outsiders can check."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from casebook import DRAFT, acting, cleared, finding_of, move, read, register, set_clock
from clearhouse.clearing.coordinate import casework
from clearhouse.clearing.coordinate import operations as coordinate
from clearhouse.clearing.coordinate.casework import NoSuchCaseError
from clearhouse.clearing.coordinate.record import Outcome
from clearhouse.clearing.intake.record import Credit
from clearhouse.clearing.publish import operations as publish
from house import analyst, coordinator, reporter

NOW = datetime(2026, 11, 10, 12, 0, tzinfo=UTC)


@pytest.fixture
def house(app):
    set_clock(app, NOW)
    return app


def test_a_flaw_goes_from_two_reports_to_one_advisory_at_the_agreed_instant(house):
    vendor = register(house, contact="security@example.org")
    desk = coordinator(house)

    # Two finders report the same flaw; the case opens by itself and takes the second one in.
    flaw = replace(DRAFT, aliases=("CVE-2026-99999",))
    first = cleared(house, flaw)
    move(house, hours=1)
    other = replace(flaw, title="Also seen", credits=(Credit(name="Kim"),))
    second = cleared(house, other, by=reporter(house, "Kim"))
    assert finding_of(house, first) == finding_of(house, second)
    with acting(house, desk) as transaction:
        case_id = casework.case_of(transaction, first)
        assert casework.case_of(transaction, second) == case_id
        assert coordinate.counts(transaction)["embargoed"] == 1
    with acting(house, analyst(house)) as transaction, pytest.raises(NoSuchCaseError):
        casework.case(house.desk, transaction, analyst(house), case_id)

    # The vendor accepts it, names the fix, and agrees to a date.
    date = NOW + timedelta(days=10)
    with acting(house, desk) as transaction:
        casework.give_verdict(
            house.desk,
            transaction,
            desk,
            case_id,
            vendor=vendor,
            outcome=Outcome.ACCEPTED,
            fixed_version="5.4.1",
        )
        casework.agree_date(house.desk, transaction, desk, case_id, vendor=vendor, date=date)
    with acting(house, desk) as transaction:
        told = casework.told(house.desk, transaction, desk, case_id)
    assert told.until == date
    assert "2026-11-20 12:00 UTC, when the embargo ends by rule negotiated" in told.sentence

    # Nothing is public a second before, everything at the instant.
    set_clock(house, date - timedelta(seconds=1))
    assert publish.publish_due(house.desk) == []
    set_clock(house, date)
    assert publish.publish_due(house.desk) == ["CLR-2026-00001"]
    folder = house.desk.published_folder / "2026" / "CLR-2026-00001"
    osv = json.loads((folder / "osv.json").read_text())
    csaf = json.loads((folder / "csaf.json").read_text())
    assert [one["name"] for one in osv["credits"]] == ["Zoë Finder", "Kim"]
    assert osv["affected"][0]["ranges"][0]["events"] == [{"introduced": "3.0"}, {"fixed": "5.4.1"}]
    assert csaf["vulnerabilities"][0]["cve"] == "CVE-2026-99999"
    assert csaf["document"]["tracking"]["initial_release_date"] == "2026-11-20T12:00:00Z"
    assert "SECRET" not in json.dumps([osv, csaf])

    # The counter shows it to everybody, and the case says so.
    with house.counter.database.transaction(None) as transaction:
        assert [one.advisory_id for one in publish.advisories(transaction)] == ["CLR-2026-00001"]
    assert read(house, case_id).published_at == date
