"""Chance: how many runs it takes before agreement means something."""

from itertools import combinations
from math import comb

import pytest

from clearhouse.clearing.validate.reproduce import chance

FIRST = chance.agreement(3, 3)


def test_agreement_is_one_order_of_all():
    orders = list(combinations(range(6), 3))
    assert pytest.approx(1 / len(orders)) == FIRST


@pytest.mark.parametrize("seconds", [(1, 1), (0.01, 0.01), (10, 0.1), (0.1, 10), (1, 3)])
def test_the_runs_asked_for_leave_no_more_than_was_allowed(seconds):
    for most in (1e-4, chance.MOST, chance.MOST / 4):
        vulnerable, fixed = chance.more_runs(FIRST, most, *seconds)
        assert 1 / (20 * comb(vulnerable + fixed, fixed)) <= most


def test_runs_that_cost_the_same_are_shared_evenly():
    vulnerable, fixed = chance.more_runs(FIRST, chance.MOST / 4, 1, 1)
    assert abs(vulnerable - fixed) <= 1
    assert vulnerable + fixed == 17


def test_a_slow_side_is_run_less_often_than_a_fast_one():
    vulnerable, fixed = chance.more_runs(FIRST, chance.MOST / 4, 10, 0.1)
    assert vulnerable < 5 < fixed
    assert chance.more_runs(FIRST, chance.MOST / 4, 0.1, 10) == (fixed, vulnerable)
