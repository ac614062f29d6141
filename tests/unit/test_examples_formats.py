"""The example documents pass the schemas of their formats, but for the one that is wrong on purpose."""

import json
from pathlib import Path

import jsonschema_rs
import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
REPORTS = EXAMPLES / "reports"
MALFORMED_COMMIT = "69-waitress-bad-commit.osv.json"


def faults(schema: Path, document: Path) -> list[str]:
    validator = jsonschema_rs.validator_for(json.loads(schema.read_bytes()))
    return [error.message for error in validator.iter_errors(json.loads(document.read_bytes()))]


@pytest.mark.parametrize(
    "document",
    sorted([*REPORTS.glob("*.osv.json"), *EXAMPLES.glob("known/osv/*.json")]),
    ids=lambda path: path.name,
)
def test_an_osv_document_passes_the_schema(suites: Path, document: Path) -> None:
    found = faults(suites / "osv/validation/schema.json", document)
    assert bool(found) == (document.name == MALFORMED_COMMIT), found


@pytest.mark.parametrize("document", sorted(REPORTS.glob("*.sarif")), ids=lambda path: path.name)
def test_a_sarif_log_passes_the_schema(suites: Path, document: Path) -> None:
    assert faults(suites / "sarif/sarif-schema-2.1.0.json", document) == []


@pytest.mark.parametrize(
    "document", sorted(REPORTS.glob("*.csaf.json")), ids=lambda path: path.name
)
def test_a_csaf_document_defines_the_products_that_it_names(document: Path) -> None:
    content = json.loads(document.read_bytes())
    (vendor,) = content["product_tree"]["branches"]
    defined = {
        version["product"]["product_id"]
        for product in vendor["branches"]
        for version in product["branches"]
    }
    (flaw,) = content["vulnerabilities"]
    assert set(flaw["product_status"]["known_affected"]) == defined
    for rating in (*flaw.get("scores", ()), *flaw.get("metrics", ())):
        assert set(rating["products"]) <= defined


@pytest.mark.parametrize(
    "document", sorted(REPORTS.glob("*.csaf.json")), ids=lambda path: path.name
)
def test_a_csaf_2_1_document_follows_the_report_profile(document: Path) -> None:
    content = json.loads(document.read_bytes())
    if content["document"]["csaf_version"] == "2.0":
        assert content["document"]["category"] == "csaf_base"
        return
    assert content["document"]["category"] == "csaf_vulnerability_report"
    titles = {note["title"] for note in content["vulnerabilities"][0]["notes"]}
    assert {"Vulnerability Summary", "Vulnerability Discovery Method"} <= titles
