"""What one person may not do alone; who is kept out; whose copy a leaked text was."""

import csv
import io
from datetime import UTC, datetime, timedelta

import pytest

from casebook import acting, cleared, do, move, opened, read, register, set_clock
from clearhouse.clearing.coordinate import (
    _store,
    canary,
    casework,
    clocks,
    copies,
    giving,
    messages,
    read_in_log,
    read_in_policy,
    read_ins,
)
from clearhouse.clearing.coordinate import operations as coordinate
from clearhouse.clearing.coordinate.embargo import News
from clearhouse.clearing.coordinate.embargo_management import EmState
from clearhouse.clearing.coordinate.record import PartyRole
from clearhouse.clearing.intake import operations as intake
from clearhouse.clearing.intake.record import Tooling
from clearhouse.clearing.match import operations as match
from clearhouse.formats.tlp import Tlp
from clearhouse.kernel import identity
from clearhouse.kernel.identity import ActorKind, PartyKind
from clearhouse.kernel.policy import ForbiddenError
from house import coordinator, person

NOW = datetime(2026, 11, 10, 12, 0, tzinfo=UTC)
PROSE = "The loader trusts the length in the header and copies it into a small buffer. " * 4


@pytest.fixture
def house(app):
    set_clock(app, NOW)
    return app


@pytest.fixture
def case(house):
    register(house)
    return opened(house)


def cora(app):
    return coordinator(app)


def dora(app):
    return coordinator(app, "Dora Deputy")


def expert(app, case, name="Ed Expert"):
    """Somebody of a firm that has a part in the case and none of its own flaw."""
    found = person(app, "An expert's firm", PartyKind.OPERATOR, name, "vendor")
    if read(app, case.id).party(found.party_id) is None:
        do(app, cora(app), casework.join, case.id, party=found.party_id, role=PartyRole.OTHER)
    return found


def asks(app, case, who, **more):
    return do(app, cora(app), read_ins.read_in, case.id, who=who, tier=1, reason="fixes", **more)


def decides(app, case, who, number=0, *, grant=True):
    return do(app, who, read_ins.decide, case.id, number=number, grant=grant, because="right")


def sees(app, actor, case_id):
    with acting(app, actor) as transaction:
        return _store.load(app.desk, transaction, case_id) is not None


def kinds(app, subject):
    with acting(app, app.desk.clearing_actor) as transaction:
        rows = transaction.all(
            "SELECT kind FROM ledger_event WHERE subject = %s ORDER BY at, event_id", [subject]
        )
    return [row["kind"] for row in rows]


def test_two_persons_let_an_expert_in_and_one_person_alone_does_not(house, case):
    ed = expert(house, case)
    assert asks(house, case, ed).requests[0].granted is None
    assert not sees(house, ed, case.id)
    assert decides(house, case, cora(house)).code == "second-person"
    assert asks(house, case, ed).code == "asked-twice"
    move(house, minutes=5)
    done = decides(house, case, dora(house))
    assert sees(house, ed, case.id)
    assert done.participants[-1].approved_by == (cora(house).actor_id, dora(house).actor_id)
    assert done.participants[-1].read_in_at == NOW + timedelta(minutes=5)
    assert decides(house, case, dora(house)).code == "decided"
    assert decides(house, case, dora(house), 7).code == "no-such-request"
    assert {"case.read_in_asked", "case.read_in_granted"} <= set(kinds(house, case.id))


def test_a_refused_read_in_stays_in_the_log_and_may_be_asked_for_again(house, case):
    ed = expert(house, case)
    asks(house, case, ed)
    decides(house, case, dora(house), grant=False)
    assert not sees(house, ed, case.id)
    assert len(asks(house, case, ed).requests) == 2
    rows = do(house, cora(house), read_ins.log, case.id)
    assert [row.notes for row in rows if row.nominee == "Ed Expert"] == [
        "refused",
        "waits for a second person",
    ]


def test_an_agent_is_no_second_person(house, case):
    asks(house, case, expert(house, case))
    boss = cora(house)
    with acting(house, boss) as transaction:
        agent_id = identity.add_actor(
            transaction, boss.party_id, ActorKind.AGENT, "Helper",
            roles=["coordinator", "coordinator_on_duty"], responsible=boss.actor_id,
        )  # fmt: skip
        agent = identity.actor(transaction, agent_id)
    with pytest.raises(ForbiddenError):
        decides(house, case, agent)
    with pytest.raises(ForbiddenError):
        do(house, agent, read_ins.let_in_alone, case.id, who=agent, tier=1, reason="r")


