"""An evaluation runs in a process of its own and leaves none behind, whatever happens."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from clearhouse.bench.sandbox.host.runtime import python as guest_python
from clearhouse.criteria.evaluate import extras, perform
from clearhouse.criteria.evaluate.perform import Evaluation, EvaluationError
from nightly import needs_inspect, needs_sandbox

FAKE = Evaluation(models=("clearhouse/weak",), wall_s=60)


def running(monkeypatch, code):
    monkeypatch.setattr(perform, "_RUNNER", (sys.executable, "-c", code))


def alive(pid):
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"


def gone(pid, within_s=20.0):
    end = time.monotonic() + within_s
    while alive(pid) and time.monotonic() < end:
        time.sleep(0.05)
    return not alive(pid)


SLEEPS = """
import subprocess, sys, pathlib, json, time
child = subprocess.Popen(["sleep", "300"])
folder = pathlib.Path(json.load(open(sys.argv[1]))["log_folder"])
(folder / "child").write_text(str(child.pid))
time.sleep(300)
"""


def test_logs_are_handed_back_as_they_are_finished(tmp_path, monkeypatch):
    running(
        monkeypatch,
        "import json; print('a package says hello'); print('[1]');"
        "print(json.dumps({'model': 'clearhouse/weak', 'status': 'success', 'log': 'a.eval'}))",
    )
    seen = []
    logs = perform.perform(FAKE, tmp_path, progress=seen.append)
    assert [(one.model, one.status, one.path) for one in logs] == [
        ("clearhouse/weak", "success", Path("a.eval"))
    ]
    assert seen == list(logs)


def test_a_run_without_a_log_says_its_last_words(tmp_path, monkeypatch):
    running(monkeypatch, "raise SystemExit('the endpoint is not there')")
    with pytest.raises(EvaluationError, match="no log of clearhouse/weak: the endpoint"):
        perform.perform(FAKE, tmp_path)
    running(monkeypatch, "pass")
    with pytest.raises(EvaluationError, match="without a word"):
        perform.perform(FAKE, tmp_path)


def test_the_stop_file_kills_the_run_and_all_it_started(tmp_path, monkeypatch):
    running(monkeypatch, SLEEPS)
    threading.Timer(2, (tmp_path / perform.STOP).touch).start()
    with pytest.raises(EvaluationError, match="by hand"):
        perform.perform(FAKE, tmp_path)
    assert gone(int((tmp_path / "child").read_text()))


def test_the_wall_clock_of_a_run_is_the_last_word(tmp_path, monkeypatch):
    running(monkeypatch, SLEEPS)
    with pytest.raises(EvaluationError, match="wall clock"):
        perform.perform(Evaluation(models=("m",), wall_s=1.5), tmp_path)
    child = tmp_path / "child"
    assert not child.exists() or gone(int(child.read_text()))


def test_the_runner_learns_nothing_of_the_houses_secrets(tmp_path, monkeypatch):
    monkeypatch.setenv("CLEARHOUSE_DATABASE_URL", "postgres://secret")
    monkeypatch.setenv("OTHER_KEY", "secret")
    running(
        monkeypatch,
        "import os, json; print(json.dumps({'model': 'clearhouse/weak', 'status': ' '.join("
        "sorted(os.environ)), 'log': 'x'}))",
    )
    said = perform.perform(FAKE, tmp_path, secrets={"LOCAL_API_KEY": "k"})[0].status.split()
    assert "LOCAL_API_KEY" in said
    assert not {"CLEARHOUSE_DATABASE_URL", "OTHER_KEY"} & set(said)


def test_a_missing_extra_says_how_to_install_it(monkeypatch):
    monkeypatch.delenv("CLEARHOUSE_PROJECT", raising=False)
    with pytest.raises(extras.ExtraMissingError, match=r"pip install 'clearhouse\[inspect\]'"):
        extras.install("inspect")


def test_a_failed_installation_says_what_to_run_again(tmp_path, monkeypatch):
    launcher = tmp_path / "clearhouse"
    launcher.write_text("#!/bin/sh\nexit 69\n")
    launcher.chmod(0o755)
    monkeypatch.setenv("CLEARHOUSE_PROJECT", str(tmp_path))
    with pytest.raises(extras.ExtraMissingError, match="install model when"):
        extras.install("model")


def test_an_extra_is_installed_only_when_it_is_missing(tmp_path, monkeypatch):
    monkeypatch.setattr(extras, "has_inspect", lambda: True)
    extras.need_inspect()
    launcher = tmp_path / "clearhouse"
    launcher.write_text(f'#!/bin/sh\necho "$@" >{tmp_path}/said\n')
    launcher.chmod(0o755)
    monkeypatch.setenv("CLEARHOUSE_PROJECT", str(tmp_path))
    monkeypatch.setattr(extras, "has_inspect", lambda: False)
    with pytest.raises(extras.ExtraMissingError, match="start again"):
        extras.need_inspect()
    assert (tmp_path / "said").read_text() == "install inspect\n"


def test_the_model_counts_as_installed_once_its_stamp_is_there(tmp_path, monkeypatch):
    monkeypatch.delenv("CLEARHOUSE_HOME", raising=False)
    assert extras.model_python() is None
    monkeypatch.setenv("CLEARHOUSE_HOME", str(tmp_path))
    assert extras.model_python() is None
    (tmp_path / "model").mkdir()
    (tmp_path / "model/installed").touch()
    assert extras.model_python() == tmp_path / "model/bin/python"


@needs_inspect
@needs_sandbox
def test_scripted_models_run_the_suite_in_real_inspect(tmp_path):
    ids = ("notes-path.find", "next-page.prove", "workers-setting.patch")
    logs = perform.perform(
        Evaluation(models=("clearhouse/reference", "clearhouse/null"), sample_ids=ids), tmp_path
    )
    assert [log.status for log in logs] == ["success", "success"]


@needs_inspect
@needs_sandbox
def test_a_killed_caller_takes_the_runner_and_its_guests_along(tmp_path):
    code = (
        "import pathlib; from clearhouse.criteria.evaluate.perform import *;"
        f"perform(Evaluation(models=('clearhouse/reference',), epochs=50), pathlib.Path({str(tmp_path)!r}))"
    )
    caller = subprocess.Popen(
        [sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    )
    program = str(guest_python().program)
    end = time.monotonic() + 120
    while not (guests := _guests(program)) and time.monotonic() < end:
        time.sleep(0.1)
    assert guests
    os.kill(caller.pid, signal.SIGKILL)
    caller.wait()
    assert all(gone(pid) for pid in guests)


def _guests(program):
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if words[0].decode() == program and any(b"serve.py" in one for one in words):
                found.append(int(entry.name))
    return found


def test_a_plan_holds_the_whole_budget(tmp_path, monkeypatch):
    running(monkeypatch, "import sys; sys.exit(0)")
    with pytest.raises(EvaluationError):
        perform.perform(FAKE, tmp_path)
    plan = json.loads((tmp_path / "plan.json").read_text())
    assert {"message_limit", "token_limit", "time_limit_s", "wall_s"} <= plan.keys()
