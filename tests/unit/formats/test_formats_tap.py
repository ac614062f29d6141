"""The wire contract, code by code. Source: TAP Intake API, Errors and Limits."""

import base64
import json

import pytest

from clearhouse.formats.tap import read
from clearhouse.formats.tap_attachments import download_name
from clearhouse.formats.tap_record import (
    BLANK,
    MALFORMED,
    MAX_BODY_BYTES,
    SIZE_CODES,
    VALIDATION,
    TapAttachment,
    TapCode,
    TapRefusal,
    TapReport,
    TapSymbol,
)

FILE = {"filename": "poc.txt", "data": "boom", "content_type": "text/plain"}


def submit(**fields):
    report = {"purl": "pkg:npm/example-lib@1.0.1"} | fields
    return read(
        json.dumps({k: v for k, v in report.items() if v != ...}).encode(), "application/json"
    )


def accepted(**fields):
    report = submit(**fields)
    assert isinstance(report, TapReport), report
    return report


def violations(**fields):
    refusal = submit(**fields)
    assert isinstance(refusal, TapRefusal)
    assert refusal.type == VALIDATION, refusal
    sized = any(v.code in SIZE_CODES for v in refusal.errors)
    assert refusal.status == (413 if sized else 400)
    return {(str(v.code), v.field, v.also_field) for v in refusal.errors}


def attach(**changes):
    return [{k: v for k, v in (FILE | changes).items() if v != ...}]


def nested(levels):
    value = "x"
    for _ in range(levels - 1):
        value = [value]
    return {"a": value}


