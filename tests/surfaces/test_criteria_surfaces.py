"""Criteria by every door: commands, API, pages."""

import base64
import json

import pytest

from asking import Client
from clearhouse.criteria.define import profiles
from clearhouse.criteria.determine import operations as determinations
from clearhouse.criteria.measure.attest import Attested, attest, attest_run
from clearhouse.kernel import identity
from clearhouse.kernel.identity import Scope
from clearhouse.surfaces.cli import serve
from clearhouse.surfaces.cli.criteria_input import TOKEN
from command_line import command_line
from evallog import FOLDER, KEYS, PROFILE, honest
from house import determiner
from visitor import Visitor

STRONG = FOLDER / "strong.eval"


@pytest.fixture
def run(app):
    return command_line(app, "criteria")


@pytest.fixture
def profile(tmp_path):
    path = tmp_path / "flags.yaml"
    path.write_text(PROFILE)
    return path


def public(key):
    return base64.b64encode(key.public_key().public_bytes_raw()).decode()


def answer(result):
    return json.loads(result.stdout)


def token(app, actor):
    with app.desk.database.transaction(actor.actor_id) as transaction:
        return identity.issue_token(transaction, actor.actor_id, label="t", scopes=[Scope.DESK])


def test_profiles_are_listed_shown_checked_and_sealed(run, profile, tmp_path):
    listed = answer(run("profiles", "--json"))["profiles"]
    assert {one["profile"] for one in listed} == set(profiles.names())
    assert "unclassified reference profile" in run("show", "cyber-reference-1").stdout.lower()
    assert answer(run("show", profile, "--json"))["metrics"] == ["finds"]
    run("define", profile, "--sign", tmp_path / "signed.json")
    assert json.loads((tmp_path / "signed.json").read_text())["signatures"]
    profile.write_text(PROFILE.replace("0.95", "95"))
    assert "flags.yaml, line 6, confidence" in run("define", profile, code=65).stderr
    made = answer(run("seal", "finds.above", "0.6", "--json"))
    assert len(made["sealed"]) == 64
    assert made["opening"]["finds.above"]["value"] == 0.6


def test_simulation_prints_and_draws_the_curves(run, profile, tmp_path):
    text = run("simulate", profile, "--svg", tmp_path / "svg").stdout
    assert "finds: threshold 0.6, 12 items, 2 attempts each" in text
    assert (tmp_path / "svg" / "finds.svg").read_text().startswith("<svg xmlns")
    assert answer(run("simulate", profile, "--json"))["curves"][0]["points"][0]["covered"] == 0
    assert "declared facts only" in run("simulate", "eu-ai-act-gpai-1", code=65).stderr


def test_declared_facts_decide_at_the_command_line(run):
    decided = answer(
        run("determine", "california-sb-53-1", "--model", "m", "--json",
            "--fact", "training-compute-flop=2e26", "--fact", "annual-revenue-usd=1e8")
    )  # fmt: skip
    assert decided["outcome"] == "NOT_COVERED"
    assert (
        "COVERED"
        in run("determine", "eu-ai-act-gpai-1", "--fact", "designated-by-commission=true").stdout
    )
    assert "nobody declared it" in run("determine", "new-york-raise-1").stdout


def test_evidence_is_read_and_decided_offline(run, profile, tmp_path):
    assert "24 samples, 0 broke, success" in run("evidence", "read", STRONG).stdout
    (log,) = honest("strong")
    kinds = [kind.value for kind in Attested]
    trust = tmp_path / "trust.yaml"
    trust.write_text(
        json.dumps([{"key": public(KEYS[one]), "kinds": kinds} for one in ("runner", "reviewer")])
    )
    given = []
    for place, envelope in enumerate(
        [
            attest_run(log, [KEYS["runner"]]),
            attest(Attested.CHEATING, [log], {"verdict": "clean"}, [KEYS["reviewer"]]),
            attest(Attested.CONTAMINATION, [log], {"verdict": "clean"}, [KEYS["reviewer"]]),
        ]
    ):
        path = tmp_path / f"{place}.json"
        path.write_text(json.dumps(envelope))
        given += ["--attestation", path]
    text = run("determine", profile, STRONG, "--trust", trust, *given).stdout
    assert text.startswith("COVERED  mockllm/model")
    assert "+ committed: the runner signed this very file" in text
    assert "not believed" in run("determine", profile, STRONG, *given, code=65).stderr
    bad = tmp_path / "bad.eval"
    bad.write_bytes(STRONG.read_bytes()[:9000])
    assert "truncated" in run("evidence", "read", bad, code=65).stderr


