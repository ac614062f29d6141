from dataclasses import dataclass
from datetime import UTC, datetime

from clearhouse.surfaces.web.desk.counting import Surveyor


@dataclass
class Opened:
    actor: str
    now: datetime = datetime(2026, 1, 1, tzinfo=UTC)


class House:
    """Counts one more report each time it is asked, and takes as long as told."""

    def __init__(self, takes_s):
        self.takes_s, self.now_s, self.asked = takes_s, 0.0, 0

    def count(self, transaction):
        self.now_s += self.takes_s
        self.asked += 1
        return {"intake": {"reports": self.asked, transaction.actor: 1}}

    def surveyor(self):
        return Surveyor(count=self.count, clock=lambda: self.now_s)


def test_a_small_house_is_counted_anew_each_time():
    house = House(takes_s=0.01)
    surveyor = house.surveyor()
    counts = [surveyor.survey(Opened("ann")).counts["intake"]["reports"] for _ in range(3)]
    assert counts == [1, 2, 3]


def test_long_counting_is_kept_for_twenty_times_as_long():
    house = House(takes_s=1)
    surveyor = house.surveyor()
    assert not surveyor.survey(Opened("ann")).kept
    house.now_s += 18
    assert surveyor.survey(Opened("ann")).kept
    house.now_s += 2
    assert not surveyor.survey(Opened("ann")).kept
    assert house.asked == 2


def test_nobody_is_shown_the_counts_of_another():
    surveyor = House(takes_s=1).surveyor()
    for actor in ("ann", "otto", "ann", "otto"):
        assert actor in surveyor.survey(Opened(actor)).counts["intake"]


def test_the_memory_does_not_grow_with_the_number_of_people():
    surveyor = House(takes_s=1).surveyor()
    for number in range(1000):
        surveyor.survey(Opened(f"actor {number}"))
    assert len(surveyor._kept) <= 200
