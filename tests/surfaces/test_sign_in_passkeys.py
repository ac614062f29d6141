"""Passkeys open the desk for their person, once asked and at this site alone."""

import json
from dataclasses import replace

import pytest

from authenticator import Authenticator
from clearhouse.kernel import identity
from clearhouse.kernel.identity import Scope
from house import coordinator, reporter
from visitor import Page, Visitor

SITE = "http://localhost:8441"
HERE = {"host": "localhost:8441"}


def visitor_of(app, actor=None):
    visitor = Visitor(app.desk, actor)
    visitor.client.base_url = SITE
    if actor is not None:  # the cookie was given for another name of the same desk
        secret = visitor.client.cookies["desk"]
        visitor.client.cookies.clear()
        visitor.client.cookies.set("desk", secret)
    return visitor


def options_of(page):
    return next(json.loads(value) for _, name, value in page.attributes if name == "data-passkey")


def added(visitor, device, *, origin=SITE, label="phone <b>"):
    page = Page(visitor.send(visitor.page("/me"), "/me/passkeys/new").text)
    answer = device.make(options_of(page), origin)
    return visitor.send(page, "/me/passkeys", answer=answer, label=label)


def asked(visitor, to="/"):
    page = visitor.page(f"/sign-in/passkey?to={to}")
    return page, options_of(page)


@pytest.fixture
def device():
    return Authenticator()


@pytest.fixture
def owner(app, device):
    """A coordinator with a passkey, and the browser that it was added in."""
    cora = coordinator(app)
    visitor = visitor_of(app, cora)
    assert added(visitor, device).status_code == 303
    return cora, visitor


def test_a_passkey_opens_a_session_of_its_person(app, owner, device):
    visitor = visitor_of(app)
    assert "/sign-in/passkey?to=/" in visitor.page("/sign-in").links
    page, options = asked(visitor, "/ledger")
    assert options["userVerification"] == "required"
    answer = visitor.send(page, "/sign-in/passkey", answer=device.answer(options, SITE))
    assert (answer.status_code, answer.headers["location"]) == (303, "/ledger")
    me = visitor.page("/me")
    assert "Cora" in me.words
    assert "passkey" in me.words
    assert "phone <b>" in me.words, "escaped, so it is words and not a tag"


def test_an_answer_serves_once_and_only_the_browser_that_was_asked(app, owner, device):
    visitor = visitor_of(app)
    page, options = asked(visitor)
    said = device.answer(options, SITE)
    other = visitor_of(app)
    other_page, _ = asked(other)
    assert other.send(other_page, "/sign-in/passkey", answer=said).status_code == 401
    assert visitor.send(page, "/sign-in/passkey", answer=said).status_code == 303
    visitor.client.cookies.delete("desk")
    assert visitor.send(page, "/sign-in/passkey", answer=said).status_code == 401


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("http://localhost.evil.test:8441", None),
        ("https://localhost:8441", None),
        ("http://localhost:9999", None),
        (SITE, "evil.test"),
    ],
)
def test_an_answer_made_for_another_site_opens_nothing(app, owner, device, origin, host):
    visitor = visitor_of(app)
    page, options = asked(visitor)
    said = device.answer(options, origin, host=host)
    assert visitor.send(page, "/sign-in/passkey", answer=said).status_code == 401


@pytest.mark.parametrize("said", ["", "{}", "[]", "x" * 100, '{"id": "a"}', '{"rawId": 7}'])
def test_what_is_no_answer_opens_nothing(app, owner, said):
    visitor = visitor_of(app)
    page, _ = asked(visitor)
    assert visitor.send(page, "/sign-in/passkey", answer=said).status_code == 401


def test_a_passkey_that_nobody_added_a_copied_one_and_an_unverified_person_open_nothing(
    app, owner, device
):
    visitor = visitor_of(app)
    page, options = asked(visitor)
    stranger = Authenticator().answer(options, SITE)
    assert visitor.send(page, "/sign-in/passkey", answer=stranger).status_code == 401

    page, options = asked(visitor)
    assert (
        visitor.send(page, "/sign-in/passkey", answer=device.answer(options, SITE)).status_code
        == 303
    )
    visitor.client.cookies.delete("desk")
    device.count = 0  # as a copy's count stands still
    page, options = asked(visitor)
    assert (
        visitor.send(page, "/sign-in/passkey", answer=device.answer(options, SITE)).status_code
        == 401
    )

    device.count, device.flags = 50, Authenticator(verifies=False).flags
    page, options = asked(visitor)
    assert (
        visitor.send(page, "/sign-in/passkey", answer=device.answer(options, SITE)).status_code
        == 401
    )


def test_an_authenticator_that_keeps_no_count_works_again_and_again(app):
    silent = Authenticator(counts=False)
    assert added(visitor_of(app, coordinator(app)), silent).status_code == 303
    for _ in range(2):
        visitor = visitor_of(app)
        page, options = asked(visitor)
        said = silent.answer(options, SITE)
        assert visitor.send(page, "/sign-in/passkey", answer=said).status_code == 303


def test_an_ended_passkey_and_one_of_a_revoked_person_open_nothing(app, owner, device):
    cora, own = owner
    page = own.page("/me")
    (end,) = [one["action"] for one in page.forms if "pak_" in one["action"]]
    assert own.send(page, end).status_code == 303
    assert own.send(page, end).status_code == 404
    visitor = visitor_of(app)
    page, options = asked(visitor)
    assert (
        visitor.send(page, "/sign-in/passkey", answer=device.answer(options, SITE)).status_code
        == 401
    )

    again = Authenticator()
    assert added(own, again).status_code == 303
    with app.desk.database.transaction(None) as transaction:
        identity.revoke_actor(transaction, cora.actor_id)
    page, options = asked(visitor)
    assert (
        visitor.send(page, "/sign-in/passkey", answer=again.answer(options, SITE)).status_code
        == 401
    )


