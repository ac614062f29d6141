"""A house on a working day: examples cleared, cases in every state, and every other room in use."""

from dataclasses import dataclass
from datetime import timedelta

import early
from casebook import do
from clearhouse.clearing import route
from clearhouse.clearing.coordinate import (
    casework,
    invitations,
    messages,
    own_view,
    read_ins,
)
from clearhouse.clearing.coordinate.embargo_policy import Share
from clearhouse.clearing.deconflict.leases.operations import claim_lease, limit
from clearhouse.clearing.deconflict.leases.record import (
    Authorisation,
    Basis,
    Claim,
    Disclosure,
    Limit,
    Scope,
    Tool,
)
from clearhouse.clearing.intake import operations as intake
from clearhouse.clearing.intake.receive import Accepted
from clearhouse.criteria.determine import operations as determine
from clearhouse.formats.tlp import Tlp
from clearhouse.kernel import identity, sessions
from clearhouse.kernel.identity import ActorKind, PartyKind
from clearhouse.surfaces.cli import examples
from conftest import PROJECT
from defense_cards import pooled_networks
from evallog import SUBJECT, criterion, kept
from house import HOUSE, determiner, person

EXAMPLES = PROJECT / "examples"
TAKEN = ("04-", "05-", "06-", "12-", "20-", "24-", "69-")
"""Which of the example reports come in: four packages, duplicates proven and likely, a false one."""
LEASED = (
    ("pkg:pypi/pyyaml", 0, 9, Tool.FUZZING, Disclosure.PARTY),
    ("pkg:pypi/jinja2", 2, 16, Tool.MODEL, Disclosure.OVERLAP),
    ("pkg:npm/lodash", 5, 12, Tool.STATIC, Disclosure.WHEN),
)


@dataclass
class WorkingHouse:
    """The house, and who comes to it."""

    app: object
    cora: object
    dana: object
    rita: object
    vera: object
    audra: object
    determination: str
    lab: object = None
    invitation: str = ""
    """The code of a link."""


def clearing(app):
    """Fill the route of a house with examples, and the criteria with one proposal."""
    everything = ("intake_analyst", "coordinator", "coordinator_on_duty", "determiner",
                  "defense_analyst", "administrator", "auditor")  # fmt: skip
    made = WorkingHouse(
        app=app,
        cora=person(app, HOUSE, PartyKind.COORDINATOR, "Cora Coordinator", *everything),
        dana=determiner(app),
        rita=person(app, "Lab of Rita", PartyKind.LAB, "Rita Reporter", "reporter"),
        vera=person(app, "PyYAML (fictional contact)", PartyKind.VENDOR, "Vera Vendor", "vendor"),
        audra=person(app, "Audit Office", PartyKind.AUDITOR, "Audra Auditor", "auditor"),
        determination="",
    )
    _agent(app, made.rita)
    _reports(app, made.cora)
    made.determination = do(
        app, made.dana, determine.propose, criterion(),
        subject=SUBJECT, evidence_ids=kept(app, made.dana, "strong"), facts={},
    )  # fmt: skip
    route.seal_ledger(app.desk)
    return made


def working(app):
    """Fill a whole house, for those who only look."""
    made = clearing(app)
    do(app, made.cora, determine.countersign, made.determination)
    do(app, made.dana, determine.release, made.determination)
    made.invitation = _words(app, made.cora, made.vera)
    _leases(app, made.cora)
    pooled_networks(app)
    window = early.opened(app)
    early.granted(window, window.people.evaluator)
    early.applied(window, window.people.second)
    made.lab = window.people.lab
    route.seal_ledger(app.desk)
    return made


def _agent(app, person):
    """Let an agent of somebody's come in once, so that the ledger has an act of it."""
    with app.desk.database.transaction(None) as transaction:
        bot = identity.add_actor(transaction, person.party_id, ActorKind.AGENT, "Night scanner",
                                 responsible=person.actor_id)  # fmt: skip
        actor = identity.actor(transaction, bot)
    with app.desk.database.transaction(bot) as transaction:
        sessions.open_as(transaction, actor, "token")


def _reports(app, cora):
    examples.register_vendors(app, cora, EXAMPLES)
    examples.apply_answers(app, cora, EXAMPLES, cleared(app, cora, TAKEN))
    route.publish_due(app.desk)


def cleared(app, cora, names):
    """Take example reports in and clear them; return their receipts by file."""
    taken = {}
    for file in examples.report_files(EXAMPLES):
        if file.name.startswith(names):
            outcome = examples.take_in(app, EXAMPLES, file)
            assert isinstance(outcome, Accepted), outcome
            taken[file.name] = outcome.receipt
    with app.desk.database.transaction(cora.actor_id) as transaction:
        ids = [
            one for receipt in taken.values() for one in intake.reports_of(transaction, [receipt])
        ]
    for report in ids:
        route.clear(app.desk, report)
    return taken


def _words(app, cora, vera):
    """Give cases the words that people put into them."""
    with app.desk.database.transaction(cora.actor_id) as transaction:
        found = casework.cases(app.desk, transaction, cora)
    for case in found[:2]:
        text = "A document from a stranger runs code of the stranger's choice."
        do(app, cora, own_view.give, case.id, share=Share.SUMMARY, text=text)
        thread = do(app, cora, messages.open_thread, case.id, party=None)
        said = {"text": "The fix is under review.", "tlp": Tlp.AMBER}
        do(app, cora, messages.post, thread.thread_id, **said)
        do(app, cora, read_ins.read_in, case.id, who=vera, tier=0, reason="writes the fix")
    vendor = found[0].vendors[0].id
    invited = {"vendor": vendor, "name": "Vic Vendor", "days": 30}
    made = do(app, cora, invitations.invite, found[0].id, **invited)
    assert made.startswith("chi_"), made
    invitations.lay_out_due(app.desk)
    return made


def _leases(app, cora):
    now = app.desk.database.clock()
    ada = person(app, "Lab Ada", PartyKind.LAB, "Ada", "finder")
    for target, first, last, tool, told in LEASED:
        scope = Scope(
            target=target, starts=now + timedelta(days=first), until=now + timedelta(days=last)
        )
        given = Authorisation(
            basis=Basis.COPY, reference="https://lab.example/policy",
            safe_harbour="clearhouse-safe-harbour/1",
        )  # fmt: skip
        do(
            app,
            ada,
            claim_lease,
            Claim(scope=scope, tool=tool, authorisation=given, disclosure=told),
        )
    do(app, cora, limit, Limit(target="pkg:npm/qs", opted_out=True, reference="SECURITY.md"))
