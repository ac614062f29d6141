import contextlib
import random
from datetime import UTC, datetime, timedelta

import pytest

import house
from clearhouse.clearing.intake.record import (
    Attachment,
    AttachmentKind,
    Credit,
    Draft,
    Location,
)
from clearhouse.clearing.match import _store
from clearhouse.clearing.match import operations as match
from clearhouse.clearing.match.clusters import clusters
from clearhouse.clearing.match.record import Basis, Meaning, Member, ReasonCode, Relation
from clearhouse.clearing.match.sketch import material, sketch
from clearhouse.kernel import vault
from clearhouse.kernel.policy import ForbiddenError

PURL = "pkg:pypi/pyyaml"
LOADER = "yaml.full_load builds objects of python/object/new in FullConstructor, so code is run"
LOADER_TOO = "FullConstructor accepts python/object/new tags: full_load runs the attacker's code"
EMITTER = "The emitter recurses without a limit on nested anchors and exhausts the stack"


def draft(text, **more):
    return Draft(**({"title": text[:40], "description": text, "purl": PURL} | more))


def poc(data=bytes(range(200))):
    kind = AttachmentKind.POC
    return Attachment(filename="p", content_type="application/octet-stream", data=data, kind=kind)


def act(app, operation, *args, by=None, **kwargs):
    actor = by or app.desk.clearing_actor
    with app.desk.database.transaction(actor.actor_id) as transaction:
        return operation(app.desk, transaction, actor, *args, **kwargs)


def get(app, question, *args, by=None):
    actor = by or app.desk.clearing_actor
    with app.desk.database.transaction(actor.actor_id) as transaction:
        return question(app.desk, transaction, *args)


def finding_of(app, report_id):
    with app.desk.database.transaction(app.desk.clearing_actor.actor_id) as transaction:
        return match.finding_of(transaction, report_id)


def cleared(app, one, *, contradicted=False):
    report_id = house.submit(app, one)
    act(app, match.match_report, report_id)
    act(app, match.settle, report_id, contradicted=contradicted)
    return report_id


def said(one):
    """Return everything that a sketch holds of a report, without its tags."""
    plain = sketch(material(one))
    tokens = plain.all_words | plain.specifics | plain.names | plain.product | plain.classes
    return {str(token).partition(":")[2] or str(token) for token in tokens}


def events(app, subject):
    with app.desk.database.transaction(app.desk.clearing_actor.actor_id) as transaction:
        rows = transaction.all(
            "SELECT kind FROM ledger_event WHERE subject = %s ORDER BY at", [subject]
        )
    return [row["kind"] for row in rows]


def test_each_report_founds_a_finding_and_matching_again_changes_nothing(app):
    report_id = house.submit(app, draft(LOADER))
    first = act(app, match.match_report, report_id)
    assert act(app, match.match_report, report_id) == first
    assert first.suggestions == ()
    assert get(app, match.finding, first.finding_id).report_ids == (report_id,)
    assert events(app, report_id).count("report.matched") == 1


def test_a_reworded_report_is_suggested_with_evidence_and_not_merged(app):
    first, other = cleared(app, draft(LOADER)), cleared(app, draft(EMITTER))
    report_id = house.submit(app, draft(LOADER_TOO))
    outcome = act(app, match.match_report, report_id)
    assert [s.report for s in outcome.suggestions] == [first]
    assert outcome.pending_proofs == ()
    evidence = {word for reason in outcome.suggestions[0].reasons for word in reason.evidence}
    assert "fullconstructor" in evidence
    assert evidence <= said(draft(LOADER)) & said(draft(LOADER_TOO))
    act(app, match.settle, report_id, contradicted=False)
    assert len({finding_of(app, r) for r in (first, other, report_id)}) == 3


def test_a_shared_id_joins_once_validation_has_spoken_and_keeps_every_credit(app):
    ann, ben = Credit(name="Ann"), Credit(name="Ben")
    first = cleared(app, draft(LOADER, aliases=("CVE-2099-1",), credits=(ann,)))
    second = house.submit(app, draft(LOADER_TOO, aliases=("CVE-2099-1",), credits=(ben, ann)))
    outcome = act(app, match.match_report, second)
    assert outcome.pending_proofs == (first,)
    assert finding_of(app, second) != finding_of(app, first)
    head = act(app, match.settle, second, contradicted=False)
    assert head == finding_of(app, first)
    found = get(app, match.finding, outcome.finding_id)
    assert found.finding_id == head
    assert found.report_ids == (first, second)
    assert found.merged == (outcome.finding_id,)
    assert get(app, match.credits_of, head) == (ann, ben)
    assert "finding.merged" in events(app, head)


