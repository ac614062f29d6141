import pytest

import house
from clearhouse.kernel import identity, sessions
from clearhouse.kernel.identity import Scope
from clearhouse.surfaces.web.desk.entrance import within
from clearhouse.surfaces.web.desk.sign_in import one_time_link
from visitor import HOUSE, Page, Visitor

PAGES = ["/ledger", "/me", "/ledger/export"]


@pytest.fixture
def ann(app):
    return house.analyst(app)


@pytest.fixture
def desk(app, ann):
    return Visitor(app.desk, ann)


def desk_token(app, actor):
    with app.desk.database.transaction(None) as transaction:
        return identity.issue_token(
            transaction, actor.actor_id, label="laptop", scopes=[Scope.DESK]
        )


@pytest.mark.parametrize("address", PAGES)
def test_every_page_asks_for_a_session_first(app, address):
    answer = Visitor(app.desk).get(address)
    assert answer.status_code == 303
    assert answer.headers["location"] == f"/sign-in?to={address}"


def test_the_link_of_the_launcher_signs_in_with_one_button_and_once(app, ann):
    visitor = Visitor(app.desk)
    link = one_time_link(app.desk, ann, HOUSE).removeprefix(HOUSE)
    page = visitor.page(link)
    looked_again = visitor.page(link)  # looking does not use it up
    assert looked_again.forms == page.forms
    answer = visitor.send(page, "/sign-in")
    assert answer.headers["location"] == "/"
    assert "Ann Analyst" in visitor.page("/me").words
    other = Visitor(app.desk)
    assert other.client.post("/sign-in", data=page.form("/sign-in")["fields"]).status_code == 401


def test_a_pasted_token_signs_in_and_leads_back_to_the_page_that_was_asked_for(app, ann):
    visitor = Visitor(app.desk)
    page = visitor.page("/sign-in?to=/ledger")
    answer = visitor.send(page, "/sign-in", token=f" {desk_token(app, ann)}\n")
    assert (answer.status_code, answer.headers["location"]) == (303, "/ledger")


@pytest.mark.parametrize("token", ["", "wrong", "chs_" + "a" * 52, "ü", "x" * 500])
def test_a_wrong_token_does_not_say_what_is_wrong(app, token):
    answer = Visitor(app.desk).client.post("/sign-in", data={"token": token})
    assert answer.status_code in {400, 401}
    assert "set-cookie" not in answer.headers


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(app, ann):
    token = desk_token(app, ann)
    for secure, name in ((False, "desk="), (True, "__Host-desk=")):
        answer = Visitor(app.desk, secure=secure).client.post("/sign-in", data={"token": token})
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith(name)
        assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(cookie.split("; "))
        assert ("Secure" in cookie) is secure
        assert token not in cookie


def test_signing_in_gives_a_new_session_and_ends_the_one_before(app, ann, desk):
    before = desk.client.cookies["desk"]
    desk.client.post("/sign-in", data={"token": desk_token(app, ann)})
    assert desk.client.cookies["desk"] != before
    planted = Visitor(app.desk)
    planted.client.cookies.set("desk", before)
    assert planted.get("/me").status_code == 303


def test_signing_out_ends_the_session_on_the_server(app, desk):
    secret = desk.client.cookies["desk"]
    answer = desk.send(desk.page("/me"), "/sign-out")
    assert answer.headers["location"] == "/sign-in"
    stolen = Visitor(app.desk)
    stolen.client.cookies.set("desk", secret)
    assert stolen.get("/me").status_code == 303


