"""Each kind of bad input to a case has one defined answer, and what happened is in the ledger."""

import threading
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from casebook import acting, do, opened, read, register, set_clock
from clearhouse.clearing.coordinate import casework, clocks, messages, read_ins, standing
from clearhouse.clearing.coordinate.messages import NoSuchThreadError
from clearhouse.clearing.coordinate.record import Outcome, PartyRole, ProductState
from clearhouse.clearing.coordinate.standing import Said
from clearhouse.formats.tlp import Tlp
from clearhouse.kernel import identity
from clearhouse.kernel.identity import ActorKind, PartyKind, Scope
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
    return person(app, "The example-yaml project", PartyKind.VENDOR, "Vera", "vendor")


def kinds(app, subject, reader=None):
    with acting(app, reader or app.desk.clearing_actor) as transaction:
        rows = transaction.all("SELECT kind FROM ledger_event WHERE subject = %s", [subject])
    return [row["kind"] for row in rows]


def test_two_coordinators_at_once_both_act_and_neither_is_lost(house, case):
    vendor, began = case.vendors[0].id, threading.Barrier(2)
    people = [coordinator(house), coordinator(house, "Dora Deputy")]
    failed = []

    def speaks(who, product):
        try:
            began.wait(20)
            do(house, who, standing.say_of_products, case.id,
               [Said(vendor=vendor, product=product, state=ProductState.AFFECTED)])  # fmt: skip
        except Exception as error:  # noqa: BLE001 - reported below, in the test's own thread
            failed.append(error)

    threads = [threading.Thread(target=speaks, args=(who, f"p{n}")) for n, who in enumerate(people)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(60)
    assert failed == []
    assert {one.product for one in read(house, case.id).statuses} == {"p0", "p1"}
    history = do(house, people[0], casework.history, case.id)
    assert [one[0] for one in history] == list(range(1, len(history) + 1))
    assert kinds(house, case.id).count("products.told") == 2


def test_a_vendor_that_answers_after_leaving_is_refused_and_nothing_changes(house, case):
    who = vera(house)
    do(house, coordinator(house), read_ins.read_in, case.id, who=who, tier=0)
    thread = do(house, coordinator(house), messages.open_thread, case.id, party=who.party_id)
    do(house, coordinator(house), read_ins.revoke, case.id, who=who.actor_id, because="left")
    before = read(house, case.id)
    with pytest.raises(casework.NoSuchCaseError):
        do(house, who, casework.give_verdict, case.id, vendor=who.party_id,
           outcome=Outcome.ACCEPTED)  # fmt: skip
    with pytest.raises(NoSuchThreadError):
        do(house, who, messages.post, thread.thread_id, text="late", tlp=Tlp.RED)
    assert read(house, case.id) == before
    assert "case.read_in_revoked" in kinds(house, case.id)


def test_a_revoked_agent_that_keeps_polling_learns_nothing_however_often(house, case):
    boss = vera(house)
    with acting(house, boss) as transaction:
        agent_id = identity.add_actor(transaction, boss.party_id, ActorKind.AGENT, "Poller",
                                      roles=["vendor"], responsible=boss.actor_id)  # fmt: skip
        agent = identity.actor(transaction, agent_id)
        secret = identity.issue_token(transaction, agent_id, label="t", scopes=[Scope.DESK])
    do(house, coordinator(house), read_ins.read_in, case.id, who=agent, tier=0)
    thread = do(house, coordinator(house), messages.open_thread, case.id, party=boss.party_id)
    assert do(house, agent, messages.threads)
    with acting(house, coordinator(house)) as transaction:
        identity.revoke_actor(transaction, agent.actor_id)
    for _ in range(3):
        assert do(house, agent, messages.threads) == []
        with pytest.raises(NoSuchThreadError):
            do(house, agent, messages.messages, thread.thread_id)
        with acting(house, agent) as transaction:
            assert identity.authenticate(transaction, secret) is None
    watcher = person(house, "Overseers", PartyKind.AUDITOR, "Aud", "auditor")
    assert "actor.revoked" in kinds(house, agent.actor_id, watcher)


def test_a_party_that_claims_to_be_another_is_refused(house, case):
    eve = person(house, "Another vendor", PartyKind.VENDOR, "Eve", "vendor")
    do(house, coordinator(house), casework.join, case.id, party=eve.party_id,
       role=PartyRole.VENDOR)  # fmt: skip
    do(house, coordinator(house), read_ins.read_in, case.id, who=eve, tier=0)
    claimed = case.vendors[0].id
    with pytest.raises(ForbiddenError):
        do(house, eve, casework.give_verdict, case.id, vendor=claimed, outcome=Outcome.REJECTED)
    with pytest.raises(ForbiddenError):
        do(house, eve, standing.say_of_products, case.id,
           [Said(vendor=claimed, product="p", state=ProductState.FIXED)])  # fmt: skip
    own = do(house, eve, casework.give_verdict, case.id, vendor=eve.party_id,
             outcome=Outcome.ACCEPTED)  # fmt: skip
    assert own.latest_verdict(claimed) is None


@pytest.mark.parametrize("days", [-400, -1, 0])
def test_an_embargo_date_in_the_past_is_refused(house, case, days):
    when = NOW + timedelta(days=days, seconds=-1)
    done = do(house, coordinator(house), casework.agree_date, case.id,
              vendor=case.vendors[0].id, date=when)  # fmt: skip
    assert done.code == "date-in-the-past"
    assert read(house, case.id) == case


@pytest.mark.parametrize(
    ("local", "zone"),
    [
        (datetime(2027, 3, 14, 2, 30), "America/New_York"),  # noqa: DTZ001 - the hour that is not
        (datetime(2027, 10, 31, 2, 30), "Europe/Berlin"),  # noqa: DTZ001 - the hour that is twice
        (datetime(2028, 2, 29, 23, 59), "Pacific/Auckland"),  # noqa: DTZ001 - a leap day
    ],
)
def test_a_date_at_a_clock_change_or_leap_day_is_one_instant_and_ends_at_it(
    house, case, local, zone
):
    set_clock(house, datetime(2027, 3, 1, tzinfo=UTC) if local.year == 2027 else NOW)
    when = local.replace(tzinfo=ZoneInfo(zone))
    before = when.astimezone(UTC) - timedelta(days=20)
    set_clock(house, before)
    fresh = opened(house)
    done = do(house, coordinator(house), casework.agree_date, fresh.id,
              vendor=fresh.vendors[0].id, date=when)  # fmt: skip
    assert done.embargo.facts.negotiated == when.astimezone(UTC)
    instant = done.embargo.instant
    set_clock(house, instant - timedelta(seconds=1))
    clocks.sweep(house.desk)
    assert read(house, fresh.id).embargo.holds(instant - timedelta(seconds=1))
    set_clock(house, instant)
    clocks.sweep(house.desk)
    assert "embargo.ended" in kinds(house, fresh.id)


def test_a_clock_that_runs_back_reopens_nothing_and_publishes_nothing(house, case):
    set_clock(house, case.embargo.instant)
    assert clocks.sweep(house.desk) == 1
    ended = read(house, case.id)
    set_clock(house, case.embargo.instant - timedelta(hours=2))
    assert clocks.sweep(house.desk) == 0
    assert read(house, case.id).embargo_state is ended.embargo_state
    assert read(house, case.id).published_at is None


def test_a_case_of_five_hundred_parties_is_one_case_with_one_act_for_all(house, case):
    cora = coordinator(house)
    with acting(house, cora) as transaction:
        parties = [
            identity.add_party(transaction, PartyKind.VENDOR, f"Vendor {number:03}")
            for number in range(500)
        ]

        def all_join(found):
            from dataclasses import replace

            from clearhouse.clearing.coordinate.record import Party

            fresh = tuple(Party(id=one, role=PartyRole.VENDOR, name=one) for one in parties)
            return replace(found, parties=(*found.parties, *fresh))

        casework.change(house.desk, transaction, cora, case.id, act="case.read_in",
                        event="case.party_joined", data={}, apply=all_join)  # fmt: skip
    said = [Said(vendor=one, product="stack", state=ProductState.AFFECTED) for one in parties]
    do(house, cora, standing.say_of_products, case.id, said)
    found = read(house, case.id)
    assert len(found.parties) >= 500
    assert len(standing.standings(found, NOW)) == len(found.vendors)
    assert kinds(house, case.id).count("products.told") == 1
