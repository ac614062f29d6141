from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from clearhouse.clearing.deconflict.known import (
    AffectedPackage,
    Known,
    KnownVulnerability,
    Releases,
)
from clearhouse.clearing.intake.record import Attachment, AttachmentKind, Draft, Location
from clearhouse.clearing.validate.record import (
    Claim,
    ClaimResult,
    InputHash,
    Level,
    VerdictKind,
)
from clearhouse.clearing.validate.rules import RULES, check_claims, decide

NOW = datetime(2026, 11, 23, tzinfo=UTC)
YAML = "pkg:pypi/pyyaml"
KNOWN = Known(
    vulnerabilities=(
        KnownVulnerability(
            id="GHSA-8q59-q68h-6hv4",
            aliases=("CVE-2020-14343",),
            packages=(AffectedPackage(purl=YAML, affected="vers:pypi/<5.4", fixed=("5.4",)),),
            summary="Improper Input Validation in the full_load constructor",
            details="Processing untrusted YAML through full_load or FullLoader executes code by "
            "abusing the python/object/new constructor.",
            cwes=("CWE-502",),
        ),
        KnownVulnerability(
            id="GHSA-p6mc-m468-83gw",
            aliases=("CVE-2020-8203",),
            packages=(AffectedPackage(purl="pkg:npm/lodash", affected="vers:npm/<4.17.19"),),
            summary="Prototype pollution in zipObjectDeep",
            cwes=("CWE-1321",),
            withdrawn=datetime(2022, 1, 1, tzinfo=UTC),
        ),
    ),
    release_lists={
        YAML: Releases(versions=("5.3", "5.3.1", "5.4", "6.0", "6.0.1", "odd"), as_of=NOW),
        "pkg:pypi/requests": Releases(versions=("2.31.0",), as_of=NOW),
    },
)
GENUINE = Draft(
    title="PyYAML full_load runs code from a document",
    description="yaml.full_load builds any object through python/object/new.",
    purl=YAML,
    ecosystem="PyPI",
    affected_versions=("<5.4",),
    fixed_versions=("5.4",),
    tested_version="5.3.1",
    cwes=("CWE-502",),
    aliases=("CVE-2020-14343", "GHSA-8q59-q68h-6hv4"),
    severity="critical",
    cvss_vectors=("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",),
    locations=(Location(file="lib/yaml/constructor.py", function="find_python_name", line=9),),
    attachments=(
        Attachment(
            filename="poc.py", content_type="text/plain", data=b"x", kind=AttachmentKind.POC
        ),
    ),
)


def verdict(**changes):
    draft = replace(GENUINE, **changes)
    return decide(draft, check_claims(draft, KNOWN, NOW), decided_at=NOW)


def answers(claim, *, now=NOW, **changes):
    draft = replace(GENUINE, **changes)
    return [one for one in check_claims(draft, KNOWN, now) if one.claim is claim]


def results(claim, *, now=NOW, **changes):
    return {one.result for one in answers(claim, now=now, **changes)}


def test_a_genuine_report_is_not_contradicted_and_says_what_is_open():
    found = verdict()
    assert found.contradicted == ()
    assert found.kind is VerdictKind.NOT_ATTEMPTED
    assert found.level is Level.E0
    assert found.rules == RULES
    assert any("running the attached proof" in line for line in found.not_established)
    assert any("cited functions" in line for line in found.not_established)


def test_inputs_are_kept_with_the_verdict():
    hashed = InputHash(name="report", sha256="0" * 64)
    assert decide(GENUINE, (), decided_at=NOW, inputs=(hashed,)).inputs == (hashed,)


def test_a_report_without_a_package_reaches_no_level():
    found = verdict(purl=None, software="something")
    assert found.level is None
    assert "which package" in found.not_established[0]


@pytest.mark.parametrize("purl", ["pypi/pyyaml", "pkg:pypi"])
def test_a_broken_package_url_is_no_contradiction(purl):
    found = verdict(purl=purl)
    assert found.level is None
    assert found.kind is VerdictKind.NOT_ATTEMPTED


def test_a_package_that_local_knowledge_lacks_is_uncheckable():
    assert results(Claim.TARGET, purl="pkg:pypi/unheard-of") == {ClaimResult.UNCHECKABLE}
    assert results(Claim.VERSION, purl="pkg:pypi/unheard-of") == {ClaimResult.UNCHECKABLE}


def test_a_report_without_places_says_so():
    assert any("any place" in line for line in verdict(locations=()).not_established)


def test_a_report_without_a_proof_of_concept_says_so():
    assert any("no proof of concept" in line for line in verdict(attachments=()).not_established)


# versions


