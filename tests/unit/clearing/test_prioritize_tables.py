import copy

import pytest

from clearhouse.clearing.prioritize import tables
from clearhouse.clearing.prioritize.record import Band
from clearhouse.kernel.policy import PolicyError, load


def queue(**change):
    return {**copy.deepcopy(load("priority/queue-1")), **change}


def test_the_queue_in_force_has_a_time_for_every_band():
    assert dict(tables.current().queue.within_hours) == {
        Band.INCIDENT: 2, Band.URGENT: 12, Band.STANDARD: 48, Band.NEEDS_INFO: 72,
    }  # fmt: skip


def test_who_reported_is_no_condition_of_any_rule():
    assert tables.CONDITIONS.keys() == {
        "exploit", "fixed", "impact", "level", "package", "proof", "public", "rating", "reach",
        "trigger", "verdict",
    }  # fmt: skip


def rule(**change):
    return {"rule": "r", "band": "URGENT", "when": {}, "because": "b", **change}


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"bands": [{"name": "URGENT", "within_hours": 1}]}, "band INCIDENT has no time"),
        ({"rules": []}, "the last rule has a condition"),
        ({"rules": [rule(when={"proof": ["yes"]})]}, "the last rule has a condition"),
        ({"rules": [rule(when={"mood": ["bad"]}), rule()]}, "rule r asks mood for ['bad']"),
        ({"rules": [rule(when={"proof": ["maybe"]}), rule()]}, "asks proof for ['maybe']"),
        ({"rules": [rule(when={"proof": []}), rule()]}, "asks proof for []"),
        ({"severity_order": ["critical"]}, "does not name every rating"),
        ({"rules": [rule(band="SOON")]}, "not the shape"),
        ({"rules": [{}]}, "not the shape"),
        ({"bands": 3}, "not the shape"),
    ],
)
def test_a_queue_policy_that_says_what_cannot_be_is_refused(change, fault):
    with pytest.raises(PolicyError) as caught:
        tables.read_queue(queue(**change))
    assert fault in str(caught.value)


@pytest.mark.parametrize(
    "points",
    [
        {"ssvc:XX:1.0.0": {"value": "N", "because": "b"}},
        {"ssvc:SI:2.0.1": {"value": "Q", "because": "b"}},
        {"ssvc:SI:2.0.1": {"value": "N"}},
        3,
    ],
)
def test_an_assumption_about_what_no_table_has_is_refused(points):
    with pytest.raises(PolicyError):
        tables.read_assumptions(
            {"id": "a", "version": 1, "points": points}, [tables.current().safety]
        )


def test_a_broken_decision_table_is_refused(monkeypatch):
    broken = {**load("priority/ssvc-utility-1.0.0"), "rows": ["N | L"]}
    monkeypatch.setattr(tables, "load", lambda _: broken)
    with pytest.raises(PolicyError, match="is no decision table"):
        tables.current.__wrapped__()
