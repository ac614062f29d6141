from dataclasses import replace

import pytest

import house
from clearhouse.clearing.intake.completeness import Element
from clearhouse.clearing.intake.record import Attachment, AttachmentKind, Draft, ExploitState
from clearhouse.clearing.match import operations as match
from clearhouse.clearing.prioritize import operations as prioritize
from clearhouse.clearing.prioritize.explain import explain
from clearhouse.clearing.prioritize.record import (
    READY_ELEMENTS,
    Assessment,
    Band,
    VectorClaim,
    VectorSource,
)
from clearhouse.clearing.validate import operations as validate
from clearhouse.clearing.validate.record import VerdictKind
from clearhouse.formats.cvss import CvssError
from clearhouse.kernel.policy import ForbiddenError
from clearhouse.kernel.vault import set_readers

VECTOR = "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N"
SECRET = "the turnip parser eats its own tail"
DRAFT = Draft(
    title="Parser loops",
    description=SECRET,
    purl="pkg:pypi/turnip",
    cvss_vectors=(VECTOR,),
    severity="medium",
)


def submitted(app, draft=DRAFT, by=None):
    """A report that went through match and validate, and its finding."""
    report_id = house.submit(app, draft, by=by)
    desk, actor = app.desk, app.desk.clearing_actor
    with transaction(app) as tx:
        match.match_report(desk, tx, actor, report_id)
    with transaction(app) as tx:
        verdict = validate.validate_report(desk, tx, actor, report_id)
    with transaction(app) as tx:
        contradicted = verdict.kind is VerdictKind.CONTRADICTED
        match.settle(desk, tx, actor, report_id, contradicted=contradicted)
    with transaction(app) as tx:
        return report_id, match.finding_of(tx, report_id)


def transaction(app, actor=None):
    return app.desk.database.transaction((actor or app.desk.clearing_actor).actor_id)


def decided(app, finding_id):
    with transaction(app) as tx:
        return prioritize.prioritize_finding(app.desk, tx, app.desk.clearing_actor, finding_id)


def merged(app, one, other):
    analyst = house.analyst(app)
    with transaction(app, analyst) as tx:
        match.merge(app.desk, tx, analyst, one, other, note="the same loop")


def events(app, finding_id):
    with transaction(app) as tx:
        rows = tx.all(
            "SELECT kind, body FROM ledger_event WHERE subject = %s ORDER BY at", [finding_id]
        )
    return [(row["kind"], bytes(row["body"]).decode()) for row in rows]


def test_a_finding_gets_a_priority_that_is_given_back_as_it_was_stored(app):
    _, finding_id = submitted(app)
    priority = decided(app, finding_id)
    assert priority.severity.score == 9.3
    assert priority.severity.claimed == ("medium",)
    with transaction(app) as tx:
        assert prioritize.priority_of(app.desk, tx, finding_id) == priority
        assert prioritize.priorities(app.desk, tx, [finding_id]) == {finding_id: priority}
        assert prioritize.queue(app.desk, tx) == [priority]


def test_the_files_of_a_report_count_unless_they_are_empty(app):
    proof = Attachment(
        filename="poc.py", content_type="text/x-python", data=b"loop()", kind=AttachmentKind.POC
    )
    _, with_proof = submitted(app, replace(DRAFT, attachments=(proof,)))
    _, with_nothing = submitted(app, replace(DRAFT, attachments=(replace(proof, data=b""),)))
    assert decided(app, with_proof).exploit.value == "poc"
    assert decided(app, with_proof).band is Band.URGENT
    assert decided(app, with_nothing).exploit.value == "unknown"


def test_the_elements_of_a_ready_report_are_those_of_intake():
    assert tuple(Element) == READY_ELEMENTS


def test_prioritizing_again_on_the_same_facts_changes_nothing(app):
    _, finding_id = submitted(app)
    first, second = decided(app, finding_id), decided(app, finding_id)
    assert first == second
    with transaction(app) as tx:
        assert len(prioritize.history(app.desk, tx, finding_id)) == 1
    kinds = [kind for kind, _ in events(app, finding_id)]
    assert kinds.count("finding.prioritized") == 1


