"""Our tables are the published ones, row by row, and what we write passes the published schema."""

import csv
import itertools
import json
from datetime import UTC, datetime
from pathlib import Path

import jsonschema_rs
import pytest

from clearhouse.formats.ssvc import falls, read_table, selection_list

POLICIES = Path(__file__).resolve().parents[2] / "policies" / "priority"

TABLES = {
    "ssvc-coordinator-triage-1.0.0": ("ssvc/coordinator_triage_1_0_0", 192),
    "cisa-coordinator-2.0.3": ("cisa/cisa_coordinator_2_0_3", 36),
    "cisa-bod-26-04-1.0.0": ("cisa/cisa_bod_26_04_1_0_0", 16),
    "ssvc-utility-1.0.0": ("ssvc/utility_1_0_0", 4),
    "ssvc-public-safety-impact-1.0.0": ("ssvc/public_safety_impact_1_0_0", 4),
    "ssvc-deployer-patch-1.0.0": ("ssvc/deployer_patch_application_priority_1_0_0", 72),
    "ssvc-human-impact-1.0.0": ("ssvc/human_impact_1_0_0", 16),
}


@pytest.mark.parametrize("name", TABLES)
def test_every_row_of_the_published_csv_gives_the_published_outcome(suites, name):
    published, count = TABLES[name]
    table = read_table((POLICIES / f"{name}.yaml").read_text(encoding="utf-8"))
    headings = {heading(point): point for point in (*table.points, table.outcome)}
    with (suites / "ssvc" / "csv" / f"{published}.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == len(table.rows) == count
    for row in rows:
        del row["row"]
        answers = {
            headings[title].id: key_of(headings[title], value) for title, value in row.items()
        }
        expected = answers.pop(table.outcome.id)
        assert table.decide(answers) == expected, row


def heading(point):
    """How the published csv files head a column."""
    suffix = "" if point.namespace == "ssvc" else f" ({point.namespace})"
    return f"{point.name} v{point.version}{suffix}"


def key_of(point, lower_name):
    return next(key for key, name in point.values if name.lower() == lower_name)


@pytest.mark.parametrize("name", TABLES)
def test_our_form_and_the_official_json_form_are_the_same_table(suites, name):
    published, _ = TABLES[name]
    official = (suites / "ssvc/json/decision_tables" / f"{published}.json").read_text()
    theirs = read_table(official)
    ours = read_table((POLICIES / f"{name}.yaml").read_text(encoding="utf-8"))
    assert (ours.id, ours.points, ours.outcome) == (theirs.id, theirs.points, theirs.outcome)
    assert ours.rows == theirs.rows
    assert ours.rises


def test_every_published_decision_table_is_read_complete_and_rising(suites):
    files = sorted((suites / "ssvc/json/decision_tables").rglob("*.json"))
    tables = [read_table(path.read_text()) for path in files]
    assert len(tables) == 16
    assert [fault for table in tables for fault in falls(table)] == []


def test_every_selection_list_passes_the_published_schema(suites):
    schema = json.loads((suites / "ssvc/schema/v2/SelectionList_2_0_0.schema.json").read_text())
    validator = jsonschema_rs.validator_for(schema, validate_formats=True)
    table = read_table((POLICIES / "cisa-bod-26-04-1.0.0.yaml").read_text(encoding="utf-8"))
    for combination in itertools.product(*(point.keys for point in table.points)):
        chosen = {point.id: (key,) for point, key in zip(table.points, combination, strict=True)}
        document = selection_list(
            table,
            chosen,
            outcome=table.possible(chosen),
            at=datetime(2026, 12, 7, tzinfo=UTC),
            targets=("CVE-2026-0001",),
        )
        validator.validate(document)