def test_a_version_above_every_release_is_contradicted():
    found = verdict(tested_version="7.2.1", affected_versions=())
    assert found.kind is VerdictKind.CONTRADICTED
    assert "the newest is 6.0.1" in found.reason


def test_an_old_list_does_not_deny_a_slightly_higher_version():
    later = NOW + timedelta(days=200)
    slightly = {"tested_version": "6.1", "affected_versions": (), "fixed_versions": ()}
    assert results(Claim.VERSION, now=later, **slightly) == {ClaimResult.UNCHECKABLE}
    assert results(Claim.VERSION, **slightly) == {ClaimResult.CONTRADICTED}


def test_even_an_old_list_denies_a_version_far_above():
    later = NOW + timedelta(days=200)
    far = {"tested_version": "19.4", "affected_versions": (), "fixed_versions": ()}
    assert results(Claim.VERSION, now=later, **far) == {ClaimResult.CONTRADICTED}


def test_a_gap_in_the_list_is_uncheckable_and_names_the_neighbours():
    (answer,) = answers(
        Claim.VERSION, tested_version="5.3.9", affected_versions=(), fixed_versions=()
    )
    assert answer.result is ClaimResult.UNCHECKABLE
    assert "5.3.1 and 5.4" in answer.reason


def test_a_version_below_everything_names_its_only_neighbour():
    (answer,) = answers(
        Claim.VERSION, tested_version="0.1", affected_versions=(), fixed_versions=()
    )
    assert "Nearest: 5.3" in answer.reason


def test_a_fix_planned_for_a_later_version_is_uncheckable():
    assert ClaimResult.CONTRADICTED not in results(Claim.VERSION, fixed_versions=("6.0.2",))


@pytest.mark.parametrize("text", ["5.3 to 5.4 or so", "5.x"])
def test_a_version_in_unreadable_notation_is_uncheckable(text):
    assert results(Claim.VERSION, tested_version=text, affected_versions=(), fixed_versions=()) == {
        ClaimResult.UNCHECKABLE
    }


def test_a_range_above_every_release_is_contradicted():
    found = answers(
        Claim.VERSION_RANGE,
        affected_versions=(">=8.0, <8.4",),
        fixed_versions=("8.4",),
        tested_version=None,
    )
    assert [one.result for one in found] == [ClaimResult.CONTRADICTED]


def test_a_readable_range_counts_the_releases_inside():
    (answer,) = answers(
        Claim.VERSION_RANGE, tested_version=None, fixed_versions=(), affected_versions=("<5.4",)
    )
    assert answer.reason == "Holds 2 released versions."


# versions against each other


def test_testing_a_version_outside_the_affected_range_is_contradicted():
    assert ClaimResult.CONTRADICTED in results(Claim.VERSION_RANGE, tested_version="6.0")


def test_testing_a_version_missing_from_a_list_is_uncheckable():
    assert results(
        Claim.VERSION_RANGE,
        affected_versions=("5.3.1",),
        tested_version="5.3",
        fixed_versions=(),
    ) == {ClaimResult.UNCHECKABLE}


def test_an_unreadable_range_beside_a_readable_one_leaves_doubt():
    assert ClaimResult.CONTRADICTED not in results(
        Claim.VERSION_RANGE, affected_versions=("<5.3", "5.x"), tested_version="5.3.1"
    )


def test_testing_the_fixed_version_is_contradicted_unless_it_is_said_to_be_affected():
    changed = {"tested_version": "5.4", "fixed_versions": ("5.4",)}
    assert ClaimResult.CONTRADICTED in results(
        Claim.VERSION_RANGE, affected_versions=("5.3.1",), **changed
    )
    assert ClaimResult.CONTRADICTED not in results(
        Claim.VERSION_RANGE, affected_versions=("<=5.4",), **changed
    )


def test_a_fix_below_the_first_affected_version_is_contradicted():
    assert ClaimResult.CONTRADICTED in results(
        Claim.VERSION_RANGE,
        affected_versions=(">=5.4, <6.0.1",),
        fixed_versions=("5.3",),
        tested_version=None,
    )


def test_fixes_of_several_branches_are_no_contradiction():
    assert ClaimResult.CONTRADICTED not in results(
        Claim.VERSION_RANGE,
        affected_versions=("<5.3.1", ">=5.4, <6.0"),
        fixed_versions=("5.3.1", "6.0"),
        tested_version="5.3",
    )


# ids


@pytest.mark.parametrize(
    "name",
    [
        "CVE-2029-1234",
        "CVE-1997-1234",
        "CVE-2024-123",
        "GHSA-aaaa-bbbb-cccc",
        "GHSA-8q59-q68h",
        "PYSEC-2031-4",
    ],
)
def test_an_id_that_nobody_can_have_assigned_is_contradicted(name):
    assert results(Claim.IDENTIFIER, aliases=(name,)) == {ClaimResult.CONTRADICTED}


