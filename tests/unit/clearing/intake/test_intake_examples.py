"""The project's own reports are read as the truth file says. It is real input, so it is a test."""

import hashlib
import json

import pytest

from clearhouse.clearing.intake.completeness import judge
from clearhouse.clearing.intake.readers import Reading, read


@pytest.fixture(scope="module")
def told(examples):
    """Every report of the truth file with the draft that was read for it."""
    truth = json.loads((examples / "truth.json").read_text())
    drafts = {}
    for name in {report["file"] for report in truth["reports"]}:
        result = read((examples / name).read_bytes(), filename=name)
        assert isinstance(result, Reading), name
        drafts[name] = result.drafts
    counts = {name: sum(r["file"] == name for r in truth["reports"]) for name in drafts}
    assert {name: len(found) for name, found in drafts.items()} == counts
    return [(report, drafts[report["file"]][report["index"]]) for report in truth["reports"]]


def test_every_element_that_a_report_carries_is_seen_and_no_other(told):
    for report, draft in told:
        seen = {str(element) for element in judge(draft).present}
        assert seen == {name for name, there in report["elements"].items() if there}, report["file"]


def test_every_package_that_a_report_identifies_is_named(told):
    for report, draft in told:
        bare = draft.software is not None and draft.ecosystem is None
        assert draft.purl == (None if bare else report["purl"]), report["file"]


def test_every_id_and_proof_that_joins_reports_is_found(told):
    for report, draft in told:
        proofs = (hashlib.sha256(file.data).hexdigest() for file in draft.attachments)
        found = {f"id:{alias}" for alias in draft.aliases} | {f"poc:{proof}" for proof in proofs}
        wanted = {key for key in report["merge_keys"] if not key.startswith("patch:")}
        assert wanted <= found, report["file"]


def test_only_the_reports_that_give_orders_are_marked(told):
    marked = {
        report["file"][8:10]
        for report, draft in told
        if any(notice.code == "instructions_in_report" for notice in draft.notices)
    }
    assert marked == {"42", "67"}
