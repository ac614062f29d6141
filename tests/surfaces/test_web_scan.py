"""A scanner walks every page of both doors in a house where every text that somebody chose is hostile."""

import dataclasses
import re

import pytest

import hostile_texts
import house
from asking import Client
from casebook import acting, do, opened
from clearhouse.clearing import route
from clearhouse.clearing.coordinate import casework, messages, own_view
from clearhouse.clearing.coordinate.embargo_policy import Share
from clearhouse.clearing.coordinate.messages import File
from clearhouse.clearing.coordinate.record import Outcome
from clearhouse.clearing.intake.record import Draft
from clearhouse.formats.tlp import Tlp
from clearhouse.kernel import identity, sign_in
from clearhouse.kernel.identity import PartyKind, Scope
from clearhouse.kernel.providers import Provider, Providers
from clearhouse.surfaces.cli import serve
from hostile import _filled
from hostile_texts import LONG, SENTINEL, TEXTS, several
from page_scanner import findings
from scenario.leaks_routes import routes
from surfaces.test_web_desk_pages import OURS
from visitor import HOUSE, Page, Visitor, crawl

pytestmark = pytest.mark.no_cover

ISSUER = "https://id.example"


def draft(start, **fixed):
    """A draft with hostile texts in every field that takes text."""
    numbers = iter(range(start, 10**6))
    made = _filled(Draft, numbers)
    texts = iter(range(start * 7, 10**6, 6))

    def hostile_too(value):
        if dataclasses.is_dataclass(value):
            fields = {
                f.name: hostile_too(getattr(value, f.name)) for f in dataclasses.fields(value)
            }
            return dataclasses.replace(value, **fields)
        if isinstance(value, tuple):
            return tuple(map(hostile_too, value))
        if type(value) is bytes:
            return several(next(texts)).encode()
        return several(next(texts)) if type(value) is str else value

    return dataclasses.replace(hostile_too(made), **fixed)


class Invaded:
    """A house and those who look at it."""

    def __init__(self, app):
        self.app = app
        roles = ("intake_analyst", "coordinator", "coordinator_on_duty", "auditor", "administrator",
                 "determiner", "lab_officer", "government_officer", "defense_operator", "defense_analyst")  # fmt: skip
        self.chief = house.person(app, several(0), PartyKind.COORDINATOR, several(6), *roles)
        self.finder = house.person(app, several(12), PartyKind.FINDER, several(18), "reporter")
        self.vendor_person = house.person(app, several(24), PartyKind.VENDOR, several(30), "vendor")
        known = Provider(name="staff", label=several(36), issuer=ISSUER, client_id="desk")
        self.desk = dataclasses.replace(app.desk, providers=Providers(app.desk.outside, (known,)))
        self._case()
        self._ways_in()
        for start, text in enumerate(LONG[:2]):
            report = house.submit(
                app, draft(start + 40, description=text, title=text), by=self.finder
            )
            route.clear(app.desk, report)
        route.seal_ledger(app.desk)

    def _case(self):
        app, chief = self.app, house.coordinator(self.app)
        with acting(app, chief) as transaction:
            vendor = casework.register_vendor(
                app.desk, transaction, chief, name=several(42), packages=["pkg:pypi/flask"],
                contact=None,
            )  # fmt: skip
        case = opened(app, draft(1, purl="pkg:pypi/flask"), by=self.finder)
        self.case = case.id
        for party in (self.finder.party_id, vendor, None):
            thread = do(app, chief, messages.open_thread, case.id, party=party)
            file = File.of(several(48), "text/html", TEXTS[0].encode())
            do(
                app,
                chief,
                messages.post,
                thread.thread_id,
                text=several(54),
                tlp=Tlp.AMBER,
                files=[file],
            )
        verdict = {"vendor": vendor, "outcome": Outcome.REJECTED, "reason": several(60)}
        do(app, chief, casework.give_verdict, case.id, **verdict)
        do(app, chief, own_view.give, case.id, share=Share.SUMMARY, text=several(72))

    def _ways_in(self):
        with self.app.desk.database.transaction(None) as transaction:
            identity.issue_token(
                transaction, self.chief.actor_id, label=several(78), scopes=[Scope.DESK]
            )
            sign_in.link_account(transaction, self.chief.actor_id, ISSUER, TEXTS[0][:250])


def test_no_page_of_either_door_obeys_or_leaks_what_anybody_wrote(app):
    invaded = Invaded(app)
    _scan_desk(invaded)
    _scan_counter(invaded)


STARTS = [
    "/",
    "/reports",
    "/cases",
    "/threads",
    "/ledger",
    "/me",
    "/access",
    "/criteria",
    "/defense",
]