def test_a_contradicted_report_joins_nothing_from_either_side(app):
    same = {"attachments": (poc(),)}
    false = cleared(app, draft(LOADER, **same), contradicted=True)
    true = cleared(app, draft(LOADER_TOO, **same))
    third = cleared(app, draft(LOADER + " again", **same), contradicted=True)
    assert len({finding_of(app, r) for r in (false, true, third)}) == 3


def test_a_late_contradiction_parts_and_its_withdrawal_joins_again(app):
    same = {"attachments": (poc(),)}
    first, second = cleared(app, draft(LOADER, **same)), cleared(app, draft(LOADER_TOO, **same))
    assert finding_of(app, first) == finding_of(app, second)
    act(app, match.settle, second, contradicted=True)
    assert finding_of(app, first) != finding_of(app, second)
    act(app, match.settle, second, contradicted=False)
    assert finding_of(app, first) == finding_of(app, second)


def test_a_proof_waits_for_the_validation_of_both_sides(app):
    same = {"attachments": (poc(),)}
    reports = [house.submit(app, draft(text, **same)) for text in (LOADER, LOADER_TOO)]
    for report_id in reports:
        act(app, match.match_report, report_id)
    act(app, match.settle, reports[1], contradicted=False)
    assert finding_of(app, reports[0]) != finding_of(app, reports[1])
    act(app, match.settle, reports[0], contradicted=False)
    assert finding_of(app, reports[0]) == finding_of(app, reports[1])


def test_a_person_merges_and_undoes_and_everything_is_as_before(app):
    first, second = cleared(app, draft(LOADER)), cleared(app, draft(EMITTER))
    ann = house.analyst(app)
    own = [finding_of(app, first), finding_of(app, second)]
    head = act(app, match.merge, own[1], own[0], by=ann, note="one patch fixes both")
    assert head == own[0]
    assert act(app, match.merge, own[1], own[0], by=ann, note="again") == head
    (edge,) = [e for e in get(app, match.edges_of, head, by=ann) if e.joins]
    assert (edge.basis, edge.decided_by) == (Basis.PERSON, ann.actor_id)
    assert edge.reasons[0].text == "one patch fixes both"
    act(app, match.undo, edge.id, by=ann)
    assert [finding_of(app, first), finding_of(app, second)] == own
    (edge,) = [e for e in get(app, match.edges_of, own[0]) if e.basis is Basis.PERSON]
    assert edge.retracted_by == ann.actor_id
    assert act(app, match.undo, edge.id, by=ann) == tuple(own)


def test_split_reports_stay_apart_until_the_word_is_taken_back(app):
    same = {"attachments": (poc(),)}
    one, two, three = (cleared(app, draft(f"{LOADER} {i}", **same)) for i in range(3))
    ann = house.analyst(app)
    assert len(set(act(app, match.split, [three], by=ann, note="another sink"))) == 2
    assert finding_of(app, one) == finding_of(app, two) != finding_of(app, three)
    act(app, match.settle, three, contradicted=False)
    assert finding_of(app, three) != finding_of(app, one)
    with pytest.raises(match.SaidDifferentError):
        act(app, match.merge, finding_of(app, one), finding_of(app, three), by=ann, note="x")
    edges = get(app, match.edges_of, finding_of(app, three))
    (word,) = [e for e in edges if e.relation is Relation.DIFFERENT]
    act(app, match.undo, word.id, by=ann)
    act(app, match.merge, finding_of(app, one), finding_of(app, three), by=ann, note="same")
    assert finding_of(app, one) == finding_of(app, three)


def test_a_split_needs_a_proper_part_of_one_finding(app):
    report_id = cleared(app, draft(LOADER))
    with pytest.raises(ValueError, match="some, not all"):
        act(app, match.split, [report_id], by=house.analyst(app), note="x")


def test_siblings_stay_two_findings(app):
    first, second = cleared(app, draft(LOADER)), cleared(app, draft(LOADER_TOO))
    pair = finding_of(app, first), finding_of(app, second)
    ann = house.analyst(app)
    edge = act(app, match.relate, *pair, relation=Relation.SIBLING, note="other loader", by=ann)
    assert edge.relation is Relation.SIBLING
    assert (finding_of(app, first), finding_of(app, second)) == pair
    for relation, other in ((Relation.SAME, pair[1]), (Relation.SIBLING, pair[0])):
        with pytest.raises(ValueError, match=r"merge|split"):
            act(app, match.relate, pair[0], other, relation=relation, note="x", by=ann)


