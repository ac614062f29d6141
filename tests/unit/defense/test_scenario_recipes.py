import json
import zipfile

import pytest
import yaml

from clearhouse.defense.enroll.sigma.regression import regression
from clearhouse.defense.exercise.record import Tier
from clearhouse.defense.exercise.run import exercise
from clearhouse.defense.scenario.audit import audit
from clearhouse.defense.scenario.grade import Claim
from clearhouse.defense.scenario.pack import PackError
from clearhouse.defense.scenario.recipes import known
from clearhouse.defense.scenario.recipes.windows import evtx_to_mitre, otrf
from clearhouse.defense.scenario.truth import TruthClass, steps
from defense_scene import NOON, event, house_sigma


def line(one):
    return json.dumps({**one.fields, "@timestamp": one.at.isoformat(), "Hostname": "mordor"})


def mordor(folder):
    """Two recordings in the shape of the repository; one file of a third is absent."""
    about = folder / "datasets" / "atomic" / "_metadata"
    about.mkdir(parents=True)
    bad = event(1, CommandLine="vssadmin delete shadows", Image="C:\\x\\vssadmin.exe")
    for number, one in enumerate((bad, event(9, CommandLine="work"))):
        with zipfile.ZipFile(folder / "datasets" / f"{number}.zip", "w") as archive:
            archive.writestr(
                "a.json", line(one) + "\n" + line(event(20 + number, CommandLine="quiet"))
            )
    for number in range(3):
        (about / f"SD-{number}.yaml").write_text(yaml.safe_dump({
            "attack_mappings": [{"technique": "T1490", "sub-technique": None}, {"technique": "T1086"}],
            "platform": ["Windows"],
            "files": [{"type": "Host", "link": f"https://x/master/Datasets/{number}.zip"}, {"type": "Network", "link": "https://x/master/n.zip"}],
        }))  # fmt: skip
    return folder


def test_recordings_with_labels_become_a_pack_that_says_how_little_such_labels_say(tmp_path):
    made = otrf(mordor(tmp_path / "copy"), tmp_path / "pack", verified=False)
    assert [one.attack for one in made.truths] == ["SD-0/0", "SD-0/0", "SD-1/1", "SD-1/1"]
    assert len(made.events) == 4
    found = audit(made)
    assert not found.allows(Claim.FALSE_ALARMS)
    assert next(one for one in found.checks if one.name == "renamed").value == 0.5
    ran = exercise(house_sigma(), made, found, now=NOON)
    assert ran.void == ()
    assert ran.tier(Tier.PLACE).found.value == 0.5
    assert ran.tier(Tier.EXACT).found.value == 0.25
    assert ran.load is None


def test_a_recording_without_labels_is_kept_as_unknown_and_is_no_step(tmp_path):
    folder = mordor(tmp_path / "copy")
    host = folder / "datasets" / "atomic" / "windows" / "discovery" / "host"
    host.mkdir(parents=True)
    with zipfile.ZipFile(host / "odd.zip", "w") as archive:
        archive.writestr("odd.json", line(event(50, CommandLine="who knows")))
    made = otrf(folder, tmp_path / "pack", verified=False)
    (odd,) = (one for one in made.truths if one.kind is TruthClass.UNKNOWN)
    assert (odd.attack, odd.technique, len(odd.events)) == ("unlabelled/odd", None, 1)
    assert odd not in steps(made.truths)


def test_files_that_differ_are_refused_by_name_and_files_that_are_unknown_left_out(
    tmp_path, monkeypatch
):
    folder = mordor(tmp_path / "copy")
    hashes = {"datasets/0.zip": known.sha256_of(folder / "datasets" / "0.zip")}
    monkeypatch.setattr(known, "known_files", lambda _recipe: hashes)
    assert {one.attack for one in otrf(folder, tmp_path / "pack").truths} == {"SD-0/0"}
    hashes["datasets/1.zip"] = "0" * 64
    with pytest.raises(PackError, match=r"1 of 2 files .* datasets/1\.zip; fetch"):
        otrf(folder, tmp_path / "again")


def test_a_folder_without_labelled_recordings_is_refused(tmp_path):
    (tmp_path / "copy").mkdir()
    for recipe in (otrf, evtx_to_mitre):
        with pytest.raises(PackError, match="no labelled recording"):
            recipe(tmp_path / "copy", tmp_path / recipe.__name__)


def test_rules_are_run_on_the_recordings_that_are_made_for_them(tmp_path):
    rule = next(one for one in house_sigma().rules.rules if one.title == "Shadow copies deleted")
    bad = event(1, CommandLine="vssadmin delete shadows", Image="C:\\x\\vssadmin.exe")
    (tmp_path / f"{rule.id}.json").write_text(line(bad))
    (tmp_path / "other.json").write_text(line(bad))
    from clearhouse.defense.scenario.attack_map import policy_file

    found = regression([policy_file("sigma-1")], tmp_path)
    assert (found.fired, found.recordings, found.silent) == (1, 2, ("other.json",))
    assert found.known == 0
