import base64
import email.message

import pytest

from clearhouse.clearing.intake.readers import Format, Reading, mail, read
from clearhouse.clearing.intake.record import AttachmentKind, Credit

HEAD = "From: Ann Finder <ann@example.org>\r\nSubject: x crashes\r\nMessage-ID: <1@example.org>\r\n"


def message(body="The parser reads too far.\n", subtype="plain", files=()):
    built = email.message.EmailMessage()
    built["From"] = "Ann Finder <ann@example.org>"
    built["Subject"] = "x crashes"
    built["Message-ID"] = "<1@example.org>"
    built["Date"] = "Tue, 06 Oct 2026 08:12:44 +0000"
    built.set_content(body, subtype=subtype)
    for name, data, kind in files:
        main, _, sub = kind.partition("/")
        built.add_attachment(data, maintype=main, subtype=sub, filename=name)
    return built.as_bytes()


def draft_of(data):
    result = mail.read(data)
    assert isinstance(result, tuple), result
    return result[0]


def codes(draft):
    return [notice.code for notice in draft.notices]


def test_subject_sender_and_words_become_the_draft():
    draft = draft_of(message("Package: x (npm)\n\nThe parser reads too far.\n"))
    assert (draft.title, draft.description) == ("x crashes", "The parser reads too far.")
    assert (draft.contact, draft.credits) == ("ann@example.org", (Credit(name="Ann Finder"),))
    assert draft.purl == "pkg:npm/x"
    assert draft.unknown["/headers/message-id"] == "<1@example.org>"


def test_attachments_are_classified_and_kept_as_they_came():
    files = [
        ("fix.patch", b"--- a\n+++ b\n", "text/x-patch"),
        ("poc.py", b"print(1)", "text/x-python"),
        ("../../evil.zip", b"PK\x03\x04bomb", "application/zip"),
    ]
    draft = draft_of(message(files=files))
    assert [(file.filename, file.kind, file.data) for file in draft.attachments] == [
        ("fix.patch", AttachmentKind.PATCH, files[0][1]),
        ("poc.py", AttachmentKind.POC, files[1][1]),
        ("evil.zip", AttachmentKind.OTHER, files[2][1]),
    ]
    assert set(codes(draft)) == {"archive_not_unpacked", "unsafe_filename"}


def test_of_html_only_the_words_are_read():
    page = "<style>p{}</style><p>The &lt;b&gt; parser</p><script>alert(1)</script><!-- hidden --><br>fails."
    draft = draft_of(message(page, subtype="html"))
    assert draft.description == "The <b> parser\n<!-- hidden -->\nfails."
    assert codes(draft) == ["html_only"]


def test_plain_text_is_preferred_to_html():
    built = email.message.EmailMessage()
    built["From"] = "a@example.org"
    built.set_content("plain words here")
    built.add_alternative("<p>rich words here</p>", subtype="html")
    draft = draft_of(built.as_bytes())
    assert (draft.description, draft.attachments) == ("plain words here", ())


def test_a_first_line_that_is_not_the_subject_stays_in_the_description():
    draft = draft_of(message("# Another title\n\nThe parser reads too far.\n"))
    assert draft.description.startswith("Another title\n\nThe parser")


def test_encoded_headers_are_decoded_and_broken_ones_kept():
    data = (
        HEAD.replace("x crashes", "=?utf-8?q?caf=C3=A9?= =?nonsense?q?x?=").encode()
        + b"\r\nsome words\r\n"
    )
    assert "caf" in draft_of(data).title
    data = HEAD.replace("x crashes", "=?utf-8?b?a?=").encode() + b"\r\nsome words\r\n"
    assert draft_of(data).title


def test_an_unknown_charset_is_read_as_far_as_it_goes():
    data = HEAD + "Content-Type: text/plain; charset=klingon\r\n\r\ncaf\u00e9 words\r\n"
    assert draft_of(data.encode()).description == "caf\u00e9 words"


def test_an_attached_message_is_kept_and_not_read():
    inner = message("ignored words inside\n")
    built = email.message.EmailMessage()
    built["From"] = "a@example.org"
    built.set_content("outer words here")
    built.add_attachment(email.message_from_bytes(inner))
    draft = draft_of(built.as_bytes())
    assert draft.description == "outer words here"
    assert b"ignored words inside" in draft.attachments[0].data


def test_a_reply_address_is_the_contact():
    data = b"Reply-To: desk@example.org\r\n" + HEAD.encode() + b"\r\nsome words\r\n"
    assert draft_of(data).contact == "desk@example.org"
    assert draft_of(b"From: nobody\r\nMessage-ID: <1>\r\n\r\nsome words").contact is None


def nested(depth):
    lines = [
        f"Content-Type: multipart/mixed; boundary=b{n}\r\n\r\n--b{n}\r\n" for n in range(depth)
    ]
    return (HEAD + "".join(lines)).encode()


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (nested(30), "too_many_parts"),
        (nested(3000), "too_many_parts"),
        (
            (
                HEAD
                + "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
                + "--b\r\n\r\nx\r\n" * 200
            ).encode(),
            "too_many_parts",
        ),
        (b"From: a@example.org\r\nMessage-ID: <1>\r\n\r\n", "empty"),
        (b"x" * (mail.MAX_BYTES + 1), "too_large"),
    ],
)
def test_a_message_beyond_the_limits_or_without_words_is_refused(data, code):
    assert mail.read(data).code == code


def test_a_name_that_cannot_be_decoded_is_replaced():
    data = (
        HEAD
        + "Content-Type: application/x; name*=klingon''%ff\r\nContent-Disposition: attachment\r\n\r\nx"
    )
    (file,) = draft_of(data.encode()).attachments
    assert file.filename


def test_base64_that_is_broken_is_kept_as_far_as_it_decodes():
    body = base64.b64encode(b"words of the report").decode()[:-3]
    data = HEAD + f"Content-Transfer-Encoding: base64\r\n\r\n{body}"
    assert isinstance(read(data.encode()), Reading)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (HEAD.encode() + b"\r\nx", True),
        (b"\r\n" + HEAD.encode() + b"\r\nx", True),
        (b"Received: from x\nFrom: a@b\n\nx", True),
        (b"Subject: notes\n\nPackage: x", False),
        (b"Subject: notes\nDate: today\n\nPackage: x", False),
        (b"Words\nFrom: a@b\nMessage-ID: x\n\n", False),
    ],
)
def test_a_message_is_recognised_by_its_headers(data, expected):
    assert mail.recognised(data) is expected
    if expected:
        assert read(data, filename="report.txt").format is Format.EMAIL
