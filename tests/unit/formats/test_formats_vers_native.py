import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearhouse.formats.vers import VersError
from clearhouse.formats.vers_native import (
    MAX_NATIVE_LENGTH,
    from_comparators,
    from_native,
    from_osv,
)


@pytest.mark.parametrize(
    ("ranges", "versions", "expected"),
    [
        ([[("introduced", "0"), ("fixed", "5.4")]], [], "vers:pypi/<5.4"),
        ([[("introduced", "0")]], [], "vers:pypi/*"),
        ([[("introduced", "1.0"), ("last_affected", "2.0")]], [], "vers:pypi/>=1.0|<=2.0"),
        ([[("introduced", "1.0"), ("limit", "2.0")]], [], "vers:pypi/>=1.0|<2.0"),
        (
            [[("introduced", "3"), ("fixed", "2"), ("fixed", "4"), ("introduced", "1")]],
            [],
            "vers:pypi/>=1|<2|>=3|<4",
        ),
        (
            [[("introduced", "1"), ("fixed", "3")], [("introduced", "2"), ("fixed", "4")]],
            [],
            "vers:pypi/>=1|<4",
        ),
        ([[("introduced", "1"), ("introduced", "2"), ("fixed", "3")]], [], "vers:pypi/>=1|<3"),
        ([[("fixed", "3")]], ["1.0"], "vers:pypi/1.0"),
        ([[("introduced", "0"), ("fixed", "1")]], ["0.5", "1", "7"], "vers:pypi/<=1|7"),
        ([], ["2.0", "1.0", "1.0.0"], "vers:pypi/1.0|2.0"),
    ],
)
def test_osv_events_become_a_range(ranges, versions, expected):
    assert str(from_osv("pypi", ranges, versions)) == expected


def test_an_osv_document_without_versions_gives_no_range():
    assert from_osv("pypi", [], []) is None
    assert from_osv("pypi", [[]], []) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (">= 1.0, < 2.0", ">=1.0|<2.0"),
        ("1.5", "1.5"),
        ("~=1.4.2", ">=1.4.2|<1.5.dev0"),
        ("~=2.2", ">=2.2|<3.dev0"),
        ("~=1!2.2", ">=1%212.2|<1%213.dev0"),
        ("==1.4.*", ">=1.4.dev0|<1.5.dev0"),
        ("!=1.4.*,>=1", ">=1|<1.4.dev0|>=1.5.dev0"),
        ("!=1.5", "!=1.5"),
        ("!=1.5,!=1.7", "!=1.5|!=1.7"),
        (">=1,!=1.5,<2", ">=1|!=1.5|<2"),
        (">=1.0,>=1.5,<2", ">=1.5|<2"),
        ("===1.0", "1.0"),
        ("<=2,<3", "<=2"),
        (">1,>=1,<=2,<2", ">1|<2"),
    ],
)
def test_a_pep_440_requirement_becomes_a_range(text, expected):
    assert str(from_native("pypi", text)) == f"vers:pypi/{expected}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("^1.2.3", ">=1.2.3|<2.0.0"),
        ("~1.2", ">=1.2.0|<1.3.0"),
        ("1.0.0 - 2.0.0", ">=1.0.0|<=2.0.0"),
        ("*", "*"),
        ("<1.0.0 || x", "*"),
        (">=1.0.0 >=1.5.0 <2.0.0", ">=1.5.0|<2.0.0"),
        (">=1.0.0 <2.0.0 || >=1.5.0 <3.0.0", ">=1.0.0|<3.0.0"),
        ("1.1.x || 1.2.x || 3.0.0", ">=1.1.0|<1.3.0|3.0.0"),
    ],
)
def test_an_npm_range_becomes_a_range(text, expected):
    assert str(from_native("npm", text)) == f"vers:npm/{expected}"


