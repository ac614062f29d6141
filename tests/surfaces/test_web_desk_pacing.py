from datetime import timedelta

import pytest

import house
from clearhouse.clearing.coordinate import casework, pace
from clearhouse.clearing.coordinate import operations as coordinate
from clearhouse.clearing.intake.record import Draft
from surfaces.test_web_desk_pages import Visitor, clear


@pytest.fixture
def cora(app):
    return house.coordinator(app)


@pytest.fixture
def cases(app, cora):
    """Seven cases of one maintainer who takes five a week, and one of another."""
    made = []
    for name, packages in (("Busy", range(7)), ("Calm", [9])):
        purls = [f"pkg:pypi/paced-{n}" for n in packages]
        with app.desk.database.transaction(cora.actor_id) as transaction:
            casework.register_vendor(app.desk, transaction, cora, name=name, packages=purls,
                                     contact=f"{name.lower()}@example.test")  # fmt: skip
        for purl in purls:
            _, finding = clear(app, Draft(title=f"Flaw of {purl}", purl=purl))
            with app.desk.database.transaction(cora.actor_id) as transaction:
                made.append(coordinate.open_case(app.desk, transaction, cora, finding).id)
    return made


def board(app, who):
    with app.desk.database.transaction(who.actor_id) as transaction:
        return {one.name: one for one in pace.board(app.desk, transaction, who)[1]}


def test_each_maintainer_stands_with_what_is_open_and_what_waits(app, cora, cases):
    busy, calm = (board(app, cora)[name] for name in ("Busy", "Calm"))
    assert (busy.open_cases, busy.open_reports, busy.held, busy.per_week) == (7, 7, 2, 5)
    assert (calm.open_cases, calm.held, calm.oldest_at is None) == (1, 0, False)
    assert all("enough for this party" in one.because for one in busy.waiting)
    page = Visitor(app.desk, cora).page("/pacing")
    assert page.words.index("Busy") < page.words.index("Calm")
    assert f"/cases/{busy.waiting[0].case_id}" in page.links
    assert "2 waiting" in page.words


def test_what_was_handed_over_uses_up_turns_until_the_week_is_over(app, cora, cases):
    now = app.desk.database.clock()
    with app.desk.database.transaction(app.desk.clearing_actor.actor_id) as transaction:
        transaction.execute(
            "UPDATE notice SET sent_at = %s WHERE kind = 'case' AND due_at <= %s", [now, now]
        )
    assert board(app, cora)["Busy"].handed_lately == 5
    app.desk.database.clock = lambda: now + timedelta(days=8)
    later = board(app, cora)["Busy"]
    assert (later.handed_lately, later.held) == (0, 0)


def test_whoever_is_read_in_to_nothing_sees_no_maintainer(app, cora, cases):
    other = house.outsider(app)
    assert board(app, other) == {}
    page = Visitor(app.desk, other).page("/pacing")
    assert "Busy" not in page.words
    assert Visitor(app.desk, house.reporter(app)).get("/pacing").status_code == 403
