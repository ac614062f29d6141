"""An examination is asked for, done once, kept, and taken up again when its worker was killed."""

import json
from dataclasses import replace

import pytest

import house
from clearhouse.clearing import route
from clearhouse.clearing.intake.record import Attachment, Draft
from clearhouse.clearing.match import operations as match
from clearhouse.clearing.match import proving
from clearhouse.clearing.match.record import ReasonCode, Relation
from clearhouse.clearing.validate import examination
from clearhouse.clearing.validate import operations as validate
from clearhouse.clearing.validate.operations import NoSuchReportError
from clearhouse.clearing.validate.record import (
    Claim,
    ClaimCheck,
    ClaimResult,
    Doubt,
    ExaminationId,
    ExaminationState,
    Level,
    Verdict,
    VerdictKind,
)
from clearhouse.clearing.validate.statement import as_statement, verify
from clearhouse.clearing.validate.worker import Compared, Content, Reply
from clearhouse.clearing.validate.workers import StoppedError, WorkerGoneError
from clearhouse.formats.canonical import canonical_bytes
from clearhouse.kernel.policy import ForbiddenError

GOOD = Draft(
    title="PyYAML full_load runs code",
    description="yaml.full_load builds any object.",
    purl="pkg:pypi/pyyaml",
    tested_version="5.3.1",
)
BUNDLE = Attachment(
    filename="bundle.yaml",
    content_type="text/yaml",
    data=b"format: clearhouse-bundle/1\ntarget: pkg:pypi/pyyaml@5.3.1\nfixed: '5.4'\n"
    b"run: [python, -c, '1']\noracle: {kind: output, match: x}\n",
)


class Bench:
    """Workers that answer from a table: what a request about a title gives."""

    def __init__(self, kind=VerdictKind.NOT_ATTEMPTED, relation="unknown", **verdict):
        self.kind, self.relation, self.verdict = kind, relation, verdict
        self.asked = []

    def ask(self, request):
        self.asked.append(request)
        if len(request.reports) > 1:
            return Reply(compared=Compared(relation=self.relation, seen=("proof 1 fires on 1.0",)))
        found = Verdict(
            level=Level.E5 if self.kind is VerdictKind.REPRODUCED else Level.E0,
            kind=self.kind,
            reason="as the table says",
            inputs=request.inputs,
            rules=examination.RULES,
            decided_at=request.now,
        )
        return Reply(verdict=replace(found, **self.verdict))


def act(app, operation, *given, by=None, **rest):
    actor = by or app.desk.clearing_actor
    with app.desk.database.transaction(actor.actor_id) as transaction:
        return operation(app.desk, transaction, actor, *given, **rest)


def see(app, question, *given, by=None):
    actor = by or app.desk.clearing_actor
    with app.desk.database.transaction(actor.actor_id) as transaction:
        return question(transaction, *given)


def cleared(app, draft=GOOD):
    report_id = house.submit(app, draft)
    route.clear(app.desk, report_id)
    return report_id


def _read_in_without_the_act(app, report_id):
    """Somebody whose party may read the report, and whose role asks for nothing."""
    return house.reporter(app)


def asked(app, report_id):
    return see(app, examination.newest, report_id)


def test_clearing_a_report_asks_for_its_examination_and_does_not_wait(app):
    report_id = cleared(app)
    found = asked(app, report_id)
    assert found.state is ExaminationState.WAITING
    assert [one.examination_id for one in see(app, examination.open_ones)] == [found.examination_id]
    assert see(app, validate.counts)["examinations waiting"] == 1
    with app.desk.database.transaction(None) as transaction:
        row = transaction.one(
            "SELECT queue_name, args FROM procrastinate_jobs WHERE task_name = 'examine_report'"
        )
    assert row == {
        "queue_name": examination.QUEUE,
        "args": {"examination_id": found.examination_id},
    }


