import pytest

from clearhouse.clearing.intake.readers.labels import KNOWN, exploit_state, labelled_draft, model_of
from clearhouse.clearing.intake.readers.prose import Topic, cut, topic_of
from clearhouse.clearing.intake.readers.words import MENTIONED, read_field, read_words, with_words
from clearhouse.clearing.intake.record import (
    AttachmentKind,
    Draft,
    DuplicateSearch,
    ExploitState,
    HumanReview,
    Location,
    ModelUse,
    Tooling,
)


def labels(text):
    return labelled_draft(cut(text, KNOWN).labels)


@pytest.mark.parametrize(
    ("heading", "topic"),
    [
        ("Steps to Reproduce", Topic.TRIGGER),
        ("2. How to reproduce:", Topic.TRIGGER),
        ("Proof of Concept (PoC)", Topic.POC),
        ("Impact of the flaw", Topic.IMPACT),
        ("Suggested fix", Topic.PATCH),
        ("Regression tests", Topic.TESTS),
        ("Stack trace", Topic.CRASH),
        ("Root cause analysis", Topic.DESCRIPTION),
        ("What I did not check", None),
        ("", None),
    ],
)
def test_a_heading_announces_its_topic(heading, topic):
    assert topic_of(heading) is topic


@pytest.mark.parametrize(
    "heading",
    [
        "## Impact",
        "Impact\n======",
        "Impact\n------",
        "**Impact**",
        "**Impact:**",
        "__Impact__",
        "Impact",
        "Impact:",
    ],
)
def test_every_way_to_write_a_heading_opens_its_section(heading):
    draft = read_words(f"## Summary\nThe words before.\n\n{heading}\n\nSecrets leak.\n")
    assert draft.impact == "Secrets leak."
    assert draft.description == "The words before."


def test_the_first_unknown_heading_is_the_title_and_later_ones_stay_in_the_description():
    draft = read_words("# A flaw in x\n\nWords.\n\n## What I did not check\nWindows.\n")
    assert draft.title == "A flaw in x"
    assert draft.description == "Words.\n\nWhat I did not check\nWindows."


def test_a_short_first_line_that_stands_alone_is_the_title_of_plain_text():
    draft = read_words("x crashes on empty input\n\nIt reads one byte too far.\n")
    assert (draft.title, draft.description) == (
        "x crashes on empty input",
        "It reads one byte too far.",
    )


def test_a_first_line_that_is_part_of_a_paragraph_is_no_title():
    assert read_words("It reads one byte too far\nwhen the input is empty.\n").title is None


def test_a_topic_as_a_label_holds_one_paragraph_and_then_the_text_goes_on():
    draft = read_words("## Summary\nFirst.\n\nImpact: secrets\nleak.\n\nMore words.\n")
    assert draft.impact == "secrets\nleak."
    assert draft.description == "First.\n\nMore words."


def test_code_under_a_proof_of_concept_becomes_a_file_and_its_words_stay():
    draft = read_words("## PoC\n```python\nprint(1)\n```\nPrints one.\n")
    (poc,) = draft.attachments
    assert (poc.filename, poc.data, poc.kind) == ("poc-1.py", b"print(1)\n", AttachmentKind.POC)
    assert draft.description == "PoC\nPrints one."


@pytest.mark.parametrize(
    ("heading", "language", "name", "kind"),
    [
        ("Steps to reproduce", "sh", "reproducer-1.sh", AttachmentKind.REPRODUCER),
        ("Tests", "js", "test-1.js", AttachmentKind.TEST),
        ("Exploit", "brainfuck", "poc-1.txt", AttachmentKind.POC),
    ],
)
def test_code_is_filed_by_the_section_it_stands_in(heading, language, name, kind):
    (file,) = read_words(f"## {heading}\n~~~{language}\ncode\n~~~\n").attachments
    assert (file.filename, file.kind) == (name, kind)