def test_two_persons_make_release_and_appeal_a_determination(
    run, app, profile, tmp_path, monkeypatch
):
    envelope = tmp_path / "run.json"
    envelope.write_text(run("evidence", "attest", "run", STRONG).stdout)
    run("trust", "mine", "run", "access", "--holder", "me")
    run("evidence", "believe", envelope)
    (evidence,) = answer(run("evidence", "add", STRONG, "--json"))["evidence"]
    assert evidence in run("evidence", "list").stdout
    made = answer(
        run("propose", profile, evidence, "--model", "mockllm/model", "--checkpoint", "1", "--json")
    )
    det = made["determination"]
    assert made["state"] == "proposed"
    with pytest.raises(PermissionError, match="needs a second person"):
        run("countersign", det)
    second = determiner(app)
    monkeypatch.setenv(TOKEN, token(app, second))
    assert "determined" in run("countersign", det).stdout
    monkeypatch.delenv(TOKEN)
    run("release", det)
    found = answer(run("appeal", det, "The items are old.", "--json"))
    assert found["appeals"] == ["The items are old."]
    file = tmp_path / "statement.json"
    file.write_text(json.dumps(found["envelope"]))
    keys = [
        base64.b64encode(determinations.person_key(app.desk, one).public_bytes_raw()).decode()
        for one in (second, owner_of(app))
    ]
    assert "two persons signed it" in run("verify", file, "--key", keys[0], "--key", keys[1]).stdout
    assert "1 of 2" in run("verify", file, "--key", keys[0], code=1).stderr
    assert "withdrawn" in run("withdraw", det).stdout
    assert "none of that id" in run("read", "det_" + "a" * 26, code=1).stderr


def owner_of(app):
    from clearhouse.surfaces.cli.owner import owner

    return owner(app)


def client(app, actor):
    served = serve.desk_application(app)
    return Client(
        served,
        base_url="http://desk.test",
        headers={"Authorization": f"Bearer {token(app, actor)}"},
    )


API = "/v1/desk/criteria"


def test_the_api_takes_evidence_and_makes_a_determination(app):
    dana, dora = determiner(app), determiner(app, "Dora Determiner")
    first, second = client(app, dana), client(app, dora)
    kept = first.post(f"{API}/evidence", content=STRONG.read_bytes())
    assert kept.status_code == 200, kept.text
    evidence = kept.json()["id"]
    assert first.get(f"{API}/evidence").json() == [{"id": evidence}]
    assert first.get(f"{API}/evidence/{evidence}").json()["samples"] == 24
    assert first.post(f"{API}/evidence", content=b"PK nonsense").status_code == 422
    assert first.post(f"{API}/attestations", json={"payload": "x"}).status_code == 422
    assert len(first.get(f"{API}/profiles").json()) == len(profiles.names())
    assert first.get(f"{API}/profiles/eu-ai-act-gpai-1/curves").status_code == 409
    assert first.get(f"{API}/profiles/none/curves").status_code == 404
    body = {
        "profile": "eu-ai-act-gpai-1", "model": "m", "checkpoint": "1",
        "facts": {"training-compute-flop": 3e25},
    }  # fmt: skip
    made = first.post(f"{API}/determinations", json=body).json()
    assert (made["state"], made["determination"]["outcome"]) == ("proposed", "COVERED")
    address = f"{API}/determinations/{made['determination_id']}"
    assert first.post(f"{address}/countersign").status_code == 403
    assert second.post(f"{address}/countersign").json()["state"] == "determined"
    assert second.post(f"{address}/countersign").status_code == 409
    assert first.post(f"{address}/appeal", json={"words": "no"}).json()["appeals"] == ["no"]
    assert first.post(f"{address}/release").json()["state"] == "released"
    assert first.post(f"{address}/supersede", json={"checkpoint": "1"}).status_code == 409
    assert (
        first.post(f"{address}/supersede", json={"checkpoint": "2"}).json()["state"] == "superseded"
    )
    assert len(first.get(f"{API}/determinations").json()) == 1
    unknown = body | {"evidence": ["evd_" + "a" * 26]}
    assert first.post(f"{API}/determinations", json=unknown).status_code == 404
    assert first.get(f"{API}/determinations/det_{'a' * 26}").status_code == 404


