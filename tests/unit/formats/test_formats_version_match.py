"""Which versions an advisory holds, by the rules of OSV, VERS and each ecosystem."""

import pytest

from clearhouse.formats.vers import VersError, parse
from clearhouse.formats.version_match import (
    Exactly,
    ImpossibleRangeError,
    InRange,
    Listed,
    Timeline,
    compare,
    first_after,
)


def timeline(scheme, *events):
    return Timeline(scheme=scheme, events=tuple(events), place="affected[0].ranges[0].events")


@pytest.mark.parametrize(
    ("events", "inside", "outside"),
    [
        ([("introduced", "0"), ("fixed", "2.0")], ["0.1", "1.9.9"], ["2.0", "2.0.0", "3"]),
        ([("introduced", "1.0"), ("last_affected", "2.0")], ["1.0", "2.0"], ["0.9", "2.0.1"]),
        ([("introduced", "1.0")], ["1.0", "99"], ["0.9"]),
        (
            [("fixed", "2.2"), ("introduced", "2.0"), ("fixed", "1.2"), ("introduced", "1.0")],
            ["1.1", "2.1"],
            ["1.2", "1.9", "2.2"],
        ),
        (
            [("introduced", "0"), ("fixed", "1.5"), ("introduced", "1.5"), ("fixed", "2")],
            ["1.4", "1.5", "1.9"],
            ["2"],
        ),
        ([("introduced", "1.5"), ("last_affected", "1.5")], ["1.5"], ["1.4", "1.6"]),
        ([("introduced", "0"), ("limit", "2.0")], ["1.9"], ["2.0", "3.0"]),
        ([("introduced", "0"), ("limit", "*")], ["1.9", "99"], []),
        ([("introduced", "0"), ("limit", "1"), ("limit", "3")], ["2.9"], ["3"]),
    ],
)
def test_events_are_walked_in_the_order_of_versions(events, inside, outside):
    for scheme in ("pypi", "maven", "gem"):
        one = timeline(scheme, *events)
        assert all(one.holds(version) for version in inside)
        assert not any(one.holds(version) for version in outside)


@pytest.mark.parametrize(
    "events",
    [
        [("fixed", "1.0")],
        [("introduced", "2.0"), ("fixed", "1.0")],
        [("introduced", "1.0"), ("fixed", "1.0")],
        [],
        [("limit", "3")],
    ],
)
def test_a_range_that_can_hold_nothing_is_an_error_with_its_place(events):
    with pytest.raises(ImpossibleRangeError, match="ranges"):
        timeline("pypi", *events).holds("1.0")


def test_a_version_that_cannot_be_ordered_is_no_no():
    with pytest.raises(VersError):
        timeline("pypi", ("introduced", "0"), ("fixed", "2")).holds("not a version")
    with pytest.raises(VersError):
        timeline(None, ("introduced", "0"), ("fixed", "2")).holds("1")


def test_a_list_of_versions_answers_without_an_order():
    listed = Listed(scheme=None, versions=frozenset({"2024a"}), ranges=())
    assert listed.holds("2024a")
    assert not listed.holds("2024b")


def test_a_list_answers_yes_where_a_range_beside_it_is_impossible_and_refuses_to_say_no():
    broken = timeline("pypi", ("fixed", "1"))
    one = Listed(scheme="pypi", versions=frozenset({"3.0"}), ranges=(broken,))
    assert one.holds("3.0")
    with pytest.raises(ImpossibleRangeError):
        one.holds("4.0")


def test_a_leading_v_and_trailing_zeros_do_not_matter_where_the_ecosystem_says_so():
    assert timeline("golang", ("introduced", "0"), ("fixed", "1.2.3")).holds("v1.2.2")
    assert Exactly(scheme="pypi", version="1.0").holds("1.0.0")
    assert not Exactly(scheme=None, version="1.0").holds("1.0.0")
    assert InRange(range=parse("vers:npm/>=1.0.0|<2.0.0")).holds("v1.5.0")


@pytest.mark.parametrize(
    ("scheme", "low", "high"),
    [
        ("pypi", "1.0rc1", "1.0"),
        ("pypi", "1.0.dev1", "1.0a1"),
        ("npm", "1.0.0-rc.1", "1.0.0"),
        ("maven", "1.0-alpha-1", "1.0"),
        ("deb", "1.0~rc1-1", "1.0-1"),
        ("deb", "2.0-1", "1:1.0-1"),
        ("gem", "1.0.pre", "1.0"),
        ("golang", "v1.0.0-20200101000000-abcdef123456", "v1.0.0"),
    ],
)
def test_each_ecosystem_orders_by_its_own_rules(scheme, low, high):
    assert compare(scheme, low, high) == -1
    assert compare(scheme, high, low) == 1


def test_the_lowest_fix_above_the_installed_version_is_named():
    assert first_after("pypi", "2.5", ["1.9", "3.1", "2.9"]) == "2.9"
    assert first_after("pypi", "4", ["1.9"]) is None
    assert first_after(None, "x", ["y"]) == "y"
