import json

import pytest

from clearhouse.clearing.intake.readers import Fault, Format, Reading, ReadRefusal, read, text
from clearhouse.clearing.intake.readers.document import Node
from clearhouse.clearing.intake.readers.export import exported
from clearhouse.clearing.intake.readers.provenance import read_provenance

OSV = {"id": "X-1", "modified": "2026-01-01T00:00:00Z", "summary": "s", "affected": []}


def dumped(document):
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    ("data", "filename", "content_type", "code", "fault"),
    [
        (b"", None, None, "empty", Fault.DOCUMENT),
        (b" \n\t", "a.json", None, "empty", Fault.DOCUMENT),
        (
            b"PK\x03\x04zip bomb",
            "report.json",
            "application/json",
            "not_a_document",
            Fault.UNSUPPORTED,
        ),
        (b"\x1f\x8bgz", None, None, "not_a_document", Fault.UNSUPPORTED),
        (b"%PDF-1.7", None, None, "not_a_document", Fault.UNSUPPORTED),
        (b"{", None, None, "syntax", Fault.DOCUMENT),
        (b'{"a":1,"a":2}', None, None, "duplicate_key", Fault.DOCUMENT),
        (b'{"a":"\xff"}', None, None, "not_utf8", Fault.DOCUMENT),
        (b'{"a":' + b"[" * 99 + b"]" * 99 + b"}", None, None, "too_deep", Fault.LIMIT),
        (b"words", "a.json", None, "syntax", Fault.DOCUMENT),
        (b"words", None, "application/json", "syntax", Fault.DOCUMENT),
        (b"5", "a.json", None, "unknown_format", Fault.UNSUPPORTED),
        (b'{"a": 1}', None, None, "unknown_format", Fault.UNSUPPORTED),
        (b"{}", None, None, "unknown_format", Fault.UNSUPPORTED),
        (
            dumped({"dataType": "CVE_RECORD", "cveMetadata": {}}),
            None,
            None,
            "unknown_format",
            Fault.UNSUPPORTED,
        ),
        (b"[]", "a.json", None, "empty", Fault.LIMIT),
        (dumped([OSV] * 300), "a.json", None, "too_many_reports", Fault.LIMIT),
        (
            dumped([OSV, {"ghsa_id": "x", "summary": "s"}]),
            "a.json",
            None,
            "unknown_format",
            Fault.UNSUPPORTED,
        ),
        (dumped([5]), "a.json", None, "unknown_format", Fault.UNSUPPORTED),
        (dumped([OSV, OSV | {"withdrawn": "x"}]), "a.json", None, "withdrawn", Fault.CONTENT),
        (b"\x00\x01\x02\x03" * 50, None, None, "not_text", Fault.UNSUPPORTED),
        (b"!!! ??? ...", None, None, "empty", Fault.DOCUMENT),
        (b"x " * (text.MAX_BYTES // 2 + 1), None, None, "too_large", Fault.LIMIT),
        (b"--B\r\n", None, "multipart/mixed; boundary=B", "not_tap", Fault.DOCUMENT),
    ],
)
def test_what_is_no_report_is_refused_with_code_fault_and_remedy(
    data, filename, content_type, code, fault
):
    refusal = read(data, filename=filename, content_type=content_type)
    assert isinstance(refusal, ReadRefusal)
    assert (refusal.code, refusal.fault) == (code, fault)
    assert refusal.remedy in refusal.detail


def test_a_refusal_inside_a_list_says_which_document():
    assert read(dumped([OSV, OSV | {"withdrawn": "x"}]), filename="a.json").place == "/1/withdrawn"


def test_a_list_of_documents_gives_a_report_for_each():
    result = read(dumped([OSV, OSV | {"summary": "t"}]), filename="a.json")
    assert [draft.title for draft in result.drafts] == ["s", "t"]


def test_the_content_decides_against_the_name():
    assert read(dumped(OSV), filename="a.eml").format is Format.OSV
    assert read(b"The parser reads too far.", filename="a.sarif.txt").format is Format.TEXT


def test_a_byte_order_mark_does_not_hide_a_document():
    assert read(b"\xef\xbb\xbf" + dumped(OSV)).format is Format.OSV


def test_text_that_begins_with_a_bracket_is_text():
    assert read(b"[security] x reads too far\n\nWords here.", filename="a.md").format is Format.TEXT


def test_a_tap_report_comes_in_as_multipart_too():
    body = (
        b"--B\r\nContent-Disposition: attachment; name=report\r\nContent-Type: application/json\r\n\r\n"
        b'{"purl":"pkg:npm/x"}\r\n--B--\r\n'
    )
    result = read(body, content_type="multipart/mixed; boundary=B")
    assert (result.format, result.drafts[0].purl) == (Format.TAP, "pkg:npm/x")


@pytest.mark.parametrize(
    ("data", "notices"),
    [
        ("caf\u00e9 crashes".encode("cp1252"), ["guessed_encoding"]),
        ("caf\u00e9 crashes".encode("utf-16"), []),
        ("caf\u00e9 crashes".encode("utf-8-sig"), []),
    ],
)
def test_text_in_other_encodings_is_read(data, notices):
    (draft,) = read(data).drafts
    assert draft.description == "caf\u00e9 crashes"
    assert [notice.code for notice in draft.notices] == notices


FULL = {
    "id": "X-1",
    "modified": "2026-01-01T00:00:00Z",
    "summary": "s",
    "details": "d\n```diff\n--- a\n+++ b\n@@ -1 +1 @@\n-x\n+y\n```",
    "custom": {"deep": [1]},
    "affected": [
        {
            "package": {"ecosystem": "npm", "name": "x"},
            "versions": ["1.0.0"],
            "ecosystem_specific": {"affected_functions": ["f"]},
        }
    ],
    "credits": [{"name": "A", "contact": ["mailto:a@example.org"]}],
    "database_specific": {
        "clearhouse": {"attempts": 0, "models": [{"name": "m"}], "confidentiality": "public"}
    },
}


def test_an_export_gives_back_claims_unknown_fields_and_the_original():
    data = dumped(FULL)
    (draft,) = read(data).drafts
    document = exported(draft, original=data, format_="osv")
    assert (document["purl"], document["versions"]) == ("pkg:npm/x", ["1.0.0"])
    assert document["affected_symbols"] == [{"function": "f"}]
    assert document["unknown"]["/custom"] == {"deep": [1]}
    assert document["attachments"][0]["type"] == "patch"
    assert document["original"]["size_bytes"] == len(data)
    assert document["enrichment"]["clearhouse"]["attempts"] == 0
    assert "trigger" not in document


def test_an_export_never_shows_the_reporters_address():
    (draft,) = read(dumped(FULL)).drafts
    assert draft.contact == "a@example.org"
    assert "a@example.org" not in json.dumps(
        {k: v for k, v in exported(draft).items() if k != "unknown"}
    )
    assert "original" not in exported(draft)


def test_an_export_is_read_again_as_it_was_written():
    (draft,) = read(dumped(FULL)).drafts
    written = json.dumps(exported(draft)).encode()
    again = read(written)
    assert again.format is Format.OWN
    for name in ("title", "description", "purl", "affected_versions", "locations", "credits",
                 "attachments", "provenance", "cwes", "cvss_vectors", "exploit_state"):  # fmt: skip
        assert getattr(again.drafts[0], name) == getattr(draft, name), name


@pytest.mark.parametrize(("more", "code"), [({}, "no_flaw"), ({"title": " "}, "no_flaw")])
def test_an_export_that_says_nothing_is_refused(more, code):
    assert read(dumped({"shape": "clearhouse-report-1"} | more)).code == code


def test_what_an_export_does_not_hold_rightly_is_left_and_given_back():
    odd = {
        "shape": "clearhouse-report-1", "title": "t", "already_public": "yes",
        "attachments": [{"data_base64": "!"}, {"data_base64": "eA==", "type": "odd"}],
        "enrichment": {"exploit_state": "odd"}, "credits": [{"name": ""}, {"name": "A"}],
    }  # fmt: skip
    (draft,) = read(dumped(odd)).drafts
    assert [one.data for one in draft.attachments] == [b"x"]
    assert draft.unknown["/attachments/0/data_base64"] == "!"
    assert draft.unknown["/already_public"] == "yes"
    assert [(one.name, one.role) for one in draft.credits] == [("A", "finder")]


def test_provenance_survives_export_and_reading():
    (draft,) = read(dumped(FULL)).drafts
    document = exported(draft)["enrichment"]["clearhouse"]
    assert read_provenance(Node(document)) == draft.provenance


def test_every_unknown_field_stands_in_the_original_at_its_place():
    result = read(dumped(FULL))
    assert isinstance(result, Reading)
    for pointer, value in result.drafts[0].unknown.items():
        if pointer.startswith("/"):
            found = FULL
            for step in pointer[1:].split("/"):
                found = found[int(step)] if isinstance(found, list) else found[step]
            assert found == value
