import re
from pathlib import Path

import pytest

import house
from clearhouse.surfaces.web import keys
from surfaces.test_web_desk_pages import YAML, Visitor, clear

_SCRIPT = Path(keys.__file__).parent / "static" / "keys.js"


@pytest.fixture
def desk(app):
    return Visitor(app.desk, house.coordinator(app))


def test_no_two_keys_are_the_same_where_both_work():
    for where in (keys.LISTS, keys.DECIDING):
        here = [one.key for one in keys.KEYS if one.where in {where, keys.EVERYWHERE}]
        assert len(here) == len(set(here))
    assert len({one.key for one in keys.PLACES}) == len(keys.PLACES)


def test_the_help_names_every_key_and_every_page(desk):
    for address in ("/", "/keys"):
        words = " ".join(desk.page(address).words.split())
        for one in keys.KEYS:
            assert one.does in words
        for place in keys.PLACES:
            assert place.name in words


def test_every_page_that_a_letter_leads_to_is_there_and_linked(desk):
    page = desk.page("/me")
    lettered = {value for tag, name, value in page.attributes if name == "data-key"}
    assert lettered == {place.key for place in keys.PLACES}
    for place in keys.PLACES:
        assert desk.get(place.address).status_code in {200, 303, 403}
        assert place.address in page.links


def test_whatever_a_page_offers_to_a_key_stands_in_the_table(app, desk):
    clear(app, YAML)
    pressed = {
        value
        for address in ("/", "/decide", "/ledger")
        for _, name, value in desk.page(address).attributes
        if name == "data-press"
    }
    assert pressed <= {one.key for one in keys.KEYS}


def test_the_script_takes_its_keys_from_the_page():
    text = _SCRIPT.read_text("utf-8")
    asked = set(re.findall(r"own\.(\w+)", text))
    assert asked == set(re.findall(r"data-(\w+)=", keys.bindings()))
    assert not re.search(r'key === "', text)


def test_keys_can_be_switched_off_and_scripts_are_files_of_ours(desk):
    answer = desk.get("/")
    assert "data-keys-switch" in answer.text
    policy = answer.headers["content-security-policy"]
    assert "script-src 'self'; connect-src 'self';" in policy
    assert "unsafe" not in policy