@pytest.mark.parametrize(
    "name", ["CVE-2026-99999", "GHSA-2222-3333-4444", "PYSEC-2021-9", "CVE-PENDING", "INTERNAL-7"]
)
def test_an_id_that_local_data_lacks_is_uncheckable(name):
    assert results(Claim.IDENTIFIER, aliases=(name,)) == {ClaimResult.UNCHECKABLE}


def test_next_years_ids_are_reserved_in_december():
    december = datetime(2026, 12, 20, tzinfo=UTC)
    assert results(Claim.IDENTIFIER, aliases=("CVE-2027-1234",), now=december) == {
        ClaimResult.UNCHECKABLE
    }
    assert results(Claim.IDENTIFIER, aliases=("CVE-2027-1234",)) == {ClaimResult.CONTRADICTED}


def test_the_id_of_another_package_is_contradicted():
    found = verdict(aliases=("CVE-2020-8203",))
    assert found.kind is VerdictKind.CONTRADICTED
    assert "another package: pkg:npm/lodash" in found.reason


def test_a_known_id_with_another_flaws_description_is_contradicted():
    (answer,) = answers(
        Claim.IDENTIFIER_SUBJECT,
        aliases=("CVE-2020-14343",),
        title="PyYAML emitter leaks uninitialised heap bytes",
        description="The libyaml emitter copies stale bytes of anchors into its buffer.",
        cwes=("CWE-908",),
        locations=(Location(function="analyze_anchor"),),
    )
    assert answer.result is ClaimResult.CONTRADICTED
    assert "CWE-502" in answer.reason


def test_another_weakness_in_the_same_place_leaves_doubt():
    assert results(
        Claim.IDENTIFIER_SUBJECT,
        aliases=("CVE-2020-14343",),
        cwes=("CWE-787",),
        locations=(Location(function="full_load"),),
    ) == {ClaimResult.UNCHECKABLE}


def test_a_withdrawn_id_says_so():
    (answer,) = answers(Claim.IDENTIFIER, purl="pkg:npm/lodash", aliases=("CVE-2020-8203",))
    assert "withdrawn on 2022-01-01" in answer.reason


def test_an_id_cannot_be_compared_without_a_package():
    assert results(Claim.IDENTIFIER_SUBJECT, purl=None) == {ClaimResult.UNCHECKABLE}


# commits


@pytest.mark.parametrize(
    "commit",
    [
        "g" * 40,
        "0123456789abcdef0123456789abcdef01234567",
        "a1b2c3d4e5f6a7b8c9d0e1f2a3b4c5d6e7f8a9b0",
        "1a2b3c4d5e6f7a8b9c0d1e2f3a4b5c6d7e8f9a0b",
        "deadbeefdeadbeefdeadbeefdeadbeefdeadbeef",
        "fedcba9876543210fedc",
        "a" * 65,
    ],
)
def test_a_name_that_git_cannot_give_is_contradicted(commit):
    assert results(Claim.COMMIT, fixed_commit=commit) == {ClaimResult.CONTRADICTED}


@pytest.mark.parametrize(
    "commit", ["7f88dfa", "v5.4", "main", "8aadd3c8a1d8bf1bd5dbeb3c1d9c6b1b1a2b3c4d", "deadbee"]
)
def test_a_possible_commit_waits_for_the_repository(commit):
    assert results(Claim.COMMIT, commits=(commit,)) == {ClaimResult.UNCHECKABLE}


def test_one_commit_cannot_introduce_and_fix():
    assert ClaimResult.CONTRADICTED in results(
        Claim.COMMIT, introduced_commit="7f88dfa", fixed_commit="7f88dfa"
    )


# the package that the text speaks of


def test_a_text_about_another_package_is_contradicted():
    (answer,) = answers(
        Claim.PACKAGE_NAMED,
        title="Proxy credentials leak on redirect",
        description="pip install requests==2.30.0 and follow a redirect.",
        locations=(),
    )
    assert answer.result is ClaimResult.CONTRADICTED
    assert "pkg:pypi/requests" in answer.reason


def test_a_text_that_names_no_package_is_uncheckable():
    assert results(
        Claim.PACKAGE_NAMED, title="Crash", description="It sends requests.", locations=()
    ) == {ClaimResult.UNCHECKABLE}


def test_a_report_without_words_gets_no_answer_about_them():
    assert answers(Claim.PACKAGE_NAMED, title=None, description=None) == []


# severity


def test_a_vector_without_impact_contradicts_code_execution():
    assert ClaimResult.CONTRADICTED in results(
        Claim.SEVERITY,
        title="Remote code execution in PyYAML",
        severity=None,
        cvss_vectors=("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N",),
    )


