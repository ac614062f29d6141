"""The page of a case: its matrix, who reads it, and the forms that change either."""

import base64
import json
from datetime import UTC, datetime

import pytest

from asking import Client
from casebook import acting, opened, read, register, set_clock
from clearhouse.clearing.coordinate import casework, standing
from clearhouse.clearing.coordinate.correspondence import read as read_messages
from clearhouse.clearing.coordinate.embargo_consent import ConsentState
from clearhouse.clearing.coordinate.record import PartyRole, ProductState
from clearhouse.clearing.coordinate.standing import Said
from clearhouse.kernel import identity
from clearhouse.kernel.identity import PartyKind, Scope
from clearhouse.surfaces.cli import serve
from clearhouse.surfaces.web.pictures.states import Share, states_bar
from command_line import command_line
from house import coordinator, outsider, person, reporter
from visitor import Page, Visitor

NOW = datetime(2026, 11, 10, 12, 0, tzinfo=UTC)


@pytest.fixture
def case(app):
    set_clock(app, NOW)
    register(app)
    return opened(app)


@pytest.fixture
def desk(app, case):
    return Visitor(app.desk, coordinator(app))


@pytest.fixture
def api(app, case):
    """The desk's API, as a coordinator on duty."""
    cora = coordinator(app)
    with acting(app, cora) as transaction:
        token = identity.issue_token(transaction, cora.actor_id, label="t", scopes=[Scope.DESK])
    client = Client(serve.desk_application(app), base_url="http://desk.test")
    client.headers["Authorization"] = f"Bearer {token}"
    return client


def vera(app):
    return person(app, "The example-yaml project", PartyKind.VENDOR, "Vera <b>V</b>", "vendor")


def test_the_matrix_shows_what_every_vendor_says_of_every_product(app, case, desk):
    vendor = case.vendors[0].id
    page = desk.page(f"/cases/{case.id}")
    assert "silent" in page.words
    answer = desk.send(
        page, f"/cases/{case.id}/product",
        vendor=vendor, product="pkg:pypi/<x>", state="known_not_affected",
        justification="vulnerable_code_not_present", versions="<3",
    )  # fmt: skip
    assert answer.status_code == 303
    words = desk.page(f"/cases/{case.id}").words
    assert "pkg:pypi/<x>" in words
    assert "not affected" in words
    assert "under investigation" in words  # of the form


def test_a_status_without_its_reason_is_refused_on_the_page_in_words(case, desk):
    page = desk.page(f"/cases/{case.id}")
    answer = desk.send(
        page, f"/cases/{case.id}/product",
        vendor=case.vendors[0].id, product="p", state="known_not_affected",
    )  # fmt: skip
    assert answer.status_code == 409
    assert "with a justification or a note" in answer.text


def test_people_are_read_in_and_out_with_the_reason_on_the_page(app, case, desk):
    who = vera(app)
    page = desk.page(f"/cases/{case.id}")
    desk.send(page, f"/cases/{case.id}/read-in", who=who.actor_id, tier="0",
              reason="writes the <i>fix</i>", until="2026-11-20T10:00")  # fmt: skip
    assert read(app, case.id).participants[-1].expires_at == datetime(2026, 11, 20, 10, tzinfo=UTC)
    page = desk.page(f"/cases/{case.id}")
    assert "writes the <i>fix</i>" in page.words
    assert "Vera <b>V</b>" in page.words
    desk.send(page, f"/cases/{case.id}/read-out", because="left")
    words = desk.page(f"/cases/{case.id}").words
    assert "ended" in words
    assert ": left" in words


def test_consent_is_written_down_on_the_page(app, case, desk):
    page = desk.page(f"/cases/{case.id}")
    vendor = case.vendors[0].id
    desk.send(page, f"/cases/{case.id}/consent", party=vendor, event="decline")
    assert read(app, case.id).party(vendor).consent is ConsentState.DECLINED
    assert "declined" in desk.page(f"/cases/{case.id}").words


