import json
import os
import signal
import subprocess
import sys
import time

import pytest

from clearhouse.clearing.publish import files

ID = "CLR-2026-00001"


def plan(revision=1, osv=b"osv 1", csaf=b"csaf 1", proof=b"proof 1", id_=ID):
    return files.plan(id_, revision, documents={"osv.json": osv, "csaf.json": csaf}, proof=proof)


def shown(folder):
    """Return what a reader sees of the advisory."""
    link = folder / "2026" / ID
    return {path.name: path.read_bytes() for path in sorted(link.iterdir())}


def test_an_issue_is_public_with_all_its_files(tmp_path):
    assert files.write(tmp_path, plan()) == b"proof 1"
    assert shown(tmp_path) == {
        "csaf.json": b"csaf 1",
        "osv.json": b"osv 1",
        "proof.json": b"proof 1",
    }


def test_writing_again_changes_nothing_and_keeps_the_first_proof(tmp_path):
    files.write(tmp_path, plan())
    before = {path: path.lstat().st_mtime_ns for path in sorted(tmp_path.rglob("*"))}
    assert files.write(tmp_path, plan(proof=b"a later proof")) == b"proof 1"
    assert {path: path.lstat().st_mtime_ns for path in sorted(tmp_path.rglob("*"))} == before


def test_a_new_issue_replaces_the_public_one_and_the_earlier_one_stays(tmp_path):
    files.write(tmp_path, plan())
    files.write(tmp_path, plan(revision=2, osv=b"osv 2"))
    assert shown(tmp_path)["osv.json"] == b"osv 2"
    assert len(list((tmp_path / ".issues").iterdir())) == 2


def test_the_folder_may_be_moved_as_a_whole(tmp_path):
    files.write(tmp_path / "here", plan())
    (tmp_path / "here").rename(tmp_path / "there")
    assert shown(tmp_path / "there")["csaf.json"] == b"csaf 1"


@pytest.mark.parametrize(
    ("id_", "revision"),
    [("../CLR-2026-00001", 1), ("CLR-2026-00001/..", 1), ("CLR-2026-1", 1), ("", 1), (ID, 0)],
)
def test_an_id_that_could_lead_elsewhere_is_refused(id_, revision):
    with pytest.raises(ValueError, match="advisory id"):
        plan(revision, id_=id_)


def test_what_a_killed_writer_left_does_not_disturb(tmp_path):
    wanted = plan()
    part = (tmp_path / wanted.issue).with_name(f"{wanted.issue.split('/')[1]}.{os.getpid()}.part")
    part.mkdir(parents=True)
    (part / "osv.json").write_bytes(b"half")
    (tmp_path / "2026").mkdir()
    (tmp_path / "2026" / f".{ID}.{os.getpid()}").symlink_to("nowhere")
    files.write(tmp_path, wanted)
    assert shown(tmp_path)["osv.json"] == b"osv 1"


def test_another_process_that_was_first_is_no_error(tmp_path, monkeypatch):
    wanted = plan()
    original = files._write_file

    def slow(path, data):
        original(path, data)
        issue = tmp_path / wanted.issue
        if path.name == "proof.json" and not issue.exists():
            issue.mkdir()
            for name, content in wanted.files:
                original(issue / name, b"first" if name == "proof.json" else content)

    monkeypatch.setattr(files, "_write_file", slow)
    assert files.write(tmp_path, wanted) == b"first"
    assert [path.name for path in (tmp_path / ".issues").iterdir()] == [
        (tmp_path / wanted.issue).name
    ]


def test_a_disk_that_refuses_is_told_and_nothing_is_public(tmp_path):
    wanted = plan()
    (tmp_path / ".issues").write_text("a file where a folder should be")
    with pytest.raises(OSError, match=r"\.issues"):
        files.write(tmp_path, wanted)
    assert not (tmp_path / "2026").exists()


def test_a_name_that_is_taken_by_a_file_is_told(tmp_path):
    wanted = plan()
    (tmp_path / ".issues").mkdir()
    (tmp_path / wanted.issue).write_text("in the way")
    with pytest.raises(OSError, match="CLR-2026"):
        files.write(tmp_path, wanted)
    assert not (tmp_path / "2026").exists()


ENTRIES = [
    {"id": "CLR-2026-00001", "published": "2026-01-01T00:00:00Z"},
    {"id": "CLR-2026-00002", "published": "2026-02-01T00:00:00Z"},
]


def test_the_index_lists_the_newest_first_and_is_only_replaced_when_it_changes(tmp_path):
    index = files.write_index(tmp_path / "new", ENTRIES)
    assert [one["id"] for one in json.loads(index.read_text())["advisories"]] == [
        "CLR-2026-00002",
        "CLR-2026-00001",
    ]
    before = index.stat().st_ino
    files.write_index(tmp_path / "new", reversed(ENTRIES))
    assert index.stat().st_ino == before
    files.write_index(tmp_path / "new", ENTRIES[:1])
    assert len(json.loads(index.read_text())["advisories"]) == 1


WRITER = """
import sys
from pathlib import Path
from clearhouse.clearing.publish import files
folder = Path(sys.argv[1])
print("ready", flush=True)
for revision in range(1, 1_000_000):
    text = (str(revision) * 20_000).encode()
    files.write(folder, files.plan(
        "CLR-2026-00001", revision, documents={"osv.json": text, "csaf.json": text}, proof=text))
"""


def test_killed_at_any_instant_a_reader_sees_one_whole_issue(tmp_path):
    seen = set()
    for kill in range(12):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path)],
            stdout=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": "src"},
        )
        assert writer.stdout.readline() == b"ready\n"
        time.sleep(0.004 * kill)
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        writer.stdout.close()
        if (tmp_path / "2026" / ID).exists():
            found = shown(tmp_path)
            assert set(found) == {"csaf.json", "osv.json", "proof.json"}
            assert len(set(found.values())) == 1  # one issue, not a mixture of two
            assert found["osv.json"] == b"x" or len(found["osv.json"]) % 20_000 == 0
            seen.add(found["osv.json"])
        files.write(tmp_path, plan(revision=1, osv=b"x", csaf=b"x", proof=b"x"))  # it goes on
        assert shown(tmp_path)["osv.json"] == b"x"
    assert len(seen) > 1