CASES = [
    ({"purl": ...}, ("missing_field", "software", "purl")),
    ({"purl": ..., "software": "x"}, ("missing_field", "ecosystem", "purl")),
    ({"purl": "", "ecosystem": "npm"}, ("missing_field", "software", "purl")),
    ({"purl": None, "ecosystem": "npm"}, ("missing_field", "software", "purl")),
    ({"purl": "pkg:npm/" + "x" * 600}, ("field_too_large", "purl", None)),
    ({"purl": "pkg:npm/x@" + "1" * 65}, ("field_too_large", "purl", None)),
    ({"purl": "pkg:npm/x\n"}, ("control_characters", "purl", None)),
    ({"purl": "npm/lodash"}, ("invalid_purl", "purl", None)),
    ({"purl": "pkg:atlantis/x"}, ("invalid_purl", "purl", None)),
    ({"purl": "pkg:npm/x%0Ay"}, ("invalid_purl", "purl", None)),
    ({"ecosystem": "PyPI"}, ("purl_ecosystem_mismatch", "purl", "ecosystem")),
    ({"ecosystem": "Atlantis"}, ("unknown_ecosystem", "ecosystem", None)),
    ({"ecosystem": "---"}, ("degenerate_value", "ecosystem", None)),
    ({"ecosystem": "x" * 129}, ("field_too_large", "ecosystem", None)),
    ({"software": "..."}, ("degenerate_value", "software", None)),
    ({"software": "é" * 129}, ("field_too_large", "software", None)),
    ({"software": "a\tb"}, ("control_characters", "software", None)),
    ({"software": "a\x85b"}, ("control_characters", "software", None)),
    ({"software": "\ud800"}, ("invalid_utf8", "software", None)),
    ({"versions": ["1"] * 65}, ("too_many_items", "versions", None)),
    ({"versions": [str(n) for n in range(64)]}, ("too_many_items", "versions", "purl")),
    ({"versions": ["1", "*"]}, ("degenerate_value", "versions[1]", None)),
    ({"versions": [""]}, ("degenerate_value", "versions[0]", None)),
    ({"versions": [None]}, ("degenerate_value", "versions[0]", None)),
    ({"versions": ["1" * 65]}, ("field_too_large", "versions[0]", None)),
    ({"code_path": "x" * 1025}, ("field_too_large", "code_path", None)),
    ({"affected_symbol": {"file": "/"}}, ("degenerate_value", "affected_symbol.file", None)),
    ({"affected_symbol": {"file": "f" * 513}}, ("field_too_large", "affected_symbol.file", None)),
    (
        {"affected_symbol": {"function": "f" * 257}},
        ("field_too_large", "affected_symbol.function", None),
    ),
    ({"affected_symbol": {"line": -1}}, ("invalid_symbol_line", "affected_symbol.line", None)),
    ({"references": ["ftp://x.org/a"]}, ("invalid_reference", "references[0]", None)),
    ({"references": ["https://"]}, ("invalid_reference", "references[0]", None)),
    ({"references": ["https://[x"]}, ("invalid_reference", "references[0]", None)),
    ({"references": ["/relative"]}, ("invalid_reference", "references[0]", None)),
    ({"references": ["https://a b.org"]}, ("invalid_reference", "references[0]", None)),
    ({"references": ["https://x.org"] * 17}, ("too_many_items", "references", None)),
    ({"references": ["https://x.org/" + "a" * 512]}, ("field_too_large", "references[0]", None)),
    ({"upstream_ids": ["CVE-1-2"]}, ("invalid_upstream_id", "upstream_ids[0]", None)),
    ({"upstream_ids": ["SNYK-1"]}, ("invalid_upstream_id", "upstream_ids[0]", None)),
    ({"upstream_ids": ["CVE-2020-1234"] * 17}, ("too_many_items", "upstream_ids", None)),
    ({"introduced_commit": "9f8e7"}, ("invalid_commit", "introduced_commit", None)),
    ({"fixed_commit": "g" * 40}, ("invalid_commit", "fixed_commit", None)),
    ({"fixed_commit": "a" * 65}, ("invalid_commit", "fixed_commit", None)),
    ({"package_repo_url": "git@x.org:a/b"}, ("invalid_repo_url", "package_repo_url", None)),
    (
        {"package_repo_url": "https://x.org/" + "a" * 512},
        ("field_too_large", "package_repo_url", None),
    ),
    ({"discovery_method": "x" * 33}, ("field_too_large", "discovery_method", None)),
    ({"discovery_tooling": "x" * 129}, ("field_too_large", "discovery_tooling", None)),
    ({"email": "nobody"}, ("invalid_email", "email", None)),
    ({"email": "a@b\r\nBcc: c@d"}, ("control_characters", "email", None)),
    ({"email": "a@" + "b" * 256}, ("field_too_large", "email", None)),
    ({"notify": "all"}, ("missing_field", "email", "notify")),
    ({"notify": "sometimes", "email": "a@b.org"}, ("invalid_notify", "notify", None)),
    ({"enrichment": nested(9)}, ("structure_too_deep", "enrichment", None)),
    ({"enrichment": nested(200)}, ("structure_too_deep", "enrichment", None)),
    ({"enrichment": {"a": "x" * 65536}}, ("field_too_large", "enrichment", None)),
    ({"enrichment": {"a": ["x\n"]}}, ("control_characters", "enrichment", None)),
    ({"enrichment": {"x\x00": 1}}, ("control_characters", "enrichment", None)),
    ({"enrichment": {"x": "\udfff"}}, ("invalid_utf8", "enrichment", None)),
    ({"attachments": attach(filename=...)}, ("missing_field", "attachments[0].filename", None)),
    ({"attachments": [None]}, ("missing_field", "attachments[0].filename", None)),
    ({"attachments": attach(data="")}, ("missing_field", "attachments[0].data", None)),
    (
        {"attachments": attach(content_type=...)},
        ("missing_field", "attachments[0].content_type", None),
    ),
    (
        {"attachments": attach(filename="a/b")},
        ("invalid_filename", "attachments[0].filename", None),
    ),
    (
        {"attachments": attach(filename="a\\b")},
        ("invalid_filename", "attachments[0].filename", None),
    ),
    ({"attachments": attach(filename="..")}, ("invalid_filename", "attachments[0].filename", None)),
    (
        {"attachments": attach(filename="a\u202etxt")},
        ("invalid_filename", "attachments[0].filename", None),
    ),
    (
        {"attachments": attach(filename="a\0")},
        ("control_characters", "attachments[0].filename", None),
    ),
    (
        {"attachments": attach(filename="x" * 256)},
        ("field_too_large", "attachments[0].filename", None),
    ),
    (
        {"attachments": attach(description="a\u200bb")},
        ("control_characters", "attachments[0].description", None),
    ),
    (
        {"attachments": attach(description="x" * 1025)},
        ("field_too_large", "attachments[0].description", None),
    ),
    (
        {"attachments": attach(type="virus")},
        ("invalid_attachment_type", "attachments[0].type", None),
    ),
    (
        {"attachments": attach(content_type="text/html")},
        ("invalid_content_type", "attachments[0].content_type", None),
    ),
    (
        {"attachments": attach(content_type="text/plain; charset=utf-8")},
        ("invalid_content_type", "attachments[0].content_type", None),
    ),
    (
        {"attachments": attach(data="x" * (2**20 + 1))},
        ("field_too_large", "attachments[0].data", None),
    ),
    ({"attachments": attach(data="\ud800")}, ("invalid_utf8", "attachments[0].data", None)),
    (
        {"attachments": attach(content_type="application/zip", data="not base64!")},
        ("invalid_base64", "attachments[0].data", None),
    ),
    (
        {"attachments": attach(content_type="application/zip", data="YQ")},
        ("invalid_base64", "attachments[0].data", None),
    ),
    (
        {"attachments": attach(content_type="application/zip", data="\n")},
        ("invalid_base64", "attachments[0].data", None),
    ),
    (
        {"attachments": attach(content_type="application/zip", data="é")},
        ("invalid_base64", "attachments[0].data", None),
    ),
    (
        {"attachments": attach() + attach(filename="POC")},
        ("invalid_filename", "attachments[1].filename", "attachments[0].filename"),
    ),
    (
        {"attachments": attach(filename="poc\u00e9") + attach(filename="poce\u0301.TXT")},
        ("invalid_filename", "attachments[1].filename", "attachments[0].filename"),
    ),
    (
        {
            "attachments": attach(filename="exploit"),
            "exploit": "x",
            "exploit_content_type": "text/plain",
        },
        ("invalid_filename", "attachments[0].filename", "exploit"),
    ),
    (
        {"attachments": [FILE | {"filename": str(n)} for n in range(17)]},
        ("too_many_items", "attachments", None),
    ),
    (
        {
            "attachments": [FILE | {"filename": str(n)} for n in range(16)],
            "raw": "x",
            "raw_content_type": "text/plain",
        },
        ("too_many_items", "attachments", None),
    ),
    ({"exploit": "x"}, ("missing_field", "exploit_content_type", None)),
    ({"raw_content_type": "text/plain"}, ("missing_field", "raw", "raw_content_type")),
    (
        {"raw": "x", "raw_content_type": "text/html"},
        ("invalid_content_type", "raw_content_type", None),
    ),
]