def test_places_to_look_up_come_first_and_proofs_to_run_last(app):
    place = replace(GOOD, description="The flaw is in construct_object().")
    packed = replace(BUNDLE, filename="poc.tar.gz")
    drafts = [
        replace(place, title="a proof", attachments=(BUNDLE,)),
        replace(place, title="a packed proof", attachments=(packed,)),
        GOOD,
        place,
    ]
    for draft in drafts:
        cleared(app, draft)
    with app.desk.database.transaction(None) as transaction:
        rows = transaction.all(
            "SELECT priority FROM procrastinate_jobs WHERE task_name = 'examine_report' ORDER BY id"
        )
    assert [row["priority"] for row in rows] == [0, 0, 1, 2]


def test_clearing_again_asks_for_nothing_new(app):
    report_id = cleared(app)
    first = asked(app, report_id)
    route.clear(app.desk, report_id)
    assert asked(app, report_id) == first


def test_an_examination_is_done_once_and_its_verdict_is_kept(app):
    report_id = cleared(app)
    bench = Bench(VerdictKind.INCONCLUSIVE, doubt=Doubt.ORACLE)
    for _ in range(2):
        route.examine(app.desk, bench, asked(app, report_id).examination_id)
    assert len(bench.asked) == 1
    with app.desk.database.transaction(app.desk.clearing_actor.actor_id) as transaction:
        found = validate.verdict_of(app.desk, transaction, report_id)
    assert (found.kind, found.reason) == (VerdictKind.INCONCLUSIVE, "as the table says")
    assert asked(app, report_id).state is ExaminationState.DONE
    assert see(app, validate.counts)["examinations done"] == 1


def test_a_worker_killed_in_the_middle_leaves_an_examination_that_the_next_one_does(app):
    report_id = cleared(app)
    examination_id = asked(app, report_id).examination_id

    class Killed:
        def ask(self, request):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        route.examine(app.desk, Killed(), examination_id)
    assert asked(app, report_id).state is ExaminationState.RUNNING
    route.examine(app.desk, Bench(VerdictKind.NOT_ATTEMPTED), examination_id)
    assert asked(app, report_id).state is ExaminationState.DONE


def test_an_examination_that_is_stopped_waits_again(app):
    class Stopped:
        def ask(self, request):
            raise StoppedError("no more examinations are begun here")

    report_id = cleared(app)
    with pytest.raises(StoppedError):
        route.examine(app.desk, Stopped(), asked(app, report_id).examination_id)
    assert asked(app, report_id).state is ExaminationState.WAITING


