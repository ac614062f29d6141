import pytest

from clearhouse.clearing.publish.versions import (
    AffectedVersions,
    Impossible,
    Span,
    affected_versions,
)

PYPI = "pkg:pypi/x"


def spans(claims, fixes=(), purl=PYPI):
    result = affected_versions(purl, claims, fixes)
    assert isinstance(result, AffectedVersions), result
    return [(one.introduced, one.fixed, one.last_affected) for one in result.spans]


def reasons(claims, fixes=(), purl=PYPI):
    result = affected_versions(purl, claims, fixes)
    assert isinstance(result, Impossible), result
    return "; ".join(result.reasons)


@pytest.mark.parametrize(
    ("claims", "fixes", "expected"),
    [
        (["vers:pypi/>=1.0|<2.0"], [], [("1.0", "2.0", None)]),
        (["vers:pypi/>=1.0|<2.0"], ["2.0"], [("1.0", "2.0", None)]),
        (["<2.0"], ["2.0"], [(None, "2.0", None)]),
        (["*"], [], [(None, None, None)]),
        (["*"], ["2.0"], [(None, "2.0", None)]),
        ([">=1.0"], [], [("1.0", None, None)]),
        ([">=1.0"], ["2.0"], [("1.0", "2.0", None)]),
        (["<=1.4"], [], [(None, None, "1.4")]),
        (["<=1.4"], ["1.5"], [(None, "1.5", None)]),
        (["1.2", "1.3"], ["1.9"], [("1.2", "1.9", None)]),
        (["1.2", "2.2"], ["1.9", "2.9"], [("1.2", "1.9", None), ("2.2", "2.9", None)]),
        (
            [">=1.0,<1.5", ">=2.0,<2.3"],
            ["1.5", "2.3"],
            [("1.0", "1.5", None), ("2.0", "2.3", None)],
        ),
        ([">=1.0,<1.5", ">=2.0,<2.3"], ["2.3"], [("1.0", "1.5", None), ("2.0", "2.3", None)]),
        ([">=1.0,<2.0", ">=1.5,<=2.0"], [], [("1.0", None, "2.0")]),
        ([">=1.0,<=2.0", ">=1.5,<2.0"], [], [("1.0", None, "2.0")]),
        ([">=1.0,<2.0", ">=2.0,<3.0"], [], [("1.0", "3.0", None)]),
        ([">=1.0,<3.0", ">=1.5,<2.0"], [], [("1.0", "3.0", None)]),
        (["<1.0", "*"], [], [(None, None, None)]),
        (["vers:pypi/>=1.0|>=1.2|<2.0|<3.0"], [], [("1.0", "3.0", None)]),
        ([">=1.0,<2.0", "1.5"], [], [("1.0", "2.0", None)]),
        (["1.0", "3.0"], ["1.5"], [("1.0", "1.5", None)]),
        (["vers:pypi/<1.9"], ["2.0"], [(None, "2.0", None)]),
    ],
)
def test_claims_become_spans_that_are_never_narrower(claims, fixes, expected):
    assert spans(claims, fixes) == expected


def test_versions_are_compared_in_the_order_of_their_ecosystem():
    assert spans(["1.9.0", "1.10.0"], ["1.11.0"], "pkg:npm/x") == [("1.9.0", "1.11.0", None)]
    assert spans([">=1.0,<1.0.post1"]) == [("1.0", "1.0.post1", None)]


def test_single_versions_stay_listed_sorted_and_once():
    result = affected_versions(PYPI, ["1.10", "1.9", "1.10"], ["1.11"])
    assert result.versions == ("1.9", "1.10")
    assert result.fixed == ("1.11",)


def test_a_single_version_without_a_fix_is_listed_and_claims_no_span():
    result = affected_versions(PYPI, ["1.2"], [])
    assert (result.spans, result.versions) == ((), ("1.2",))


@pytest.mark.parametrize(
    ("claims", "fixes", "words"),
    [
        ([], [], "no affected version"),
        (["abc"], [], "claim 1 cannot be read"),
        (["1.0"], ["x.y"], "fixed version 1 cannot be read"),
        (["vers:npm/<1.0.0"], [], "claim 1 cannot be read"),
        (["vers:pypi/!=1.0"], [], "leaves single versions out"),
        (["vers:pypi/>1.0|<2.0"], [], "begins after a version"),
        ([">=2.0,<1.0"], [], "ends before it begins"),
        (["<2.0"], ["1.5"], "1.5 is both fixed and affected"),
        (["1.5"], ["1.5"], "1.5 is both fixed and affected"),
        ([">=1.5"], ["1.5"], "1.5 is both fixed and affected"),
        (["3.0"], ["2.0"], "the fix 2.0 comes before every affected version"),
        ([">=1.0"], ["1.5", "2.3"], "several fixes for one open range"),
    ],
)
def test_what_cannot_be_true_or_said_is_refused_with_the_reason(claims, fixes, words):
    assert words in reasons(claims, fixes)


def test_every_reason_is_named_at_once():
    result = affected_versions(PYPI, ["abc", "vers:pypi/>1.0"], ["x.y"])
    assert len(result.reasons) == 3


def test_a_package_url_that_cannot_be_read_is_refused():
    assert "package URL" in reasons(["1.0"], purl="not a purl")


def test_versions_without_a_known_order_are_listed_and_nothing_more():
    result = affected_versions("pkg:github/a/b", ["v1_2", "v1_1"], ["v1_3"])
    assert (result.scheme, result.spans) == (None, ())
    assert (result.versions, result.fixed) == (("v1_1", "v1_2"), ("v1_3",))
    assert "order" in reasons(["<1.0"], purl="pkg:github/a/b")
    assert "both fixed and affected" in reasons(["v1"], ["v1"], "pkg:github/a/b")


def test_a_span_has_one_end_at_most():
    assert Span(introduced=None) == Span(introduced=None, fixed=None, last_affected=None)
