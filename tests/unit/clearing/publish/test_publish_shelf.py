"""Whatever kills the process, readers of the folder find the state before or the state after."""

import os
import shutil
import signal
import sys

import pytest

from clearhouse.clearing.publish.shelf import BATCHES, Change, Shelf, ShelfError
from providers import seen

FIRST = Change(
    documents={"2026/A": {"osv.json": b"a1", "proof.json": b"p"}, "detections/A/r.yar": b"r"},
    aliases={"csaf/white/2026/a.json": "2026/A/osv.json"},
    indexes={"index.json": b"A", "osv/[EMPTY]/all.zip": b"zip", ".cards": b"A", "gone.txt": b"x"},
)
SECOND = Change(
    documents={"2026/A": {"osv.json": b"a2"}, "2026/B": {"osv.json": b"b1"}, "x.sig": b"s"},
    aliases={"csaf/white/2026/a.json": "2026/A/osv.json", "b": "2026/B"},
    indexes={"index.json": b"AB", ".well-known/csaf/provider-metadata.json": b"{}"},
    same=frozenset({"osv/[EMPTY]/all.zip", ".cards"}),
    gone=frozenset({"detections/A/r.yar"}),
)


@pytest.fixture
def undurable(monkeypatch):
    """Spare the disk: what a kill leaves is the same whether it was flushed or not."""
    monkeypatch.setattr(os, "fsync", lambda _: None)


def state(folder, *changes):
    for change in changes:
        Shelf(folder).put(change)
    return seen(folder)


def killed_at(step, folder, change):
    """Put a change in a process that is killed before its `step`-th act on the disk.

    Returns whether it came so far.
    """
    child = os.fork()
    if child == 0:
        acts = {"open", "os.mkdir", "os.rename", "os.link", "os.symlink", "os.remove", "os.rmdir"}
        count = 0

        def hook(event, arguments):
            nonlocal count
            if event in acts and any(str(folder) in str(one) for one in arguments):
                count += 1
                if count == step:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(hook)
        try:
            Shelf(folder).put(change)
            os._exit(0)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.waitstatus_to_exitcode(status) == 0
    return os.WIFSIGNALED(status)


def test_a_change_shows_everything_that_it_has(tmp_path):
    assert state(tmp_path, FIRST) == {
        "2026/A/osv.json": b"a1", "2026/A/proof.json": b"p", "csaf/white/2026/a.json": b"a1",
        "index.json": b"A", "osv/[EMPTY]/all.zip": b"zip", "gone.txt": b"x",
            "detections/A/r.yar": b"r",
    }  # fmt: skip
    assert state(tmp_path, SECOND) == {
        "2026/A/osv.json": b"a2", "2026/B/osv.json": b"b1", "b/osv.json": b"b1", "x.sig": b"s",
        "csaf/white/2026/a.json": b"a2", "index.json": b"AB", "osv/[EMPTY]/all.zip": b"zip",
        ".well-known/csaf/provider-metadata.json": b"{}",
    }  # fmt: skip
    shelf = Shelf(tmp_path)
    assert shelf.hidden(".cards") == b"A"
    assert shelf.hidden(".else") is None
    assert shelf.indexes() >= {"index.json", ".cards"}


def test_documents_that_a_change_does_not_name_stay_where_they_are(tmp_path):
    before = state(tmp_path, FIRST)
    after = state(tmp_path, Change(documents={"2026/B": {"osv.json": b"b"}}, indexes={}))
    assert after["2026/A/osv.json"] == before["2026/A/osv.json"]
    assert "index.json" not in after


PACE = 1 if os.environ.get("CLEARHOUSE_NIGHTLY") else 3
"""Every so many acts of a change it is killed; nightly before each."""