def test_the_api_does_what_the_page_does(app, case, api):
    root, who = f"/v1/desk/cases/{case.id}", vera(app)
    cell = {"vendor": case.vendors[0].id, "product": "p", "state": "fixed"}
    assert (
        api.post(f"{root}/products", json={"said": [cell]}).json()["statuses"][0]["product"] == "p"
    )
    read_in = {"who": who.actor_id, "tier": 0, "reason": "helps"}
    assert api.post(f"{root}/read-ins", json=read_in).status_code == 200
    twice = api.post(f"{root}/read-ins", json=read_in)
    assert (twice.status_code, twice.json()["detail"]) == (409, "this actor is already read in")
    unzoned = api.post(f"{root}/read-ins", json=read_in | {"expires_at": "2026-12-01T00:00:00"})
    assert unzoned.status_code == 400
    out = api.post(f"{root}/read-outs", json={"who": who.actor_id, "because": "left"})
    assert out.json()["participants"][-1]["revoked_because"] == "left"
    consent = {"party": case.vendors[0].id, "event": "accept"}
    assert api.post(f"{root}/consent", json=consent).status_code == 200
    with acting(app, coordinator(app)) as transaction:
        other = identity.add_party(transaction, PartyKind.VENDOR, "Another")
    joined = api.post(f"{root}/parties", json={"party": other, "role": "distributor"}).json()
    assert joined["parties"][-1]["name"] == "Another"
    told = read_messages([api.get(f"{root}/vultron").json()]).cases
    assert told[f"urn:clearhouse/cases/{case.id}"].parties[other].name == "Another"


def test_people_write_to_each_other_on_the_page_and_files_come_back_as_downloads(app, case, desk):
    page = desk.page(f"/cases/{case.id}")
    finder = next(one.id for one in case.parties if one.role is PartyRole.FINDER)
    answer = desk.send(page, f"/cases/{case.id}/threads", party=finder)
    where = answer.headers["location"]
    form = desk.page(where).form(where)
    sent = desk.client.post(
        where, data=form["fields"] | {"text": "Which <b>tag</b>?", "tlp": "TLP:RED"},
        files=[("files", ("q.txt", b"more", "text/html"))],
    )  # fmt: skip
    assert sent.status_code == 303
    rita = Visitor(app.desk, reporter(app))
    assert where in rita.page("/threads").links
    page = rita.page(where)
    assert "Which <b>tag</b>?" in page.words
    assert "TLP:RED" in page.words
    (link,) = [one for one in page.links if "/files/" in one]
    got = rita.get(link)
    assert got.content == b"more"
    assert "attachment" in got.headers["content-disposition"]
    assert rita.get(f"{link[:-1]}7").status_code == 404
    refused = rita.send(page, where, text=" ")
    assert (refused.status_code, "a message has words" in refused.text) == (409, True)
    assert desk.send(desk.page(f"/cases/{case.id}"), f"/cases/{case.id}/threads",
                     party="pty_x").headers["location"] == f"/cases/{case.id}"  # fmt: skip
    assert where in desk.page(f"/cases/{case.id}").links
    assert "case next try" in " ".join(desk.page(f"/cases/{case.id}").words.split())


