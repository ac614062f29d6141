import json

import pytest

from clearhouse.clearing.validate.reproduce import history, releases
from clearhouse.clearing.validate.reproduce.bundle import BundleError
from clearhouse.clearing.validate.reproduce.history import span_of_folder, span_of_native
from clearhouse.clearing.validate.reproduce.native_bundle import read_native
from clearhouse.clearing.validate.reproduce.packages import BuildError
from clearhouse.clearing.validate.reproduce.releases import released_versions, source_of
from clearhouse.formats.purl import parse

PAGE = "".join(
    f'<a href="/files/{file}#sha256={number:064d}">{file}</a>'
    for number, file in enumerate(
        (
            "a_b-1.10.tar.gz",
            "a_b-1.9.tar.gz",
            "a_b-1.9-py3-none-any.whl",
            "A.B-2.0rc1.tar.gz",
            "a_b-2.0-cp311-cp311-linux_x86_64.whl",
            "a_b-extra-3.0.tar.gz",
            "readme.html",
        )
    )
)


@pytest.fixture
def registry(monkeypatch):
    """Answers in the place of the registries."""
    answers = {"a-b": PAGE.encode()}
    monkeypatch.setattr(
        releases, "read_url", lambda url, limit: answers.get(url.rstrip("/").split("/")[-1])
    )
    return answers


def test_versions_of_a_python_package_are_put_in_their_order_without_previews(registry):
    assert released_versions(parse("pkg:pypi/a-b")) == ("1.9", "1.10", "2.0")


def test_versions_of_a_node_package_come_from_its_document(registry):
    registry["left"] = json.dumps({"versions": {"1.10.0": {}, "1.9.0": {}, "2.0.0-b": {}}}).encode()
    assert released_versions(parse("pkg:npm/left")) == ("1.9.0", "1.10.0")


@pytest.mark.parametrize("purl", ["pkg:npm/none", "pkg:pypi/none", "pkg:deb/debian/x"])
def test_a_package_whose_versions_nobody_lists_is_said(registry, purl):
    with pytest.raises(BuildError):
        released_versions(parse(purl))


def test_a_document_that_lists_nothing_is_said(registry):
    registry["odd"] = b"[]"
    with pytest.raises(BuildError, match="lists no version"):
        released_versions(parse("pkg:npm/odd"))


def test_the_source_of_a_version_comes_with_the_digest_of_the_index(registry):
    found = source_of(parse("pkg:pypi/a-b"), "1.9")
    assert (found.file, found.sha256) == ("a_b-1.9.tar.gz", f"{1:064d}")
    with pytest.raises(BuildError, match=r"no source of version 2\.0"):
        source_of(parse("pkg:pypi/a-b"), "2.0")


MANIFEST = {
    "format": "clearhouse-bundle/1",
    "target": "pkg:pypi/a-b@1.9",
    "fixed": "2.0",
    "build": {
        "recipe": "python-extension",
        "sanitizer": "address",
        "sources": [{"file": "a_b-1.9.tar.gz", "sha256": "0" * 64}],
        "fixed_sources": [{"file": "a_b-2.0.tar.gz", "sha256": "1" * 64}],
    },
    "run": ["python", "p.py"],
    "oracle": {"kind": "sanitizer"},
}


def native(**changes):
    data = json.dumps(MANIFEST | changes).encode()
    return read_native({"bundle.yaml": data, "p.py": b""})


def test_a_compiled_package_is_built_from_the_published_source_of_every_version(
    registry, monkeypatch
):
    built = []

    def build(one, cache, side):
        built.append((one.build.sources[0].file, side.vulnerable))
        return one.build.sources[0].file

    monkeypatch.setattr(history, "build", build)
    monkeypatch.setattr(history, "shoot", lambda one, side: side)
    monkeypatch.setattr(history, "fired", lambda one, shot, side: "2.0" not in side)
    span = span_of_native(native(), ("1.8", "1.9", "1.10", "2.0"), None)
    assert (span.first, span.last, span.silent_after) == ("1.9", "1.10", "2.0")
    assert span.untried == ("1.8",)
    assert all(vulnerable for _, vulnerable in built)


def test_a_debian_package_has_no_span():
    part = {
        "recipe": "c",
        "sanitizer": "address",
        "sources": [{"file": "x.tar.gz", "sha256": "0" * 64}],
        "patches": ["debian/patches/x.patch"],
        "files": ["x.c"],
    }
    with pytest.raises(BundleError, match="not by version"):
        span_of_native(
            native(target="pkg:deb/debian/x@1", fixed=None, build=part, run=["program"]), (), None
        )


def test_the_bundle_of_a_folder_is_searched_over_what_the_registry_lists(
    registry, monkeypatch, tmp_path
):
    (tmp_path / "p.py").write_text("")
    (tmp_path / "bundle.yaml").write_text(json.dumps(MANIFEST))
    monkeypatch.setattr(history, "span_of_native", lambda one, versions, cache: versions)
    assert span_of_folder(tmp_path, None) == ("1.9", "1.10", "2.0")
    plain = {k: v for k, v in MANIFEST.items() if k != "build"}
    (tmp_path / "bundle.yaml").write_text(
        json.dumps(plain | {"oracle": {"kind": "exit-code", "code": 42}})
    )
    monkeypatch.setattr(history, "span_of", lambda one, versions, cache: versions[-1])
    assert span_of_folder(tmp_path, None) == "2.0"
