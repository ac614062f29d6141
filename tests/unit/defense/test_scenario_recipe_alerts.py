import hashlib

import pytest

from clearhouse.defense.enroll.record import Budget, View
from clearhouse.defense.enroll.recorded import Recorded
from clearhouse.defense.exercise.load import alert_load
from clearhouse.defense.exercise.record import Tier
from clearhouse.defense.exercise.run import exercise
from clearhouse.defense.scenario.audit import audit
from clearhouse.defense.scenario.pack import PackError
from clearhouse.defense.scenario.recipes import known
from clearhouse.defense.scenario.recipes.alerts import ait
from defense_scene import NOON, alerts_of_a_network


def test_each_network_becomes_a_pack_whose_events_do_not_say_what_is_an_attack(tmp_path):
    (made,) = ait(alerts_of_a_network(tmp_path / "copy"), tmp_path / "packs", verified=False)
    assert (made.name, len(made.events)) == ("ait-alerts-oak-1", 6)
    assert all("label" not in name for one in made.events for name in one.fields)
    assert {one.title: len(one.events) for one in made.truths} == {"network scans": 2, "dnsteal": 1}
    assert "not verified" in made.scenario.provenance


def test_the_audit_finds_that_an_attack_is_labelled_outside_its_own_phase(tmp_path):
    (made,) = ait(alerts_of_a_network(tmp_path / "copy"), tmp_path / "packs", verified=False)
    check = next(one for one in audit(made).checks if one.name == "contradicted")
    assert "1 of 3 labelled events lie outside" in check.words


def test_the_tools_of_a_recording_are_measured_as_tools(tmp_path):
    (made,) = ait(alerts_of_a_network(tmp_path / "copy"), tmp_path / "packs", verified=False)
    ran = exercise(Recorded("AMiner"), made, audit(made), now=NOON)
    assert ran.void == ()
    reached = {one.step: one.reached for one in ran.steps}
    assert Tier.PLACE in reached["oak-network_scans"]
    assert Tier.PLACE not in reached["oak-dnsteal"]
    assert ran.load.findings == 1
    suricata = Recorded("Suricata").run(View(events=made.events), Budget()).findings
    assert alert_load(suricata, made.truths, made.events.span()).findings == 0


def test_a_recorded_tool_is_stopped_at_the_budget(tmp_path):
    (made,) = ait(alerts_of_a_network(tmp_path / "copy"), tmp_path / "packs", verified=False)
    output = Recorded("AMiner").run(View(events=made.events), Budget(findings=1))
    assert len(output.findings) == 1
    assert output.usage.faults == ("stopped at 1 findings",)


def test_other_files_than_the_recipe_was_made_for_are_refused_by_name(tmp_path, monkeypatch):
    folder = alerts_of_a_network(tmp_path / "copy")
    with pytest.raises(PackError, match=r"2 of 2 files .* alerts_csv/alerts_csv\.zip"):
        ait(folder, tmp_path / "packs")
    files = ("alerts_csv/alerts_csv.zip", "attacktimes.py")
    hashes = {one: hashlib.sha256((folder / one).read_bytes()).hexdigest() for one in files}
    monkeypatch.setattr(known, "known_files", lambda _recipe: hashes)
    assert len(ait(folder, tmp_path / "packs")) == 1


def test_a_folder_that_is_no_copy_and_a_network_without_phases_are_refused(tmp_path):
    with pytest.raises(PackError, match="give the folder of the copy"):
        ait(tmp_path, tmp_path / "packs")
    folder = alerts_of_a_network(tmp_path / "copy")
    (folder / "attacktimes.py").write_text("phase = 3")
    with pytest.raises(PackError, match="no phases of the network oak"):
        ait(folder, tmp_path / "packs", verified=False)


@pytest.mark.parametrize("recipe", ["ait", "evtx-to-mitre", "otrf", "sigma-regression"])
def test_the_lists_of_known_files_are_what_sha256sum_reads(recipe):
    listed = known.known_files(recipe)
    assert listed
    assert all(len(one) == 64 and int(one, 16) >= 0 for one in listed.values())
    assert all(one and not one.startswith(("/", " ")) for one in listed)
