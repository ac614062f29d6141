from pathlib import Path

import pytest

from clearhouse.access.admit.record import ADMISSION
from clearhouse.access.offer.record import WINDOW
from clearhouse.access.serve import fingerprint
from clearhouse.access.serve.limits import limits

PAGE = (Path(__file__).parents[2] / "docs" / "access.md").read_text()


@pytest.mark.parametrize("states", [WINDOW, ADMISSION], ids=lambda one: one.name)
def test_the_diagrams_are_those_of_the_tables(states):
    assert f"```mermaid\n{states.diagram()}```" in PAGE


def test_the_numbers_are_those_of_the_policies():
    assert f"{limits().unheard_s} s it serves nothing" in PAGE
    assert limits().token_life_s == 600
    asked = fingerprint.prompts()
    assert (len(asked.texts), asked.match, asked.doubt) == (15, 9, 5)
