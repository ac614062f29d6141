import json
from datetime import UTC, date, datetime

import pytest

from clearhouse.clearing.deconflict.known import Known, KnownVulnerability

GHSA = {
    "schema_version": "1.7.0",
    "id": "GHSA-2222-3333-4444",
    "aliases": ["CVE-2020-14343"],
    "summary": "Unsafe loader",
    "details": "full_load builds any object.",
    "published": "2021-03-25T00:00:00Z",
    "affected": [
        {
            "package": {"ecosystem": "PyPI", "name": "PyYAML"},
            "ranges": [
                {"type": "ECOSYSTEM", "events": [{"introduced": "3.0"}, {"fixed": "3.2"}]},
                {"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "1.4"}]},
                {"type": "GIT", "events": [{"introduced": "0"}]},
            ],
        },
        {
            "package": {"ecosystem": "npm", "name": "@a/yaml", "purl": "pkg:npm/%40a/yaml"},
            "versions": ["2.0.0", "1.0.0"],
        },
        {"package": {"ecosystem": "Linux", "name": "Kernel"}},
    ],
    "database_specific": {"cwe_ids": ["CWE-502", "CWE-20"]},
}
PYSEC = {
    "id": "PYSEC-2021-1",
    "aliases": ["CVE-2020-14343"],
    "withdrawn": "2022-01-01T00:00:00+02:00",
}
KEV = {
    "vulnerabilities": [
        {
            "cveID": "CVE-2020-14343",
            "dateAdded": "2021-05-01",
            "dueDate": "2021-05-22",
            "knownRansomwareCampaignUse": "Known",
            "vulnerabilityName": "Unsafe loader",
        },
        {"cveID": "CVE-2019-1", "dateAdded": "2022-05-01", "knownRansomwareCampaignUse": "Unknown"},
    ]
}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "osv" / "deeper").mkdir(parents=True)
    (tmp_path / "osv" / "a.json").write_text(json.dumps(GHSA))
    (tmp_path / "osv" / "deeper" / "b.json").write_text(json.dumps(PYSEC))
    (tmp_path / "kev.json").write_text(json.dumps(KEV))
    releases = {"pkg:pypi/PyYAML": {"as_of": "2026-01-02T00:00:00Z", "versions": ["5.3", "6.0"]}}
    (tmp_path / "releases.json").write_text(json.dumps(releases))
    return tmp_path


def test_a_vulnerability_is_found_by_its_id_in_any_case(folder):
    assert Known.load(folder).by_id("ghsa-2222-3333-4444").summary == "Unsafe loader"


def test_an_alias_prefers_the_record_that_still_stands(folder):
    known = Known.load(folder)
    assert known.by_id("cve-2020-14343").id == "GHSA-2222-3333-4444"
    assert [one.id for one in known.records_of("CVE-2020-14343")] == [
        "GHSA-2222-3333-4444",
        "PYSEC-2021-1",
    ]


def test_an_id_that_nobody_published_gives_none(folder):
    assert Known.load(folder).by_id("CVE-2020-99999") is None


def test_ranges_of_one_package_become_one_ordered_vers_range(folder):
    known = Known.load(folder).by_id("GHSA-2222-3333-4444")
    assert known.purl == "pkg:pypi/pyyaml"
    assert known.affected == "vers:pypi/<1.4|>=3.0|<3.2"
    assert known.fixed == ("3.2", "1.4")


def test_enumerated_versions_stand_in_where_no_range_is_given(folder):
    package = Known.load(folder).by_id("GHSA-2222-3333-4444").in_package("pkg:npm/%40a/yaml")
    assert package.affected == "vers:npm/1.0.0|2.0.0"
    assert package.fixed == ()


def test_a_package_of_an_ecosystem_without_package_urls_is_left_out(folder):
    known = Known.load(folder).by_id("GHSA-2222-3333-4444")
    assert [package.purl for package in known.packages] == ["pkg:pypi/pyyaml", "pkg:npm/%40a/yaml"]


