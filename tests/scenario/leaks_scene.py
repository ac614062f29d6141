"""A house with an ordinary day in it, and then an embargoed case that only some may know of.

Everything is done through the doors and operations that people use. `open_house` gives the house
before the embargoed reports come, so that a test can compare what an outsider sees then and later.
"""

import contextlib
import json
import re
import secrets
from base64 import b64encode
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from psycopg import sql
from psycopg.conninfo import make_conninfo

import defense_cards
import early
from asking import Client
from clearhouse.app import HOUSE, Settings, build
from clearhouse.clearing import route
from clearhouse.clearing.coordinate import casework, messages, standing
from clearhouse.clearing.coordinate import operations as coordinate
from clearhouse.clearing.coordinate.machine import Refused
from clearhouse.clearing.coordinate.messages import File
from clearhouse.clearing.coordinate.record import Outcome, PartyRole, ProductState
from clearhouse.clearing.coordinate.relay import peers, sending
from clearhouse.clearing.coordinate.relay.peers import Limits
from clearhouse.clearing.coordinate.standing import Said
from clearhouse.clearing.intake import operations as intake
from clearhouse.clearing.intake.operations import Arrival, take_in
from clearhouse.clearing.intake.record import Credit, Draft
from clearhouse.clearing.match import operations as match
from clearhouse.clearing.match.record import Relation
from clearhouse.clearing.prioritize import operations as prioritize
from clearhouse.clearing.prioritize.record import Assessment
from clearhouse.clearing.publish import detections
from clearhouse.clearing.publish import operations as publish
from clearhouse.clearing.publish.detections import Content, Fires, Kind, Leak, Seen
from clearhouse.clearing.publish.record import Wording
from clearhouse.formats import relay_node
from clearhouse.formats.relay_node import Node, NodeKey
from clearhouse.formats.tlp import Tlp
from clearhouse.kernel import identity, sessions
from clearhouse.kernel.identity import PartyKind, Scope
from clearhouse.surfaces.cli import serve
from clearhouse.surfaces.web.desk.entrance import _form_token
from house import analyst, coordinator, outsider, person, reporter
from scenario.leaks_canaries import DRAFT, MARKDOWN, ORIGINAL, TAP_REPORT, word

MONDAY = datetime(2026, 11, 16, 8, 0, tzinfo=UTC)
PROJECT = Path(__file__).resolve().parents[2]
ORDINARY = Draft(
    title="Regular expression backtracks",
    description="The header parser takes quadratic time for repeated commas.",
    purl="pkg:pypi/ordinary-headers",
    affected_versions=("vers:pypi/<3.1",),
    fixed_versions=("3.1",),
    cwes=("CWE-1333",),
    cvss_vectors=("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H",),
    credits=(Credit(name="Rob Ordinary"),),
)
OTHER_ORDINARY = Draft(
    title="Path leaves the folder",
    description="A name with two dots leaves the folder of uploads.",
    purl="pkg:npm/ordinary-uploads",
    affected_versions=("vers:npm/<2.0.0",),
    cwes=("CWE-22",),
)


@contextlib.contextmanager
def fresh_house(installation, tmp_path):
    """A wired clearinghouse over a database of its own, with a clock that stands still."""
    home, server = installation
    name = f"leaks{secrets.token_hex(6)}"
    with psycopg.connect(server.url(), dbname="postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE clearhouse")
        owner_url = make_conninfo(server.url(), dbname=name)
        app = build(
            Settings(
                home=home,
                database_url=owner_url,
                known=PROJECT / "examples" / "known",
                published=tmp_path / "published",
            )
        )
        set_clock(app, MONDAY)
        yield app, owner_url
        app.close()
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def set_clock(app, now):
    app.desk.database.clock = app.counter.database.clock = lambda: now


def move(app, **delta):
    set_clock(app, app.desk.database.clock() + timedelta(**delta))


def do(app, actor, verb, *arguments, **more):
    with app.desk.database.transaction(actor.actor_id) as transaction:
        done = verb(app.desk, transaction, actor, *arguments, **more)
    assert not isinstance(done, Refused), done
    return done


