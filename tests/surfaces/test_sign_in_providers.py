"""Signing in through a real, certified OpenID provider: who somebody is, and never what they may."""

from dataclasses import replace
from datetime import timedelta

import pytest

from clearhouse.kernel import identity, sign_in
from clearhouse.kernel.keys import KeyFileError
from clearhouse.kernel.providers import Provider, Providers, load
from command_line import command_line
from house import coordinator, reporter
from openid_house import free_port, gone_through, provider
from visitor import Page, Visitor


@pytest.fixture(scope="module")
def issuer():
    with provider(free_port()) as address:
        yield address


def desk_of(app, issuer, **more):
    settings = {"client_id": "desk", "client_secret": "a secret of the desk: 100%"} | more
    known = Provider(name="staff", label="Staff <b>", issuer=issuer, **settings)
    return replace(app.desk, providers=Providers(app.desk.outside, (known,)))


def link(app, actor, issuer, subject):
    with app.desk.database.transaction(None) as transaction:
        return sign_in.link_account(transaction, actor.actor_id, issuer, subject)


def sent_to(visitor, to="/"):
    answer = visitor.client.get("/sign-in/with/staff", params={"to": to})
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


def come_back(visitor, parts):
    return visitor.get(f"{parts.path}?{parts.query}")


@pytest.mark.parametrize(
    "client", [{}, {"client_id": "open", "client_secret": None}], ids=["secret", "public"]
)
def test_a_linked_account_opens_a_session_of_its_person_and_goes_on(app, issuer, client):
    cora = coordinator(app)
    assert link(app, cora, issuer, "cora@example.org")
    visitor = Visitor(desk_of(app, issuer, **client))
    offered = visitor.page("/sign-in?to=/ledger")
    assert "/sign-in/with/staff?to=/ledger" in offered.links
    there = sent_to(visitor, "/ledger")
    assert "code_challenge_method=S256" in there
    answer = come_back(visitor, gone_through(there, "cora@example.org"))
    assert answer.status_code == 200
    assert '<meta http-equiv="refresh" content="0; url=/ledger">' in answer.text
    assert "Cora" in visitor.page("/me").words
    assert "account staff" in visitor.page("/me").words


def test_an_account_that_nobody_linked_opens_nothing_whatever_it_claims(app, issuer):
    """The provider claims the roles of an administrator for everybody."""
    visitor = Visitor(desk_of(app, issuer))
    answer = come_back(visitor, gone_through(sent_to(visitor), "mallory"))
    assert answer.status_code == 403
    assert "mallory" in answer.text
    assert visitor.get("/me").status_code == 303
    with app.desk.database.transaction(None) as transaction:
        assert transaction.all("SELECT FROM account") == []
        assert transaction.all("SELECT FROM session") == []


def test_claims_of_roles_change_nothing_of_what_a_person_may(app, issuer):
    rita = reporter(app)
    link(app, rita, issuer, "rita")
    visitor = Visitor(desk_of(app, issuer))
    come_back(visitor, gone_through(sent_to(visitor), "rita"))
    with app.desk.database.transaction(None) as transaction:
        assert identity.actor(transaction, rita.actor_id).roles == {"reporter"}
    assert "administrator" not in visitor.page("/me").words


def test_an_answer_opens_a_session_once_and_only_in_the_browser_that_asked(app, issuer):
    link(app, coordinator(app), issuer, "cora")
    desk = desk_of(app, issuer)
    asked, other = Visitor(desk), Visitor(desk)
    parts = gone_through(sent_to(asked), "cora")
    sent_to(other)
    assert come_back(other, parts).status_code == 400, "an answer to another browser's question"
    assert come_back(Visitor(desk), parts).status_code == 400, "a browser that asked nothing"
    assert come_back(asked, parts).status_code == 200
    asked.client.cookies.clear()
    assert come_back(asked, parts).status_code == 400, "the same answer again"


@pytest.mark.parametrize(
    "forged",
    [
        "state=forged&code=x",
        "code=x",
        "error=access_denied&state={state}",
        "code=x&state={state}&iss=https://evil.test",
        "code=x&state={state}",
        "code=forged&state={state}&iss={issuer}",
    ],
)
def test_forged_answers_open_nothing(app, issuer, forged):
    link(app, coordinator(app), issuer, "cora")
    visitor = Visitor(desk_of(app, issuer))
    state = dict(part.split("=", 1) for part in sent_to(visitor).split("?")[1].split("&"))["state"]
    answer = visitor.get(f"/sign-in/back?{forged.format(state=state, issuer=issuer)}")
    assert answer.status_code == 400
    assert visitor.get("/me").status_code == 303


def test_signing_in_anew_ends_the_session_before_and_never_keeps_a_given_one(app, issuer):
    cora = coordinator(app)
    link(app, cora, issuer, "cora")
    visitor = Visitor(desk_of(app, issuer), cora)
    before = visitor.client.cookies["desk"]
    parts = gone_through(sent_to(visitor), "cora")
    visitor.client.cookies.delete("desk")  # as a strict cookie stays away when one comes from afar
    come_back(visitor, parts)
    assert visitor.client.cookies["desk"] != before
    visitor.client.cookies.clear()
    visitor.client.cookies.set("desk", before)
    assert visitor.get("/me").status_code == 303