@pytest.mark.parametrize(("fields", "violation"), CASES, ids=lambda case: str(case)[:60])
def test_each_broken_rule_is_named_by_its_code_and_field(fields, violation):
    assert violation in violations(**fields)


def test_the_cases_and_the_multipart_tests_cover_every_code_of_the_contract():
    assert {case[1][0] for case in CASES} | {"field_not_allowed"} == set(TapCode)
    assert len(TapCode) == 22


def test_every_violation_is_listed_and_not_only_the_first():
    found = violations(purl=..., references=["x"], fixed_commit="no", attachments=attach(data=...))
    assert {code for code, _, _ in found} == {
        "missing_field",
        "invalid_reference",
        "invalid_commit",
    }
    assert len(found) == 5


LIMITS = [
    {"purl": "pkg:npm/" + "x" * 504},
    {"software": "x" * 256},
    {"versions": [str(n) * 60 for n in range(1, 10)]},
    {"versions": ["1.0.1", *map(str, range(63))]},
    {"code_path": "x" * 1024},
    {"references": ["https://x.org/" + "a" * 498] * 16},
    {"enrichment": nested(8)},
    {"attachments": [FILE | {"filename": str(n)} for n in range(16)]},
    {"attachments": attach(filename="x" * 255)},
    {"attachments": attach(data="x" * 2**20)},
    {"introduced_commit": "a" * 7, "fixed_commit": "b" * 64},
    {"affected_symbol": {"line": 0}},
]