def test_the_api_says_who_was_told_and_carries_messages(app, case, api):
    root = f"/v1/desk/cases/{case.id}"
    assert [one["kind"] for one in api.get(f"{root}/notices").json()] == ["case"]
    assert api.post(f"{root}/threads", json={"party": "pty_x"}).status_code == 409
    thread = api.post(f"{root}/threads", json={}).json()["thread_id"]
    said = api.post(
        f"/v1/desk/threads/{thread}/messages", json={"text": "hear", "tlp": "TLP:GREEN"}
    )
    assert said.json()["message_id"].startswith("msg_")
    free = api.post(f"/v1/desk/threads/{thread}/messages", json={"text": "x", "tlp": "TLP:CLEAR"})
    assert free.status_code == 409
    heard = api.get(f"/v1/desk/threads/{thread}").json()["messages"]
    assert [one["words"]["text"] for one in heard] == ["hear"]
    assert [one["thread_id"] for one in api.get("/v1/desk/threads").json()] == [thread]
    channel = f"/v1/desk/parties/{case.vendors[0].id}/channel"
    assert api.post(channel, json={"cases_per_week": 2}).json()["cases_per_week"] == 2
    assert api.post(channel, json={"webhook": "http://x.test/"}).status_code == 409
    assert api.post(channel, json={"paused_until": "2026-12-01T00:00:00"}).status_code == 400


def test_a_case_of_a_hundred_and_fifty_vendors_shows_them_all_on_one_page(app, case, desk):
    cora = coordinator(app)
    with acting(app, cora) as transaction:
        for number in range(150):
            vendor = identity.add_party(transaction, PartyKind.VENDOR, f"Vendor {number:03}")
            casework.join(app.desk, transaction, cora, case.id, party=vendor, role=PartyRole.VENDOR)
        found = casework.case(app.desk, transaction, cora, case.id)
        said = [
            Said(vendor=one.id, product="pkg:generic/stack", state=ProductState.FIXED)
            for one in found.vendors[::2]
        ]
        standing.say_of_products(app.desk, transaction, cora, case.id, said)
    page = desk.page(f"/cases/{case.id}")
    assert all(f"Vendor {number:03}" in page.words for number in range(150))
    assert "151 vendors" in page.words
    assert "76 fixed, 75 silent" in page.words


def test_the_bar_of_states_says_its_numbers_and_leaves_out_what_nobody_is():
    shares = [Share(name="fixed", look="good", count=1), Share(name="affected", look="bad", count=0),
              Share(name="silent", look="quiet", count=149)]  # fmt: skip
    bar = states_bar(shares)
    assert "1 fixed, 149 silent" in bar
    assert "affected" not in bar
    assert "no vendor yet" in states_bar([])


def test_what_waits_for_a_second_person_is_granted_on_the_page_by_another(app, case, desk):
    ed = person(app, "A firm", PartyKind.OPERATOR, "Ed <i>E</i>", "vendor")
    cora, here = coordinator(app), f"/cases/{case.id}"
    with acting(app, cora) as transaction:
        casework.join(app.desk, transaction, cora, case.id, party=ed.party_id, role=PartyRole.OTHER)
    desk.send(desk.page(here), f"{here}/read-in", who=ed.actor_id, tier="1", reason="fixes")
    page = desk.page(here)
    assert "Waits for a second person" in page.words
    assert "Ed <i>E</i>" in page.words
    assert not [form for form in page.forms if form["action"] == f"{here}/decide"]
    dora = Visitor(app.desk, coordinator(app, "Dora Deputy"))
    answer = dora.send(dora.page(here), f"{here}/decide", grant="yes", because="right")
    assert answer.status_code == 303
    assert read(app, case.id).participants[-1].actor == ed.actor_id
    csv = desk.get(f"{here}/read-in-log.csv")
    assert "Ed <i>E</i>" in csv.text
    assert "attachment" in csv.headers["content-disposition"]
    assert "the case" in desk.page(f"{here}/copies").words