def test_a_worker_killed_after_the_verdict_was_kept_runs_nothing_twice(app, monkeypatch):
    report_id = cleared(app)
    bench, examination_id = Bench(), asked(app, report_id).examination_id

    def die(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(match, "settle", die)
    with pytest.raises(KeyboardInterrupt):
        route.examine(app.desk, bench, examination_id)
    monkeypatch.undo()
    route.examine(app.desk, bench, examination_id)
    assert len(bench.asked) == 1


def test_a_person_may_ask_to_look_again(app):
    report_id, ann = cleared(app), house.coordinator(app)
    bench = Bench()
    route.examine(app.desk, bench, asked(app, report_id).examination_id)
    same = act(app, examination.ask, report_id, by=ann)
    assert same.state is ExaminationState.DONE
    again = act(app, examination.ask, report_id, by=ann, again=True)
    assert (again.state, again.asked_by) == (ExaminationState.WAITING, ann.actor_id)
    assert act(app, examination.ask, report_id, by=ann, again=True) == again
    route.examine(app.desk, bench, again.examination_id)
    assert len(bench.asked) == 2
    with app.desk.database.transaction(app.desk.clearing_actor.actor_id) as transaction:
        kinds = transaction.all("SELECT body FROM ledger_event WHERE kind = 'examination.asked'")
    assert len(kinds) == 2


def test_only_who_may_and_is_read_in_asks(app):
    report_id = cleared(app)
    with pytest.raises(ForbiddenError, match=r"report\.examine"):
        act(app, examination.ask, report_id, by=_read_in_without_the_act(app, report_id))
    with pytest.raises(NoSuchReportError):
        act(app, examination.ask, report_id, by=house.reporter(app, "Somebody Else"))


def test_a_contradiction_found_in_depth_holds_back_the_finding(app):
    report_id = cleared(app)
    wrong = ClaimCheck(
        claim=Claim.SYMBOL,
        subject="unpickle",
        result=ClaimResult.CONTRADICTED,
        reason="No release has it.",
    )
    bench = Bench(VerdictKind.CONTRADICTED, checks=(wrong,))
    route.examine(app.desk, bench, asked(app, report_id).examination_id)
    with app.desk.database.transaction(app.desk.clearing_actor.actor_id) as transaction:
        row = transaction.one(
            "SELECT contradicted FROM match_report WHERE report_id = %s", [report_id]
        )
    assert row == {"contradicted": True}


def test_an_examination_that_failed_on_our_side_keeps_what_the_quick_checks_say(app):
    class Gone:
        def ask(self, request):
            raise WorkerGoneError("the examining process ended before it answered, twice")

    report_id = cleared(app, replace(GOOD, aliases=("CVE-2041-1234",)))
    route.examine(app.desk, Gone(), asked(app, report_id).examination_id)
    with app.desk.database.transaction(app.desk.clearing_actor.actor_id) as transaction:
        found = validate.verdict_of(app.desk, transaction, report_id)
    assert found.kind is VerdictKind.CONTRADICTED
    assert found.not_established[0].startswith("Not examined in depth")
    plain = examination.examine_now(app.desk, Gone(), Content.of(GOOD))
    assert plain.kind is VerdictKind.NOT_ATTEMPTED


def test_the_ledger_holds_the_hash_of_what_the_signed_statement_says(app):
    report_id = cleared(app)
    with app.desk.database.transaction(app.desk.clearing_actor.actor_id) as transaction:
        envelope = validate.statement_of(app.desk, transaction, report_id)
        verdict = validate.verdict_of(app.desk, transaction, report_id)
        row = transaction.one("SELECT body FROM ledger_event WHERE kind = 'verdict.decided'")
    key = app.desk.keys.signing_key().public_key()
    assert verify(envelope, [key]).predicate["verdict"] == "not-attempted"
    stated = validate._sha256(canonical_bytes(as_statement(verdict)))
    assert json.loads(bytes(row["body"]))["data"]["statement_sha256"] == stated


def test_a_report_that_is_gone_has_no_examination(app):
    with pytest.raises(examination.NoSuchExaminationError):
        route.examine(app.desk, Bench(), ExaminationId("exm_" + "a" * 26))


@pytest.mark.parametrize(
    ("relation", "findings"), [("same", 1), ("different", 2), ("silenced-together", 2)]
)
def test_proofs_run_on_each_others_fixes_reach_the_findings(app, relation, findings):
    bench = Bench(VerdictKind.REPRODUCED, relation)
    drafts = [
        replace(GOOD, attachments=(BUNDLE,), title=f"PyYAML full_load runs code, {word}")
        for word in ("seen by one", "seen by another")
    ]
    reports = [cleared(app, one) for one in drafts]
    for report_id in reports:
        route.examine(app.desk, bench, asked(app, report_id).examination_id)
    assert sum(len(one.reports) == 2 for one in bench.asked) == 1
    found = {see(app, match.finding_of, report_id) for report_id in reports}
    assert len(found) == findings


def test_a_proven_difference_outweighs_a_shared_id_but_no_person(app):
    drafts = [replace(GOOD, aliases=("CVE-2020-14343",), title=word) for word in ("one", "other")]
    left, right = (cleared(app, one) for one in drafts)
    assert see(app, match.finding_of, left) == see(app, match.finding_of, right)
    edge = act(
        app, proving.prove, left, right, relation=Relation.DIFFERENT, seen=("proof 2 is silent",)
    )
    assert act(app, proving.prove, right, left, relation=Relation.SAME, seen=()).id == edge.id
    assert see(app, match.finding_of, left) != see(app, match.finding_of, right)
    with app.desk.database.transaction(app.desk.clearing_actor.actor_id) as transaction:
        found = match.edges_of(app.desk, transaction, match.finding_of(transaction, left))
    (shown,) = [one for one in found if one.id == edge.id]
    assert shown.reasons[0].code is ReasonCode.CROSS_FIX
    assert shown.reasons[0].evidence == ("proof 2 is silent",)
    with pytest.raises(ValueError, match="same bug or different"):
        act(app, proving.prove, left, right, relation=Relation.SIBLING, seen=())
