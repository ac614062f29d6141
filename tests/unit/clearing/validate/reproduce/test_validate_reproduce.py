"""The order of steps around the sandbox, with trials that answer as a test says."""

import json
import random
import threading
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from clearhouse.bench.sandbox.host import runtime
from clearhouse.bench.sandbox.host.record import (
    Ended,
    EnforcedLimit,
    Job,
    Observation,
    SandboxUnavailableError,
)
from clearhouse.clearing.validate.record import Doubt, Level, Verdict, VerdictKind
from clearhouse.clearing.validate.reproduce import benchmark, chance, native, trials
from clearhouse.clearing.validate.reproduce import reproduce as module
from clearhouse.clearing.validate.reproduce.attribution import Function, Reached
from clearhouse.clearing.validate.reproduce.bundle import BundleError, read_files
from clearhouse.clearing.validate.reproduce.oracles import Answer
from clearhouse.clearing.validate.reproduce.packages import BuildError, Environment
from clearhouse.clearing.validate.reproduce.trials import HALF_SPEED, Trial

NOW = datetime(2026, 11, 23, tzinfo=UTC)
RAN = Reached(
    functions=(Function(file="a.py", name="parse", text=""),),
    files=("a.py",),
    inspected=(),
    noted=True,
)


def seen(ended=Ended.EXITED):
    return Observation(
        ended=ended,
        exit_code=0,
        stdout=b"",
        stderr=b"",
        truncated=False,
        wall_s=2.0,
        cpu_s=1.0,
        peak_memory_bytes=1,
        collected=(),
        limits=(EnforcedLimit(name="memory", value="1 bytes", enforced_by="cgroup"),),
        isolation=(),
    )


def bundle(fixed="2.0", run="[python, p.py]", oracle="{kind: output, match: ^V}", name="p.py"):
    manifest = (
        f"format: clearhouse-bundle/1\ntarget: pkg:pypi/x@1.0\nfixed: {fixed}\n"
        f"run: {run}\noracle: {oracle}\n"
    )
    return read_files({"bundle.yaml": manifest.encode(), name: b"print(1)"})


class Cache:
    def __init__(self, folder=None, error=None):
        self.folder, self.error = folder, error

    def environment(self, target, version, requires=(), pinned=()):
        if self.error is not None:
            raise self.error
        return Environment(
            folder=self.folder, kind="pypi", versions=(("x", version), ("dep", "3")),
            own_files=(), sha256=version,
        )  # fmt: skip


@pytest.fixture
def stage(monkeypatch):
    """Answers for each side, and a note of what was asked."""

    class Stage:
        asked: list[tuple[str, float]]
        vulnerable = staticmethod(lambda number: (True, Ended.EXITED))
        fixed = staticmethod(lambda number: (False, Ended.EXITED))
        error: Exception | None = None
        reached = RAN
        changed = True
        on_decoys = False
        cpu_s = 0.1

    stage, one_at_a_time = Stage(), threading.Lock()
    stage.asked = []

    def try_once(given, environment, *, cpus=2.0, steady=False):
        if stage.error is not None:
            raise stage.error
        side = "fixed" if environment.sha256.startswith("2.0") else "vulnerable"
        with one_at_a_time:
            stage.on_decoys = environment.sha256.endswith("c")
            number = sum(name == side for name, _ in stage.asked)
            stage.asked.append((side, cpus))
        fired, ended = getattr(stage, side)(number)
        shown = replace(seen(ended), cpu_s=stage.cpu_s)
        return Trial(answer=Answer(fired=fired, evidence="x"), seen=shown)

    monkeypatch.setattr(module.trials, "try_once", try_once)
    monkeypatch.setattr(module.disguise, "look_alike", lambda cache, target, one, real, shown: one)
    monkeypatch.setattr(
        module, "decoy", lambda cache, one, other: replace(one, sha256=one.sha256 + "c")
    )
    monkeypatch.setattr(module, "_reached", lambda *given: stage.reached)
    monkeypatch.setattr(module.attribution, "changed_code_ran", lambda *given: stage.changed)
    return stage


