"""A report goes along the route once, however often it is asked to, and never strands."""

from datetime import UTC, datetime, timedelta

import pytest

import house
from clearhouse.clearing import route
from clearhouse.clearing.intake import listing
from clearhouse.clearing.intake import operations as intake
from clearhouse.clearing.intake.record import Draft
from clearhouse.kernel import ledger
from clearhouse.surfaces.cli import examples

DRAFT = Draft(
    title="The loader leaves its folder",
    description="load() joins a name from the archive to its folder without a check.",
    purl="pkg:pypi/example",
    cwes=("CWE-22",),
)


def _transaction(app):
    return app.desk.database.transaction(app.desk.clearing_actor.actor_id)


def _state(app):
    with _transaction(app) as transaction:
        ledger.sequence(transaction)
        return route.survey(transaction), ledger.tree_size(transaction)


def test_the_rooms_are_passed_in_the_order_of_the_route(app):
    report_id = house.submit(app, DRAFT)
    route.clear(app.desk, report_id)
    with _transaction(app) as transaction:
        passed = [one.room for one in listing.passages(transaction, report_id)]
    order = [room.name for room in route.ROUTE]
    assert sorted(passed, key=order.index) == [
        "intake", "match", "validate", "prioritize", "coordinate",
    ]  # fmt: skip


def test_clearing_again_changes_nothing(app, monkeypatch):
    now = app.desk.database.clock()
    for database in (app.counter.database, app.desk.database):
        monkeypatch.setattr(database, "clock", lambda: now)
    report_id = house.submit(app, DRAFT)
    route.clear(app.desk, report_id)
    once = _state(app)
    route.clear(app.desk, report_id)
    assert _state(app) == once


@pytest.mark.parametrize("steps", range(7))
def test_a_report_whose_worker_died_after_any_step_ends_where_the_others_do(
    app, steps, monkeypatch
):
    undisturbed = house.submit(app, DRAFT)
    route.clear(app.desk, undisturbed)
    report_id = house.submit(app, DRAFT)
    real, done = intake.passed, []

    def die(*arguments):
        if len(done) == steps:
            raise KeyboardInterrupt
        done.append(1)
        real(*arguments)

    monkeypatch.setattr(intake, "passed", die)
    with pytest.raises(KeyboardInterrupt):
        route.clear(app.desk, report_id)
    monkeypatch.undo()
    route.clear(app.desk, report_id)
    with _transaction(app) as transaction:
        rooms = [
            {one.room for one in listing.passages(transaction, each)}
            for each in (undisturbed, report_id)
        ]
    assert rooms[0] == rooms[1]


def test_a_submission_is_done_when_all_its_reports_are_through(app):
    report_id = house.submit(app, DRAFT)
    with _transaction(app) as transaction:
        (report,) = intake.load(app.desk, transaction, [report_id])
    assert intake.status(app.counter, report.receipt).status == "queued"
    route.clear(app.desk, report_id)
    assert intake.status(app.counter, report.receipt).status == "done"


def test_a_report_whose_job_was_given_up_is_asked_for_again(app):
    report_id = house.submit(app, DRAFT)
    with _transaction(app) as transaction:
        assert intake.stranded(transaction, before=transaction.now) == [report_id]
        transaction.execute("DELETE FROM procrastinate_jobs")
        earlier = transaction.now - route.STRANDED_AFTER - timedelta(minutes=1)
        transaction.execute("UPDATE report SET received_at = %s", [earlier])
    route.catch_up(app.desk)
    app.desk.jobs.run_until_empty(app.desk.database.url)
    with _transaction(app) as transaction:
        assert intake.stranded(transaction, before=datetime.now(UTC)) == []


def test_the_route_as_shown_is_the_route_as_walked(app):
    counts, _ = _state(app)
    assert list(counts) == [room.name for room in route.ROUTE]
    assert {room.name for room in route.ROUTE if room.not_attempted} == {"validate"}


def test_sealing_and_publishing_with_nothing_to_do_is_fine(app):
    route.seal_ledger(app.desk)
    route.publish_due(app.desk)


@pytest.mark.parametrize(("duration", "days"), [("P-3D", -3), ("P+20D", 20), ("P0D", 0)])
def test_relative_instants_of_the_examples_are_signed_days(duration, days):
    now = datetime(2026, 11, 23, tzinfo=UTC)
    assert examples._relative(duration, now) == now + timedelta(days=days)
