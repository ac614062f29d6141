from datetime import UTC, datetime

import pytest

from clearhouse.formats.ssvc import SsvcError, falls, read_table, selection_list

TABLE = """
id: "test:DT_RAIN"
version: "1.0.0"
name: Umbrella
source: the weather
rises: true
points:
  - {id: "test:W:1.0.0", name: Wind, values: {"L": "Low", "H": "High"}}
  - {id: "test:R:1.0.0", name: Rain, values: {"N": "No", "Y": "Yes"}}
outcome: {id: "test:U:1.0.0", name: Take it, values: {"N": "No", "Y": "Yes"}}
across: 1
rows:
  - "L | N Y"
  - "H | N Y"
"""


def test_a_table_gives_one_outcome_for_one_value_per_point():
    table = read_table(TABLE)
    assert table.id == "test:DT_RAIN:1.0.0"
    assert table.decide({"test:W:1.0.0": "L", "test:R:1.0.0": "Y"}) == "Y"


def test_an_incomplete_or_unknown_input_is_refused_with_every_fault():
    with pytest.raises(SsvcError) as caught:
        read_table(TABLE).decide({"test:W:1.0.0": "Q", "test:Z:1.0.0": "Y"})
    assert set(caught.value.faults) == {
        "test:R:1.0.0 has no value",
        "test:DT_RAIN:1.0.0 has no decision point test:Z:1.0.0",
        "test:W:1.0.0 has no value Q",
    }


def test_open_points_leave_every_reachable_outcome_possible():
    table = read_table(TABLE)
    assert table.possible({}) == ("N", "Y")
    assert table.possible({"test:R:1.0.0": ("Y",)}) == ("Y",)
    with pytest.raises(SsvcError, match="has no value"):
        table.possible({"test:R:1.0.0": ()})


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ('- "H | N Y"', '- "L | N Y"', "row H N is stated 0 times; row H Y is stated 0 times"),
        ('- "H | N Y"', '- "H | N Y"\n  - "H | N Y"', "row H N is stated 2 times"),
        (
            '- "H | N Y"',
            '- "H | N Y"\n  - "Q | N Y"',
            "row Q N has a key that no decision point has",
        ),
        ('- "H | N Y"', '- "H | N Z"', "row H Y ends in Z, which is no outcome"),
        ('- "H | N Y"', '- "H | N N"', "row L Y falls from Y to N as W rises"),
        ('- "H | N Y"', '- "H | N"', "line H has 1 outcomes for 2 columns"),
        ("across: 1", "", "'across'"),
        ('id: "test:DT_RAIN"', "", "'id'"),
        ("test:W:1.0.0", "W", "shape of a decision table"),
    ],
)
def test_a_table_with_a_hole_a_contradiction_or_a_fall_is_refused(old, new, fault):
    with pytest.raises(SsvcError) as caught:
        read_table(TABLE.replace(old, new))
    assert fault in str(caught.value)


def test_a_table_that_does_not_say_that_it_rises_may_fall():
    falling = TABLE.replace("rises: true", "rises: false").replace('"H | N Y"', '"H | N N"')
    assert list(falls(read_table(falling))) == ["row L Y falls from Y to N as W rises"]


@pytest.mark.parametrize("text", ["- a list", "{", "12", "points: {}", "mapping: 3"])
def test_a_document_that_is_no_table_is_refused(text):
    with pytest.raises(SsvcError):
        read_table(text)


def test_a_selection_list_names_the_values_and_the_outcome():
    table = read_table(TABLE)
    document = selection_list(
        table,
        {"test:R:1.0.0": ("Y",)},
        outcome=("Y",),
        at=datetime(2026, 11, 23, 9, 30, tzinfo=UTC),
        targets=("CVE-2026-1", "CVE-2026-1"),
    )
    assert document["timestamp"] == "2026-11-23T09:30:00Z"
    assert document["target_ids"] == ["CVE-2026-1"]
    values = {
        entry["key"]: [value["key"] for value in entry["values"]]
        for entry in document["selections"]
    }
    assert values == {"W": ["L", "H"], "R": ["Y"], "U": ["Y"]}
    assert "target_ids" not in selection_list(table, {}, outcome=("Y",), at=datetime.now(UTC))
