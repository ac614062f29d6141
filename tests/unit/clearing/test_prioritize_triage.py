from dataclasses import replace
from datetime import UTC, datetime

import pytest

from clearhouse.clearing.intake.record import ExploitState
from clearhouse.clearing.prioritize.axes import exploit_of
from clearhouse.clearing.prioritize.record import KevListing, PriorityFacts, VectorClaim
from clearhouse.clearing.prioritize.tables import current
from clearhouse.clearing.prioritize.triage import answer, attention, coordinator_triage, remediation
from clearhouse.clearing.validate.record import Level, VerdictKind

OPEN = "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N"
LOCAL = "CVSS:3.1/AV:L/AC:L/PR:L/UI:R/S:U/C:L/I:N/A:N"
BARE = PriorityFacts(finding_id="f", first_received=datetime(2026, 11, 23, tzinfo=UTC), parties=1)
TABLES = current()


def with_vector(vector, **change):
    return replace(BARE, vectors=(VectorClaim(vector=vector),), packages=("pkg:npm/x",), **change)


def inputs(found):
    return {one.point.split(":")[1]: one for one in found.inputs}


def test_what_nobody_stated_is_assumed_and_marked():
    found = coordinator_triage(BARE, TABLES)
    assert {key for key, one in inputs(found).items() if one.assumed} == {
        "RP", "SCON", "RC", "SC", "SE", "U", "PSI",
    }  # fmt: skip
    assert all(one.reason for one in found.inputs)
    assert found.possible == ("Decline", "Track", "Coordinate")


def test_what_everybody_stated_leaves_one_outcome():
    facts = with_vector(
        LOCAL,
        public=False,
        supplier_contacted=True,
        supplier_engaged=False,
        value_concentrated=False,
        safety_impact="N",
        level=Level.E1,
    )
    found = coordinator_triage(facts, TABLES)
    assert found.assumed == ()
    assert (found.outcome, found.possible) == ("Track", ("Track",))
    assert found.table == "ssvc:DT_COORD_TRIAGE:1.0.0"


@pytest.mark.parametrize(
    ("change", "point", "key", "assumed"),
    [
        ({"public": True}, "RP", "Y", False),
        ({"public_record": "PYSEC-2021-142"}, "RP", "Y", False),
        ({"supplier_contacted": False}, "SCON", "N", False),
        ({"verdict": VerdictKind.CONTRADICTED, "level": Level.E1}, "RC", "NC", False),
        ({"level": Level.E0}, "RC", "C", True),
        ({"level": Level.E2}, "RC", "C", False),
        ({"verdict": VerdictKind.NOT_REPRODUCED}, "RC", "C", True),
        ({"packages": ("pkg:npm/a", "pkg:npm/b")}, "SC", "M", False),
        ({"packages": ("pkg:npm/a", "pkg:npm/a")}, "SC", "O", False),
        ({"supplier_engaged": True}, "SE", "A", False),
        ({"automatable": True, "value_concentrated": True}, "U", "S", False),
        ({"automatable": False, "value_concentrated": False}, "U", "L", False),
        ({"automatable": True}, "U", "E", True),
        ({"safety_impact": "C"}, "PSI", "S", False),
    ],
)
def test_each_input_is_derived_from_its_fact(change, point, key, assumed):
    one = inputs(coordinator_triage(replace(BARE, **change), TABLES))[point]
    assert (one.key, one.assumed) == (key, assumed)


def test_a_public_record_is_named_as_the_reason():
    found = coordinator_triage(replace(BARE, public_record="PYSEC-2021-142"), TABLES)
    assert inputs(found)["RP"].reason == "PYSEC-2021-142 is published"
    assert found.outcome == "Decline"


def test_a_utility_that_is_half_known_limits_what_stays_possible():
    facts = with_vector(LOCAL, public=False, supplier_contacted=True, supplier_engaged=False,
                        safety_impact="N", level=Level.E1)  # fmt: skip
    found = coordinator_triage(facts, TABLES)
    assert [one.point for one in found.assumed] == ["ssvc:U:1.0.1"]
    assert found.possible == ("Track", "Coordinate")


@pytest.mark.parametrize(
    ("vector", "key"),
    [
        (OPEN, "Y"),
        (LOCAL, "N"),
        (OPEN + "/AU:N", "N"),
        (OPEN.replace("UI:N", "UI:A") + "/AU:Y", "Y"),
        ("CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:H", "N"),
    ],
)
def test_automatable_is_read_from_the_vector(vector, key):
    found = remediation(with_vector(vector), TABLES, exposed=True)
    assert inputs(found)["A"].key == key
    assert not inputs(found)["A"].assumed


def test_a_persons_assessment_counts_before_the_vector():
    found = remediation(with_vector(OPEN, automatable=False), TABLES, exposed=True)
    assert inputs(found)["A"].reason == "assessed as not automatable"


@pytest.mark.parametrize(
    ("kev", "exposed", "vector", "outcome"),
    [
        (True, True, OPEN, "3 days & forensic investigation"),
        (False, True, OPEN, "3 days"),
        (False, False, OPEN, "60 days"),
        (True, False, LOCAL, "14 days"),
        (False, False, LOCAL, "Fix on system upgrade"),
    ],
)
def test_bod_26_04_is_answered_for_both_kinds_of_asset(kev, exposed, vector, outcome):
    listing = KevListing(id="CVE-1", added="2026-01-01") if kev else None
    found = remediation(with_vector(vector, kev=listing, kev_checked=True), TABLES, exposed=exposed)
    assert (found.outcome, found.possible) == (outcome, (outcome,))


def test_an_absent_catalogue_is_an_assumption_and_not_a_no():
    found = remediation(with_vector(OPEN), TABLES, exposed=True)
    assert inputs(found)["KEV"].assumed
    assert found.possible == ("3 days", "3 days & forensic investigation")


def test_without_a_vector_impact_is_assumed_unless_the_kind_of_flaw_tells():
    assert inputs(remediation(BARE, TABLES, exposed=True))["TI"].assumed
    told = inputs(remediation(replace(BARE, families=("deserialization",)), TABLES, exposed=True))
    assert told["TI"].reason == "total by the kind of weakness"


@pytest.mark.parametrize(
    ("change", "key", "assumed"),
    [
        ({"kev": KevListing(id="CVE-1", added="2026-01-01")}, "A", False),
        ({"claimed_exploit": ExploitState.ACTIVE}, "A", False),
        ({"present": ("poc",), "public": True}, "P", False),
        ({"present": ("poc",)}, "N", True),
        ({}, "N", True),
    ],
)
def test_a_proof_that_only_this_house_has_is_no_public_proof(change, key, assumed):
    facts = replace(BARE, **change)
    low, medium, high = attention(facts, exploit_of(facts), TABLES)
    for found in (low, medium, high):
        assert (inputs(found)["E"].key, inputs(found)["E"].assumed) == (key, assumed)
    assert [inputs(one)["MWI"].value for one in (low, medium, high)] == ["Low", "Medium", "High"]


def test_a_table_with_a_point_that_nobody_states_or_assumes_is_our_own_mistake():
    bare = replace(TABLES, assumptions={})
    with pytest.raises(AssertionError, match="neither stated nor assumed"):
        answer(TABLES.safety, {"ssvc:SI:2.0.1": None}, bare)