def test_the_ledger_names_rule_states_and_versions_and_no_word_of_the_report(app):
    _, finding_id = submitted(app)
    decided(app, finding_id)
    body = next(body for kind, body in events(app, finding_id) if kind == "finding.prioritized")
    for part in ("clearhouse-queue/1", "ssvc:DT_COORD_TRIAGE:1.0.0", '"coordination":"coordinate"'):
        assert part in body
    for part in ("turnip", "medium", "CVSS:4.0", "9.3"):
        assert part not in body


def test_no_clear_column_holds_what_a_reporter_wrote(app):
    _, finding_id = submitted(app, replace(DRAFT, severity="zebra-critical"))
    priority = decided(app, finding_id)
    assert "zebra-critical" in explain(priority)
    with transaction(app) as tx:
        row = tx.one("SELECT priority::text AS text FROM priority")
    for part in ("zebra", "turnip", "CVSS:4.0"):
        assert part not in row["text"]


def test_a_second_party_moves_the_finding_up_and_the_first_priority_stays_on_record(app):
    _, finding_id = submitted(app)
    before = decided(app, finding_id)
    _, other = submitted(app, by=house.reporter(app, "Rob Reporter"))
    merged(app, finding_id, other)
    after = decided(app, other)
    assert after.finding_id == finding_id
    assert (before.parties, after.parties) == (1, 2)
    assert after.key < before.key
    with transaction(app) as tx:
        past, present = prioritize.history(app.desk, tx, finding_id)
        assert prioritize.queue(app.desk, tx) == [after]
    assert (past.priority, present.priority) == (before, after)
    assert past.superseded_at == present.computed_at
    assert present.superseded_at is None
    assert "finding.reprioritized" in [kind for kind, _ in events(app, finding_id)]


def test_a_merge_takes_the_priority_of_the_finding_that_is_gone_out_of_the_queue(app):
    _, first = submitted(app)
    _, second = submitted(app, replace(DRAFT, description="Something else entirely: beets."))
    decided(app, first)
    decided(app, second)
    assert first != second
    merged(app, first, second)
    whole = decided(app, first)
    with transaction(app) as tx:
        assert prioritize.queue(app.desk, tx) == [whole]
        assert prioritize.priority_of(app.desk, tx, second) is None
        assert prioritize.history(app.desk, tx, second)[-1].superseded_at is not None


def test_the_queue_has_what_comes_first_first_and_can_be_paged(app):
    drafts = (
        replace(DRAFT, cvss_vectors=(), exploit_state=ExploitState.THEORETICAL, trigger="send it"),
        replace(DRAFT, exploit_state=ExploitState.ACTIVE, description="Another: carrots rot."),
        replace(DRAFT, purl=None, description="Third: onions weep."),
    )
    findings = [submitted(app, draft)[1] for draft in drafts]
    made = [decided(app, finding_id) for finding_id in findings]
    with transaction(app) as tx:
        queue = prioritize.queue(app.desk, tx)
        assert [one.finding_id for one in queue] == [
            one.finding_id for one in sorted(made, key=lambda one: one.key)
        ]
        assert prioritize.queue(app.desk, tx, limit=1, offset=1) == [queue[1]]
        counted = prioritize.counts(tx)
    assert counted.keys() == set(Band)
    assert sum(counted.values()) == 3
    assert counted[queue[0].band] >= 1


def test_who_is_not_read_in_learns_nothing(app):
    _, finding_id = submitted(app)
    priority = decided(app, finding_id)
    analyst, outsider = house.analyst(app), house.outsider(app)
    with transaction(app, analyst) as tx:
        assert prioritize.priority_of(app.desk, tx, finding_id) == priority
        assert prioritize.counts(tx)[priority.band] == 1
    with transaction(app, outsider) as tx:
        assert prioritize.priority_of(app.desk, tx, finding_id) is None
        assert prioritize.queue(app.desk, tx) == []
        assert prioritize.history(app.desk, tx, finding_id) == []
        assert set(prioritize.counts(tx).values()) == {0}
        with pytest.raises(match.NoSuchFindingError):
            prioritize.prioritize_finding(app.desk, tx, outsider, finding_id)