def test_an_emergency_is_reviewed_and_an_exception_asked_for_on_the_page(app, case, desk):
    vera_, here = vera(app), f"/cases/{case.id}"
    form = {"who": vera_.actor_id, "tier": "0", "reason": "leak", "emergency": "yes"}
    desk.send(desk.page(here), f"{here}/read-in", **form)
    dora = Visitor(app.desk, coordinator(app, "Dora Deputy"))
    page = dora.page(here)
    assert "Emergencies to be reviewed" in page.words
    dora.send(page, f"{here}/review", upheld="no", because="none")
    assert read(app, case.id).participants[-1].revoked_because == "none"
    until = "2026-12-08T12:00"
    answer = desk.send(
        desk.page(here), f"{here}/exception", rule="default-30", until=until, reason="r"
    )
    assert answer.status_code == 303
    assert "is to be set aside until" in desk.page(here).words
    dora.send(dora.page(here), f"{here}/decide", grant="no", because="no")
    refused = dora.page(here)
    assert "is to be set aside until" not in refused.words


def test_whoever_declares_an_own_conflict_on_the_page_is_out_at_once(app, case, desk):
    here, dora_ = f"/cases/{case.id}", coordinator(app, "Dora Deputy")
    dora = Visitor(app.desk, dora_)
    dora.send(dora.page(here), f"{here}/conflict", who=dora_.actor_id, what="my sister")
    dora.page(here, status=404)
    page = desk.page(here)
    assert "my sister" in page.words
    desk.send(page, f"{here}/conflict-lift", who=dora_.actor_id, because="over")
    dora.page(here)


def test_the_api_lets_in_reviews_excepts_bars_and_traces(app, case, api):
    ed, here = (
        person(app, "A firm", PartyKind.OPERATOR, "Ed", "vendor"),
        f"/v1/desk/cases/{case.id}",
    )
    cora = coordinator(app)
    with acting(app, cora) as transaction:
        casework.join(app.desk, transaction, cora, case.id, party=ed.party_id, role=PartyRole.OTHER)

    def post(path, status, **body):
        answer = api.post(path, json=body)
        assert answer.status_code == status, answer.text
        return answer.json()

    post(f"{here}/read-ins", 200, who=ed.actor_id, tier=1, reason="r")
    post(f"{here}/requests/0", 409, grant=True, because="own")
    post(f"{here}/read-ins", 200, who=ed.actor_id, tier=1, reason="r", emergency=True)
    number = len(read(app, case.id).participants) - 1
    post(f"{here}/emergencies/{number}", 409, upheld=True, because="own")
    asked = {"rule": "default-30", "until": "2026-12-08T12:00:00Z", "reason": "r"}
    post(f"{here}/exceptions", 200, **asked)
    post(f"{here}/exceptions", 400, **asked | {"until": "2026-12-08T12:00:00"})
    assert post(f"{here}/conflicts", 200, who=ed.actor_id, what="w") == {"kept_out": ed.actor_id}
    post(f"{here}/conflicts/lift", 200, who=ed.actor_id, because="b")
    assert [row["nominee"] for row in api.get(f"{here}/read-in-log").json()].count("Ed") >= 2
    copy = api.get(here).json()["copy"]
    (found,) = post("/v1/desk/copies/trace", 200, text=f"leaked: {copy}")
    assert found["actor_id"] == cora.actor_id
    assert [one["what"] for one in api.get(f"{here}/copies").json()] == [case.id]


def test_attempts_and_answers_are_written_down_on_the_page_and_by_the_api(app, case, desk, api):
    here, vendor = f"/cases/{case.id}", case.vendors[0].id
    assert "not contacted" in desk.page(here).words
    desk.send(desk.page(here), f"{here}/reached", party=vendor, way="email", note="wrote")
    assert "1 attempt since" in desk.page(here).words
    desk.send(desk.page(here), f"{here}/reached", party=vendor, way="answered", note="called")
    root = f"/v1/desk/cases/{case.id}"
    assert [one["state"] for one in api.get(f"{root}/silence").json()] == ["answered"]
    assert (
        api.post(f"{root}/attempts", json={"party": "x", "way": "form", "note": "n"}).status_code
        == 409
    )
    assert api.post(f"{root}/answers", json={"party": vendor, "note": "n"}).status_code == 200
    content = base64.b64encode(b"Report to <b>a@yaml.example</b>").decode()
    found = {"kind": "security-md", "where": "SECURITY.md", "content": content}
    assert api.post(f"{root}/contacts", json={"documents": [found]}).status_code == 200
    page = desk.page(here)
    assert "a@yaml.example" in page.words
    odd = {"documents": [found | {"content": "?"}]}
    assert api.post(f"{root}/contacts", json=odd).status_code == 400


