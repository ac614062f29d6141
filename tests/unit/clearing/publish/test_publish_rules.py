import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from advisories import CVSS_4, CVSS_31, DAY_0, PLAIN
from clearhouse.clearing.coordinate.embargo import EmbargoFacts
from clearhouse.clearing.coordinate.embargo_policy import load
from clearhouse.clearing.coordinate.record import Outcome, Party, PartyRole, Verdict
from clearhouse.clearing.coordinate.transitions import agree_date, give_verdict, open_case
from clearhouse.clearing.publish.record import AiLevel, AiNote, Documents
from clearhouse.clearing.publish.rules import (
    advisory_id,
    documents,
    may_publish,
    year_and_number,
)

POLICY = load(Path(__file__).parents[4] / "policies" / "embargo" / "clearhouse-1.yaml")
LATER = DAY_0 + timedelta(days=30)


def case(*outcomes, vendors=1, **facts):
    parties = tuple(
        Party(id=f"v{number}", role=PartyRole.VENDOR, name="V") for number in range(vendors)
    )
    opened = open_case(
        "cas_1",
        findings=("fnd_1",),
        purl="pkg:pypi/x",
        parties=parties,
        facts=EmbargoFacts(received_at=DAY_0, **facts),
        policy=POLICY,
        at=DAY_0,
    )
    for number, outcome in enumerate(outcomes):
        verdict = Verdict(party=f"v{number % vendors}", outcome=outcome, by="a", at=DAY_0)
        opened = give_verdict(opened, verdict, POLICY)
    return opened


def codes(*arguments, contradicted=False, at=LATER):
    refusals = may_publish(*arguments, contradicted=contradicted, at=at)
    assert all(one.reason for one in refusals)
    return [one.code for one in refusals]


def test_an_accepted_case_goes_out_at_its_instant_and_not_a_second_earlier():
    accepted = case(Outcome.ACCEPTED)
    assert codes(accepted) == []
    assert codes(accepted, at=LATER - timedelta(seconds=1)) == ["embargo"]


def test_the_refusal_names_the_instant_and_the_rule():
    (refusal,) = may_publish(case(Outcome.ACCEPTED), contradicted=False, at=DAY_0)
    assert refusal.reason == "the embargo holds until 2026-12-01 09:00 UTC by rule default-30"


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        ([], ["no-verdict"]),
        ([Outcome.NEEDS_INFO], ["no-verdict"]),
        ([Outcome.REJECTED], ["rejected"]),
        ([Outcome.ACCEPTED, Outcome.REJECTED], ["rejected"]),
        ([Outcome.REJECTED, Outcome.FIX_RELEASED], []),
    ],
)
def test_the_vendors_last_word_decides(outcomes, expected):
    assert codes(case(*outcomes)) == expected


def test_one_vendor_who_agrees_is_enough():
    assert codes(case(Outcome.REJECTED, Outcome.ACCEPTED, vendors=2)) == []


def test_an_agreed_date_stands_for_a_verdict_but_not_against_a_rejection():
    dated = agree_date(case(), DAY_0 + timedelta(days=9), "v0", POLICY, DAY_0)
    assert codes(dated) == []
    rejected = agree_date(case(Outcome.REJECTED), DAY_0 + timedelta(days=9), "v0", POLICY, DAY_0)
    assert codes(rejected) == ["rejected"]


def test_without_an_embargo_only_the_vendors_word_is_needed():
    assert codes(case(Outcome.ACCEPTED, public_since=DAY_0), at=DAY_0) == []
    assert codes(case(public_since=DAY_0), at=DAY_0) == ["no-verdict"]


def test_every_reason_is_given_at_once():
    assert codes(case(), contradicted=True, at=DAY_0) == ["embargo", "contradicted", "no-verdict"]


def test_an_id_has_a_year_and_five_digits_or_more():
    assert advisory_id(2026, 7) == "CLR-2026-00007"
    assert year_and_number(advisory_id(2026, 123_456)) == (2026, 123_456)


def refused(**changes):
    result = documents(replace(PLAIN, **changes))
    assert isinstance(result, tuple), result
    return {one.code for one in result}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"id": "CVE-2026-1"}, "id"),
        ({"id": "CLR-2026-1/../../x"}, "id"),
        ({"affected_claims": ()}, "affected-versions"),
        ({"fixed_versions": ("1.0",)}, "affected-versions"),
        ({"purl": ""}, "affected-versions"),
        ({"aliases": ("CVE-2026-12345", "CVE-2026-12346")}, "several-cves"),
        ({"revisions": ()}, "revisions"),
        ({"revisions": (*PLAIN.revisions, replace(PLAIN.revisions[0], at=DAY_0))}, "revisions"),
        ({"publisher": replace(PLAIN.publisher, namespace="not an address")}, "publisher"),
        ({"publisher": replace(PLAIN.publisher, name=" ")}, "publisher"),
    ],
)
def test_facts_from_which_no_honest_advisory_can_be_made_are_refused(changes, code):
    assert refused(**changes) == {code}


def test_every_refusal_of_the_facts_is_given_at_once():
    assert refused(id="x", affected_claims=(), revisions=()) == {
        "id",
        "affected-versions",
        "revisions",
    }