@dataclass
class Viewer:
    """Somebody at every door: a cookie for pages, a token for the API, or neither."""

    name: str
    doors: dict[str, Client]
    actor: identity.Actor | None = None
    form_token: str = ""

    def ask(self, ask):
        client = self.doors[ask.door]
        fields = dict(ask.form) | {"form_token": self.form_token} if ask.form is not None else None
        answer = client.request(
            ask.method,
            ask.path,
            params=ask.query or None,
            data=fields,
            json=ask.json,
            content=ask.body,
            headers=ask.headers,
        )
        return Answer.of(answer)


@dataclass(frozen=True)
class Answer:
    """All that an asker learns: status, headers and body."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @classmethod
    def of(cls, answer):
        kept = tuple(sorted((k, v) for k, v in answer.headers.multi_items() if k != "date"))
        # The form for reports carries a fresh random key each time.
        return cls(answer.status_code, kept, re.sub(rb"frm_[a-z2-7]{26}", b"frm_", answer.content))

    @property
    def all(self):
        return repr(self.headers).encode() + b"\n" + self.body

    def without(self, words):
        """The same with each of these words replaced by its place in the list."""
        text = b"%d %s" % (self.status, self.all)
        for place, one in enumerate(words):
            text = text.replace(one.encode(), b"<%d>" % place)
        return text


def doors_of(app):
    """Every application that the house serves, by the name of its process."""
    desk = serve.desk_application(app)
    # It stands still like the house's clock: else a slow machine shows counts of a moment ago.
    desk.state.entrance.surveyor.clock = lambda: 0.0
    return {
        "counter": serve.counter_application(app.counter, reports_per_hour=100_000),
        "desk": desk,
    }


def visitor(app, name, actor=None, doors=None):
    """Return somebody signed in at every door, or nobody."""
    clients = {
        door: Client(served, f"http://{door}.test", follow_redirects=False, address=name)
        for door, served in (doors or doors_of(app)).items()
    }
    if actor is None:
        return Viewer(name, clients)
    with app.desk.database.transaction(actor.actor_id) as transaction:
        token = identity.issue_token(
            transaction, actor.actor_id, label="both", scopes=[Scope.SUBMIT, Scope.DESK]
        )
        cookie = sessions.open_with_token(transaction, token)
    for client in clients.values():
        client.headers["Authorization"] = f"Bearer {token}"
    clients["desk"].cookies.set("desk", cookie)
    return Viewer(name, clients, actor, _form_token(cookie))


@dataclass
class Scene:
    """The people of the house, and the ids that nobody but a few may come to know."""

    app: object
    owner_url: str
    owner: Viewer
    strangers: dict[str, Viewer]
    rita: Viewer
    peer: object = None
    """Another coordinator, on this machine, where nobody listens."""
    early: object = None
    measured: object = None
    secret: dict[str, str] = field(default_factory=dict)
    """One id of every kind, by the name under which examples of routes use it."""
    all_ids: frozenset[str] = frozenset()
    """Every id that came with the embargoed case."""

    @property
    def desk(self):
        return self.app.desk


def ordinary_day(app, owner_url):
    """People, two ordinary reports, one of them long published."""
    cora, rob = coordinator(app), reporter(app, "Rob Reporter")
    vendor = do(
        app, cora, casework.register_vendor, name="Ordinary vendor",
        packages=(ORDINARY.purl, OTHER_ORDINARY.purl), contact="security@ordinary.example",
    )  # fmt: skip
    for draft in (ORDINARY, OTHER_ORDINARY):
        take_in(app.counter, rob, Arrival(original=b"x", format="test", drafts=(draft,)))
    app.desk.jobs.run_until_empty(app.desk.database.url)
    finding = _finding_of(app, ORDINARY.title)
    case = do(app, cora, coordinate.open_case, finding)
    do(app, cora, casework.give_verdict, case.id, vendor=vendor, outcome=Outcome.ACCEPTED)
    move(app, days=60)
    assert publish.publish_due(app.desk), "the ordinary day has an advisory that is public"
    route.seal_ledger(app.desk)
    # Who answers for which package is public, and registered apart from any case.
    do(app, cora, casework.register_vendor, name="Vendor of trees", packages=())
    early.People.of(app)  # who they are is no secret; that they have a window is
    defense_cards.people(app)  # nor is it here; that they measured something is
    peer = _peer(app)
    people = {
        "nobody": None,
        "a coordinator of the house who is not on duty": outsider(app),
        "an intake analyst": analyst(app),
        "an auditor": person(app, HOUSE, PartyKind.COORDINATOR, "Aud Auditor", "auditor"),
        "an administrator": person(app, HOUSE, PartyKind.COORDINATOR, "Ada Admin", "administrator"),
        "another reporter": rob,
        "a vendor of something else": person(
            app, "Ordinary vendor", PartyKind.VENDOR, "Vera Vendor", "vendor"
        ),
    }
    doors = doors_of(app)  # the same for all, so that what one process remembers may leak too
    rita = reporter(app, "Rita Reporter")
    return Scene(
        app=app,
        owner_url=owner_url,
        peer=peer,
        owner=visitor(app, "a coordinator on duty", cora, doors),
        strangers={name: visitor(app, name, actor, doors) for name, actor in people.items()},
        rita=visitor(app, "the reporter of the flaw", rita, doors),
    )


def _peer(app):
    key = Ed25519PrivateKey.generate()
    public = key.public_key().public_bytes_raw()
    node = Node(
        id=f"nod_{secrets.token_hex(13)}", name="Another house", address="http://127.0.0.1:9",
        keys=(NodeKey(public=public, since=MONDAY),), at=MONDAY,
    )  # fmt: skip
    admin = person(app, HOUSE, PartyKind.COORDINATOR, "Ada Admin", "administrator")
    return do(
        app, admin, peers.enroll, relay_node.write(node, [key]), fingerprint=node.fingerprint,
        limits=Limits(sends_up_to=Tlp.RED, takes_up_to=Tlp.RED),
    )  # fmt: skip


def _finding_of(app, title):
    clearing = app.desk.clearing_actor
    with app.desk.database.transaction(clearing.actor_id) as transaction:
        for finding_id in match.findings(transaction):
            (report, *_) = match.finding(app.desk, transaction, finding_id).report_ids
            if intake.load(app.desk, transaction, [report])[0].content.title == title:
                return finding_id
    raise AssertionError(f"no finding is called {title}")


def embargoed_case(scene):
    """Let the embargoed reports in by three doors, clear them, and work on their case."""
    app, before = scene.app, _ids(scene)
    counter = scene.rita.doors["counter"]
    tap = counter.post(
        "/v1/reports", json=TAP_REPORT, headers={"Idempotency-Key": word("key").upper()}
    )
    markdown = counter.post(
        "/v1/documents", content=MARKDOWN, params={"filename": f"{word('document')}.md"},
        headers={"Content-Type": "text/markdown"},
    )  # fmt: skip
    assert (tap.status_code, markdown.status_code) == (202, 202), (tap.text, markdown.text)
    receipt = take_in(
        app.counter,
        scene.rita.actor,
        Arrival(original=ORIGINAL, format="test", drafts=(DRAFT,), idempotency_key=word("key2")),
    )
    app.desk.jobs.run_until_empty(app.desk.database.url)
    _work(scene, _owned_findings(scene, before))
    scene.early = _early_access(app)
    scene.measured = _measured_network(app)
    route.publish_due(app.desk)
    scene.all_ids = frozenset(_ids(scene) - before)
    scene.secret = _one_of_each(scene, receipt)


def _owned_findings(scene, before):
    with scene.desk.database.transaction(scene.desk.clearing_actor.actor_id) as transaction:
        found = [one for one in match.findings(transaction) if one not in before]
    assert found
    return found


def _work(scene, findings):
    """All that people write into a case: words, verdicts, dates, opinions, notes."""
    app, cora, clearing = scene.app, scene.owner.actor, scene.desk.clearing_actor
    for finding_id in findings:
        do(app, clearing, coordinate.open_case, finding_id)
    first, *others = findings
    for other in others:
        do(app, cora, match.merge, first, other, note=f"one flaw, says {word('mergenote')}")
    do(
        app,
        cora,
        match.relate,
        first,
        _sibling(scene),
        relation=Relation.SIBLING,
        note=word("sibling"),
    )
    vendor = _party(app, "Vendor of trees")
    case = do(app, cora, coordinate.open_case, first)
    do(app, cora, casework.join, case.id, party=vendor, role=PartyRole.VENDOR)
    do(
        app, cora, casework.give_verdict, case.id, vendor=vendor, outcome=Outcome.ACCEPTED,
        reason=f"true, says {word('verdict')}", fixed_version=f"2.4+{word('fixed')}",
    )  # fmt: skip
    do(app, cora, casework.disagree, case.id, verdict=0, reason=f"worse: {word('opinion')}")
    file = File(name=f"{word('attached')}.txt", content_type="text/plain",
                data=b64encode(word("attachment").encode()).decode())  # fmt: skip
    for party in (None, vendor):
        thread = do(app, cora, messages.open_thread, case.id, party=party)
        do(app, cora, messages.post, thread.thread_id, text=f"Listen: {word('message')}",
           tlp=Tlp.RED, files=[file])  # fmt: skip
    said = [Said(vendor=vendor, product=word("product"), state=ProductState.AFFECTED,
                 versions=word("versions"), note=word("productnote"))]  # fmt: skip
    do(app, cora, standing.say_of_products, case.id, said)
    do(app, cora, sending.send, case.id, scene.peer.peer_id, tlp=Tlp.RED, reason=word("relayed"))
    thread = do(app, cora, messages.open_thread, case.id, party=scene.peer.party_id)
    do(app, cora, messages.post, thread.thread_id, text=word("topeer"), tlp=Tlp.RED)
    date = app.desk.database.clock() + timedelta(days=20)
    do(app, cora, casework.agree_date, case.id, vendor=vendor, date=date)
    do(
        app,
        cora,
        publish.set_wording,
        case.id,
        Wording(summary=word("summary"), details=word("details")),
    )
    do(app, cora, prioritize.assess, first, Assessment(automatable=True, value_concentrated=True))
    for leak in (Leak.L0, Leak.L3):  # the first goes out with the advisory, which is weeks away
        rule = Content(rule=word("detection"), sample=word("positive").encode(),
                       sample_name=word("samplename"), telemetry=word("telemetry"))  # fmt: skip
        do(app, cora, detections.add, case.id, kind=Kind.SIGMA, leak=leak, content=rule,
           expires_on=date.date().replace(year=2031), seen=Seen(fires=Fires.YES, how="seen"))  # fmt: skip


def _early_access(app):
    """A window that only its lab, its government and one evaluator may know of."""
    window = early.opened(app)
    statement = f"We measure {word('statement')} before the release."
    early.approved(window, window.people.evaluator, statement=statement)
    early.activated(window, window.people.evaluator, early.issued(window, window.people.evaluator))
    return window


def _measured_network(app):
    """A network's result that only its operator may know of, and sums for those who pool."""
    return defense_cards.pooled_networks(app, tool=word("tool"), kind=word("rule"))