def test_the_release_calendar_shows_when_what_one_is_read_in_to_becomes_public(app, case, desk):
    page = desk.page("/releases")
    instant = read(app, case.id).embargo.instant
    assert f"/cases/{case.id}" in page.links
    assert f"{instant:%Y-%m-%d}: 1" in desk.get("/releases").text
    assert f"/cases/{case.id}" not in Visitor(app.desk, outsider(app)).page("/releases").links


def counter_of(app):
    application = serve.counter_application(app.counter, reports_per_hour=9)
    return Client(application, base_url="http://counter.test", follow_redirects=False)


def test_a_vendor_is_invited_on_the_page_answers_at_the_counter_and_is_ended(app, case, desk):
    page = desk.page(f"/cases/{case.id}")
    sent = {"vendor": case.vendors[0].id, "name": "Oskar <b>", "days": "9"}
    made = Page(desk.send(page, f"/cases/{case.id}/invitations", **sent).text)
    path = made.words[made.words.index("/invitation/chi_") :].split()[0]
    counter = counter_of(app)
    shown = Page(counter.get(path).text)
    assert "for Oskar <b>" in shown.words
    refused = counter.post(path, data={}, headers={"origin": "https://evil.test"})
    assert refused.status_code == 403
    assert "nothing was filled in" in counter.post(path, data={"outcome": ""}).text
    said = {"outcome": "accepted", "fixed_version": "5.4", "embargo": "agree", "words": "Since when?",
            "product": "pkg:pypi/example-yaml", "state": "fixed", "versions": "5.4"}  # fmt: skip
    assert counter.post(path, data=said).status_code == 303
    app.desk.jobs.run_until_empty(app.desk.database.url)
    words = Page(counter.get(path).text).words
    for one in ("fixed in", "you stand by it", "verdict: entered"):
        assert one in words
    page = desk.page(f"/cases/{case.id}")
    assert "fixed in" in page.words
    (end,) = [form["action"] for form in page.forms if form["action"].endswith("/end")]
    assert desk.send(page, end).status_code == 303
    assert desk.send(page, end).status_code == 404
    assert counter.get(path).status_code == 404


def test_commands_and_api_invite_list_end_and_publish_the_notice(app, case, api):
    vendor = case.vendors[0].id
    run = command_line(app, "case")
    made = json.loads(run("invite", case.id, vendor, "Vera", "--json").stdout)
    assert "/invitation/chi_" in made["link"]
    root = f"/v1/desk/cases/{case.id}"
    answer = api.post(f"{root}/invitations", json={"vendor": vendor, "name": "Vic"})
    assert "/invitation/chi_" in answer.json()["link"]
    (one, other) = api.get(f"{root}/invitations").json()
    assert api.post(f"{root}/invitations/{one['invitation_id']}/end").json() == {"ended": True}
    assert api.post(f"{root}/invitations/{one['invitation_id']}/end").status_code == 404
    assert "ended" in run("invitations", case.id, "--end", other["invitation_id"]).stdout
    assert "no live link" in run("invitations", case.id, "--end", other["invitation_id"]).stdout
    assert run("invitations", case.id).stdout.count("ended") == 2
    run("invite", case.id, "pty_x", "Vera", code=65)
    assert api.post(f"{root}/transparency-notice").json()["notice"].startswith("ntc_")
    assert api.post(f"{root}/transparency-notice").status_code == 409
    run("publish-notice", case.id, code=65)
    assert "The example-yaml project" in counter_of(app).get("/notices").text
