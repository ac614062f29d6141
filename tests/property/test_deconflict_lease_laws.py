"""When two leases overlap, held against looking at every file, version and instant by hand."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from clearhouse.clearing.deconflict.leases import rules
from clearhouse.clearing.deconflict.leases.record import Scope
from clearhouse.formats import vers

START = datetime(2026, 11, 23, tzinfo=UTC)
FILES = ["a", "a/b", "a/b/c", "a/bc", "b", "ab/c", "b/a"]
NUMBERS = [1, 2, 3, 4]
LINE = [f"{whole}.{part}" for whole in range(6) for part in (0, 5)]
"""Every version that is named, one between each two, and some beyond: 0.5, 1.0, 1.5, ..."""

paths = st.lists(st.sampled_from(FILES), max_size=3, unique=True).map(tuple)


@st.composite
def ranges(draw):
    if draw(st.integers(0, 5)) == 0:
        return draw(st.sampled_from([None, "vers:npm/*"]))
    named = sorted(draw(st.sets(st.sampled_from(NUMBERS), min_size=1, max_size=4)))
    return "vers:npm/" + "|".join(
        f"{draw(st.sampled_from(['', '!=', '<', '<=', '>', '>=']))}{number}.0.0" for number in named
    )


@st.composite
def scopes(draw):
    starts = draw(st.integers(0, 8))
    return Scope(
        target=draw(st.sampled_from(["pkg:npm/one", "pkg:npm/two"])),
        starts=START + timedelta(hours=starts),
        until=START + timedelta(hours=draw(st.integers(starts + 1, 10))),
        paths=draw(paths),
        versions=draw(ranges()),
    )


def has_file(some, file):
    """Whether a file that lies in a named folder, or is named, is part of it."""
    return not some or any(file == one or file.startswith(one + "/") for one in some)


def has_version(text, version):
    return text is None or vers.parse(text).contains(version)


def by_hand(one, other):
    """Two scopes overlap when something is in both: here everything that could be is tried."""
    files = [*FILES, *(f"{file}/x" for file in FILES), "elsewhere"]
    versions = [f"{number}.0" for number in LINE]
    instants = [START + timedelta(minutes=30 * step) for step in range(22)]
    return (
        one.target == other.target
        and any(has_file(one.paths, file) and has_file(other.paths, file) for file in files)
        and any(has_version(one.versions, v) and has_version(other.versions, v) for v in versions)
        and any(one.starts <= at < one.until and other.starts <= at < other.until
                for at in instants)
    )  # fmt: skip


@given(scopes(), scopes())
def test_two_scopes_overlap_exactly_when_something_is_in_both(one, other):
    assert rules.overlap(one, other) == (by_hand(one, other), False)


@given(scopes(), scopes())
def test_overlap_is_the_same_from_both_sides(one, other):
    assert rules.overlap(one, other) == rules.overlap(other, one)


@given(ranges(), ranges())
def test_versions_meet_exactly_when_one_of_the_line_is_in_both(one, other):
    versions = [f"{number}.0" for number in LINE]
    expected = any(has_version(one, v) and has_version(other, v) for v in versions)
    assert rules.versions_overlap(one, other) == (expected, False)


@given(scopes())
def test_whatever_a_scope_holds_it_overlaps_with_itself_unless_it_holds_no_version(one):
    empty = not any(has_version(one.versions, f"{number}.0") for number in LINE)
    assert rules.overlap(one, one)[0] is not empty


@given(scopes(), st.integers(0, 10))
def test_leases_that_follow_one_another_do_not_overlap(one, hours):
    later = Scope(target=one.target, starts=one.until, until=one.until + timedelta(hours=hours + 1))
    assert rules.overlap(one, later) == (False, False)
