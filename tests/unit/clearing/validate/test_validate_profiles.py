import pytest

from clearhouse.clearing.validate.profiles import ProfileError, read_profile

GOOD = """\
id: mine
version: 2
as_of: 2026-11-01
applies_to: ["pkg:pypi/Mine_Own"]
source: https://mine.example/security
repository: https://github.com/mine/mine
supported_versions: [">=5.0.0, <6.0.0"]
excluded_paths:
  - clause: test-code
    text: Tests are not shipped.
    globs: ["tests/**"]
clauses:
  - clause: misuse
    text: Misuse is a bug of the caller.
    source: https://mine.example/security#misuse
wants: [versions]
forbids: [cvss]
names:
  own: [mine_]
  dependencies:
    - {prefix: zz_, package: "pkg:deb/debian/zz"}
"""


def test_a_profile_is_read_whole():
    profile = read_profile("mine-2.yaml", GOOD)
    assert profile.name == "mine/2"
    assert profile.applies_to == ("pkg:pypi/mine-own",)
    assert [one.globs for one in profile.clauses] == [("tests/**",), ()]
    assert profile.cite(profile.clauses[1]) == "mine/2, https://mine.example/security#misuse"
    assert profile.cite(profile.clauses[0]) == "mine/2, https://mine.example/security"
    assert profile.names.is_own("mine_parse")
    assert profile.names.dependency("zz_open") == "pkg:deb/debian/zz"
    assert profile.names.dependency("yy_open") is None


def test_a_profile_needs_no_more_than_id_version_and_one_clause():
    text = "id: a\nversion: 1\nclauses:\n  - {clause: b, text: c}\n"
    profile = read_profile("a-1.yaml", text)
    assert not profile.names.is_own("anything")
    assert profile.source is None
    assert profile.cite(profile.clauses[0]) == "a/1"


@pytest.mark.parametrize(
    ("old", "new", "line", "reason"),
    [
        ("version: 2", "version: two", 2, "whole number"),
        ("version: 2\n", "", 1, "missing"),
        ("wants: [versions]", "wnats: [versions]", 16, "there is no field `wnats`"),
        ("wants: [versions]", "wants: versions", 16, "write a list"),
        ("wants: [versions]", "wants: [{a: b}]", 16, "each item is one text"),
        ("wants: [versions]", "wants: [versions", 17, "not YAML"),
        ("forbids: [cvss]", "forbids: [epss]", 17, "`epss` is not checked"),
        ("id: mine\n", "id: mine\nid: mine\n", 2, "twice"),
        ("id: mine\n", "id: [a]\n", 1, "one text"),
        ('    globs: ["tests/**"]\n', "", 9, "say which paths"),
        ("    text: Misuse is a bug of the caller.\n", "", 13, "missing"),
        ("    source: https://mine.example/security#misuse", "    globs: [a]", 15, "belong under"),
        (">=5.0.0, <6.0.0", "5.x", 7, "is no range"),
        ("pkg:pypi/Mine_Own", "pypi/mine", 4, "applies_to"),
        ("pkg:pypi/Mine_Own", "pkg:pypi/mine@1.0", 4, "leave the version out"),
        ("https://github.com/mine/mine", "git@github.com:mine/mine", 6, "https://"),
    ],
)
def test_a_profile_that_is_not_as_it_must_be_names_the_line(old, new, line, reason):
    assert old in GOOD
    with pytest.raises(ProfileError) as caught:
        read_profile("mine-2.yaml", GOOD.replace(old, new, 1))
    assert f"line {line}:" in str(caught.value)
    assert reason in str(caught.value)


@pytest.mark.parametrize("text", ["", "- a\n", "text"])
def test_what_is_no_mapping_is_refused(text):
    with pytest.raises(ProfileError, match="line 1"):
        read_profile("x.yaml", text)
