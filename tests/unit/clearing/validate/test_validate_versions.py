import pytest

from clearhouse.clearing.validate.versions import (
    highest,
    lowest,
    major,
    parse_range,
    parse_version,
)


@pytest.mark.parametrize(
    ("kind", "text"),
    [("pypi", "1.0"), ("pypi", "v2.0rc1"), ("npm", "1.2.3"), ("npm", "1.2.3-beta.1+build")],
)
def test_a_version_of_the_registry_is_read(kind, text):
    assert parse_version(kind, text) is not None


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("pypi", "4.x"),
        ("pypi", "latest"),
        ("pypi", ""),
        ("npm", "1.2"),
        ("npm", "01.2.3"),
        ("nowhere", "1.0"),
        ("pypi", "1" * 300),
    ],
)
def test_what_is_no_version_gives_none(kind, text):
    assert parse_version(kind, text) is None


@pytest.mark.parametrize(
    ("kind", "text", "inside", "outside"),
    [
        ("pypi", "vers:pypi/>=1.0|<2.3", "1.9", "2.3"),
        ("pypi", ">=1.0, <2.3", "1.0", "0.9"),
        ("pypi", ">=1.0 <2.3", "2.2", "2.3"),
        ("pypi", "before 5.4", "5.3.1", "5.4"),
        ("pypi", "versions up to and including 2.3.0", "2.3.0", "2.3.1"),
        ("npm", "<= 1.2.5", "1.2.5", "1.2.6"),
        ("npm", "1.2.5", "1.2.5", "1.2.4"),
        ("pypi", "<1.2|>=2.0|<2.3", "2.1", "1.5"),
    ],
)
def test_a_range_holds_what_it_says(kind, text, inside, outside):
    stated = parse_range(kind, text)
    assert parse_version(kind, inside) in stated
    assert parse_version(kind, outside) not in stated


@pytest.mark.parametrize(
    "text", ["5.1 - 5.3.1", "^1.2", "recent ones", "", "vers:npm/1.0.0", "vers:pypi/>=x", "1" * 300]
)
def test_a_range_that_cannot_be_read_for_sure_gives_none(text):
    assert parse_range("pypi", text) is None


def test_all_versions_hold_everything_and_have_no_start():
    stated = parse_range("pypi", "all versions")
    assert parse_version("pypi", "0.0.1") in stated
    assert stated.lowest is None
    assert not stated.enumerated


@pytest.mark.parametrize(
    ("text", "start"),
    [(">=1.0, <2.0", "1.0"), ("<2.0", "None"), ("1.5", "1.5"), ("<1.2|>=2.0|<2.3", "None")],
)
def test_a_range_knows_where_it_starts(text, start):
    assert str(parse_range("pypi", text).lowest) == start


def test_a_list_of_versions_is_told_from_a_span():
    assert parse_range("pypi", "1.0, 1.1").enumerated
    assert not parse_range("pypi", "<1.1").enumerated


def test_versions_order_as_their_registry_orders_them():
    versions = [parse_version("pypi", text) for text in ("1.10", "1.9", "1.10rc1")]
    assert str(highest(versions)) == "1.10"
    assert str(lowest(versions)) == "1.9"


def test_the_first_number_skips_an_epoch():
    assert major(parse_version("pypi", "1!22.3")) == 22
    assert major(parse_version("alpm", "abc")) is None
