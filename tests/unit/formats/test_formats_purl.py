import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearhouse.formats.purl import (
    MAX_LENGTH,
    PurlError,
    build,
    ecosystem_of,
    identity,
    parse,
    purl_of,
)


@pytest.mark.parametrize(
    ("text", "package"),
    [
        ("pkg:PYPI/PyYAML@5.3.1", "pkg:pypi/pyyaml"),
        ("pkg:pypi/zope.interface@5.0", "pkg:pypi/zope-interface"),
        ("pkg:pypi/Foo__Bar?file_name=foo_bar-1.0.tar.gz", "pkg:pypi/foo-bar"),
        ("pkg:npm/%40angular/animation@12.3.1#lib", "pkg:npm/%40angular/animation"),
        ("pkg:npm/%40Angular/Animation", "pkg:npm/%40angular/animation"),
        ("pkg:npm/left-pad?repository_url=https://registry.npmjs.org/", "pkg:npm/left-pad"),
        ("pkg:pypi/x?repository_url=https://pypi.org/simple", "pkg:pypi/x"),
        (
            "pkg:npm/left-pad@1?repository_url=https://npm.example/r&arch=x",
            "pkg:npm/left-pad?repository_url=https:%2F%2Fnpm.example%2Fr",
        ),
        ("pkg:deb/debian/curl@7.50.3-1?arch=i386&distro=jessie", "pkg:deb/debian/curl"),
        ("pkg:golang/github.com/Foo/Bar@v1.2.3#api", "pkg:golang/github.com/Foo/Bar"),
    ],
)
def test_every_spelling_of_a_package_has_one_identity(text, package):
    assert identity(text) == package


@pytest.mark.parametrize(
    "text",
    [
        "",
        "left-pad",
        "pkg:npm",
        "pkg:npm/",
        "pkg:npm/@1.0",
        "http://npm/left-pad",
        "pkg:swift/Alamofire@5",
        "pkg:pypi/foo/bar",
        "pkg:cpan/URI::PackageURL",
        "pkg:julia/Dates",
        "pkg:chrome-extension/dogs",
        "pkg:chrome-extension/" + "a" * 32 + "@1.2-beta",
        "pkg:npm/x?a",
        "pkg:npm/" + "x" * MAX_LENGTH,
    ],
)
def test_what_is_no_package_url_is_refused(text):
    with pytest.raises(PurlError):
        parse(text)


def test_a_refusal_never_repeats_the_input():
    for text in ("SECRET", "pkg:npm/x?SECRET", "pkg:cpan/SECRET::X", "pkg:chrome-extension/SECRET"):
        with pytest.raises(PurlError) as caught:
            parse(text)
        assert "SECRET" not in str(caught.value)


def test_parts_that_make_no_package_url_are_refused():
    with pytest.raises(PurlError):
        build(type="npm", name="")


@pytest.mark.parametrize(
    ("ecosystem", "name", "purl"),
    [
        ("PyPI", "PyYAML", "pkg:pypi/pyyaml"),
        ("npm", "@babel/traverse", "pkg:npm/%40babel/traverse"),
        ("npm", "lodash", "pkg:npm/lodash"),
        (
            "Maven",
            "org.apache.logging.log4j:log4j-core",
            "pkg:maven/org.apache.logging.log4j/log4j-core",
        ),
        ("Maven:https://repo.example/", "a.b:c", "pkg:maven/a.b/c"),
        ("Go", "github.com/gogo/protobuf", "pkg:golang/github.com/gogo/protobuf"),
        ("Go", "stdlib", "pkg:golang/stdlib"),
        ("crates.io", "openssl", "pkg:cargo/openssl"),
        ("Packagist", "symfony/http-kernel", "pkg:composer/symfony/http-kernel"),
        ("RubyGems", "rails", "pkg:gem/rails"),
        ("Debian:12", "curl", "pkg:deb/debian/curl"),
        ("Alpine:v3.18", "openssl", "pkg:apk/alpine/openssl"),
        ("Ubuntu:22.04:LTS", "bash", "pkg:deb/ubuntu/bash"),
        ("OSS-Fuzz", "libpng", "pkg:generic/libpng"),
    ],
)
def test_a_name_of_osv_and_a_package_url_stand_for_each_other(ecosystem, name, purl):
    assert purl_of(ecosystem, name) == purl
    back = ecosystem_of(purl)
    assert back is None if ecosystem == "OSS-Fuzz" else purl_of(*back) == purl


def test_an_ecosystem_without_a_type_has_no_package_url():
    assert purl_of("Android", "platform/frameworks/base") is None
    assert purl_of("PyPI", "") is None
    assert ecosystem_of("pkg:docker/library/alpine") is None


def test_every_type_of_package_that_osv_names_is_found_again():
    assert ecosystem_of("pkg:maven/a.b/c@1.0") == ("Maven", "a.b:c")
    assert ecosystem_of("pkg:npm/%40babel/core@7") == ("npm", "@babel/core")
    assert ecosystem_of("pkg:rpm/redhat/kernel@5?arch=x86_64") == ("Red Hat", "kernel")


TEXT = st.text(alphabet="pkg:npypirubygems/@?#%40._-AZé =&", max_size=40)


@given(TEXT)
def test_any_text_is_canonical_after_one_step_or_refused(text):
    for candidate in (text, "pkg:npm/" + text, "pkg:pypi/" + text):
        try:
            canonical = str(parse(candidate))
        except PurlError:
            continue
        assert str(parse(canonical)) == canonical


@given(TEXT, st.text(alphabet="0123456789.", min_size=1, max_size=8))
def test_the_version_never_changes_the_identity(name, version):
    try:
        plain = build(type="npm", name=name)
        versioned = build(type="npm", name=name, version=version)
    except PurlError:
        return
    assert plain.identity == versioned.identity
    assert identity(plain.identity) == plain.identity