def test_code_in_a_description_stays_there_and_is_no_file():
    draft = read_words("## Summary\nLook:\n```c\nint x;\n```\n")
    assert draft.attachments == ()
    assert "int x;" in draft.description


@pytest.mark.parametrize("fence", [("```diff\n", "```\n"), ("```\n", "```\n"), ("", "\nSo far.\n")])
def test_a_diff_is_a_patch_with_and_without_a_fence(fence):
    diff = "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-old\n+new\n"
    (patch,) = read_words(f"## Fix\nApply this.\n\n{fence[0]}{diff}{fence[1]}").attachments
    assert (patch.kind, patch.data, patch.filename) == (
        AttachmentKind.PATCH,
        diff.encode(),
        "patch-1.diff",
    )


def test_a_line_of_dashes_is_no_diff():
    assert read_words("## Fix\n--- not a diff\nreally\n").attachments == ()


def test_an_unclosed_fence_ends_with_the_text():
    (poc,) = read_words("## PoC\n```\nhello").attachments
    assert poc.data == b"hello\n"


def test_an_empty_fence_is_no_file():
    assert read_words("## PoC\n```\n```\n").attachments == ()


LOG = "==7==ERROR: AddressSanitizer: heap-buffer-overflow on address 0x1\nREAD of size 1\n    #0 0x1 in f a.c:3\n"


@pytest.mark.parametrize(
    "wrap", ["```\n{}```\n", "{}\n\nThat is all we know.\n", "## Crash log\n{}"]
)
def test_a_sanitizer_log_is_kept_as_the_crash_log(wrap):
    draft = read_words("The parser reads too far.\n\n" + wrap.format(LOG))
    assert LOG.strip() in draft.crash_log
    assert "AddressSanitizer" not in f"{draft.title}{draft.description}"
    assert "That is all" not in draft.crash_log


def test_a_log_with_blank_lines_goes_on_until_words_follow():
    draft = read_words(
        f"{LOG}\nSUMMARY: AddressSanitizer: heap-buffer-overflow a.c:3 in f\n\n## Impact\nCrash.\n"
    )
    assert "SUMMARY" in draft.crash_log
    assert draft.impact == "Crash."


def test_words_under_a_crash_heading_are_the_log_when_there_is_no_code():
    assert read_words("## Stack trace\nf called g called h\n").crash_log == "f called g called h"


FULL = """
Package: pyyaml (PyPI)
Affected versions: < 5.4
Fixed in: 5.4
Tested version: 5.3.1
CWE: CWE-502, CWE-20
CVE: CVE-2020-14343
File: lib/yaml/constructor.py:658
Function: `construct()`
Severity: **high**
CVSS: CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H (9.8)
Exploitation: active
Public: yes
Introduced in: 9f8e7d6c5b4a
Fixed commit: 1234567890abcdef
Commit: abcdef1 and 7654321
Repository: <https://github.com/yaml/pyyaml>
Reported by: A. Finder
Contact: A. Finder <a@example.org>
Notify: all
Discovery: ai-discovered
Model: finder-large 2.1 (Northfold); small
Scaffold: seekloop 0.14
Attempts: 40 runs
Candidates: 3
Reviewed by: Ines Farrokh, both versions (35 minutes)
Tooling: Confidential
Duplicate search: OSV for PyYAML, 2 results
References:
- https://example.org/a
- https://example.org/b.

And then words go on here.
"""


