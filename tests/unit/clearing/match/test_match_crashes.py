from hypothesis import given
from hypothesis import strategies as st

from clearhouse.clearing.match.crashes import (
    FEATURES,
    compare_crashes,
    crash_counts,
    crash_sketch,
    in_order,
)

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