def _scan_desk(invaded):
    shown, kinds = 0, set()
    anybody = Visitor(invaded.desk)
    seen = [*crawl(Visitor(invaded.desk, invaded.chief), STARTS, limit=70), *_of_finder(invaded)]
    for address, page in seen:
        assert anybody.get(address).status_code == 303, address
        wrong = findings(address, page.answer, tags=OURS, scripts=2, outward=(ISSUER,))
        assert wrong == []
        assert len(page.answer.content) < 1_000_000, address
        shown += page.source.count(f"&lt;{SENTINEL}")
        kinds.add(address.split("/")[1].partition("?")[0])
    assert shown > 300, "there was something to show, and it was shown inert"
    assert kinds >= {"", "reports", "findings", "cases", "threads", "ledger", "me"}


def _of_finder(invaded):
    """Yield what a finder has at the desk: its own conversations and itself."""
    visitor = Visitor(invaded.desk, invaded.finder)
    threads = visitor.page("/threads").links
    for address in ("/own-cases", "/me", *(one for one in threads if one.startswith("/threads/"))):
        page = visitor.page(address)
        page.answer = visitor.get(address)
        page.source = page.answer.text
        yield address, page


def _scan_counter(invaded):
    client = Client(
        serve.counter_application(invaded.app.counter, reports_per_hour=100),
        base_url="http://counter.test",
        follow_redirects=False,
    )
    with invaded.app.desk.database.transaction(None) as transaction:
        token = identity.issue_token(
            transaction, invaded.finder.actor_id, label="x", scopes=[Scope.SUBMIT]
        )
    key = re.search(r'name="key" value="(frm_[a-z2-7]+)"', client.get("/report").text)[1]
    asked = ["/", "/report", "/status", "/advisories", "/nothing"]
    looked = [(path, client.get(path)) for path in asked]
    for text in (several(0, 60), several(60, 80), *LONG):
        sent = {"key": key, "token": "wrong", "text": text[:900_000]}
        sent |= {name: several(0, 60)[:900] for name in ("title", "package", "model", "review")}
        sent |= dict.fromkeys(("description", "trigger", "poc", "patch", "tests"), text[:90000])
        looked.append(("/report", client.post("/report", data=sent)))
        looked.append(("/report", client.post("/report/check", data=sent)))
    taken = client.post("/report", data={"key": key, "token": token, "text": several(0, 200)})
    looked.append(("taken", taken))
    looked += [
        (f"/status/{text}", client.get("/status", params={"receipt": text[:40]})) for text in TEXTS
    ]
    for address, answer in looked:
        assert findings(address, answer, tags=OURS, scripts=address == "/report") == []
    assert taken.status_code == 200


def test_the_scanner_finds_what_it_looks_for():
    class Answer:
        is_redirect = False

        def __init__(self, text, **headers):
            self.text = text
            self.headers = _Headers({"content-type": "text/html"} | headers)

    class _Headers(dict):
        def get_list(self, name):
            return [self[name]] if name in self else []

    bad = [
        f"<p>{hostile_texts.TAG}>", "<p onclick=x>", "<a href='javascript:x'>", "<a href=' //x'>",
        "<marquee>", "<p style=x>", "<script>x</script>", "<p>\u202e", "<form action=https://x>",
        "<meta http-equiv=set-cookie>",
    ]  # fmt: skip
    bare = findings("x", Answer("<p>fine"), tags=OURS, scripts=0)
    for text in bad:
        assert len(findings("x", Answer(text), tags=OURS, scripts=0)) > len(bare), text
    assert any("policy lacks" in one for one in bare)
    assert any(
        "loose cookie" in one
        for one in findings("x", Answer("", **{"set-cookie": "a=b"}), tags=OURS, scripts=0)
    )


# Forms, frames, sessions, redirects, paths.


@pytest.fixture
def chief(app):
    roles = ("intake_analyst", "coordinator", "coordinator_on_duty", "administrator")
    return house.person(app, "House", PartyKind.COORDINATOR, "Chief", *roles)


def _posts(app):
    for known in sorted(set(routes(serve.desk_application(app)))):
        method, path = known.split(" ", 1)
        if method not in {"GET", "MOUNT"}:
            yield method, re.sub(r"\{(\w+)\}", _example, path)


def _example(match):
    kinds = {"case_id": "cas", "finding_id": "fnd", "report_id": "rep", "thread_id": "thr",
             "account_id": "acc", "passkey_id": "pak", "token_id": "tok", "session_id": "ses"}  # fmt: skip
    kind = kinds.get(match[1])
    return f"{kind}_{'a' * 26}" if kind else "a" * 26