@pytest.mark.parametrize(
    ("scheme", "text", "expected"),
    [
        ("cargo", ">= 1.2.0, < 2.0.0", "vers:cargo/>=1.2.0|<2.0.0"),
        ("cargo", "= 1.2.0", "vers:cargo/1.2.0"),
        ("composer", ">=1.0 <1.5", "vers:composer/>=1.0|<1.5"),
        ("golang", "< v1.2.3", "vers:golang/<v1.2.3"),
        ("maven", "[1.0,2.0)", "vers:maven/>=1.0|<2.0"),
        ("gem", "~> 2.0.8", "vers:gem/>=2.0.8|<2.1"),
        ("nginx", "all", "vers:nginx/*"),
        ("hex", "== 1.0.0", "vers:hex/1.0.0"),
    ],
)
def test_comparators_of_other_ecosystems_become_a_range(scheme, text, expected):
    assert str(from_native(scheme, text)) == expected


@pytest.mark.parametrize(
    ("scheme", "text"),
    [
        ("pypi", ""), ("pypi", "banana"), ("pypi", "~=1"), ("pypi", "==1.x.*"), ("pypi", ">=1;python<3"),
        ("pypi", "~=1!2"), ("pypi", "<1,>2"), ("pypi", ">=1.*"), ("pypi", ",".join([">1"] * 300)),
        ("pypi", "~=1.x"),
        ("npm", "latest"), ("npm", "<1.0.0 >2.0.0"), ("npm", ">=1" + " " * MAX_NATIVE_LENGTH),
        ("cargo", ""), ("cargo", ">="), ("cargo", "<1.0.0,,"), ("cargo", ">1 " * 300), ("klingon", "1"),
        ("maven", "[1,2"), ("cargo", "banana split"),
    ],
)  # fmt: skip
def test_what_the_ecosystem_would_not_read_is_refused(scheme, text):
    with pytest.raises(VersError):
        from_native(scheme, text)


NUMBER = st.integers(min_value=0, max_value=8)
COMPARATOR = st.tuples(st.sampled_from(["<", "<=", ">", ">=", "!=", "=="]), NUMBER)
HOLDS = {
    "<": int.__lt__, "<=": int.__le__, ">": int.__gt__, ">=": int.__ge__, "!=": int.__ne__, "==": int.__eq__,
}  # fmt: skip


@given(st.lists(COMPARATOR, min_size=1, max_size=5), NUMBER)
def test_a_list_of_comparators_means_that_all_of_them_hold(comparators, number):
    text = ", ".join(f"{comparator} {bound}.0.0" for comparator, bound in comparators)
    truth = all(HOLDS[comparator](number, bound) for comparator, bound in comparators)
    try:
        found = from_comparators("cargo", text)
    except VersError:
        assert not truth
        return
    assert found.contains(f"{number}.0.0") == truth


@given(
    st.lists(
        st.lists(
            st.tuples(st.sampled_from(["<", "<=", ">", ">=", ""]), NUMBER), min_size=1, max_size=3
        ),
        min_size=1,
        max_size=4,
    ),
    NUMBER,
)
def test_npm_alternatives_mean_that_one_of_them_holds(alternatives, number):
    text = " || ".join(" ".join(f"{c}{n}.0.0" for c, n in parts) for parts in alternatives)
    truth = any(all(HOLDS[c or "=="](number, n) for c, n in parts) for parts in alternatives)
    try:
        found = from_native("npm", text)
    except VersError:
        assert not truth
        return
    assert found.contains(f"{number}.0.0") == truth


@given(st.lists(st.tuples(NUMBER, NUMBER), max_size=4), st.lists(NUMBER, max_size=3), NUMBER)
def test_an_osv_range_holds_what_osv_says_is_affected(spans, listed, number):
    ranges = [[("introduced", f"{low}"), ("fixed", f"{high}")] for low, high in spans if low < high]
    truth = number in listed or any(low <= number < high for low, high in spans)
    found = from_osv("pypi", ranges, [f"{one}" for one in listed])
    assert (found is not None and found.contains(f"{number}")) == truth


@given(st.sampled_from(["npm", "pypi", "cargo", "maven", "gem", "conan", "nuget", "nginx", "openssl"]),
       st.text(alphabet="0123456789.<>=!~^|*x-, []()vé", max_size=24))  # fmt: skip
def test_any_requirement_is_read_or_refused(scheme, text):
    try:
        found = from_native(scheme, text)
    except VersError:
        return
    assert str(found).startswith(f"vers:{scheme}/")
