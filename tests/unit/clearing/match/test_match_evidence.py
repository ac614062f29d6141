from clearhouse.clearing.intake.record import Draft
from clearhouse.clearing.match.evidence import key_reasons, rivals
from clearhouse.clearing.match.record import ReasonCode
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
