"""Every example case becomes an advisory that the official validators take, in every form."""

import json
from pathlib import Path

from csaf.csaf.v20 import validate as csaf_rules
from csaf.csaf.v21._validator import validate as csaf_21_rules

import schemas
from advisories import DAY_0, HOUSE
from clearhouse.clearing.intake.readers import read
from clearhouse.clearing.intake.readers.result import Reading
from clearhouse.clearing.publish.gather import ai_note
from clearhouse.clearing.publish.record import AdvisoryFacts, Documents, Revision
from clearhouse.clearing.publish.rules import documents

REPORTS = Path(__file__).resolve().parents[2] / "examples" / "reports"


def drafts():
    for path in sorted(REPORTS.iterdir()):
        found = read(path.read_bytes(), filename=path.name)
        if isinstance(found, Reading):
            yield from ((path.name, draft) for draft in found.drafts)


def made():
    """Return the documents of every example report that names a package and its versions."""
    for number, (name, draft) in enumerate(drafts(), start=1):
        if draft.purl and draft.affected_versions:
            facts = AdvisoryFacts(
                id=f"CLR-2026-{number:05d}",
                purl=draft.purl,
                affected_claims=draft.affected_versions,
                fixed_versions=draft.fixed_versions,
                publisher=HOUSE,
                revisions=(Revision(at=DAY_0, summary="First issue"),),
                software=draft.software,
                aliases=draft.aliases,
                cwes=draft.cwes,
                cvss_vectors=draft.cvss_vectors,
                credits=draft.credits,
                ai=ai_note([draft.provenance]),
            )
            yield name, documents(facts)


def test_every_example_case_is_valid_in_every_form_or_refused_with_reasons(suites):
    official = {
        "osv": schemas.osv(suites),
        "csaf": schemas.csaf_20(suites),
        "csaf-2.1": schemas.csaf_21(suites),
        "cve": schemas.cve(suites),
        "openvex": schemas.openvex(suites),
        "cyclonedx": schemas.cyclonedx(suites),
    }
    answers = list(made())
    for name, answer in answers:
        if not isinstance(answer, Documents):
            assert all(one.reason for one in answer), name
            continue
        for form, schema in official.items():
            if form in answer.bodies:
                value = json.loads(answer.bodies[form])
                assert [e.message[:200] for e in schema.iter_errors(value)] == [], (name, form)
        for form, rules in (("csaf", csaf_rules), ("csaf-2.1", csaf_21_rules)):
            report = rules(json.loads(answer.bodies[form]), preset="basic")
            assert report.overall_valid, (name, form)
    assert sum(isinstance(answer, Documents) for _, answer in answers) >= 20