def test_own_people_of_a_vendor_need_one_approval_and_the_policy_says_so(house, case):
    vera = person(house, "The example-yaml project", PartyKind.VENDOR, "Vera", "vendor")
    do(house, cora(house), read_ins.read_in, case.id, who=vera, tier=0)
    assert sees(house, vera, case.id)
    rules = read_in_policy.in_force()
    assert (rules.needed(0, PartyRole.VENDOR), rules.needed(0, PartyRole.OTHER)) == (1, 2)
    assert rules.needed(3, PartyRole.OTHER) == 1
    assert rules.needed(1, None) == 2


def test_an_emergency_read_in_ends_by_itself_with_a_ledger_entry(house, case):
    ed = expert(house, case)
    given = do(house, cora(house), read_ins.let_in_alone, case.id, who=ed, tier=1, reason="leak")
    hours = read_in_policy.in_force().emergency_hours
    assert given.participants[-1].expires_at == NOW + timedelta(hours=hours)
    assert sees(house, ed, case.id)
    move(house, hours=hours, seconds=-1)
    clocks.sweep(house.desk)
    assert sees(house, ed, case.id)
    move(house, seconds=1)
    assert clocks.sweep(house.desk) == 1
    assert not sees(house, ed, case.id)
    assert kinds(house, case.id)[-1] == "case.read_in_expired"
    assert asks(house, case, ed).requests[-1].granted is None


def test_a_second_person_ends_an_emergency_that_was_none_and_upholds_one_that_was(house, case):
    ed, eve = expert(house, case), expert(house, case, "Eve Expert")
    for who in (ed, eve):
        do(house, cora(house), read_ins.read_in_by_id, case.id, who=who.actor_id, tier=1,
           reason="leak", emergency=True)  # fmt: skip
    at = [one.actor for one in read(house, case.id).participants]

    def reviews(who, nominee, *, upheld):
        return do(house, who, read_ins.review, case.id, number=at.index(nominee.actor_id),
                  upheld=upheld, because="looked")  # fmt: skip

    assert reviews(cora(house), ed, upheld=True).code == "second-person"
    reviews(dora(house), ed, upheld=True)
    reviews(dora(house), eve, upheld=False)
    assert (sees(house, ed, case.id), sees(house, eve, case.id)) == (True, False)
    assert reviews(dora(house), eve, upheld=True).code == "decided"
    missing = do(house, dora(house), read_ins.review, case.id, number=0, upheld=True, because="b")
    assert missing.code == "no-such-emergency"
    notes = {row.nominee: row.notes for row in do(house, cora(house), read_ins.log, case.id)}
    assert notes["Ed Expert"] == "emergency; upheld: looked"
    assert notes["Eve Expert"] == "emergency; not upheld: looked"
    unwise = do(house, cora(house), read_ins.let_in_alone, case.id, who=eve, tier=1, reason=" ")
    assert unwise.code == "no-reason"


def test_whoever_has_a_conflict_of_interest_reads_nothing_whatever_group_lets_them_in(house, case):
    conflicted, other = dora(house), cora(house)
    thread = do(house, other, messages.open_thread, case.id, party=None)
    do(house, other, messages.post, thread.thread_id, text="SECRET", tlp=Tlp.RED)
    report, finding = _report_and_finding(house, case)
    assert sees(house, conflicted, case.id)
    do(house, conflicted, read_ins.declare_conflict, case.id, who=conflicted.actor_id,
       what="my sister works there")  # fmt: skip
    with acting(house, conflicted) as transaction:
        assert _store.load(house.desk, transaction, case.id) is None
        assert intake.load(house.desk, transaction, [report]) == []
        assert transaction.all("SELECT * FROM case_thread") == []
        assert transaction.all("SELECT * FROM finding WHERE finding_id = %s", [finding]) == []
        assert transaction.all("SELECT * FROM ledger_event WHERE subject = %s", [case.id]) == []
    assert do(house, conflicted, casework.cases) == []
    with pytest.raises(casework.NoSuchCaseError):
        decides(house, case, conflicted)
    assert sees(house, other, case.id)
    # The case goes on growing, and the bar with it.
    cleared(house)
    with acting(house, house.desk.clearing_actor) as transaction:
        coordinate.consider(house.desk, transaction, house.desk.clearing_actor, finding)
    with acting(house, conflicted) as transaction:
        assert intake.load(house.desk, transaction, [report]) == []
    lifted = do(house, other, read_ins.lift_conflict, case.id, who=conflicted.actor_id,
                because="she left")  # fmt: skip
    assert not lifted.has_conflict(conflicted.actor_id)
    assert sees(house, conflicted, case.id)
    with acting(house, conflicted) as transaction:
        assert len(intake.load(house.desk, transaction, [report])) == 1


