"""Appeals ask and never overrule; other severities stand beside; every clock is data with its source."""

from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from casebook import do, move, opened, read, register, set_clock
from clearhouse.clearing.coordinate import appeals, casework, deadlines, transparency
from clearhouse.clearing.coordinate.deadlines import Standing
from clearhouse.clearing.coordinate.embargo import News
from clearhouse.clearing.coordinate.record import Outcome, PartyRole
from clearhouse.kernel import policy
from clearhouse.kernel.policy import ForbiddenError
from house import coordinator, outsider

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)  # a Friday before Thanksgiving week


@pytest.fixture
def house(app):
    set_clock(app, NOW)
    return app


@pytest.fixture
def case(house):
    register(house)
    found = opened(house)
    do(house, coordinator(house), casework.give_verdict, found.id, vendor=found.vendors[0].id,
       outcome=Outcome.REJECTED, reason="works as meant")  # fmt: skip
    return found


def dora(app):
    return coordinator(app, "Dora Deputy")


def finder(case):
    return next(one.id for one in case.parties if one.role is PartyRole.FINDER)


def files(app, case, **more):
    return do(app, coordinator(app), appeals.appeal, case.id,
              **{"verdict": 0, "reason": "it does run code", "party": finder(case)} | more)  # fmt: skip


def clocks_of(app, case):
    return {one.id: one for one in do(app, coordinator(app), appeals.running, case.id)}


def test_an_appeal_is_acknowledged_in_three_and_resolved_in_ten_business_days(house, case):
    files(house, case)
    running = clocks_of(house, case)
    # Thanksgiving, 26 November, is no business day.
    assert running["appeal-acknowledge:0"].due_at == datetime(2026, 11, 25, 9, 0, tzinfo=UTC)
    assert running["appeal-resolve:0"].due_at == datetime(2026, 12, 7, 9, 0, tzinfo=UTC)
    move(house, days=1)
    do(house, coordinator(house), appeals.acknowledge, case.id, number=0)
    assert clocks_of(house, case)["appeal-acknowledge:0"].standing is Standing.MET
    move(house, days=30)
    assert clocks_of(house, case)["appeal-resolve:0"].standing is Standing.MISSED
    done = do(house, dora(house), appeals.resolve, case.id, number=0, upheld=True,
              resolution="The vendor looks again.")  # fmt: skip
    assert clocks_of(house, case)["appeal-resolve:0"].standing is Standing.MET_LATE
    assert done.verdicts[0].outcome is Outcome.REJECTED  # the vendor owns it


def test_what_is_no_appeal_is_refused_with_the_reason(house, case):
    assert files(house, case, verdict=3).code == "no-such-verdict"
    assert files(house, case, party="pty_x").code == "unknown-party"
    assert files(house, case, party=case.vendors[0].id).code == "own-verdict"
    assert files(house, case, reason=" ").code == "no-words"
    files(house, case)
    resolves = {"number": 0, "upheld": False, "resolution": "no"}
    assert do(house, coordinator(house), appeals.resolve, case.id, **resolves).code == (
        "second-person"
    )
    do(house, dora(house), appeals.resolve, case.id, **resolves)
    assert do(house, dora(house), appeals.resolve, case.id, **resolves).code == "no-such-appeal"
    assert do(house, dora(house), appeals.acknowledge, case.id, number=0).code == "no-such-appeal"
    with pytest.raises(ForbiddenError):
        do(house, house.desk.clearing_actor, appeals.resolve, case.id, **resolves)


def test_another_severity_is_noted_beside_and_the_words_of_both_stay(house, case):
    vector = "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N"
    note = {"of": case.vendors[0].id, "reason": "reached over the network"}
    done = do(house, coordinator(house), appeals.deviate, case.id, value=vector, **note)
    assert [one.value for one in done.deviations] == [vector]
    assert done.verdicts == read(house, case.id).verdicts
    assert do(house, coordinator(house), appeals.deviate, case.id, value="high", **note).code == (
        "no-severity"
    )


def test_an_exploited_flaw_starts_the_clocks_of_manufacturers_and_operators(house, case):
    assert set(clocks_of(house, case)) == {"transparency-notice"}
    do(house, coordinator(house), casework.learn, case.id,
       news=News(exploited_since=NOW - timedelta(days=9)))  # fmt: skip
    running = clocks_of(house, case)
    received = read(house, case.id).embargo.facts.received_at
    assert running["cra-early-warning"].due_at == received + timedelta(hours=24)
    assert running["cra-notification"].due_at == received + timedelta(hours=72)
    assert running["cra-final-report"].standing is Standing.WAITING
    assert running["bod-forensic-scope"].due_at == received + timedelta(hours=2)
    do(house, coordinator(house), casework.learn, case.id,
       news=News(fix_released_at=NOW + timedelta(days=3)))  # fmt: skip
    assert clocks_of(house, case)["cra-final-report"].due_at == NOW + timedelta(days=17)
    do(house, coordinator(house), appeals.meet, case.id, clock="cra-early-warning", note="sent")
    assert clocks_of(house, case)["cra-early-warning"].standing is Standing.MET
    again = do(house, coordinator(house), appeals.meet, case.id, clock="cra-early-warning",
               note="sent")  # fmt: skip
    assert again.code == "no-such-clock"
    unknown = do(house, coordinator(house), appeals.meet, case.id, clock="x", note="n")
    assert unknown.code == "no-such-clock"


def test_the_transparency_notice_names_vendor_product_and_dates_and_no_detail(house, case):
    notice = do(house, coordinator(house), appeals.transparency_notice, case.id)
    assert notice == {
        "vendors": ["The example-yaml project"],
        "product": "pkg:pypi/example-yaml",
        "reported": "2026-11-20",
        "details_by": "2026-12-20",
    }
    assert clocks_of(house, case)["transparency-notice"].due_at == NOW + timedelta(days=7)


def notices_of(house):
    with house.counter.database.transaction(None) as transaction:
        return transparency.public(transaction)


def test_a_notice_is_public_once_on_a_persons_word_and_meets_its_clock(house, case):
    assert notices_of(house) == ()
    made = do(house, coordinator(house), transparency.publish, case.id)
    (notice,) = notices_of(house)
    assert (notice.notice_id, notice.advisory_id) == (made, None)
    assert notice.body["product"] == "pkg:pypi/example-yaml"
    assert case.id not in str(notice)
    assert clocks_of(house, case)["transparency-notice"].standing is Standing.MET
    assert do(house, coordinator(house), transparency.publish, case.id).code == "twice"


def test_who_may_not_publish_or_is_not_read_in_says_nothing_in_public(house, case):
    with pytest.raises((ForbiddenError, LookupError)):
        do(house, outsider(house), transparency.publish, case.id)
    assert notices_of(house) == ()


def test_a_clock_needs_exactly_one_length():
    document = deepcopy(policy.load("clocks/clearhouse-1"))
    assert deadlines.parse(document).name == "clearhouse-clocks/1"
    document["clocks"][0]["hours"] = 3
    with pytest.raises(ValueError, match="either hours or business days"):
        deadlines.parse(document)


def test_appeals_of_joined_cases_point_to_the_verdicts_they_were_about(house, case):
    from clearhouse.clearing.coordinate import transitions

    files(house, case)
    one = read(house, case.id)
    joined = transitions.merge(one, replace(one, id="cas_b"), casework.embargo_policy(), NOW)
    assert [appeal.verdict for appeal in joined.appeals] == [0, 1]
