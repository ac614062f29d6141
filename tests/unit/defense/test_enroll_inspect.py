"""Models and solvers of Inspect as tools. What runs Inspect itself runs nightly."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from clearhouse.defense.enroll import inspect
from clearhouse.defense.enroll.inspect import InspectLog, InspectModel
from clearhouse.defense.enroll.record import Budget, ToolFaultError, View
from clearhouse.defense.enroll.scripted import scripted_agent
from clearhouse.defense.enroll.selftest import self_test
from clearhouse.defense.scenario.task import Task, TaskKind, Triage
from clearhouse.surfaces.cli.defense_tools import enrolled
from defense_scene import event, small_office
from nightly import needs_inspect

BAD = event(1, CommandLine="vssadmin delete shadows")
TASK = Task(id="t1", kind=TaskKind.TRIAGE, prompt="judge", events=(BAD.uid,))
FOUND = {"kind": "copies deleted", "time": BAD.at.isoformat(), "events": [BAD.uid], "score": 9}


def runner(*samples, say="", code=0):
    """What the process would say of these samples."""
    lines = "\n".join([say, *map(json.dumps, samples)])
    text = f"import sys; sys.stdin.read(); print({lines!r}, flush=True); {'import time; time.sleep(30)' if code is None else f'sys.exit({code})'}"
    return (sys.executable, "-c", text)


def sample(task="t1", said=None, **more):
    return {"task": task, "kind": "triage", "said": said, "tokens": 7, "queries": 2, "error": None} | more  # fmt: skip


def test_what_a_model_submits_is_taken_with_its_tokens_and_queries():
    ran = runner(sample(said={"verdict": "benign", "events": [BAD.uid]}), say="a library's banner")
    tool = InspectModel("openai/acme", runner=ran)
    said = tool.run(View(events=[BAD], tasks=(TASK,)), Budget())
    assert [(one.task, one.verdict) for one in said.answers] == [("t1", Triage.BENIGN)]
    assert (said.usage.tokens, said.usage.queries, said.usage.faults) == (7, 2, ())
    assert tool.name == "inspect-acme"


def test_a_sample_that_broke_or_never_submitted_is_a_fault():
    ran = runner(sample(error="rate limit"), sample(task="other", said={"verdict": "benign"}))
    said = InspectModel("m", runner=ran).run(View(events=[BAD], tasks=(TASK,)), Budget())
    assert said.answers == ()
    assert said.usage.faults == (
        "t1: Inspect says rate limit",
        "t1: it stopped without submitting",
    )


def test_without_tasks_it_looks_for_attacks_in_all_of_it():
    ran = runner(sample(task="detect", said={"findings": [FOUND, "no"]}))
    said = InspectModel("m", runner=ran).run(View(events=[BAD]), Budget())
    assert [one.events for one in said.findings] == [(BAD.uid,)]
    assert said.usage.faults == ("something it said is neither finding nor answer",)


def test_a_process_that_hangs_is_ended_and_one_that_says_nothing_is_at_fault(monkeypatch):
    with pytest.raises(ToolFaultError, match="no sample back: 3"):
        InspectModel("m", runner=runner(code=3)).run(View(events=[BAD]), Budget())
    monkeypatch.setattr(inspect, "_START_S", 1.0)
    ran = runner(sample(said={"verdict": "benign"}), code=None)
    said = InspectModel("m", runner=ran).run(View(events=[BAD], tasks=(TASK,)), Budget(seconds=0.5))
    assert len(said.answers) == 1
    assert said.usage.faults == ("it was not done after 0.5 s",)


def test_a_log_is_asked_only_what_it_holds(tmp_path):
    log = tmp_path / "run.eval"
    with pytest.raises(ToolFaultError, match="not there"):
        InspectLog(log, runner=runner(sample()))
    log.write_bytes(b"x")
    samples = [
        sample(said={"verdict": "benign"}),
        sample(task="detect", kind="detect", said={"findings": [FOUND]}),
    ]
    tool = InspectLog(log, runner=runner(*samples))
    assert tool.tasks == {TaskKind.TRIAGE, TaskKind.DETECT}
    assert self_test(tool, [BAD, event(2)]).faults == ()
    assert len(tool.run(View(events=[BAD], tasks=(TASK,)), Budget()).answers) == 1
    assert tool.run(View(events=[event(9)]), Budget()).findings == ()


def test_without_the_extra_it_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setattr(inspect.importlib.util, "find_spec", lambda _: None)
    for spec in ("inspect:openai/m", f"inspect:{tmp_path}/x.eval"):
        with (
            pytest.raises(ToolFaultError, match="install inspect"),
            enrolled([spec], price=None, remote=False),
        ):
            pass


@needs_inspect
def test_inspect_puts_a_model_through_the_tasks_and_passes_the_self_test():
    with scripted_agent() as agent:
        tool = InspectModel("openai-api/acme/scripted", base_url=agent._endpoint.url)
        assert self_test(tool, [event(0, CommandLine="work"), BAD]).faults == ()
        office = small_office()
        asked = tuple(one.task for one in office.questions[-6:])
        said = tool.run(View(events=office.events, tasks=asked), Budget())
    assert said.usage.faults == ()
    assert {one.task for one in said.answers} == {one.id for one in asked}
    assert said.usage.tokens


@needs_inspect
def test_the_log_of_a_run_by_inspects_own_command_is_read(tmp_path, monkeypatch):
    office = small_office()
    inspect_task = Path(inspect.__file__).with_name("inspect_task.py")
    command = [
        sys.executable, "-m", "inspect_ai", "eval", f"{inspect_task}@clearhouse_defense", "-T",
        f"pack={office.folder}", "--model", "openai-api/acme/scripted", "--limit", "3",
        "--log-dir", tmp_path, "--display", "none",
    ]  # fmt: skip
    with scripted_agent() as agent:
        monkeypatch.setenv("ACME_BASE_URL", agent._endpoint.url)
        monkeypatch.setenv("ACME_API_KEY", "none")
        subprocess.run(command, check=True, cwd=tmp_path)
    (log,) = tmp_path.glob("*.eval")
    tool = InspectLog(log)
    assert tool.tasks == {TaskKind.DETECT, TaskKind.TRIAGE}
    view = View(events=office.events, tasks=(office.questions[0].task,))
    assert [one.task for one in tool.run(view, Budget()).answers] == [office.questions[0].task.id]
    assert len(tool.run(View(events=office.events), Budget()).findings) > 10
