import csv
import io

import pytest

import house
from clearhouse.clearing import route
from clearhouse.kernel import identity, ledger
from clearhouse.kernel.identity import ActorKind, PartyKind
from surfaces.test_web_desk_pages import YAML, Visitor, clear


@pytest.fixture
def ann(app):
    roles = ("intake_analyst", "coordinator", "coordinator_on_duty", "auditor")
    return house.person(app, "House", PartyKind.COORDINATOR, "Ann Analyst", *roles)


@pytest.fixture
def desk(app, ann):
    return Visitor(app.desk, ann)


@pytest.fixture
def day(app):
    """An ordinary day: one report cleared and the ledger sealed twice."""
    clear(app, YAML)
    route.seal_ledger(app.desk)
    clear(app, YAML)
    route.seal_ledger(app.desk)


def test_the_page_says_what_was_checked_and_with_which_numbers(desk, day):
    page = desk.page("/ledger/check")
    assert "DOES NOT HOLD" not in page.words
    assert "Ed25519 key" in page.words
    assert "nothing was changed or taken away since" in page.words
    assert "clearhouse ledger verify clearhouse-ledger.jsonl" in page.words


def test_a_tree_seen_earlier_is_found_again_and_another_is_not(desk, day):
    (first, *_) = reversed(desk.get("/exports/heads.json").json()["heads"])
    there = desk.page(f"/ledger/check?size={first['size']}&root={first['root']}")
    assert "DOES NOT HOLD" not in there.words
    other = desk.page(f"/ledger/check?size={first['size']}&root={'ab' * 32}")
    assert "is no beginning of the signed one" in " ".join(other.words.split())


def test_an_events_page_shows_that_it_is_in_the_signed_tree(desk, day):
    (first, *_) = [one for one in desk.page("/ledger").links if one.startswith("/ledger/events/")]
    words = desk.page(first).words
    assert words.count("HOLDS") == 2
    assert "hashes lead from it to the root" in words


def test_the_ledger_is_browsed_by_kind_by_actor_and_by_thing(app, desk, day):
    def kinds(query):
        table = desk.get(f"/ledger?{query}").text
        return set(csv_kinds) & {one for one in csv_kinds if f">{one}</a>" in table}

    rows = list(csv.DictReader(io.StringIO(desk.get("/exports/events.csv").text)))
    csv_kinds = {row["kind"] for row in rows}
    one = next(row for row in rows if row["kind"] == "verdict.decided")
    assert kinds("kind=verdict.decided") == {"verdict.decided"}
    assert kinds(f"who={one['actor_id']}") >= {"verdict.decided"}
    about = kinds(f"about={one['subject']}")
    assert {"report.received", "verdict.decided"} <= about
    assert kinds("kind=no.such.thing") == set()


def test_the_table_of_events_holds_every_event_that_one_may_read(app, ann, desk, day):
    rows = list(csv.DictReader(io.StringIO(desk.get("/exports/events.csv").text)))
    with app.desk.database.transaction(ann.actor_id) as transaction:
        stored = transaction.one("SELECT count(*) AS events FROM ledger_event")["events"]
    assert len(rows) == stored == len({row["event"] for row in rows})
    today = desk.get("/exports").text.partition('max="')[2][:10]
    assert len(desk.get(f"/exports/events.csv?since={today}&until={today}").text.splitlines()) > 1
    assert len(desk.get("/exports/events.csv?until=2020-01-01").text.splitlines()) == 1
    assert desk.get("/exports/events.csv?since=2026-02-31").status_code == 409


def test_whoever_reads_no_event_takes_none_away(app, day):
    rows = Visitor(app.desk, house.reporter(app, "Nina")).get("/exports/events.csv").text
    kinds = {row["kind"] for row in csv.DictReader(io.StringIO(rows))}
    assert not {kind for kind in kinds if not kind.startswith("session.")}


def test_what_an_agent_did_is_shown_with_its_rate(app, desk):
    rita = house.reporter(app)
    with app.desk.database.transaction(None) as transaction:
        bot = identity.add_actor(
            transaction, rita.party_id, ActorKind.AGENT, "=Bot()", responsible=rita.actor_id
        )
    with app.desk.database.transaction(bot) as transaction:
        for n in range(3):
            ledger.append(transaction, "lease.claimed", f"lea_{n}", {}, readers=["role:auditor"])
    page = desk.page("/agents")
    assert "Rita Reporter answers for it" in page.words
    assert f"/agents/{bot}" in page.links
    shown = desk.page(f"/agents/{bot}")
    assert "lease.claimed" in shown.words
    assert "3 acts in 24 hours" in shown.words
    row = next(csv.DictReader(io.StringIO(desk.get("/exports/agents.csv").text)))
    assert (row["agent"], row["kind"], row["acts_in_7_days"]) == ("'=Bot()", "lease.claimed", "3")
    other = Visitor(app.desk, house.reporter(app, "Nina"))
    assert other.get(f"/agents/{bot}").status_code == 404
    assert "Bot" not in other.page("/agents").words
