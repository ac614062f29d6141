"""Whether an inventory is affected, by when to act, and what was not evaluated."""

import csv
import json
from datetime import UTC, date, datetime
from itertools import pairwise
from pathlib import Path

import pytest

from clearhouse.clearing.deliver.watch import as_json, as_sarif, as_vex, deadlines
from clearhouse.clearing.deliver.watch.deadlines import Published
from clearhouse.clearing.deliver.watch.operations import am_i_affected
from clearhouse.clearing.deliver.watch.record import Conclusion, Situation
from clearhouse.clearing.deliver.watch.sources import Keeping, SourceError, open_source
from clearhouse.clearing.prioritize.record import KevListing
from clearhouse.formats.inventory import Exposure, HumanImpact
from operator_side import NOW, REMOTE, ask, component, csaf, inventory, opened, osv, put

SUITES = Path(__file__).parents[5] / "shared" / "suites"


def test_an_affected_component_has_its_fix_and_its_deadline(tmp_path):
    report = ask(
        tmp_path, [osv()], component("pkg:pypi/A@1.5"), component("pkg:pypi/a@2.0", place="b")
    )
    (flaw,) = report.flaws
    assert [hit.component.place for hit in flaw.hits] == ["A"]
    assert flaw.first.fixed_in == "2.0"
    assert flaw.first.urgency.due == date(2026, 11, 23), "3 days from publication"
    assert report.conclusion is Conclusion.AFFECTED


def test_everything_evaluated_and_nothing_found_is_clean(tmp_path):
    report = ask(tmp_path, [osv()], component("pkg:pypi/a@2.0"), component("pkg:pypi/other@1"))
    assert report.conclusion is Conclusion.CLEAN


@pytest.mark.parametrize(
    ("one", "reason"),
    [
        (component("pkg:pypi/a"), "version is not stated"),
        (component("pkg:conan/a@1"), "no source at hand"),
        (component("not a purl", "1"), "package URL is wrong"),
        (component(None, "1"), "neither package URL nor CPE"),
        (component("pkg:pypi/a@no-version"), "cannot be read under pypi"),
        (component(None, "1", vendor="Somebody Else", name="Pump"), "no source at hand"),
    ],
)
def test_what_cannot_be_evaluated_is_listed_and_never_called_clean(tmp_path, one, reason):
    report = ask(tmp_path, [osv()], one)
    assert report.conclusion is Conclusion.NOT_EVALUATED
    (left,) = report.unchecked
    assert left.component is one
    assert reason in left.reason
    assert left.action


def test_one_flaw_under_several_names_counts_once(tmp_path):
    documents = [
        osv("GHSA-a", aliases=["CVE-2026-1"]),
        osv("PYSEC-a", aliases=["CVE-2026-1"]),
        osv("x_CLR-2026-00001", aliases=["GHSA-a"]),
    ]
    (flaw,) = ask(tmp_path, documents, component("pkg:pypi/a@1")).flaws
    assert flaw.id == "CVE-2026-1"
    assert set(flaw.ids) == {"CVE-2026-1", "GHSA-a", "PYSEC-a", "CLR-2026-00001"}
    assert len(flaw.hits) == 1


def test_a_withdrawn_document_says_nothing_and_ties_nothing_together(tmp_path):
    documents = [
        osv("GHSA-a"),
        osv("GHSA-b", aliases=["GHSA-a", "GHSA-c"], withdrawn="2026-11-21T00:00:00Z"),
        osv("GHSA-c"),
    ]
    report = ask(tmp_path, documents, component("pkg:pypi/a@1"))
    assert sorted(flaw.id for flaw in report.flaws) == ["GHSA-a", "GHSA-c"]
    assert report.withdrawn == 1


def test_an_impossible_range_names_file_and_field_and_is_no_no(tmp_path):
    broken = osv("GHSA-x", "a", "PyPI", {"introduced": "3"}, {"fixed": "1"})
    report = ask(tmp_path, [broken], component("pkg:pypi/a@2"))
    (left,) = report.unchecked
    assert left.place == "doc-0.json"
    assert "affected[0].ranges[0].events" in left.reason
    assert report.conclusion is Conclusion.NOT_EVALUATED


def test_a_file_that_is_cut_off_is_damage_and_the_rest_is_still_answered(tmp_path):
    report = ask(tmp_path, [osv(), '{"id": "GHSA-cut", "affected": ['], component("pkg:pypi/a@1"))
    assert len(report.flaws) == 1
    assert report.damage[0].startswith("doc-1.json:")
    clean = ask(tmp_path / "2", [osv(), "{"], component("pkg:pypi/a@3"))
    assert clean.conclusion is Conclusion.NOT_EVALUATED