def test_adding_one_takes_the_session_that_asked_and_a_fresh_key(app, owner, device):
    _, own = owner
    assert added(own, device).status_code == 400, "a key that is known already"
    assert added(own, Authenticator(), origin="https://evil.test").status_code == 400
    page = Page(own.send(own.page("/me"), "/me/passkeys/new").text)
    said = Authenticator().make(options_of(page), SITE)
    other = visitor_of(app, reporter(app))
    other.client.cookies.set("desk-attempt", own.client.cookies["desk-attempt"])
    form = other.page("/me").form("/me/passkeys/new")["fields"]
    stolen = other.client.post("/me/passkeys", data=form | {"answer": said, "label": "x"})
    assert stolen.status_code == 400, "another session cannot use what this one was asked"


def test_a_form_of_another_site_opens_nothing(app, owner, device):
    visitor = visitor_of(app)
    page, options = asked(visitor)
    fields = page.form("/sign-in/passkey")["fields"] | {"answer": device.answer(options, SITE)}
    evil = {"Origin": "https://evil.test"}
    assert visitor.client.post("/sign-in/passkey", data=fields, headers=evil).status_code == 403


def test_addresses_without_a_name_have_no_passkeys_and_say_where_there_are_some(app):
    visitor = visitor_of(app)
    visitor.client.base_url = "http://127.0.0.1:8441"
    assert "http://localhost:8441/sign-in" in visitor.page("/sign-in").links
    assert visitor.get("/sign-in/passkey").status_code == 404
    visitor.client.base_url = "http://made-up.test"
    assert visitor.get("/sign-in/passkey").status_code == 404


def test_a_desk_behind_tls_is_a_site_under_its_own_name(app, device):
    named = replace(app.desk, outside=replace(app.desk.outside, desk_address="https://desk.test"))
    visitor = Visitor(named, secure=True)
    visitor.client.base_url = "https://desk.test"
    answer = visitor.get("/sign-in/passkey")
    assert answer.status_code == 200
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-desk-attempt=")
    assert "Secure" in cookie
    assert "HttpOnly" in cookie


# Tokens.


def token_made(visitor, **fields):
    sent = {"label": "agent", "days": "5", "scope": "reports:submit"} | fields
    return visitor.send(visitor.page("/me"), "/me/tokens", **sent)


def secret_of(answer):
    words = Page(answer.text).words
    return next(word for word in words.split() if word.startswith("chs_"))


def test_a_person_makes_a_token_that_is_shown_once_and_revokes_it(app):
    cora = coordinator(app)
    visitor = visitor_of(app, cora)
    secret = secret_of(token_made(visitor))
    with app.counter.database.transaction(None) as transaction:
        actor = identity.authenticate(transaction, secret)
    assert (actor.actor_id, actor.scopes) == (cora.actor_id, {Scope.SUBMIT})
    page = visitor.page("/me")
    assert secret not in page.words
    (revoke,) = [one["action"] for one in page.forms if one["action"].endswith("/revoke")]
    assert visitor.send(page, revoke).status_code == 303
    with app.counter.database.transaction(None) as transaction:
        assert identity.authenticate(transaction, secret) is None


@pytest.mark.parametrize(
    "fields",
    [{"label": ""}, {"label": "x" * 81}, {"label": "a\0b"}, {"days": "0"}, {"days": "366"}, {"days": "x"},
     {"scope": "administrator"}, {"scope": ""}],
)  # fmt: skip
def test_tokens_without_a_name_an_end_or_a_purpose_are_not_made(app, fields):
    assert token_made(visitor_of(app, coordinator(app)), **fields).status_code == 400


def test_whoever_came_in_with_a_token_makes_no_token(app):
    visitor = visitor_of(app, coordinator(app))
    desk_token = secret_of(token_made(visitor, scope="desk"))
    guest = visitor_of(app)
    assert guest.client.post("/sign-in", data={"token": desk_token}).status_code == 303
    page = guest.page("/me")
    assert "/me/tokens" not in [form["action"] for form in page.forms]
    fields = page.form("/sign-out")["fields"] | {"label": "x", "days": "5", "scope": "desk"}
    assert guest.client.post("/me/tokens", data=fields).status_code == 404


def test_a_token_needs_a_form_of_the_session(app):
    visitor = visitor_of(app, coordinator(app))
    sent = {"label": "x", "days": "5", "scope": "desk"}
    assert visitor.client.post("/me/tokens", data=sent).status_code == 403


def test_whoever_may_not_send_reports_gets_no_token_for_it(app):
    from clearhouse.kernel.identity import PartyKind
    from house import person

    auditor = person(app, "Auditors", PartyKind.AUDITOR, "Audra", "auditor")
    visitor = visitor_of(app, auditor)
    assert token_made(visitor).status_code == 404
    assert token_made(visitor, scope="desk").status_code == 200


def test_the_page_says_which_acts_take_two(app):
    words = visitor_of(app, coordinator(app)).page("/me").words
    assert "a second person decides" in words
    assert "a second person" not in visitor_of(app, reporter(app)).page("/me").words
