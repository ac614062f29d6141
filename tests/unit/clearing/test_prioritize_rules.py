from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from clearhouse.clearing.intake.record import ExploitState
from clearhouse.clearing.prioritize.explain import explain, summary
from clearhouse.clearing.prioritize.record import (
    Coordination,
    KevListing,
    PriorityFacts,
    VectorClaim,
)
from clearhouse.clearing.prioritize.rules import STEPS, in_order, prioritize, why_first
from clearhouse.clearing.prioritize.tables import current
from clearhouse.clearing.validate.record import Level, VerdictKind

CRITICAL = "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N"
WORST = CRITICAL.replace("SC:N/SI:N/SA:N", "SC:H/SI:H/SA:H")
HIGH = "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:N/VI:N/VA:H/SC:N/SI:N/SA:N"
MEDIUM = "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:L/VI:N/VA:N/SC:N/SI:N/SA:N"
TABLES = current()
PLAIN = PriorityFacts(
    finding_id="fnd_a",
    first_received=datetime(2026, 11, 23, 8, tzinfo=UTC),
    parties=1,
    packages=("pkg:pypi/x",),
    level=Level.E1,
    present=("description", "trigger"),
)


def priority(**change):
    return prioritize(replace(PLAIN, **change), TABLES)


def vector(text):
    return {"vectors": (VectorClaim(vector=text),)}


@pytest.mark.parametrize(
    ("first", "second", "sentence"),
    [
        (
            {"claimed_exploit": ExploitState.ACTIVE},
            {},
            "Comes first by queue band: INCIDENT before STANDARD.",
        ),
        (
            {"kev": KevListing(id="CVE-1", added="2026-01-01")},
            {"claimed_exploit": ExploitState.ACTIVE},
            "Comes first by exploit state: kev before active.",
        ),
        (
            vector(MEDIUM) | {"claimed_exploit": ExploitState.THEORETICAL},
            vector(CRITICAL),
            "Comes first by exploit state: theoretical before unknown.",
        ),
        (vector(CRITICAL), vector(HIGH), "Comes first by severity: critical before high."),
        (vector(HIGH), {}, "Comes first by severity: high before unknown."),
        ({}, vector(MEDIUM), "Comes first by severity: unknown before medium."),
        ({"level": Level.E2}, {}, "Comes first by evidence: E2 before E1."),
        ({"level": Level.E0}, {"level": None}, "Comes first by evidence: E0 before below E0."),
        (
            {"packages": ()},
            {"verdict": VerdictKind.CONTRADICTED},
            "Comes first by evidence: E1 before contradicted.",
        ),
        (
            vector(WORST) | {"parties": 1},
            vector(CRITICAL) | {"parties": 9},
            "Comes first by score: 10.0 before 9.3.",
        ),
        (
            {},
            {"supplier_contacted": False},
            "Comes first by coordinator triage: coordinate before decline.",
        ),
        (
            {"parties": 3},
            {"parties": 2},
            "Comes first by independent rediscovery: 3 parties before 2 parties.",
        ),
        (
            {"present": ("description", "trigger", "tests")},
            {},
            "Comes first by readiness: 3 of 6 elements before 2 of 6 elements.",
        ),
        (
            {},
            {"first_received": PLAIN.first_received + timedelta(hours=1)},
            "Comes first because it waits longer, since 2026-11-23 08:00 UTC; all else is equal.",
        ),
    ],
)
def test_the_first_step_that_differs_decides_and_is_told(first, second, sentence):
    left = priority(**first)
    right = priority(**second, finding_id="fnd_0")
    assert in_order([right, left]) == [left, right]
    assert why_first(left, right) == sentence
    assert why_first(right, left) == f"Does not come first: {sentence}"


def test_two_that_are_equal_in_all_are_told_so():
    one, other = priority(), priority(finding_id="fnd_b")
    assert why_first(one, other).startswith("Neither comes first")
    assert in_order([other, one]) == [one, other]


def test_a_priority_names_every_table_and_policy_with_its_version():
    assert priority().policies == (
        "ssvc:DT_COORD_TRIAGE:1.0.0",
        "ssvc:DT_U:1.0.0",
        "ssvc:DT_PSI:1.0.0",
        "cisa:DT_BOD2604:1.0.0",
        "cisa:DT_CO:2.0.3",
        "clearhouse-assumptions/1",
        "clearhouse-queue/1",
    )


def test_a_priority_has_one_number_per_step_and_says_what_triage_says():
    one = priority(present=("tests", "description", "gossip"))
    assert len(one.key) == len(STEPS)
    assert one.ready == ("description", "tests")
    assert one.coordination is Coordination.COORDINATE


def test_the_explanation_has_every_axis_its_reason_and_its_version():
    one = priority(**vector(CRITICAL), claimed_severities=("low",), present=("description", "poc"))
    text = explain(one)
    for part in (
        "Queue: URGENT, look by 2026-11-23T20:00Z",
        "rule serious-with-proof, clearhouse-queue/1",
        "Severity: 9.3 (critical) by the reporter's vector, recomputed (CVSS-B 4.0)",
        "reporters' words: low",
        "Exploit state: poc: a report carries a proof of concept; no catalogue was at hand",
        "Validation: E1 consistent; verdict not-attempted",
        "Supplier Engagement: Unresponsive (assumed): no answer of the supplier is on record",
        "CISA BOD 26-04 if exposed: 3 days; an assumption could make it 3 days & forensic",
        "CISA BOD 26-04 if not exposed: 60 days",
        "CISA Coordinator by impact on missions: Low Track, Medium Track, High Attend",
        "Ready: 2 of 6 elements, missing trigger, severity, patch, tests",
        "Reported by 1 party",
    ):
        assert part in text
    assert summary(one) == "URGENT · critical 9.3 · exploit poc · E1 not-attempted"


def test_the_explanation_of_an_empty_finding_says_what_is_unknown():
    one = priority(packages=(), level=None, present=(), parties=2)
    assert "Severity: no score: no vector was given" in explain(one)
    assert "Reported by 2 parties" in explain(one)
    assert (
        summary(one) == "NEEDS-INFO · severity unknown · exploit unknown · below E0 not-attempted"
    )
    full = priority(present=("description", "trigger", "severity", "poc", "patch", "tests"))
    assert "Ready: 6 of 6 elements\n" in explain(full)