def test_who_may_not_merge_is_refused(app):
    first, second = cleared(app, draft(LOADER)), cleared(app, draft(EMITTER))
    pair = finding_of(app, first), finding_of(app, second)
    with pytest.raises(ForbiddenError):
        act(app, match.merge, *pair, by=app.desk.clearing_actor, note="x")
    with pytest.raises(match.NoSuchFindingError):
        act(app, match.merge, *pair, by=house.outsider(app), note="x")


def open_to(app, report_id, *readers):
    """Let only these, and the machinery, read a report and its finding."""
    with app.desk.database.transaction(app.desk.clearing_actor.actor_id) as transaction:
        found = match.finding(app.desk, transaction, match.finding_of(transaction, report_id))
        row = transaction.one("SELECT compartment FROM report WHERE report_id = %s", [report_id])
        for compartment in (found.compartment, row["compartment"]):
            vault.set_readers(transaction, compartment, ["role:clearing", *readers])
    return found.finding_id


ON_DUTY, ANALYST = "role:coordinator_on_duty", "role:intake_analyst"


def test_an_edge_to_a_closed_report_is_seen_only_by_those_read_in(app):
    closed, report_id = cleared(app, draft(LOADER)), cleared(app, draft(LOADER_TOO))
    ann, cora = house.analyst(app), house.coordinator(app)
    mine = finding_of(app, report_id)
    assert len(get(app, match.edges_of, mine, by=ann)) == 1
    hidden = open_to(app, closed, ON_DUTY)
    assert get(app, match.edges_of, mine, by=ann) == ()
    with app.desk.database.transaction(ann.actor_id) as transaction:
        assert match.counts(transaction)["suggested"] == 0
        assert match.findings(transaction) == [mine]
    with pytest.raises(match.NoSuchFindingError):
        get(app, match.finding, hidden, by=ann)
    assert act(app, match.alike, draft(LOADER), by=ann)[0].report == report_id
    assert {s.report for s in act(app, match.alike, draft(LOADER), by=ann)} == {report_id}
    assert get(app, match.finding, hidden, by=cora).report_ids == (closed,)


def test_nobody_but_the_machinery_searches_the_index(app):
    cleared(app, draft(LOADER, attachments=(poc(),)))
    tables = ("match_index_report", "match_index_recent", "match_index_key")
    for actor, expected in ((app.desk.clearing_actor, True), (house.coordinator(app), False)):
        with app.desk.database.transaction(actor.actor_id) as transaction:
            for table in tables:
                rows = transaction.connection.execute(f"SELECT * FROM {table}").fetchall()  # noqa: S608 - our own table names
                assert bool(rows) is expected


def test_the_index_alone_tells_nothing_readable(app):
    cleared(app, draft("xylophone deserialisation", attachments=(poc(),), aliases=("CVE-2099-7",)))
    with app.desk.database.transaction(app.desk.clearing_actor.actor_id) as transaction:
        for table in ("match_index_report", "match_index_recent", "match_index_key"):
            dump = str(transaction.connection.execute(f"SELECT * FROM {table}").fetchall())  # noqa: S608 - our own table names
            for word in ("xylophone", "pyyaml", "2099"):
                assert word not in dump


def test_a_merge_opens_nothing_that_was_closed(app):
    opened, closed = cleared(app, draft(LOADER)), cleared(app, draft(EMITTER))
    pair = open_to(app, opened, ON_DUTY, ANALYST), open_to(app, closed, ON_DUTY)
    head = act(app, match.merge, *pair, by=house.coordinator(app), note="one bug")
    assert head == pair[0]
    assert set(get(app, match.finding, head).readers) == {"role:clearing", ON_DUTY}
    with pytest.raises(match.NoSuchFindingError):
        get(app, match.finding, head, by=house.analyst(app))


def test_random_histories_of_decisions_agree_with_the_pure_rules(app):
    rng = random.Random(20261123)
    ann = house.analyst(app)
    reports = [cleared(app, draft(LOADER if i % 2 else EMITTER)) for i in range(8)]
    own = {report_id: finding_of(app, report_id) for report_id in reports}
    for _ in range(40):
        one, other = rng.sample(reports, 2)
        edges = [e for e in edges_between(app, reports) if e.active]
        decision = rng.choice(["merge", "merge", "split", "undo"])
        if decision == "merge":
            with contextlib.suppress(match.SaidDifferentError):
                act(app, match.merge, finding_of(app, one), finding_of(app, other), by=ann, note="")
        elif decision == "split" and finding_of(app, one) == finding_of(app, other):
            act(app, match.split, [one], by=ann, note="")
        elif edges:
            act(app, match.undo, rng.choice(edges).id, by=ann)
        members = [
            Member(report=r, finding=own[r], received_at=START + timedelta(seconds=i))
            for i, r in enumerate(reports)
        ]
        expected = clusters(members, edges_between(app, reports))
        assert {r: finding_of(app, r) for r in reports} == {
            m.report: cluster.finding for cluster in expected for m in cluster.members
        }


