"""OSV, GitHub advisories, federation records and TAP as drafts."""

import json

import pytest

from clearhouse.clearing.intake.readers import (
    Fault,
    Format,
    Reading,
    ReadRefusal,
    ghsa,
    interchange,
    osv,
    read,
    tap,
)
from clearhouse.clearing.intake.record import (
    AttachmentKind,
    Credit,
    Draft,
    ExploitState,
    Location,
    ModelUse,
    Tooling,
)

CVSS = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:N"


def draft_of(document, reader=None):
    result = reader.read(document) if reader else read(json.dumps(document).encode())
    drafts = result.drafts if isinstance(result, Reading) else result
    assert isinstance(drafts, tuple), drafts
    (draft,) = drafts
    assert isinstance(draft, Draft)
    return draft


def codes(draft):
    return [notice.code for notice in draft.notices]


OSV = {
    "schema_version": "1.7.0",
    "id": "PYSEC-2021-142",
    "modified": "2026-01-01T00:00:00Z",
    "published": "2026-01-01T00:00:00Z",
    "aliases": ["CVE-2020-14343"],
    "related": ["CVE-2020-1747"],
    "summary": "full_load runs code",
    "details": "## Summary\nIt does.\n## Steps to reproduce\nLoad the file.\n",
    "affected": [
        {
            "package": {"ecosystem": "PyPI", "name": "PyYAML"},
            "ranges": [
                {"type": "ECOSYSTEM", "events": [{"introduced": "5.1"}, {"fixed": "5.4"}]},
                {
                    "type": "GIT",
                    "repo": "https://github.com/yaml/pyyaml",
                    "events": [
                        {"introduced": "0"},
                        {"introduced": "abcdef1"},
                        {"fixed": "abcdef2"},
                    ],
                },
            ],
            "versions": ["5.1", "5.3.1"],
            "ecosystem_specific": {
                "affected_functions": ["yaml.full_load"],
                "imports": [{"path": "yaml", "symbols": ["FullLoader"]}],
            },
            "database_specific": {"cwes": [{"cweId": "CWE-502", "name": "x"}]},
        }
    ],
    "severity": [{"type": "CVSS_V3", "score": CVSS}, {"type": "Ubuntu", "score": "high"}],
    "references": [{"type": "WEB", "url": "https://example.org"}],
    "credits": [
        {"name": "A", "type": "ANALYST", "contact": ["https://a.org", "mailto:a@example.org"]}
    ],
    "database_specific": {
        "cwe_ids": ["CWE-20"],
        "severity": "HIGH",
        "clearhouse": {"discovery_method": "manual"},
        "review_status": "REVIEWED",
    },
}


def test_an_osv_document_gives_its_claims():
    draft = draft_of(OSV)
    assert (draft.title, draft.description, draft.trigger) == (
        "full_load runs code",
        "It does.",
        "Load the file.",
    )
    assert (draft.purl, draft.ecosystem, draft.software) == ("pkg:pypi/pyyaml", "PyPI", "PyYAML")
    assert (draft.affected_versions, draft.fixed_versions) == (("vers:pypi/>=5.1|<5.4",), ("5.4",))
    assert (draft.introduced_commit, draft.fixed_commit) == ("abcdef1", "abcdef2")
    assert draft.repository == "https://github.com/yaml/pyyaml"
    assert draft.aliases == ("PYSEC-2021-142", "CVE-2020-14343")
    assert draft.cwes == ("CWE-20", "CWE-502")
    assert (draft.cvss_vectors, draft.severity) == ((CVSS,), "HIGH")
    assert draft.locations == (
        Location(function="yaml.full_load"),
        Location(file="yaml", function="FullLoader"),
    )
    assert draft.credits == (Credit(name="A", role="analyst"),)
    assert draft.contact == "a@example.org"
    assert draft.provenance.discovery_method == "manual"
    assert codes(draft) == []


def test_what_no_field_of_the_draft_holds_comes_back_by_its_place():
    unknown = draft_of(OSV).unknown
    assert unknown["/related"] == ["CVE-2020-1747"]
    assert unknown["/database_specific/review_status"] == "REVIEWED"
    assert unknown["/severity/1/score"] == "high"
    assert unknown["/affected/0/versions"] == ["5.1", "5.3.1"]


def test_a_private_osv_id_is_kept_and_claims_nothing():
    draft = draft_of(OSV | {"id": "DRAFT-1"})
    assert draft.aliases == ("CVE-2020-14343",)
    assert draft.unknown["/id"] == "DRAFT-1"


