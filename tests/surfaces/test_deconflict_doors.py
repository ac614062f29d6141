"""Leases, blind lookup, commitments and introductions at the command line, the API and the desk."""

import json
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest

from asking import Client
from clearhouse.clearing import route
from clearhouse.clearing.deconflict.blind import asking, epochs
from clearhouse.clearing.deconflict.blind.answering import HouseDoor
from clearhouse.clearing.intake.readers import read
from clearhouse.clearing.match.fingerprints import fingerprints
from clearhouse.formats import voprf
from clearhouse.kernel import identity
from clearhouse.kernel.identity import PartyKind, Scope
from clearhouse.kernel.outside import OutsideError
from clearhouse.surfaces.cli import house_door, serve
from clearhouse.surfaces.cli.house_door import HttpDoor
from command_line import command_line
from house import coordinator, person, reporter, submit
from visitor import Visitor

GIVEN = {"tool": "model", "basis": "copy", "reference": "https://one.test",
         "safe_harbour": "clearhouse-safe-harbour/1"}  # fmt: skip


@pytest.fixture
def labs(app):
    route.turn_known_keys(app.desk)
    return [person(app, f"Lab {name}", PartyKind.LAB, name, "finder") for name in ("Ada", "Bob")]


def token(app, actor):
    with app.desk.database.transaction(None) as transaction:
        return identity.issue_token(transaction, actor.actor_id, label="test", scopes=[Scope.DESK])


@pytest.fixture
def clients(app, labs):
    application = serve.desk_application(app)
    return [
        Client(
            application,
            base_url="http://desk.test",
            headers={"Authorization": f"Bearer {token(app, lab)}"},
        )
        for lab in labs
    ]


@pytest.fixture
def lines(app, labs, monkeypatch):
    """The command line of each lab."""

    def of(lab):
        secret, run = token(app, lab), command_line(app)

        def invoke(*arguments, code=0):
            monkeypatch.setenv("CLEARHOUSE_TOKEN", secret)
            done = run(*arguments, code=code)
            return json.loads(done.stdout) if "--json" in arguments else done.output

        return invoke

    return [of(lab) for lab in labs]


@pytest.fixture
def file(tmp_path, examples):
    """A report that names a place."""
    for found in sorted((examples / "reports").rglob("*")):
        if found.is_file():
            said = read(found.read_bytes(), filename=found.name, content_type=None)
            drafts = getattr(said, "drafts", ())
            if any(fingerprints(draft) for draft in drafts):
                copy = tmp_path / found.name
                copy.write_bytes(found.read_bytes())
                return copy
    return pytest.fail("no example names a place")


def times(days=7):
    now = datetime.now(UTC)
    return {"starts": now.isoformat(), "until": (now + timedelta(days=days)).isoformat()}


def test_two_labs_claim_by_api_and_the_second_is_told_of_the_first(clients):
    wanted = {"target": "pkg:npm/one", **times(), **GIVEN}
    lease = clients[0].post("/v1/desk/leases", json=wanted | {"disclosure": "party"})
    assert lease.status_code == 200, lease.text
    refused = clients[1].post("/v1/desk/leases", json=wanted)
    assert refused.status_code == 409
    assert "by Lab Ada" in refused.json()["detail"]
    (overlap,) = clients[1].post(
        "/v1/desk/leases/asked", json={"target": "pkg:npm/one", **times()}
    ).json()  # fmt: skip
    assert overlap["party"] == "Lab Ada"
    assert clients[1].get("/v1/desk/leases").json() == []
    (mine,) = clients[0].get("/v1/desk/leases").json()
    address = f"/v1/desk/leases/{mine['lease_id']}"
    assert clients[0].post(f"{address}/withdraw").status_code == 409
    covered = {"path": ".", "commit": "0" * 40, "extent": "partly"}
    done = clients[0].post(f"{address}/hand-back", json={"coverage": [covered]})
    assert done.json()["state"] == "handed-back"
    (read_,) = clients[1].get("/v1/desk/scanned", params={"target": "pkg:npm/one"}).json()
    assert read_["coverage"][0]["extent"] == "partly"
    wrong = clients[1].post("/v1/desk/leases", json=wanted | {"target": "x"})
    assert wrong.status_code == 409


def test_maintainers_limits_are_set_by_coordinators_and_read_by_labs(app, clients):
    chief = Client(
        serve.desk_application(app),
        headers={"Authorization": f"Bearer {token(app, coordinator(app))}"},
    )
    limit = {"target": "pkg:npm/one", "reference": "SECURITY.md", "opted_out": True}
    assert clients[0].post("/v1/desk/scan-limits", json=limit).status_code == 403
    assert chief.post("/v1/desk/scan-limits", json=limit).status_code == 200
    assert clients[0].get("/v1/desk/scan-limits").json()[0]["opted_out"]


class Api:
    """The door of a house over HTTP, through the test's client."""

    def __init__(self, client, monkeypatch):
        self.door = HttpDoor("http://127.0.0.1:1/", "unused")
        self.client = client

        def asked(_door, method, path, body):
            answer = self.client.request(method, path, json=body)
            headers = {name.lower(): value for name, value in answer.headers.items()}
            return answer.status_code, headers, answer.content

        monkeypatch.setattr(HttpDoor, "_ask", asked)


