"""The main job, run as its user runs it, against what is true of the examples."""

import json
import os
import subprocess
import sys
import time

import pytest


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Run `up --once --json` twice on one fresh installation."""
    home = tmp_path_factory.mktemp("up")
    home.chmod(0o711)
    return [_up(home / "home"), _up(home / "home")]


def _up(home):
    begin = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "clearhouse.app", "up", "--once", "--json"],
        env=os.environ | {"CLEARHOUSE_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 1, "standard output holds one JSON document and nothing else"
    return json.loads(lines[0]) | {"wall_s": time.monotonic() - begin, "stderr": done.stderr}


@pytest.fixture(scope="module")
def truth(request):
    return json.loads((request.config.rootpath / "examples" / "truth.json").read_text())


def test_every_report_of_the_examples_is_taken_in(runs, truth):
    assert runs[0]["reports"] == truth["expected"]["reports"]


def test_findings_are_what_proof_alone_can_join(runs, truth):
    assert runs[0]["findings"] == truth["expected"]["findings_after_proven_merges"]
    assert runs[0]["merged"] == runs[0]["reports"] - runs[0]["findings"]


def test_no_two_different_vulnerabilities_are_merged(runs, truth):
    of_report = {
        (entry["file"].rpartition("/")[2], entry["index"]): entry["vulnerability"] or entry["file"]
        for entry in truth["reports"]
    }
    for members in runs[0]["merged_reports"]:
        assert len({of_report[file, index] for file, index in members}) == 1, members


@pytest.fixture(scope="module")
def invented(truth):
    return {
        (entry["file"].rpartition("/")[2], entry["index"]): entry["invented"]
        for entry in truth["reports"]
        if entry["invented"]
    }


def test_nothing_but_invented_reports_is_flagged(runs, invented):
    flagged = {(entry["file"], entry["index"]): entry for entry in runs[0]["flagged"]}
    refutable = {place for place, lie in invented.items() if lie["refutable_without_source"]}
    assert refutable <= flagged.keys() <= invented.keys()
    assert runs[0]["invented"] == len(flagged)
    assert all(entry["reasons"] and entry["verdict"] for entry in flagged.values())


def test_every_invented_report_is_flagged_or_says_what_stood_in_the_way(runs, invented):
    flagged = {(entry["file"], entry["index"]) for entry in runs[0]["flagged"]}
    said = {
        (entry["file"], entry["index"]): " ".join(entry["not_established"])
        for entry in runs[0]["not_established"]
    }
    waiting = runs[0]["rooms"]["validate"]["examinations waiting"]
    for place in invented.keys() - flagged:
        assert waiting or "could not be had" in said[place], (place, said[place])


def test_examinations_wait_for_nobody(runs, truth):
    """What was not examined in time is left for later, and said; the screen comes regardless."""
    rooms = runs[0]["rooms"]["validate"]
    asked = rooms["examinations waiting"] + rooms["examinations done"]
    assert asked == truth["expected"]["reports"]
    assert rooms["examinations running"] == 0


def test_some_cases_are_open_and_some_advisories_published(runs):
    assert runs[0]["cases"] > runs[0]["advisories"] > 0
    assert set(runs[0]["rooms"]) == {
        "deconflict", "intake", "match", "validate", "prioritize", "coordinate", "publish",
        "deliver",
    }  # fmt: skip


def test_the_ledger_has_a_signed_head(runs):
    assert runs[0]["ledger"]["size"] > runs[0]["reports"]
    assert len(runs[0]["ledger"]["head"]) == 64


def test_the_second_run_is_quick_and_changes_nothing(runs):
    first, second = runs
    assert second["wall_s"] < 20
    for number in ("reports", "findings", "merged", "suggested", "cases", "advisories"):
        assert second[number] == first[number], number
    # What an earlier run left waiting may be examined by now; nothing is taken back.
    assert second["invented"] >= first["invented"]
    done = [one["rooms"]["validate"]["examinations done"] for one in (first, second)]
    assert done[0] <= done[1]


def test_no_report_text_is_printed_while_clearing(runs, request):
    texts = [
        path.read_bytes() for path in (request.config.rootpath / "examples" / "reports").iterdir()
    ]
    printed = runs[0]["stderr"].encode()
    words = [line for line in printed.splitlines() if len(line) > 40]
    assert not [line for line in words for text in texts if line in text]
