import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearhouse.clearing.validate.reproduce.unified_diff import (
    MAX_BYTES,
    PatchError,
    apply,
    difference,
    parse,
)

TREE = {"a/x.py": b"one\ntwo\nthree\n", "y": b"last"}
CHANGE = b"--- a/a/x.py\n+++ b/a/x.py\n@@ -1,3 +1,3 @@\n one\n-two\n+2\n three\n"


def test_a_patch_is_applied_where_it_stands():
    assert apply(parse(CHANGE), TREE)["a/x.py"] == b"one\n2\nthree\n"


def test_a_patch_that_would_fit_a_line_further_down_does_not_apply():
    moved = {"a/x.py": b"zero\n" + TREE["a/x.py"]}
    with pytest.raises(PatchError, match="differs at line 1"):
        apply(parse(CHANGE), moved)


def test_a_patch_whose_context_differs_in_one_blank_does_not_apply():
    with pytest.raises(PatchError, match="differs at line 1"):
        apply(parse(CHANGE), {"a/x.py": b"one \ntwo\nthree\n"})


def test_every_place_that_does_not_fit_is_named():
    more = CHANGE + b"--- a/none\n+++ b/none\n@@ -1 +1 @@\n-a\n+b\n"
    with pytest.raises(PatchError, match=r"x\.py differs at line 1; none is not there"):
        apply(parse(more), {"a/x.py": b""})


def test_files_are_made_and_removed():
    made = b"--- /dev/null\n+++ b/new\n@@ -0,0 +1 @@\n+text\n"
    gone = (
        b"--- a/y\t2020-01-01\n+++ /dev/null\n@@ -1 +0,0 @@\n-last\n\\ No newline at end of file\n"
    )
    assert apply(parse(made + gone), TREE) == {"a/x.py": TREE["a/x.py"], "new": b"text\n"}
    with pytest.raises(PatchError, match="is there already"):
        apply(parse(made), {"new": b""})


def test_an_empty_line_whose_blank_was_eaten_is_a_line_of_context():
    patch = b"--- a/z\n+++ b/z\n@@ -1,2 +1,3 @@\n\n two\n+three\n"
    assert apply(parse(patch), {"z": b"\ntwo\n"}) == {"z": b"\ntwo\nthree\n"}


@pytest.mark.parametrize(
    ("patch", "why"),
    [
        (b"nothing", "changes no file"),
        (b"x" * (MAX_BYTES + 1), "larger than"),
        (b"--- a/../../etc/x\n+++ b/../../etc/x\n@@ -1 +1 @@\n-a\n+b\n", "outside the source"),
        (b"--- /etc/x\n+++ /etc/x\n@@ -1 +1 @@\n-a\n+b\n", "outside the source"),
        (b"--- a/x\\y\n+++ b/x\\y\n@@ -1 +1 @@\n-a\n+b\n", "outside the source"),
        (b"--- a/x\n+++ b/y\n@@ -1 +1 @@\n-a\n+b\n", "two names"),
        (b"--- a/x\n+++ b/x\n", "without lines"),
        (b"--- a/x\n-- b/x\n", "without a name"),
        (b"--- a/x\n+++ b/x\n@@ -1,9 +1 @@\n-a\n+b\n", "line counts are wrong"),
        (b"--- a/x\n+++ b/x\n@@ -1,2 +1 @@\n-a\n+b\n+c\n+d\n", "line counts are wrong"),
        (b"new file mode 120000\n" + CHANGE, "makes a link"),
        (b"rename from x\n" + CHANGE, "renames a file"),
        (b"GIT binary patch\n" + CHANGE, "binary part"),
    ],
)
def test_a_patch_that_cannot_be_taken_says_why(patch, why):
    with pytest.raises(PatchError, match=why):
        parse(patch)


LINES = st.lists(st.sampled_from([b"a\n", b"b\n", b"\n", b"-- c\n", b"d"]), max_size=12)


@given(LINES, LINES)
def test_the_difference_of_two_trees_leads_from_one_to_the_other(before, after):
    old, new = b"".join(before), b"".join(after)
    if old == new:
        with pytest.raises(PatchError, match="do not differ"):
            difference({"f": old}, {"f": new}, ["f"])
    else:
        assert apply(parse(difference({"f": old}, {"f": new}, ["f"])), {"f": old}) == {"f": new}


def test_the_difference_makes_and_removes_files_and_misses_unknown_ones():
    made = difference({}, {"f": b"x\n"}, ["f"])
    assert apply(parse(made), {}) == {"f": b"x\n"}
    assert apply(parse(difference({"f": b"x"}, {}, ["f"])), {"f": b"x"}) == {}
    with pytest.raises(PatchError, match="g is in neither"):
        difference({}, {"f": b""}, ["g"])


@pytest.mark.skipif(shutil.which("patch") is None, reason="GNU patch is not installed")
def test_gnu_patch_agrees(tmp_path):
    old, new = {"a/x.py": b"1\n2\n3\n4\n5\n6\n7\n8\n9\n"}, {"a/x.py": b"1\n2\n3\n4\nfive\n6\n7\n9"}
    patch = difference(old, new, ["a/x.py"])
    place = tmp_path / "a" / "x.py"
    place.parent.mkdir()
    place.write_bytes(old["a/x.py"])
    subprocess.run(["patch", "-sp1", "-F0"], cwd=tmp_path, input=patch, check=True)
    assert place.read_bytes() == new["a/x.py"] == apply(parse(patch), old)["a/x.py"]