def test_an_analyst_may_look_and_not_decide(app):
    _, finding_id = submitted(app)
    analyst = house.analyst(app)
    with transaction(app, analyst) as tx, pytest.raises(ForbiddenError):
        prioritize.prioritize_finding(app.desk, tx, analyst, finding_id)


def assessing(app, role="intake_analyst"):
    """The desk, with the act of assessing given to a role."""
    authority = app.desk.authority
    acts = authority.acts_of_role[role] | {"finding.assess"}
    roles = {**authority.acts_of_role, role: acts}
    return replace(app.desk, authority=replace(authority, acts_of_role=roles))


def test_what_a_person_says_decides_and_lasts_when_the_finding_is_prioritized_again(app):
    _, finding_id = submitted(app)
    decided(app, finding_id)
    desk, analyst = assessing(app), house.analyst(app)
    own = VECTOR.replace("VC:H/VI:H/VA:H", "VC:N/VI:N/VA:L")
    said = Assessment(
        vector=VectorClaim(vector=own, by=VectorSource.COORDINATOR),
        automatable=False,
        supplier_engaged=True,
        safety_impact="N",
    )
    with transaction(app, analyst) as tx:
        priority = prioritize.assess(desk, tx, analyst, finding_id, said)
    assert priority.severity.vector == own
    assert any("of the reporter gives 9.3" in note for note in priority.severity.notes)
    assert priority.coordination == "decline"
    assert decided(app, finding_id) == priority
    assert "finding.assessed" in [kind for kind, _ in events(app, finding_id)]
    with transaction(app, analyst) as tx:
        taken_back = prioritize.assess(desk, tx, analyst, finding_id, Assessment())
    assert taken_back.severity.vector == VECTOR


def test_a_vector_that_cannot_be_scored_is_refused_and_nothing_is_stored(app):
    _, finding_id = submitted(app)
    desk, analyst = assessing(app), house.analyst(app)
    wrong = Assessment(vector=VectorClaim(vector="CVSS:4.0/AV:N"))
    with pytest.raises(CvssError), transaction(app, analyst) as tx:
        prioritize.assess(desk, tx, analyst, finding_id, wrong)
    with transaction(app) as tx:
        assert tx.all("SELECT 1 FROM assessment") == []


def test_without_the_act_nobody_assesses(app):
    _, finding_id = submitted(app)
    auditor = house.person(app, "House of Audit", house.PartyKind.AUDITOR, "Aud", "auditor")
    actors = (auditor, app.desk.clearing_actor)
    for actor in actors:
        with (
            transaction(app, actor) as tx,
            pytest.raises((ForbiddenError, match.NoSuchFindingError)),
        ):
            prioritize.assess(app.desk, tx, actor, finding_id, Assessment())


def test_closing_a_finding_closes_its_priorities_and_assessments_too(app):
    _, finding_id = submitted(app)
    decided(app, finding_id)
    desk, analyst = assessing(app), house.analyst(app)
    with transaction(app, analyst) as tx:
        prioritize.assess(desk, tx, analyst, finding_id, Assessment(automatable=True))
        compartment = match.finding(app.desk, tx, finding_id).compartment
        assert len(tx.all("SELECT 1 FROM assessment")) == 1
    with transaction(app) as tx:
        set_readers(tx, compartment, ["role:clearing", house.coordinator(app).actor_id])
    with transaction(app, analyst) as tx:
        assert prioritize.history(app.desk, tx, finding_id) == []
        assert tx.all("SELECT 1 FROM assessment") == []
    with transaction(app, house.coordinator(app)) as tx:
        assert len(prioritize.history(app.desk, tx, finding_id)) == 2