def test_a_document_whose_packages_cannot_be_read_is_damage(tmp_path):
    source = opened(
        tmp_path, osv(), {"id": "GHSA-y", "modified": "", "affected": [{"package": {}}]}
    )
    assert "affected[].package" in source.origin.damage[0]


@pytest.mark.parametrize(
    ("status", "conclusion"),
    [
        ("known_affected", Conclusion.AFFECTED),
        ("last_affected", Conclusion.AFFECTED),
        ("fixed", Conclusion.CLEAN),
        ("known_not_affected", Conclusion.CLEAN),
        ("under_investigation", Conclusion.NOT_EVALUATED),
    ],
)
def test_a_vendors_product_status_decides_for_a_product_known_by_name(tmp_path, status, conclusion):
    pump = component(None, "4.1", name="PUMP", vendor="Maker ")
    report = ask(tmp_path, [csaf(status, version="4.1")], pump)
    assert report.conclusion is conclusion
    if conclusion is Conclusion.AFFECTED:
        assert "names of vendor and product" in report.flaws[0].first.note
        assert report.flaws[0].remedies[0].text == "Unplug it."
    if status == "under_investigation":
        assert report.investigating[0].id == "CVE-2026-1"


def test_a_range_of_a_product_tree_is_evaluated_and_free_text_is_not(tmp_path):
    pump = component(None, "4.1", name="Pump", vendor="Maker")
    assert ask(tmp_path, [csaf("known_affected", range_="vers:intdot/<4.2")], pump).flaws
    said = ask(tmp_path / "2", [csaf("known_affected", range_="older than 4.2")], pump)
    assert said.conclusion is Conclusion.NOT_EVALUATED
    assert "product_status.known_affected" in said.unchecked[0].reason


def test_versions_that_a_product_list_does_not_name_are_not_evaluated(tmp_path):
    pump = component(None, "5.0", name="Pump", vendor="Maker")
    report = ask(tmp_path, [csaf("known_affected", version="4.1")], pump)
    assert "other versions" in report.unchecked[0].reason


def test_the_vendors_word_that_a_version_is_not_affected_counts_before_others(tmp_path):
    vendor = csaf("known_not_affected", version="1.0", purl="pkg:pypi/a@1.0")
    other = csaf("known_not_affected", version="1.0", purl="pkg:pypi/a@1.0", category="translator")
    database = osv("GHSA-a", aliases=["CVE-2026-1"])
    assert not ask(tmp_path, [database, vendor], component("pkg:pypi/a@1.0")).flaws
    (flaw,) = ask(tmp_path / "2", [database, other], component("pkg:pypi/a@1.0")).flaws
    assert "says that this version is not affected" in flaw.first.note


def test_a_product_is_found_by_its_cpe_name(tmp_path):
    document = csaf("known_affected", version="4.1")
    leaf = document["product_tree"]["branches"][0]["branches"][0]["branches"][0]
    leaf["product"]["product_identification_helper"] = {
        "cpe": "cpe:2.3:h:maker:pump:4.1:*:*:*:*:*:*:*"
    }
    one = component(None, None, name="x", cpe="cpe:2.3:h:Maker:pump:4.1:*:*:*:*:*:*:*")
    assert ask(tmp_path, [document], one).flaws[0].first.note == "matched by its CPE name"


def test_a_distributions_release_must_fit_and_be_stated(tmp_path):
    documents = [osv("DSA-1", "openssl", "Debian:12", {"introduced": "0"}, {"fixed": "3.0.9-1"})]
    on_12 = component("pkg:deb/debian/libssl3@3.0.8-1?distro=debian-12&upstream=openssl", place="a")
    on_11 = component("pkg:deb/debian/openssl@1.1.1-1?distro=bullseye", place="b")
    unsaid = component("pkg:deb/debian/openssl@3.0.8-1", place="c")
    report = ask(tmp_path, documents, on_12, on_11, unsaid)
    assert [hit.component.place for hit in report.flaws[0].hits] == ["a"]
    assert [one.component.place for one in report.unchecked] == ["c"]
    assert "Debian" in report.unchecked[0].reason or "12" in report.unchecked[0].reason


