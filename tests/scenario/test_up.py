"""The main job, run as its user runs it, against what is true of the examples; then its tour."""

import json
import os
import shlex
import subprocess
import sys
import time
from datetime import timedelta

import pytest

from clearhouse.app import Settings, build
from clearhouse.clearing.publish import operations as publish
from clearhouse.surfaces.cli.owner import owner
from clearhouse.surfaces.cli.up import _first_page
from clearhouse.surfaces.web.desk.tour_steps import STEP, STEPS, Place
from visitor import Visitor


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    folder = tmp_path_factory.mktemp("up")
    folder.chmod(0o711)
    return folder / "home"


@pytest.fixture(scope="module")
def runs(home):
    """Run `up --once --json` twice on one fresh installation."""
    return [_up(home), _up(home)]


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


@pytest.fixture(scope="module")
def traveller(runs, home, request):
    """The owner of the installation, come to the desk by the launcher's link."""
    assert runs
    known = request.config.rootpath / "examples" / "known"
    app = build(Settings(home=home, known=known))
    me = owner(app)
    assert _first_page(app, me) == "/tour"
    yield app, Visitor(app.desk, me)
    app.stop()


def _go(desk, place):
    """Go on the tour to a place and return its address and page."""
    answer = desk.send(desk.page("/tour"), f"/tour/to/{place}")
    address = answer.headers["location"].partition("?")[0]
    page = desk.page(answer.headers["location"])
    assert STEP[place].title in page.words
    return address, page


def test_the_tour_leads_through_the_example_flood_and_every_step_can_be_done(
    traveller, home, request
):
    app, desk = traveller
    for place in (Place.TODAY, Place.REFUTED, Place.EMBARGO):
        _, page = _go(desk, place)
        assert "CONTRADICTED" in page.words or place is not Place.REFUTED
        assert "Kept back for" in page.words or place is not Place.EMBARGO

    finding, page = _go(desk, Place.DUPLICATES)
    assert "Is it the same bug?" in page.words
    assert desk.send(page, f"{finding}/different").status_code == 303

    case, page = _go(desk, Place.RELEASE)
    instant = app.desk.database.clock() + timedelta(seconds=1)
    vendor = page.source.partition('name="vendor"><option value="')[2].partition('"')[0]
    answer = desk.send(page, f"{case}/date", vendor=vendor, when=f"{instant:%Y-%m-%dT%H:%M:%S.%f}")
    assert answer.status_code == 303
    time.sleep(1.1)
    assert len(publish.publish_due(app.desk)) == 1
    assert "published" in desk.page(case).words

    _go(desk, Place.OPERATOR)
    asked = shlex.split(STEP[Place.OPERATOR].command)[1:]
    asked = [str(home / "published") if one == ".clearhouse/published" else one for one in asked]
    done = subprocess.run(
        [sys.executable, "-m", "clearhouse.app", *asked, "--keep", str(home / "kept")],
        cwd=request.config.rootpath, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert "Are we affected?  Yes." in done.stdout

    _, page = _go(desk, Place.LEDGER)
    assert "embargo.agreed" in page.words
    assert "holds" in desk.send(page, "/ledger/verify").text
    assert "You have been everywhere" in desk.page("/tour").words
    assert desk.page("/tour").words.count("done") >= len(STEPS)
