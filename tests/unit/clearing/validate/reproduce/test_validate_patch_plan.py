import json

import pytest

from clearhouse.clearing.validate.reproduce.bundle import BundleError, read_files

ARCHIVE = {"file": "x-1.0.tar.gz", "sha256": "0" * 64}
OTHER = {"file": "x-1.1.tar.gz", "sha256": "1" * 64}
CHECK = {"run": ["python", "-m", "unittest", "t"], "files": ["t.py"], "needs": ["pkg:pypi/pytest"]}


def read(**patch):
    manifest = {
        "format": "clearhouse-bundle/1",
        "target": "pkg:pypi/x@1.0",
        "fixed": "1.1",
        "run": ["python", "p.py"],
        "oracle": {"kind": "exit-code", "code": 42},
        "patch": patch or None,
    }
    data = json.dumps(manifest).encode()
    return read_files({"bundle.yaml": data, "p.py": b"", "t.py": b"", "fix.diff": b""}).patch


def test_a_bundle_without_a_patch_has_no_plan():
    assert read() is None


def test_a_patch_is_a_file_of_the_bundle_or_a_rule():
    plan = read(source=ARCHIVE, diff="fix.diff", base=1.0)
    assert (plan.diff, plan.difference, plan.base) == ("fix.diff", None, "1.0")
    plan = read(source=ARCHIVE, difference={"with": OTHER, "files": ["a.py"]}, tests=CHECK)
    assert (plan.diff, plan.difference.files) == (None, ("a.py",))
    assert (plan.source.file, plan.difference.archive.file) == ("x-1.0.tar.gz", "x-1.1.tar.gz")
    assert (plan.tests.run[0], plan.tests.needs[0].name) == ("python", "pytest")
    assert plan.regression is None


@pytest.mark.parametrize(
    ("patch", "why"),
    [
        ({"source": {"file": "../x", "sha256": "1"}}, "no file name.*without its SHA-256"),
        ({"diff": "none.diff"}, "diff is not in the bundle"),
        ({"difference": {"with": ARCHIVE, "files": ["../x"]}}, "no files inside"),
        ({"difference": {"with": ARCHIVE}}, "no files inside"),
        ({"difference": "x"}, "no file name"),
        ({"diff": "fix.diff", "difference": {"with": ARCHIVE, "files": ["a"]}}, "both a diff"),
        ({"tests": {"run": ["sh", "-c", "x"]}}, "tests is not run by"),
        ({"tests": "make test"}, "tests is not a mapping"),
        ({"tests": CHECK | {"path": ["/etc"]}}, "outside the source"),
        ({"tests": CHECK | {"needs": ["pytest"]}}, "no package URL"),
        ({"regression": CHECK | {"files": ["u.py"]}}, "a file that is not in the bundle"),
    ],
)
def test_a_patch_part_that_cannot_be_used_says_why(patch, why):
    with pytest.raises(BundleError, match=why):
        read(**patch)


def test_a_patch_part_that_is_no_mapping_is_refused():
    manifest = b"format: clearhouse-bundle/1\ntarget: pkg:pypi/x@1\nfixed: '2'\npatch: yes\n"
    with pytest.raises(BundleError, match="patch is not a mapping"):
        read_files({"bundle.yaml": manifest})