def affected(*entries):
    return draft_of(OSV | {"affected": list(entries)})


def test_a_document_about_several_packages_is_about_the_first_and_says_so():
    other = {"package": {"ecosystem": "npm", "name": "y"}, "versions": ["1"]}
    draft = affected(OSV["affected"][0], other)
    assert draft.purl == "pkg:pypi/pyyaml"
    assert codes(draft) == ["several_packages"]
    assert draft.unknown["/affected/1/versions"] == ["1"]


@pytest.mark.parametrize(
    ("entry", "purl", "versions"),
    [
        (
            {"package": {"ecosystem": "npm", "name": "x"}, "versions": ["1.0.0"]},
            "pkg:npm/x",
            ("1.0.0",),
        ),
        (
            {
                "package": {"ecosystem": "Linux", "name": "Kernel"},
                "ranges": [
                    {"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"last_affected": "6.1"}]}
                ],
            },
            None,
            ("<= 6.1",),
        ),
        (
            {
                "package": {"purl": "pkg:npm/x", "ecosystem": "npm", "name": "x"},
                "ranges": [
                    {"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": "not a version"}]}
                ],
            },
            "pkg:npm/x",
            None,
        ),
        ({"package": {"purl": "nonsense", "ecosystem": "npm", "name": "x"}}, "pkg:npm/x", ()),
        ({}, None, ()),
    ],
)
def test_affected_versions_are_understood_as_far_as_the_ecosystem_orders_them(
    entry, purl, versions
):
    draft = affected(entry)
    assert draft.purl == purl
    if versions is not None:
        assert draft.affected_versions == versions


def test_an_osv_document_without_words_or_package_is_refused_for_its_content():
    refusal = osv.read({"id": "X", "modified": "x"})
    assert isinstance(refusal, ReadRefusal)
    assert (refusal.fault, refusal.code) == (Fault.CONTENT, "no_flaw")


def test_a_withdrawn_document_is_refused():
    assert osv.read(OSV | {"withdrawn": "2026-01-01T00:00:00Z"}).code == "withdrawn"
    assert ghsa.read({"ghsa_id": "x", "withdrawn_at": "2026-01-01T00:00:00Z"}).code == "withdrawn"


REST = {
    "ghsa_id": "GHSA-8q59-q68h-6hv4",
    "cve_id": "CVE-2020-14343",
    "html_url": "https://github.com/advisories/GHSA-8q59-q68h-6hv4",
    "summary": "s",
    "description": "It reads too far.\n### Impact\nCrash.",
    "severity": "high",
    "source_code_location": "https://github.com/yaml/pyyaml",
    "identifiers": [{"type": "CVE", "value": "CVE-2020-14343"}],
    "references": ["https://example.org"],
    "cvss_severities": {"cvss_v3": {"vector_string": CVSS, "score": 9.1}, "cvss_v4": None},
    "cwes": [{"cwe_id": "CWE-502", "name": "x"}],
    "vulnerabilities": [
        {
            "package": {"ecosystem": "pip", "name": "PyYAML"},
            "vulnerable_version_range": ">= 5.1, < 5.4",
            "first_patched_version": "5.4",
            "vulnerable_functions": ["yaml.full_load()"],
        }
    ],
    "credits": [{"user": {"login": "a"}, "type": "finder"}],
    "clearhouse": {"models": [{"name": "m"}], "confidentiality": "public"},
}
GRAPHQL = {
    "ghsaId": "GHSA-8q59-q68h-6hv4",
    "identifiers": [{"value": "CVE-2020-14343"}],
    "summary": "s",
    "description": "d",
    "permalink": "https://github.com/advisories/GHSA-8q59-q68h-6hv4",
    "references": [{"url": "https://example.org"}],
    "cvss": {"vectorString": CVSS},
    "cwes": {"nodes": [{"cweId": "CWE-502"}]},
    "vulnerabilities": {
        "nodes": [
            {
                "package": {"ecosystem": "PIP", "name": "PyYAML"},
                "firstPatchedVersion": {"identifier": "5.4"},
                "vulnerableVersionRange": ">= 5.1, < 5.4",
            }
        ]
    },
    "withdrawnAt": None,
}


