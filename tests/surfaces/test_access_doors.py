"""Early access through its doors: pages, API and commands do the same and tell the same."""

import json

import pytest
from click.testing import CliRunner

from asking import Client
from clearhouse.formats import dpop
from clearhouse.kernel import identity, sessions
from clearhouse.kernel.identity import Scope
from clearhouse.surfaces.cli import serve
from clearhouse.surfaces.cli.main import Connect, cli
from clearhouse.surfaces.web.desk.entrance import _form_token
from early import (
    SCORES,
    all_clauses,
    applied,
    approved,
    granted,
    issued,
    new_key,
    opened,
    scored,
)


class Person:
    """Somebody at the desk's pages and API, and at the command line."""

    def __init__(self, app, actor):
        self.actor = actor
        self.client = Client(serve.desk_application(app), follow_redirects=False)
        with app.desk.database.transaction(actor.actor_id) as transaction:
            self.token = identity.issue_token(
                transaction, actor.actor_id, label="t", scopes=[Scope.DESK]
            )
            cookie = sessions.open_with_token(transaction, self.token)
        self.client.cookies.set("desk", cookie)
        self.client.headers["Authorization"] = f"Bearer {self.token}"
        self.form = _form_token(cookie)
        self.connect = Connect(lambda: app, lambda: app.counter, lambda: None)

    def page(self, path):
        return self.client.get(path)

    def post(self, path, **fields):
        return self.client.post(path, data=fields | {"form_token": self.form})

    def api(self, path, body=None):
        path = f"/v1/desk/access{path}"
        return self.client.get(path) if body is None else self.client.post(path, json=body)

    def run(self, *arguments):
        result = CliRunner(env={"CLEARHOUSE_TOKEN": self.token}).invoke(
            cli, ["access", *arguments], obj=self.connect
        )
        assert result.exception is None or isinstance(result.exception, SystemExit), (
            result.exception
        )
        return result


def test_pages_show_the_board_and_the_switch_to_the_sides_and_less_to_others(app):
    early = opened(app)
    people = early.people
    granted(early, people.evaluator, token_budget=5000)
    waiting = applied(early, people.second)
    lab, eva = Person(app, people.lab), Person(app, people.evaluator)
    government = Person(app, people.government)
    listed = lab.page("/access")
    assert "Quill early access" in listed.text
    page = lab.page(f"/access/{early.id}").text
    for words in ("Kill switch", "Evals Two", "Eva One", "hard stop", "<svg", "0 of 5", "Approve"):
        assert words in page, words
    mine = eva.page(f"/access/{early.id}").text
    assert "Eva One" in mine
    assert "Kill switch" not in mine
    assert "Evals Two" not in mine
    assert eva.page(f"/access/{early.id.replace(early.id[4], 'a')}").status_code in {200, 404}
    place = f"/access/{early.id}"
    decide = f"{place}/decide/{waiting.admission_id}"
    assert lab.post(decide, approve="true").status_code == 409
    scored(early, waiting)
    assert lab.post(decide, approve="true").status_code == 303
    assert government.post(decide, approve="false", code="NEED").status_code == 303
    assert "declined" in lab.page(place).text
    dry = government.post(f"{place}/kill", attribute="nationality", values="US", other_than="true")
    assert "Who would lose access" in dry.text
    assert "nobody" in dry.text
    dry = government.post(f"{place}/kill")
    assert "End their access now" in dry.text
    assert government.post(f"{place}/kill", really="true", because=" ").status_code == 409
    real = government.post(f"{place}/kill", really="true", because="order 7")
    assert "Access has ended for" in real.text
    assert "order 7" in lab.page(place).text
    assert government.post(f"{place}/step", what="pause").status_code == 303
    assert government.post(f"{place}/step", what="resume").status_code == 403
    assert lab.post(f"{place}/step", what="close", because="done").status_code == 303
    assert eva.post(f"{place}/kill").status_code == 403