def make(app, dana, text=PROFILE):
    from clearhouse.criteria.define.reading import read_criterion
    from clearhouse.criteria.determine.record import Subject
    from clearhouse.criteria.measure import operations as measure

    with app.desk.database.transaction(dana.actor_id) as transaction:
        (log,) = honest("weak-plain")
        evidence = measure.add_evidence(app.desk, transaction, dana, log)
        return determinations.propose(
            app.desk, transaction, dana, read_criterion(text),
            subject=Subject(model="<b>model</b>", checkpoint="one"),
            evidence_ids=[evidence], facts={},
        )  # fmt: skip


def test_pages_show_gates_as_a_checklist_and_intervals_as_a_picture(app):
    dana, dora = determiner(app), determiner(app, "Dora Determiner")
    det = make(app, dana)
    address = f"/criteria/determinations/{det}"
    first, second = Visitor(app.desk, dana), Visitor(app.desk, dora)
    page = first.page(address)
    assert "One person signed it" in page.words
    assert "svg" in page.tags
    assert "the model that is judged is <b>model</b>" in page.words
    assert f"{address}/countersign" not in [form["action"] for form in page.forms]
    answered = second.send(second.page(address), f"{address}/countersign")
    assert answered.status_code == 303
    page = first.page(address)
    assert "Two persons signed it" in page.words
    first.send(page, f"{address}/appeal", words="I object.")
    assert "I object." in first.page(address).words
    first.send(first.page(address), f"{address}/release")
    counter = Client(serve.counter_application(app.counter, reports_per_hour=100))
    public_page = counter.get(f"/determinations/{det}").text
    assert "&lt;b&gt;model&lt;/b&gt;" in public_page
    assert "INVALID" in counter.get("/determinations").text
    statement = counter.get(f"/determinations/{det}/statement.json").json()
    assert len(statement["signatures"]) == 2
    assert counter.get("/determinations/det_" + "a" * 26).status_code == 404
    stale = first.page(address)
    second.send(second.page(address), f"{address}/withdraw")
    assert "It stands no more" in counter.get(f"/determinations/{det}").text
    again = first.send(stale, f"{address}/withdraw")
    assert again.status_code == 409
    assert "it is withdrawn; withdraw does not fit" in again.text


def test_every_page_of_criteria_opens_by_its_links(app, monkeypatch):
    monkeypatch.setattr("clearhouse.criteria.determine.simulate._DRAWS", 20)
    dana = determiner(app)
    make(app, dana)
    visitor = Visitor(app.desk, dana)
    links = [one for one in visitor.page("/criteria").links if one.startswith("/criteria/")]
    assert {f"/criteria/profiles/{name}" for name in profiles.names()} <= set(links)
    assert any(one.startswith("/criteria/evidence/") for one in links)
    for link in links:
        assert "Criteria" in visitor.page(link).words
    visitor.page("/criteria/profiles/none", status=404)
    visitor.page(f"/criteria/evidence/evd_{'a' * 26}", status=404)
    visitor.page(f"/criteria/determinations/det_{'a' * 26}", status=404)