START = datetime(2026, 1, 1, tzinfo=UTC)


def edges_between(app, reports):
    with app.desk.database.transaction(app.desk.clearing_actor.actor_id) as transaction:
        return _store.edges_of(transaction, reports)


def test_alike_answers_without_taking_anything_in(app):
    report_id = cleared(app, draft(LOADER, aliases=("CVE-2099-1",)))
    with app.desk.database.transaction(app.desk.clearing_actor.actor_id) as transaction:
        before = match.counts(transaction)
    found = act(app, match.alike, draft(LOADER_TOO, aliases=("CVE-2099-1",)), by=house.analyst(app))
    assert found[0].report == report_id
    assert found[0].reasons[0].code is ReasonCode.SAME_PUBLIC_ID
    with app.desk.database.transaction(app.desk.clearing_actor.actor_id) as transaction:
        assert match.counts(transaction) == before
    with pytest.raises(ForbiddenError):
        act(app, match.alike, draft(LOADER), by=house.reporter(app))


def test_a_report_without_package_or_of_another_language_is_taken_with_a_finding(app):
    nameless = cleared(app, draft("堆缓冲区溢出 in 解析器", purl=None))
    assert get(app, match.finding, finding_of(app, nameless)).report_ids == (nameless,)


def test_five_megabytes_and_ten_thousand_frames_get_their_finding(app):
    log = "==1==ERROR: AddressSanitizer: stack-overflow on address 0x7ff\n" + "".join(
        f"    #{i} 0x{i:x} in rule{i % 7}(int) /src/p.c:{i}\n" for i in range(10_000)
    )
    first = cleared(app, draft("The emitter recurses. " * 250_000, crash_log=log))
    again = house.submit(app, draft("It recurses in the emitter, see the log", crash_log=log))
    (suggestion,) = act(app, match.match_report, again).suggestions
    assert suggestion.report == first
    assert ReasonCode.SAME_CRASH in {reason.code for reason in suggestion.reasons}


def test_a_near_copy_with_a_stolen_id_joins_nothing_and_says_what_differs(app):
    ids = {"aliases": ("CVE-2020-14343",)}
    first = cleared(app, draft(LOADER, cwes=("CWE-502",), **ids))
    stolen = LOADER.replace("so code is run", "so the parser never ends")
    copy = cleared(app, draft(stolen, cwes=("CWE-835",), **ids))
    assert finding_of(app, copy) != finding_of(app, first)
    (suggestion,) = act(app, match.match_report, copy).suggestions
    against = {reason.code for reason in suggestion.reasons if reason.weight < 0}
    assert ReasonCode.OTHER_FAMILY in against


def test_what_fires_after_the_fix_is_asked_about_and_not_merged(app):
    proofs = {"attachments": (poc(),)}
    first = cleared(app, draft(LOADER, fixed_versions=("6.0.1",), **proofs))
    back = cleared(app, draft(LOADER_TOO, tested_version="6.0.2", **proofs))
    assert finding_of(app, back) != finding_of(app, first)
    (suggestion,) = act(app, match.match_report, back).suggestions
    assert suggestion.meaning is Meaning.REGRESSION


def test_a_known_place_alone_is_suggested(app):
    where = {"locations": (Location(file="lib/yaml/loader.py", function="full_load"),)}
    first = cleared(app, Draft(purl=PURL, cwes=("CWE-502",), title="One thing", **where))
    report_id = house.submit(app, Draft(purl=PURL, cwes=("CWE-502",), title="Another", **where))
    outcome = act(app, match.match_report, report_id)
    assert [s.report for s in outcome.suggestions] == [first]
    assert ReasonCode.SAME_PLACE in {r.code for r in outcome.suggestions[0].reasons}


def test_an_unknown_report_finding_or_edge_is_refused(app):
    for operation, name in ((match.match_report, "rep_x"), (match.undo, "edg_x")):
        with pytest.raises(match.NoSuchFindingError):
            act(app, operation, name)
    with pytest.raises(match.NoSuchFindingError):
        get(app, match.finding, "fnd_x")
    with pytest.raises(match.NoSuchFindingError):
        finding_of(app, "rep_x")