@pytest.mark.parametrize(
    ("word", "result"),
    [
        ("critical", ClaimResult.CONTRADICTED),
        ("moderate", ClaimResult.UNCHECKABLE),
        ("low", ClaimResult.HOLDS),
        (None, ClaimResult.UNCHECKABLE),
        ("spicy", ClaimResult.UNCHECKABLE),
    ],
)
def test_a_severity_contradicts_its_vector_only_at_the_other_end_of_the_scale(word, result):
    vector = "CVSS:3.1/AV:L/AC:H/PR:H/UI:R/S:U/C:L/I:N/A:N"
    assert results(Claim.SEVERITY, severity=word, cvss_vectors=(vector,)) == {result}


@pytest.mark.parametrize("vector", ["CVSS:3.1/AV:Q", "CVSS:4.0/AV:N", "AV:N/AC:L/Au:N/C:P/I:P/A:P"])
def test_a_vector_that_cannot_be_scored_is_uncheckable(vector):
    assert results(Claim.SEVERITY, cvss_vectors=(vector,)) == {ClaimResult.UNCHECKABLE}


def test_a_vector_of_version_4_is_rated():
    vector = "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:H/SI:H/SA:H"
    assert results(Claim.SEVERITY, severity="critical", cvss_vectors=(vector,)) == {
        ClaimResult.HOLDS
    }


# crash logs

ASAN = """\
==7==ERROR: AddressSanitizer: heap-buffer-overflow on address 0x602000000014 at pc 0x55
READ of size 1 at 0x602000000014 thread T0
    #0 0x55 in parse /src/parser.c:12
0x602000000014 is located 0 bytes to the right of 4-byte region [0x602000000010,0x602000000014)
SUMMARY: AddressSanitizer: heap-buffer-overflow /src/parser.c:12 in parse
"""


def test_a_sanitizer_report_that_agrees_with_itself_holds():
    assert results(Claim.CRASH_LOG, crash_log=ASAN) == {ClaimResult.HOLDS}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("4-byte region", "16-byte region"),
        ("located 0 bytes", "located 5 bytes"),
        ("0 bytes to the right of", "3 bytes to the left of"),
        ("0 bytes to the right of", "9 bytes inside of"),
        ("SUMMARY: AddressSanitizer: heap-buffer-overflow", "SUMMARY: AddressSanitizer: heap-use"),
    ],
)
def test_a_sanitizer_report_whose_numbers_do_not_fit_is_contradicted(old, new):
    assert ClaimResult.CONTRADICTED in results(Claim.CRASH_LOG, crash_log=ASAN.replace(old, new))


def test_a_memory_error_in_the_log_contradicts_a_weakness_of_another_family():
    assert results(Claim.WEAKNESS, crash_log=ASAN, cwes=("CWE-79",)) == {ClaimResult.CONTRADICTED}
    assert results(Claim.WEAKNESS, crash_log=ASAN, cwes=("CWE-125",)) == {ClaimResult.HOLDS}
    assert answers(Claim.WEAKNESS, crash_log=ASAN, cwes=()) == []


TRACE = 'Traceback (most recent call last):\n  File "/v/site-packages/{}", line 3, in f\nKeyError'


@pytest.mark.parametrize(
    ("path", "result"),
    [
        ("yaml/constructor.py", ClaimResult.HOLDS),
        ("requests/sessions.py", ClaimResult.CONTRADICTED),
    ],
)
def test_frames_say_which_package_they_are_in(path, result):
    log = TRACE.format(path)
    assert results(Claim.FRAME, crash_log=log, title="A crash", description="x") == {result}


def test_frames_of_another_package_that_the_text_explains_leave_doubt():
    assert results(
        Claim.FRAME,
        crash_log=TRACE.format("requests/sessions.py"),
        description="Seen through requests.",
    ) == {ClaimResult.UNCHECKABLE}


def test_frames_without_packages_are_uncheckable():
    assert results(Claim.FRAME, crash_log=ASAN) == {ClaimResult.UNCHECKABLE}
    assert answers(Claim.FRAME, crash_log="it crashed") == []


def test_a_python_traceback_has_no_line_zero():
    log = '  File "x.py", line 0, in f'
    assert ClaimResult.CONTRADICTED in results(Claim.CRASH_LOG, crash_log=log)


def test_long_subjects_are_cut():
    (answer, *_) = answers(Claim.SNIPPET, locations=(Location(snippet="x" * 500),))
    assert len(answer.subject) == 200


def test_every_level_says_what_it_takes():
    assert [level.label for level in Level][:2] == ["claimed", "consistent"]
    assert all(level.gate for level in Level)