def test_every_label_says_something_of_the_draft():
    draft = labels(FULL)
    assert (draft.software, draft.ecosystem) == ("pyyaml", "PyPI")
    assert (draft.affected_versions, draft.fixed_versions, draft.tested_version) == (
        ("< 5.4",),
        ("5.4",),
        "5.3.1",
    )
    assert draft.cwes == ("CWE-502, CWE-20",)
    assert draft.aliases == ("CVE-2020-14343",)
    assert draft.locations == (
        Location(file="lib/yaml/constructor.py", function="construct", line=658),
    )
    assert draft.severity == "high"
    assert draft.cvss_vectors == ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",)
    assert (draft.exploit_state, draft.already_public) == (ExploitState.ACTIVE, True)
    assert (draft.introduced_commit, draft.fixed_commit) == ("9f8e7d6c5b4a", "1234567890abcdef")
    assert draft.commits == ("abcdef1", "7654321")
    assert draft.repository == "https://github.com/yaml/pyyaml"
    assert [one.name for one in draft.credits] == ["A. Finder"]
    assert (draft.contact, draft.notify) == ("a@example.org", "all")
    assert draft.references == ("https://example.org/a", "https://example.org/b")
    provenance = draft.provenance
    assert provenance.discovery_method == "ai-discovered"
    assert provenance.models == (
        ModelUse(name="finder-large", version="2.1", vendor="Northfold"),
        ModelUse(name="small"),
    )
    assert (provenance.scaffold, provenance.scaffold_version) == ("seekloop", "0.14")
    assert (provenance.attempts, provenance.candidates) == (40, 3)
    assert provenance.human_review == (
        HumanReview(who="Ines Farrokh", what="both versions", minutes=35),
    )
    assert (provenance.confidentiality, provenance.tooling) == (Tooling.CONFIDENTIAL, None)
    assert provenance.duplicate_searches == (
        DuplicateSearch(where="OSV", query="PyYAML", result="2 results"),
    )


def test_labelled_lines_leave_the_description_and_the_rest_stays():
    assert read_words(FULL).description == "And then words go on here."


@pytest.mark.parametrize(
    ("line", "purl", "software", "ecosystem", "tested"),
    [
        ("Package: pkg:npm/%40babel/core@7.1", "pkg:npm/%40babel/core@7.1", None, None, None),
        ("Purl: `pkg:pypi/x`.", "pkg:pypi/x", None, None, None),
        ("Package: lodash on npm", None, "lodash", "npm", None),
        ("Package: npm: lodash", None, "lodash", "npm", None),
        ("Package: npm/lodash", None, "lodash", "npm", None),
        ("Package: PyPI package requests", None, "requests", "PyPI", None),
        ("Package: lodash@4.17.11 (npm)", None, "lodash", "npm", "4.17.11"),
        ("Package: requests 2.30.0", None, "requests", None, "2.30.0"),
        ("Package: Some Thing (internal)", None, "Some Thing (internal)", None, None),
        ("Package: aiohttp\nEcosystem: pip", None, "aiohttp", "pip", None),
        ("| Package | pyyaml |", None, "pyyaml", None, None),
        ("- **Package**: pyyaml", None, "pyyaml", None, None),
        ("## Package\n\npyyaml\n", None, "pyyaml", None, None),
        ("No package at all", None, None, None, None),
    ],
)
def test_a_package_is_understood_as_people_write_it(line, purl, software, ecosystem, tested):
    draft = labels(line)
    assert (draft.purl, draft.software, draft.ecosystem, draft.tested_version) == (
        purl,
        software,
        ecosystem,
        tested,
    )


@pytest.mark.parametrize(
    ("text", "state"),
    [
        (None, ExploitState.UNKNOWN),
        ("active", ExploitState.ACTIVE),
        ("exploited in the wild", ExploitState.ACTIVE),
        ("not exploited", ExploitState.UNKNOWN),
        ("demonstrated at a conference", ExploitState.DEMONSTRATED),
        ("PoC", ExploitState.POC),
        ("theoretical", ExploitState.THEORETICAL),
        ("who can say", ExploitState.UNKNOWN),
    ],
)
def test_exploitation_that_is_not_said_plainly_is_unknown(text, state):
    assert exploit_state(text) is state


@pytest.mark.parametrize(
    ("text", "expected"),
    [("no", False), ("not disclosed", False), ("yes, since May", True), ("perhaps", None)],
)
def test_whether_a_flaw_is_public_is_taken_only_from_a_plain_word(text, expected):
    assert labels(f"Already public: {text}").already_public is expected


