from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from clearhouse.clearing.deconflict.known import (
    AffectedPackage,
    KevEntry,
    Known,
    KnownVulnerability,
)
from clearhouse.clearing.intake.record import Draft, ExploitState
from clearhouse.clearing.prioritize.facts import Told, gather
from clearhouse.clearing.prioritize.record import Assessment, KevListing, VectorClaim, VectorSource
from clearhouse.clearing.validate.record import Level, VerdictKind

AT = datetime(2026, 11, 23, tzinfo=UTC)
RECORD = KnownVulnerability(
    id="PYSEC-2021-142",
    aliases=("CVE-2020-14343",),
    packages=(AffectedPackage(purl="pkg:pypi/pyyaml", affected="vers:pypi/<5.4", fixed=("5.4",)),),
    published=AT,
)
ENTRY = KevEntry(cve="CVE-2020-14343", added=date(2026, 1, 2), ransomware=True)
KNOWN = Known(vulnerabilities=(RECORD,), kev_entries={"CVE-2020-14343": ENTRY})
NOTHING = Known()
VECTOR = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"


def told(draft=None, **change):
    fields = {"draft": draft or Draft(), "party": "pty_a", "received_at": AT, "present": ()}
    return Told(**(fields | change))


def facts(*reports, known=NOTHING, assessment=None):
    return gather("fnd_1", reports, known, assessment or Assessment())


def test_a_bare_report_gives_facts_that_say_nothing():
    found = facts(told())
    assert (found.parties, found.first_received) == (1, AT)
    assert (found.packages, found.vectors, found.level) == ((), (), None)
    assert (found.public, found.fixed, found.kev, found.kev_checked) == (None, None, None, False)
    assert found.claimed_exploit is ExploitState.UNKNOWN


def test_reports_of_one_party_are_no_rediscovery():
    later = AT + timedelta(days=1)
    assert facts(told(), told(received_at=later)).parties == 1
    found = facts(told(received_at=later), told(party="pty_b"))
    assert (found.parties, found.first_received) == (2, AT)


def test_what_the_reports_say_is_put_together_each_once():
    one = Draft(purl="pkg:pypi/PyYAML@5.3", cvss_vectors=(VECTOR,), severity="high",
                cwes=("CWE-502", "NVD-CWE-noinfo"), already_public=False)  # fmt: skip
    other = Draft(purl="pkg:pypi/pyyaml", cvss_vectors=(VECTOR,), severity="high", cwes=("CWE-20",),
                  already_public=True, fixed_versions=("5.4",))  # fmt: skip
    found = facts(told(one, present=("poc",)), told(other, present=("description", "poc")))
    assert found.packages == ("pkg:pypi/pyyaml",)
    assert found.vectors == (VectorClaim(vector=VECTOR),)
    assert found.claimed_severities == ("high",)
    assert found.present == ("poc", "description")
    assert found.families == ("deserialization", "CWE-20")
    assert (found.public, found.fixed) == (True, True)


def test_a_denial_of_publicity_is_a_no_and_silence_is_none():
    assert facts(told(Draft(already_public=False))).public is False
    assert facts(told(Draft())).public is None


def test_a_package_url_that_cannot_be_read_names_no_package():
    assert facts(told(Draft(purl="pyyaml, I think"))).packages == ()


def test_a_contradicted_report_lends_nothing_while_another_stands():
    loud = told(
        Draft(exploit_state=ExploitState.ACTIVE, aliases=("CVE-2020-14343",), purl="pkg:npm/x"),
        verdict=VerdictKind.CONTRADICTED,
        party="pty_b",
    )
    quiet = told(Draft(purl="pkg:npm/y"), level=Level.E1)
    found = facts(loud, quiet, known=KNOWN)
    assert found.claimed_exploit is ExploitState.UNKNOWN
    assert (found.kev, found.packages, found.level) == (None, ("pkg:npm/y",), Level.E1)
    assert found.verdict is VerdictKind.NOT_ATTEMPTED
    assert found.parties == 2
    alone = facts(loud, known=KNOWN)
    assert (alone.verdict, alone.claimed_exploit) == (VerdictKind.CONTRADICTED, ExploitState.ACTIVE)


def test_the_best_verdict_and_the_highest_level_of_the_reports_count():
    found = facts(
        told(level=Level.E1, verdict=VerdictKind.NOT_REPRODUCED),
        told(level=Level.E4, verdict=VerdictKind.REPRODUCED),
        told(level=None),
    )
    assert (found.level, found.verdict) == (Level.E4, VerdictKind.REPRODUCED)


CLAIMS = Draft(purl="pkg:pypi/pyyaml", aliases=("cve-2020-14343",))


def test_a_public_record_of_the_same_package_makes_the_flaw_public_and_fixed():
    found = facts(told(CLAIMS), known=KNOWN)
    assert (found.public_record, found.fixed) == ("PYSEC-2021-142", True)
    assert found.kev == KevListing(id="CVE-2020-14343", added="2026-01-02", ransomware=True)
    assert found.kev_checked


def test_a_record_of_another_package_or_a_withdrawn_one_says_nothing():
    elsewhere = facts(told(replace(CLAIMS, purl="pkg:pypi/other")), known=KNOWN)
    assert elsewhere.public_record is None
    withdrawn = Known(vulnerabilities=(replace(RECORD, withdrawn=AT),))
    assert facts(told(CLAIMS), known=withdrawn).public_record is None


def test_a_listing_is_found_by_any_alias_of_the_record():
    found = facts(told(replace(CLAIMS, aliases=("PYSEC-2021-142",))), known=KNOWN)
    assert found.kev is not None


def test_what_a_person_says_stands_beside_what_the_reports_say():
    own = VectorClaim(vector=VECTOR, by=VectorSource.COORDINATOR)
    assessment = Assessment(
        vector=own, automatable=True, value_concentrated=False, safety_impact="M",
        supplier_contacted=True, supplier_engaged=False,
    )  # fmt: skip
    found = facts(told(Draft(cvss_vectors=(VECTOR,))), assessment=assessment)
    assert found.vectors == (own, VectorClaim(vector=VECTOR))
    assert (found.automatable, found.value_concentrated, found.safety_impact) == (True, False, "M")
    assert (found.supplier_contacted, found.supplier_engaged) == (True, False)


def test_a_named_fix_commit_counts_as_a_fix():
    assert facts(told(Draft(fixed_commit="a" * 40))).fixed is True
