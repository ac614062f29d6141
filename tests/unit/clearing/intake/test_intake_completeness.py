import pytest

from clearhouse.clearing.intake.completeness import Element, is_substance, judge
from clearhouse.clearing.intake.record import (
    Attachment,
    AttachmentKind,
    Draft,
    DuplicateSearch,
    HumanReview,
    ModelUse,
    Provenance,
    Tooling,
)

DESCRIPTION = (
    "The parser trusts the length field, so a short buffer is read past its end by anybody."
)
STEPS = "Send a header whose length field is larger than the body, then watch the worker."
DIFF = b"--- a/src/x.py\n+++ b/src/x.py\n@@ -1 +1 @@\n-old line\n+new line\n"
TEST_DIFF = b"--- /dev/null\n+++ b/tests/test_x.py\n@@ -0,0 +1 @@\n+def test_x(): ...\n"


def file(kind, data, name="file", content_type="text/plain"):
    return Attachment(filename=name, content_type=content_type, data=data, kind=kind)


def has(element, **fields):
    return element in judge(Draft(**fields)).present


def ask(element, **fields):
    (gap,) = (one for one in judge(Draft(**fields)).missing if one.element is element)
    return gap.what_to_do


READY = Draft(
    description=DESCRIPTION,
    trigger=STEPS,
    severity="high",
    attachments=(
        file(AttachmentKind.POC, b"print('overflow')", "poc.py"),
        file(AttachmentKind.PATCH, DIFF + TEST_DIFF, "fix.patch"),
    ),
)


def test_a_report_with_all_six_elements_is_ready_and_says_where_each_was_seen():
    answer = judge(READY)
    assert answer.ready
    assert answer.missing == ()
    assert {str(one.element): one.where for one in answer.seen} == {
        "description": "description",
        "trigger": "trigger",
        "severity": "severity",
        "poc": "attachment poc.py",
        "patch": "attachment fix.patch",
        "tests": "attachment fix.patch",
    }


def test_an_empty_report_is_told_what_to_do_about_each_element():
    answer = judge(Draft())
    assert not answer.ready
    assert [one.element for one in answer.missing] == list(Element)
    assert all(one.what_to_do.endswith(".") for one in answer.missing)


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "TODO",
        "TBD.",
        "Buffer overflow.",
        "see attached file",
        "a " * 200,
        "x" * 500,
        "I will provide details about this on request",
    ],
)
def test_a_stub_is_no_description(text):
    assert not has(Element.DESCRIPTION, description=text)


def test_a_long_account_of_the_impact_describes_the_flaw():
    assert has(
        Element.DESCRIPTION, impact=f"{DESCRIPTION} {STEPS} Then every secret of the process leaks."
    )


def test_a_description_that_mentions_a_stub_phrase_in_passing_still_describes():
    assert has(
        Element.DESCRIPTION, description=DESCRIPTION + " The placeholder value is never replaced."
    )


def test_a_program_alone_is_no_trigger_in_words():
    assert not has(Element.TRIGGER, attachments=(file(AttachmentKind.POC, b"print(1)"),))


@pytest.mark.parametrize("text", ["TODO", "Run it.", "available on request"])
def test_a_stub_is_no_trigger(text):
    assert not has(Element.TRIGGER, trigger=text)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"severity": "High"}, True),
        ({"severity": "critical (9.8)"}, True),
        ({"severity": "spicy"}, False),
        ({"severity": ""}, False),
        ({"cvss_vectors": ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:N",)}, True),
    ],
)
def test_severity_is_a_known_rating_or_a_vector(fields, expected):
    assert has(Element.SEVERITY, **fields) is expected


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", False),
        (b" \n", False),
        (b"TODO", False),
        (b"PoC available on request", False),
        (b"see above", False),
        (b"\x00", True),
        (b"\xff\xfe crash", True),
        (b"curl --path-as-is http://localhost/static/../secret", True),
        (b"# TODO: tidy up\n" + b"payload = build(header, body, length)\n" * 5, True),
    ],
)
@pytest.mark.parametrize("kind", [AttachmentKind.POC, AttachmentKind.REPRODUCER])
def test_a_proof_is_some_bytes_and_not_a_promise(kind, data, expected):
    assert has(Element.POC, attachments=(file(kind, data),)) is expected


