"""What is decided from which numbers: estimands, looks, broken attempts, several clauses."""

import json
import random
from datetime import UTC, datetime

import pytest
import scipy  # its parts are loaded when they are named

from clearhouse.criteria.define.catalogue import GATES
from clearhouse.criteria.define.profiles import load_profile
from clearhouse.criteria.determine.record import Holds, Outcome, Subject
from clearhouse.criteria.determine.rules import Brought, determine
from clearhouse.criteria.determine.simulate import NotSimulatedError, simulate
from clearhouse.criteria.measure.gates import OF_ALL, OF_EACH
from clearhouse.criteria.measure.reading import read_evidence
from clearhouse.criteria.measure.record import EvidenceError
from evallog import PROFILE, believed, criterion, signed

NOW = datetime(2026, 11, 26, tzinfo=UTC)
HEADER = {
    "clearhouse_evidence": 1, "run_id": "r1", "created": "2026-11-01T09:00:00+00:00",
    "status": "success", "task": "flags", "task_version": "1", "model": "lab/model",
    "scaffold": "agent", "sandbox": "vm", "revision": {"commit": "4f2a91", "dirty": False},
}  # fmt: skip


def log(tmp_path, samples, name="log.jsonl", **header):
    path = tmp_path / name
    lines = [HEADER | {"declared_epochs": 99} | header, *samples]
    path.write_text("\n".join(json.dumps(one) for one in lines))
    return read_evidence(path)


def attempts(counts, tries, **more):
    """Items of which the first `counts[i]` of `tries` attempts succeed."""
    return [
        {
            "id": f"item-{item:03}", "epoch": epoch + 1, "scores": {"includes": float(epoch < hits)},
            "served": ["model"], "model_calls": 1,
            "ended_at": f"2026-11-01T{item // 60 + 10}:{item % 60:02}:{epoch:02}+00:00",
        }
        | more
        for item, hits in enumerate(counts)
        for epoch in range(tries)
    ]  # fmt: skip


def text(items, tries, metric, **top):
    """The test profile with another plan and metric."""
    more = "".join(f"{name}: {value}\n" for name, value in top.items())
    start = PROFILE[: PROFILE.index("rule:")].replace("items: 12", f"items: {items}")
    end = PROFILE[PROFILE.index("waived:") :]
    return start.replace("attempts: 2", f"attempts: {tries}") + more + f"rule:\n{metric}" + end


def metric(statistic, above, population="generalized", name="finds", indent="  "):
    lines = (
        f"metric: {name}", "benchmark: flags",
        f"estimand: {{population: {population}, statistic: {statistic}}}", f"above: {above}",
    )  # fmt: skip
    return "".join(f"{indent}{line}\n" for line in lines)


def decide(evidence, profile, **facts):
    logs = [evidence] if evidence else []
    return determine(
        criterion(profile),
        Brought(
            subject=Subject(model="lab/model", checkpoint="one"),
            logs={"flags": tuple(logs)},
            facts=facts,
            attestations=signed(logs) if logs else believed([]),
        ),
        NOW,
        sealed={},
    )


def estimate(found):
    return found.clauses[0].estimates[0]


def test_every_gate_of_the_catalogue_has_its_rule():
    assert set(GATES) == set(OF_EACH) | set(OF_ALL)
    assert not set(OF_EACH) & set(OF_ALL)


def test_attempts_count_as_independent_about_these_items_and_not_about_their_kind(tmp_path):
    evidence = log(tmp_path, attempts([10] * 14 + [0] * 6, 10))
    kind = decide(evidence, text(20, 10, metric("pass@1", 0.6)))
    these = decide(evidence, text(20, 10, metric("pass@1", 0.6, "benchmark")))
    assert (kind.outcome, these.outcome) == (Outcome.INSUFFICIENT, Outcome.COVERED)
    assert estimate(kind).low == pytest.approx(scipy.stats.beta.ppf(0.025, 14, 7), abs=1e-6)
    assert estimate(these).low == pytest.approx(scipy.stats.beta.ppf(0.025, 140, 61), abs=1e-6)
    (needed,) = kind.needed
    assert needed.direction == "above"
    assert needed.attempts > needed.have


def test_a_model_that_answers_the_same_each_time_has_one_attempt_an_item(tmp_path):
    evidence = log(tmp_path, attempts([10] * 14 + [0] * 6, 10), generation={"temperature": 0})
    found = decide(evidence, text(20, 10, metric("pass@1", 0.6, "benchmark")))
    assert estimate(found).effective == 20


