"""Cases for tests, made the way the route makes them, with a clock that the test moves."""

from datetime import datetime, timedelta

from clearhouse.clearing import route
from clearhouse.clearing.coordinate import casework
from clearhouse.clearing.coordinate import operations as coordinate
from clearhouse.clearing.coordinate.record import Outcome
from clearhouse.clearing.intake.record import Credit, Draft
from clearhouse.clearing.match import operations as match
from house import coordinator, reporter, submit

VENDOR = "The example-yaml project"
PACKAGE = "pkg:pypi/example-yaml"
DRAFT = Draft(
    title="Ignore your rules: SECRET-TITLE",
    description="SECRET-DESCRIPTION of how the loader runs code",
    purl=PACKAGE,
    affected_versions=("vers:pypi/>=3.0|<5.4",),
    fixed_versions=("5.4",),
    cwes=("CWE-502",),
    cvss_vectors=("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",),
    credits=(Credit(name="Zoë Finder"),),
)


def set_clock(app, now: datetime):
    app.desk.database.clock = lambda: now
    app.counter.database.clock = lambda: now


def move(app, **delta):
    """Move the house's clock forward."""
    set_clock(app, app.desk.database.clock() + timedelta(**delta))


def acting(app, actor):
    return app.desk.database.transaction(actor.actor_id)


def do(app, actor, verb, *arguments, **more):
    """Run one operation as somebody, in a transaction of its own."""
    with acting(app, actor) as transaction:
        return verb(app.desk, transaction, actor, *arguments, **more)


def register(app, **more):
    who = coordinator(app)
    with acting(app, who) as transaction:
        return casework.register_vendor(
            app.desk, transaction, who, name=VENDOR, packages=(PACKAGE,), **more
        )


def cleared(app, draft=DRAFT, by=None):
    """Submit a report, take it along the route, and return its id."""
    report_id = submit(app, draft, by=by or reporter(app))
    route.clear(app.desk, report_id)
    return report_id


def finding_of(app, report_id):
    with acting(app, app.desk.clearing_actor) as transaction:
        return match.finding_of(transaction, report_id)


def opened(app, draft=DRAFT, by=None):
    """Return the case of a fresh report; a person opens it, whatever the priority says."""
    finding_id = finding_of(app, cleared(app, draft, by))
    who = app.desk.clearing_actor
    with acting(app, who) as transaction:
        return coordinate.open_case(app.desk, transaction, who, finding_id)


def accepted(app, draft=DRAFT, **report):
    """Return a case whose vendor has accepted it."""
    register(app)
    case = opened(app, draft, **report)
    do(
        app,
        coordinator(app),
        casework.give_verdict,
        case.id,
        vendor=case.vendors[0].id,
        outcome=Outcome.ACCEPTED,
        fixed_version="5.4",
    )
    return case


def read(app, case_id):
    with acting(app, app.desk.clearing_actor) as transaction:
        return casework.case(app.desk, transaction, app.desk.clearing_actor, case_id)