def _party(app, name):
    with app.desk.database.transaction(None) as transaction:
        return identity.add_party(transaction, PartyKind.VENDOR, name)


def _sibling(scene):
    """A second embargoed finding, for edges between two."""
    draft = Draft(
        title=f"Sibling in {word('siblingtitle')}", purl=DRAFT.purl, cwes=("CWE-125",),
        description=f"The printer reads {word('siblingbody')} past the end.",
    )  # fmt: skip
    arrival = Arrival(original=word("sibling").encode(), format="test", drafts=(draft,))
    take_in(scene.app.counter, scene.rita.actor, arrival)
    scene.desk.jobs.run_until_empty(scene.desk.database.url)
    finding_id = _finding_of(scene.app, draft.title)
    do(scene.app, scene.desk.clearing_actor, coordinate.open_case, finding_id)
    return finding_id


_ID_COLUMNS = (
    "report_id", "receipt", "finding_id", "case_id", "event_id", "edge_id", "payload_id",
    "compartment", "verdict_id", "priority_id", "assessment_id", "window_id", "admission_id",
    "grant_id", "thread_id", "message_id", "notice_id", "card_id", "pool_id",
    "link_id", "our_handle", "envelope_id",
)  # fmt: skip


def _ids(scene):
    """Every id in the store, as its owner sees it."""
    found = set()
    with psycopg.connect(scene.owner_url, options="-c search_path=clearhouse") as connection:
        columns = connection.execute(
            "SELECT table_name, column_name FROM information_schema.columns"
            " WHERE table_schema = 'clearhouse' AND column_name = ANY(%s)", [list(_ID_COLUMNS)],
        ).fetchall()  # fmt: skip
        for table, column in columns:
            rows = connection.execute(
                sql.SQL("SELECT DISTINCT {} FROM {}").format(
                    sql.Identifier(column), sql.Identifier(table)
                )
            )
            found |= {value for (value,) in rows if value is not None}
    return found


