"""Inventories of six kinds give their components, and say what they left."""

import json
from pathlib import Path

import pytest

from clearhouse.formats.inventory import Exposure, HumanImpact, InventoryError
from clearhouse.formats.inventory_reading import read

SUITE = Path(__file__).parents[4] / "shared" / "suites" / "cyclonedx"


def bom(components, version="1.6", **more):
    document = {"bomFormat": "CycloneDX", "specVersion": version, "components": components, **more}
    return json.dumps(document).encode()


def pairs(inventory):
    return [(one.name, one.version) for one in inventory.components]


def test_components_inside_components_are_read_in_the_order_of_the_document():
    inner = {"type": "library", "name": "b", "version": "2", "components": [{"name": "c"}]}
    found = read(bom([{"name": "a", "version": "1", "components": [inner]}, {"name": "d"}]))
    assert pairs(found) == [("a", "1"), ("b", "2"), ("c", None), ("d", None)]
    assert found.components[2].place == "components[0].components[0].components[0]"


def test_a_hundred_levels_of_components_are_walked_without_a_stack():
    nested = {"name": "deepest"}
    for _ in range(100):
        nested = {"name": "outer", "components": [nested]}
    assert len(read(bom([nested])).components) == 101


def test_a_cycle_of_dependencies_is_no_matter():
    cycle = [{"ref": "a", "dependsOn": ["b"]}, {"ref": "b", "dependsOn": ["a"]}]
    found = read(
        bom([{"name": "a", "bom-ref": "a"}, {"name": "b", "bom-ref": "b"}], dependencies=cycle)
    )
    assert len(found.components) == 2


@pytest.mark.parametrize("version", ["1.4", "1.5", "1.6", "1.7"])
def test_every_supported_version_of_cyclonedx_is_read(version):
    assert read(bom([{"name": "a"}], version)).format == f"CycloneDX {version} (JSON)"


def test_another_version_is_refused_and_names_the_field():
    with pytest.raises(InventoryError, match="specVersion"):
        read(bom([], "9.0"))


@pytest.mark.skipif(not SUITE.is_dir(), reason="the official CycloneDX files are not here")
@pytest.mark.parametrize("version", ["1.4", "1.5", "1.6", "1.7"])
def test_every_official_valid_document_is_read(version):
    files = sorted((SUITE / version).glob("valid-*.json"))
    assert files
    for file in files:
        document = json.loads(file.read_text("utf-8"))
        found = read(file.read_bytes())
        assert len(found.components) >= len(document.get("components", [])), file.name


XML = b"""<?xml version="1.0"?>
<bom xmlns="http://cyclonedx.org/schema/bom/1.5"><metadata><component type="application"><name>shop</name></component></metadata>
<components><component type="library"><group>org.acme</group><name>a</name><version>1.0</version><purl>pkg:maven/org.acme/a@1.0</purl>
<components><component type="library"><name>b</name></component></components></component></components></bom>"""


def test_xml_gives_the_same_components_as_json():
    found = read(XML)
    assert found.subject == "shop"
    assert sorted(pairs(found)) == [("b", None), ("org.acme/a", "1.0")]


def test_xml_with_a_document_type_is_refused_before_any_entity_grows():
    bomb = b'<!DOCTYPE b [<!ENTITY a "aaaaaaaaaa"><!ENTITY c "&a;&a;&a;&a;">]>' + XML[21:]
    with pytest.raises(InventoryError, match="document type"):
        read(bomb)


def test_xml_that_is_cut_off_names_the_line():
    with pytest.raises(InventoryError, match="line"):
        read(XML[:-20])


def test_xml_nested_without_end_is_refused():
    data = b'<bom xmlns="http://cyclonedx.org/schema/bom/1.5">' + b"<a>" * 5000
    with pytest.raises(InventoryError, match="deeper"):
        read(data)


def spdx(**package):
    document = {"spdxVersion": "SPDX-2.3", "name": "shop", "packages": [{"name": "a", **package}]}
    return json.dumps(document).encode()


def test_spdx_gives_purl_and_cpe_and_takes_noassertion_for_nothing():
    references = [
        {"referenceType": "purl", "referenceLocator": "pkg:npm/a@1"},
        {"referenceType": "cpe23Type", "referenceLocator": "cpe:2.3:a:v:a:1:*:*:*:*:*:*:*"},
    ]
    one = read(spdx(versionInfo="NOASSERTION", externalRefs=references)).components[0]
    assert (one.version, one.purl) == (None, "pkg:npm/a@1")
    assert one.cpe.startswith("cpe:2.3:a:v:a:1")


