"""What the host decides about machines and guests, without starting one."""

import os
import struct
from pathlib import Path

import pytest

from clearhouse.bench.sandbox.host import cgroups, machine
from clearhouse.bench.sandbox.host.cgroups import Available, Group, probe
from clearhouse.bench.sandbox.host.inspect import assert_isolated
from clearhouse.bench.sandbox.host.layout import resource_limits
from clearhouse.bench.sandbox.host.record import (
    IsolationError,
    Limits,
    SandboxUnavailableError,
)
from clearhouse.bench.sandbox.host.seccomp import build_filter


@pytest.fixture
def version_2(tmp_path, monkeypatch):
    """A folder that answers like control groups of version 2."""
    (tmp_path / "cgroup.controllers").write_text("cpu memory pids\n")
    probe.cache_clear()
    monkeypatch.setattr(cgroups, "probe", lambda name="clearhouse": probe(tmp_path, name))
    yield tmp_path
    probe.cache_clear()


def test_version_2_is_taken_where_it_is_offered(version_2):
    found = probe(version_2)
    assert found.version == 2
    assert set(found.folders) == {"memory", "pids", "cpu", "cpuacct"}
    assert (version_2 / "cgroup.subtree_control").read_text() == "+memory +pids +cpu"


def test_a_group_of_version_2_sets_its_limits_and_reads_its_usage(version_2):
    group = Group.make(memory_bytes=1000, pids=7, cpus=0.5)
    folder = group.folders["memory"]
    assert (folder / "memory.max").read_text() == "1000"
    assert (folder / "pids.max").read_text() == "7"
    assert (folder / "cpu.max").read_text() == "50000 100000"
    assert group.enforced["memory"] == "cgroup v2 memory.max"
    (folder / "cpu.stat").write_text("usage_usec 1500000\nuser_usec 1\n")
    (folder / "memory.events").write_text("low 0\noom_kill 1\n")
    (folder / "memory.peak").write_text("4096\n")
    usage = group.usage()
    assert (usage.cpu_s, usage.peak_memory_bytes, usage.killed_for_memory) == (1.5, 4096, True)
    group.add(os.getpid())
    assert (folder / "cgroup.procs").read_text() == str(os.getpid())


def test_a_steady_run_comes_before_other_work(version_2):
    group = Group.make(memory_bytes=1000, pids=7, cpus=1, steady=True)
    assert group.folders["cpu"].parent == version_2 / "clearhouse-steady"
    assert (version_2 / "clearhouse-steady" / "cpu.weight").read_text() == "1000"
    assert not (version_2 / "clearhouse" / "cpu.weight").exists()


def test_groups_that_a_killed_host_left_behind_are_removed_when_they_are_old(version_2):
    base = probe(version_2).folders["memory"]
    for name, age_s in (("run-old", 7200), ("run-new", 0)):
        (base / name).mkdir()
        then = (base / name).stat().st_mtime - age_s
        os.utime(base / name, (then, then))
    Group.make(memory_bytes=1, pids=1, cpus=1)
    assert not (base / "run-old").exists()
    assert (base / "run-new").exists()


def test_a_machine_without_control_groups_says_so(tmp_path):
    probe.cache_clear()
    found = probe(tmp_path / "nowhere")
    assert found == Available(version=None, folders={})
    probe.cache_clear()


def test_a_version_2_that_cannot_be_written_falls_through(tmp_path):
    (tmp_path / "cgroup.controllers").write_text("memory")
    (tmp_path / "clearhouse").write_text("in the way")
    probe.cache_clear()
    assert probe(tmp_path).version is None
    probe.cache_clear()


def test_without_controllers_nothing_is_enforced_and_nothing_is_invented(tmp_path, monkeypatch):
    monkeypatch.setattr(cgroups, "probe", lambda **rest: Available(version=None, folders={}))
    group = Group.make(memory_bytes=1, pids=1, cpus=1, steady=True)
    usage = group.usage()
    assert group.enforced == {}
    assert (usage.cpu_s, usage.peak_memory_bytes, usage.killed_for_memory) == (None, None, False)
    assert group.remove()
    names = {one.name for one in resource_limits(Limits(), set(), sanitized=False)}
    assert {"pids", "memory"} <= names
    sanitized = {one.name for one in resource_limits(Limits(), set(), sanitized=True)}
    assert "memory" not in sanitized


