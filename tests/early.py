"""A lab, a government, two evaluators and a hospital with its ISAC, and a window between them."""

from dataclasses import dataclass, field
from datetime import timedelta

import psycopg
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from clearhouse.access.admit import operations as admit
from clearhouse.access.admit.record import Application, AssessmentKind, Holder, Opinion, Tier
from clearhouse.access.grant import operations as granting
from clearhouse.access.grant.record import Scope
from clearhouse.access.offer import operations as offer
from clearhouse.access.offer.record import ModelPin, Times, WindowStep
from clearhouse.access.refusal import Refused
from clearhouse.access.terms import terms
from clearhouse.formats import dpop
from clearhouse.kernel.identity import PartyKind
from house import person

MODEL = "quill-3-cyber"
SERVED = (MODEL, f"{MODEL}-2026-11-20")
DIGEST = "sha256:" + "7e" * 32
SCORES = {"need": 4, "capability": 3, "security": 3, "vetting": 3, "contribution": 3}
SMALL_SCORES = {"need": 4, "sponsor": 3}


def act(app, actor, verb, *arguments, **more):
    """Run one operation as an actor in a transaction of its own."""
    with app.desk.database.transaction(actor.actor_id) as transaction:
        return verb(app.desk, transaction, actor, *arguments, **more)


def done(app, actor, verb, *arguments, **more):
    """As `act`, for what must not be refused."""
    result = act(app, actor, verb, *arguments, **more)
    assert not isinstance(result, Refused), result
    return result


@dataclass
class People:
    lab: object
    lab_second: object
    government: object
    evaluator: object
    second: object
    hospital: object
    isac: object

    @classmethod
    def of(cls, app):
        officer, applicant = ("lab_officer",), ("access_applicant",)
        return cls(
            lab=person(app, "Quill Lab", PartyKind.LAB, "Lara Lab", *officer),
            lab_second=person(app, "Quill Lab", PartyKind.LAB, "Luis Lab", *officer),
            government=person(
                app, "Centre for Standards", PartyKind.GOVERNMENT, "Gus Gov", "government_officer"
            ),
            evaluator=person(app, "Evals One", PartyKind.EVALUATOR, "Eva One", *applicant),
            second=person(app, "Evals Two", PartyKind.EVALUATOR, "Ed Two", *applicant),
            hospital=person(app, "Rural Hospital", PartyKind.OPERATOR, "Hana Hospital", *applicant),
            isac=person(app, "Health ISAC", PartyKind.COORDINATOR, "Ines Isac", *applicant),
        )


@dataclass
class Held:
    """A grant with the key that only its holder has."""

    grant: object
    actor: object
    key: object


@dataclass
class Early:
    """A window, who is in it, and what they hold."""

    app: object
    people: People
    window: object
    admissions: dict = field(default_factory=dict)
    held: dict = field(default_factory=dict)

    @property
    def id(self):
        return self.window.window_id


def pin():
    return ModelPin(name=MODEL, digest=DIGEST, served_names=SERVED)


def times(now, *, days=20.0, opens=0.0, partners=None):
    opens_at = now + timedelta(days=opens)
    partners_from = opens_at if partners is None else now + timedelta(days=partners)
    return Times(
        opens_at=opens_at, partners_from=partners_from, closes_at=opens_at + timedelta(days=days)
    )


def draft(app, *, people=None, when=None, label="Quill early access", capacity=5):
    """Return a window that is offered and not open."""
    people = people or People.of(app)
    now = app.desk.database.clock()
    window = done(
        app,
        people.lab,
        offer.offer,
        label=label,
        government=people.government.party_id,
        model=pin(),
        times=when or times(now),
        capacity=capacity,
    )
    return Early(app, people, window)


def opened(app, **more):
    early = draft(app, **more)
    early.window = done(app, early.people.lab, offer.step, early.id, WindowStep.OPEN)
    return early


def application(actor, *, purposes=("evaluation",), attributes=None, statement="Measure uplift."):
    holder = Holder(actor_id=actor.actor_id, attributes=attributes or {"nationality": "US"})
    return Application(statement=statement, purposes=purposes, holders=(holder,))


def applied(early, actor, *, by=None, track="standard", tier=Tier.PARTNER, **more):
    """Nominate the party of an actor and apply for it."""
    app, people = early.app, early.people
    for party in {actor.party_id, (by or actor).party_id}:
        done(app, people.lab, admit.nominate, early.id, party=party, reason="known to us")
    one = done(
        app, by or actor, admit.apply, early.id, track=track, tier=tier,
        application=application(actor, **more),
        for_party=actor.party_id if by else None,
    )  # fmt: skip
    early.admissions[actor.name] = one
    return one


def word(early, officer, admission, *, approve=True, codes=(), reason=""):
    return act(
        early.app, officer, admit.assess, admission.admission_id, AssessmentKind.DECISION,
        Opinion(approve=approve, codes=tuple(codes), reason=reason),
    )  # fmt: skip


def scored(early, admission, scores=None):
    scores = scores or (SCORES if admission.track == "standard" else SMALL_SCORES)
    for officer in (early.people.lab, early.people.government):
        done(
            early.app, officer, admit.assess, admission.admission_id, AssessmentKind.SCORE,
            Opinion(scores=scores),
        )  # fmt: skip


def approved(early, actor, **more):
    one = applied(early, actor, **more)
    scored(early, one)
    for officer in (early.people.lab, early.people.government):
        decided = word(early, officer, one)
        assert not isinstance(decided, Refused), decided
    early.admissions[actor.name] = decided
    return decided


def scope(**more):
    values = {
        "endpoints": ("openai.chat", "anthropic.messages"),
        "purposes": ("evaluation",),
        "token_budget": 100_000,
    }
    return Scope(**(values | more))


def issued(early, actor, *, by=None, start=None, stop=None, **more):
    admission = early.admissions[actor.name]
    return act(
        early.app, by or early.people.lab, granting.issue, admission.admission_id,
        holder=actor.actor_id, scope=scope(**more),
        not_before=start or early.window.times.partners_from,
        not_after=stop or early.window.times.closes_at,
    )  # fmt: skip


def all_clauses(name="access/terms-1"):
    return {clause.id: clause.sha256 for clause in terms(name).clauses}


def new_key(kind="ed25519"):
    return (
        Ed25519PrivateKey.generate()
        if kind == "ed25519"
        else ec.generate_private_key(ec.SECP256R1())
    )


def activated(early, actor, grant, key=None):
    key = key or new_key()
    active = done(
        early.app, actor, granting.activate, grant.grant_id,
        jwk=dpop.public_jwk(key.public_key()), accepted=all_clauses(),
    )  # fmt: skip
    early.held[actor.name] = Held(active, actor, key)
    return early.held[actor.name]


def granted(early, actor, *, by=None, **more):
    """Take an actor all the way to a key that opens the window."""
    if actor.name not in early.admissions:
        sponsor = early.people.isac if actor is early.people.hospital else None
        track = "small_operator" if sponsor else "standard"
        approved(early, actor, by=sponsor, track=track)
    grant = issued(early, actor, by=by, **more)
    assert not isinstance(grant, Refused), grant
    return activated(early, actor, grant)


def owner_of(app, installation):
    """Return a connection of the schema's owner, whom no policy binds."""
    name = conninfo_to_dict(app.desk.database.url)["dbname"]
    options = "-c search_path=clearhouse,public"
    return psycopg.connect(make_conninfo(installation[1].url(), dbname=name, options=options))