def test_no_act_at_the_desk_follows_from_a_cookie_alone(app, chief):
    """Every route that acts, asked as another site would: with the cookie, without our form."""
    visitor = Visitor(app.desk, chief)
    visitor.client = _whole(app, visitor)
    with app.desk.database.transaction(chief.actor_id) as transaction:
        before = transaction.one("SELECT count(*) AS n FROM ledger_event")["n"]
    tried = list(_posts(app))
    assert len(tried) > 60
    for method, path in tried:
        for headers in ({}, {"Origin": "https://evil.test"}, {"Sec-Fetch-Site": "cross-site"}):
            for body in ({"data": {"form_token": "forged"}}, {"json": {}}):
                answer = visitor.client.request(method, path, headers=headers, **body)
                signing_in = path.startswith("/sign-in") and not headers
                assert answer.status_code in ({401, 403, 404, 422, 400} if signing_in else {401, 403, 404}), (method, path, answer.status_code)  # fmt: skip
    with app.desk.database.transaction(chief.actor_id) as transaction:
        assert transaction.one("SELECT count(*) AS n FROM ledger_event")["n"] == before


def _whole(app, visitor):
    client = Client(serve.desk_application(app), base_url=HOUSE, follow_redirects=False)
    client.cookies.set("desk", visitor.client.cookies["desk"])
    return client


def test_no_answer_of_any_kind_may_be_framed_or_sniffed(app, chief):
    visitor = Visitor(app.desk, chief)
    asked = [
        visitor.get("/"), visitor.get("/nothing"), visitor.get("/findings/x"),
        visitor.client.post("/sign-out"), visitor.client.post("/sign-in", data={"token": "x"}),
        visitor.get("/static/clearhouse.css"), visitor.get("/v1/desk/queue"),
        visitor.client.delete("/me"), visitor.get("/v1/openapi.json"),
        visitor.client.post("/sign-in", content=b"x" * 100, headers={"Transfer-Encoding": "chunked"}),
    ]  # fmt: skip
    for answer in asked:
        assert answer.headers["x-frame-options"] == "DENY"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("planted", ["chd_" + "a" * 52, "x", "", "a" * 5000, "\u00fc"])
def test_a_session_that_somebody_planted_is_never_taken_up(app, chief, planted):
    visitor = Visitor(app.desk)
    header = {"Cookie": f"desk={planted}".encode("latin-1")}
    with app.desk.database.transaction(chief.actor_id) as transaction:
        from clearhouse.kernel import sessions

        code = sessions.offer_link(transaction, chief.actor_id)
    assert visitor.client.get("/me", headers=header).status_code == 303
    answer = visitor.client.post("/sign-in", data={"code": code}, headers=header)
    given = answer.cookies["desk"]
    assert given != planted
    assert len(given) > 50


ELSEWHERE = (
    "https://evil.test", "//evil.test", "/\\evil.test", "\\\\evil.test", "/\t/evil.test", "/%09/evil.test",
    "///evil.test", "javascript:alert(1)", "data:text/html,x", " //evil.test", "/x\r\nLocation: //evil.test",
    "http:evil.test", "/..//evil.test", "/@evil.test\\", "//evil.test/%2f..", "\u2044\u2044evil.test", "",
)  # fmt: skip


def test_no_way_in_leads_elsewhere_afterwards(app, chief):
    visitor, stranger = Visitor(app.desk, chief), Visitor(app.desk)
    for to in ELSEWHERE:
        _leads_within(visitor, stranger, to)


def _leads_within(visitor, stranger, to):
    answer = visitor.client.get("/sign-in", params={"to": to})
    assert answer.status_code == 303
    where = answer.headers["location"]
    assert where.startswith("/")
    assert not where.startswith(("//", "/\\"))
    assert not re.search(r"[\x00-\x20]", where)
    page = stranger.client.get("/sign-in", params={"to": to})
    assert (
        "evil.test"
        not in "".join(
            value for _, name, value in Page(page.text).attributes if name in {"href", "action"}
        )
        or "/sign-in/" in page.text
    )


PATHS = (
    "/static/../__init__.py", "/static/..%2f__init__.py", "/static/%2e%2e/rendering.py", "/static//etc/passwd",
    "/static/..\\rendering.py", "/static/%00", "/static/clearhouse.css%00.html", "/%2e%2e/%2e%2e/etc/passwd",
    "/advisories/..%2f..%2fetc%2fpasswd", "/advisories/%252e%252e", "/reports/..;/x", "/findings/.%00./x",
    "//evil.test/%2e%2e", "/sign-in/with/..%2f..", "/threads/%ff%fe", "/me/../me/%2e%2e/static/../x",
    "/static/" + "a/" * 2000, "/" + "%41" * 3000,
)  # fmt: skip


@pytest.mark.parametrize("door", ["desk", "counter"])
def test_no_path_leads_out_of_its_folder_or_breaks_a_door(app, chief, door):
    served = (
        serve.desk_application(app)
        if door == "desk"
        else serve.counter_application(app.counter, reports_per_hour=1)
    )
    client = Client(served, base_url=HOUSE, follow_redirects=False)
    if door == "desk":
        client.cookies.set("desk", Visitor(app.desk, chief).client.cookies["desk"])
    for path in PATHS:
        answer = client.request("GET", HOUSE + path)
        assert answer.status_code in {404, 405}, (path, answer.status_code)
        assert "root:" not in answer.text
        assert "import" not in answer.text