def test_an_unusual_repository_is_another_package(tmp_path):
    one = component("pkg:pypi/a@1?repository_url=https://own.example/simple")
    report = ask(tmp_path, [osv()], one)
    assert not report.flaws
    assert report.conclusion is Conclusion.NOT_EVALUATED


def test_workarounds_come_from_the_text_under_their_own_heading(tmp_path):
    text = "It fails.\n\n### Workarounds\n\nSwitch it off.\n\n### References\n\nnone"
    (flaw,) = ask(tmp_path, [osv(details=text)], component("pkg:pypi/a@1")).flaws
    assert [one.text for one in flaw.remedies] == ["Switch it off."]


@pytest.mark.skipif(not SUITES.is_dir(), reason="the official SSVC tables are not here")
def test_every_row_of_the_official_table_gives_its_deadline():
    table = json.loads(
        (SUITES / "ssvc/json/decision_tables/cisa/cisa_bod_26_04_1_0_0.json").read_text()
    )
    days = {"3DF": 3, "3D": 3, "14D": 14, "60D": 60, "FSU": None}
    vectors = {
        ("N", "P"): "CVSS:3.1/AV:L/AC:L/PR:N/UI:N/S:U/C:L/I:N/A:N",
        ("N", "T"): "CVSS:3.1/AV:L/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",
        ("Y", "P"): "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H",
        ("Y", "T"): REMOTE,
    }
    assert len(table["mapping"]) == 16
    for row in table["mapping"]:
        listed = row["cisa:KEV:1.0.0"] == "Y"
        flaw = Published(
            id="CVE-1",
            published=datetime(2026, 11, 1, tzinfo=UTC),
            vectors=(vectors[row["ssvc:A:2.0.0"], row["ssvc:TI:1.0.0"]],),
            kev=KevListing(id="CVE-1", added="2026-11-10") if listed else None,
            kev_checked=True,
        )
        exposure = Exposure.OPEN if row["cisa:PE:1.0.0"] == "Y" else Exposure.CONTROLLED
        found = deadlines.urgency(flaw, exposure=exposure, human_impact=HumanImpact.LOW, at=NOW)
        assert found.remediation.key == row["cisa:BOD2604:1.0.0"]
        start = date(2026, 11, 10 if listed else 1)
        wanted = days[found.remediation.key]
        assert found.due == (
            None if wanted is None else date.fromordinal(start.toordinal() + wanted)
        )
        assert bool(found.forensics) == (found.remediation.key == "3DF")


def test_an_exposure_that_nobody_stated_is_assumed_and_marked():
    flaw = Published(id="CVE-1", published=NOW, vectors=(REMOTE,), kev_checked=True)
    found = deadlines.urgency(flaw, exposure=None, human_impact=None, at=NOW)
    assert found.remediation.outcome == "3 days"
    assert found.remediation.possible == ("60 days", "3 days")
    assumed = {one.point for one in (*found.remediation.assumed, *found.deployer.assumed)}
    assert {"cisa:PE:1.0.0", "ssvc:EXP:1.0.1", "ssvc:HI:2.0.2"} <= assumed


def test_the_forensic_clocks_count_from_now_and_in_their_order():
    flaw = Published(
        id="CVE-1", published=NOW, vectors=(REMOTE,), kev=KevListing(id="CVE-1", added="2026-01-01")
    )
    found = deadlines.urgency(flaw, exposure=Exposure.OPEN, human_impact=None, at=NOW)
    assert all(one.due < other.due for one, other in pairwise(found.forensics))
    assert all(one.due > NOW for one in found.forensics)


def test_a_catalogue_of_exploited_flaws_moves_the_deadline(tmp_path):
    listing = {
        "catalogVersion": "1",
        "vulnerabilities": [
            {"cveID": "CVE-2026-1", "dateAdded": "2026-11-26", "dueDate": "2026-12-01"}
        ],
    }
    (tmp_path / "kev.json").write_text(json.dumps(listing))
    table = tmp_path / "kev.csv"
    with table.open("w", newline="") as file:
        csv.writer(file).writerows([["cveID", "dateAdded"], ["CVE-2026-1", "2026-11-26"]])
    documents = opened(tmp_path, osv(aliases=["CVE-2026-1"]))
    for file in ("kev.json", "kev.csv"):
        kev = open_source(str(tmp_path / file), Keeping(folder=tmp_path / "keep"), at=NOW)
        report = am_i_affected(inventory(component("pkg:pypi/a@1")), [documents, kev], at=NOW)
        assert report.flaws[0].kev.added == "2026-11-26"
        assert report.flaws[0].first.urgency.remediation.key == "3DF"


