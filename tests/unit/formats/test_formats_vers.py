import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearhouse.formats.vers import (
    MAX_CONSTRAINTS,
    MAX_VERSION_LENGTH,
    Constraint,
    VersError,
    build,
    compare,
    fault_of,
    ordered,
    parse,
    scheme_of,
)


@pytest.mark.parametrize(
    ("scheme", "version"),
    [
        ("pypi", "1.0"), ("pypi", "v1!2.0rc1.post3.dev1+local"), ("npm", "1.2.3"),
        ("npm", "1.0.0-beta.1+build"), ("golang", "v0.0.0-20200101000000-abcdef123456"),
        ("cargo", "0.1.0"), ("gem", "5.0.0.1"), ("gem", "1.0.pre"), ("nuget", "1.2.3.4-beta"),
        ("maven", "2.0-beta9"), ("deb", "1:1.2-3"), ("composer", "1.2"), ("swift", "1.0.0"),
    ],
)  # fmt: skip
def test_a_version_of_its_ecosystem_has_no_fault(scheme, version):
    assert fault_of(scheme, version) is None


@pytest.mark.parametrize(
    ("scheme", "version", "fault"),
    [
        ("npm", "1.2", "MAJOR.MINOR.PATCH"),
        ("npm", "1.2.03", "MAJOR.MINOR.PATCH"),
        ("npm", "latest", "MAJOR.MINOR.PATCH"),
        ("pypi", "1.0-beta-x", "PEP 440"),
        ("pypi", "", "empty"),
        ("pypi", "1" * (MAX_VERSION_LENGTH + 1), "longer"),
        ("npm", "1.2.3 ", "blanks"),
        ("npm", "1.2.3\n", "blanks"),
        ("pypi", "1.٣", "ASCII"),
        ("gem", "a.b", "dots"),
        ("nuget", "1.2.3.4.5", "four numbers"),
        ("maven", "1.0/../x", "Maven"),
        ("deb", "a b", "blanks"),
        ("apk", "01-x", "no version to apk"),
    ],
)
def test_a_text_that_cannot_be_a_release_is_told_why(scheme, version, fault):
    assert fault in fault_of(scheme, version)


def test_an_unknown_scheme_is_refused():
    for ask in (fault_of, ordered):
        with pytest.raises(VersError, match="unknown"):
            ask("klingon", "1.0")
    with pytest.raises(VersError, match="unknown"):
        parse("vers:all/*")


def test_a_package_type_has_a_versioning_scheme_or_none():
    assert scheme_of("npm") == "npm"
    assert scheme_of("swift") == "swift"
    assert scheme_of("docker") is None
    assert scheme_of("all") is None


def test_versions_compare_as_their_ecosystem_says():
    assert compare("pypi", "1.0rc1", "1.0") == -1
    assert compare("pypi", "1.0", "1.0.0") == 0
    assert compare("npm", "1.10.0", "1.9.0") == 1
    assert compare("deb", "1.0~rc1", "1.0") == -1


@pytest.mark.parametrize("version", ["", "not a version", "9" * 300])
def test_a_version_that_cannot_be_ordered_is_refused(version):
    with pytest.raises(VersError):
        ordered("pypi", version)


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("vers:pypi/*", "0.1 99", ""),
        ("vers:pypi/<5.4", "5.3.1 5.4rc1", "5.4 6"),
        ("vers:pypi/>=1.0|<2.0|>=3.0|<=3.5|4.0", "1.0 1.9 3.0 3.5 4.0 4.0.0", "0.9 2.0 3.6 4.1"),
        ("vers:pypi/>=1|!=1.5|<2", "1 1.4 1.6", "1.5 2 0.1"),
        ("vers:pypi/!=1.0", "0.9 1.1", "1.0"),
        ("vers:pypi/1.0|!=2.0", "1.0", "2.0 3.0"),
        ("vers:pypi/<1|>2", "0.5 3", "1 1.5 2"),
        ("vers:pypi/<1|>2|<3|>4", "0.1 2.5 5", "1 2 3 3.5 4"),
        ("vers:pypi/>1|<3|>=5", "2 5 6", "1 3 4"),
        ("vers:pypi/>=1|>=1.5|<2|<3", "1 1.2 2.5", "0.5 3"),
        ("vers:npm/>=2.0.0|<1.0.0", "0.1.0 2.0.0", "1.0.0 1.5.0"),
        ("VERS:NPM/ >=1.0.0 | <2.0.0 |", "1.0.0", "2.0.0"),
        ("vers:npm/1.0.0%2Bb1", "1.0.0+b1 1.0.0", "1.0.1 1.0.0-b1"),
    ],
)
def test_a_range_holds_exactly_its_versions(text, inside, outside):
    found = parse(text)
    assert [version for version in inside.split() if not found.contains(version)] == []
    assert [version for version in outside.split() if found.contains(version)] == []
    assert parse(str(found), canonical=True) == found