def test_tooling_that_is_no_word_of_confidentiality_is_the_tooling():
    provenance = labels("Tooling: fuzz-o-matic 3").provenance
    assert (provenance.tooling, provenance.confidentiality) == ("fuzz-o-matic 3", Tooling.UNKNOWN)


def test_a_model_without_a_version_keeps_its_whole_name():
    assert model_of("very large model") == ModelUse(name="very large model")


def test_a_review_may_name_only_a_person_and_a_search_only_a_place():
    provenance = labels(
        "Reviewed by: Ann\nDuplicate search: tracker: cookies\nDuplicate search: OSV"
    ).provenance
    assert provenance.human_review == (HumanReview(who="Ann"),)
    assert provenance.duplicate_searches == (
        DuplicateSearch(where="tracker", query="cookies"),
        DuplicateSearch(where="OSV"),
    )


def test_a_bare_score_is_no_vector_but_a_broken_vector_is_judged_later():
    assert labels("CVSS: 9.8").cvss_vectors == ()
    assert labels("CVSS: AV:N/nonsense").cvss_vectors == ("AV:N/nonsense",)


def test_a_label_that_says_none_claims_no_id():
    assert labels("CVE: none yet").aliases == ()
    assert labels("ID: DSA-5000-1").aliases == ("DSA-5000-1",)


def test_an_introduced_version_is_no_commit():
    assert labels("Introduced in: 5.1").introduced_commit is None


def test_functions_and_lines_pair_with_files_in_order():
    draft = labels("File: a.py\nLine: 3\nFile: b.py\nFunction: f\nTested on: PyYAML 5.3.1")
    assert draft.locations == (Location(file="a.py", function="f", line=3), Location(file="b.py"))
    assert draft.tested_version == "5.3.1"


@pytest.mark.parametrize(
    ("text", "claimed", "mentioned"),
    [
        ("# Traversal (CVE-2024-23334)\n\nWords.", ("CVE-2024-23334",), None),
        ("Words about CVE-2024-23334 here.", ("CVE-2024-23334",), None),
        ("Similar to CVE-2024-23334 but in z.", (), ["CVE-2024-23334"]),
        ("# Bypass of CVE-2024-23334\n\nWords.", (), ["CVE-2024-23334"]),
        ("CVE-2024-23334 or perhaps CVE-2024-23335.", (), ["CVE-2024-23334", "CVE-2024-23335"]),
        ("CVE: CVE-2024-23334\n\nUnlike CVE-2020-1111.", ("CVE-2024-23334",), ["CVE-2020-1111"]),
        (
            "It began well. CVE-2024-23334 is it. This is another sentence.",
            ("CVE-2024-23334",),
            None,
        ),
    ],
)
def test_an_id_is_claimed_only_where_nothing_compares(text, claimed, mentioned):
    draft = read_words(text)
    assert draft.aliases == claimed
    assert draft.unknown.get(MENTIONED) == mentioned


def test_an_id_taken_from_prose_is_marked():
    assert [one.code for one in read_words("Words about CVE-2024-23334 here.").notices] == [
        "id_from_prose"
    ]


def test_a_description_field_is_cut_into_sections_and_its_labels_are_prose():
    draft = read_field("# T\n\nCVE: CVE-2020-1111\n\n### Impact\nBad.\n### PoC\n```\nx = 1\n```\n")
    assert draft.description.startswith("T\n\nCVE: CVE-2020-1111")
    assert (draft.title, draft.aliases, draft.impact) == (None, (), "Bad.")
    assert draft.attachments[0].kind is AttachmentKind.POC
    assert read_field(None) == Draft()


def test_words_fill_gaps_and_never_replace():
    draft = with_words(Draft(title="kept"), Draft(title="other", description="added"))
    assert (draft.title, draft.description) == ("kept", "added")


def test_front_matter_is_read_as_labels():
    assert read_words("---\nPackage: x (npm)\nSeverity: low\n---\n\nWords.\n").severity == "low"
