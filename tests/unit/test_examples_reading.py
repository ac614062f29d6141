"""The readers of the house find in every example what truth.json says is in it."""

import json
from pathlib import Path

import pytest

from clearhouse.clearing.intake.completeness import judge
from clearhouse.clearing.intake.readers import read
from clearhouse.clearing.intake.readers.result import Reading
from clearhouse.clearing.intake.record import Draft, ExploitState, Tooling
from clearhouse.clearing.match.keys import exact_keys

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
TRUTH = json.loads((EXAMPLES / "truth.json").read_text(encoding="utf-8"))
REPORTS = TRUTH["reports"]
FILES = sorted({row["file"] for row in REPORTS})
NAMES = [f"{row['file'].removeprefix('reports/')[:32]}#{row['index']}" for row in REPORTS]


def drafts(file: str) -> tuple[Draft, ...]:
    result = read((EXAMPLES / file).read_bytes(), filename=file.rpartition("/")[2])
    assert isinstance(result, Reading), result
    return result.drafts


def draft(row: dict) -> Draft:
    return drafts(row["file"])[row["index"]]


def keys(read_draft: Draft) -> set[tuple[str, str]]:
    return {(key.kind.value, key.value) for key in exact_keys(read_draft, family=str)}


@pytest.mark.parametrize("file", FILES)
def test_a_file_reads_into_the_stated_number_of_reports(file: str) -> None:
    assert len(drafts(file)) == sum(row["file"] == file for row in REPORTS)


@pytest.mark.parametrize("row", REPORTS, ids=NAMES)
def test_a_report_has_the_stated_elements(row: dict) -> None:
    missing = {gap.element.value for gap in judge(draft(row)).missing}
    assert {name: name not in missing for name in row["elements"]} == row["elements"]


@pytest.mark.parametrize("row", REPORTS, ids=NAMES)
def test_a_report_names_the_stated_package(row: dict) -> None:
    assert draft(row).purl == (row["purl"] if row.get("states_package", True) else None)


@pytest.mark.parametrize("row", REPORTS, ids=NAMES)
def test_a_report_gives_the_matcher_its_merge_keys(row: dict) -> None:
    found = keys(draft(row))
    for key in row["merge_keys"]:
        kind, _, value = key.partition(":")
        if kind == "patch":
            assert any(name == "patch" for name, _ in found)
        else:
            assert ({"id": "public-id"}.get(kind, kind), value) in found


def test_only_reports_of_one_vulnerability_share_a_file_or_a_patch() -> None:
    owners: dict[tuple[str, str], set[str]] = {}
    for row in REPORTS:
        for key in keys(draft(row)):
            if key[0] in {"poc", "patch"}:
                owners.setdefault(key, set()).add(row["vulnerability"] or row["file"])
    assert {key: names for key, names in owners.items() if len(names) > 1} == {}


@pytest.mark.parametrize("row", REPORTS, ids=NAMES)
def test_a_report_warns_of_orders_exactly_when_it_gives_some(row: dict) -> None:
    codes = {notice.code for notice in draft(row).notices}
    assert ("instructions_in_report" in codes) == row.get("carries_instructions", False)


def test_some_reports_state_exploitation_and_how_they_were_found() -> None:
    read_drafts = [draft(row) for row in REPORTS]
    assert sum(one.exploit_state is ExploitState.ACTIVE for one in read_drafts) >= 2
    found = [one.provenance for one in read_drafts]
    assert {Tooling.PUBLIC, Tooling.CONFIDENTIAL} <= {one.confidentiality for one in found}
    whole = [one for one in found if one.models and one.scaffold and one.attempts]
    assert sum(bool(one.human_review and one.duplicate_searches) for one in whole) >= 2
