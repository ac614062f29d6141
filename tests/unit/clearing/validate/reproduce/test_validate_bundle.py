import pytest

from clearhouse.clearing.validate.reproduce.bundle import (
    BundleError,
    OracleKind,
    expectation,
    read_files,
    read_folder,
)
from clearhouse.clearing.validate.reproduce.patterns import UnsafePatternError, compile_pattern

GOOD = """\
format: clearhouse-bundle/1
target: pkg:pypi/pyyaml@5.3.1
fixed: 5.10
ids: [CVE-2020-14343]
weakness: CWE-502
requires: [pkg:pypi/six]
run: [python, poc.py]
oracle: {kind: output, match: ^VULN}
timeout_s: 40
expected: reproduced
"""


def bundle(manifest=GOOD, **files):
    return read_files(
        {"bundle.yaml": manifest.encode(), "poc.py": b"print(1)"}
        | {name.replace("__", "."): data for name, data in files.items()}
    )


def test_a_bundle_is_read_whole_and_versions_stay_text():
    found = bundle()
    assert found.fixed == "5.10"
    assert found.target.version == "5.3.1"
    assert found.oracle.kind is OracleKind.OUTPUT
    assert [one.name for one in found.requires] == ["six"]
    assert found.timeout_s == 40
    assert found.files == (("poc.py", b"print(1)"),)


def test_the_hash_changes_with_every_byte():
    assert bundle().sha256 != bundle(poc__py=b"print(2)").sha256
    assert bundle().sha256 == bundle().sha256


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("clearhouse-bundle/1", "clearhouse-bundle/9", "format"),
        ("pkg:pypi/pyyaml@5.3.1", "pyyaml", "target is not a package URL"),
        ("@5.3.1", "", "names no version"),
        ("[python, poc.py]", "python poc.py", "run is not a list"),
        ("[python, poc.py]", "[]", "run is not a list"),
        ("kind: output", "kind: vibes", "no known kind"),
        (", match: ^VULN", "", "needs match"),
        ("^VULN", "'('", "not a regular expression"),
        ("{kind: output, match: ^VULN}", "none", "oracle is missing"),
        ("timeout_s: 40", "timeout_s: 0", "timeout_s"),
        ("timeout_s: 40", "timeout_s: long", "timeout_s"),
        ("timeout_s: 40", "timeout_s: true", "timeout_s"),
        ("pkg:pypi/six", "six", "requires is not a package URL"),
        ("fixed: 5.10", "fixed: [1]", "fixed is not a version"),
        (
            "{kind: output, match: ^VULN}",
            "{kind: file-created, path: /etc/passwd}",
            "not below /tmp",
        ),
        ("{kind: output, match: ^VULN}", "{kind: growth}", "needs sizes"),
        ("format:", "- format:", "not"),
        (GOOD, "[]", "not a mapping"),
        (GOOD, "a: &a [x]\nb: *a\n", "not YAML"),
        (GOOD, "!!python/object/apply:os.system [id]", "not YAML"),
        (GOOD, "x" * 70_000, "larger"),
    ],
)
def test_a_bundle_that_cannot_be_used_says_why(old, new, reason):
    with pytest.raises(BundleError, match=reason):
        bundle(GOOD.replace(old, new))


def test_all_reasons_come_at_once():
    with pytest.raises(BundleError) as error:
        bundle(GOOD.replace("bundle/1", "bundle/2").replace("@5.3.1", ""))
    assert "format" in str(error.value)
    assert "version" in str(error.value)


@pytest.mark.parametrize("name", ["../x", "/etc/x", "a\\b"])
def test_a_file_name_that_leaves_the_bundle_is_refused(name):
    with pytest.raises(BundleError, match="leaves"):
        read_files({"bundle.yaml": GOOD.encode(), name: b""})


def test_too_many_or_too_large_files_are_refused():
    with pytest.raises(BundleError, match="more than 64"):
        read_files({"bundle.yaml": GOOD.encode()} | {f"f{n}": b"" for n in range(70)})
    with pytest.raises(BundleError, match="larger"):
        bundle(big=b"x" * (3 << 20))


def test_a_bundle_without_a_manifest_is_refused():
    with pytest.raises(BundleError, match=r"no bundle\.yaml"):
        read_files({"poc.py": b""})


def test_a_folder_reads_like_its_files(tmp_path):
    (tmp_path / "bundle.yaml").write_text(GOOD)
    (tmp_path / "poc.py").write_text("print(1)")
    (tmp_path / "data").mkdir()
    assert read_folder(tmp_path) == bundle()
    assert expectation(tmp_path) == "reproduced"


def test_links_in_a_folder_are_refused_and_never_followed(tmp_path):
    (tmp_path / "bundle.yaml").write_text(GOOD)
    (tmp_path / "poc.py").symlink_to("/etc/hostname")
    with pytest.raises(BundleError, match="link"):
        read_folder(tmp_path)


def test_a_folder_that_is_too_large_is_refused_before_it_is_read(tmp_path):
    (tmp_path / "big").write_bytes(b"x" * (3 << 20))
    with pytest.raises(BundleError, match="larger"):
        read_folder(tmp_path)
    for number in range(300):
        (tmp_path / f"a{number}").touch()
    with pytest.raises(BundleError, match="more than 64"):
        read_folder(tmp_path)


@pytest.mark.parametrize("pattern", ["^VULN", "a.*b", "[0-9]{1,3} ms$", "(?:a|b)+c?", "x{2}"])
def test_an_ordinary_pattern_is_taken(pattern):
    assert compile_pattern(pattern).pattern == pattern


@pytest.mark.parametrize(
    "pattern",
    ["(a+)+$", "(a*)*", "(?:.{1,9}){2,}", "(a)\\1", ".*.*.*.*x", "(?=a)", "(", "x" * 301],
)
def test_a_pattern_that_could_take_long_is_refused(pattern):
    with pytest.raises(UnsafePatternError):
        compile_pattern(pattern)