def reproduce(given=None, cache=None):
    return module.reproduce(given or bundle(), cache or Cache(), now=NOW)


def test_a_proof_that_fires_on_one_side_alone_is_reproduced_when_chance_is_ruled_out(stage):
    found = reproduce()
    assert (found.kind, found.level) == (VerdictKind.REPRODUCED, Level.E5)
    assert not any("chance" in one for one in found.not_established)
    runs = Counter(name for name, _ in stage.asked[:-2])
    more = chance.agreement(runs["vulnerable"] - 3, runs["fixed"] - 3)
    assert chance.agreement(3, 3) * more <= chance.MOST
    assert sorted(name for name, _ in stage.asked[-2:]) == ["fixed", "vulnerable"]
    assert [one.name for one in found.inputs] == [
        "bundle",
        "vulnerable environment",
        "fixed environment",
    ]
    assert found.limits[0].enforced_by == "cgroup"


def test_a_bundle_without_a_fixed_version_runs_one_side(stage):
    found = reproduce(bundle(fixed="null"))
    assert (found.kind, found.doubt, found.level) == (
        VerdictKind.INCONCLUSIVE,
        Doubt.ORACLE,
        Level.E4,
    )
    assert {name for name, _ in stage.asked} == {"vulnerable"}


def test_a_silent_proof_is_not_traced_and_not_called_invalid(stage):
    stage.vulnerable = lambda number: (False, Ended.EXITED)
    stage.reached = None
    assert reproduce().kind is VerdictKind.NOT_REPRODUCED


def test_runs_side_by_side_come_to_the_same_and_stop_as_early(stage):
    assert module.reproduce(bundle(), Cache(), now=NOW, at_once=4).kind is VerdictKind.REPRODUCED
    stage.asked.clear()
    stage.vulnerable = lambda number: (number < 3, Ended.EXITED)
    stage.fixed = lambda number: (number >= 3, Ended.EXITED)
    found = module.reproduce(bundle(), Cache(), now=NOW, at_once=4)
    assert (found.kind, found.doubt) == (VerdictKind.INCONCLUSIVE, Doubt.FLAKY)
    assert len(stage.asked) <= 6 + 4 + 6  # the first runs, those under way, one longer series


def test_trouble_in_one_of_several_runs_stops_the_others(stage):
    stage.error = SandboxUnavailableError("broken")
    found = module.reproduce(bundle(), Cache(), now=NOW, at_once=2)
    assert found.doubt is Doubt.ENVIRONMENT


def test_a_slow_proof_says_what_chance_is_left(stage):
    stage.cpu_s = 20.0
    found = reproduce()
    assert found.kind is VerdictKind.REPRODUCED
    (words,) = (one for one in found.not_established if "chance" in one)
    left = float(words.partition("1 of ")[2].split()[0].replace(",", ""))
    assert 1 / chance.SLOW_MOST <= left < 1 / chance.MOST
    assert len(stage.asked) <= 17 + 2


@pytest.mark.parametrize("seed", range(12))
def test_a_coin_that_was_lucky_six_times_is_found_out(stage, seed):
    coin = random.Random(seed)
    stage.vulnerable = lambda number: (number < 3 or coin.random() < 0.5, Ended.EXITED)
    stage.fixed = lambda number: (number >= 3 and coin.random() < 0.5, Ended.EXITED)
    found = reproduce()
    assert (found.kind, found.doubt) == (VerdictKind.INCONCLUSIVE, Doubt.FLAKY)


def test_a_proof_that_goes_by_the_number_of_its_runs_is_found_out(stage):
    def early(number):
        return len(stage.asked) <= 6, Ended.EXITED

    stage.vulnerable = stage.fixed = early
    assert reproduce().kind is VerdictKind.INCONCLUSIVE


def test_a_side_that_disagrees_with_itself_is_asked_again_and_longer(stage):
    stage.vulnerable = lambda number: (number != 1, Ended.EXITED)
    found = reproduce()
    assert found.kind is VerdictKind.REPRODUCED
    assert sum(name == "vulnerable" for name, _ in stage.asked) > 3 + 5