def test_equal_facts_give_equal_bytes_and_other_facts_give_others():
    first, second = documents(PLAIN), documents(replace(PLAIN))
    assert first.bodies == second.bodies
    other = documents(replace(PLAIN, summary="Another line"))
    assert all(other.bodies[name] != body for name, body in first.bodies.items())


def test_a_missing_fix_is_said_in_both_formats():
    made = documents(replace(PLAIN, fixed_versions=(), mitigations=()))
    assert json.loads(made.bodies["osv"])["database_specific"]["fix"] == "No fix is known."
    remedy = json.loads(made.bodies["csaf"])["vulnerabilities"][0]["remediations"][0]
    assert (remedy["category"], remedy["details"]) == ("none_available", "No fix is known.")


def test_a_finders_name_is_the_same_in_both_formats_and_verbatim():
    made = documents(PLAIN)
    name = PLAIN.credits[0].name
    assert json.loads(made.bodies["osv"])["credits"][0] == {"name": name, "type": "FINDER"}
    thanked = json.loads(made.bodies["csaf"])["vulnerabilities"][0]["acknowledgments"][0]
    assert thanked == {"names": [name], "summary": "Finder"}


def test_what_was_left_out_is_counted_and_not_repeated():
    made = documents(
        replace(
            PLAIN,
            aliases=("CVE-2026-12345", "secret-tracker-7"),
            cwes=("CWE-502", "CWE-none"),
            cvss_vectors=(CVSS_31, CVSS_31, "rubbish", CVSS_4),
        )
    )
    assert len(made.left_out) == 4
    assert "secret-tracker-7" not in repr(made)
    assert documents(replace(PLAIN, references=())).left_out == ()


def test_a_vector_of_cvss_4_is_written_in_the_prescribed_order():
    shuffled = "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N/CR:H/E:A"
    made = documents(replace(PLAIN, cvss_vectors=(shuffled,)))
    assert isinstance(made, Documents)
    (severity,) = json.loads(made.bodies["osv"])["severity"]
    assert severity["score"].endswith("/SA:N/E:A/CR:H")


def test_of_two_vectors_of_one_generation_the_newer_version_counts():
    older = CVSS_31.replace("3.1", "3.0")
    made = documents(replace(PLAIN, cvss_vectors=(older, CVSS_31)))
    (severity,) = json.loads(made.bodies["osv"])["severity"]
    assert severity == {"type": "CVSS_V3", "score": CVSS_31}


def test_a_note_that_no_ai_took_part_names_neither_review_nor_models():
    made = documents(replace(PLAIN, ai=AiNote(level=AiLevel.NONE)))
    (entry,) = json.loads(made.bodies["osv"])["database_specific"]["x_gcve"]
    (note,) = entry["extensions"]["bcp-05-x-01"]["ai_annotations"]
    assert note["ai_level"] == "none"
    assert not {"review_status", "models"} & set(note)
    assert documents(replace(PLAIN, ai=None)).bodies["osv"].count(b"x_gcve") == 0


def test_a_package_outside_every_ecosystem_keeps_its_address():
    made = documents(
        replace(
            PLAIN, purl="pkg:github/curl/curl", affected_claims=("curl-8_4_0",), fixed_versions=()
        )
    )
    (affected,) = json.loads(made.bodies["osv"])["affected"]
    assert "package" not in affected
    assert affected["versions"] == ["curl-8_4_0"]
    assert affected["database_specific"]["purl"] == "pkg:github/curl/curl"


def test_semantic_versions_make_a_semver_range_and_others_an_ecosystem_range():
    def kind(purl, claim):
        made = documents(replace(PLAIN, purl=purl, affected_claims=(claim,), fixed_versions=()))
        return json.loads(made.bodies["osv"])["affected"][0]["ranges"][0]["type"]

    assert kind("pkg:npm/x", "<1.2.3") == "SEMVER"
    assert kind("pkg:pypi/x", "<1.2.3") == "ECOSYSTEM"


def test_ends_with_and_without_a_fix_stand_in_ranges_of_their_own():
    made = documents(
        replace(PLAIN, affected_claims=("<1.0", ">=2.0,<=2.5"), fixed_versions=("1.0",))
    )
    ranges = json.loads(made.bodies["osv"])["affected"][0]["ranges"]
    assert [one["events"] for one in ranges] == [
        [{"introduced": "0"}, {"fixed": "1.0"}],
        [{"introduced": "2.0"}, {"last_affected": "2.5"}],
    ]


def test_exploitation_is_a_threat_in_csaf():
    made = documents(replace(PLAIN, exploited_since=DAY_0))
    (threat,) = json.loads(made.bodies["csaf"])["vulnerabilities"][0]["threats"]
    assert (threat["category"], threat["date"]) == ("exploit_status", "2026-11-01T09:00:00Z")


def test_an_unsound_document_is_refused_by_its_own_check(monkeypatch):
    monkeypatch.setattr("clearhouse.formats.osv.problems", lambda _: ("id: nobody knows it",))
    assert [(one.code, one.reason) for one in documents(PLAIN)] == [
        ("document", "osv id: nobody knows it")
    ]