@pytest.mark.parametrize("already", [(), (FIRST, SECOND)])
@pytest.mark.usefixtures("undurable")
def test_killed_before_any_act_on_the_disk_everything_is_public_or_nothing(tmp_path, already):
    change = Change(
        documents={"2026/A": {"osv.json": b"a3"}, "2026/C": {"osv.json": b"c"}, "c.sha256": b"h"},
        aliases={"csaf/white/2026/a.json": "2026/A/osv.json"},
        indexes={"index.json": b"AC"},
        same=frozenset({"osv/[EMPTY]/all.zip"}),
        gone=frozenset({"x.sig", "never.there"}),
    )
    ready = tmp_path / "ready"
    before = state(ready, *already)
    wanted = state(tmp_path / "whole", *already, change)
    step, sides = 1, set()
    while True:
        folder = tmp_path / str(step)
        if already:
            shutil.copytree(ready, folder, symlinks=True)
        if not killed_at(step, folder, change):
            break
        shown = seen(folder)
        assert shown in (before, wanted), f"killed before act {step}"
        sides.add(shown == wanted)
        if step % 4 == 1:  # killed once more on the way back, at the same act, then left alone
            killed_at(step, folder, change)
            assert seen(folder) in (before, wanted), f"killed twice before act {step}"
        assert state(folder, change) == wanted
        assert not list((folder / BATCHES).glob("*.part"))
        step += PACE
    assert step > 30
    assert sides == {True, False}


@pytest.mark.usefixtures("undurable")
def test_a_killed_change_that_never_comes_again_leaves_nothing(tmp_path):
    last = 0
    for step in range(1, 200, 3):
        folder = tmp_path / str(step)
        before = state(folder, FIRST)
        if not killed_at(step, folder, SECOND):
            break
        if seen(folder) != before:
            break
        last = step
        assert state(folder, FIRST) == before
        assert not os.path.lexists(folder / "2026/B")
        assert not os.path.lexists(folder / "x.sig")
    assert last > 30


def test_what_stood_there_before_there_was_a_shelf_is_taken_over(tmp_path):
    (tmp_path / ".issues/A.1").mkdir(parents=True)
    (tmp_path / ".issues/A.1/osv.json").write_bytes(b"a0")
    (tmp_path / "2026").mkdir()
    (tmp_path / "2026/A").symlink_to("../.issues/A.1")
    (tmp_path / "index.json").write_bytes(b"old")
    assert state(tmp_path, FIRST)["2026/A/osv.json"] == b"a1"


def test_a_folder_where_a_link_belongs_is_left_alone(tmp_path):
    (tmp_path / "2026/A").mkdir(parents=True)
    with pytest.raises(ShelfError, match="move it away"):
        Shelf(tmp_path).put(FIRST)
    assert seen(tmp_path) == {}


@pytest.mark.parametrize(
    "path", ["../a", "a/../b", "/a", "a//b", "", ".head/a", "a/.b", "a\\b", "ä"]
)
def test_no_path_leaves_the_folder_or_hides_in_it(tmp_path, path):
    with pytest.raises(ShelfError, match="no path for the public"):
        Shelf(tmp_path).put(Change(documents={path: b""}))
    assert Shelf(tmp_path).read(path) is None


def test_reading_gives_bytes_or_nothing(tmp_path):
    state(tmp_path, FIRST)
    shelf = Shelf(tmp_path)
    assert shelf.read("2026/A/osv.json") == b"a1"
    assert shelf.read("2026/A") is None
    assert shelf.read("2026/A/osv.json/x") is None
    assert shelf.read("2027") is None


def test_old_indexes_do_not_pile_up(tmp_path):
    for _ in range(6):
        state(tmp_path, FIRST, SECOND)
    zips = {one.stat().st_ino for one in (tmp_path / BATCHES).glob("*/osv/*/all.zip")}
    assert len(zips) <= 2


def test_many_files_are_flushed_together(tmp_path):
    many = Change(documents={f"d/{number}": b"x" for number in range(300)})
    assert len(state(tmp_path, many)) == 300
