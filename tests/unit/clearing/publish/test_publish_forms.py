"""What each form says of one advisory; that it is valid is asked in the conformance tests."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from advisories import CVSS_4, DAY_0, PLAIN, WITHDRAWN
from clearhouse.clearing.coordinate.record import Outcome
from clearhouse.clearing.intake.readers import ghsa as ghsa_reader
from clearhouse.clearing.publish import forms
from clearhouse.clearing.publish.record import Milestone, Revision, VendorWord, Withdrawal
from clearhouse.clearing.publish.rules import documents
from clearhouse.formats import purl as purls
from clearhouse.formats import vers

RANGE = "pkg:pypi/example-yaml?vers=vers:pypi%2F%3E%3D3.0%7C%3C5.4"


def said(facts, form):
    body = documents(facts).bodies[form]
    return body.decode() if form == "text" else json.loads(body)


def codes(facts):
    return [one.code for one in documents(facts)]


def test_every_form_has_a_name_a_file_and_a_type_of_its_own():
    assert len(forms.BY_NAME) == len({form.file for form in forms.FORMS}) == len(forms.FORMS)
    assert all("/" in form.media_type for form in forms.FORMS)


def test_a_draft_of_a_standard_is_written_only_where_it_is_asked_for():
    without = replace(PLAIN.publisher, drafts=frozenset())
    assert "csaf-2.1" in documents(PLAIN).bodies
    assert "csaf-2.1" not in documents(replace(PLAIN, publisher=without)).bodies


def test_a_house_that_is_no_cna_writes_no_cve_record():
    alone = replace(PLAIN.publisher, cna=None)
    assert "cve" not in documents(replace(PLAIN, publisher=alone)).bodies
    assert "cve" not in documents(replace(PLAIN, aliases=())).bodies


def test_a_cna_whose_id_is_no_uuid_is_told():
    wrong = replace(PLAIN.publisher, cna=replace(PLAIN.publisher.cna, org_id="us"))
    assert codes(replace(PLAIN, publisher=wrong)) == ["publisher"]


def test_a_cve_record_names_the_package_and_its_range_in_its_own_order():
    (product,) = said(PLAIN, "cve")["containers"]["cna"]["affected"]
    assert product["packageURL"] == PLAIN.purl
    assert (product["collectionURL"], product["packageName"]) == (
        "https://pypi.org",
        "example-yaml",
    )
    assert product["versions"] == [
        {"version": "3.0", "lessThan": "5.4", "status": "affected", "versionType": "python"},
        {"version": "5.3.1", "status": "affected"},
    ]


def test_a_cve_record_thanks_rates_helps_and_says_how_ai_took_part():
    cna = said(PLAIN, "cve")["containers"]["cna"]
    assert [one["value"] for one in cna["credits"]] == [one.name for one in PLAIN.credits]
    assert {name for one in cna["metrics"] for name in one} >= {"cvssV4_0", "cvssV3_1"}
    assert cna["workarounds"][0]["value"] == "Load with the safe loader."
    (note,) = cna["x_gcve"]
    assert note["extensions"]["bcp-05-x-01"]["ai_annotations"][0]["ai_level"] == "generated"


def test_a_disputed_flaw_is_tagged_so():
    disputed = VendorWord(outcome=Outcome.REJECTED, at=DAY_0)
    assert said(replace(PLAIN, vendor=disputed), "cve")["containers"]["cna"]["tags"] == ["disputed"]


def test_openvex_says_which_products_are_affected_and_which_hold_the_fix():
    affected, fixed = said(PLAIN, "openvex")["statements"]
    assert [one["@id"] for one in affected["products"]] == [RANGE, "pkg:pypi/example-yaml@5.3.1"]
    assert affected["action_statement"] == "Update to 5.4 or later.\nLoad with the safe loader."
    assert [one["@id"] for one in fixed["products"]] == ["pkg:pypi/example-yaml@5.4"]
    assert (affected["status"], fixed["status"]) == ("affected", "fixed")


def test_the_range_in_a_package_url_reads_back():
    (text,) = (value for key, value in purls.parse(RANGE).qualifiers if key == "vers")
    found = vers.parse(text)
    assert [found.contains(one) for one in ("2.9", "3.0", "5.3.9", "5.4")] == [0, 1, 1, 0]


def test_openvex_keeps_its_id_from_issue_to_issue():
    later = (*PLAIN.revisions, Revision(at=DAY_0 + timedelta(days=60), summary="Corrected"))
    first, second = said(PLAIN, "openvex"), said(replace(PLAIN, revisions=later), "openvex")
    assert first["@id"] == second["@id"]
    assert (first["version"], second["version"]) == (1, 2)
    assert said(PLAIN, "cyclonedx")["serialNumber"] != first["@id"]


def test_cyclonedx_says_ranges_single_versions_and_what_to_do():
    (one,) = said(PLAIN, "cyclonedx")["vulnerabilities"]
    assert one["id"] == "CVE-2026-12345"
    assert {ref["id"] for ref in one["references"]} == {"CLR-2026-00001", "GHSA-2345-6789-cfgh"}
    assert one["affects"][0]["versions"] == [
        {"range": "vers:pypi/>=3.0|<5.4", "status": "affected"},
        {"version": "5.3.1", "status": "affected"},
        {"version": "5.4", "status": "unaffected"},
    ]
    assert one["analysis"]["state"] == "exploitable"
    assert one["analysis"]["response"] == ["update", "workaround_available"]


def test_our_own_reader_reads_the_github_shape_back():
    (draft,) = ghsa_reader.read(said(PLAIN, "ghsa"))
    assert draft.affected_versions == ("vers:pypi/>=3.0|<5.4",)
    assert draft.fixed_versions == ("5.4",)
    assert set(draft.aliases) == {"CVE-2026-12345", "GHSA-2345-6789-cfgh"}
    assert CVSS_4 in draft.cvss_vectors
    assert "Zoë" in said(PLAIN, "ghsa")["description"]


@pytest.mark.parametrize(
    ("purl", "package"),
    [
        ("pkg:maven/org.x/y", {"ecosystem": "maven", "name": "org.x:y"}),
        ("pkg:github/curl/curl", {"ecosystem": "other", "name": "pkg:github/curl/curl"}),
    ],
)
def test_a_package_that_github_has_no_ecosystem_for_is_named_by_its_url(purl, package):
    facts = replace(PLAIN, purl=purl, affected_claims=("1.0.0",), fixed_versions=())
    assert said(facts, "ghsa")["vulnerabilities"][0]["package"] == package


def test_a_page_answers_what_people_ask_first():
    page = said(PLAIN, "page")
    questions = [one["question"] for one in page["answers"]]
    assert questions == [
        "Am I affected?",
        "How bad is it?",
        "What do I do?",
        "What if I cannot update?",
    ]
    assert page["answers"][3]["lines"] == ["Load with the safe loader."]
    assert [one["title"] for one in page["sections"]][-1] == "Issues of this advisory"


def test_plain_text_says_the_same_in_lines_that_fit():
    text = said(PLAIN, "text")
    assert text.startswith("CLR-2026-00001: Deserialization of Untrusted Data in Example YAML\n==")
    for line in said(PLAIN, "page")["answers"][0]["lines"]:
        assert line in text
    assert max(map(len, text.splitlines())) <= 100


def test_what_nobody_knows_is_said_and_not_left_out():
    facts = replace(PLAIN, mitigations=(), fixed_versions=(), cvss_vectors=(), vendor=None)
    page = {one["question"]: one["lines"] for one in said(facts, "page")["answers"]}
    assert page["What if I cannot update?"] == ["Nothing that helps is known."]
    assert page["How bad is it?"] == ["Nobody has rated it."]
    assert page["What do I do?"] == ["No fix is known."]


def test_help_without_a_fix_is_not_called_none_available():
    facts = replace(PLAIN, fixed_versions=())
    remedies = said(facts, "csaf")["vulnerabilities"][0]["remediations"]
    assert [one["category"] for one in remedies] == ["mitigation"]


def test_csaf_21_has_slots_for_what_csaf_20_puts_into_notes():
    (flaw,) = said(PLAIN, "csaf-2.1")["vulnerabilities"]
    assert set(flaw["metrics"][0]["content"]) == {"cvss_v4", "cvss_v3"}
    assert flaw["cwes"][0]["id"] == "CWE-502"
    assert said(PLAIN, "csaf-2.1")["document"]["distribution"]["tlp"]["label"] == "CLEAR"
    since = replace(PLAIN, exploited_since=DAY_0)
    (flaw,) = said(since, "csaf-2.1")["vulnerabilities"]
    assert flaw["first_known_exploitation_dates"][0]["exploitation_date"] == "2026-11-01T09:00:00Z"


def test_a_withdrawn_advisory_keeps_its_id_and_history_in_every_form():
    made = WITHDRAWN["no vulnerability"]
    reason = "Withdrawn: Seen again."
    assert said(made, "osv")["withdrawn"] == "2026-12-21T09:00:00Z"
    assert said(made, "osv")["details"].startswith(reason)
    csaf = said(made, "csaf")
    assert "vulnerabilities" not in csaf
    assert len(csaf["document"]["tracking"]["revision_history"]) == 2
    assert said(made, "csaf-2.1")["document"]["category"] == "csaf_withdrawn"
    record = said(made, "cve")
    assert record["cveMetadata"]["state"] == "REJECTED"
    assert record["containers"]["cna"]["rejectedReasons"][0]["value"] == reason
    (statement,) = said(made, "openvex")["statements"]
    assert (statement["status"], statement["impact_statement"]) == ("not_affected", reason)
    assert said(made, "cyclonedx")["vulnerabilities"][0]["analysis"]["state"] == "false_positive"
    assert said(made, "ghsa")["withdrawn_at"] == "2026-12-21T09:00:00Z"
    assert said(made, "page")["answers"][0]["question"] == "Does this still hold?"
    assert "CLR-2026-00001: Withdrawn:" in said(made, "text")


def test_a_duplicate_points_to_the_advisory_that_stands_for_the_flaw():
    made = WITHDRAWN["duplicate under another CVE id"]
    csaf = said(made, "csaf-2.1")["document"]
    assert csaf["category"] == "csaf_superseded"
    assert csaf["references"][0]["url"].endswith("/advisories/CLR-2026-00007")
    assert said(made, "cve")["containers"]["cna"]["replacedBy"] == ["CVE-2026-54321"]
    affected = said(made, "openvex")["statements"][0]
    assert affected["status"] == "affected"
    assert "duplicate of CLR-2026-00007" in affected["action_statement"]
    assert said(made, "cyclonedx")["vulnerabilities"][0]["analysis"]["state"] == "in_triage"


def test_the_cve_record_of_a_flaw_is_left_to_the_advisory_that_stands_for_it():
    assert "cve" not in documents(WITHDRAWN["duplicate under its CVE id"]).bodies


def test_related_advisories_are_named_as_osv_takes_them():
    assert said(replace(PLAIN, related=("CLR-2026-00009",)), "osv")["related"] == [
        "x_CLR-2026-00009"
    ]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"exploited_since": DAY_0 + timedelta(days=99)}, "dates"),
        ({"timeline": (Milestone(at=DAY_0 + timedelta(days=99), what="x"),)}, "dates"),
        ({"withdrawn": Withdrawal(at=DAY_0, reason="x")}, "revisions"),
    ],
)
def test_what_cannot_have_happened_yet_is_refused(change, code):
    assert codes(replace(PLAIN, **change)) == [code]


def test_a_withdrawal_without_a_reason_is_refused():
    silent = replace(WITHDRAWN["duplicate"].withdrawn, reason=" ")
    assert codes(replace(WITHDRAWN["duplicate"], withdrawn=silent)) == ["withdrawal"]


def test_long_texts_are_cut_to_what_a_form_takes_and_say_so():
    record = said(replace(PLAIN, details="word " * 2000), "cve")
    (words,) = record["containers"]["cna"]["descriptions"]
    assert len(words["value"]) <= 4096
    assert words["value"].endswith("\u2026")
