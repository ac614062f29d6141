from clearhouse.clearing.intake.record import Draft
from clearhouse.clearing.match.evidence import after_fix, key_reasons, rivals
from clearhouse.clearing.match.record import Meaning, Reason, ReasonCode, Suggestion
from clearhouse.clearing.match.rules import features


def taken(**draft):
    return features(
        Draft(purl="pkg:npm/undici", **draft), family=str, crash=draft.pop("crash", None)
    )


def test_a_shared_key_is_named_in_words():
    new = taken(aliases=("CVE-2099-1",))
    (reason,) = key_reasons(new, new)
    assert reason.code is ReasonCode.SAME_PUBLIC_ID
    assert reason.text == "Both claim the public id CVE-2099-1."
    assert key_reasons(new, taken()) == []


def test_other_ids_of_one_scheme_and_other_weaknesses_speak_against():
    one = taken(aliases=("CVE-2099-1", "GHSA-a"), cwes=("CWE-93",))
    other = taken(aliases=("CVE-2099-2", "PYSEC-1"), cwes=("CWE-79",))
    assert {r.code for r in rivals(one, other)} == {
        ReasonCode.OTHER_PUBLIC_ID,
        ReasonCode.OTHER_FAMILY,
    }
    assert rivals(one, one) == ()
    assert rivals(one, taken()) == ()


def test_a_flaw_seen_in_a_version_that_is_called_fixed_may_have_come_back():
    same = {"aliases": ("CVE-2099-1",)}
    old = taken(fixed_versions=("5.8.2",), **same)
    for tested in ("5.8.2", "5.10.0"):
        (reason,) = after_fix(taken(tested_version=tested, **same), old)
        assert reason.code is ReasonCode.AFTER_FIX
        assert tested in reason.text
    for tested in ("5.8.1", "yesterday", None):
        assert after_fix(taken(tested_version=tested, **same), old) == ()
    assert after_fix(taken(tested_version="5.10.0"), old) == ()


def test_a_version_between_the_fixes_of_two_lines_of_releases_is_not_called_fixed():
    same = {"aliases": ("CVE-2099-1",)}
    old = taken(fixed_versions=("6.0.2", "5.8.2"), **same)
    assert after_fix(taken(tested_version="6.0.1", **same), old) == ()
    assert after_fix(taken(tested_version="6.0.2", **same), old)


def test_the_reasons_tell_a_duplicate_from_a_sibling_and_a_regression():
    def meaning(*codes):
        reasons = tuple(Reason(code=code, text="", weight=0.1) for code in codes)
        return Suggestion(report="rep_a", score=0.5, reasons=reasons).meaning

    place, fix, crash = ReasonCode.OTHER_PLACE, ReasonCode.AFTER_FIX, ReasonCode.SAME_CRASH
    assert meaning(ReasonCode.TEXT) is Meaning.DUPLICATE
    assert meaning(ReasonCode.TEXT, place) is Meaning.SIBLING
    assert meaning(crash, place) is Meaning.DUPLICATE
    assert meaning(crash, place, fix) is Meaning.REGRESSION
