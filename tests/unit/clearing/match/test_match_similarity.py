from hypothesis import given
from hypothesis import strategies as st

from clearhouse.clearing.intake.record import Draft
from clearhouse.clearing.match.record import ReasonCode
from clearhouse.clearing.match.rules import features
from clearhouse.clearing.match.similarity import Frequencies, compare, overlap, suggest
from clearhouse.clearing.match.tokens import tokens

PURL = "pkg:npm/undici"
TEXTS = {
    "crlf": "undici request() accepts CRLF in the path option, so headers can be injected",
    "crlf2": "Header injection: newline characters in `path` of request() split the HTTP request",
    "redos": "The regular expression in parseSetCookie backtracks for crafted cookie attributes",
    "proxy": "Proxy-Authorization is sent to a third party after a redirect to another origin",
}


def taken(text, purl=PURL, **draft):
    return features(Draft(description=text, purl=purl, **draft), family=str)


def frequencies():
    return Frequencies.of(tokens(text) for text in TEXTS.values())


def earlier():
    return {name: taken(text) for name, text in TEXTS.items() if name != "crlf"}


def test_the_report_that_says_the_same_comes_first():
    found = suggest(taken(TEXTS["crlf"]), earlier(), frequencies(), at_least=0.0)
    assert found[0].report == "crlf2"
    assert found[0].score > 2 * found[1].score


def test_a_suggestion_below_the_threshold_is_not_shown():
    assert suggest(taken("nothing alike here"), earlier(), frequencies()) == ()


def test_no_more_than_the_limit_is_shown():
    same = {str(i): taken(TEXTS["redos"]) for i in range(15)}
    found = suggest(taken(TEXTS["redos"]), same, frequencies(), limit=4)
    assert [s.report for s in found] == ["0", "1", "10", "11"]


def test_only_the_same_package_is_searched():
    other = {"x": taken(TEXTS["crlf"], purl="pkg:npm/other")}
    assert suggest(taken(TEXTS["crlf"]), other, frequencies(), at_least=0.0) == ()
    assert suggest(taken(TEXTS["crlf"], purl=None), earlier(), frequencies(), at_least=0.0) == ()


def test_other_ids_and_other_weaknesses_lower_the_score_and_are_named():
    old = taken(TEXTS["crlf2"], aliases=("CVE-1-1",), cwes=("CWE-93",))
    alike = compare(taken(TEXTS["crlf"]), old, "r", frequencies())
    rival = taken(TEXTS["crlf"], aliases=("CVE-1-2",), cwes=("CWE-79",))
    unlike = compare(rival, old, "r", frequencies())
    assert unlike.score < 0.5 * alike.score
    codes = {reason.code for reason in unlike.reasons}
    assert {ReasonCode.OTHER_PUBLIC_ID, ReasonCode.OTHER_FAMILY} <= codes


def test_a_shared_key_is_named_in_words():
    new = taken("a b1", aliases=("CVE-1-1",))
    reason = compare(new, new, "r", frequencies()).reasons[0]
    assert reason.code is ReasonCode.SAME_PUBLIC_ID
    assert reason.text == "Both claim the public id CVE-1-1."


def test_nothing_in_common_weighs_nothing():
    found = overlap(taken("alpha beta"), taken(""), frequencies())
    assert (found.shared, found.contained, found.common) == ((), 0.0, 0.0)
    assert compare(taken("alpha"), taken("beta"), "r", frequencies()).reasons == ()


def test_the_rarer_a_word_the_more_it_weighs():
    table = Frequencies.of([["a1"], ["a1", "b1"]])
    assert 0 < table.weight("a1") < table.weight("b1") < table.weight("c1")


words = st.lists(st.sampled_from([*" ".join(TEXTS.values()).split()]), max_size=25).map(" ".join)


@given(words, words)
def test_evidence_is_really_in_both_reports_and_scores_are_symmetric(left, right):
    new, old = taken(left), taken(right)
    found = compare(new, old, "r", frequencies())
    assert 0 <= found.score <= 1
    assert found.score == compare(old, new, "r", frequencies()).score
    for reason in found.reasons:
        for word in reason.evidence:
            assert word in left.casefold()
            assert word in right.casefold()


@given(words)
def test_no_report_is_more_alike_than_the_report_itself(text):
    new = taken(text)
    itself = compare(new, new, "r", frequencies()).score
    for name, old in earlier().items():
        assert compare(new, old, name, frequencies()).score <= itself
