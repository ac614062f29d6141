import contextlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest

from clearhouse.surfaces.web.desk.counting import Surveyor


@dataclass(frozen=True)
class Opened:
    actor: str
    now: datetime = datetime(2026, 1, 1, tzinfo=UTC)

    def execute(self, setting):
        assert setting.startswith("SET LOCAL")


class House:
    """Counts one more report each time it is asked, and takes as long as told."""

    def __init__(self, *, large, takes_s=1.0):
        self.now_s, self.asked, self.waiting = 0.0, 0, []
        self.takes_s = takes_s
        self.surveyor = Surveyor(
            count=self.count,
            large=lambda _: large,
            clock=lambda: self.now_s,
            beside=self.waiting.append,
        )

    def count(self, transaction):
        self.now_s += self.takes_s
        self.asked += 1
        return {"intake": {"reports": self.asked, transaction.actor: 1}}

    def look(self, actor, *, later=timedelta(0)):
        opened = Opened(actor)
        return self.surveyor.survey(
            replace(opened, now=opened.now + later), lambda: contextlib.nullcontext(opened)
        )

    def work(self):
        while self.waiting:
            self.waiting.pop(0)()


def test_a_small_house_is_counted_anew_each_time():
    house = House(large=False)
    assert [house.look("ann").counts["intake"]["reports"] for _ in range(3)] == [1, 2, 3]
    assert not house.waiting


def test_nobody_waits_for_the_counts_of_a_large_house():
    house = House(large=True)
    assert house.look("ann").counts is None
    assert house.asked == 0
    house.work()
    assert house.look("ann").counts["intake"]["reports"] == 1


def test_one_actor_is_counted_once_at_a_time():
    house = House(large=True)
    for _ in range(5):
        house.look("ann")
    assert len(house.waiting) == 1


def test_long_counting_is_kept_for_fifty_times_as_long():
    house = House(large=True)
    house.look("ann")
    house.work()
    house.now_s += 49
    assert house.look("ann").kept
    assert not house.waiting
    house.now_s += 2
    assert house.look("ann").counts["intake"]["reports"] == 1
    house.work()
    assert house.look("ann").counts["intake"]["reports"] == 2


def test_counts_of_yesterday_are_not_shown_as_those_of_today():
    house = House(large=True)
    house.look("ann")
    house.work()
    assert house.look("ann", later=timedelta(days=1)).counts is None


def test_counting_that_failed_is_tried_again():
    house = House(large=True)
    house.surveyor.count = lambda _: 1 / 0
    house.look("ann")
    with pytest.raises(ZeroDivisionError):
        house.work()
    house.surveyor.count = house.count
    house.look("ann")
    house.work()
    assert house.look("ann").counts["intake"]["reports"] == 1


def test_nobody_is_shown_the_counts_of_another():
    house = House(large=True)
    for actor in ("ann", "otto"):
        house.look(actor)
    house.work()
    for actor in ("ann", "otto"):
        assert actor in house.look(actor).counts["intake"]


def test_the_memory_does_not_grow_with_the_number_of_people():
    house = House(large=True)
    for number in range(1000):
        house.look(f"actor {number}")
    house.work()
    assert len(house.surveyor._kept) <= 200
