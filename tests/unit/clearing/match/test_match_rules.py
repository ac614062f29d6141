import pytest

from clearhouse.clearing.intake.record import Attachment, AttachmentKind, Draft, Location
from clearhouse.clearing.match.record import KeyKind, ReasonCode
from clearhouse.clearing.match.rules import features, proof

PURL = "pkg:pypi/pyyaml"


def family(cwe):
    return {"CWE-121": "memory", "CWE-787": "memory"}.get(cwe, cwe)


def taken(**draft):
    return features(Draft(**({"purl": PURL} | draft)), family=family)


def codes(ruling):
    return {reason.code for reason in ruling.reasons}


def judge(new, old, *, contained=0.5, contradicted=False):
    return proof(new, old, contained=contained, contradicted=contradicted)


def poc(data=bytes(range(100))):
    kind = AttachmentKind.POC
    return Attachment(filename="p", content_type="application/octet-stream", data=data, kind=kind)


def test_the_same_public_id_in_the_same_package_is_proof():
    ruling = judge(taken(aliases=("CVE-2020-1",)), taken(aliases=("cve-2020-1",)))
    assert ruling.proven
    assert ruling.reasons[0].evidence == ("CVE-2020-1",)


def test_the_same_poc_in_the_same_package_is_proof():
    assert judge(taken(attachments=(poc(),)), taken(attachments=(poc(),))).proven


def test_a_place_or_a_crash_alone_is_no_proof():
    place = {"locations": (Location(file="a.c", function="f"),), "cwes": ("CWE-787",)}
    assert KeyKind.PLACE in {key.kind for key in taken(**place).keys}
    assert not judge(taken(**place), taken(**place)).proven


def test_nothing_is_proven_across_packages_or_without_one():
    same = {"aliases": ("CVE-2020-1",), "attachments": (poc(),)}
    for purl in ("pkg:pypi/other", None):
        ruling = judge(taken(**same), taken(purl=purl, **same))
        assert not ruling.proven
        assert ReasonCode.OTHER_PACKAGE in codes(ruling)
    assert not judge(taken(purl=None, **same), taken(purl=None, **same)).proven


def test_a_proof_that_still_fires_after_the_fix_is_left_to_a_person():
    same = {"attachments": (poc(),)}
    ruling = judge(taken(tested_version="6.1", **same), taken(fixed_versions=("6.0.1",), **same))
    assert not ruling.proven
    assert ReasonCode.AFTER_FIX in codes(ruling)


def test_a_contradicted_report_merges_into_nothing_whatever_it_carries():
    same = {"aliases": ("CVE-2020-1",), "attachments": (poc(),)}
    ruling = judge(taken(**same), taken(**same), contradicted=True)
    assert not ruling.proven
    assert codes(ruling) >= {ReasonCode.SAME_PUBLIC_ID, ReasonCode.SAME_POC, ReasonCode.UNTRUSTED}


def test_the_same_poc_under_two_cve_ids_is_left_to_a_person():
    ruling = judge(
        taken(aliases=("CVE-2020-1",), attachments=(poc(),)),
        taken(aliases=("CVE-2020-2",), attachments=(poc(),)),
    )
    assert not ruling.proven
    assert ReasonCode.OTHER_PUBLIC_ID in codes(ruling)


def test_ids_of_different_schemes_do_not_contradict_each_other():
    assert judge(
        taken(aliases=("CVE-2020-1",), attachments=(poc(),)),
        taken(aliases=("GHSA-aaaa-bbbb-cccc",), attachments=(poc(),)),
    ).proven


def test_another_weakness_holds_a_merge_back_and_another_cwe_of_one_family_does_not():
    ids = {"aliases": ("CVE-2020-1",)}
    assert judge(taken(cwes=("CWE-121",), **ids), taken(cwes=("CWE-787",), **ids)).proven
    ruling = judge(taken(cwes=("CWE-79",), **ids), taken(cwes=("CWE-787",), **ids))
    assert not ruling.proven
    assert ReasonCode.OTHER_FAMILY in codes(ruling)


def test_a_report_that_claims_several_cves_proves_nothing_by_one_of_them():
    both, one = taken(aliases=("CVE-2020-1", "CVE-2020-2")), taken(aliases=("CVE-2020-1",))
    assert not judge(both, one).proven
    assert not judge(one, both).proven


def test_an_id_on_a_quite_different_description_is_only_a_claim():
    ids = {"aliases": ("CVE-2020-1",)}
    ruling = judge(taken(**ids), taken(**ids), contained=0.02)
    assert not ruling.proven
    assert ReasonCode.OTHER_TEXT in codes(ruling)
    files = {"attachments": (poc(),), **ids}
    assert judge(taken(**files), taken(**files), contained=0.02).proven


@pytest.mark.parametrize(
    ("draft", "said"),
    [
        ({"purl": None, "title": "x1"}, "package"),
        ({}, "no text"),
        ({"description": "\u5806\u7f13\u51b2\u533a\u6ea2\u51fa in parse()" * 9}, "another script"),
        ({"description": "overflow " * 600_000}, "Only its first 40,000"),
    ],
)
def test_what_cannot_be_compared_is_said(draft, said):
    assert said in " ".join(taken(**draft).missing)