def test_the_api_takes_a_window_from_the_offer_to_the_dossier(app):
    early = opened(app)
    people = early.people
    lab, government, eva = (
        Person(app, one) for one in (people.lab, people.government, people.evaluator)
    )
    times = {
        "opens_at": "2027-01-01T00:00:00Z", "partners_from": "2027-01-03T00:00:00Z",
        "closes_at": "2027-01-20T00:00:00Z",
    }  # fmt: skip
    model = {"name": "m2", "digest": "d2", "served_names": ["m2"]}
    offer = {"label": "Second", "government": people.government.party_id, "model": model,
             "times": times, "capacity": 2}  # fmt: skip
    made = lab.api("/windows", offer).json()
    assert made["state"] == "draft"
    assert "readers" not in made
    too_long = offer | {"times": times | {"closes_at": "2027-03-01T00:00:00Z"}}
    refused = lab.api("/windows", too_long)
    assert (refused.status_code, "30 days" in refused.json()["detail"]) == (409, True)
    naive = offer | {"times": times | {"opens_at": "2027-01-01T00:00:00"}}
    assert lab.api("/windows", naive).status_code == 400
    assert eva.api("/windows", offer).status_code == 403
    window = f"/windows/{made['window_id']}"
    assert eva.api(window).status_code == 404
    assert lab.api(f"{window}/step", {"step": "open"}).json()["state"] == "open"
    lab.api(f"{window}/nominate", {"party": people.evaluator.party_id, "reason": "known"})
    application = {"statement": "s", "purposes": ["evaluation"],
                   "holders": [{"actor_id": people.evaluator.actor_id}]}  # fmt: skip
    applied_ = eva.api(f"{window}/apply", {"track": "standard", "application": application}).json()
    admission = f"/admissions/{applied_['admission_id']}"
    score = {"kind": "score", "opinion": {"scores": SCORES}}
    word = {"kind": "decision", "opinion": {"approve": True}}
    for body in (score, word):
        for side in (lab, government):
            answer = side.api(f"{admission}/assess", body)
            assert answer.status_code == 200, answer.text
    assert answer.json()["state"] == "approved"
    scope = {"endpoints": ["openai.chat"], "purposes": ["evaluation"]}
    issue = {"holder": people.evaluator.actor_id, "scope": scope,
             "not_before": times["partners_from"], "not_after": times["closes_at"]}  # fmt: skip
    grant = lab.api(f"{admission}/grants", issue).json()["grant_id"]
    assert (
        lab.api(f"{admission}/grants", issue | {"not_after": "2027-01-20T00:00:00"}).status_code
        == 400
    )
    jwk = dpop.public_jwk(new_key().public_key())
    active = eva.api(f"/grants/{grant}/activate", {"jwk": jwk, "accepted": all_clauses()})
    assert active.json()["state"] == "active"
    assert (
        eva.api(f"/grants/{grant}/safeguards", {"words": "it gave in"}).json()["kind"]
        == "safeguards"
    )
    assert len(lab.api("/windows").json()) == 2
    assert lab.api(window).json()["grants"][0]["holder"] == "Eva One"
    assert eva.api(f"{window}/receipts").json() == {}
    dry = government.api(f"{window}/kill", {"dry_run": True}).json()
    assert [one["name"] for one in dry["losers"]] == ["Eva One"]
    assert eva.api(f"{admission}/appeal", {"words": "w"}).status_code == 409
    closed = lab.api(f"{window}/step", {"step": "close", "because": "done"})
    assert closed.json()["state"] == "closed"
    dossier = eva.api(f"{window}/dossier").json()
    assert dossier["terms"]["unchanged"] is True


