"""Multipart submissions. Source: TAP Intake API, Multipart submissions."""

import json

import pytest

from clearhouse.formats.tap import read
from clearhouse.formats.tap_record import BLANK, MALFORMED, VALIDATION, TapRefusal, TapReport

REPORT = {"purl": "pkg:npm/example-lib@1.0.1"}
TEXT = "Content-Type: text/plain"


def part(disposition, *headers, data=b""):
    lines = [f"Content-Disposition: {disposition}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + data


def report(fields=REPORT, content_type="application/json", data=None):
    headers = [f"Content-Type: {content_type}"] if content_type else []
    return part("attachment; name=report", *headers, data=data or json.dumps(fields).encode())


def attachment(*headers, filename='"poc.txt"', data=b"boom"):
    name = f"; filename={filename}" if filename else ""
    return part(f"attachment; name=attachment{name}", *(headers or (TEXT,)), data=data)


def submit(*parts, content_type="multipart/mixed; boundary=B"):
    body = b"".join(b"--B\r\n" + each + b"\r\n" for each in parts) + b"--B--\r\n"
    return read(body, content_type)


def accepted(*parts):
    answer = submit(*parts)
    assert isinstance(answer, TapReport), answer
    return answer


def violations(*parts):
    answer = submit(*parts)
    assert isinstance(answer, TapRefusal)
    assert answer.type == VALIDATION, answer
    return {(str(v.code), v.field): v for v in answer.errors}


def refused(*parts):
    answer = submit(*parts)
    assert isinstance(answer, TapRefusal)
    return answer.status, answer.type


def test_the_parts_may_arrive_in_any_order_and_keep_their_bytes():
    answer = accepted(
        attachment("Content-Type: application/octet-stream", data=b"\x00\xff\r\n--"), report()
    )
    assert answer.identity == "pkg:npm/example-lib"
    assert answer.attachments[0].data == b"\x00\xff\r\n--"


def test_an_attachments_metadata_travels_in_its_headers():
    answer = accepted(
        report(),
        attachment(
            "content-type: Text/Plain; charset=UTF-8",
            "Content-Description: crashes the parser, é",
            "Content-Akrites-Type: reproducer",
            "Content-Transfer-Encoding: 8BIT",
            "Content-Length: 4",
            filename='"pocé.c"',
        ),
    )
    (file,) = answer.attachments
    assert (file.filename, file.type) == ("pocé.c", "reproducer")
    assert file.description == "crashes the parser, é"
    assert file.content_type == "text/plain"


def test_deprecated_parts_are_filed_behind_the_attachments_with_a_warning():
    answer = accepted(
        part("attachment; name=raw; filename=ignored", TEXT, data=b"r"),
        part("attachment; name=exploit", TEXT, data=b"e"),
        report(),
        attachment(),
    )
    assert [(file.filename, file.data) for file in answer.attachments] == [
        ("poc.txt", b"boom"),
        ("exploit", b"e"),
        ("raw", b"r"),
    ]
    assert [warning.field for warning in answer.warnings] == ["exploit", "raw"]


def test_empty_deprecated_parts_are_absent_with_their_content_type():
    answer = accepted(report(), part("attachment; name=exploit", "Content-Type: text/html"))
    assert (answer.attachments, answer.warnings) == ((), ())


def test_a_binary_part_may_use_the_full_mebibyte_and_no_more():
    zip_type = "Content-Type: application/zip"
    assert (
        len(accepted(report(), attachment(zip_type, data=b"x" * 2**20)).attachments[0].data)
        == 2**20
    )
    refusal = submit(report(), attachment(zip_type, data=b"x" * (2**20 + 1)))
    assert refusal.status == 413
    assert refusal.errors[0].field == "attachments[0].data"


@pytest.mark.parametrize("name", ["exploit", "raw", "attachments", "exploit_content_type"])
def test_payload_fields_inside_the_report_part_are_not_allowed_even_when_null(name):
    assert ("field_not_allowed", name) in violations(report(REPORT | {name: None}))


@pytest.mark.parametrize(
    ("files", "violation"),
    [
        ([attachment(data=b"")], ("missing_field", "attachments[0].data")),
        ([attachment("X-Other: 1")], ("missing_field", "attachments[0].content_type")),
        ([attachment(filename=None)], ("missing_field", "attachments[0].filename")),
        ([attachment(filename='"a/b"')], ("invalid_filename", "attachments[0].filename")),
        ([attachment(), attachment()], ("invalid_filename", "attachments[1].filename")),
        (
            [attachment("Content-Type: text/html")],
            ("invalid_content_type", "attachments[0].content_type"),
        ),
        (
            [attachment("Content-Type: text/plain; charset=latin-1")],
            ("invalid_content_type", "attachments[0].content_type"),
        ),
        (
            [attachment("Content-Type: application/zip; charset=utf-8")],
            ("invalid_content_type", "attachments[0].content_type"),
        ),
        ([attachment(TEXT, data=b"\xff")], ("invalid_utf8", "attachments[0].data")),
        (
            [attachment(TEXT, "Content-Akrites-Type: x")],
            ("invalid_attachment_type", "attachments[0].type"),
        ),
        (
            [attachment(TEXT, "Content-Description: a\u200bb")],
            ("control_characters", "attachments[0].description"),
        ),
        ([part("attachment; name=exploit", data=b"x")], ("missing_field", "exploit_content_type")),
        (
            [attachment(filename=f'"{n}"') for n in range(17)],
            ("too_many_items", "attachments"),
        ),
    ],
)
def test_a_part_is_judged_by_the_rules_of_a_json_attachment(files, violation):
    assert violation in violations(report(), *files)


def test_a_reason_names_the_header_that_breaks_the_rule():
    found = violations(report(), attachment(filename='"a/b"'))
    assert "Content-Disposition" in found["invalid_filename", "attachments[0].filename"].reason


def test_a_file_name_in_another_encoding_is_invalid_utf8():
    raw = b'Content-Disposition: attachment; name=attachment; filename="\xff.c"\r\n' + TEXT.encode()
    assert ("invalid_utf8", "attachments[0].filename") in violations(report(), raw + b"\r\n\r\nx")


@pytest.mark.parametrize(
    "parts",
    [
        (),
        (attachment(),),
        (report(), report()),
        (report(), part("attachment; name=raw", TEXT), part("attachment; name=raw", TEXT)),
        (report(), part("attachment; name=other", TEXT)),
        (report(), part("form-data; name=attachment", TEXT)),
        (report(), part("inline; name=attachment", TEXT)),
        (report(), part("attachment", TEXT)),
        (report(), part("attachment; name*=utf-8''attachment", TEXT)),
        (report(), part("attachment; name=attachment; filename*=utf-8''x", TEXT)),
        (report(), part("attachment; name=attachment; filename=a; filename=b", TEXT)),
        (report(), part("attachment; name=attachment; filename", TEXT)),
        (report(), b"Content-Type: text/plain\r\n\r\nx"),
        (report(), attachment(TEXT, TEXT)),
        (report(), attachment(TEXT, "Content-Disposition: attachment; name=attachment")),
        (report(), attachment(TEXT, "Content-Language: en")),
        (report(), attachment(TEXT, "Content-Transfer-Encoding: base64")),
        (report(), attachment(TEXT, "Content-Transfer-Encoding: quoted-printable")),
        (report(), part("attachment; name=raw", TEXT, "Content-Description: x")),
        (report(), part("attachment; name=exploit", TEXT, "Content-Akrites-Type: other")),
        (report(content_type="text/plain"),),
        (report(content_type=None),),
        (report(content_type="application/json; charset=latin-1"),),
        (report(content_type="application/json; charset"),),
    ],
)
def test_a_multipart_body_that_breaks_the_form_is_a_plain_400(parts):
    assert refused(*parts) == (400, BLANK)


@pytest.mark.parametrize(
    "content_type",
    ["multipart/mixed", "multipart/mixed; boundary=", "multipart/mixed; boundary=B; boundary=C"],
)
def test_a_missing_or_repeated_boundary_is_a_plain_400(content_type):
    answer = submit(report(), content_type=content_type)
    assert (answer.status, answer.type) == (400, BLANK)


@pytest.mark.parametrize("data", [b"{", b"[]", b'{"severity":"high"}', b'{"purl":"\xff"}'])
def test_a_report_part_that_is_no_report_is_malformed_json(data):
    assert refused(report(data=data)) == (400, MALFORMED)
