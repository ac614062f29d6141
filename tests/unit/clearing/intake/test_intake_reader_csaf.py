import copy

import pytest

from clearhouse.clearing.intake.readers import Fault, ReadRefusal, csaf
from clearhouse.clearing.intake.readers.csaf_products import products
from clearhouse.clearing.intake.readers.document import Node
from clearhouse.clearing.intake.record import Credit, ExploitState, ModelUse

CVSS = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:N"


def branch(category, name, product_id=None, purl=None, *inner):
    found = {"category": category, "name": name}
    if inner:
        found["branches"] = list(inner)
    if product_id:
        found["product"] = {"name": f"full {name}", "product_id": product_id}
        if purl:
            found["product"]["product_identification_helper"] = {"purls": [purl]}
    return found


DOCUMENT = {
    "document": {
        "csaf_version": "2.1",
        "category": "csaf_vulnerability_report",
        "lang": "en",
        "title": "document title",
        "publisher": {"name": "Lab", "contact": {"email": "lab@example.org"}},
        "acknowledgments": [
            {"names": ["A", "B"], "organization": "Lab"},
            {"organization": "Other"},
            {"names": ["C"]},
        ],
        "aggregate_severity": {"text": "High"},
        "notes": [
            {
                "category": "other",
                "title": "clearhouse",
                "text": '{"models": [{"name": "m"}], "attempts": 2}',
            },
            {"category": "legal_disclaimer", "text": "as is"},
        ],
    },
    "product_tree": {
        "branches": [
            branch(
                "vendor",
                "V",
                None,
                None,
                branch(
                    "product_name",
                    "aiohttp",
                    None,
                    None,
                    branch("product_version", "3.9.1", "P1", "pkg:pypi/aiohttp@3.9.1"),
                    branch("product_version_range", "vers:pypi/<3.9.0", "P2", "pkg:pypi/aiohttp"),
                    branch("product_version", "3.9.2", "P3", "pkg:pypi/aiohttp"),
                ),
            )
        ],
        "full_product_names": [{"product_id": "P9", "name": "Other Product"}],
    },
    "vulnerabilities": [
        {
            "cve": "CVE-2024-23334",
            "ids": [
                {"system_name": "GitHub", "text": "GHSA-5h86-8mv2-jq9f"},
                {"system_name": "us", "text": "X-1"},
            ],
            "cwes": [{"id": "CWE-22", "name": "x", "version": "4.13"}],
            "title": "Traversal",
            "notes": [
                {"category": "summary", "title": "Summary", "text": "It climbs out of the root."},
                {
                    "category": "details",
                    "title": "Steps to reproduce",
                    "text": "GET it.\n```\ncurl x\n```",
                },
                {"category": "other", "title": "Vulnerability Discovery Method", "text": "review"},
            ],
            "product_status": {"known_affected": ["P1", "P2"], "fixed": ["P3", "absent"]},
            "threats": [
                {"category": "impact", "details": "files leak"},
                {"category": "exploit_status", "details": "exploited in the wild"},
            ],
            "metrics": [
                {"content": {"cvss_v3": {"vectorString": CVSS, "baseScore": 9}}, "products": ["P1"]}
            ],
            "references": [{"url": "https://example.org", "summary": "s"}],
        }
    ],
}


def changed(**fields):
    document = copy.deepcopy(DOCUMENT)
    document["vulnerabilities"][0].update(fields)
    return document


def draft_of(document):
    (draft,) = csaf.read(document)
    return draft


def codes(draft):
    return [notice.code for notice in draft.notices]


def test_a_vulnerability_report_gives_its_claims():
    draft = draft_of(DOCUMENT)
    assert (draft.title, draft.description, draft.impact) == (
        "Traversal",
        "It climbs out of the root.",
        "files leak",
    )
    assert (draft.purl, draft.software, draft.ecosystem) == ("pkg:pypi/aiohttp", "aiohttp", "PyPI")
    assert draft.affected_versions == ("3.9.1", "vers:pypi/<3.9.0")
    assert draft.fixed_versions == ("3.9.2",)
    assert (draft.cwes, draft.cvss_vectors) == (("CWE-22",), (CVSS,))
    assert draft.aliases == ("CVE-2024-23334", "GHSA-5h86-8mv2-jq9f")
    assert draft.exploit_state is ExploitState.ACTIVE
    assert (draft.severity, draft.language, draft.contact) == ("High", "en", "lab@example.org")
    assert draft.credits == (
        Credit(name="A, Lab"),
        Credit(name="B, Lab"),
        Credit(name="Other"),
        Credit(name="C"),
    )
    assert draft.provenance.models == (ModelUse(name="m"),)
    assert (draft.provenance.attempts, draft.provenance.discovery_method) == (2, "review")
    assert draft.trigger.startswith("GET it.")
    assert draft.attachments[0].data == b"curl x\n"
    assert codes(draft) == []


def test_what_is_not_used_comes_back_by_its_place():
    unknown = draft_of(DOCUMENT).unknown
    assert unknown["/vulnerabilities/0/ids/1/text"] == "X-1"
    assert unknown["/document/notes/1/text"] == "as is"
    assert unknown["/vulnerabilities/0/metrics/0/content/cvss_v3/baseScore"] == 9
    assert "/document/notes/0/text" not in unknown


