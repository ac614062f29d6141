import dataclasses

import pytest

import house
from clearhouse.clearing.match import deciding
from clearhouse.clearing.match import operations as match
from clearhouse.kernel.identity import PartyKind
from surfaces.test_web_desk_pages import COPIES, YAML, Visitor, clear, like


@pytest.fixture
def ann(app):
    roles = ("intake_analyst", "coordinator", "coordinator_on_duty")
    return house.person(app, "House", PartyKind.COORDINATOR, "Ann Analyst", *roles)


@pytest.fixture
def desk(app, ann):
    return Visitor(app.desk, ann)


def follow(desk, answer):
    """Go where an answer leads, as a browser does."""
    address = answer.url.raw_path.decode()
    for _ in range(5):
        if answer.status_code != 303:
            break
        address = answer.headers["location"]
        answer = desk.get(address)
    assert answer.status_code == 200, answer.text[:500]
    page = desk.page(address)
    page.address = address
    return page


def ways(page):
    return {form["action"].rsplit("/", 1)[1] for form in page.forms if "/decide/" in form["action"]}


def act(desk, page, word):
    (action,) = [form["action"] for form in page.forms if form["action"].endswith(f"/{word}")]
    return follow(desk, desk.send(page, action))


@pytest.fixture
def pairs(app):
    """Three reports that look like one bug, which nobody has decided."""
    return [clear(app, YAML)[1]] + [clear(app, like(YAML, title))[1] for title in COPIES]


def test_after_a_word_the_next_pair_opens_and_the_word_can_be_taken_back(app, desk, pairs):
    page = follow(desk, desk.get("/decide"))
    first = page.address
    assert "What speaks for it, and against" in page.words
    assert ways(page) == {"same", "sibling", "different"}
    page = act(desk, page, "different")
    assert page.address.split("?")[0] != first
    assert "You said of the last pair: different bugs" in page.words
    (undo,) = [form["action"] for form in page.forms if "/undo/" in form["action"]]
    page = follow(desk, desk.send(page, undo))
    assert page.address == first
    assert "Decided" not in page.words


def test_same_joins_and_undo_parts_again(app, ann, desk, pairs):
    page = act(desk, follow(desk, desk.get("/decide")), "same")
    with app.desk.database.transaction(ann.actor_id) as transaction:
        assert len(match.findings(transaction)) == 2
    (undo,) = [form["action"] for form in page.forms if "/undo/" in form["action"]]
    desk.send(page, undo)
    with app.desk.database.transaction(ann.actor_id) as transaction:
        assert len(match.findings(transaction)) == 3


def test_every_pair_comes_up_once_and_then_there_is_none(app, ann, desk, pairs):
    page, seen = follow(desk, desk.get("/decide")), []
    while "Nothing more to decide" not in page.words:
        seen.append(page.address.split("?")[0])
        page = act(desk, page, "different")
    assert len(seen) == len(set(seen)) >= 2
    with app.desk.database.transaction(ann.actor_id) as transaction:
        assert deciding.count_undecided(transaction) == 0


def test_what_is_passed_by_is_not_lost(desk, pairs):
    page = follow(desk, desk.get("/decide"))
    while "Nothing more to decide" not in page.words:
        (further,) = [link for link in page.links if link.startswith("/decide?after=")]
        page = follow(desk, desk.get(further))
    assert "You passed" in page.words
    assert "/decide" in page.links


def test_a_decided_pair_says_so_and_offers_no_word(desk, pairs):
    page = follow(desk, desk.get("/decide"))
    act(desk, page, "sibling")
    again = desk.page(page.address)
    assert "Decided." in again.words
    assert "siblings" in again.words
    assert not ways(again) & {"same", "sibling", "different"}


def test_a_report_is_split_off_where_the_pair_is_decided(app, ann, desk):
    clear(app, YAML)
    clear(app, dataclasses.replace(YAML, title="Loader runs code"))
    clear(app, like(YAML, COPIES[0]))
    page = follow(desk, desk.get("/decide"))
    (action,) = {form["action"] for form in page.forms if form["action"].endswith("/split")}
    assert desk.send(page, action).headers["location"] == page.address
    with app.desk.database.transaction(ann.actor_id) as transaction:
        assert len(match.findings(transaction)) == 3


def test_words_that_both_reports_share_are_marked_and_inert(app, desk):
    said = "<b>The loader</b> of the package calls constructors that the document names."
    clear(app, dataclasses.replace(YAML, description=said))
    clear(app, like(dataclasses.replace(YAML, description=said), COPIES[0]))
    answer = desk.get(follow(desk, desk.get("/decide")).address)
    assert "&lt;b&gt;" in answer.text
    assert "<mark>" in answer.text


def test_whoever_may_not_decide_is_offered_no_word(app, pairs):
    reader = house.person(app, "House", PartyKind.COORDINATOR, "Rae", "clearing")
    page = follow(Visitor(app.desk, reader), Visitor(app.desk, reader).get("/decide"))
    assert not ways(page) & {"same", "sibling", "different"}


def test_whoever_is_not_read_in_learns_of_no_pair(app, desk, pairs):
    address = follow(desk, desk.get("/decide")).address
    outsider = Visitor(app.desk, house.outsider(app))
    assert "Nothing more to decide" in outsider.page("/decide").words
    unknown = outsider.get("/decide/edg_" + "a" * 26)
    hidden = outsider.get(address)
    assert (hidden.status_code, hidden.text) == (unknown.status_code, unknown.text)
    assert hidden.status_code == 404
