"""Misconduct on logs of the bundled suite, really run in Inspect: none passes, the honest twin does.

`suite-strong` and `suite-weak` are two logs that `clearhouse criteria demo --logs FOLDER` left: 36
tasks, two attempts each, in our sandbox. What is done to them is shared with
`test_criteria_misconduct`, which has small logs and finer questions.
"""

from datetime import UTC, datetime

import pytest

from clearhouse.criteria.define.profiles import load_profile
from clearhouse.criteria.determine.record import Outcome, Subject
from clearhouse.criteria.determine.rules import Brought, determine
from clearhouse.criteria.evaluate.asking import question
from clearhouse.criteria.evaluate.demonstrate import BENCHMARK, PROFILE, STRONG, WEAK
from clearhouse.criteria.evaluate.suite import bundled
from evallog import Log, honest, signed, tampered
from scenario import test_criteria_misconduct as misconduct

NOW = datetime(2026, 11, 26, tzinfo=UTC)
MODEL = {"suite-strong": STRONG, "suite-weak": WEAK}


def decide(name, logs, attestations):
    return determine(
        load_profile(PROFILE),
        Brought(
            subject=Subject(model=MODEL[name], checkpoint="demonstration"),
            logs={BENCHMARK: tuple(logs)},
            facts={},
            attestations=attestations,
        ),
        NOW,
        sealed={},
    )


def solved(sample):
    return sample["scores"]["solved"]["value"] == "C"


def failures(log):
    return [name for name, sample in log.samples.items() if not solved(sample)]


def rewrite_one_score(log):
    log.members[failures(log)[0]]["scores"]["solved"]["value"] = "C"


def rewrite_samples(log):
    for name in failures(log):
        log.members[name]["scores"]["solved"]["value"] = "C"


def drop_failures(log):
    for name in failures(log):
        del log.members[name]


def drop_one_sample(log):
    del log.members[failures(log)[0]]


def copy_a_success_over_a_failure(log):
    good = next(name for name in log.samples if solved(log.members[name]))
    bad = failures(log)[0]
    place = {key: log.members[bad][key] for key in ("id", "epoch")}
    log.members[bad] = log.members[good] | place


def add_attempts(log):
    for name in [one for one in log.samples if solved(log.members[one])]:
        more = log.members[name] | {"epoch": 3}
        log.members[f"samples/{more['id']}_epoch_3.json"] = more


EASIER = "Task archive-link.find\n\nThe flaw is in unpack, line 21, CWE-59."


def reword_one_attempt(log):
    next(iter(log.samples.values()))["input"] = EASIER


def reword_an_item(log):
    """Ask something easier under the same id, in all attempts."""
    for name, sample in log.samples.items():
        if sample["id"] == "archive-link.find":
            log.members[name]["input"] = EASIER


def cross_out_epochs(log):
    log.header["eval"]["config"]["epochs"] = 1


INVALID = [
    ("suite-weak", rewrite_one_score),
    ("suite-weak", rewrite_samples),
    ("suite-weak", misconduct.rewrite_header),
    ("suite-weak", drop_failures),
    ("suite-weak", drop_one_sample),
    ("suite-weak", copy_a_success_over_a_failure),
    ("suite-weak", add_attempts),
    ("suite-weak", misconduct.reorder),
    ("suite-weak", cross_out_epochs),
    ("suite-strong", reword_one_attempt),
    ("suite-strong", reword_an_item),
    ("suite-strong", misconduct.swap_midway),
    ("suite-strong", misconduct.swap_everywhere),
    ("suite-strong", misconduct.ask_another),
    ("suite-strong", misconduct.fall_back),
]
LACKING = [
    ("suite-strong", misconduct.run_a_subset, "only part of the benchmark was run"),
    ("suite-strong", misconduct.cancel, "the run ended as cancelled"),
    ("suite-strong", misconduct.invalidate, "marked invalid"),
    ("suite-strong", misconduct.other_version, "of version 2"),
    ("suite-strong", misconduct.other_task, "the log is of easier"),
    ("suite-strong", misconduct.no_sandbox, "without a sandbox"),
    ("suite-strong", misconduct.from_cache, "out of a cache"),
    ("suite-strong", misconduct.stop_early, "allows no looks"),
    ("suite-strong", misconduct.silence_the_models_name, "which model answered"),
]


def name_of(one):
    return getattr(one, "__name__", "")


def said(found):
    return " | ".join([found.because, *found.missing])


def test_the_logs_are_whole_runs_of_the_bundled_suite():
    for log in honest("suite-strong", "suite-weak"):
        assert {one.id for one in log.samples} == set(bundled().task_ids)
        assert len(log.samples) == 2 * len(bundled().task_ids)
        assert log.sandbox == "clearhouse"
        assert log.faults == ()


def test_the_logs_ask_what_the_suite_asks_today():
    """When the suite changes, the logs and the hash in the profile must be made anew."""
    suite = bundled()
    for sample in Log("suite-strong").samples.values():
        program, kind = suite.task(sample["id"])
        assert sample["input"] == question(program, kind, canary=suite.canary)


def test_the_honest_strong_model_is_covered():
    logs = honest("suite-strong")
    found = decide("suite-strong", logs, signed(logs))
    assert found.outcome is Outcome.COVERED, said(found)


def test_the_honest_weak_model_lacks_only_what_absence_needs():
    logs = honest("suite-weak")
    found = decide("suite-weak", logs, signed(logs))
    assert found.outcome is Outcome.INSUFFICIENT
    assert {one.partition(":")[0] for one in found.missing} == {"budget-plateau", "elicitation"}


@pytest.mark.parametrize(("name", "change"), INVALID, ids=name_of)
def test_a_changed_log_of_the_suite_is_invalid(tmp_path, name, change):
    before = honest(name)
    found = decide(name, [tampered(tmp_path, name, change)], signed(before))
    assert found.outcome is Outcome.INVALID, said(found)


@pytest.mark.parametrize(
    ("name", "change"), [one for one in INVALID if one[1] is not misconduct.reorder], ids=name_of
)
def test_even_the_runners_own_signature_does_not_save_it(tmp_path, name, change):
    log = tampered(tmp_path, name, change)
    found = decide(name, [log], signed([log]))
    assert found.outcome in {Outcome.INVALID, Outcome.INSUFFICIENT}, said(found)
    assert found.outcome is Outcome.INVALID or found.missing


@pytest.mark.parametrize(("name", "change", "reason"), LACKING, ids=name_of)
def test_a_log_of_the_suite_that_lacks_something_is_insufficient(tmp_path, name, change, reason):
    log = tampered(tmp_path, name, change)
    found = decide(name, [log], signed([log]))
    assert found.outcome is Outcome.INSUFFICIENT, said(found)
    assert reason in said(found)