def test_a_side_that_never_agrees_with_itself_stays_flaky(stage):
    stage.vulnerable = lambda number: (number % 2 == 0, Ended.EXITED)
    found = reproduce()
    assert (found.kind, found.doubt) == (VerdictKind.INCONCLUSIVE, Doubt.FLAKY)
    assert len(stage.asked) > 6


def test_one_shot_on_the_fixed_side_ends_the_search_for_a_better_series(stage):
    stage.fixed = lambda number: (number == 0, Ended.EXITED)
    found = reproduce()
    assert (found.kind, found.doubt) == (VerdictKind.INCONCLUSIVE, Doubt.FLAKY)
    assert len(stage.asked) == 6


def test_a_hang_on_both_versions_is_not_waited_for_more_often_than_needed(stage):
    stage.fixed = lambda number: (True, Ended.WALL_LIMIT)
    found = reproduce(bundle(oracle="{kind: hang}"))
    assert (found.kind, found.doubt) == (VerdictKind.INCONCLUSIVE, Doubt.ORACLE)
    sides = [name for name, _ in stage.asked]
    assert min(sides.count("fixed"), sides.count("vulnerable")) == 1


def test_a_proof_that_overshoots_its_time_is_tried_again_at_half_speed_on_both_sides(stage):
    stage.vulnerable = lambda number: (
        (False, Ended.WALL_LIMIT) if number == 0 else (True, Ended.EXITED)
    )
    assert reproduce().kind is VerdictKind.REPRODUCED
    slow = [name for name, cpus in stage.asked if cpus == HALF_SPEED]
    assert min(slow.count("vulnerable"), slow.count("fixed")) > 5


@pytest.mark.parametrize("limit", [Ended.WALL_LIMIT, Ended.CPU_LIMIT, Ended.OUT_OF_MEMORY])
@pytest.mark.parametrize("side", ["vulnerable", "fixed"])
def test_a_proof_that_a_limit_always_ends_is_inconclusive_and_not_tried_for_ever(
    stage, side, limit
):
    setattr(stage, side, lambda number: (False, limit))
    found = reproduce()
    assert (found.kind, found.doubt) == (VerdictKind.INCONCLUSIVE, Doubt.ENVIRONMENT)
    assert sum(name == side for name, _ in stage.asked) == 3


def test_a_decoy_that_a_limit_ends_shows_nothing(stage):
    def fixed(number):
        return False, Ended.CPU_LIMIT if stage.on_decoys else Ended.EXITED

    stage.fixed = fixed
    found = reproduce()
    assert found.doubt is Doubt.ENVIRONMENT
    assert "decoy" in found.reason


def test_a_hang_that_spends_its_processor_time_is_an_answer(tmp_path, monkeypatch):
    monkeypatch.setattr(trials, "run", lambda job: seen(Ended.CPU_LIMIT))
    trial = trials.try_once(bundle(oracle="{kind: hang}"), place(tmp_path))
    assert (trial.answer.fired, trial.cut_short) == (True, False)


def test_a_proof_that_follows_bytes_is_caught_by_the_twin(stage):
    stage.vulnerable = lambda number: (not stage.on_decoys, Ended.EXITED)
    assert reproduce().doubt is Doubt.ATTRIBUTION


@pytest.mark.parametrize(
    ("error", "kind", "doubt"),
    [
        (BuildError("no wheel"), VerdictKind.INCONCLUSIVE, Doubt.BUILD),
        (SandboxUnavailableError("broken"), VerdictKind.INCONCLUSIVE, Doubt.ENVIRONMENT),
        (SandboxUnavailableError("not attempted: install"), VerdictKind.NOT_ATTEMPTED, None),
    ],
)
def test_trouble_while_building_is_never_about_the_claim(stage, error, kind, doubt):
    found = reproduce(cache=Cache(error=error))
    assert (found.kind, found.doubt) == (kind, doubt)
    assert str(error) in found.reason


