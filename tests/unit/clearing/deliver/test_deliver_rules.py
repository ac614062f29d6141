import pytest

from clearhouse.clearing.deliver.record import Progress, Way
from clearhouse.clearing.deliver.rules import notices


@pytest.mark.parametrize(
    ("written", "expected"), [(True, Progress.DONE), (False, Progress.WAITING)]
)
def test_files_and_pages_are_as_far_as_the_advisory(written, expected):
    found = {one.way: one for one in notices("CLR-2026-00001", written=written)}
    assert found[Way.FILES].progress is expected
    assert found[Way.COUNTER].progress is expected
    assert found[Way.FEED].progress is expected


def test_every_way_is_named_and_what_is_not_attempted_says_so_with_its_reason():
    found = notices("CLR-2026-00001", written=True)
    assert [one.way for one in found] == list(Way)
    untried = {one.way for one in found if one.progress is Progress.NOT_ATTEMPTED}
    assert untried == set()
    assert all(one.reason and one.advisory_id == "CLR-2026-00001" for one in found)


def test_a_reach_that_is_not_known_is_never_a_number():
    text = " ".join(one.reason for one in notices("CLR-2026-00001", written=True))
    assert "not known" in text
    assert not any(character.isdigit() for character in text)