def test_a_client_elsewhere_asks_blindly_over_http(app, labs, clients, file, monkeypatch):
    api = Api(clients[0], monkeypatch)
    said = read(file.read_bytes(), filename=file.name, content_type=None)
    prints = [one for draft in said.drafts for one in fingerprints(draft)]
    assert not any(one.known for one in asking.ask(api.door, prints))
    route.clear(app.desk, submit(app, said.drafts[0], by=reporter(app)))
    assert any(one.known for one in asking.ask(api.door, prints))
    here = asking.ask(HouseDoor(app.desk, labs[1]), prints)
    assert [one.known for one in asking.ask(api.door, prints)] == [one.known for one in here]
    card = api.door.card()
    (part,) = api.door.buckets(card.epochs[0].epoch_id, 0, [0])
    whole = api.door.table(card.epochs[0].epoch_id, 0)
    assert part.entries == whole.entries
    assert api.door.buckets(card.epochs[0].epoch_id, 9, [0]).code == "status-409"
    assert api.door.table("epo_" + "a" * 26, 0).code == "status-409"
    assert api.door.evaluate("epo_" + "a" * 26, [voprf.blind(b"x").element]).code == "status-409"


def test_tables_are_kept_for_the_next_time(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    tables, folder = house_door.kept_tables("https://house.test")
    assert tables.known == {}
    tables.known["epo_x"] = asking.Part(entries=b"0123456789", version=7)
    house_door.keep_tables(tables, folder)
    assert house_door.kept_tables("https://house.test")[0].known == tables.known


def test_a_house_elsewhere_is_asked_over_https_alone():
    for address in ("http://house.test", "ftp://127.0.0.1"):
        with pytest.raises(OutsideError, match="HTTPS"):
            HttpDoor(address, "t").card()
    with pytest.raises(OutsideError, match="did not answer"):
        HttpDoor("http://127.0.0.1:9", "t").card()


class Said(BaseHTTPRequestHandler):
    """A house that answers each question with the next of a few answers."""

    answers: ClassVar = [(200, b"no JSON"), (200, b"[]"), (503, b"{}"), (403, b'{"detail": "no"}')]

    def do_GET(self):
        status, body = self.answers.pop(0)
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def test_a_house_whose_answers_are_not_understood_is_said_to_be_so():
    with ThreadingHTTPServer(("127.0.0.1", 0), Said) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        door = HttpDoor(f"http://127.0.0.1:{server.server_port}", "t")
        for words in ("not understood", "not understood", "status 503", "^no$"):
            with pytest.raises(OutsideError, match=words):
                door.card()
        server.shutdown()


def test_a_finding_is_held_found_and_proven_at_the_command_line(app, lines, file, tmp_path):
    ada, bob = lines
    opening = tmp_path / "opening.json"
    assert ada("known", "ask", file, "--json", code=1)["answers"]
    held = ada("known", "hold", file, "--opening", opening, "--json")
    assert opening.stat().st_mode & 0o077 == 0
    ada("known", "hold", file, "--opening", opening, code=65)
    answers = bob("known", "ask", file, "--json")["answers"]
    assert all(one["known"] for one in answers)
    (meeting,) = bob("known", "introduce", answers[0]["ticket"], "--json")["introductions"]
    bob("known", "lay-down", meeting["introduction_id"], "contact", "bob@lab.test")
    ada("known", "lay-down", meeting["introduction_id"], "contact", "ada@lab.test")
    assert "theirs 'ada@lab.test'" in bob("known", "introductions")
    assert "declined" in bob("known", "decline", meeting["introduction_id"])
    route.seal_ledger(app.desk)
    export = tmp_path / "ledger.jsonl"
    export.write_text(ada("ledger", "export"), encoding="utf-8")
    proven = ada("known", "prove", export, opening, "--json")
    assert proven["event"] == held["event"]
    assert (
        ada("known", "reveal", held["commitment"], opening, "--json")["commitment"]
        == (held["commitment"])
    )
    assert "laid_down" in ada("known", "exchanges")
    assert ada("known", "exchanges", "--csv").startswith("at,kind,party")
    assert ada("known", "exchanges", "--json")["exchanges"]
    assert "answers: False" in ada("known", "tell", "--no-answers")
    opening.write_text("{}")
    ada("known", "prove", export, opening, code=65)
    bob("known", "introduce", "zz", code=2)


def test_a_report_that_names_nothing_cannot_be_looked_up(lines, tmp_path):
    empty = tmp_path / "report.md"
    empty.write_text("# A flaw\n\nSomewhere, something.\n", encoding="utf-8")
    assert "names no place" in lines[0]("known", "ask", empty, code=65)
    broken = tmp_path / "report.json"
    broken.write_text("{", encoding="utf-8")
    assert "refused" in lines[0]("known", "ask", broken, code=65)


def test_keys_are_turned_and_destroyed_by_the_owner(app, labs):
    run = command_line(app, "known", "keys")
    assert labs
    first = json.loads(run("--json").stdout)["epochs"]
    turned = json.loads(run("--turn", "--json").stdout)["epochs"]
    assert len(first) == 1
    assert len(turned) == 2
    later = datetime.now(UTC) + timedelta(days=60)
    app.desk.database.clock = lambda: later
    assert "destroyed" in run("--destroy").output
    assert f"known-{first[0]['epoch']}" not in app.desk.keys.holder.names()


def test_leases_are_claimed_and_handed_back_at_the_command_line(lines, app, monkeypatch):
    ada, bob = lines
    given = ["--tool", "model", "--basis", "copy", "--reference", "https://one.test",
             "--accept", ada("lease", "terms", "--json")["id"]]  # fmt: skip
    lease = ada("lease", "claim", "pkg:npm/one", *given, "--tell", "tool", "--json")["lease"]
    assert "others do the same" in bob("lease", "claim", "pkg:npm/one", *given, code=1)
    assert "with model" in bob("lease", "ask", "pkg:npm/one")
    assert "shared" in bob("lease", "claim", "pkg:npm/one", *given, "--share")
    assert "lapsed" not in ada("lease", "list")
    ada("lease", "claim", "x", *given, code=65)
    ada("lease", "withdraw", lease["lease_id"], code=65)
    ada("lease", "hand-back", lease["lease_id"], "--covered", "src", code=2)
    ada("lease", "hand-back", lease["lease_id"], "--covered", f".@{'0' * 40}=scanned")
    assert "scanned" in bob("lease", "scanned", "pkg:npm/one")
    monkeypatch.delenv("CLEARHOUSE_TOKEN")
    run = command_line(app, "lease")
    run("limit", "pkg:npm/two", "--reference", "mail", "--at-once", "1", "--bar", "fuzzing")
    assert "1 at once, no fuzzing" in ada("lease", "limits")


def test_the_calendar_shows_each_lease_to_those_on_duty(app, clients):
    wanted = {"target": "pkg:npm/one", **times(), **GIVEN}
    for days, target in ((7, "pkg:npm/one"), (20, "https://code.test/a/<b>")):
        clients[0].post("/v1/desk/leases", json=wanted | {"target": target} | times(days))
    page = Visitor(app.desk, coordinator(app)).page("/leases")
    assert "pkg:npm/one" in page.words
    assert "Lab Ada" in page.words
    assert "https://code.test/a/<b>" not in page.words, "it is no address of a repository"
    assert "svg" in page.tags


def test_commitments_and_introductions_go_through_the_api(app, labs, clients, file):
    said = read(file.read_bytes(), filename=file.name, content_type=None)
    prints = fingerprints(said.drafts[0])
    digest = "ab" * 32
    made = clients[0].post("/v1/desk/commitments", json={"digest": digest}).json()
    assert clients[0].get("/v1/desk/commitments").json() == [made]
    assert clients[1].post("/v1/desk/commitments", json={"digest": digest}).status_code == 409
    reveal = f"/v1/desk/commitments/{made['commitment']}/reveal"
    assert clients[0].post(reveal, json={}).status_code == 400
    epoch, held = asking.held(HouseDoor(app.desk, labs[0]), prints)
    entries = [{"tag": h.tag.hex(), "mask": h.mask.hex(), "ticket": h.ticket.hex()} for h in held]
    entered = clients[0].post(
        "/v1/desk/known/holdings",
        json={"epoch": epoch, "commitment": made["commitment"], "entries": entries},
    )
    assert entered.json() == {"entered": len(held)}
    preference = {"answers": True, "since": True}
    assert clients[0].post("/v1/desk/known/preference", json=preference).json() == preference
    (meeting,) = clients[1].post(
        "/v1/desk/introductions", json={"ticket": entries[0]["ticket"]}
    ).json()  # fmt: skip
    one = f"/v1/desk/introductions/{meeting['introduction_id']}"
    laid = clients[1].post(f"{one}/fields", json={"field": "plan", "text": "we report on Monday"})
    assert laid.json()["fields"][0]["theirs"] is None
    assert clients[1].post(f"{one}/decline").json()["state"] == "declined"
    assert len(clients[1].get("/v1/desk/introductions").json()) == 1
    period = {"since": "2020-01-01T00:00:00Z", "until": "2100-01-01T00:00:00Z"}
    log = clients[1].get("/v1/desk/exchanges", params=period).json()["exchanges"]
    assert {row["kind"] for row in log} >= {"introduced", "laid_down", "declined"}
    sheet = clients[1].get("/v1/desk/exchanges", params=period | {"csv": "true"})
    assert sheet.text.startswith("at,kind,party")


def test_a_quota_that_is_used_up_is_429(clients, monkeypatch):
    few = replace(epochs.known_policy(), asked_per_day=1)
    monkeypatch.setattr(epochs, "known_policy", lambda: few)
    epoch = clients[0].get("/v1/desk/known").json()["epochs"][0]["epoch"]
    body = {"epoch": epoch, "elements": [voprf.blind(b"x").element.hex()] * 2}
    assert clients[0].post("/v1/desk/known/evaluations", json=body).status_code == 429
