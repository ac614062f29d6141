import random
import tracemalloc
from dataclasses import replace
from datetime import timedelta

from clearhouse.defense.enroll.record import Budget, View
from clearhouse.defense.scenario import sorting
from clearhouse.defense.scenario.recording import Recording, write
from clearhouse.defense.scenario.sorting import in_order
from defense_scene import NOON, event, house_sigma

DAYS = 30


def many(count):
    """Events in no order, each of about a kilobyte, made as they are asked for."""
    draw = random.Random(3)
    for number in range(count):
        at = NOON + timedelta(seconds=draw.randrange(DAYS * 86_400))
        yield replace(event(0, Number=number, CommandLine="x" * 900), at=at, uid=f"{number:020}")


def test_more_lines_than_a_run_holds_come_back_in_order_and_nothing_is_left(tmp_path, monkeypatch):
    monkeypatch.setattr(sorting, "RUN_BYTES", 500)
    given = [(f"{number * 7919 % 1000:03}", b"line %d" % number) for number in range(1000)]
    found = list(in_order(iter(given), tmp_path))
    assert found == sorted(given, key=lambda one: one[0])
    assert list(tmp_path.iterdir()) == []


def test_lines_of_one_key_stay_as_they_came(tmp_path, monkeypatch):
    monkeypatch.setattr(sorting, "RUN_BYTES", 60)
    given = [("same", b"%d" % number) for number in range(40)]
    assert list(in_order(given, tmp_path)) == given


def test_no_lines_are_no_lines(tmp_path):
    assert list(in_order([], tmp_path)) == []


def peak(act):
    tracemalloc.start()
    try:
        act()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_ten_times_the_events_need_no_more_memory_to_be_written_read_and_matched(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(sorting, "RUN_BYTES", 1 << 19)
    monkeypatch.setattr("clearhouse.defense.scenario.recording._CHUNK", 512)
    monkeypatch.setattr("clearhouse.defense.enroll.sigma.match._REMEMBERED", 500)
    peaks = {}
    for count in (1_000, 8_000):
        folder = tmp_path / str(count)
        written = peak(lambda: write(many(count), folder))  # noqa: B023 - called at once
        recording = Recording(folder)
        assert len(recording) == count
        sigma = house_sigma()
        matched = peak(lambda: sigma.run(View(events=recording), Budget()))  # noqa: B023 - as above
        peaks[count] = (written, matched)
    for less, more in zip(*peaks.values(), strict=True):
        assert more < 1.5 * less
        assert more < 8_000 * 900 / 3


def test_events_written_in_runs_and_parts_are_whole_and_in_the_order_of_time(tmp_path, monkeypatch):
    monkeypatch.setattr(sorting, "RUN_BYTES", 40_000)
    monkeypatch.setattr("clearhouse.defense.scenario.recording._PART", 120)
    given = list(many(500))
    again = [given[7], given[7], given[9]]
    recording = write([*given, *again], tmp_path / "events")
    assert len(list((tmp_path / "events").iterdir())) > 3
    found = list(recording)
    assert [one.at for one in found] == sorted(one.at for one in found)
    assert {one.uid for one in found} == {one.uid for one in given} | {
        f"{given[7].uid}~2", f"{given[7].uid}~3", f"{given[9].uid}~2",
    }  # fmt: skip
    assert write(given[:3], tmp_path / "events").span()[0] == min(one.at for one in given[:3])
    assert len(list((tmp_path / "events").iterdir())) == 1
