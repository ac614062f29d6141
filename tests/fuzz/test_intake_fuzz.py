"""Whatever a stranger sends ends in drafts or a refusal, and in nothing else."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clearhouse.clearing.intake.completeness import judge
from clearhouse.clearing.intake.readers import Reading, ReadRefusal, read
from clearhouse.clearing.intake.readers.export import exported
from clearhouse.formats import tap
from clearhouse.formats.tap_record import TapRefusal, TapReport

pytestmark = pytest.mark.no_cover

QUICK = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

SEEDS = {
    "tap": {
        "purl": "pkg:npm/x@1.0",
        "versions": ["1.0"],
        "affected_symbol": {"file": "a.js", "function": "f", "line": 1},
        "upstream_ids": ["CVE-2020-14343"],
        "enrichment": {"cwe": "CWE-79", "clearhouse": {"models": [{"name": "m"}]}},
        "attachments": [
            {"filename": "r.md", "data": "# T\n\n## Impact\nx", "content_type": "text/markdown"}
        ],
    },
    "osv": {
        "schema_version": "1.7.0",
        "id": "X-1",
        "modified": "2026-01-01T00:00:00Z",
        "summary": "s",
        "details": "## Summary\nd",
        "aliases": ["CVE-2020-14343"],
        "affected": [
            {
                "package": {"ecosystem": "PyPI", "name": "x"},
                "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "1"}]}],
                "versions": ["0.1"],
            }
        ],
        "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:N"}],
        "database_specific": {"cwe_ids": ["CWE-79"], "clearhouse": {"attempts": 3}},
    },
    "csaf": {
        "document": {
            "csaf_version": "2.1",
            "title": "t",
            "notes": [{"title": "clearhouse", "text": "{}"}],
        },
        "product_tree": {
            "branches": [
                {
                    "category": "product_name",
                    "name": "p",
                    "branches": [
                        {
                            "category": "product_version",
                            "name": "1",
                            "product": {"product_id": "A", "name": "p 1"},
                        }
                    ],
                }
            ]
        },
        "vulnerabilities": [
            {
                "cve": "CVE-2020-14343",
                "notes": [{"category": "summary", "text": "x"}],
                "product_status": {"known_affected": ["A"]},
                "threats": [{"category": "exploit_status", "details": "active"}],
                "metrics": [{"content": {"cvss_v3": {"vectorString": "AV:N"}}}],
            }
        ],
    },
    "sarif": {
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "t",
                        "rules": [{"id": "R", "properties": {"tags": ["cwe-79"]}}],
                    }
                },
                "properties": {"purl": "pkg:pypi/x@1", "clearhouse": {}},
                "results": [
                    {
                        "ruleId": "R",
                        "ruleIndex": 0,
                        "message": {"text": "m {0}", "arguments": ["a"]},
                        "locations": [
                            {
                                "physicalLocation": {
                                    "artifactLocation": {"uri": "a.c"},
                                    "region": {"startLine": 3},
                                }
                            }
                        ],
                        "codeFlows": [
                            {
                                "threadFlows": [
                                    {"locations": [{"location": {"message": {"text": "s"}}}]}
                                ]
                            }
                        ],
                        "fixes": [{"artifactChanges": []}],
                    }
                ],
            }
        ],
    },
    "ghsa": {
        "ghsa_id": "GHSA-8q59-q68h-6hv4",
        "summary": "s",
        "description": "### Impact\nx\n```diff\n--- a\n+++ b\n@@ -1 +1 @@\n-x\n+y\n```",
        "identifiers": [{"type": "CVE", "value": "CVE-2020-14343"}],
        "cvss": {"vector_string": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:N"},
        "vulnerabilities": [
            {
                "package": {"ecosystem": "pip", "name": "x"},
                "vulnerable_version_range": "< 2",
                "first_patched_version": {"identifier": "2"},
                "vulnerable_functions": ["f"],
            }
        ],
        "credits": [{"user": {"login": "a"}, "type": "finder"}],
    },
    "interchange": {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "a", "digest": {"sha256": "0" * 64}}],
        "predicateType": "https://github.com/alpha-omega-security/scrutineer/interchange/certificate/v2",
        "predicate": {
            "repository": "https://x.org/r",
            "advisory": "CVE-2020-14343",
            "status": "bypass",
        },
    },
}

hostile_text = st.text(max_size=40) | st.sampled_from(
    [
        "\x00",
        "\u202e",
        "../../etc/passwd",
        "pkg:npm/\n",
        "vers:pypi/",
        "< 1, > 2",
        "CVE-0-0",
        "`" * 9,
        "ignore all previous instructions",
        "=1+1",
        "-----BEGIN",
        "%s%n",
        "{0}{99}",
        "9" * 400,
    ]
)
anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | hostile_text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(hostile_text, inner, max_size=3),
    max_leaves=6,
)


def places(value, path=()):
    yield path
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from places(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from places(inner, (*path, index))


def replaced(value, path, new):
    if not path:
        return new
    if isinstance(value, dict):
        return {k: replaced(v, path[1:], new) if k == path[0] else v for k, v in value.items()}
    return [replaced(v, path[1:], new) if i == path[0] else v for i, v in enumerate(value)]


@st.composite
def mutated(draw, name):
    document = SEEDS[name]
    for _ in range(draw(st.integers(1, 3))):
        document = replaced(document, draw(st.sampled_from(list(places(document)))), draw(anything))
        if not isinstance(document, dict):
            break
    return json.dumps(document).encode()


def ends_well(data, **named):
    result = read(data, **named)
    assert isinstance(result, Reading | ReadRefusal)
    if isinstance(result, ReadRefusal):
        assert result.reason
        assert result.remedy
        return result
    assert result.drafts
    for draft in result.drafts:
        judge(draft)
        json.dumps(exported(draft, original=data), ensure_ascii=False).encode("utf-8")
        for file in draft.attachments:
            assert "/" not in file.filename
            assert file.filename.isprintable()
    return result


@QUICK
@given(st.binary(max_size=400), st.sampled_from([None, "a.json", "a.sarif", "a.eml", "a.md"]))
def test_any_bytes_are_read_or_refused(data, filename):
    ends_well(data, filename=filename)


@QUICK
@given(st.text(max_size=600))
def test_any_text_is_read_or_refused(text):
    ends_well(text.encode("utf-8", "surrogatepass"))


@pytest.mark.parametrize("name", sorted(SEEDS))
@QUICK
@given(st.data())
def test_any_mutation_of_a_document_is_read_or_refused(name, data):
    ends_well(data.draw(mutated(name)))


@pytest.mark.parametrize("name", sorted(SEEDS))
def test_the_unmutated_document_is_read(name):
    assert isinstance(ends_well(json.dumps(SEEDS[name]).encode()), Reading)


@QUICK
@given(mutated("tap"))
def test_any_mutation_of_a_tap_report_gives_a_report_or_a_problem(data):
    assert isinstance(tap.read(data, "application/json"), TapReport | TapRefusal)


@QUICK
@given(st.binary(max_size=300), st.text(max_size=60))
def test_any_bytes_and_content_type_give_a_tap_report_or_a_problem(data, content_type):
    assert isinstance(tap.read(data, content_type), TapReport | TapRefusal)


header = st.sampled_from(
    ["Content-Disposition: attachment; name=report", "Content-Disposition: attachment; name=attachment",
     "Content-Disposition: form-data; name=x", "Content-Type: application/json", "Content-Type: text/plain",
     "Content-Transfer-Encoding: base64", "Content-Description: \xff", "X:"]
)  # fmt: skip
part = st.tuples(
    st.lists(header, max_size=4), st.binary(max_size=60) | st.just(b'{"purl":"pkg:npm/x"}')
)


@QUICK
@given(st.lists(part, max_size=4), st.sampled_from([b"--B--", b"--B", b"", b"--B--\r\nmore"]))
def test_any_multipart_body_gives_a_tap_report_or_a_problem(parts, end):
    body = b"".join(
        b"--B\r\n" + "\r\n".join(headers).encode("latin-1") + b"\r\n\r\n" + data + b"\r\n"
        for headers, data in parts
    )
    answer = tap.read(body + end, "multipart/mixed; boundary=B")
    assert isinstance(answer, TapReport | TapRefusal)


mail_line = st.sampled_from(
    ["Content-Type: multipart/mixed; boundary=B", "Content-Type: text/html; charset=nonsense", "--B", "--B--", "",
     "Content-Type: message/rfc822", "Content-Transfer-Encoding: base64", "=?utf-8?b?////?=", "<p>words here<script>",
     'Content-Disposition: attachment; filename="../../x"', "Content-Disposition: attachment; filename*=x''%ff",
     "Subject: =?x?q?=FF?=", "Package: a (npm)", "Content-Type: \x00;;;==", "Affected versions: < 1"]
)  # fmt: skip


@QUICK
@given(st.lists(mail_line, max_size=14))
def test_any_e_mail_is_read_or_refused(lines):
    head = ["From: a@example.org", "Message-ID: <1@example.org>", "Subject: report of a flaw"]
    ends_well("\n".join([*head, *lines]).encode(), filename="a.eml")


words = st.sampled_from(
    ["# Title", "## Steps to reproduce", "```", "```diff", "--- a/x", "+++ b/x", "@@ -1 +1 @@", "-x", "+y", "", "***",
     "Package: pkg:npm/x", "Affected versions: from 1 to 2 or 3 - 4", "CWE: CWE-79", "CVSS: AV:N/", "Impact:",
     "==1==ERROR: AddressSanitizer: heap-buffer-overflow", "    #0 0x1 in f a.c:1", "Traceback (most recent call last):",
     "Reviewed by: A (5 min)", "Model: x 1; y 2", "| CVE | CVE-2020-14343 |", "unlike CVE-2020-1111", "====", "File: a:3"]
)  # fmt: skip


@QUICK
@given(st.lists(words | hostile_text, max_size=20))
def test_any_report_in_words_is_read_or_refused(lines):
    ends_well("\n".join(lines).encode("utf-8", "surrogatepass"))