def test_a_file_of_another_kind_is_no_proof():
    assert not has(Element.POC, attachments=(file(AttachmentKind.OTHER, b"print('overflow')"),))


@pytest.mark.parametrize(
    ("data", "content_type", "expected"),
    [
        (DIFF, "text/plain", True),
        (DIFF.replace(b"\n", b"\r\n"), "text/plain", True),
        (b"Use a safe function instead.", "text/plain", False),
        (b"--- a/x\n+++ b/x\n", "text/plain", False),
        (b"--- a/x\n+++ b/x\n@@ -1 +1 @@\n same\n", "text/plain", False),
        (b'{"artifactChanges": [{}]}', "application/json", True),
        (b"{}", "application/json", False),
    ],
)
def test_a_patch_changes_something(data, content_type, expected):
    files = (file(AttachmentKind.PATCH, data, content_type=content_type),)
    assert has(Element.PATCH, attachments=files) is expected


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ((file(AttachmentKind.TEST, b"def test_x(): assert f()"),), True),
        ((file(AttachmentKind.TEST, b""),), False),
        ((file(AttachmentKind.PATCH, TEST_DIFF),), True),
        ((file(AttachmentKind.PATCH, DIFF),), False),
        ((file(AttachmentKind.PATCH, TEST_DIFF.replace(b"tests/test_x.py", b"x.spec.ts")),), True),
        (
            (file(AttachmentKind.PATCH, TEST_DIFF.replace(b"tests/test_x.py", b"src/latest.py")),),
            False,
        ),
        ((file(AttachmentKind.PATCH, TEST_DIFF.replace(b"+def", b"-def")),), False),
    ],
)
def test_a_test_is_a_file_or_a_line_that_the_patch_adds_to_a_test_file(files, expected):
    assert has(Element.TESTS, attachments=files) is expected


def test_what_does_not_count_is_named_when_asking_for_the_element():
    empty = (file(AttachmentKind.POC, b"", "poc.py"),)
    assert "poc.py" in ask(Element.POC, attachments=empty)
    assert "fixed version" not in ask(Element.PATCH)
    assert "version is named" in ask(Element.PATCH, fixed_versions=("2",))
    assert "commit" in ask(Element.PATCH, fixed_commit="abcdef1")
    assert "too short" in ask(Element.DESCRIPTION, description="short")
    assert "no rating" in ask(Element.SEVERITY, severity="spicy")


def test_hints_ask_how_the_flaw_was_found_until_it_is_said():
    assert [hint.field for hint in judge(Draft()).hints] == [
        "discovery_method",
        "models",
        "scaffold",
        "human_review",
        "attempts",
        "confidentiality",
        "duplicate_searches",
    ]
    told = Provenance(
        discovery_method="ai-discovered",
        models=(ModelUse(name="m"),),
        scaffold="s",
        human_review=(HumanReview(who="a"),),
        attempts=0,
        confidentiality=Tooling.PUBLIC,
        duplicate_searches=(DuplicateSearch(where="OSV"),),
    )
    assert judge(Draft(provenance=told)).hints == ()


def test_a_finding_made_by_hand_is_asked_for_no_models():
    assert judge(Draft(provenance=Provenance(discovery_method=" Manual "))).hints == ()


def test_missing_hints_make_no_report_incomplete():
    assert judge(READY).ready
    assert judge(READY).hints


def test_substance_counts_different_words():
    assert is_substance("one two three", words=3)
    assert not is_substance("one one one", words=2)