def test_half_a_catalogue_is_refused(tmp_path):
    (tmp_path / "kev.json").write_text('{"catalogVersion": "1", "vulnerabilities": []}')
    with pytest.raises(SourceError, match="no entry"):
        open_source(str(tmp_path / "kev.json"), Keeping(folder=tmp_path / "keep"), at=NOW)


def test_the_situation_fills_what_the_inventory_leaves_open_and_overrides_nothing(tmp_path):
    documents = [osv()]
    stated = component("pkg:pypi/a@1", exposure=Exposure.OPEN, place="x")
    unstated = component("pkg:pypi/a@1", place="y")
    report = ask(
        tmp_path, documents, stated, unstated, situation=Situation(exposure=Exposure.SMALL)
    )
    exposures = {hit.component.place: hit.urgency.exposure for hit in report.flaws[0].hits}
    assert exposures == {"x": Exposure.OPEN, "y": Exposure.SMALL}
    assert report.flaws[0].first.component.place == "x", "the more urgent first"


def test_the_index_is_built_once_and_again_when_a_file_changes(tmp_path):
    folder = put(tmp_path / "docs", osv())
    keeping = Keeping(folder=tmp_path / "keep")
    open_source(str(folder), keeping, at=NOW)
    (index,) = keeping.folder.glob("*.sqlite")
    first = index.stat().st_mtime_ns
    open_source(str(folder), keeping, at=NOW)
    assert index.stat().st_mtime_ns == first
    put(folder, osv("GHSA-other", "b"))
    source = open_source(str(folder), keeping, at=NOW)
    assert am_i_affected(inventory(component("pkg:pypi/b@1")), [source], at=NOW).flaws


def test_a_damaged_index_is_built_anew(tmp_path):
    folder, keeping = put(tmp_path / "docs", osv()), Keeping(folder=tmp_path / "keep")
    open_source(str(folder), keeping, at=NOW).index.close()
    (index,) = keeping.folder.glob("*.sqlite")
    index.write_bytes(b"nonsense" * 100)
    source = open_source(str(folder), keeping, at=NOW)
    assert am_i_affected(inventory(component("pkg:pypi/a@1")), [source], at=NOW).flaws


@pytest.mark.parametrize("content", [b"PK\x03\x04 cut off", b"", b"hello"])
def test_a_source_that_is_none_is_refused(tmp_path, content):
    file = tmp_path / "all.zip"
    file.write_bytes(content)
    with pytest.raises(SourceError):
        open_source(str(file), Keeping(folder=tmp_path / "keep"), at=NOW)


def test_hostile_texts_stand_in_every_output_as_data(tmp_path):
    hostile = "\x1b[2J<script>alert(1)</script>=cmd|' /C calc'!A0"
    one = component("pkg:pypi/a@1", name=hostile)
    report = ask(tmp_path, [osv(summary=hostile)], one)
    for made in (as_json.document(report), as_vex.document(report), as_sarif.document(report, "f")):
        assert "<script>" in json.dumps(made), "kept as it came, for programs"


CRYPTOGRAPHY = {"definitions": {"algorithmFamiliesEnum": {}, "ellipticCurvesEnum": {}}}
"""Stands for a part of the schema that is not here and that no VEX of ours uses."""


@pytest.mark.skipif(not SUITES.is_dir(), reason="the official CycloneDX schema is not here")
def test_the_vex_keeps_to_the_official_schema(tmp_path):
    import jsonschema_rs

    folder = SUITES / "cyclonedx"
    schema = json.loads((folder / "bom-1.7.schema.json").read_text())
    beside = {"http://cyclonedx.org/schema/cryptography-defs.schema.json": CRYPTOGRAPHY}
    for name in ("spdx.schema.json", "jsf-0.82.schema.json"):
        document = json.loads((folder / name).read_text())
        beside[document["$id"]] = document
    registry = jsonschema_rs.Registry(list(beside.items()))
    validator = jsonschema_rs.validator_for(schema, registry=registry)
    pump = component(None, "4.1", name="Pump", vendor="Maker")
    documents = [osv(), csaf("under_investigation", version="4.1")]
    made = as_vex.document(
        ask(tmp_path, documents, component("pkg:pypi/a@1"), pump, component(None, "1"))
    )
    assert [str(one) for one in validator.iter_errors(made)] == []
    assert len(made["vulnerabilities"]) == 2
