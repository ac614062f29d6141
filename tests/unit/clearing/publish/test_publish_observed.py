from dataclasses import replace

import pytest

from clearhouse.clearing.publish.observed import claim_of
from clearhouse.clearing.validate.reproduce.history import Span

SPAN = Span(first="3.0", last="5.3.1", silent_before="2.9", silent_after="5.4", untried=(), tried=7)


@pytest.mark.parametrize(
    ("span", "claim"),
    [
        (SPAN, "vers:pypi/>=3.0|<5.4"),
        (replace(SPAN, silent_before=None), "vers:pypi/<5.4"),
        (replace(SPAN, silent_after=None), "vers:pypi/>=3.0"),
        (replace(SPAN, silent_before=None, silent_after=None), "vers:pypi/*"),
    ],
)
def test_a_span_is_a_range_that_ends_where_the_proof_falls_silent(span, claim):
    assert claim_of("pkg:pypi/example", span).claim == claim


def test_what_the_search_leaves_open_is_said():
    span = replace(SPAN, silent_after=None, untried=("4.0", "4.1"))
    assert claim_of("pkg:pypi/example", span).open_questions == (
        "could not be built or run: 4.0, 4.1",
        "still fires on 5.3.1, the newest version that was tried",
    )
    assert claim_of("pkg:pypi/example", SPAN).open_questions == ()


def test_versions_without_an_order_give_no_range():
    assert claim_of("pkg:generic/example", SPAN) is None