def _one_of_each(scene, receipt):
    """One id of every kind, the ones with the most to tell."""
    cora, desk = scene.owner.actor, scene.desk
    with desk.database.transaction(cora.actor_id) as transaction:
        report = transaction.one("SELECT report_id FROM report WHERE receipt = %s", [receipt])
        finding = match.finding_of(transaction, report["report_id"])
        case = coordinate.case_of_finding(desk, transaction, finding)
        edge = transaction.one("SELECT edge_id FROM match_edge WHERE relation = 'sibling'")
        sibling = transaction.one(
            "SELECT finding_id FROM match_report WHERE finding_id <> %s AND report_id IN"
            " (SELECT unnest(ARRAY[left_report, right_report]) FROM match_edge"
            " WHERE relation = 'sibling')", [finding],
        )  # fmt: skip
        event = transaction.one("SELECT event_id FROM ledger_event WHERE subject = %s", [case])
        thread = transaction.one("SELECT thread_id FROM case_thread WHERE party_id IS NULL")
        message = transaction.one(
            "SELECT message_id FROM case_message WHERE thread_id = %s", [thread["thread_id"]]
        )
        known = casework.case(desk, transaction, cora, case)
        token = transaction.one("SELECT token_id FROM token WHERE actor_id = %s", [cora.actor_id])
        (session, *_) = sessions.sessions_of(transaction, cora)
    return {
        "report": report["report_id"],
        "receipt": receipt,
        "finding": finding,
        "other_finding": sibling["finding_id"],
        "case": case,
        "edge": edge["edge_id"],
        "event": event["event_id"],
        "thread": thread["thread_id"],
        "message": message["message_id"],
        "vendor": known.vendors[0].id,
        "token": token["token_id"],
        "session": session.session_id,
        "window": scene.early.id,
        "admission": scene.early.admissions["Eva One"].admission_id,
        "grant": scene.early.held["Eva One"].grant.grant_id,
        "card": scene.measured[1],
        "pool": scene.measured[2],
    }


