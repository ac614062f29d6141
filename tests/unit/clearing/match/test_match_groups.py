import math
from dataclasses import replace

import numpy as np
import pytest

from clearhouse.clearing.match.forest import Forest
from clearhouse.clearing.match.groups import FIRST, group_looks, join_groups, joinings
from clearhouse.clearing.match.model import model
from clearhouse.clearing.match.pairing import CLOSER_LOOK, IN_GROUP
from clearhouse.clearing.match.ranking import NOTHING, Ranked

PAIRS = CLOSER_LOOK.index("pairs shared of shorter")


def listed(*odds, pairs=0.0):
    numbers = tuple(pairs if place == PAIRS else 0.0 for place in range(len(CLOSER_LOOK)))
    return [
        Ranked(number=number, log_odds=one, probability=0.5, numbers=numbers)
        for number, one in enumerate(odds)
    ]


def seen(looks, group):
    row = looks.numbers[looks.groups.index(group)]
    return dict(zip(IN_GROUP, row.tolist(), strict=True))


def says(name, at):
    """Return a forest that says 1 where a number is above `at`, else -1."""
    place = IN_GROUP.index(name)
    return Forest(trees=(((place, at, -1, -2),),), leaves=((-1.0, 1.0),))


def test_what_the_list_says_of_several_reports_of_a_group_is_added_up():
    looks = group_looks(listed(0.0, -1.0, -2.0, -3.0, pairs=0.7), {0: 7, 1: 9, 2: 7, 3: 7})
    assert looks.groups == (7, 9)
    assert looks.companions == (0, 1)
    seven, nine = seen(looks, 7), seen(looks, 9)
    claims = [math.exp(odds) for odds in (0.0, -2.0, -3.0)]
    assert seven["together"] == pytest.approx(math.log(sum(claims)))
    assert seven["together, ahead of others"] == pytest.approx(math.log(sum(claims)) + 1.0)
    assert (seven["members"], nine["members"]) == (3, 1)
    assert (seven["best"], seven["least"], seven["best of others"]) == (0.0, -3.0, -1.0)
    assert (nine["best, ahead of others"], nine["place of best"]) == (-1.0, 1)
    assert seven["pairs shared at most"] == pytest.approx(0.7)


def test_a_group_alone_has_no_rival():
    looks = group_looks(listed(1.0, 0.5), {0: 3, 1: 3})
    assert seen(looks, 3)["best of others"] == NOTHING
    assert seen(looks, 3)["share of list"] == 1.0


def test_a_group_is_asked_about_only_when_one_of_the_first_belongs_to_it():
    odds = [-float(place) for place in range(FIRST + 2)]
    looks = group_looks(listed(*odds), {place: place for place in range(FIRST + 2)})
    assert looks.groups == tuple(range(FIRST))


def test_a_report_joins_the_likeliest_group_or_none():
    ranked = listed(1.0, 0.5, 0.0)
    looks = [group_looks(ranked, {0: 4, 1: 5, 2: 5}), group_looks([], {})]
    found, nothing = joinings(says("members", 1.5), 0.5, looks)
    assert (found.group, found.companion, found.log_odds) == (5, 1, 1.0)
    assert nothing is None
    assert joinings(says("members", 2.5), 0.5, looks) == [None, None]


def test_the_order_in_which_groups_were_numbered_says_nothing():
    ranked = listed(1.0, 0.5, 0.2, -1.0)
    one = group_looks(ranked, {0: 1, 1: 2, 2: 1, 3: 3})
    other = group_looks(ranked, {0: 30, 1: 20, 2: 30, 3: 10})
    assert np.array_equal(one.numbers, other.numbers)


def test_reports_join_one_after_the_other_and_a_finding_makes_two_groups_one():
    trained = replace(model(), group=says("members", 1.5), join_at=0.5)
    ranked = listed(1.0, 0.5, 0.0)
    groups = {0: 0, 1: 1, 2: 2}
    findings = {0: "fnd_a", 1: "fnd_b", 2: "fnd_b", 3: "fnd_c"}
    again = [replace(one, number=number) for one, number in zip(ranked, (3, 1, 9), strict=True)]
    first, second, third = join_groups(
        trained, [(3, ranked), (4, again), (None, ranked[:2])], groups, findings
    )
    assert (first.group, first.companion) == (1, 1)
    assert (second.group, second.companion) == (1, 3)
    assert third is None
    assert groups == {0: 0, 1: 1, 2: 2, 3: 1, 4: 1}