def _report_and_finding(house, case):
    with acting(house, house.desk.clearing_actor) as transaction:
        (report,) = casework.reports_of(transaction, case.id)
        return report, match.finding_of(transaction, report)


def test_a_conflict_ends_a_read_in_and_bars_the_next_one(house, case):
    ed = expert(house, case)
    asks(house, case, ed)
    decides(house, case, dora(house))
    do(house, cora(house), read_ins.declare_conflict, case.id, who=ed.actor_id, what="competes")
    assert not sees(house, ed, case.id)
    assert asks(house, case, ed).code == "conflict"
    again = do(house, cora(house), read_ins.declare_conflict, case.id, who=ed.actor_id, what="x")
    assert again.code == "declared-twice"
    wordless = do(house, cora(house), read_ins.declare_conflict, case.id, who="act_x", what=" ")
    assert wordless.code == "no-reason"
    lift = {"who": ed.actor_id, "because": "over"}
    do(house, cora(house), read_ins.lift_conflict, case.id, **lift)
    assert do(house, cora(house), read_ins.lift_conflict, case.id, **lift).code == "no-conflict"
    assert (
        do(house, cora(house), read_ins.lift_conflict, case.id, who="x", because=" ").code
        == "no-reason"
    )
    own = do(house, cora(house), read_ins.lift_conflict, case.id, who=cora(house).actor_id,
             because="mine")  # fmt: skip
    assert own.code == "second-person"
    row = [one for one in do(house, cora(house), read_ins.log, case.id) if one.tier is None]
    assert row[0].notes == "kept out, conflict of interest: competes"


def test_who_is_in_conflict_neither_grants_nor_reviews(house, case):
    from clearhouse.clearing.coordinate import second_person, transitions
    from clearhouse.clearing.coordinate.record import Conflict, Participant

    base = read(house, case.id)
    wanted = Participant(actor="act_e", party=base.vendors[0].id, tier=1, read_in_at=NOW,
                         approved_by=("act_a",), reason="r")  # fmt: skip
    asked = second_person.ask_read_in(base, wanted)
    barred = second_person.declare_conflict(
        asked, Conflict(actor="act_b", what="w", by="act_b", at=NOW)
    )
    policy = casework.embargo_policy()
    done = second_person.decide(barred, 0, policy, by="act_b", at=NOW, granted=True, because="b")
    assert done.code == "conflict"
    let = second_person.let_in_alone(barred, wanted, review_by=NOW)
    number = len(let.participants) - 1
    look = second_person.review(let, number, by="act_b", at=NOW, upheld=True, because="b")
    assert look.code == "conflict"
    late = second_person.review(let, number, by="act_c", at=NOW, upheld=False, because="b")
    assert transitions.revoke(late, "act_e", NOW).code == "not-read-in"


def test_the_log_is_csv_that_no_spreadsheet_computes(house, case):
    ed = expert(house, case)
    do(house, cora(house), read_ins.read_in, case.id, who=ed, tier=2, reason="=1+1")
    rows = list(csv.DictReader(io.StringIO(
        read_in_log.as_csv(do(house, cora(house), read_ins.log, case.id))
    )))  # fmt: skip
    row = next(one for one in rows if one["nominee"] == "Ed Expert")
    assert row["need_to_know"] == "'=1+1"
    assert (row["tier"], row["organisation"]) == ("2", "An expert's firm")
    assert row["expires"] == "public disclosure"


def excepts(app, case, rule, days, who=None):
    return do(app, who or cora(app), read_ins.ask_exception, case.id, rule=rule,
              until=app.desk.database.clock() + timedelta(days=days), reason="the fix is not out")  # fmt: skip


def test_two_persons_extend_an_embargo_within_the_policy_and_nobody_beyond_it(house, case):
    assert case.embargo.rule == "default-30"
    move(house, days=20)
    excepts(house, case, "default-30", 25)
    assert read(house, case.id).embargo.instant == case.embargo.instant
    assert decides(house, case, cora(house)).code == "second-person"
    done = decides(house, case, dora(house))
    assert done.embargo.instant == NOW + timedelta(days=45)
    assert "Two persons" in done.embargo.reason
    assert done.embargo_state is EmState.ACTIVE
    assert excepts(house, case, "linux-distros-14", 5).code == "no-exception"
    assert excepts(house, case, "default-30", 31).code == "too-long"
    assert excepts(house, case, "default-30", 0).code == "date-in-the-past"
    wordless = do(house, cora(house), read_ins.ask_exception, case.id, rule="default-30",
                  until=NOW + timedelta(days=25), reason=" ")  # fmt: skip
    assert wordless.code == "no-reason"
    assert {"embargo.exception_asked", "embargo.exception_granted"} <= set(kinds(house, case.id))