@pytest.mark.parametrize("document", [REST, GRAPHQL], ids=["REST", "GraphQL"])
def test_an_advisory_is_read_in_both_shapes(document):
    draft = draft_of(document)
    assert draft.purl == "pkg:pypi/pyyaml"
    assert (draft.affected_versions, draft.fixed_versions) == (("vers:pypi/>=5.1|<5.4",), ("5.4",))
    assert draft.aliases == ("GHSA-8q59-q68h-6hv4", "CVE-2020-14343")
    assert (draft.cwes, draft.cvss_vectors) == (("CWE-502",), (CVSS,))
    assert draft.references == (
        "https://example.org",
        "https://github.com/advisories/GHSA-8q59-q68h-6hv4",
    )


def test_an_advisory_gives_places_credits_and_provenance():
    draft = draft_of(REST)
    assert draft.locations == (Location(function="yaml.full_load"),)
    assert (draft.impact, draft.repository) == ("Crash.", "https://github.com/yaml/pyyaml")
    assert draft.credits == (Credit(name="a", role="finder"),)
    assert draft.provenance.models == (ModelUse(name="m"),)
    assert draft.provenance.confidentiality is Tooling.PUBLIC
    assert draft.unknown["/cvss_severities/cvss_v3/score"] == 9.1


@pytest.mark.parametrize(
    ("entry", "fixed"),
    [
        ({"patched_versions": "5.4, 5.5"}, ("5.4", "5.5")),
        ({"first_patched_version": {"identifier": "5.4"}}, ("5.4",)),
        ({}, ()),
    ],
)
def test_patched_versions_are_read_in_every_shape(entry, fixed):
    package = {"package": {"ecosystem": "npm", "name": "x"}}
    assert draft_of(REST | {"vulnerabilities": [package | entry]}).fixed_versions == fixed


def test_an_advisory_about_several_packages_is_about_the_first():
    two = [{"package": {"ecosystem": "npm", "name": name}} for name in ("x", "y")]
    draft = draft_of(REST | {"vulnerabilities": two})
    assert (draft.purl, codes(draft)) == ("pkg:npm/x", ["several_packages"])


def test_a_single_vulnerability_of_the_graphql_interface_is_read():
    document = {"ghsaId": "GHSA-8q59-q68h-6hv4", "summary": "s", "cvss_vector_string": CVSS}
    document["securityVulnerability"] = {"package": {"ecosystem": "NPM", "name": "x"}}
    draft = draft_of(document)
    assert (draft.purl, draft.cvss_vectors) == ("pkg:npm/x", (CVSS,))


def test_an_empty_advisory_is_refused():
    assert ghsa.read({"ghsa_id": "GHSA-8q59-q68h-6hv4"}).code == "no_flaw"


BASE = "https://github.com/alpha-omega-security/scrutineer/interchange/"


def record(kind, **predicate):
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "r", "digest": {"sha256": "0" * 64}}],
        "predicateType": BASE + kind,
        "predicate": predicate,
    }


@pytest.mark.parametrize("status", ["bypass", "variant", "regressed"])
def test_a_certificate_that_a_fix_failed_is_a_hint_about_another_flaw(status):
    document = record(
        "certificate/v2",
        repository="https://github.com/x/y",
        advisory="CVE-2020-14343",
        status=status,
        commit="abcdef1",
        advisory_url="https://example.org",
        audited_at="2026-01-01T00:00:00Z",
    )
    draft = draft_of(document)
    assert "CVE-2020-14343" in draft.title
    assert draft.aliases == ()
    assert draft.unknown["mentioned_ids"] == ["CVE-2020-14343"]
    assert (draft.repository, draft.commits) == ("https://github.com/x/y", ("abcdef1",))
    assert codes(draft) == ["hint_only"]


@pytest.mark.parametrize(
    ("document", "code"),
    [
        (record("certificate/v1", status="fixed"), "no_flaw"),
        (record("claim/v1", contact="a@example.org"), "no_body"),
        (record("optout/v1", repository="r"), "no_flaw"),
        (record("route/v1", repository="r"), "no_flaw"),
        (record("other/v1"), "unsupported_statement"),
        (record("certificate/v2", status="bypass"), "missing_field"),
        (record("certificate/v2", status="fine", repository="r", advisory="a"), "missing_field"),
        (
            record("claim/v1") | {"_type": "https://in-toto.io/Statement/v0.1"},
            "unsupported_statement",
        ),
    ],
)
def test_records_that_report_no_flaw_are_refused_with_a_way_out(document, code):
    refusal = interchange.read(document)
    assert refusal.code == code
    assert refusal.remedy


