import json

import pytest

from clearhouse.formats.ecosystems import demanded_type, ecosystem_name, package_of


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("pypi", "PyPI"),
        ("PIP", "PyPI"),
        ("npm", "npm"),
        ("NPM", "npm"),
        ("rust", "crates.io"),
        ("cargo", "crates.io"),
        ("golang", "Go"),
        ("RUBYGEMS", "RubyGems"),
        ("Debian:12", "Debian:12"),
        ("cocoapods", "cocoapods"),
        ("Hardware", "Hardware"),
        ("Debian:", None),
        ("Atlantis", None),
        ("", None),
    ],
)
def test_an_ecosystem_is_known_by_the_names_that_people_use(text, name):
    assert ecosystem_name(text) == name


@pytest.mark.parametrize(
    ("ecosystem", "kind"),
    [
        ("PyPI", "pypi"),
        ("pip", "pypi"),
        ("Ubuntu:22.04", "deb"),
        ("conda", "conda"),
        ("Linux", None),
    ]
    + [(name, None) for name in ("OSS-Fuzz", "Android", "GitHub Actions", "Hardware", "Atlantis")],
)
def test_an_ecosystem_demands_its_package_url_type_or_none(ecosystem, kind):
    assert demanded_type(ecosystem) == kind


@pytest.mark.parametrize(
    ("ecosystem", "name", "identity"),
    [
        ("pip", "PyYAML", "pkg:pypi/pyyaml"),
        ("npm", "@babel/traverse", "pkg:npm/%40babel/traverse"),
        ("Maven", "org.example:core", "pkg:maven/org.example/core"),
        ("Atlantis", "trident", None),
        ("Linux", "Kernel", None),
        ("npm", " ", None),
    ],
)
def test_a_package_named_in_the_ecosystems_own_way_gets_its_identity(ecosystem, name, identity):
    assert package_of(ecosystem, name) == identity


def test_every_ecosystem_of_the_osv_schema_is_known(suites):
    schema = json.loads((suites / "osv/validation/schema.json").read_text())
    for name in schema["$defs"]["ecosystemName"]["enum"]:
        assert ecosystem_name(name) == name