def test_a_group_that_cannot_be_removed_is_reported(tmp_path, monkeypatch):
    monkeypatch.setattr(cgroups, "_REMOVE_S", 0.02)
    stuck = tmp_path / "run-x"
    (stuck / "member").mkdir(parents=True)
    assert not Group(version=1, folders={"pids": stuck}).remove()
    assert Group(version=1, folders={"pids": tmp_path / "gone"}).remove()


def test_the_host_itself_is_not_taken_for_a_guest():
    with pytest.raises(IsolationError) as error:
        assert_isolated(os.getpid(), filtered=True)
    words = str(error.value)
    for name in ("net", "pid", "mnt", "user"):
        assert f"shares the {name} name space" in words
    assert "can write to" in words
    if os.geteuid() == 0:
        assert "runs as root" in words
        assert "has capabilities" in words


def test_a_guest_that_is_gone_cannot_be_taken_for_isolated():
    with pytest.raises(IsolationError, match="ended before"):
        assert_isolated(2**22 + 1, filtered=True)


@pytest.mark.parametrize("name", ["x86_64", "aarch64"])
def test_the_filter_is_whole_instructions_whose_jumps_stay_inside(name):
    program = build_filter(machine=name)
    assert program is not None
    code = list(struct.iter_unpack("=HBBI", program))
    assert len(program) % 8 == 0
    for position, (kind, if_true, if_false, _) in enumerate(code):
        if kind & 7 == 5:
            assert position + 1 + max(if_true, if_false) < len(code)
    assert code[-1][0] == 6


def test_tracing_is_refused_unless_a_sanitizer_needs_it():
    strict, loose = (
        build_filter(machine="x86_64"),
        build_filter(machine="x86_64", allow_ptrace=True),
    )
    assert len(strict) - len(loose) == 16


def test_an_architecture_without_numbers_has_no_filter():
    assert build_filter(machine="sparc") is None


@pytest.mark.parametrize(
    ("tool", "euid", "words"),
    [
        ("apt-get", 0, "apt-get install bubblewrap (you may run it now)"),
        ("dnf", 1000, "dnf install bubblewrap (ask somebody with root rights)"),
        (None, 0, "it needs Linux"),
    ],
)
def test_the_answer_says_what_to_install_and_who_may(monkeypatch, tool, euid, words):
    monkeypatch.setattr(machine.shutil, "which", lambda name: name if name == tool else None)
    monkeypatch.setattr(machine.os, "geteuid", lambda: euid)
    assert words in machine.how_to_install()


def test_root_without_the_tool_that_gives_up_root_runs_nothing(monkeypatch):
    monkeypatch.setattr(machine.os, "geteuid", lambda: 0)
    monkeypatch.setattr(machine.shutil, "which", lambda name: "/x" if name == "bwrap" else None)
    machine.machine.cache_clear()
    with pytest.raises(SandboxUnavailableError, match="setpriv"):
        machine.machine()
    machine.machine.cache_clear()


def test_an_account_that_is_not_root_is_its_own_worker(monkeypatch):
    monkeypatch.setattr(machine.os, "geteuid", lambda: 1234)
    monkeypatch.setattr(machine.os, "getegid", lambda: 567)
    assert machine._worker() == (1234, 567)
    assert machine.reachable(Path("/usr"))


def test_a_machine_without_a_nobody_account_uses_its_number(monkeypatch):
    def missing(name):
        raise KeyError(name)

    monkeypatch.setattr(machine.os, "geteuid", lambda: 0)
    monkeypatch.setattr(machine.pwd, "getpwnam", missing)
    assert machine._worker() == (65534, 65534)