@pytest.mark.parametrize("form_token", ["", "wrong", "0" * 64, "ü"])
def test_a_form_without_the_token_of_its_session_changes_nothing(desk, form_token):
    answer = desk.client.post("/sign-out", data={"form_token": form_token})
    assert answer.status_code == 403
    assert desk.get("/me").status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.test"},
        {"origin": "null"},
        {"origin": f"{HOUSE}.evil.test"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_a_form_sent_by_another_site_changes_nothing(app, ann, desk, headers):
    fields = desk.page("/me").form("/sign-out")["fields"]
    assert desk.client.post("/sign-out", data=fields, headers=headers).status_code == 403
    assert desk.get("/me").status_code == 200
    login = {"token": desk_token(app, ann)}
    assert desk.client.post("/sign-in", data=login, headers=headers).status_code == 403


def test_a_browser_that_says_where_a_form_comes_from_is_believed(app, ann):
    login = {"token": desk_token(app, ann)}
    headers = {"sec-fetch-site": "same-origin", "origin": "null"}
    answer = Visitor(app.desk).client.post("/sign-in", data=login, headers=headers)
    assert answer.status_code == 303


@pytest.mark.parametrize(
    "address",
    ["//evil.test", "/\\evil.test", "https://evil.test", "javascript:alert(1)", "/\t/evil.test",
     "/%0d%0aset-cookie:x", "", "evil", "/ü", "/a\r\nb"],
)  # fmt: skip
def test_no_sign_in_leads_elsewhere(app, ann, address):
    to = within(address)
    assert to.startswith("/")
    assert not to.startswith(("//", "/\\"))
    answer = Visitor(app.desk).client.post(
        "/sign-in", data={"token": desk_token(app, ann), "to": address}
    )
    location = answer.headers["location"]
    assert location.startswith("/")
    assert not location.startswith(("//", "/\\"))


def test_every_answer_carries_the_guarding_headers(desk):
    for address in ("/me", "/sign-in?code=x", "/nothing-here", "/static/nothing", "/ledger/export"):
        headers = desk.get(address).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "same-origin"
        assert headers["cache-control"] == "no-store"
    assert "frame-ancestors 'none'" in desk.get("/me").headers["content-security-policy"]


def test_no_page_has_a_script_or_style_inside(desk):
    for address in ("/me", "/ledger", "/sign-in?code=x", "/nothing-here"):
        page = Page(desk.get(address).text)
        assert "style" not in page.tags
        names = {name for _, name, _ in page.attributes}
        assert not {name for name in names if name.startswith("on") or name == "style"}
        scripts = [(name, value) for tag, name, value in page.attributes if tag == "script"]
        sources = [value for name, value in scripts if name == "src"]
        assert len(sources) == page.tags.count("script")
        assert all(value.startswith("/static/") for value in sources)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"content-length": str(10**9)}, 413),
        ({"content-length": "9" * 5000}, 413),
        ({"content-length": "-1"}, 400),
        ({"transfer-encoding": "chunked"}, 411),
    ],
)
def test_an_oversized_form_is_refused_before_it_is_read(desk, headers, status):
    assert desk.client.post("/sign-out", content=b"", headers=headers).status_code == status


def test_own_tokens_are_listed_without_their_secret_and_end_at_once(app, ann, desk):
    secret = desk_token(app, ann)
    other = Visitor(app.desk)
    other.client.post("/sign-in", data={"token": secret})
    page = desk.page("/me")
    assert "laptop" in page.words
    assert secret not in desk.get("/me").text
    (action,) = [form["action"] for form in page.forms if form["action"].endswith("/revoke")]
    assert desk.send(page, action).headers["location"] == "/me"
    assert other.get("/me").status_code == 303
    assert desk.send(page, action).status_code == 404


def test_another_session_of_mine_ends_from_here(app, ann, desk):
    other = Visitor(app.desk, ann)
    page = desk.page("/me")
    (action,) = [form["action"] for form in page.forms if form["action"].endswith("/end")]
    desk.send(page, action)
    assert other.get("/me").status_code == 303
    assert desk.get("/me").status_code == 200


def test_a_session_is_over_when_its_actor_is_revoked(app, ann, desk):
    with app.desk.database.transaction(None) as transaction:
        identity.revoke_actor(transaction, ann.actor_id)
    assert desk.get("/me").status_code == 303


def test_a_session_secret_of_any_shape_is_only_unknown(app):
    for secret in ("x", "x" * 100_000, "chd_" + "a" * 52, "%00", '"'):
        visitor = Visitor(app.desk)
        visitor.client.cookies.set("desk", secret)
        assert visitor.get("/me").status_code == 303
    with app.desk.database.transaction(None) as transaction:
        assert sessions.session_of(transaction, "x") is None
