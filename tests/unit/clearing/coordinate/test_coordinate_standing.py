"""Where parties stand: consent to the embargo, products, who reads, and what time ends."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from casebook import DRAFT, acting, do, move, opened, read, register, set_clock
from clearhouse.clearing import route
from clearhouse.clearing.coordinate import _store, casework, clocks, read_ins, standing
from clearhouse.clearing.coordinate.casework import NoSuchCaseError
from clearhouse.clearing.coordinate.embargo import News
from clearhouse.clearing.coordinate.embargo_consent import ConsentEvent, ConsentState
from clearhouse.clearing.coordinate.embargo_management import EmState
from clearhouse.clearing.coordinate.machine import Refused
from clearhouse.clearing.coordinate.record import (
    Justification,
    Outcome,
    PartyRole,
    ProductState,
)
from clearhouse.clearing.coordinate.standing import Said
from clearhouse.kernel import identity
from clearhouse.kernel.identity import PartyKind
from clearhouse.kernel.policy import ForbiddenError
from house import coordinator, person

NOW = datetime(2026, 11, 10, 12, 0, tzinfo=UTC)


@pytest.fixture
def house(app):
    set_clock(app, NOW)
    return app


@pytest.fixture
def case(house):
    register(house)
    return opened(house)


def vera(app):
    """Somebody of the vendor of the case."""
    return person(
        app, "The example-yaml project", PartyKind.VENDOR, "Vera", "vendor", "coordinator"
    )


def consents(app, case, *events, party=None):
    for event in events:
        done = do(app, coordinator(app), standing.consent, case.id,
                  party=party or case.vendors[0].id, event=event)  # fmt: skip
    return done


def sees(app, actor, case_id):
    """Whether the database itself returns the case to an actor."""
    with acting(app, actor) as transaction:
        return _store.load(app.desk, transaction, case_id) is not None


def test_a_party_that_declines_the_embargo_reads_nothing_until_it_is_asked_and_agrees(house, case):
    who = vera(house)
    do(house, coordinator(house), read_ins.read_in, case.id, who=who, tier=0)
    assert sees(house, who, case.id)
    consents(house, case, ConsentEvent.DECLINE)
    assert not sees(house, who, case.id)
    with pytest.raises(NoSuchCaseError):
        do(house, who, casework.case, case.id)
    again = do(house, coordinator(house), read_ins.read_in, case.id, who=who, tier=0)
    assert again.code == "no-consent"
    consents(house, case, ConsentEvent.INVITE, ConsentEvent.ACCEPT)
    assert sees(house, who, case.id)


def test_consent_lapses_when_the_date_moves_but_not_of_the_vendor_that_moved_it(house, case):
    cora, vendor = coordinator(house), case.vendors[0].id
    finder = next(one.id for one in case.parties if one.role is PartyRole.FINDER)
    consents(house, case, ConsentEvent.INVITE, ConsentEvent.ACCEPT)
    consents(house, case, ConsentEvent.ACCEPT, party=finder)
    moved = do(house, cora, casework.agree_date, case.id, vendor=vendor,
               date=NOW + timedelta(days=12))  # fmt: skip
    assert moved.party(vendor).consent is ConsentState.SIGNATORY
    assert moved.party(finder).consent is ConsentState.LAPSED
    same = do(house, cora, casework.agree_date, case.id, vendor=vendor,
              date=NOW + timedelta(days=12))  # fmt: skip
    assert same.party(finder).consent is ConsentState.LAPSED
    consents(house, case, ConsentEvent.DECLINE)
    assert consents(house, case, ConsentEvent.DECLINE).code == "no-such-step"
    back = do(house, cora, casework.agree_date, case.id, vendor=vendor,
              date=NOW + timedelta(days=11))  # fmt: skip
    assert back.party(vendor).consent in {ConsentState.SIGNATORY, ConsentState.DECLINED}


def test_there_is_nothing_to_consent_to_without_an_embargo_and_for_a_stranger(house, case):
    assert consents(house, case, ConsentEvent.ACCEPT, party="pty_x").code == "unknown-party"
    move(house, days=40)
    clocks.sweep(house.desk)
    assert consents(house, case, ConsentEvent.ACCEPT).code == "no-embargo"


def test_an_embargo_ends_at_its_instant_and_not_a_second_before(house, case):
    instant = case.embargo.instant
    set_clock(house, instant - timedelta(seconds=1))
    assert clocks.sweep(house.desk) == 0
    assert read(house, case.id).embargo_state is EmState.ACTIVE
    set_clock(house, instant)
    consented = clocks.sweep(house.desk)
    assert consented == 1
    ended = read(house, case.id)
    assert ended.embargo_state is EmState.EXITED
    assert {one.consent for one in ended.parties} == {ConsentState.NO_EMBARGO}
    assert clocks.sweep(house.desk) == 0


def test_a_read_in_ends_at_its_instant_at_once_by_the_rules_and_by_the_sweep_in_the_store(
    house, case
):
    who = vera(house)
    do(house, coordinator(house), read_ins.read_in_by_id, case.id, who=who.actor_id, tier=1,
       reason="writes the fix", expires_at=NOW + timedelta(hours=2))  # fmt: skip
    assert do(house, who, casework.case, case.id).participants[-1].reason == "writes the fix"
    move(house, hours=2)
    with pytest.raises(ForbiddenError):
        do(house, who, casework.case, case.id)
    assert do(house, who, casework.cases) == []
    route.sweep_cases(house.desk)
    assert not sees(house, who, case.id)
    with acting(house, coordinator(house)) as transaction:
        assert house.desk.database.clock() == NOW + timedelta(hours=2)
        changes = [what for *_, what in _store.revisions(transaction, case.id)]
    assert changes[-1] == "case.read_in_expired"


def test_a_read_in_without_an_end_is_over_when_the_advisory_is_out(house, case):
    who, other, cora = vera(house), person(house, "Late", PartyKind.VENDOR, "Lou", "vendor"), (
        coordinator(house)
    )  # fmt: skip
    do(house, cora, casework.join, case.id, party=other.party_id, role=PartyRole.VENDOR)
    do(house, cora, read_ins.read_in, case.id, who=who, tier=0)
    do(house, cora, read_ins.read_in, case.id, who=other, tier=0,
       expires_at=NOW + timedelta(days=90))  # fmt: skip
    move(house, days=40)
    do(house, cora, casework.mark_published, case.id, NOW + timedelta(days=40))
    assert not sees(house, who, case.id)
    assert sees(house, other, case.id)  # somebody said so, for work that goes on
    move(house, days=60)
    clocks.sweep(house.desk)
    assert not sees(house, other, case.id)


def test_who_is_read_out_is_kept_with_who_did_it_and_why(house, case):
    who, cora = vera(house), coordinator(house)
    do(house, cora, read_ins.read_in_by_id, case.id, who=who.actor_id, tier=1, reason="helps")
    done = do(house, cora, read_ins.revoke, case.id, who=who.actor_id, because="left the team")
    last = done.participants[-1]
    assert (last.revoked_by, last.revoked_because) == (cora.actor_id, "left the team")
    assert not sees(house, who, case.id)


def test_nobody_unknown_is_read_in_and_a_stranger_learns_nothing_by_trying(house, case):
    unknown = {"who": "act_" + "a" * 26, "tier": 1, "reason": "r"}
    assert do(house, coordinator(house), read_ins.read_in_by_id, case.id, **unknown).code == (
        "unknown-actor"
    )
    with pytest.raises(NoSuchCaseError):
        do(house, vera(house), read_ins.read_in_by_id, case.id, **unknown)


def test_what_vendors_say_of_products_is_added_and_the_latest_word_stands(house, case):
    vendor, cora = case.vendors[0].id, coordinator(house)
    first = Said(vendor=vendor, product="pkg:pypi/x", state=ProductState.UNDER_INVESTIGATION)
    do(house, cora, standing.say_of_products, case.id, [first])
    move(house, days=2)
    second = replace(first, state=ProductState.NOT_AFFECTED, versions="<3",
                     justification=Justification.CODE_NOT_PRESENT)  # fmt: skip
    done = do(house, cora, standing.say_of_products, case.id, [second])
    assert len(done.statuses) == 2
    (row,) = standing.standings(done, NOW + timedelta(days=5))
    assert row.products["pkg:pypi/x"].state is ProductState.NOT_AFFECTED
    assert row.silent_for == timedelta(days=3)
    assert standing.products(done) == ("pkg:pypi/x",)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"vendor": "pty_x"}, "not-a-vendor"),
        ({"product": " "}, "no-product"),
        ({"state": ProductState.NOT_AFFECTED}, "no-justification"),
        ({"justification": Justification.MITIGATED}, "justification-unneeded"),
    ],
)
def test_a_status_that_says_too_little_is_refused_and_none_of_the_others_is_written(
    house, case, change, code
):
    good = Said(vendor=case.vendors[0].id, product="p", state=ProductState.FIXED)
    done = do(house, coordinator(house), standing.say_of_products, case.id,
              [good, replace(good, **change)])  # fmt: skip
    assert isinstance(done, Refused)
    assert done.code == code
    assert read(house, case.id).statuses == ()


def test_a_vendors_own_people_speak_for_it_and_for_nobody_else(house, case):
    who = person(house, "The example-yaml project", PartyKind.VENDOR, "Vic", "vendor")
    do(house, coordinator(house), read_ins.read_in, case.id, who=who, tier=0)
    own = Said(vendor=who.party_id, product="p", state=ProductState.FIXED)
    assert do(house, who, standing.say_of_products, case.id, [own]).statuses[0].by == who.actor_id
    agreed = do(house, who, standing.consent, case.id, party=who.party_id,
                event=ConsentEvent.ACCEPT)  # fmt: skip
    assert agreed.party(who.party_id).consent is ConsentState.SIGNATORY
    with pytest.raises(ForbiddenError):
        do(house, who, standing.say_of_products, case.id, [replace(own, vendor="pty_other")])


def test_who_was_silent_longest_comes_first(house, case):
    cora = coordinator(house)
    with acting(house, cora) as transaction:
        others = [identity.add_party(transaction, PartyKind.VENDOR, name) for name in ("B", "A")]
    for other in others:
        do(house, cora, casework.join, case.id, party=other, role=PartyRole.VENDOR)
    move(house, days=3)
    do(house, cora, casework.give_verdict, case.id, vendor=others[0], outcome=Outcome.ACCEPTED)
    rows = standing.standings(read(house, case.id), NOW + timedelta(days=3))
    assert [row.party.name for row in rows] == ["A", "The example-yaml project", "B"]
    assert rows[0].last_word_at is None


def _events(app, case_id):
    with acting(app, app.desk.clearing_actor) as transaction:
        rows = transaction.all(
            "SELECT kind, body, readers FROM ledger_event WHERE subject = %s ORDER BY at, event_id",
            [case_id],
        )
    return [(row["kind"], json.loads(row["body"])["data"], row["readers"]) for row in rows]


def test_an_embargo_that_is_ended_unopened_ends_as_one_that_is_opened(house, case, monkeypatch):
    assert casework.ahead(read(house, case.id), NOW).plain_end
    set_clock(house, case.embargo.instant)
    with acting(house, house.desk.clearing_actor) as transaction:
        stored = _store.load(house.desk, transaction, case.id)
        opened_one = casework.transitions.tick(stored.case, transaction.now)
    monkeypatch.setattr(_store, "clocks_due", lambda *_: [])  # nothing is opened
    assert clocks.sweep(house.desk) == 1
    assert read(house, case.id) == opened_one
    kind, data, readers = _events(house, case.id)[-1]
    assert (kind, data["embargo_state"], data["rule"]) == ("embargo.ended", "exited", "default-30")
    assert data["embargo"] == case.embargo.instant.isoformat()
    assert readers == list(casework.readers_of(opened_one, case.embargo.instant))
    history = do(house, coordinator(house), casework.history, case.id)
    assert [one[3] for one in history][-1] == "embargo.ended"
    # It goes on as any other case does.
    later = do(house, coordinator(house), casework.learn, case.id, news=News(fix_ready_at=NOW))
    assert later.embargo_state is EmState.EXITED
    assert read(house, case.id) == later


def test_an_end_that_lets_somebody_read_again_is_not_plain(house, case):
    who = vera(house)
    do(house, coordinator(house), read_ins.read_in, case.id, who=who, tier=0)
    consents(house, case, ConsentEvent.DECLINE)
    assert not casework.ahead(read(house, case.id), NOW).plain_end
    set_clock(house, case.embargo.instant)
    assert not sees(house, who, case.id)
    assert clocks.sweep(house.desk) == 1
    assert sees(house, who, case.id)


def test_a_read_in_that_ends_after_a_plain_end_still_ends_in_time(house, case):
    who, until = vera(house), case.embargo.instant + timedelta(days=2)
    do(house, coordinator(house), read_ins.read_in, case.id, who=who, tier=0, expires_at=until)
    set_clock(house, case.embargo.instant)
    assert clocks.sweep(house.desk) == 1
    assert sees(house, who, case.id)
    set_clock(house, until)
    assert clocks.sweep(house.desk) == 1
    assert not sees(house, who, case.id)
    assert clocks.sweep(house.desk) == 0


def test_many_ends_of_one_instant_each_have_their_entry(house):
    cases = [opened(house, replace(DRAFT, purl=f"pkg:pypi/many-{n}", aliases=())) for n in range(3)]
    set_clock(house, max(one.embargo.instant for one in cases))
    assert clocks.sweep(house.desk) == 3
    assert [_events(house, one.id)[-1][0] for one in cases] == ["embargo.ended"] * 3
    route.seal_ledger(house.desk)
