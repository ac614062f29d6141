"""Chance: how many runs it takes before agreement means something."""

from itertools import combinations
from math import comb

import pytest

from clearhouse.clearing.validate.reproduce import chance

FIRST = chance.agreement(3, 3)


def test_agreement_is_one_order_of_all():
    orders = list(combinations(range(6), 3))
    assert pytest.approx(1 / len(orders)) == FIRST


@pytest.mark.parametrize("seconds", [(1, 1), (0.01, 0.01), (2, 0.1), (0.1, 2), (1, 3)])
def test_the_runs_asked_for_leave_no_more_than_was_allowed(seconds):
    for share in (1, 1 / 2, 1 / 6):
        (vulnerable, fixed), left = chance.more_runs(FIRST, share, *seconds)
        assert left == pytest.approx(1 / (20 * comb(vulnerable + fixed, fixed)))
        assert left <= chance.MOST * share


def test_runs_that_cost_the_same_are_shared_evenly():
    (vulnerable, fixed), _ = chance.more_runs(FIRST, 1 / 2, 1, 1)
    assert (vulnerable, fixed) == (8, 8)


def test_a_slow_side_is_run_less_often_than_a_fast_one():
    (vulnerable, fixed), _ = chance.more_runs(FIRST, 1 / 2, 5, 0.1)
    assert vulnerable < 5 < fixed
    assert chance.more_runs(FIRST, 1 / 2, 0.1, 5)[0] == (fixed, vulnerable)


def test_a_proof_that_is_slow_on_both_sides_gets_fewer_runs_and_a_weaker_bound():
    pair, left = chance.more_runs(FIRST, 1 / 2, 20, 20)
    assert sum(pair) < 10
    assert chance.MOST < left <= chance.SLOW_MOST / 2