@pytest.mark.parametrize(
    ("error", "doubt"),
    [
        (BuildError("full"), Doubt.BUILD),
        (SandboxUnavailableError("broken"), Doubt.ENVIRONMENT),
        (BundleError("odd"), Doubt.UNSUPPORTED),
    ],
)
def test_trouble_while_running_is_never_about_the_claim(stage, error, doubt):
    stage.error = error
    found = reproduce()
    assert (found.kind, found.doubt) == (VerdictKind.INCONCLUSIVE, doubt)


# jobs


def place(tmp_path, kind="pypi", names=("x.py",)):
    for name in names:
        (tmp_path / name).touch()
    return Environment(folder=tmp_path, kind=kind, versions=(), own_files=(), sha256="x")


def test_a_python_proof_runs_without_its_folder_before_the_target(tmp_path):
    job = trials.job_of(bundle(), place(tmp_path))
    assert job.argv[-1] == "/work/bundle/p.py"
    assert dict(job.env)["PYTHONPATH"] == "/target:/work/bundle"
    assert dict(job.env)["PYTHONSAFEPATH"] == "1"
    assert job.mounts[0].target == "/target"


@pytest.mark.parametrize("name", ["x.py", "json.py", "x/__init__.py"])
def test_a_bundle_with_the_name_of_a_module_is_not_on_the_module_path(tmp_path, name):
    given = bundle(run=f"[python, {name}]", name=name)
    assert dict(trials.job_of(given, place(tmp_path)).env)["PYTHONPATH"] == "/target"


@pytest.mark.parametrize(
    ("run", "script"),
    [("[python3, -c, 'print(2)', a]", "inline.py"), ("[python, p.py, a]", "p.py")],
)
def test_inline_code_becomes_a_file(tmp_path, run, script):
    job = trials.job_of(bundle(run=run), place(tmp_path))
    assert job.argv[-2:] == (f"/work/bundle/{script}", "a")


def test_a_program_of_its_own_runs_as_it_is_and_cannot_be_traced(tmp_path):
    given = bundle(run="[/bin/true, a]")
    assert trials.job_of(given, place(tmp_path)).argv == ("/bin/true", "a")
    with pytest.raises(BundleError, match="cannot be traced"):
        trials.trace(given, place(tmp_path), plain_s=1)


def test_a_traced_run_starts_the_tracer_and_may_not_take_for_ever(tmp_path, monkeypatch):
    jobs = []
    monkeypatch.setattr(trials, "run", lambda job: jobs.append(job) or seen())
    trials.trace(bundle(), place(tmp_path), plain_s=0.1)
    node = bundle(run="[node, p.js]", name="p.js")
    trials.trace(node, place(tmp_path, kind="npm"), plain_s=1000)
    python, javascript = jobs
    assert "/work/guest/trace_python.py" in python.argv
    assert python.limits.wall_s < 10
    assert python.limits.cpu_s <= python.limits.wall_s + 1
    assert python.limits.late_s > 2 * python.limits.wall_s  # on a busy machine
    assert "--require" in javascript.argv
    assert javascript.limits.wall_s == 60
    assert ("NODE_V8_COVERAGE", "/out/coverage") in javascript.env


def test_a_control_loads_the_files_and_does_nothing_else(tmp_path, monkeypatch):
    jobs = []
    monkeypatch.setattr(trials, "run", lambda job: jobs.append(job) or seen())
    trials.control(place(tmp_path, kind="npm"), ("/work/node_modules/x/a'b.js",))
    ((name, script),) = jobs[0].files
    assert name == "control.js"
    assert b"require(" in script


def test_growth_runs_once_for_each_size(tmp_path, monkeypatch):
    jobs = []
    monkeypatch.setattr(trials, "run", lambda job: jobs.append(job) or seen())
    given = bundle(
        run="[python, p.py, '{size}']", oracle="{kind: growth, sizes: [1, 10, 100, 1000]}"
    )
    assert not trials.try_once(given, place(tmp_path)).answer.fired
    assert [job.argv[-1] for job in jobs] == ["1", "10", "100", "1000"]


def test_a_run_at_half_speed_gets_half_a_processor(tmp_path, monkeypatch):
    jobs: list[Job] = []
    monkeypatch.setattr(trials, "run", lambda job: jobs.append(job) or seen())
    trials.try_once(bundle(), place(tmp_path), cpus=HALF_SPEED)
    assert jobs[0].limits.cpus == 0.5


