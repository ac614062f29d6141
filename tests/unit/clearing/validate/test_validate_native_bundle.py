"""What the build part of a bundle may ask for."""

import copy

import pytest
import yaml

from clearhouse.clearing.validate.reproduce.bundle import BundleError
from clearhouse.clearing.validate.reproduce.native_bundle import (
    Recipe,
    Sanitizer,
    is_native,
    read_native,
    read_native_folder,
)

SHA = "a" * 64
MANIFEST = {
    "format": "clearhouse-bundle/1",
    "target": "pkg:deb/debian/cjson@1.7.15-1",
    "fixed": None,
    "build": {
        "recipe": "c",
        "sanitizer": "address",
        "sources": [{"file": "cjson_1.7.15.orig.tar.gz", "sha256": SHA}],
        "patches": ["debian/patches/one.patch"],
        "prepare": [["bison", "-d", "parser.y"]],
        "files": ["cJSON*.c"],
        "options": ["-Isrc", "-DNAME=1", "-lm"],
        "harness": "harness.c",
    },
    "run": ["program", "input.json"],
    "oracle": {"kind": "sanitizer", "match": "overflow"},
}
PYTHON = {
    **MANIFEST,
    "target": "pkg:pypi/ujson@5.0.0",
    "fixed": "5.2.0",
    "build": {
        "recipe": "python-extension",
        "sanitizer": "address",
        "sources": [{"file": "ujson-5.0.0.tar.gz", "sha256": SHA}],
        "fixed_sources": [{"file": "ujson-5.2.0.tar.gz", "sha256": SHA}],
    },
    "run": ["python", "proof.py"],
}


def files(manifest):
    data = yaml.safe_dump(manifest).encode()
    return {"bundle.yaml": data, "harness.c": b"", "input.json": b"", "proof.py": b""}


def changed(build=None, base=MANIFEST, **rest):
    manifest = copy.deepcopy(base) | rest
    manifest["build"] |= build or {}
    return files(manifest)


def refusal(given):
    with pytest.raises(BundleError) as error:
        read_native(given)
    return str(error.value)


def test_a_library_beside_a_harness_is_read():
    build = read_native(files(MANIFEST)).build
    assert (build.recipe, build.sanitizer, build.harness) == (
        Recipe.C,
        Sanitizer.ADDRESS,
        "harness.c",
    )
    assert build.prepare == (("bison", "-d", "parser.y"),)
    assert build.patches == ("debian/patches/one.patch",)


def test_two_versions_of_a_python_package_are_read():
    build = read_native(files(PYTHON)).build
    assert build.recipe is Recipe.PYTHON
    assert build.fixed_sources[0].file == "ujson-5.2.0.tar.gz"


def test_a_folder_says_whether_it_is_compiled(tmp_path):
    for name, data in files(MANIFEST).items():
        (tmp_path / name).write_bytes(data)
    assert is_native(tmp_path)
    assert read_native_folder(tmp_path).build.harness == "harness.c"
    plain = {key: value for key, value in MANIFEST.items() if key != "build"}
    (tmp_path / "bundle.yaml").write_text(yaml.safe_dump(plain))
    assert not is_native(tmp_path)
    with pytest.raises(BundleError, match="no build part"):
        read_native_folder(tmp_path)


@pytest.mark.parametrize(
    ("build", "words"),
    [
        ({"recipe": "make"}, "recipe"),
        ({"sanitizer": "thread"}, "sanitizer is none of"),
        ({"sources": []}, "names no sources"),
        ({"sources": [{"file": "../x.tar", "sha256": SHA}]}, "no file name"),
        ({"sources": [{"file": "x.tar", "sha256": "abc"}]}, "without its SHA-256"),
        ({"needs": ["x.whl"]}, "needs hold"),
        ({"companions": ["x.whl"]}, "companions hold"),
        ({"patches": ["../../etc/passwd"]}, "not files below debian/patches"),
        ({"patches": []}, "names either"),
        ({"fixed_sources": [{"file": "x.tar", "sha256": SHA}]}, "names either"),
        ({"files": []}, "files are not patterns"),
        ({"files": ["/etc/x.c"]}, "files are not patterns"),
        ({"files": ["a.c; touch b"]}, "files are not patterns"),
        ({"files": ["$(touch b)"]}, "files are not patterns"),
        ({"options": ["-fplugin=x.so"]}, "option that is not taken"),
        ({"options": ["-include"]}, "option that is not taken"),
        ({"options": ["-I../bundle"]}, "option that is not taken"),
        ({"options": ["-I/work/bundle"]}, "option that is not taken"),
        ({"options": ["-Dmalloc=f(x)"]}, "option that is not taken"),
        ({"options": ["@file"]}, "option that is not taken"),
        ({"prepare": [["sh", "-c", "id"]]}, "no generator"),
        ({"prepare": [["cp", "/work/bundle/x", "y"]]}, "no generator"),
        ({"prepare": ["bison"]}, "no generator"),
        ({"harness": "absent.c"}, "harness is not in the bundle"),
    ],
)
def test_what_a_build_may_not_ask_for_is_named(build, words):
    assert words in refusal(changed(build))


def test_a_compiled_target_needs_the_sanitizer_oracle():
    given = changed(oracle={"kind": "output", "match": "x"})
    assert "needs the sanitizer oracle" in refusal(given)


def test_a_compiled_target_runs_as_program():
    assert "run as `program`" in refusal(changed(run=["sh", "input.json"]))


def test_only_a_debian_package_is_built_without_one_of_its_patches():
    assert "only a Debian" in refusal(changed(target="pkg:pypi/cjson@1.0"))


def test_two_versions_must_both_be_named():
    assert "the fixed one is not named" in refusal(changed(base=PYTHON, fixed=None))


@pytest.mark.parametrize("run", [["sh", "proof.py"], ["python", "-c", "1"], ["python", "no.py"]])
def test_a_python_extension_is_run_by_one_file_of_the_bundle(run):
    assert refusal(changed(base=PYTHON, run=run))


def test_every_fault_is_named_at_once():
    words = refusal(changed({"recipe": "make", "sanitizer": "thread", "sources": []}))
    assert words.count(";") >= 2