def test_the_published_schema_of_the_interchange_names_the_kinds_that_are_known(suites):
    schema = json.loads((suites / "interchange.schema.json").read_text())
    kinds = schema["properties"]["predicateType"]["enum"]
    assert {
        interchange.read({"_type": schema["properties"]["_type"]["const"], "predicateType": k}).code
        for k in kinds
    } == {
        "no_flaw",
        "no_body",
        "missing_field",
    }


TAP = {
    "purl": "pkg:pypi/pyyaml@5.3.1",
    "code_path": "constructor.py construct",
    "affected_symbol": {"file": "constructor.py", "function": "construct", "line": 3},
    "upstream_ids": ["CVE-2020-14343"],
    "discovery_method": "ai-assisted",
    "discovery_tooling": "m via s",
    "email": "a@example.org",
    "enrichment": {
        "cwe": "CWE-502 Deserialization",
        "cvss_vector": CVSS,
        "severity": "High",
        "verified": "confirmed",
        "clearhouse": {"attempts": 4},
    },
    "attachments": [
        {
            "filename": "report.md",
            "content_type": "text/markdown",
            "data": "# A title\n\nPackage: other (npm)\nCWE: CWE-20\n\n## Summary\nWords.\n## Impact\nBad.\n",
        },
        {
            "filename": "p.py",
            "content_type": "text/plain",
            "data": "x",
            "type": "exploit-proof-of-concept",
        },
    ],
}


def test_a_tap_report_gives_its_fields_and_the_words_of_its_text_file():
    draft = draft_of(TAP)
    assert (draft.title, draft.description, draft.impact) == ("A title", "Words.", "Bad.")
    assert (draft.purl, draft.software, draft.cwes) == ("pkg:pypi/pyyaml", "pyyaml", ("CWE-502",))
    assert draft.affected_versions == ("5.3.1",)
    assert draft.locations == (
        Location(file="constructor.py", function="construct", line=3),
        Location(file="constructor.py construct"),
    )
    assert (draft.severity, draft.cvss_vectors) == ("High", (CVSS,))
    assert draft.exploit_state is ExploitState.POC
    assert (draft.provenance.attempts, draft.provenance.tooling) == (4, "m via s")
    assert (draft.contact, draft.notify) == ("a@example.org", "milestones")
    assert draft.unknown == {"/enrichment/verified": "confirmed"}
    assert [file.kind for file in draft.attachments] == [AttachmentKind.OTHER, AttachmentKind.POC]


def test_an_osv_document_among_the_attachments_fills_the_gaps():
    file = {"filename": "osv.json", "content_type": "application/json", "data": json.dumps(OSV)}
    draft = draft_of({"purl": "pkg:npm/kept", "attachments": [file]})
    assert (draft.purl, draft.title, draft.severity) == (
        "pkg:npm/kept",
        "full_load runs code",
        "HIGH",
    )
    assert draft.unknown["/attachments/osv.json/related"] == ["CVE-2020-1747"]


@pytest.mark.parametrize("data", ["{", '{"a": 1}', "[]"])
def test_any_other_json_attachment_stays_a_file(data):
    file = {"filename": "a.json", "content_type": "application/json", "data": data}
    draft = draft_of({"purl": "pkg:npm/x", "attachments": [file]})
    assert draft.title is None
    assert len(draft.attachments) == 1


def test_a_deprecated_field_comes_as_a_notice():
    draft = draft_of({"purl": "pkg:npm/x", "exploit": "x", "exploit_content_type": "text/plain"})
    assert codes(draft) == ["deprecated_field"]


def test_a_tap_refusal_names_the_first_fields_in_words():
    refusal = read(json.dumps({"references": ["x"] * 9, "purl": "pkg:npm/x"}).encode())
    assert (refusal.code, refusal.place, refusal.fault) == (
        "invalid_reference",
        "references[0]",
        Fault.DOCUMENT,
    )
    assert "and 4 more" in refusal.detail


def test_a_tap_refusal_for_size_or_shape_says_so():
    assert (
        read(json.dumps({"purl": "pkg:npm/x", "versions": ["1"] * 65}).encode()).fault
        is Fault.LIMIT
    )
    assert tap.read(b"{}", "text/plain").code == "not_tap"


def test_every_format_is_recognised_by_content():
    for document, kind in (
        (OSV, Format.OSV),
        (REST, Format.GHSA),
        (GRAPHQL, Format.GHSA),
        (TAP, Format.TAP),
    ):
        assert read(json.dumps(document).encode(), filename="report.txt").format is kind
