"""Laws of affected versions: nothing claimed is lost, and nothing impossible is said."""

from hypothesis import given
from hypothesis import strategies as st

from advisories import NUMBERS
from clearhouse.clearing.publish.versions import AffectedVersions, affected_versions

PURL = "pkg:npm/x"
BOUNDS = st.tuples(st.sampled_from([">=", "<", "<=", ""]), NUMBERS).map("".join)
CLAIMS = st.lists(
    st.one_of(NUMBERS, BOUNDS, st.tuples(NUMBERS, NUMBERS).map(lambda p: f">={p[0]},<{p[1]}")),
    min_size=1,
    max_size=4,
)


def order(version):
    return [int(part) for part in version.split(".")]


def inside(result, version):
    if version in result.versions:
        return True
    return any(
        (one.introduced is None or order(one.introduced) <= order(version))
        and (one.fixed is None or order(version) < order(one.fixed))
        and (one.last_affected is None or order(version) <= order(one.last_affected))
        for one in result.spans
    )


def claimed(claims, version):
    return any(all(_meets(part, version) for part in claim.split(",")) for claim in claims)


def _meets(part, version):
    for sign, holds in (
        (">=", lambda a, b: a >= b),
        ("<=", lambda a, b: a <= b),
        ("<", lambda a, b: a < b),
    ):
        if part.startswith(sign):
            return holds(order(version), order(part.removeprefix(sign)))
    return order(part) == order(version)


@given(claims=CLAIMS, fixes=st.lists(NUMBERS, max_size=2), version=NUMBERS)
def test_whatever_a_report_claims_affected_is_affected_in_the_advisory(claims, fixes, version):
    result = affected_versions(PURL, claims, fixes)
    if isinstance(result, AffectedVersions) and claimed(claims, version) and not fixes:
        assert inside(result, version)
    if isinstance(result, AffectedVersions):
        for fix in fixes:
            assert not inside(result, fix)


@given(claims=CLAIMS, fixes=st.lists(NUMBERS, max_size=2))
def test_spans_never_end_before_they_begin_and_never_overlap(claims, fixes):
    result = affected_versions(PURL, claims, fixes)
    if not isinstance(result, AffectedVersions):
        assert result.reasons
        return
    for one in result.spans:
        assert one.fixed is None or one.last_affected is None
        end = one.fixed or one.last_affected
        if one.introduced and end:
            assert order(one.introduced) <= order(end)
    for left, right in zip(result.spans, result.spans[1:], strict=False):
        assert order(left.fixed or left.last_affected) <= order(right.introduced)


@given(claims=CLAIMS, fixes=st.lists(NUMBERS, max_size=2), data=st.data())
def test_the_order_of_the_claims_does_not_matter(claims, fixes, data):
    shuffled = data.draw(st.permutations(claims))
    first, second = affected_versions(PURL, claims, fixes), affected_versions(PURL, shuffled, fixes)
    if isinstance(first, AffectedVersions):
        assert first == second
    else:
        assert len(first.reasons) == len(second.reasons)
