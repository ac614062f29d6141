import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearhouse.clearing.match.bench_crashes import published_rule, run_crashes
from clearhouse.clearing.match.crashes import (
    FEATURES,
    compare_crashes,
    crash_counts,
    crash_model,
    crash_sketch,
    in_order,
)
from clearhouse.clearing.match.forest import ModelError

STACKS = [
    ("Heap-buffer-overflow READ 4", ["yaml::parse_header", "yaml::parse", "main_loop"]),
    ("Heap-buffer-overflow READ 1", ["yaml::parse_header_ext", "yaml::parse", "main_loop"]),
    ("Use-after-free WRITE 8", ["cache_evict", "cache_put", "handle"]),
]
CRASHES = [crash_sketch(*stack) for stack in STACKS]
COUNTS = crash_counts(CRASHES)


def compared(one, other):
    return dict(zip(FEATURES, compare_crashes(one, other, COUNTS, COUNTS), strict=True))


def test_neighbours_are_nearer_than_strangers():
    near, far = compared(CRASHES[0], CRASHES[1]), compared(CRASHES[0], CRASHES[2])
    for name in ("parts of both", "frames", "names alike", "same family", "two in order"):
        assert near[name] > far[name]


def test_frames_in_common_keep_their_order():
    assert in_order(["a", "b", "c"], ["a", "x", "c"]) == 2
    assert in_order(["a", "b"], ["b", "a"]) == 1
    assert in_order([], ["a"]) == 0


frames = st.lists(st.sampled_from(["a::b", "a::c", "parse_x", "parseY", "z"]), max_size=5)


@given(frames, frames)
def test_comparing_crashes_does_not_depend_on_which_came_first(one, other):
    left, right = crash_sketch("UNKNOWN READ", one), crash_sketch("Abrt", other)
    there = compare_crashes(left, right, COUNTS, COUNTS)
    assert there == compare_crashes(right, left, COUNTS, COUNTS)
    assert len(there) == len(FEATURES)


def test_the_crash_model_that_is_shipped_says_what_it_reached_on_unseen_projects():
    model = crash_model()
    unseen = model.provenance["on_unseen_projects"]
    assert unseen["ours"]["f1"] >= 2 * unseen["published_rule"]["f1"]
    near, far = model.scores(
        [compare_crashes(CRASHES[0], CRASHES[other], COUNTS, COUNTS) for other in (1, 2)]
    )
    assert 0 < far < near < 1
    with pytest.raises(ModelError, match="cannot read"):
        crash_model("crash-999")


def test_the_published_rule_is_two_frames_in_order_or_nearly_equal_names():
    assert published_rule(["a", "b", "c"], ["a", "x", "b"])
    assert published_rule(["parse_header_1"], ["parse_header_2"])
    assert not published_rule(["a", "b"], ["b", "a"])
    assert not published_rule([], [])


def test_crashes_are_measured_beside_the_published_rule(tmp_path):
    reports = [
        {"type": "report", "rid": f"K{i}", "seq": i, "project": "p"}
        | {"crash_type": kind, "frames": frames}
        for i, (kind, frames) in enumerate(STACKS)
    ]
    pairs = [
        {"type": "pair", "a": "K0", "b": "K1", "label": 1},
        {"type": "pair", "a": "K2", "b": "K0", "label": 0},
    ]
    path = tmp_path / "crash.jsonl"
    path.write_text("\n".join(json.dumps(line) for line in [*reports, *pairs]))
    found = run_crashes(path)
    assert found["pairs"] == 2
    assert found["duplicates"] == 1
    assert found["recall@10"] == 1.0
    assert found["published_rule"]["recall"] == 1.0
    assert len(found["bands"]) == len(crash_model().bands)
