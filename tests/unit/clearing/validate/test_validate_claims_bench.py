"""The set of genuine reports is large and well formed; a sample of it is looked up where cached."""

import os
from pathlib import Path

import pytest

from clearhouse.clearing.validate.claims_bench import (
    ClaimsDataError,
    as_json,
    read_reports,
    run_reports,
)
from clearhouse.clearing.validate.sources.allowed import Repositories
from clearhouse.clearing.validate.sources.shelf import SourceShelf

PROJECT = Path(__file__).resolve().parents[4]
GENUINE = PROJECT / "tests" / "claims" / "genuine.yaml"
SAMPLE = (
    "pypi/pyjwt@", "pypi/requests@2.30.0", "pypi/joblib@", "pypi/mako@", "pypi/bottle@",
    "npm/minimist@", "npm/semver@", "npm/ini@", "npm/y18n@", "npm/json5@",
)  # fmt: skip


def test_the_set_is_as_large_as_it_is_said_to_be():
    reports = read_reports(GENUINE)
    assert len(reports) >= 100
    assert len({name for name, _ in reports}) == len(reports)
    assert all(draft.locations for _, draft in reports)
    kinds = [draft.purl.split("/")[0] for _, draft in reports]
    assert min(kinds.count("pkg:pypi"), kinds.count("pkg:npm")) >= 40


def test_no_genuine_report_of_the_sample_is_contradicted(tmp_path):
    folder = os.environ.get("CLEARHOUSE_VALIDATE_CACHE", PROJECT / ".clearhouse" / "validate")
    shelf = SourceShelf(Path(folder) / "source")
    reports = [one for one in read_reports(GENUINE) if any(part in one[0] for part in SAMPLE)]
    assert len(reports) == len(SAMPLE)
    cases = run_reports(reports, shelf, Repositories(tmp_path))
    if all(case.missing for case in cases):
        pytest.skip("neither a cache of sources nor a registry is here")
    measured = as_json(cases)
    assert measured["contradicted_reports"] == 0
    held = sum(case["holds"] for case in measured["cases"])
    assert held >= measured["looked_at"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a: [", "cannot be read"),
        ("a: 1", "not a list"),
        ("- {id: a}", "entry 1 needs"),
        ("- {id: a, purl: 'pkg:pypi/a', version: '1', text: t, functions: x}", "are lists"),
        ("- {id: a, purl: 'pkg:pypi/a', version: '1', text: t, places: [{x: 1}]}", "a place has"),
    ],
)
def test_a_set_that_is_not_as_it_must_be_names_the_entry(tmp_path, text, reason):
    file = tmp_path / "set.yaml"
    file.write_text(text)
    with pytest.raises(ClaimsDataError, match=reason):
        read_reports(file)


def test_a_place_is_read_whole(tmp_path):
    file = tmp_path / "set.yaml"
    file.write_text(
        "- {id: a, purl: 'pkg:pypi/a', version: '1', text: t,"
        " places: [{file: a.py, function: f, line: 3, snippet: x = 1}]}"
    )
    (place,) = read_reports(file)[0][1].locations
    assert (place.file, place.function, place.line, place.snippet) == ("a.py", "f", 3, "x = 1")
