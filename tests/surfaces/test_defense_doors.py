import html
import json
import re
from pathlib import Path

import pytest

from clearhouse.defense.compare.card import document
from clearhouse.surfaces.cli import defense as door
from clearhouse.surfaces.cli.defense_run import _measured
from clearhouse.surfaces.cli.defense_tools import enrolled
from clearhouse.surfaces.web.defense_view import figures, report, verdict
from command_line import command_line
from defense_scene import alerts_of_a_network, event, small_office


@pytest.fixture
def run(app):
    return command_line(app, "defense")


@pytest.fixture(scope="module")
def made():
    from clearhouse.defense.enroll.record import Budget

    with enrolled(["scripted", "sigma", "rarity"], price=None, remote=False) as tools:
        return _measured(small_office(), tools, Budget(), 1, probes=False)


def pack_folder():
    return small_office().folder


def test_the_help_names_every_command(run):
    text = run("--help").stdout
    assert all(
        name in text
        for name in ("demo", "audit", "run", "compare", "baseline", "transplant", "report")
    )


def test_without_the_extra_every_command_says_what_to_do(run, monkeypatch):
    monkeypatch.setattr(door, "NEEDED", ("no_such_package",))
    result = run("audit", "x", code=69)
    assert "start it through ./clearhouse" in result.stderr


def test_an_audit_prints_the_grade_and_what_may_be_claimed(run):
    assert json.loads(run("audit", pack_folder(), "--json").stdout)["grade"] == "B"
    assert "may claim: detection" in run("audit", pack_folder()).stdout


def test_a_pack_is_signed_and_audited_only_when_the_right_key_signed_it(run, tmp_path):
    run("office", tmp_path / "pack", "--pace", "0.05")
    key = "A" * 43 + "="
    assert "is not signed" in run("audit", tmp_path / "pack", "--key", key, code=65).stderr
    mine = json.loads(run("sign", tmp_path / "pack", "--json").stdout)["key"]
    run("audit", tmp_path / "pack", "--key", key, code=1)
    said = json.loads(run("audit", tmp_path / "pack", "--key", key, "--key", mine, "--json").stdout)
    assert len(said["signed_by"]) == 1
    assert (
        f"signed by {said['signed_by'][0]}" in run("audit", tmp_path / "pack", "--key", mine).stdout
    )
    (tmp_path / "pack" / "truth.jsonl").write_text("")
    assert (
        "not as the manifest says" in run("audit", tmp_path / "pack", "--key", mine, code=65).stderr
    )


def test_a_folder_that_is_no_pack_ends_with_65(run, tmp_path):
    assert "no scenario pack" in run("audit", tmp_path, code=65).stderr


def test_a_run_writes_card_envelopes_and_report_and_the_signature_verifies(run, app, tmp_path):
    import base64

    into = tmp_path / "result"
    said = json.loads(run("run", pack_folder(), "--no-probes", "--into", into, "--json").stdout)
    assert [one["tool"] for one in said["exercises"]] == ["sigma", "rarity"]
    assert {one.name for one in into.iterdir()} == {
        "card.json",
        "card.dsse.json",
        "shared.dsse.json",
        "report.html",
    }
    key = base64.b64encode(app.desk.keys.signing_key().public_key().public_bytes_raw()).decode()
    assert "a trusted key signed it" in run("verify", into / "card.dsse.json", "--key", key).stdout
    other = base64.b64encode(bytes(31) + b"\x01").decode()
    run("verify", into / "card.dsse.json", "--key", other, code=1)
    pairs = json.loads(run("compare", into / "card.json", "--json").stdout)["comparisons"]
    assert [one["relation"] for one in pairs] == ["not-distinguishable"]
    run("report", into / "card.json", tmp_path / "page.html")
    assert (tmp_path / "page.html").read_text() == (into / "report.html").read_text()
    (into / "card.json").write_text("{}")
    run("compare", into / "card.json", code=65)