def test_an_exception_that_changes_nothing_is_refused_when_it_is_granted(house, case):
    do(house, cora(house), casework.agree_date, case.id, vendor=case.vendors[0].id,
       date=NOW + timedelta(days=5))  # fmt: skip
    excepts(house, case, "exploited-7", 20)
    assert decides(house, case, dora(house)).code == "no-effect"


def test_a_bar_that_two_persons_set_aside_gives_an_embargo_that_ends_with_it(house, case):
    done = do(house, cora(house), casework.learn, case.id, news=News(tooling=Tooling.PUBLIC))
    assert done.embargo.rule == "public-tooling"
    assert done.embargo_state is EmState.EXITED
    excepts(house, case, "public-tooling", 10)
    assert decides(house, case, dora(house)).code == "no-such-step"  # nothing follows an ended one


def test_a_bar_set_aside_before_any_embargo_begins_one():
    from pathlib import Path

    from clearhouse.clearing.coordinate import transitions
    from clearhouse.clearing.coordinate.embargo import EmbargoFacts, Waiver
    from clearhouse.clearing.coordinate.embargo_policy import load

    policy = load(Path(__file__).parents[4] / "policies" / "embargo" / "clearhouse-1.yaml")
    facts = EmbargoFacts(received_at=NOW, tooling=Tooling.PUBLIC)
    case = transitions.open_case("cas_x", findings=("fnd_x",), purl=None, parties=(), facts=facts,
                                 policy=policy, at=NOW)  # fmt: skip
    assert case.embargo.instant is None
    waiver = Waiver(rule="public-tooling", until=NOW + timedelta(days=10))
    done = transitions.set_aside(case, waiver, policy, NOW)
    assert done.embargo_state is EmState.ACTIVE
    assert done.embargo.instant == NOW + timedelta(days=10)
    assert done.embargo.rule == "exception:public-tooling"


def test_a_leaked_message_names_its_reader_and_what_each_has_seen_is_in_the_ledger(house, case):
    vera = person(house, "The example-yaml project", PartyKind.VENDOR, "Vera", "vendor")
    do(house, cora(house), read_ins.read_in, case.id, who=vera, tier=0)
    thread = do(house, cora(house), messages.open_thread, case.id, party=None)
    said = do(house, cora(house), messages.post, thread.thread_id, text=PROSE, tlp=Tlp.RED)
    for who in (vera, dora(house), vera):
        _, (message,) = do(house, who, messages.messages, thread.thread_id)
        assert message.words.text == PROSE
    leaked = messages.as_copy(do(house, vera, messages.messages, thread.thread_id)[1][0])
    for text in (leaked.words.text[40:280], f"it says {leaked.copy} at the end"):
        (found,) = do(house, cora(house), copies.recipients, text)
        assert (found.actor_id, found.what) == (vera.actor_id, said)
    assert do(house, cora(house), copies.recipients, PROSE) == []
    with pytest.raises(ForbiddenError):
        do(house, vera, copies.recipients, PROSE)
    seen = do(house, cora(house), copies.seen, case.id)
    assert sorted(one.actor_id for one in seen if one.what == said) == sorted(
        [vera.actor_id, dora(house).actor_id]
    )
    assert kinds(house, case.id).count("copy.given") == 2
    assert messages.as_copy(message) != message
    with acting(house, vera) as transaction:
        own = transaction.all("SELECT actor_id FROM case_copy")
    assert {row["actor_id"] for row in own} == {vera.actor_id}


def test_nobody_else_can_make_a_mark_and_the_houses_machinery_has_none(house, case):
    thread = do(house, cora(house), messages.open_thread, case.id, party=None)
    do(house, cora(house), messages.post, thread.thread_id, text=PROSE, tlp=Tlp.RED)
    machine = house.desk.clearing_actor
    marks = do(house, machine, giving.given, case.id, [case.id])
    assert do(house, cora(house), copies.recipients, canary.named(marks[case.id])) == []
    assert do(house, machine, giving.given, case.id, []) == {}