def test_the_commands_do_the_same(app, tmp_path):
    early = opened(app)
    people = early.people
    lab, government, eva = (
        Person(app, one) for one in (people.lab, people.government, people.evaluator)
    )
    made = lab.run("offer", "--label", "Third", "--government", people.government.party_id,
                   "--model", "m3", "--digest", "d3", "--days", "10", "--json")  # fmt: skip
    window = json.loads(made.output)["window_id"]
    assert "Third" in lab.run("windows").output
    assert lab.run("step", window, "open").output.strip() == "open"
    assert (
        lab.run("nominate", window, people.evaluator.party_id, "--reason", "known").exit_code == 0
    )
    holder = f"{people.evaluator.actor_id},nationality=US"
    sent = eva.run("apply", window, "--statement", "s", "--purpose", "evaluation",
                   "--holder", holder, "--json")  # fmt: skip
    admission = json.loads(sent.output)["admission_id"]
    given = [f"{name}={value}" for name, value in SCORES.items()]
    assert lab.run("score", admission, "need=x").exit_code == 2
    for side in (lab, government):
        assert side.run("score", admission, *given).exit_code == 0
    assert Person(app, people.lab_second).run("recuse", admission, "--reason", "kin").exit_code == 0
    for side in (lab, government):
        done = side.run("decide", admission, "approve")
    assert done.output.strip() == "approved"
    assert eva.run("appeal", admission, "--words", "w").exit_code == 65
    grant = lab.run("grant", admission, people.evaluator.actor_id, "--endpoint", "openai.chat",
                    "--purpose", "evaluation").output.strip()  # fmt: skip
    key = tmp_path / "my.key"
    assert "OKP" in eva.run("key", str(key)).output
    assert eva.run("key", str(key)).exit_code == 65
    terms = json.loads(eva.run("terms", "--json").output)
    assert "Confidentiality" in eva.run("terms").output
    assert eva.run("activate", grant, str(key), "--accept-terms", "0" * 64).exit_code == 65
    active = eva.run("activate", grant, str(key), "--accept-terms", terms["sha256"])
    assert active.output.strip().endswith("active")
    dry = government.run(
        "kill", window, "--attribute", "nationality", "--is-not", "US", "--dry-run"
    )
    assert "0 would lose access, 1 keep it" in dry.output
    assert government.run("kill", window, "--is", "a", "--is-not", "b").exit_code == 2
    killed = government.run("kill", window, "--because", "order")
    assert "Eva One lost access" in killed.output
    assert lab.run("close", window, "--because", "done").output.strip() == "closed"
    assert lab.run("seal", window).exit_code == 65, "the last receipts may still come"
    assert (
        eva.run("certify", admission, "--destroyed", "all", "--method", "shredded").exit_code == 0
    )
    export = tmp_path / "receipts.jsonl"
    export.write_text(lab.run("receipts", window).output)
    verified = lab.run("verify", str(export), "--against", str(export))
    assert verified.exit_code == 1, "a window without calls has no chain in common"
    assert lab.run("verify", str(export)).exit_code == 0
    dossier = tmp_path / "dossier.json"
    dossier.write_text(eva.run("dossier", window).output)
    assert eva.run("verify", str(dossier)).output.strip() == "holds"
    dossier.write_text(dossier.read_text().replace("Third", "Fourth"))
    assert eva.run("verify", str(dossier)).exit_code == 1
    log = tmp_path / "log.jsonl"
    log.write_text("no log\n")
    assert lab.run("join", window, str(log)).exit_code == 65
    assert eva.run("dossier", "win_nothing").exit_code == 1


@pytest.mark.parametrize("mode", [0o644])
def test_a_key_that_others_can_read_is_not_used(app, tmp_path, mode):
    early = opened(app)
    approved(early, early.people.evaluator)
    grant = issued(early, early.people.evaluator)
    eva = Person(app, early.people.evaluator)
    key = tmp_path / "open.key"
    eva.run("key", str(key))
    key.chmod(mode)
    refused = eva.run("activate", grant.grant_id, str(key), "--accept-terms", "x")
    assert refused.exit_code == 65
    key.chmod(0o600)
    key.write_text("no key")
    assert eva.run("activate", grant.grant_id, str(key), "--accept-terms", "x").exit_code == 65