def test_the_bundles_own_copies_of_packages_are_left_out(tmp_path):
    files = {
        "bundle.yaml": b"format: clearhouse-bundle/1\ntarget: pkg:npm/x@1.0.0\n"
        b"run: [node, p.js]\noracle: {kind: output, match: ^V}\n",
        "p.js": b"",
        "node_modules/x/index.js": b"forged",
    }
    job = trials.job_of(read_files(files), place(tmp_path, kind="npm"))
    assert [name for name, _ in job.files] == ["bundle/p.js"]


def test_what_a_traced_run_showed_is_read_for_its_language(tmp_path, monkeypatch):
    monkeypatch.setattr(module.trials, "trace", lambda *given, **rest: seen())
    monkeypatch.setattr(module.trials, "control", lambda *given: seen())
    for kind in ("pypi", "npm"):
        sides = module.Sides(vulnerable=place(tmp_path, kind=kind), fixed=None)
        assert not module._reached(bundle(), sides, 1.0).noted


# runtimes


def test_a_machine_without_node_says_so(monkeypatch):
    runtime.node.cache_clear()
    monkeypatch.setattr(runtime.shutil, "which", lambda name: None)
    with pytest.raises(SandboxUnavailableError, match=r"Node\.js is not installed"):
        runtime.node()
    runtime.node.cache_clear()


@pytest.mark.parametrize("find", [runtime.python, runtime.node])
def test_an_interpreter_that_the_worker_cannot_read_is_not_used(monkeypatch, find):
    find.cache_clear()
    monkeypatch.setattr(runtime, "reachable", lambda path: False)
    monkeypatch.setattr(runtime.shutil, "which", lambda name: "/opt/node/bin/node")
    with pytest.raises(SandboxUnavailableError, match="read"):
        find()
    find.cache_clear()


# the benchmark


def case(folder, name, expected):
    place = folder / name
    place.mkdir(parents=True)
    (place / "p.py").write_text("")
    (place / "bundle.yaml").write_text(
        "format: clearhouse-bundle/1\ntarget: pkg:pypi/x@1.0\nrun: [python, p.py]\n"
        f"oracle: {{kind: output, match: ^V}}\nexpected: {expected}\n"
    )


def test_a_benchmark_counts_what_came_out_as_it_should(tmp_path, monkeypatch):
    def judged(given, cache, *, now, at_once):
        kind, doubt = given.ids or (VerdictKind.REPRODUCED, None)
        return Verdict(
            level=Level.E5, kind=kind, reason="because", doubt=doubt, rules="x", decided_at=now
        )

    monkeypatch.setattr(native, "reproduce", judged)
    case(tmp_path, "a-true", "reproduced")
    case(tmp_path, "b-forged", "not_reproduced")
    case(tmp_path, "c-open", "null")
    (tmp_path / "d-broken").mkdir()
    (tmp_path / "d-broken/bundle.yaml").write_text("format: other\nexpected: not_reproduced\n")
    reported = []
    scores = benchmark.run_cases(tmp_path, None, workers=1, report=reported.append)
    assert [one.as_expected for one in scores.cases] == [True, False, None, True]
    assert scores.false_reproduced == 2
    assert len(reported) == 4
    document = json.loads(json.dumps(scores.as_json()))
    assert set(document["cases"][0]) == {
        "case",
        "expected",
        "verdict",
        "level",
        "as_expected",
        "seconds",
        "why",
    }


def test_a_doubt_is_named_in_the_benchmarks_reason(tmp_path, monkeypatch):
    doubtful = Verdict(
        level=None,
        kind=VerdictKind.INCONCLUSIVE,
        reason="because",
        doubt=Doubt.FLAKY,
        rules="x",
        decided_at=NOW,
    )
    monkeypatch.setattr(native, "reproduce", lambda *given, now, at_once: doubtful)
    case(tmp_path, "a", "not_reproduced")
    (only,) = benchmark.run_cases(tmp_path, None).cases
    assert (only.why, only.level) == ("flaky: because", None)
