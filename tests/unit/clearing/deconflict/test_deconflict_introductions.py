"""Two finders of one flaw meet as far as both want, and what was exchanged is on record."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from clearhouse.app import HOUSE
from clearhouse.clearing import route
from clearhouse.clearing.deconflict import exchanges
from clearhouse.clearing.deconflict.blind import asking, holding
from clearhouse.clearing.deconflict.blind.answering import HouseDoor
from clearhouse.clearing.deconflict.blind.asking import ask
from clearhouse.clearing.deconflict.blind.record import Fingerprint, Grain
from clearhouse.clearing.deconflict.introductions import operations
from clearhouse.clearing.deconflict.introductions.record import Field, Side, State
from clearhouse.kernel.identity import PartyKind
from clearhouse.kernel.policy import ForbiddenError
from house import outsider, person, reporter

PRINT = Fingerprint(grain=Grain.PLACE, package="pkg:npm/one", value="a.js#run#CWE-74")
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture
def labs(app):
    app.desk.database.clock = app.counter.database.clock = lambda: NOW
    route.turn_known_keys(app.desk)
    return [
        person(app, f"Lab {name}", PartyKind.LAB, name, "finder") for name in ("Ada", "Bob", "Cy")
    ]


def do(app, actor, verb, *arguments):
    with app.desk.database.transaction(actor.actor_id) as transaction:
        return verb(app.desk, transaction, actor, *arguments)


@pytest.fixture
def meeting(app, labs):
    """Ada holds a finding, Bob finds it known and asks for an introduction."""
    epoch, held = asking.held(HouseDoor(app.desk, labs[0]), [PRINT])
    with app.desk.database.transaction(labs[0].actor_id) as transaction:
        holding.hold(app.desk, transaction, labs[0], epoch, held, subject="cmt_a")
    (answer,) = ask(HouseDoor(app.desk, labs[1]), [PRINT])
    (seen,) = do(app, labs[1], operations.seek, answer.ticket)
    return seen, answer.ticket


def test_both_are_offered_and_neither_learns_who_the_other_is(app, labs, meeting):
    seen, _ = meeting
    assert (seen.side, seen.state, seen.fields) == (Side.SEEKER, State.OFFERED, ())
    (theirs,) = do(app, labs[0], operations.mine)
    assert (theirs.introduction_id, theirs.side) == (seen.introduction_id, Side.HOLDER)
    assert do(app, labs[2], operations.mine) == []
    with app.desk.database.transaction(labs[0].actor_id) as transaction:
        rows = transaction.all("SELECT party_id FROM introduction_side")
        events = transaction.all("SELECT body FROM ledger_event")
    assert {row["party_id"] for row in rows} == {labs[0].party_id}
    told = b"".join(bytes(row["body"]) for row in events)
    assert labs[1].party_id.encode() not in told
    assert labs[1].actor_id.encode() not in told


def test_asking_again_from_either_side_opens_no_second_introduction(app, labs, meeting):
    seen, ticket = meeting
    assert do(app, labs[1], operations.seek, ticket) == [seen]
    assert do(app, labs[0], operations.seek, ticket).code == "nobody", "Bob holds nothing"
    assert do(app, labs[2], operations.seek, bytes(32)).code == "nobody"


def test_a_field_is_shown_when_both_have_laid_it_down_and_no_other_is(app, labs, meeting):
    one = meeting[0].introduction_id
    mine = do(app, labs[1], operations.lay_down, one, Field.PACKAGE, "one, we think")
    assert [(shown.field, shown.theirs) for shown in mine.fields] == [(Field.PACKAGE, None)]
    assert do(app, labs[0], operations.mine)[0].fields == ()
    do(app, labs[0], operations.lay_down, one, Field.CONTACT, "ada@lab.test")
    done = do(app, labs[0], operations.lay_down, one, Field.PACKAGE, "one 1.2")
    assert [(shown.field, shown.mine, shown.theirs) for shown in done.fields] == [
        (Field.CONTACT, "ada@lab.test", None),
        (Field.PACKAGE, "one 1.2", "one, we think"),
    ]
    (theirs,) = do(app, labs[1], operations.mine)
    assert [(shown.field, shown.theirs) for shown in theirs.fields] == [(Field.PACKAGE, "one 1.2")]


def test_nobody_else_reads_what_was_laid_down(app, labs, meeting):
    one = meeting[0].introduction_id
    for lab in labs[:2]:
        do(app, lab, operations.lay_down, one, Field.PLACE, "a.js")
    for actor in (labs[2], outsider(app), reporter(app)):
        with app.desk.database.transaction(actor.actor_id) as transaction:
            assert transaction.all("SELECT * FROM introduction_field") == []
    for verb, given in ((operations.lay_down, (Field.PLACE, "x")), (operations.decline, ())):
        assert do(app, labs[2], verb, one, *given).code == "no-such-introduction"


def test_after_declining_nothing_more_is_shown(app, labs, meeting):
    one = meeting[0].introduction_id
    do(app, labs[1], operations.lay_down, one, Field.PLACE, "a.js")
    assert do(app, labs[1], operations.decline, one).state is State.DECLINED
    assert do(app, labs[0], operations.lay_down, one, Field.PLACE, "b.js").fields[0].theirs is None
    assert do(app, labs[1], operations.lay_down, one, Field.PLAN, "x").code == "over"


def test_a_field_is_laid_down_once_and_holds_something(app, labs, meeting):
    one = meeting[0].introduction_id
    do(app, labs[1], operations.lay_down, one, Field.PLACE, "a.js")
    assert do(app, labs[1], operations.lay_down, one, Field.PLACE, "b.js").code == "laid-down"
    for text in ("", "x" * 20_001):
        assert do(app, labs[1], operations.lay_down, one, Field.PLAN, text).code == "malformed"


def test_nobody_is_introduced_without_the_role(app, labs):
    stranger = reporter(app)
    for verb, given in (
        (operations.seek, (bytes(32),)), (operations.mine, ()),
        (operations.lay_down, ("int_x", Field.PLAN, "x")), (operations.decline, ("int_x",)),
    ):  # fmt: skip
        with pytest.raises(ForbiddenError):
            do(app, stranger, verb, *given)
    assert labs


def test_what_was_exchanged_is_on_record_for_each_side_and_for_auditors(app, labs, meeting):
    one = meeting[0].introduction_id
    for lab in labs[:2]:
        do(app, lab, operations.lay_down, one, Field.PLACE, "a.js, quite secret")
    do(app, labs[0], operations.decline, one)
    route.hide_known_counts(app.desk)
    auditor = person(app, "Oversight", PartyKind.AUDITOR, "Ida", "auditor")

    def read(actor):
        with app.desk.database.transaction(actor.actor_id) as transaction:
            return exchanges.exchanges(
                app.desk, transaction, actor, since=NOW, until=NOW + timedelta(days=1)
            )

    everything = read(auditor)
    assert sorted((row.kind, row.party or "the house") for row in everything) == [
        ("asked", HOUSE), ("asked", HOUSE), ("declined", "Lab Ada"),
        ("held", "Lab Ada"), ("introduced", "Lab Bob"), ("laid_down", "Lab Ada"),
        ("laid_down", "Lab Bob"),
    ]  # fmt: skip
    assert {row.party for row in read(labs[1])} == {"Lab Bob", HOUSE}
    sheet = exchanges.as_csv(everything)
    assert sheet.count("\n") == 1 + len(everything)
    assert "quite secret" not in sheet
    assert '""shown_to_both"": true' in sheet
    hostile = replace(everything[0], party='=HYPERLINK("https://x.example")')
    assert "\"'=HYPERLINK(" in exchanges.as_csv([hostile])
    with pytest.raises(ForbiddenError):
        read(reporter(app))