@pytest.mark.parametrize("to", ["https://evil.test", "//evil.test", "/\\evil.test", "javascript:x"])
def test_a_way_back_that_leads_elsewhere_leads_to_the_start(app, issuer, to):
    link(app, coordinator(app), issuer, "cora")
    visitor = Visitor(desk_of(app, issuer))
    answer = come_back(visitor, gone_through(sent_to(visitor, to), "cora"))
    assert 'content="0; url=/"' in answer.text
    assert "evil" not in answer.text


def test_a_person_links_an_account_to_itself_and_takes_that_back(app, issuer):
    cora = coordinator(app)
    visitor = Visitor(desk_of(app, issuer), cora)
    answer = visitor.send(visitor.page("/me"), "/me/accounts")
    (onward,) = [link for link in Page(answer.text).links if link.startswith(issuer)]
    assert "Linked" in come_back(visitor, gone_through(onward, "cora")).text
    page = visitor.page("/me")
    assert issuer in page.words
    again = visitor.send(page, "/me/accounts")
    (onward,) = [link for link in Page(again.text).links if link.startswith(issuer)]
    assert come_back(visitor, gone_through(onward, "cora")).status_code == 409
    (action,) = [
        one["action"]
        for one in page.forms
        if one["action"].endswith("/end") and "acc_" in one["action"]
    ]
    assert visitor.send(page, action).status_code == 303
    assert visitor.send(page, action).status_code == 404
    other = Visitor(desk_of(app, issuer))
    assert come_back(other, gone_through(sent_to(other), "cora")).status_code == 403


def test_linking_needs_a_form_of_the_session_and_an_agent_cannot_be_linked(app, issuer):
    visitor = Visitor(desk_of(app, issuer), coordinator(app))
    assert visitor.client.post("/me/accounts", data={"provider": "staff"}).status_code == 403
    with (
        app.desk.database.transaction(None) as transaction,
        pytest.raises(ValueError, match="persons"),
    ):
        sign_in.link_account(transaction, app.desk.clearing_actor.actor_id, issuer, "x")


def test_an_administrator_links_from_the_command_line(app, issuer):
    cora = coordinator(app)
    run = command_line(app, "people", "link")
    assert "linked" in run(cora.actor_id, issuer, "cora").output
    assert "already" in run(cora.actor_id, issuer, "cora").output
    run("act_" + "a" * 26, issuer, "nobody", code=2)


def test_a_revoked_person_comes_in_by_no_account(app, issuer):
    cora = coordinator(app)
    link(app, cora, issuer, "cora")
    with app.desk.database.transaction(None) as transaction:
        identity.revoke_actor(transaction, cora.actor_id)
    visitor = Visitor(desk_of(app, issuer))
    assert come_back(visitor, gone_through(sent_to(visitor), "cora")).status_code == 403


def test_keys_that_the_provider_changed_are_asked_for_again(app):
    port = free_port()
    desk = None
    for number, kid in enumerate(("first", "second")):
        with provider(port, kid) as address:
            desk = desk or desk_of(app, address)
            link(app, coordinator(app), address, "cora")
            now = app.desk.database.clock() + timedelta(seconds=40 * number)
            app.desk.database.clock = lambda now=now: now
            visitor = Visitor(desk)
            answer = come_back(visitor, gone_through(sent_to(visitor), "cora"))
            assert answer.status_code == 200, kid


def test_a_provider_that_is_not_there_says_nothing_about_anybody(app):
    visitor = Visitor(desk_of(app, "http://127.0.0.1:1"))
    answer = visitor.get("/sign-in/with/staff")
    assert answer.status_code == 503
    assert "says nothing about you" in answer.text
    assert visitor.get("/sign-in/with/other").status_code == 404


@pytest.mark.parametrize(
    ("text", "mode", "said"),
    [
        ('[{"name": "a", "label": "A", "issuer": "https://a", "client_id": "c"}]', 0o644, "chmod"),
        ('[{"name": "a", "label": "A", "issuer": "http://a", "client_id": "c"}]', 0o600, "https"),
        (
            '[{"name": "a/b", "label": "A", "issuer": "https://a", "client_id": "c"}]',
            0o600,
            "letters",
        ),
        ('{"name": "a"}', 0o600, "docs/sign-in.md"),
        ("[", 0o600, "docs/sign-in.md"),
    ],
)
def test_settings_that_cannot_be_used_say_what_to_do(app, tmp_path, text, mode, said):
    path = tmp_path / "sign-in.json"
    path.write_text(text)
    path.chmod(mode)
    with pytest.raises(KeyFileError, match=said):
        load(tmp_path, app.desk.outside)


def test_settings_name_providers(app, tmp_path):
    path = tmp_path / "sign-in.json"
    assert load(tmp_path, app.desk.outside).each == ()
    path.touch(mode=0o600)
    path.write_text('[{"name": "a", "label": "A", "issuer": "https://a", "client_id": "c"}]')
    assert load(tmp_path, app.desk.outside).named("a").client_secret is None