@pytest.mark.parametrize(
    "text",
    [
        "", "vers", "vers:npm", "vers:npm/", "vers:npm/|", "npm/1.0.0", "vers:klingon/1", "vers:klingon/*",
        "vers:npm/*|1.0.0", "vers:npm/>=", "vers:npm/banana", "vers:npm/1.0%2G0", "vers:pypi/1.0%2fx",
        "purl:npm/1.0.0", "vers:pypi/" + "|".join(f"1.{n}" for n in range(MAX_CONSTRAINTS + 1)),
    ],
)  # fmt: skip
def test_what_is_no_range_is_refused(text):
    with pytest.raises(VersError):
        parse(text)


def test_a_range_without_constraints_is_refused():
    with pytest.raises(VersError):
        build("npm", [])


@pytest.mark.parametrize(
    "text",
    [
        "vers:npm/>=1.0.0| <2.0.0",
        "vers:npm/|1.0.0",
        "vers:npm/>=2.0.0|<1.0.0",
        "vers:npm/1.0.0|1.0.0",
    ],
)
def test_the_canonical_reader_refuses_what_the_lenient_one_mends(text):
    parse(text)
    with pytest.raises(VersError):
        parse(text, canonical=True)


def test_a_refusal_never_repeats_the_input():
    for text in ("vers:SECRET/1", "vers:npm/SECRET", "SECRET", "vers:npm/SECRET%zz"):
        with pytest.raises(VersError) as caught:
            parse(text)
        assert "SECRET" not in str(caught.value)


@given(
    st.sampled_from(["npm", "pypi", "maven", "gem", "deb", "rpm", "nuget", "apk", "alpm", "conan",
                     "composer", "golang", "openssl", "nginx", "datetime", "intdot", "hex"]),
    st.text(alphabet="0123456789.-+~^:_vabrcdeTZ!é\x00 ", max_size=24),
)  # fmt: skip
def test_any_text_is_a_version_or_is_refused(scheme, text):
    fault_of(scheme, text)
    try:
        found = ordered(scheme, text)
    except VersError:
        return
    assert not found < found  # noqa: PLR0124  # an order never puts a thing before itself


@given(st.text(alphabet="vers:npmpypi/<>=!|*0123456789.% ", max_size=40))
def test_any_text_is_a_range_or_is_refused(text):
    for candidate in (text, "vers:npm/" + text, "vers:pypi/" + text):
        try:
            found = parse(candidate)
        except VersError:
            continue
        assert parse(str(found), canonical=True) == found


NUMBERS = st.integers(min_value=0, max_value=6)
BOUND = st.builds(
    Constraint,
    comparator=st.sampled_from(["<", "<=", ">", ">=", "=", "!="]),
    version=NUMBERS.map(str),
)


@given(st.lists(BOUND, min_size=1, max_size=6), NUMBERS)
def test_the_order_in_which_constraints_are_written_does_not_matter(bounds, number):
    """True where every version is stated once, as the standard asks."""
    unique = list({bound.version: bound for bound in bounds}.values())
    forwards, backwards = build("intdot", unique), build("intdot", unique[::-1])
    assert forwards == backwards
    assert forwards.contains(str(number)) == backwards.contains(str(number))