@pytest.mark.parametrize(
    "spec", ["nothing", "openai:http://x", "http", "siem", "cli:folder", "mcp"]
)
def test_a_tool_that_is_not_described_is_a_wrong_command_line(run, spec):
    assert "no tool" in run("run", pack_folder(), "--tool", spec, code=2).stderr


def test_a_tool_that_cannot_be_reached_ends_with_69_before_anything_is_measured(run):
    assert (
        "not this machine"
        in run("run", pack_folder(), "--tool", "http:http://10.0.0.9", code=69).stderr
    )


def test_every_kind_of_tool_can_be_described(tmp_path):
    specs = ["sigma", "rarity", "suricata", "gullible", "openai:http://127.0.0.1:1/v1#m", "http:http://127.0.0.1:1",
             f"siem:{tmp_path}/a", f"human:{tmp_path}/b", f"cli:{tmp_path}:python3 /tool/x.py"]  # fmt: skip
    with enrolled(specs, price=2.0, remote=False) as tools:
        names = [one.name for one in tools]
    assert names == [
        "sigma",
        "rarity",
        "suricata",
        "gullible-agent",
        "m",
        "http",
        "siem",
        "analyst",
        "command",
    ]


def own_logs(folder, *, bad=False):
    folder.mkdir()
    events = [
        event(
            minute,
            host=f"desk-0{number}.local",
            CommandLine="work",
            Image="C:\\w.exe",
            User=f"L\\user{number}",
        )
        for minute in range(0, 8 * 1440, 120)
        for number in (1, 2)
    ]
    if bad:
        events.append(event(7, CommandLine="vssadmin delete shadows", Image="C:\\x\\vssadmin.exe"))
    lines = [json.dumps({**one.fields, "@timestamp": one.at.isoformat()}) for one in events]
    (folder / "log.json").write_text("\n".join(lines))
    return folder


def test_one_folder_in_gives_one_page_out(run, tmp_path):
    result = run("here", own_logs(tmp_path / "logs"), "--into", tmp_path / "out")
    assert "sigma: found" in result.stdout
    page = (tmp_path / "out" / "report.html").read_text()
    assert "small-office-transplanted" in page
    assert "kestrel" not in page.lower()


def test_a_possible_real_intrusion_stops_before_anything_is_measured(run, tmp_path):
    logs = own_logs(tmp_path / "logs", bad=True)
    assert "POSSIBLE REAL INTRUSION" in run("here", logs, "--into", tmp_path / "out", code=1).stdout
    assert not (tmp_path / "out" / "report.html").exists()


def test_a_baseline_is_taken_attacks_are_moved_into_it_and_a_sample_is_judged(run, tmp_path):
    own = tmp_path / "own"
    found = json.loads(run("baseline", own_logs(tmp_path / "logs"), "--into", own, "--json").stdout)
    assert found["logs"] == ["windows"]
    assert any(found["visible"].values())
    assert not all(found["visible"].values())
    moved = json.loads(
        run(
            "transplant",
            pack_folder(),
            "--baseline",
            own,
            "--into",
            tmp_path / "moved",
            "--rename",
            "kestrel=clinic",
            "--json",
        ).stdout
    )
    assert moved["leaks"] == 0
    assert (
        "clinic" in str([one.host for one in small_office().events])
        or moved["events"] > found["events"]
    )
    planted = tmp_path / "planted-own"
    planted.mkdir()
    (planted / "events").symlink_to(tmp_path / "moved" / "events")
    form = tmp_path / "sample.csv"
    assert json.loads(run("adjudicate", planted, form, "--json").stdout)["drawn"] > 5
    text = form.read_text()
    assert re.search(r", desk-0\d", text)
    form.write_text(re.sub(r",(\r?\n)", r",false\1", text.replace("judgement", "judgement")))
    said = run("adjudicate", planted, form).stdout
    assert "false alarms a day" in said
    rows = form.read_text().splitlines()
    form.write_text("\n".join([rows[0], rows[1].replace(",false", ",real"), *rows[2:]]))
    assert "POSSIBLE REAL INTRUSION" in run("adjudicate", planted, form).stdout