def pretended(secret):
    """Ids of the same shape that name nothing."""

    def fake(name):
        head, _, tail = name.partition("_") if "_" in name else name.partition("-")
        letters = "".join(secrets.choice("abcdefghijklmnopqrstuvwxyz234567") for _ in tail)
        return f"{head}{name[len(head)]}{letters}"

    return {kind: fake(name) for kind, name in secret.items()}


def exported_lines(answer):
    return [json.loads(line) for line in answer.body.splitlines()]


def difference(one, other):
    """Show both answers around their first difference; empty when they are the same.

    Bodies are compared before what stands ahead of them: their length is told there too.
    """
    if one == other:
        return ""
    (ahead, body), (other_ahead, other_body) = (text.split(b"\n", 1) for text in (one, other))
    if body != other_body:
        return _around(body, other_body, "body")
    return _around(ahead, other_ahead, "status or headers")


def _around(one, other, where):
    pairs = enumerate(zip(one, other, strict=False))
    at = next((i for i, (a, b) in pairs if a != b), min(len(one), len(other)))
    shown = [text[max(0, at - 120) : at + 120].decode("utf-8", "replace") for text in (one, other)]
    return f"{where}, byte {at}\n  --- one:\n{shown[0]}\n  --- other:\n{shown[1]}"


def parted(told):
    """List the asks whose two answers differ, each with its difference; empty when none does."""
    return "\n\n".join(f"{ask}: {where}" for ask, where in told.items() if where)