def test_spdx_3_is_refused_with_the_way_out():
    with pytest.raises(InventoryError, match="export"):
        read(b'{"@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld", "@graph": []}')


def test_tag_value_is_read_past_texts_of_several_lines():
    text = (
        "SPDXVersion: SPDX-2.3\nDocumentName: shop\nPackageName: a\nPackageVersion: 1\n"
        "PackageComment: <text>one\nPackageName: not this\n</text>\n"
        "ExternalRef: PACKAGE-MANAGER purl pkg:pypi/a@1\nPackageName: b\n"
    )
    found = read(text.encode())
    assert pairs(found) == [("a", "1"), ("b", None)]
    assert found.components[0].purl == "pkg:pypi/a@1"


def test_pip_freeze_gives_pinned_versions_and_says_why_others_have_none():
    text = (
        "# made by pip\nFlask==3.0.1\nzope.interface===6.0\n-e git+https://x/y.git@abc#egg=own_tool\n"
        "local @ file:///tmp/x.whl\nrange>=1\n!!!\n"
    )
    found = read(text.encode())
    assert [(one.purl, one.version) for one in found.components] == [
        ("pkg:pypi/flask", "3.0.1"),
        ("pkg:pypi/zope-interface", "6.0"),
        ("pkg:pypi/own-tool", None),
        ("pkg:pypi/local", None),
        ("pkg:pypi/range", None),
    ]
    assert all(one.remark for one in found.components if one.version is None)
    assert [one.place for one in found.skipped] == ["line 7"]


def test_every_version_of_a_lock_file_gives_the_same_packages():
    tree = {
        "a": {"version": "1.0.0", "dependencies": {"b": {"version": "2.0.0"}}},
        "@s/c": {"version": "npm:real@3.0.0"},
    }
    flat = {
        "": {"name": "shop"},
        "node_modules/a": {"version": "1.0.0"},
        "node_modules/a/node_modules/b": {"version": "2.0.0"},
        "node_modules/@s/c": {"name": "real", "version": "3.0.0"},
        "packages/own": {"version": "9.9.9"},
        "node_modules/own": {"link": True, "resolved": "packages/own"},
    }
    old = read(json.dumps({"lockfileVersion": 1, "dependencies": tree}).encode())
    new = read(json.dumps({"lockfileVersion": 3, "packages": flat}).encode())
    assert (
        sorted(pairs(old))
        == sorted(pairs(new))
        == [("a", "1.0.0"), ("b", "2.0.0"), ("real", "3.0.0")]
    )


def test_a_git_dependency_has_no_release_and_says_so():
    packages = {"node_modules/a": {"version": "git+ssh://git@x/a.git#abc"}}
    one = read(json.dumps({"lockfileVersion": 2, "packages": packages}).encode()).components[0]
    assert one.version is None
    assert "address" in one.remark


def test_a_table_tells_asset_exposure_and_impact():
    found = read(
        b"Host;Software;Version;Exposed;Criticality\nward;pump;4.1;no;life-critical\nweb;x;1;yes;\n"
    )
    first, second = found.components
    assert (first.asset, first.exposure, first.human_impact) == (
        "ward",
        Exposure.CONTROLLED,
        HumanImpact.VERY_HIGH,
    )
    assert (second.exposure, second.human_impact) == (Exposure.OPEN, None)


def test_a_word_for_exposure_that_is_not_known_skips_the_row_instead_of_guessing():
    found = read(b"name,version,exposure\na,1,mabye\nb,1,open\n")
    assert [one.reason for one in found.skipped] == ["exposure: write open, controlled or small"]
    assert pairs(found) == [("b", "1")]


@pytest.mark.parametrize(
    "data",
    [b"", b"hello there", b"{}", b"[]", b'{"a": 1', b"\xff\xfe\x00", b"\0\0", b"<html></html>"],
)
def test_what_is_no_inventory_is_refused_with_a_reason(data):
    with pytest.raises(InventoryError) as caught:
        read(data)
    assert str(caught.value)


def test_a_key_given_twice_is_refused_and_named():
    with pytest.raises(InventoryError, match="/components"):
        read(
            b'{"bomFormat": "CycloneDX", "specVersion": "1.6", "components": [], "components": [1]}'
        )


def test_entries_without_a_name_are_listed_with_their_place():
    found = read(bom([{"name": ""}, 7, {"name": "a"}]))
    assert [one.place for one in found.skipped] == ["components[0]", "components[1]"]
