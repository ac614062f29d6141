from dataclasses import replace

import pytest

import house
from clearhouse.clearing.intake.record import Draft
from clearhouse.clearing.validate import operations
from clearhouse.clearing.validate.record import Level, VerdictKind
from clearhouse.kernel.policy import ForbiddenError

GOOD = Draft(
    title="PyYAML full_load runs code",
    description="yaml.full_load builds any object.",
    purl="pkg:pypi/pyyaml",
    tested_version="5.3.1",
)
BAD = replace(GOOD, aliases=("CVE-1984-1234",))


def validate(app, report_id, actor=None):
    actor = actor or app.desk.clearing_actor
    with app.desk.database.transaction(actor.actor_id) as transaction:
        return operations.validate_report(app.desk, transaction, actor, report_id)


def read(app, actor, report_id):
    with app.desk.database.transaction(actor.actor_id) as transaction:
        return operations.verdict_of(app.desk, transaction, report_id)


def test_a_verdict_is_stored_and_read_back_whole(app):
    report_id = house.submit(app, GOOD)
    given = validate(app, report_id)
    assert given.kind is VerdictKind.NOT_ATTEMPTED
    assert given.level is Level.E0
    assert [one.name for one in given.inputs] == ["report", "local public knowledge"]
    assert read(app, house.analyst(app), report_id) == given


def test_validating_twice_changes_nothing(app):
    report_id = house.submit(app, BAD)
    first = validate(app, report_id)
    assert validate(app, report_id) == first
    with app.desk.database.transaction(app.desk.clearing_actor.actor_id) as transaction:
        counted = transaction.one("SELECT count(*) AS n FROM verdict")
        events = transaction.all("SELECT body FROM ledger_event WHERE kind = 'verdict.decided'")
    assert counted["n"] == 1
    assert len(events) == 1


def test_the_ledger_says_what_was_decided_and_nothing_of_the_report(app):
    report_id = house.submit(app, BAD)
    assert validate(app, report_id).kind is VerdictKind.CONTRADICTED
    with app.desk.database.transaction(app.desk.clearing_actor.actor_id) as transaction:
        event = transaction.one("SELECT body FROM ledger_event WHERE kind = 'verdict.decided'")
    body = bytes(event["body"])
    assert b'"contradicted_claims":["identifier"]' in body
    assert b"1984" not in body
    assert b"full_load" not in body


def test_verdicts_come_in_the_order_asked_for(app):
    good, bad = house.submit(app, GOOD), house.submit(app, BAD)
    validate(app, good)
    validate(app, bad)
    unread = house.submit(app, GOOD)
    actor = app.desk.clearing_actor
    with app.desk.database.transaction(actor.actor_id) as transaction:
        found = operations.verdicts(app.desk, transaction, [bad, unread, good])
        counted = operations.counts(transaction)
    assert [one.kind for one in found] == [VerdictKind.CONTRADICTED, VerdictKind.NOT_ATTEMPTED]
    assert counted["contradicted"] == 1
    assert counted["not-attempted"] == 1
    assert counted["reproduced"] == 0


def test_who_is_not_read_in_learns_nothing_about_a_verdict(app):
    report_id = house.submit(app, BAD)
    validate(app, report_id)
    assert read(app, house.analyst(app), report_id) is not None
    outsider = house.outsider(app)
    assert read(app, outsider, report_id) is None
    with app.desk.database.transaction(outsider.actor_id) as transaction:
        assert sum(operations.counts(transaction).values()) == 0
    with pytest.raises(operations.NoSuchReportError):
        validate(app, report_id, outsider)


def test_an_analyst_may_not_decide_in_the_place_of_the_house(app):
    report_id = house.submit(app, GOOD)
    with pytest.raises(ForbiddenError):
        validate(app, report_id, house.analyst(app))
