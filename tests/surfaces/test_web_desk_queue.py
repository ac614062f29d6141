import pytest

import house
from clearhouse.clearing.intake.record import Draft
from clearhouse.clearing.prioritize import views
from surfaces.test_web_desk_pages import YAML, Visitor, clear


@pytest.fixture
def desk(app):
    return Visitor(app.desk, house.coordinator(app))


def save(desk, address, name):
    return desk.send(desk.page(address), "/views", name=name)


def test_a_view_is_saved_under_a_name_and_stands_as_a_tab(app, desk):
    clear(app, YAML)
    clear(app, Draft(title="Something small", description="It prints a wrong message."))
    answer = save(desk, "/?severity=critical", "Bad ones")
    assert answer.headers["location"] == "/?severity=critical"
    page = desk.page("/")
    assert "Bad ones" in page.words
    assert "/?severity=critical" in page.links
    shown = desk.page("/?severity=critical")
    assert "Something small" not in shown.words
    assert ("a", "aria-current", "true") in shown.attributes


def test_the_same_name_again_replaces_the_view(desk):
    save(desk, "/?severity=critical", "Mine")
    save(desk, "/?exploit=kev", " Mine ")
    links = desk.page("/").links
    assert "/?exploit=kev" in links
    assert "/?severity=critical" not in links


def test_a_view_is_removed(desk):
    save(desk, "/?exploit=kev", "Mine")
    page = desk.page("/?exploit=kev")
    (action,) = [form["action"] for form in page.forms if form["action"].endswith("/remove")]
    assert desk.send(page, action).status_code == 303
    assert "/?exploit=kev" not in desk.page("/").links
    assert desk.send(page, action).status_code == 404


def test_a_view_is_its_owners_alone(app, desk):
    save(desk, "/?exploit=kev", "Only mine")
    page = desk.page("/?exploit=kev")
    (action,) = [form["action"] for form in page.forms if form["action"].endswith("/remove")]
    other = Visitor(app.desk, house.outsider(app))
    assert "Only mine" not in other.page("/").words
    fields = other.page("/").form("/sign-out")["fields"]
    assert other.client.post(action, data=fields).status_code == 404
    assert "Only mine" in desk.page("/").words


@pytest.mark.parametrize("name", ["", "  ", "x" * 41, "a\u200bb", "a\x00b", "\u202egnp"])
def test_a_name_that_cannot_be_read_is_refused_in_words(desk, name):
    answer = save(desk, "/?exploit=kev", name)
    assert answer.status_code == 409
    assert "characters that can be seen" in answer.text


def test_nobody_saves_without_end(desk, monkeypatch):
    monkeypatch.setattr(views, "MOST", 2)
    for n, exploit in enumerate(("kev", "active")):
        assert save(desk, f"/?exploit={exploit}", f"View {n}").status_code == 303
    assert save(desk, "/?exploit=poc", "One more").status_code == 409
    assert save(desk, "/?exploit=poc", "View 0").status_code == 303


def test_a_view_of_somebody_without_a_session_is_not_saved(app):
    visitor = Visitor(app.desk)
    answer = visitor.client.post("/views", data={"name": "x"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")


def test_the_queue_goes_on_behind_a_finding_that_has_left_it(app, desk, monkeypatch):
    monkeypatch.setattr("clearhouse.surfaces.web.desk.queue_pages.ROWS", 1)
    for n in range(3):
        clear(app, Draft(title=f"Flaw number {n} of many"))
    further = desk.page("/").next
    with app.desk.database.transaction(app.desk.clearing_actor.actor_id) as transaction:
        gone = transaction.execute(
            "UPDATE priority SET superseded_at = now() + interval '1 day' WHERE finding_id = %s",
            [further.partition("after=")[2].partition("&")[0]],
        )
    assert gone == 1
    page = desk.page(further)
    assert page.words.count("Flaw number") == 1
    assert "2 to 2 of 2" in page.words


def test_more_than_are_counted_is_said_as_more(app, desk, monkeypatch):
    monkeypatch.setattr("clearhouse.surfaces.web.desk.queue_pages.COUNTED", 1)
    for n in range(2):
        clear(app, Draft(title=f"Flaw {n}"))
    assert "of more than 1" in desk.page("/").words