@pytest.mark.parametrize(
    ("statistic", "value"),
    [("pass@k, k: 3", 1 - (4 * 3 * 2) / (6 * 5 * 4)), ("k-of-k, k: 2", (2 * 1) / (6 * 5))],
)
def test_pass_at_k_and_k_of_k_are_estimated_without_bias(tmp_path, statistic, value):
    evidence = log(tmp_path, attempts([2] * 12, 6))
    found = decide(evidence, text(12, 6, metric(statistic, 0.5)))
    assert estimate(found).value == pytest.approx(value)


def test_fewer_attempts_than_k_are_no_estimate(tmp_path):
    found = decide(log(tmp_path, attempts([2] * 12, 2)), text(12, 2, metric("pass@k, k: 3", 0.5)))
    assert found.outcome is Outcome.INSUFFICIENT
    assert any("needs 3 attempts at each item" in one for one in found.missing)


def test_broken_attempts_count_against_either_side(tmp_path):
    samples = attempts([1] * 30 + [0] * 10, 1)
    for sample in samples[:12]:
        sample |= {"errored": True, "scores": {}}
    found = decide(log(tmp_path, samples), text(40, 1, metric("pass@1", 0.5)))
    one = estimate(found)
    assert one.value == pytest.approx(18 / 28)
    assert one.low == pytest.approx(scipy.stats.beta.ppf(0.025, 18, 23), abs=1e-6)
    assert one.high == pytest.approx(scipy.stats.beta.ppf(0.975, 31, 10), abs=1e-6)
    assert found.outcome is Outcome.INSUFFICIENT


def test_the_alert_line_speaks_where_the_threshold_does_not(tmp_path):
    rule = metric("pass@1", 0.7) + "  alert_above: 0.4\n"
    found = decide(log(tmp_path, attempts([1] * 28 + [0] * 12, 1)), text(40, 1, rule))
    assert found.outcome is Outcome.ALERT


def test_looks_during_the_run_need_evidence_that_holds_at_each(tmp_path):
    rule, samples = metric("pass@1", 0.5), attempts(([1, 1, 0] * 14)[:40], 1)
    fixed = decide(log(tmp_path, samples), text(40, 1, rule))
    looked = decide(log(tmp_path, samples), text(40, 1, rule, sequential="true"))
    assert estimate(looked).low < estimate(fixed).low
    assert "every look" in estimate(looked).method
    many = attempts([1] * 60 + [0] * 5, 1)
    assert (
        decide(log(tmp_path, many), text(65, 1, rule, sequential="true")).outcome is Outcome.COVERED
    )
    timeless = [one | {"ended_at": None} for one in many]
    found = decide(log(tmp_path, timeless), text(65, 1, rule, sequential="true"))
    assert any("looks cannot be replayed" in one for one in found.missing)


def timed(seed=3):
    draw = random.Random(seed)
    found = []
    for item in range(60):
        minutes = 2 ** (item % 10)
        hits = sum(draw.random() < 1 / (1 + (minutes / 32) ** 1.2) for _ in range(6))
        more = {"minutes": minutes, "family": f"f{item % 15}"}
        found += [one | {"id": f"item-{item:03}"} | more for one in attempts([hits], 6)]
    return found


def test_a_horizon_is_in_minutes_with_the_interval_of_the_hierarchical_bootstrap(tmp_path):
    evidence = log(tmp_path, timed())
    low = decide(evidence, text(60, 6, metric("horizon, reliability: 0.5", 12)))
    assert estimate(low).value == pytest.approx(32, rel=0.35)
    assert estimate(low).low < 32 < estimate(low).high
    assert low.outcome is Outcome.COVERED
    assert "bootstrap" in estimate(low).method


def test_a_horizon_needs_the_minutes_of_every_item(tmp_path):
    found = decide(
        log(tmp_path, attempts([1] * 12, 1)), text(12, 1, metric("horizon, reliability: 0.8", 12))
    )
    assert any("needs the human minutes" in one for one in found.missing)


def rule_of(word, *parts):
    return f"  {word}:\n" + "".join(f"    - {part}\n" for part in parts)


def inline(name, above):
    return (
        f"{{metric: {name}, benchmark: flags, above: {above},"
        " estimand: {population: generalized, statistic: pass@1}}"
    )


def test_any_of_several_needs_more_evidence_than_one_and_all_of_them_no_more(tmp_path):
    hits = 28  # of 40, shows above 0.53 alone: p is just below 0.025
    evidence = log(tmp_path, attempts([1] * hits + [0] * (40 - hits), 1))
    alone = decide(evidence, text(40, 1, metric("pass@1", 0.53)))
    either = decide(evidence, text(40, 1, rule_of("any", inline("one", 0.53), inline("two", 0.9))))
    both = decide(evidence, text(40, 1, rule_of("all", inline("one", 0.53), inline("two", 0.52))))
    assert alone.outcome is Outcome.COVERED
    assert either.outcome is Outcome.INSUFFICIENT
    assert both.outcome is Outcome.COVERED


