"""Numbers say what was brought about, from public documents alone."""

from dataclasses import replace
from datetime import timedelta

import pytest

from advisories import DAY_0, PLAIN, WITHDRAWN
from clearhouse.clearing.publish.as_osv import osv_document
from clearhouse.clearing.publish.content import read
from clearhouse.clearing.publish.numbers import FEWEST, numbers
from clearhouse.clearing.publish.record import RECEIVED, Milestone

ACCEPTED = Milestone(at=DAY_0 + timedelta(days=3), what="Accepted by the vendor")
TOLD = replace(PLAIN, timeline=(Milestone(at=DAY_0, what=RECEIVED), ACCEPTED))


def document(facts):
    return osv_document(read(facts))


def test_of_nothing_public_nothing_is_said():
    said = numbers([])
    assert (said.advisories, said.fixed, said.months) == (0, 0, ())
    assert all(one.days is None for one in said.waits)


def test_outcomes_are_counted_of_what_still_stands():
    ended = document(next(iter(WITHDRAWN.values())))
    said = numbers([document(PLAIN), ended])
    assert (said.advisories, said.standing, said.withdrawn, said.fixed) == (2, 1, 1, 1)
    assert said.with_ai == 2
    assert said.thanked == 2, "the same names are counted once"


def test_an_advisory_without_a_fix_that_says_what_helps_is_told_apart():
    unfixed = replace(PLAIN, affected_claims=("5.3.1",), fixed_versions=())
    assert (numbers([document(unfixed)]).fixed, numbers([document(unfixed)]).helped) == (0, 1)


@pytest.mark.parametrize(("count", "days"), [(FEWEST - 1, (None, None)), (FEWEST, (3.0, 30.0))])
def test_a_median_of_too_few_is_not_a_number(count, days):
    said = numbers([document(TOLD)] * count)
    assert tuple(one.days for one in said.waits) == days
    assert [one.of for one in said.waits] == [count, count]


def test_months_stand_the_newest_first():
    later = replace(PLAIN, revisions=(replace(PLAIN.revisions[0], at=DAY_0 + timedelta(days=70)),))
    assert numbers([document(PLAIN), document(later)]).months == (("2027-01", 1), ("2026-12", 1))