def test_a_package_lists_its_vulnerabilities(folder):
    known = Known.load(folder)
    assert [one.id for one in known.of_package("pkg:npm/%40a/yaml")] == ["GHSA-2222-3333-4444"]
    assert known.of_package("pkg:npm/other") == ()


def test_releases_say_of_when_they_are_and_none_where_unknown(folder):
    known = Known.load(folder)
    assert known.releases("pkg:pypi/pyyaml") == ("5.3", "6.0")
    assert known.releases_as_of("pkg:pypi/pyyaml") == datetime(2026, 1, 2, tzinfo=UTC)
    assert known.releases("pkg:pypi/other") is None
    assert known.releases_as_of("pkg:pypi/other") is None


def test_kev_answers_for_any_of_the_ids(folder):
    entry = Known.load(folder).kev(["GHSA-2222-3333-4444", "cve-2020-14343"])
    assert (entry.added, entry.due, entry.ransomware) == (
        date(2021, 5, 1),
        date(2021, 5, 22),
        True,
    )
    assert Known.load(folder).kev(["CVE-2019-1"]).ransomware is None
    assert Known.load(folder).kev([]) is None


def test_a_missing_folder_is_no_damage(tmp_path):
    known = Known.load(tmp_path / "nowhere")
    assert known.vulnerabilities == ()
    assert known.damage == ()


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("osv/broken.json", b'{"id": "X"', "not JSON"),
        ("osv/list.json", b"[]", "not a JSON object"),
        ("osv/nameless.json", b"{}", "no id"),
        ("osv/time.json", b'{"id": "X", "published": "yesterday"}', "published"),
        ("osv/latin.json", b'{"id": "\xe9"}', "not UTF-8"),
        ("osv/deep.json", b"[" * 200_000, "not JSON"),
        (
            "osv/purl.json",
            b'{"id": "X", "affected": [{"package": {"purl": "nonsense"}}]}',
            "package URL",
        ),
        ("kev.json", b'{"vulnerabilities": [{}]}', "cveID"),
        (
            "kev.json",
            b'{"vulnerabilities": [{"cveID": "CVE-1", "dateAdded": "soon"}]}',
            "dateAdded",
        ),
        ("releases.json", b'{"pkg:pypi/x": 1}', "not an object"),
        ("releases.json", b'{"pkg:pypi/x": {"versions": ["1"]}}', "as_of"),
    ],
)
def test_a_damaged_file_is_named_and_the_rest_still_read(folder, name, content, reason):
    (folder / name).write_bytes(content)
    known = Known.load(folder)
    assert [one.file for one in known.damage] == [name]
    assert reason in known.damage[0].reason
    assert known.by_id("PYSEC-2021-1") is not None


def test_an_unreadable_file_is_named(folder):
    (folder / "osv" / "loop.json").symlink_to("loop.json")
    assert Known.load(folder).damage == ()
    (folder / "osv" / "folder.json").mkdir()
    assert Known.load(folder).damage == ()


def test_a_range_whose_versions_cannot_be_ordered_is_left_out(folder):
    document = {
        "id": "X-1",
        "affected": [
            {
                "package": {"ecosystem": "PyPI", "name": "x"},
                "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "not a version"}]}],
            },
            {"package": {"ecosystem": "Pub", "name": "y"}, "versions": ["1.0.0"]},
            {
                "package": {"ecosystem": "Maven", "name": "g:a"},
                "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}]}],
            },
        ],
    }
    (folder / "osv" / "x.json").write_text(json.dumps(document))
    known = Known.load(folder).by_id("X-1")
    assert [(package.purl, package.affected) for package in known.packages] == [
        ("pkg:pypi/x", None),
        ("pkg:pub/y", "vers:pub/1.0.0"),
        ("pkg:maven/g/a", "vers:maven/*"),
    ]


def test_a_record_without_packages_has_no_package_to_name():
    bare = KnownVulnerability(id="X-1")
    assert (bare.purl, bare.affected, bare.fixed, bare.text) == (None, None, (), "")
    assert bare.in_package("pkg:pypi/x") is None
