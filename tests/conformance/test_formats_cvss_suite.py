"""Every vector of the published CVSS 3.0, 3.1 and 4.0 files gives the published score."""

import re

import pytest

from clearhouse.formats.cvss import parse

FILES = {
    "vectors_simple3": 2592,
    "vectors_simple31": 2592,
    "vectors_simple4": 1058,
    "vectors_supplemental4": 576,
    "vectors_security4": 54,
    "vectors_threat4": 6,
}


@pytest.mark.parametrize("name", FILES)
def test_every_published_vector_gives_its_published_score(suites, name):
    lines = (suites / "cvss" / name).read_text().splitlines()
    wrong = [line for line in lines if not right(line)]
    print(f"{name}: {len(lines) - len(wrong)} of {len(lines)} right")
    assert len(lines) == FILES[name]
    assert wrong == []


def right(line):
    """A CVSS 3 line gives base, temporal and environmental score; the last needs one metric set."""
    vector, _, expected = line.partition(" - ")
    numbers = [float(number) for number in re.findall(r"[\d.]+", expected)]
    score = parse(vector)
    if len(numbers) == 1:
        return score.score == numbers[0]
    same_but_environmental = parse(f"{vector}/MAV:{score.metric('AV')}")
    return [score.base, score.score, same_but_environmental.score] == numbers