@pytest.mark.parametrize("fields", LIMITS, ids=lambda case: str(case)[:40])
def test_a_value_exactly_at_its_limit_is_accepted(fields):
    accepted(**fields)


def test_a_report_with_nothing_but_its_package_is_accepted():
    report = accepted()
    assert (report.purl, report.identity) == ("pkg:npm/example-lib@1.0.1", "pkg:npm/example-lib")
    assert report.versions == ("1.0.1",)
    assert report.attachments == ()
    assert report.notify is None


def test_ecosystem_and_software_identify_a_package_without_a_purl():
    report = accepted(purl=..., ecosystem="linux", software="kernel")
    assert (report.ecosystem, report.software, report.purl) == ("Linux", "kernel", None)


@pytest.mark.parametrize(
    "ecosystem", ["Linux", "OSS-Fuzz", "Android", "GitHub Actions", "Hardware"]
)
def test_an_ecosystem_without_a_purl_type_goes_with_any_purl(ecosystem):
    assert accepted(ecosystem=ecosystem).ecosystem == ecosystem


def test_the_purl_is_stored_in_canonical_form_and_its_version_listed_once():
    report = accepted(purl="PKG:PyPI/Django@4.0", versions=["4.0"])
    assert (report.purl, report.versions) == ("pkg:pypi/django@4.0", ("4.0",))


def test_every_field_comes_out_as_it_was_sent():
    report = accepted(
        software="example-lib",
        code_path="src/parse.js parseHeader",
        affected_symbol={"file": "src/parse.js", "function": "parseHeader", "line": 142},
        references=["https://github.com/example/example-lib/issues/451"],
        upstream_ids=["cve-2026-12345", "GHSA-8Q59-q68h-6hv4", "RUSTSEC-2021-0001"],
        fixed_commit="9F8E7D6C5B4A3928",
        package_repo_url="https://github.com/example/example-lib",
        discovery_method="ai-assisted",
        discovery_tooling="some model via some scaffold",
        email="reporter@example.org",
        enrichment={"epss": 0.5},
        attachments=attach(type="patch", description="the fix"),
    )
    assert report.affected_symbol == TapSymbol(
        file="src/parse.js", function="parseHeader", line=142
    )
    assert report.upstream_ids == ("CVE-2026-12345", "GHSA-8q59-q68h-6hv4", "RUSTSEC-2021-0001")
    assert report.fixed_commit == "9f8e7d6c5b4a3928"
    assert report.notify == "milestones"
    assert report.enrichment == {"epss": 0.5}
    assert report.attachments == (
        TapAttachment(
            filename="poc.txt",
            content_type="text/plain",
            data=b"boom",
            type="patch",
            description="the fix",
        ),
    )


def test_notify_off_needs_no_address():
    assert accepted(notify="off").notify == "off"


def test_wrapped_base64_decodes_to_the_file():
    data = base64.encodebytes(b"\x00\xff" * 100).decode()
    (file,) = accepted(attachments=attach(data=data, content_type="APPLICATION/ZIP")).attachments
    assert (file.data, file.content_type) == (b"\x00\xff" * 100, "application/zip")


def test_deprecated_payloads_become_attachments_behind_the_others_with_a_warning():
    report = accepted(
        attachments=attach(),
        exploit="e",
        exploit_content_type="text/plain",
        raw="cg==",
        raw_content_type="application/gzip",
    )
    assert [(f.filename, f.type, f.data) for f in report.attachments] == [
        ("poc.txt", "other", b"boom"),
        ("exploit", "exploit-proof-of-concept", b"e"),
        ("raw", "other", b"r"),
    ]
    assert [(w.code, w.field) for w in report.warnings] == [
        ("deprecated_field", "exploit"),
        ("deprecated_field", "raw"),
    ]
    assert set(report.warnings[0].document()) == {"code", "field", "reason"}


