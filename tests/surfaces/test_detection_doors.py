"""Rules that find a flaw, through the doors: the page of a case, commands, APIs, the public page."""

import base64
import json

import pytest

from asking import Client
from casebook import acting, set_clock
from clearhouse.clearing import route
from clearhouse.kernel import identity
from clearhouse.kernel.identity import Scope
from clearhouse.surfaces.cli import serve
from command_line import command_line
from house import coordinator, outsider
from published import OUT, embargoed
from visitor import Visitor

RULE = 'alert tcp any any -> any any (msg:"probe of {}"; sid:1; rev:1;)'
TIME = {"expires_on": "2031-01-01", "telemetry": "Traffic to the <b>web</b> server"}


@pytest.fixture
def case(app):
    return embargoed(app)


@pytest.fixture
def desk(app, case):
    return Visitor(app.desk, coordinator(app))


@pytest.fixture
def api(app, case):
    cora = coordinator(app)
    with acting(app, cora) as transaction:
        token = identity.issue_token(transaction, cora.actor_id, label="t", scopes=[Scope.DESK])
    client = Client(serve.desk_application(app), base_url="http://desk.test")
    client.headers["Authorization"] = f"Bearer {token}"
    return client


@pytest.fixture(autouse=True)
def no_engine(monkeypatch):
    monkeypatch.setattr("clearhouse.handoffs.shutil.which", lambda _: None)


def upload(desk, case, leak, rule=None):
    here = f"/cases/{case}/detections"
    form = desk.page(here).form(here)
    return desk.client.post(
        here,
        data=form["fields"] | TIME | {"kind": "suricata", "leak": leak},
        files={"rule": ("r.rules", rule or RULE.format(leak)), "sample": ("s.pcap", b"\x00\xff")},
    )


def ids(page, case):
    return {one.rpartition("/")[2] for one in page.links if f"/cases/{case}/detections/dtc_" in one}


def test_a_case_shows_takes_and_ends_rules_and_everybody_gets_those_that_reveal_little(
    app, case, desk
):
    assert f"/cases/{case}/detections" in desk.page(f"/cases/{case}").links
    assert "None yet." in desk.page(f"/cases/{case}/detections").words
    for leak in ("L0", "L3"):
        assert upload(desk, case, leak).status_code == 303
    page = desk.page(f"/cases/{case}/detections")
    assert "Traffic to the <b>web</b> server" in page.words, "as data"
    assert "not installed; its form alone was checked" in page.words
    assert "everybody, once the advisory is out" in page.words
    found = sorted(ids(page, case))
    texts = [desk.get(f"/cases/{case}/detections/{one}") for one in found]
    assert {one.text for one in texts} == {RULE.format("L0"), RULE.format("L3")}
    assert all("attachment" in one.headers["content-disposition"] for one in texts)

    counter = Client(serve.counter_application(app.counter, reports_per_hour=100))
    set_clock(app, OUT)
    route.publish_due(app.desk)
    public = counter.get("/advisories/CLR-2026-00001").text
    assert "Rules that find it" in public
    assert "&lt;b&gt;web" in public
    assert [one in public for one in found].count(True) == 1
    (shown,) = counter.get("/v1/advisories/CLR-2026-00001/detections").json()["detections"]
    path = f"/{shown['id']}.rules"
    answer = counter.get(f"/advisories/CLR-2026-00001/detections{path}")
    assert (answer.text, shown["rule"]) == (RULE.format("L0"), RULE.format("L0"))
    assert "attachment" in answer.headers["content-disposition"]
    feed = counter.get(f"/detections/CLR-2026-00001{path}")
    assert feed.text == RULE.format("L0")
    assert feed.headers["content-type"] == "text/plain; charset=utf-8"
    other = f"/{next(iter({*found} - {shown['id']}))}.rules"
    for hidden in (f"/advisories/CLR-2026-00001/detections{other}",
                   f"/detections/CLR-2026-00001{other}"):  # fmt: skip
        assert counter.get(hidden).status_code == 404

    desk = Visitor(app.desk, coordinator(app))  # ten days later, a session has ended
    page = desk.page(f"/cases/{case}/detections")
    ending = f"/cases/{case}/detections/{shown['id']}/expire"
    assert desk.send(page, ending).status_code == 303
    assert desk.client.post(ending, data=page.form(ending)["fields"]).status_code == 409
    route.publish_due(app.desk)
    assert counter.get(f"/detections/CLR-2026-00001{path}").status_code == 404
    assert counter.get(f"/advisories/CLR-2026-00001/detections{path}").status_code == 404
    assert "Rules that find it" not in counter.get("/advisories/CLR-2026-00001").text


def test_a_rule_that_is_refused_is_said_on_the_page_with_every_reason(case, desk):
    answer = upload(desk, case, "L1", rule="alert tcp")
    assert answer.status_code == 409
    assert "rule: line 1" in answer.text
    assert desk.get(f"/cases/{case}/detections/dtc_{'a' * 26}").status_code == 404


def test_whoever_is_not_read_in_finds_no_page_and_adds_nothing(app, case, desk):
    assert upload(desk, case, "L2").status_code == 303
    (id_,) = ids(desk.page(f"/cases/{case}/detections"), case)
    stranger = Visitor(app.desk, outsider(app))
    for path in ("", f"/{id_}"):
        assert stranger.get(f"/cases/{case}/detections{path}").status_code == 404


def test_the_interface_keeps_and_ends_rules(case, api):
    root = f"/v1/desk/cases/{case}/detections"
    body = {**TIME, "kind": "suricata", "leak": "L2", "rule": RULE.format("x")}
    sample = base64.b64encode(b"pcap").decode()
    assert api.post(root, json={**body, "sample": "?"}).status_code == 422
    refused = api.post(root, json={**body, "sample": sample, "rule": "alert"})
    assert refused.status_code == 422
    assert "rule: line 1" in refused.text
    kept = api.post(root, json={**body, "sample": sample})
    assert kept.status_code == 201
    id_ = kept.json()["detection"]
    assert [one["id"] for one in api.get(root).json()["detections"]] == [id_]
    assert api.post(f"{root}/{id_}/expire").json()["state"] == "expired"
    assert api.post(f"{root}/{id_}/expire").status_code == 409


def test_commands_keep_list_and_end_rules(app, case, tmp_path):
    run = command_line(app)
    rule, sample = tmp_path / "r.rules", tmp_path / "s.pcap"
    rule.write_text(RULE.format("x"))
    sample.write_bytes(b"pcap")
    more = ["--kind", "suricata", "--leak", "L1", "--telemetry", "t", "--expires", "2031-01-01"]
    said = json.loads(
        run("detection", "add", case, rule, "--sample", sample, *more, "--json").stdout
    )
    assert "sealed" in run("detection", "list", case).stdout
    run("detection", "add", "cas_none", rule, "--sample", sample, *more, code=65)
    assert "expired" in run("detection", "expire", case, said["detection"]).stdout
    assert "expired already" in run("detection", "expire", case, said["detection"], code=65).stderr
    run("detection", "expire", "cas_none", said["detection"], code=65)
    run("detection", "list", "cas_none", code=65)
