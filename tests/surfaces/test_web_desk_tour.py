from datetime import timedelta

import pytest

import house
from clearhouse.clearing.coordinate import operations as coordinate
from clearhouse.kernel.identity import PartyKind
from clearhouse.surfaces.cli.up import _first_page
from clearhouse.surfaces.web.desk.sign_in import one_time_link
from clearhouse.surfaces.web.desk.tour_steps import STEPS, Place
from surfaces.test_web_desk_pages import YAML, clear, like
from visitor import HOUSE, Page, Visitor

ALWAYS = {Place.TODAY, Place.OPERATOR, Place.LEDGER}


@pytest.fixture
def ann(app):
    roles = ("intake_analyst", "coordinator", "coordinator_on_duty", "auditor")
    return house.person(app, "House", PartyKind.COORDINATOR, "Ann Analyst", *roles)


@pytest.fixture
def desk(app, ann):
    return Visitor(app.desk, ann)


def offered(page):
    """The places that the tour leads to now."""
    return {
        form["action"].rpartition("/")[2]
        for form in page.forms
        if form["action"].startswith("/tour/to/")
    }


def go(desk, place):
    answer = desk.send(desk.page("/tour"), f"/tour/to/{place}")
    assert answer.status_code == 303
    return desk.page(answer.headers["location"])


def test_an_empty_house_offers_only_what_it_has(desk):
    page = desk.page("/tour")
    assert offered(page) == ALWAYS
    assert page.words.count("There is nothing of the kind here") == len(STEPS) - len(ALWAYS)


def test_a_step_that_is_only_seen_is_done_once_its_traveller_was_there(desk):
    assert "0 done" in desk.page("/tour").words
    page = go(desk, Place.TODAY)
    assert "Back to the tour" in page.words
    assert "/tour" in page.links
    assert "1 done" in desk.page("/tour").words


def test_a_step_with_an_act_is_done_by_the_act_and_by_no_visit(app, desk):
    clear(app, YAML)
    clear(app, like(YAML, "Full loader of documents builds any object"))
    page = go(desk, Place.DUPLICATES)
    assert "0 done" in desk.page("/tour").words
    action = next(form["action"] for form in page.forms if form["action"].endswith("/different"))
    assert desk.send(page, action).status_code == 303
    assert "1 done" in desk.page("/tour").words


def test_a_case_is_shown_to_who_is_read_in_and_to_nobody_else(app, ann, desk):
    _, finding = clear(app, YAML)
    with app.desk.database.transaction(ann.actor_id) as transaction:
        case = coordinate.open_case(app.desk, transaction, ann, finding)
    assert case.embargo.instant > app.desk.database.clock() + timedelta(days=1)
    assert {Place.EMBARGO, Place.RELEASE} <= offered(desk.page("/tour"))
    page = go(desk, Place.RELEASE)
    assert any(form["action"].startswith(f"/cases/{case.id}/") for form in page.forms)
    outsider = Visitor(app.desk, house.outsider(app))
    assert not {Place.EMBARGO, Place.RELEASE, Place.DUPLICATES} & offered(outsider.page("/tour"))


def test_a_tour_that_is_put_away_is_offered_no_more_and_can_begin_again(app, ann, desk):
    assert _first_page(app, ann) == "/tour"
    go(desk, Place.LEDGER)
    assert desk.send(desk.page("/tour"), "/tour/away").headers["location"] == "/"
    assert _first_page(app, ann) == "/"
    assert desk.send(desk.page("/tour"), "/tour/again").headers["location"] == "/tour"
    assert _first_page(app, ann) == "/tour"
    assert "0 done" in desk.page("/tour").words


def test_how_far_somebody_is_nobody_else_learns(app, ann, desk):
    go(desk, Place.LEDGER)
    other = house.coordinator(app)
    with app.desk.database.transaction(other.actor_id) as transaction:
        assert transaction.all("SELECT * FROM tour_mark") == []
        transaction.execute("DELETE FROM tour_mark")
    with app.desk.database.transaction(ann.actor_id) as transaction:
        marks = {row["mark"] for row in transaction.all("SELECT mark FROM tour_mark")}
    assert marks == {"begun", "ledger"}


@pytest.mark.parametrize("place", ["nowhere", "../me", "TODAY"])
def test_a_step_that_is_none_leads_nowhere(desk, place):
    token = desk.page("/tour").form("/tour/away")["fields"]["form_token"]
    answer = desk.client.post(f"/tour/to/{place}", data={"form_token": token})
    assert answer.status_code in {404, 405, 422}
    assert "Back to the tour" not in desk.page("/ledger?tour=nowhere").words


def test_the_link_of_the_launcher_opens_on_the_tour(app, ann):
    browser = Visitor(app.desk)
    link = one_time_link(app.desk, ann, HOUSE, to="/tour")
    page = Page(browser.get(link.removeprefix(HOUSE)).text)
    assert browser.send(page, "/sign-in").headers["location"] == "/tour"
