"""Our check of OSV documents against the linter's own examples, good and bad."""

import json

import pytest

from clearhouse.formats import osv

GOOD = (
    "CVE-2018-5407",
    "GHSA-9v2f-6vcg-3hgv",
    "GO-2020-0001",
    "MAL-2024-10238",
    "PYSEC-2023-74",
)


@pytest.mark.parametrize("name", GOOD)
def test_documents_that_the_linter_takes_have_no_problem(suites, name):
    value = json.loads((suites / "osv" / "linter-testdata" / f"{name}.json").read_text())
    assert osv.problems(value) == ()


@pytest.mark.parametrize("name", ["RHSA-2022_0216", "SUSE-FU-2022_0444-1"])
def test_a_document_that_names_no_package_is_valid_osv_but_tells_an_operator_nothing(suites, name):
    value = json.loads((suites / "osv" / "linter-testdata" / f"{name}.json").read_text())
    assert osv.problems(value) == ("affected: names no package",)


def test_the_document_without_a_beginning_is_found(suites):
    path = suites / "osv" / "linter-testdata" / "nointroduced-CVE-2023-41045.json"
    assert any(
        "without a beginning" in problem for problem in osv.problems(json.loads(path.read_text()))
    )


def test_the_converted_advisories_have_no_problem(suites):
    paths = sorted((suites / "osv" / "ghsa-testdata").glob("*.osv.json"))
    assert len(paths) == 10
    for path in paths:
        value = json.loads(path.read_text())
        for document in value if isinstance(value, list) else [value]:
            assert osv.problems(document) == (), path.name