@pytest.mark.parametrize(
    ("filename", "content_type", "name"),
    [
        ("poc", "text/plain", "poc.txt"),
        ("poc.TXT", "text/plain", "poc.TXT"),
        ("src", "application/gzip", "src.tar.gz"),
        ("a.c", "application/octet-stream", "a.c.bin"),
    ],
)
def test_a_download_gets_its_content_types_extension(filename, content_type, name):
    assert download_name(filename, content_type) == name


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b'"x"',
        b"{",
        b"{} {}",
        b"\xff",
        b'{"purl":"pkg:npm/x","purl":"pkg:npm/y"}',
        b'{"attachments":[{"data":"x","data":"y"}]}',
        b'{"purl":1}',
        b'{"versions":"1"}',
        b'{"versions":[1]}',
        b'{"affected_symbol":[]}',
        b'{"affected_symbol":{"line":1.5}}',
        b'{"affected_symbol":{"line":true}}',
        b'{"affected_symbol":{"column":1}}',
        b'{"enrichment":[]}',
        b'{"attachments":{}}',
        b'{"attachments":["x"]}',
        b'{"attachments":[{"path":"x"}]}',
        b'{"severity":"critical"}',
        b'{"Purl":"pkg:npm/x"}',
        b'{"versions":' + b"[" * 5000 + b"]" * 5000 + b"}",
        b'{"enrichment":{"x":NaN}}',
    ],
    ids=lambda body: body[:40].decode("latin-1"),
)
def test_a_body_that_is_not_exactly_one_report_is_malformed_json(body):
    refusal = read(body, "application/json")
    assert isinstance(refusal, TapRefusal)
    assert (refusal.status, refusal.type, refusal.errors) == (400, MALFORMED, ())
    assert refusal.detail


def test_a_wrong_type_is_named_with_its_field():
    assert "versions[1]" in read(b'{"versions":["1",2]}', "application/json").detail


def test_an_unknown_field_is_named_without_what_could_act_on_a_terminal():
    detail = read(json.dumps({"\x1b[2J\u202e": 1}).encode(), "application/json").detail
    assert detail.isprintable()
    assert detail.isascii()


def test_a_key_repeated_where_the_contract_does_not_say_so_is_accepted():
    body = b'{"purl":"pkg:npm/x","affected_symbol":{"line":1,"line":2},"enrichment":{"a":1,"a":2}}'
    report = read(body, "application/json")
    assert (report.affected_symbol.line, report.enrichment) == (2, {"a": 2})


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("application/json", None),
        ("Application/JSON; charset=UTF-8", None),
        ("application/json; charset=latin-1", 400),
        ("application/json; charset", 400),
        ("", 400),
        ("text/plain", 415),
        ("multipart/form-data; boundary=B", 415),
        ("application/problem+json", 415),
    ],
)
def test_the_content_type_decides_whether_the_body_is_read(content_type, status):
    answer = read(b'{"purl":"pkg:npm/x"}', content_type)
    assert (answer.status if isinstance(answer, TapRefusal) else None) == status
    if status:
        assert answer.type == BLANK


def test_a_body_over_the_limit_is_refused_as_a_whole():
    refusal = read(b" " * (MAX_BODY_BYTES + 1), "application/json")
    assert (refusal.status, refusal.type) == (413, BLANK)


def test_a_problem_document_has_the_members_of_rfc_9457_and_the_contract():
    document = submit(ecosystem="PyPI").document()
    assert document["type"] == VALIDATION
    assert document["status"] == 400
    assert document["detail"] == "1 violation; see errors"
    assert set(document["errors"][0]) == {"code", "field", "also_field", "reason"}
    assert set(submit(references=["x"]).document()["errors"][0]) == {"code", "field", "reason"}
    assert "errors" not in read(b"", "application/json").document()


def test_reasons_never_repeat_what_the_reporter_wrote():
    refusal = submit(references=["zzsecretzz"], email="zzsecretzz", software="zzsecretzz\n")
    assert "zzsecretzz" not in json.dumps(refusal.document())
