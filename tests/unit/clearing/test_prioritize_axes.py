from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from clearhouse.clearing.intake.record import ExploitState
from clearhouse.clearing.prioritize.axes import (
    best_score,
    exploit_of,
    impact_word,
    queue_of,
    reach_word,
    severity_of,
    validation_of,
)
from clearhouse.clearing.prioritize.record import (
    Band,
    ExploitLevel,
    KevListing,
    PriorityFacts,
    VectorClaim,
    VectorSource,
)
from clearhouse.clearing.prioritize.tables import current
from clearhouse.clearing.validate.record import Level, VerdictKind

V4_CRITICAL = "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N"
V4_MEDIUM = "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:L/VI:N/VA:N/SC:N/SI:N/SA:N"
V31_CRITICAL = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"
V31_LOCAL = "CVSS:3.1/AV:L/AC:L/PR:L/UI:R/S:U/C:H/I:H/A:H"
V2_OPEN = "AV:N/AC:L/Au:N/C:C/I:C/A:C"

BARE = PriorityFacts(
    finding_id="fnd_1", first_received=datetime(2026, 11, 23, 8, tzinfo=UTC), parties=1
)
SOUND = replace(BARE, packages=("pkg:pypi/x",), level=Level.E1, present=("description", "trigger"))


def claims(*vectors, by=VectorSource.REPORTER):
    return tuple(VectorClaim(vector=vector, by=by) for vector in vectors)


def test_without_a_vector_there_is_no_score_and_a_reason():
    severity = severity_of(replace(BARE, claimed_severities=("critical",)))
    assert (severity.score, severity.rating, severity.vector) == (None, None, None)
    assert severity.claimed == ("critical",)
    assert severity.reason == "no score: no vector was given (a word alone is not scored)"
    assert severity_of(BARE).reason == "no score: no vector was given"


def test_a_vector_that_cannot_be_scored_is_told_without_repeating_it():
    severity = severity_of(replace(BARE, vectors=claims("CVSS:4.0/SECRET")))
    assert severity.score is None
    assert "no vector that can be scored" in severity.reason
    assert len(severity.notes) == 1
    assert "SECRET" not in severity.notes[0]


def test_the_newer_version_counts_and_the_other_is_a_note():
    severity = severity_of(replace(BARE, vectors=claims(V31_CRITICAL, V4_MEDIUM)))
    assert (severity.score, severity.standard) == (6.9, "CVSS-B 4.0")
    assert severity.notes == ("CVSS-B 3.1 of the reporter gives 9.8 (critical) and differs",)


def test_the_vendor_counts_before_the_coordinator_and_the_reporter():
    facts = replace(
        BARE,
        vectors=(
            *claims(V4_CRITICAL),
            *claims(V4_CRITICAL, by=VectorSource.COORDINATOR),
            *claims(V31_LOCAL, by=VectorSource.VENDOR),
        ),
    )
    severity = severity_of(facts)
    assert severity.by is VectorSource.VENDOR
    assert severity.standard == "CVSS-B 3.1"
    assert [note.split(" gives")[0] for note in severity.notes] == [
        "CVSS-B 4.0 of the coordinator",
        "CVSS-B 4.0 of the reporter",
    ]


def test_the_order_in_which_vectors_arrive_does_not_matter():
    forwards = replace(BARE, vectors=claims(V4_MEDIUM, V4_CRITICAL, V31_CRITICAL))
    backwards = replace(BARE, vectors=forwards.vectors[::-1])
    assert severity_of(forwards) == severity_of(backwards)
    assert severity_of(forwards).score == 9.3


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"kev": KevListing(id="CVE-2021-44228", added="2021-12-10", ransomware=True)}, "kev"),
        ({"claimed_exploit": ExploitState.ACTIVE}, "active"),
        ({"level": Level.E3, "verdict": VerdictKind.REPRODUCED}, "demonstrated"),
        ({"claimed_exploit": ExploitState.DEMONSTRATED}, "demonstrated"),
        ({"present": ("poc",)}, "poc"),
        ({"claimed_exploit": ExploitState.POC}, "poc"),
        ({"claimed_exploit": ExploitState.THEORETICAL}, "theoretical"),
        ({"claimed_exploit": ExploitState.THEORETICAL, "present": ("poc",)}, "poc"),
        ({"level": Level.E5, "verdict": VerdictKind.NOT_REPRODUCED}, "unknown"),
        ({}, "unknown"),
    ],
)
def test_the_exploit_state_is_the_worst_that_is_known_or_claimed(change, expected):
    assert exploit_of(replace(BARE, **change)).value == expected