def test_csaf_2_0_fields_are_read():
    document = changed(
        cwes=None, cwe={"id": "CWE-22"}, metrics=None, scores=[{"cvss_v3": {"vectorString": CVSS}}]
    )
    document["document"]["csaf_version"] = "2.0"
    document["document"]["publisher"] = {"contact_details": "write to lab@example.org please"}
    draft = draft_of(document)
    assert (draft.cwes, draft.cvss_vectors, draft.contact) == (
        ("CWE-22",),
        (CVSS,),
        "lab@example.org",
    )


@pytest.mark.parametrize(
    ("fields", "state"),
    [
        ({"first_known_exploitation_dates": [{"date": "2026-01-01"}]}, ExploitState.ACTIVE),
        (
            {"threats": [{"category": "exploit_status", "details": "not known to be exploited"}]},
            ExploitState.UNKNOWN,
        ),
        (
            {"threats": [{"category": "exploit_status", "details": "a PoC is public"}]},
            ExploitState.POC,
        ),
        ({"threats": []}, ExploitState.UNKNOWN),
    ],
)
def test_exploitation_is_read_from_dates_and_words(fields, state):
    assert draft_of(changed(**fields)).exploit_state is state


def test_a_rating_in_words_counts_before_the_documents():
    metrics = [{"content": {"qualitative_severity_rating": "low"}}]
    assert draft_of(changed(metrics=metrics)).severity == "low"


def test_each_vulnerability_is_a_report():
    document = copy.deepcopy(DOCUMENT)
    document["vulnerabilities"] += [{"cve": "CVE-2020-1111"}, {}, "odd"]
    drafts = csaf.read(document)
    assert [draft.aliases[0] for draft in drafts] == ["CVE-2024-23334", "CVE-2020-1111"]
    assert drafts[1].title == "document title"


def test_a_vulnerability_of_several_products_is_about_the_first():
    draft = draft_of(changed(product_status={"known_affected": ["P1", "P9"]}))
    assert (draft.purl, codes(draft)) == ("pkg:pypi/aiohttp", ["several_packages"])


def test_a_product_without_a_package_url_gives_its_name():
    draft = draft_of(changed(product_status={"first_affected": ["P9"]}))
    assert (draft.software, draft.purl, draft.affected_versions) == ("Other Product", None, ())


@pytest.mark.parametrize("text", ["{", "[]", 5])
def test_a_broken_provenance_note_is_noticed_and_the_report_is_read(text):
    document = copy.deepcopy(DOCUMENT)
    document["document"]["notes"][0]["text"] = text
    draft = draft_of(document)
    assert draft.provenance.models == ()
    assert draft.title == "Traversal"
    assert ("unparseable_provenance" in codes(draft)) == (text == "{")


@pytest.mark.parametrize(
    ("document", "code", "fault"),
    [
        ({"document": {"csaf_version": "1.2"}}, "unsupported_version", Fault.UNSUPPORTED),
        ({"document": {"csaf_version": "2.0"}}, "no_flaw", Fault.CONTENT),
        ({"document": {"csaf_version": "2.0"}, "vulnerabilities": "x"}, "no_flaw", Fault.CONTENT),
        ({"document": {"csaf_version": "2.0"}, "vulnerabilities": [{}]}, "no_flaw", Fault.CONTENT),
        (
            {"document": {"csaf_version": "2.0"}, "vulnerabilities": [{"cve": "x"}] * 257},
            "too_many_reports",
            Fault.LIMIT,
        ),
    ],
)
def test_a_document_without_flaws_or_of_another_version_is_refused(document, code, fault):
    refusal = csaf.read(document)
    assert isinstance(refusal, ReadRefusal)
    assert (refusal.code, refusal.fault) == (code, fault)


def test_related_products_stand_for_their_component():
    tree = {
        "full_product_names": [
            {
                "product_id": "A",
                "name": "a",
                "product_identification_helper": {"purl": "pkg:npm/a@1"},
            }
        ],
        "relationships": [
            {"product_reference": "A", "full_product_name": {"product_id": "AB", "name": "a in b"}}
        ],
        "product_paths": [
            {
                "beginning_product_reference": "A",
                "full_product_name": {"product_id": "AC", "name": "a on c"},
            },
            {
                "beginning_product_reference": "Z",
                "full_product_name": {"product_id": "AD", "name": "z"},
            },
        ],
    }
    found = products(Node(tree))
    assert set(found) == {"A", "AB", "AC"}
    assert found["AB"].purl == "pkg:npm/a"
    assert found["AC"].version == "1"


def test_broken_package_urls_are_passed_over():
    helper = {"purls": ["nonsense", "pkg:npm/a"]}
    tree = {
        "full_product_names": [
            {"product_id": "A", "name": "a", "product_identification_helper": helper},
            {},
        ]
    }
    assert products(Node(tree))["A"].purl == "pkg:npm/a"


def test_a_tree_of_very_many_products_is_read_up_to_a_limit(monkeypatch):
    monkeypatch.setattr("clearhouse.clearing.intake.readers.csaf_products.MAX_PRODUCTS", 3)
    tree = {"full_product_names": [{"product_id": str(n), "name": "a"} for n in range(9)]}
    assert len(products(Node(tree))) == 3
