from datetime import UTC, date, datetime, timedelta
from xml.etree import ElementTree as ET

import pytest

from clearhouse.surfaces.web.pictures.completeness import (
    completeness_picture,
    completeness_strip,
)
from clearhouse.surfaces.web.pictures.ladder import Rung, RungState, ladder_picture
from clearhouse.surfaces.web.pictures.releases import last_day, release_calendar
from clearhouse.surfaces.web.pictures.route import RoomCount, route_picture
from clearhouse.surfaces.web.pictures.timeline import RuleInstant, embargo_timeline
from clearhouse.surfaces.web.pictures.weights import weight_bar

SIX = ("description", "trigger", "severity", "PoC", "patch", "tests")
HOSTILE = '"><script>alert(1)</script>'
START = datetime(2026, 11, 1, tzinfo=UTC)


def parsed(markup):
    return ET.fromstring(f"<all>{markup}</all>")  # noqa: S314 - our own output


def drawn(markup):
    """The pictures, after checking what holds for all of them."""
    tree = parsed(markup)
    names = {element.tag for element in tree.iter()}
    assert names <= {"all", "svg", "title", "g", "a", "rect", "line", "circle", "path", "text"}
    for element in tree.iter():
        assert not any(name.startswith("on") or name == "style" for name in element.attrib)
        for name in ("x", "y", "x1", "x2", "cx", "width", "height", "r"):
            assert float(element.get(name, "0")) >= 0
    for svg in tree.iter("svg"):
        # What can be followed must not stand inside an image: screen readers would skip it.
        assert svg.get("role") == ("group" if svg.find(".//a") is not None else "img")
        assert svg.get("aria-label")
        width = float(svg.get("width"))
        for element in svg.iter():
            assert float(element.get("x", "0")) <= width
            assert float(element.get("cx", "0")) <= width
    return tree


def words(tree):
    return " ".join(element.text or "" for element in tree.iter("text"))


ROOMS = (
    RoomCount(
        room="intake",
        what="reports",
        count=1234,
        waiting=56,
        oldest=timedelta(hours=49),
        address="/reports",
    ),
    RoomCount(room="match", what="findings", count=700),
    RoomCount(room="deliver", what="notices", count=None),
)


def test_the_route_shows_each_room_with_its_count_in_two_shapes():
    tree = drawn(route_picture(ROOMS))
    assert len(list(tree.iter("svg"))) == 2
    for svg in tree.iter("svg"):
        assert "1,234" in words(svg)
        assert "deliver" in words(svg)


def test_the_route_says_where_things_wait():
    lying, standing = drawn(route_picture(ROOMS)).iter("svg")
    assert "56 waiting" in words(lying)
    assert "56 wait, 2 days" in words(standing)
    assert "56 waiting" in lying.get("aria-label")


def test_the_route_says_for_how_long_the_oldest_waits_and_leads_to_where_it_does():
    for svg in drawn(route_picture(ROOMS)).iter("svg"):
        assert "2 days" in words(svg)
        (link,) = svg.iter("a")
        assert link.get("href") == "/reports"
        said = " ".join("".join(link.itertext()).split())
        assert said.startswith("intake 1,234 56 wait"), "read out as it is written"


def test_a_room_with_nothing_to_count_is_not_shown_as_zero():
    (lying, _) = drawn(route_picture([RoomCount(room="x", what="y", count=None)])).iter("svg")
    assert "0" not in words(lying).split()
    assert "nothing counted" in lying.get("aria-label")


@pytest.mark.parametrize("picture", [completeness_strip, completeness_picture])
def test_completeness_names_what_is_missing(picture):
    (svg,) = drawn(picture(SIX, {"description", "PoC"})).iter("svg")
    assert svg.get("aria-label") == (
        "2 of 6 elements of a ready report are there; missing: trigger, severity, patch, tests"
    )
    filled = [one for one in svg.iter() if one.get("class") == "there"]
    assert sum(one.get("d", "M").count("M") for one in filled) == 2


def test_the_ladder_tells_reached_from_not_attempted():
    rungs = [
        Rung(level="E0", label="claimed", state=RungState.REACHED),
        Rung(level="E1", label="consistent", state=RungState.CONTRADICTED),
        Rung(level="E2", label="in scope", state=RungState.NOT_ATTEMPTED),
    ]
    tree = drawn(ladder_picture(rungs))
    looks = [group.get("class") for group in tree.iter("g")]
    assert looks == ["reached", "contradicted", "not-attempted"]
    assert "not attempted" in words(tree)


def test_the_timeline_puts_the_earliest_rule_on_top_and_marks_the_winner():
    rules = [
        RuleInstant(rule="one-year", instant=START + timedelta(days=365), won=False),
        RuleInstant(rule="default-30", instant=START + timedelta(days=30), won=True),
    ]
    tree = drawn(embargo_timeline(START, START + timedelta(days=3), rules))
    looks = [group.get("class") for group in tree.iter("g")]
    assert looks == ["won", "other"]
    assert "2026-12-01" in words(tree)


def test_a_distant_rule_does_not_press_the_others_together():
    rules = [
        RuleInstant(rule="near", instant=START + timedelta(days=30), won=True),
        RuleInstant(rule="far", instant=datetime(9999, 12, 31, tzinfo=UTC), won=False),
    ]
    tree = drawn(embargo_timeline(START, START + timedelta(days=1), rules))
    near, far = (float(dot.get("cx")) for dot in tree.iter("circle"))
    assert near > 150
    assert far > near
    assert "→" in words(tree)


@pytest.mark.parametrize("now", [START - timedelta(days=9), START, START + timedelta(days=900)])
def test_the_timeline_can_be_drawn_at_any_instant(now):
    drawn(embargo_timeline(START, now, [RuleInstant(rule="r", instant=START, won=True)]))
    drawn(embargo_timeline(START, now, []))


def test_the_release_calendar_counts_what_is_due_each_day_for_twelve_weeks():
    friday = date(2026, 11, 27)
    due = {friday: 1, friday + timedelta(days=3): 2, date(2027, 11, 1): 1}
    picture = release_calendar(friday, due)
    drawn(picture)
    assert "Releases due: 2026-11-27: 1, 2026-11-30: 2" in picture
    assert picture.count('class="past"') == 4
    assert picture.count('class="due"') == 2
    assert "Releases due: none" in release_calendar(friday, {})


def test_the_last_day_of_the_release_calendar_is_the_last_that_it_draws():
    friday = date(2026, 11, 27)
    last = last_day(friday)
    assert f"{last}: 1" in release_calendar(friday, {last: 1})
    assert "none" in release_calendar(friday, {last + timedelta(days=1): 1})


def test_a_weight_points_to_its_side():
    assert 'class="for"' in weight_bar(0.4)
    assert 'class="against"' in weight_bar(-3)
    drawn(weight_bar(-3))


def test_hostile_names_stay_text_in_every_picture():
    at = START + timedelta(days=1)
    for picture in (
        route_picture([RoomCount(room=HOSTILE, what=HOSTILE, count=1, waiting=1)]),
        completeness_picture([HOSTILE], {HOSTILE}),
        completeness_strip([HOSTILE], set()),
        ladder_picture([Rung(level=HOSTILE, label=HOSTILE, state=RungState.REACHED)]),
        embargo_timeline(START, at, [RuleInstant(rule=HOSTILE, instant=at, won=True)]),
    ):
        assert "<script" not in picture
        drawn(picture)
