"""People and reports for tests, made the way the doors make them."""

from clearhouse.app import HOUSE, App
from clearhouse.clearing.intake.operations import Arrival, take_in
from clearhouse.clearing.intake.record import Draft
from clearhouse.kernel import identity
from clearhouse.kernel.identity import Actor, ActorKind, PartyKind
from clearhouse.kernel.ids import ReportId


def person(app: App, party: str, kind: PartyKind, name: str, *roles: str) -> Actor:
    """Return a person of a party with these roles, made if need be."""
    with app.desk.database.transaction(None) as transaction:
        party_id = identity.add_party(transaction, kind, party)
        actor_id = identity.add_actor(
            transaction, party_id, ActorKind.PERSON, name, roles=sorted(roles)
        )
        actor = identity.actor(transaction, actor_id)
    assert actor is not None
    return actor


def reporter(app: App, name: str = "Rita Reporter") -> Actor:
    return person(app, f"Lab of {name}", PartyKind.LAB, name, "reporter")


def analyst(app: App) -> Actor:
    return person(app, HOUSE, PartyKind.COORDINATOR, "Ann Analyst", "intake_analyst")


def coordinator(app: App, name: str = "Cora Coordinator") -> Actor:
    return person(app, HOUSE, PartyKind.COORDINATOR, name, "coordinator", "coordinator_on_duty")


def outsider(app: App) -> Actor:
    """A coordinator of the same house who is on no duty and read in to nothing."""
    return person(app, HOUSE, PartyKind.COORDINATOR, "Otto Outsider", "coordinator")


def submit(app: App, draft: Draft, *, by: Actor | None = None, original: bytes = b"x") -> ReportId:
    """Take one report in and return its id."""
    receipt = take_in(
        app.counter,
        by or reporter(app),
        Arrival(original=original, format="test", drafts=(draft,)),
    )
    with app.desk.database.transaction(app.desk.clearing_actor.actor_id) as transaction:
        row = transaction.one("SELECT report_id FROM report WHERE receipt = %s", [receipt])
    assert row is not None
    return ReportId(row["report_id"])


def determiner(app: App, name: str = "Dana Determiner") -> Actor:
    return person(app, HOUSE, PartyKind.COORDINATOR, name, "determiner")