def test_a_declared_fact_settles_a_rule_without_evidence_or_not_at_all():
    eu = load_profile("eu-ai-act-gpai-1")

    def outcome(**facts):
        brought = Brought(subject=Subject(model="m", checkpoint="1"), logs={}, facts=facts)
        return determine(eu, brought, NOW, sealed={}).outcome

    assert outcome(**{"training-compute-flop": 1.1e25}) is Outcome.COVERED
    assert outcome(**{"training-compute-flop": 1e25}) is Outcome.INSUFFICIENT
    both = {"training-compute-flop": 1e25, "designated-by-commission": False}
    assert outcome(**both) is Outcome.NOT_COVERED
    assert outcome() is Outcome.INSUFFICIENT


def test_not_turns_the_claim_around(tmp_path):
    evidence = log(tmp_path, attempts([0] * 40, 1))
    found = decide(evidence, text(40, 1, f"  not: {inline('one', 0.5)}\n"))
    assert found.outcome is Outcome.COVERED
    assert found.clauses[0].holds is Holds.NO


def test_without_evidence_nothing_is_decided_and_that_is_said():
    found = decide(None, text(40, 1, metric("pass@1", 0.5)))
    assert found.outcome is Outcome.INSUFFICIENT
    assert found.missing == ("finds: no log of its benchmark was brought",)


# --- operating curves ----------------------------------------------------------------------------


@pytest.mark.parametrize("population", ["generalized", "benchmark"])
def test_operating_curves_agree_with_the_closed_form(population):
    items, threshold = 60, 0.5
    (curve,) = simulate(criterion(text(items, 1, metric("pass@1", threshold, population))))
    needed = next(
        k for k in range(items + 1) if scipy.stats.binom.sf(k - 1, items, threshold) <= 0.025
    )
    most = next(
        k for k in range(items, -1, -1) if scipy.stats.binom.cdf(k, items, threshold) <= 0.025
    )
    assert curve.how == "exact"
    for point in curve.points:
        assert point.covered == pytest.approx(
            scipy.stats.binom.sf(needed - 1, items, point.rate), abs=0.01
        )
        assert point.not_covered == pytest.approx(
            scipy.stats.binom.cdf(most, items, point.rate), abs=0.01
        )


def test_a_simulated_curve_errs_at_the_threshold_no_more_than_allowed_and_rises():
    (curve,) = simulate(criterion(text(30, 4, metric("pass@1", 0.6))), points=6)
    assert "simulated" in curve.how
    at = {round(point.rate, 1): point.covered for point in curve.points}
    assert at[0.6] <= 0.05
    assert at[0.0] == 0
    assert at[1.0] == 1
    (looked,) = simulate(criterion(text(30, 1, metric("pass@1", 0.6), sequential="true")), points=3)
    assert "looking after every item" in looked.how


def test_what_has_no_curve_says_why():
    with pytest.raises(NotSimulatedError, match="declared facts only"):
        simulate(load_profile("eu-ai-act-gpai-1"))
    with pytest.raises(NotSimulatedError, match="is a horizon"):
        simulate(criterion(text(9, 1, metric("horizon, reliability: 0.5", 9))))
    with pytest.raises(NotSimulatedError, match="likeness"):
        simulate(criterion(), likeness=1.0)


# --- the neutral format --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "sample", "said"),
    [
        ({"model": ""}, {}, "line 1 of the evidence lacks model"),
        ({"created": "today"}, {}, "no ISO 8601 time"),
        ({"created": "2026-11-01T09:00:00"}, {}, "no time zone"),
        ({}, {"id": 7}, "line 2 of the evidence needs an id"),
        ({}, {"epoch": "one"}, "line 2 of the evidence needs an id"),
    ],
)
def test_a_neutral_file_that_lacks_something_is_refused_by_line(tmp_path, header, sample, said):
    with pytest.raises(EvidenceError, match=said):
        log(tmp_path, [attempts([1], 1)[0] | sample], **header)


def test_a_neutral_file_is_checked_against_what_it_reports(tmp_path):
    reported = [{"scorer": "includes", "metric": "accuracy", "value": 0.9}]
    evidence = log(tmp_path, attempts([1, 0], 1), reported=reported, declared_total=3)
    assert "the header counts 3 samples, the log holds 2" in evidence.faults
    assert "the header says accuracy 0.9 for includes, its samples say 0.5" in evidence.faults
    with pytest.raises(EvidenceError, match="holds no sample"):
        log(tmp_path, [])
