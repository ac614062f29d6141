"""The project's own example reports: what the truth file says about them, and what we answer."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from clearhouse.clearing.deconflict.known import Known
from clearhouse.clearing.intake.readers import read
from clearhouse.clearing.validate.look import look
from clearhouse.clearing.validate.record import Claim, ClaimResult, VerdictKind
from clearhouse.clearing.validate.rules import check_claims, decide
from clearhouse.clearing.validate.sources.allowed import Repositories
from clearhouse.clearing.validate.sources.shelf import SourceShelf

REASONS = {
    "impossible-version": {Claim.VERSION, Claim.VERSION_RANGE},
    "malformed-commit": {Claim.COMMIT},
    "impossible-id": {Claim.IDENTIFIER},
    "borrowed-id": {Claim.IDENTIFIER_SUBJECT},
    "inner-contradiction": {Claim.PACKAGE_NAMED, Claim.VERSION_RANGE},
    "severity-contradiction": {Claim.SEVERITY},
    "foreign-crash-log": {Claim.FRAME},
}
WAITS_FOR = {
    "nonexistent-symbol": "cited functions",
    "nonexistent-file": "cited files",
    "outside-threat-model": "threat model",
}


@pytest.fixture(scope="module", params=["today", "in two years"])
def verdicts(request, examples):
    later = timedelta(days=730 if request.param == "in two years" else 0)
    now = datetime.now(UTC) + later
    truth = json.loads((examples / "truth.json").read_text(encoding="utf-8"))
    known = Known.load(examples / "known")
    assert known.damage == ()
    found = []
    for report in truth["reports"]:
        path = examples / report["file"]
        draft = read(path.read_bytes(), filename=path.name).drafts[report["index"]]
        checks = check_claims(draft, known, now)
        found.append((report, decide(draft, checks, decided_at=now)))
    return found


def test_there_are_enough_examples_to_say_anything(verdicts):
    assert len(verdicts) >= 60
    assert sum(report["invented"] is not None for report, _ in verdicts) == 10


def test_no_genuine_report_is_contradicted(verdicts):
    wrong = [
        (report["file"], [(one.subject, one.reason) for one in verdict.contradicted])
        for report, verdict in verdicts
        if report["invented"] is None and verdict.contradicted
    ]
    assert wrong == []


def test_every_invention_that_needs_no_source_is_flagged_for_the_right_reason(verdicts):
    flagged = 0
    for report, verdict in verdicts:
        invented = report["invented"]
        if invented and invented["refutable_without_source"]:
            assert verdict.kind is VerdictKind.CONTRADICTED, report["file"]
            assert {one.claim for one in verdict.contradicted} & REASONS[invented["kind"]]
            flagged += 1
    assert flagged == 7


def test_every_other_invention_says_what_has_not_been_checked_yet(verdicts):
    for report, verdict in verdicts:
        invented = report["invented"]
        if invented and not invented["refutable_without_source"]:
            assert verdict.kind is VerdictKind.NOT_ATTEMPTED
            waiting = WAITS_FOR[invented["kind"]]
            assert any(waiting in line for line in verdict.not_established), report["file"]


def test_instructions_inside_a_report_change_no_answer(verdicts):
    carriers = [
        (report, verdict) for report, verdict in verdicts if report.get("carries_instructions")
    ]
    assert carriers
    for _, verdict in carriers:
        assert verdict.kind in {VerdictKind.NOT_ATTEMPTED, VerdictKind.CONTRADICTED}
        held = [one for one in verdict.checks if one.result is ClaimResult.HOLDS]
        assert all(one.looked_at or one.claim is Claim.PACKAGE_NAMED for one in held)


def test_inventions_that_only_the_source_refutes_are_refuted_by_it(examples, tmp_path):
    truth = json.loads((examples / "truth.json").read_text(encoding="utf-8"))
    known = Known.load(examples / "known")
    shelf = SourceShelf(examples.parent / ".clearhouse" / "validate" / "source")
    reasons = {"nonexistent-symbol": Claim.SYMBOL, "nonexistent-file": Claim.FILE}
    seen = 0
    for report in truth["reports"]:
        wanted = reasons.get((report["invented"] or {}).get("kind"))
        if wanted is not None:
            path = examples / report["file"]
            draft = read(path.read_bytes(), filename=path.name).drafts[report["index"]]
            looked = look(draft, known, shelf, Repositories(tmp_path))
            if looked.missing:
                pytest.skip("neither a cache of sources nor a registry is here")
            wrong = {one.claim for one in looked.checks if one.result is ClaimResult.CONTRADICTED}
            assert wrong == {wanted}, report["file"]
            seen += 1
    assert seen == 2