def test_a_listing_outranks_every_claim_and_says_since_when():
    facts = replace(
        BARE,
        kev=KevListing(id="CVE-2021-44228", added="2021-12-10", ransomware=True),
        claimed_exploit=ExploitState.THEORETICAL,
    )
    exploit = exploit_of(facts)
    assert exploit.value is ExploitLevel.KEV
    assert exploit.reason == (
        "CVE-2021-44228 is listed as exploited since 2021-12-10, used in ransomware campaigns"
    )


def test_unknown_says_that_it_does_not_mean_safe_and_whether_anybody_looked():
    assert "does not mean safe; no catalogue was at hand" in exploit_of(BARE).reason
    assert "not in the catalogue" in exploit_of(replace(BARE, kev_checked=True)).reason


def test_validation_is_told_in_the_words_of_its_levels():
    assert validation_of(BARE).reason == "below E0; verdict not-attempted"
    assert validation_of(SOUND).reason == "E1 consistent; verdict not-attempted"


KEV = KevListing(id="CVE-1", added="2026-01-01")


@pytest.mark.parametrize(
    ("change", "rule", "band"),
    [
        ({}, "otherwise", Band.STANDARD),
        ({"verdict": VerdictKind.CONTRADICTED, "kev": KEV}, "contradicted", Band.NEEDS_INFO),
        ({"kev": KEV, "level": None}, "known-exploited", Band.INCIDENT),
        ({"claimed_exploit": ExploitState.ACTIVE}, "exploited-and-consistent", Band.INCIDENT),
        (
            {"claimed_exploit": ExploitState.ACTIVE, "level": Level.E0},
            "exploitation-claimed",
            Band.URGENT,
        ),
        (
            {"vectors": claims(V4_CRITICAL), "level": Level.E4},
            "open-and-proven",
            Band.INCIDENT,
        ),
        (
            {"vectors": claims(V4_CRITICAL), "public": True, "fixed": False},
            "public-and-unfixed",
            Band.INCIDENT,
        ),
        ({"vectors": claims(V4_CRITICAL), "public": True}, "otherwise", Band.STANDARD),
        ({"packages": ()}, "target-unknown", Band.NEEDS_INFO),
        (
            {"vectors": claims(V31_CRITICAL), "present": ("poc",)},
            "serious-with-proof",
            Band.URGENT,
        ),
        (
            {"level": Level.E3, "verdict": VerdictKind.REPRODUCED},
            "reproduced-without-vector",
            Band.URGENT,
        ),
        ({"present": ("description",), "level": Level.E0}, "nothing-to-try", Band.NEEDS_INFO),
        ({"present": ("poc",), "level": Level.E0}, "otherwise", Band.STANDARD),
    ],
)
def test_the_first_rule_that_holds_gives_the_band(change, rule, band):
    facts = replace(SOUND, **change)
    queue = queue_of(facts, severity_of(facts), exploit_of(facts), current().queue)
    assert (queue.rule, queue.band) == (rule, band)
    assert queue.policy == "clearhouse-queue/1"
    assert queue.due - facts.first_received == timedelta(
        hours={"INCIDENT": 2, "URGENT": 12, "STANDARD": 48, "NEEDS-INFO": 72}[band]
    )


@pytest.mark.parametrize(
    ("vector", "reach", "impact"),
    [
        (V4_CRITICAL, "open", "total"),
        (V4_MEDIUM, "open", "partial"),
        (V4_CRITICAL.replace("AT:N", "AT:P"), "limited", "total"),
        (V31_LOCAL, "limited", "total"),
        (V2_OPEN, "open", "total"),
        (V2_OPEN.replace("Au:N", "Au:S"), "limited", "total"),
    ],
)
def test_reach_and_impact_are_read_from_the_vector(vector, reach, impact):
    score = best_score(replace(BARE, vectors=claims(vector)))
    assert reach_word(score) == reach
    assert impact_word(BARE, score) == impact


def test_without_a_vector_the_kind_of_flaw_may_tell_the_impact():
    assert reach_word(None) == "unknown"
    assert impact_word(BARE, None) == "unknown"
    assert impact_word(replace(BARE, families=("xss", "deserialization")), None) == "total"
