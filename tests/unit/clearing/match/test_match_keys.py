import hashlib

import pytest

from clearhouse.clearing.intake.record import Attachment, AttachmentKind, Draft, Location
from clearhouse.clearing.match.keys import exact_keys, is_stub, patch_id
from clearhouse.clearing.match.record import ExactKey, KeyKind

PATCH = b"""diff --git a/src/yaml/reader.py b/src/yaml/reader.py
index 1111111..2222222 100644
--- a/src/yaml/reader.py
+++ b/src/yaml/reader.py
@@ -10,3 +10,4 @@ def read(self, size):
     before
-    return self.buffer[self.pointer:size]
+    size = min(size, len(self.buffer))
+    return self.buffer[self.pointer:size]
     after
"""


def family(cwe):
    return {"CWE-121": "memory", "CWE-787": "memory"}.get(cwe, cwe)


def attached(data, kind):
    return Attachment(filename="f", content_type="text/plain", data=data, kind=kind)


def keys(**draft):
    return exact_keys(Draft(**draft), family=family)


def test_an_alias_becomes_an_upper_case_key_and_a_free_word_does_not():
    assert keys(aliases=("cve-2024-1", "see tracker")) == (
        ExactKey(kind=KeyKind.PUBLIC_ID, value="CVE-2024-1"),
    )


def test_aliases_of_one_flaw_become_one_key_when_the_world_knows_them():
    known = {"GHSA-AAAA-BBBB-CCCC": "CVE-2024-1"}
    found = exact_keys(
        Draft(aliases=("GHSA-aaaa-bbbb-cccc", "CVE-2024-1")),
        family=family,
        canonical_id=lambda name: known.get(name, name),
    )
    assert [key.value for key in found] == ["CVE-2024-1"]


def test_a_proof_of_concept_is_known_by_its_bytes():
    poc = bytes(range(80))
    assert keys(attachments=(attached(poc, AttachmentKind.POC),)) == (
        ExactKey(kind=KeyKind.POC, value=hashlib.sha256(poc).hexdigest()),
    )


@pytest.mark.parametrize("data", [b"", b"curl http://localhost/", b"A" * 5000, b" " * 400 + b"x"])
def test_a_stub_identifies_nothing(data):
    assert is_stub(data)
    assert keys(attachments=(attached(data, AttachmentKind.POC),)) == ()


def test_a_threat_model_shared_by_all_reports_of_a_project_is_no_key():
    assert keys(attachments=(attached(bytes(range(99)), AttachmentKind.THREAT_MODEL),)) == ()


def test_a_patch_keeps_its_id_when_it_is_moved_indented_and_made_in_another_folder():
    moved = PATCH.replace(b"@@ -10,3 +10,4 @@", b"@@ -210,3 +230,4 @@ class Reader:")
    moved = moved.replace(b"a/src/yaml/", b"old/").replace(b"b/src/yaml/", b"new/lib/")
    moved = moved.replace(b"    size = min(", b"\tsize  =  min(").replace(b"     before\n", b" x\n")
    assert moved != PATCH
    assert patch_id(moved) == patch_id(PATCH) is not None


def test_a_patch_of_two_files_keeps_its_id_when_the_files_change_places():
    other = PATCH.replace(b"reader.py", b"scanner.py").replace(b"pointer", b"index")
    assert patch_id(PATCH + other) == patch_id(other + PATCH) != patch_id(PATCH)


def test_another_change_has_another_id():
    assert patch_id(PATCH.replace(b"min(", b"max(")) != patch_id(PATCH)
    assert patch_id(PATCH.replace(b"reader.py", b"other.py")) != patch_id(PATCH)


def test_a_removed_line_that_looks_like_a_header_stays_content():
    sql = b"--- a/q.sql\n+++ b/q.sql\n@@ -1,2 +1,1 @@\n--- b/another/file name here to go away\n keep\n"
    assert patch_id(sql) is not None
    assert patch_id(sql) != patch_id(sql.replace(b"to go away", b"to go along"))


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"no patch at all",
        b"--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n",
        b"@@ broken @@\n+" + b"x" * 99,
    ],
)
def test_a_patch_that_changes_next_to_nothing_has_no_id(text):
    assert patch_id(text) is None


def test_a_new_file_is_named_by_its_new_name():
    new = b"--- /dev/null\n+++ b/lib/guard.c\n@@ -0,0 +1,2 @@\n+int guard(size_t n) { return n < 4096; }\n+/* */\n"
    assert patch_id(new) == patch_id(new.replace(b"b/lib/guard.c", b"c/guard.c")) is not None


def test_a_place_counts_only_with_file_function_and_family():
    place = Location(file="./lib/a.c", function="parse")
    assert keys(locations=(place,), cwes=("CWE-787", "CWE-121")) == (
        ExactKey(kind=KeyKind.PLACE, value="lib/a.c#parse#memory"),
    )
    assert keys(locations=(place,)) == ()
    assert keys(locations=(Location(file="lib/a.c"),), cwes=("CWE-787",)) == ()


def test_a_crash_signature_is_a_key():
    found = exact_keys(Draft(), family=family, crash="heap-overflow|parse|read")
    assert found == (ExactKey(kind=KeyKind.CRASH, value="heap-overflow|parse|read"),)


def test_ids_files_and_patches_prove_and_places_and_crashes_only_nominate():
    assert {kind for kind in KeyKind if kind.proves} == {
        KeyKind.PUBLIC_ID,
        KeyKind.POC,
        KeyKind.PATCH,
    }


def test_a_whole_commit_is_a_key_by_what_it_did():
    commit = "5CA1AB1E0DDBA11CAFE5CA1AB1E0DDBA11CAFE12"
    (brought,) = keys(introduced_commit=commit)
    (fixed,) = keys(fixed_commit=commit)
    assert brought.kind is fixed.kind is KeyKind.COMMIT
    assert brought != fixed
    assert keys(fixed_commit="5ca1ab1", introduced_commit="HEAD") == ()