def test_the_form_and_the_bulk_file_are_written(run, tmp_path):
    assert "tasks" in run("form", pack_folder(), tmp_path / "form.csv").stdout
    assert "events" in run("export", pack_folder(), tmp_path / "bulk.ndjson").stdout
    assert "small-office" in run("office", tmp_path / "o", "--pace", "0.05").stdout


def test_the_report_is_one_page_that_needs_nothing_beside_it_and_draws_every_picture(made):
    page = report(made)
    titles = [one.title for one in figures(made)]
    assert len(titles) == 8
    assert page.count("<svg") == 8
    assert all(title in html.unescape(page) for title in titles)
    assert "<script" not in page
    assert not re.search(r'(?:src|href)="http', page)
    assert "What this test cannot tell you" in page


def test_more_questions_let_a_hunter_find_more(made):
    scripted, *baselines = made.exercises
    assert [one.queries for one in scripted.hunts] == [5, 10, 20]
    found = [one.found.value for one in scripted.hunts]
    assert found == sorted(found)
    assert 0 < found[0] < found[2]
    assert all(one.chance < one.found.value for one in scripted.hunts)
    assert all(one.hunts == () for one in baselines)
    assert "Findings of hunts that are about an attack" in report(made)


def test_the_verdict_is_one_sentence_with_n_and_the_baselines(made):
    said = verdict(made)
    assert said.startswith("On 17 attacks in 29 steps, scripted-agent found 79%")
    assert "not distinguishable from sigma and rarity" in said


def test_a_page_never_shows_numbers_of_a_tool_whose_adapter_failed(made):
    from dataclasses import replace

    void = replace(made.exercises[0], void=("empty log: 3 findings",), steps=())
    page = report(replace(made, exercises=(void, *made.exercises[1:]), comparisons=()))
    assert "does not count" in page
    assert "empty log: 3 findings" in page
    nothing = replace(made, exercises=(void,), comparisons=())
    assert "No tool has numbers" in verdict(nothing)
    assert figures(nothing) == []
    assert "<svg" not in report(nothing)
    assert document(nothing)


def test_what_a_tool_says_cannot_become_markup(made):
    from dataclasses import replace

    evil = replace(made.exercises[0], tool="<script>alert(1)</script>")
    page = report(replace(made, exercises=(evil, *made.exercises[1:])))
    assert "<script>alert" not in page
    assert Path(pack_folder()).is_dir()


def test_a_grade_without_claims_says_so_instead_of_a_number(made):
    from dataclasses import replace

    poor = replace(made, audit=replace(made.audit, claims=()))
    assert "nothing can be said of tools" in verdict(poor)


def test_public_recordings_are_converted_and_rules_tested_from_the_command_line(run, tmp_path):
    from clearhouse.defense.scenario.attack_map import policy_file

    (tmp_path / "copy").mkdir()
    run("convert", "otrf", tmp_path / "copy", "--into", tmp_path / "p", code=65)
    several = run("convert", "ait", alerts_of_a_network(tmp_path / "ait"), "--unverified", "--json",
                  "--into", tmp_path / "networks").stdout  # fmt: skip
    assert [one["pack"] for one in json.loads(several)["packs"]] == ["ait-alerts-oak-1"]
    (tmp_path / "copy" / "no-such-rule.json").write_text("{}")
    rules = policy_file("sigma-1")
    assert "0 of 1" in run("selftest", rules, "--recordings", tmp_path / "copy", code=1).stdout


def test_rules_are_rehearsed_on_ones_own_days(run, tmp_path):
    from clearhouse.defense.scenario.attack_map import policy_file

    said = run("rehearse", policy_file("sigma-1"), "--baseline", pack_folder()).stdout
    assert "a day [" in said
    assert "s of processor a million events" in said
