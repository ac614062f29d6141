"""A number is a number; what is none never looks like a failure."""

import pytest

from clearhouse.criteria.measure.scores import as_number, by_part


@pytest.mark.parametrize(
    ("value", "number"),
    [
        ("C", 1.0),
        ("I", 0.0),
        ("P", 0.5),
        ("N", 0.0),
        (True, 1.0),
        (0.25, 0.25),
        ("yes", 1.0),
        ("0.5", 0.5),
    ],
)
def test_a_score_is_the_number_that_the_format_says(value, number):
    assert as_number(value) == number


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), "nan", "c", "flag{x}", None, [], 10**400]
)
def test_what_is_no_number_is_none_and_not_zero(value):
    assert as_number(value) is None


def test_a_score_of_parts_gives_a_number_for_each():
    assert by_part("judge", {"found": "C", "patched": 0}) == {
        "judge.found": 1.0,
        "judge.patched": 0.0,
    }
