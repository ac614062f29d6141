"""Laws of matching: the fast ways give what the careful ways give, and merging loses no name."""

from hypothesis import given, settings
from hypothesis import strategies as st

from clearhouse.clearing.deliver.watch import merging
from clearhouse.formats import package_key, purl, vers
from clearhouse.formats.inventory import Inventory, InventoryError
from clearhouse.formats.inventory_reading import read
from clearhouse.formats.purl import PurlError
from clearhouse.formats.statements import Statement
from clearhouse.formats.version_match import _BY_NUMBERS, compare

numbers = st.lists(st.integers(0, 30), min_size=1, max_size=4).map(lambda n: ".".join(map(str, n)))


@settings(max_examples=100, deadline=None)
@given(scheme=st.sampled_from(sorted(_BY_NUMBERS)), one=numbers, other=numbers)
def test_versions_of_numbers_compare_as_their_ecosystem_compares_them(scheme, one, other):
    assert compare(scheme, one, other) == vers.compare(scheme, one, other)


part = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,6}", fullmatch=True)
purls = st.one_of(
    st.builds("pkg:npm/{}@{}".format, part, part),
    st.builds("pkg:npm/%40{}/{}@{}".format, part, part, part),
    st.builds("pkg:pypi/{}@{}".format, part, part),
    st.builds("pkg:cargo/{}".format, part),
    st.builds("pkg:maven/{}/{}@{}".format, part, part, part),
    st.builds("pkg:golang/{}/{}/{}@{}".format, part, part, part, part),
    st.builds("pkg:deb/debian/{}@{}?arch=amd64".format, part, part),
)


@settings(max_examples=100, deadline=None)
@given(text=purls)
def test_a_usual_package_url_reads_the_same_the_fast_way(text):
    try:
        careful = purl.parse(text)
    except PurlError:
        return
    assert package_key.read_purl(text) == careful
    assert package_key.of_purl(text) == package_key.of_package(careful)


@settings(max_examples=80, deadline=None)
@given(one=purls, other=purls)
def test_the_same_package_always_has_the_same_key(one, other):
    if purl.identity(one) == purl.identity(other):
        assert package_key.of_purl(one) == package_key.of_purl(other)


@settings(max_examples=80, deadline=None)
@given(
    name=part,
    ecosystem=st.sampled_from(["npm", "PyPI", "crates.io", "RubyGems", "Debian:12", "Go"]),
)
def test_an_ecosystem_and_its_package_url_have_the_same_key(ecosystem, name):
    spelled = purl.purl_of(ecosystem, name)
    if spelled is not None:
        assert package_key.of_ecosystem(ecosystem, name) == package_key.of_purl(spelled)


ids = st.sampled_from([f"CVE-2026-{n}" for n in range(6)] + [f"GHSA-{n}" for n in range(6)])
statements = st.lists(
    st.builds(
        lambda id_, aliases: Statement(id=id_, document=id_, form="osv", aliases=tuple(aliases)),
        ids,
        st.lists(ids, max_size=2),
    ),
    max_size=12,
)


@settings(deadline=None)
@given(found=statements)
def test_documents_that_share_a_name_are_one_flaw_and_none_is_lost(found):
    groups = merging.groups(found)
    assert sorted(map(id, (one for group in groups for one in group))) == sorted(map(id, found))
    named = [{name for one in group for name in merging.names(one)} for group in groups]
    for index, one in enumerate(named):
        assert all(one.isdisjoint(other) for other in named[index + 1 :])


@settings(deadline=None)
@given(found=statements, data=st.data())
def test_the_order_of_documents_does_not_change_what_is_one_flaw(found, data):
    shuffled = data.draw(st.permutations(found))
    as_sets = {frozenset(map(id, group)) for group in merging.groups(found)}
    assert {frozenset(map(id, group)) for group in merging.groups(shuffled)} == as_sets


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)


@settings(max_examples=100, deadline=None)
@given(data=st.binary(max_size=300))
def test_any_bytes_are_an_inventory_or_are_refused(data):
    try:
        found = read(data)
    except InventoryError:
        return
    assert isinstance(found, Inventory)


@settings(max_examples=100, deadline=None)
@given(
    components=json_like,
    kind=st.sampled_from(
        [
            {"bomFormat": "CycloneDX", "specVersion": "1.6"},
            {"spdxVersion": "SPDX-2.3"},
            {"lockfileVersion": 1},
            {"lockfileVersion": 3},
        ]
    ),
    member=st.sampled_from(["components", "packages", "dependencies", "metadata"]),
)
def test_any_content_of_a_bill_of_materials_is_read_or_refused(components, kind, member):
    import json

    try:
        found = read(json.dumps({**kind, member: components}).encode("utf-8", "surrogatepass"))
    except InventoryError:
        return
    assert all(one.name for one in found.components)
