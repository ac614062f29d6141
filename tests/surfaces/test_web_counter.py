import json
from datetime import UTC, datetime, timedelta

import pytest

import hostile
import house
from asking import Client
from clearhouse.clearing import route
from clearhouse.clearing.coordinate import casework
from clearhouse.clearing.coordinate import operations as coordinate
from clearhouse.clearing.coordinate.record import Outcome
from clearhouse.clearing.intake import operations as intake
from clearhouse.clearing.intake.record import Draft
from clearhouse.clearing.match import operations as match
from clearhouse.kernel import identity
from clearhouse.kernel.clock import fixed_clock
from clearhouse.kernel.identity import Scope
from clearhouse.surfaces.api import counter as api
from clearhouse.surfaces.api.requests import HourlyQuota
from clearhouse.surfaces.web import counter as pages
from clearhouse.surfaces.web.counter.front_door import FrontDoor
from visitor import Page

HOUSE = "http://counter.test"
REPORT = """# Path traversal in the archive reader

Package: pkg:pypi/waitress
Versions: 1.4.2

## Description
The reader joins the name of an entry with the target folder and writes outside of it.
"""


@pytest.fixture
def counter(app):
    quota = HourlyQuota(app.counter.database.clock, 1000)
    door = FrontDoor(api.application(app.counter, quota), pages.application(app.counter, quota))
    return Client(door, base_url=HOUSE, follow_redirects=False)


def token(app, actor, *scopes):
    with app.desk.database.transaction(None) as transaction:
        return identity.issue_token(transaction, actor.actor_id, label="t", scopes=scopes)


def send(counter, **fields):
    form = Page(counter.get("/report").text).form("/report")["fields"]
    files = {"file": fields.pop("file")} if "file" in fields else None
    return counter.post("/report", data=form | fields, files=files)


def stored(app):
    with app.desk.database.transaction(app.desk.clearing_actor.actor_id) as transaction:
        return transaction.all("SELECT receipt, format FROM submission")


PUBLIC = ("/", "/report", "/status", "/advisories", "/notices", "/numbers", "/process")


@pytest.mark.parametrize("address", PUBLIC)
def test_every_public_page_is_whole_and_guarded(counter, address):
    answer = counter.get(address)
    assert answer.status_code == 200
    page = Page(answer.text)
    assert "h1" in page.tags
    assert page.tags.count("script") == (address == "/report"), "the form alone has one, of ours"
    policy = answer.headers["content-security-policy"]
    assert ("script-src 'self'; connect-src 'self'" in policy) == (address == "/report")
    assert "unsafe" not in policy
    assert answer.headers["x-frame-options"] == "DENY"
    assert "set-cookie" not in answer.headers


def test_a_written_report_is_taken_and_the_answer_says_what_would_help(app, counter):
    answer = send(counter, token=token(app, house.reporter(app), Scope.SUBMIT), text=REPORT)
    assert answer.status_code == 200
    page = Page(answer.text)
    (row,) = stored(app)
    assert row["receipt"] in page.words
    assert "patch" in page.words
    assert "1 of 6" in answer.text or "2 of 6" in answer.text


FIELDS = {
    "title": "Path traversal in the archive reader",
    "package": "pkg:pypi/waitress",
    "versions": "1.4.2",
    "severity": "high",
    "description": "The reader joins the name of an entry with the target folder and writes outside of it.",
    "trigger": "Unpack an archive whose entry is named ../../x into any folder.",
    "poc": "print('```')\nunpack('x.zip')",
    "patch": "--- a/reader.py\n+++ b/reader.py\n@@ -1 +1 @@\n-join(a, b)\n+safe_join(a, b)",
    "tests": "def test_it():\n    assert refused(unpack('x.zip'))",
}  # fmt: skip


def test_a_report_written_field_by_field_has_all_that_was_written(app, counter):
    answer = send(counter, token=token(app, house.reporter(app), Scope.SUBMIT), **FIELDS)
    assert answer.status_code == 200
    assert "6 of 6" in answer.text
    with app.desk.database.transaction(app.desk.clearing_actor.actor_id) as transaction:
        (row,) = transaction.all("SELECT report_id FROM report")
        (report,) = intake.load(app.desk, transaction, [row["report_id"]], files=True)
    assert (report.content.title, report.content.purl) == (FIELDS["title"], FIELDS["package"])
    assert FIELDS["poc"].encode() in b"".join(one.data for one in report.content.attachments)


def test_what_is_there_is_said_before_anything_is_sent_and_nothing_is_kept(app, counter):
    asked = {"accept": "application/json"}
    some = {name: FIELDS[name] for name in ("title", "description", "severity")}
    told = counter.post("/report/check", data=some, headers=asked).json()
    assert told["present"] == ["description", "severity"]
    assert [one["element"] for one in told["missing"]] == ["trigger", "poc", "patch", "tests"]
    assert counter.post("/report/check", data={}, headers=asked).json()["present"] == []
    page = Page(counter.post("/report/check", data=some).text)
    assert "2 of 6 elements" in page.words
    assert FIELDS["description"] in page.words, "the fields keep what was written"
    assert stored(app) == []


def test_looking_is_for_our_own_form_and_has_a_quota(app, counter, monkeypatch):
    foreign = {"origin": "https://evil.test"}
    assert counter.post("/report/check", data=FIELDS, headers=foreign).status_code == 403
    monkeypatch.setattr("clearhouse.surfaces.web.counter.report_form.LOOKS_PER_HOUR", 1)
    quota = HourlyQuota(app.counter.database.clock, 1)
    fresh = Client(pages.application(app.counter, quota), base_url=HOUSE)
    assert [fresh.post("/report/check", data=FIELDS).status_code for _ in range(2)] == [200, 429]


def test_a_file_is_taken_in_its_own_format(app, counter):
    osv = {"schema_version": "1.7.0", "id": "X-1", "modified": "2026-01-01T00:00:00Z",
           "summary": "s", "details": "d",
           "affected": [{"package": {"ecosystem": "PyPI", "name": "waitress"}}]}  # fmt: skip
    secret = token(app, house.reporter(app), Scope.SUBMIT)
    file = ("finding.json", json.dumps(osv).encode(), "application/json")
    assert send(counter, token=secret, file=file).status_code == 200
    assert [row["format"] for row in stored(app)] == ["osv"]


def test_sending_the_same_form_twice_takes_it_in_once(app, counter):
    form = Page(counter.get("/report").text).form("/report")["fields"]
    form |= {"token": token(app, house.reporter(app), Scope.SUBMIT), "text": REPORT}
    answers = [counter.post("/report", data=form).text for _ in range(2)]
    assert answers[0] == answers[1]
    assert len(stored(app)) == 1
    other = counter.post("/report", data=form | {"text": "something else entirely"})
    assert other.status_code == 409
    assert len(stored(app)) == 1


@pytest.mark.parametrize("secret", ["", "wrong", "chs_" + "a" * 52, "ü"])
def test_without_a_token_nothing_is_stored_and_the_text_is_kept(app, counter, secret):
    answer = send(counter, token=secret, text="<script>alert(1)</script> my words")
    assert answer.status_code == 401
    assert "my words" in Page(answer.text).words
    assert "<script>alert" not in answer.text
    assert stored(app) == []


def test_a_desk_token_is_no_token_for_reports(app, counter):
    secret = token(app, house.analyst(app), Scope.DESK)
    assert send(counter, token=secret, text=REPORT).status_code == 401


def test_a_report_needs_words_or_a_file(app, counter):
    secret = token(app, house.reporter(app), Scope.SUBMIT)
    assert send(counter, token=secret, text=" \n").status_code == 400
    assert stored(app) == []


def test_what_no_reader_understands_is_refused_in_words(app, counter):
    secret = token(app, house.reporter(app), Scope.SUBMIT)
    answer = send(counter, token=secret, file=("x.json", b'{"a": 1, "a": 2}', "application/json"))
    assert 400 <= answer.status_code < 500
    assert 'role="alert"' in answer.text
    assert stored(app) == []


def test_a_form_from_another_site_is_not_taken(app, counter):
    form = Page(counter.get("/report").text).form("/report")["fields"]
    form |= {"token": token(app, house.reporter(app), Scope.SUBMIT), "text": REPORT}
    answer = counter.post("/report", data=form, headers={"origin": "https://evil.test"})
    assert answer.status_code == 403
    assert stored(app) == []


def test_the_form_is_no_way_around_the_quota(app):
    quota = HourlyQuota(app.counter.database.clock, 1)
    counter = Client(pages.application(app.counter, quota), base_url=HOUSE)
    secret = token(app, house.reporter(app), Scope.SUBMIT)
    assert send(counter, token=secret, text=REPORT).status_code == 200
    assert send(counter, token=secret, text=REPORT + "more").status_code == 429
    assert len(stored(app)) == 1


def test_whoever_has_the_receipt_follows_the_report(app, counter):
    send(counter, token=token(app, house.reporter(app), Scope.SUBMIT), text=REPORT)
    (row,) = stored(app)
    answer = counter.get(f"/status?receipt=%20{row['receipt']}")
    assert answer.headers["location"] == f"/status/{row['receipt']}"
    page = Page(counter.get(f"/status/{row['receipt']}").text)
    assert "queued" in page.words
    assert "waitress" not in page.words


@pytest.mark.parametrize("receipt", ["SUB-" + "a" * 18, "x", "%00", "../../etc", "<script>"])
def test_an_unknown_receipt_tells_nothing(counter, receipt):
    answer = counter.get(f"/status/{receipt}")
    assert answer.status_code == 404
    assert "<script" not in answer.text


def published(app):
    """An advisory of the house's own making, out since today; returns its id."""
    cora = house.coordinator(app)
    by = house.person(app, "Lab", identity.PartyKind.LAB, hostile.text(1), "reporter")
    draft = Draft(
        title=hostile.text(0),
        description="The reader joins names of entries with the folder and writes outside of it.",
        trigger="Unpack an archive with an entry that climbs out of the folder.",
        purl="pkg:pypi/waitress",
        affected_versions=("1.4.2",),
        fixed_versions=("1.4.3",),
        cwes=("CWE-22",),
        cvss_vectors=("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",),
    )
    with app.desk.database.transaction(cora.actor_id) as transaction:
        casework.register_vendor(
            app.desk, transaction, cora, name="Maintainers", packages=["pkg:pypi/waitress"]
        )
    report = house.submit(app, draft, by=by)
    route.clear(app.desk, report)
    with app.desk.database.transaction(app.desk.clearing_actor.actor_id) as transaction:
        finding = match.finding_of(transaction, report)
        case = coordinate.open_case(app.desk, transaction, app.desk.clearing_actor, finding)
    vendor = next(party.id for party in case.parties if party.role == "vendor")
    with app.desk.database.transaction(cora.actor_id) as transaction:
        done = casework.give_verdict(
            app.desk, transaction, cora, case.id,
            vendor=vendor, outcome=Outcome.FIX_RELEASED, fixed_version="1.4.3",
        )  # fmt: skip
    assert done != case
    later = datetime.now(UTC) + timedelta(days=400)
    app.desk.database.clock = app.counter.database.clock = fixed_clock(later)
    route.publish_due(app.desk)


def test_an_advisory_is_listed_shown_and_sent_with_its_proof(app, counter):
    assert "Nothing is published yet" in counter.get("/advisories").text
    published(app)
    page = Page(counter.get("/advisories").text)
    (address,) = [link for link in page.links if link.startswith("/advisories/CLR-")]
    shown = counter.get(address)
    assert "waitress" in shown.text
    assert "1.4.3" in shown.text
    assert hostile.MARK not in shown.text
    for name in ("osv", "csaf", "proof"):
        answer = counter.get(f"{address}/{name}.json")
        assert answer.status_code == 200
        assert answer.headers["content-disposition"].startswith("attachment")
        json.loads(answer.content)
        assert counter.get(f"{address}/issues/1/{name}.json").content == answer.content
    assert counter.get(f"{address}/advisory.txt").headers["content-type"].startswith("text/plain")
    for nothing in ("nothing.json", "issues/2/osv.json", "issues/1/nothing.json", "page.htm"):
        assert counter.get(f"{address}/{nothing}").status_code == 404
    for question in ("Am I affected?", "What do I do?", "What if I cannot update?"):
        assert question in shown.text
    assert 'type="application/atom+xml"' in shown.text
    assert f"clearhouse acknowledge {address.rpartition('/')[2]} --affected" in shown.text
    assert f"--to {HOUSE}" in shown.text


def test_numbers_and_process_say_what_the_documents_and_policies_say(app, counter):
    assert "0 of 0" in counter.get("/numbers").text
    published(app)
    words = Page(counter.get("/numbers").text).words
    assert "1 of 1" in words, "outcomes come first, and are counted anew once something is public"
    assert "too few to say" in words
    words = Page(counter.get("/process").text).words
    for said in ("clearhouse-embargo/1", "Openwall operating policy", "Test code is not shipped"):
        assert said in words


@pytest.mark.parametrize("code", ["chi_" + "a" * 52, "x", "%00", "chi_" + "A" * 52])
def test_a_link_that_is_no_invitation_is_a_page_that_is_not_there(counter, code):
    assert counter.get(f"/invitation/{code}").status_code == 404
    assert counter.post(f"/invitation/{code}", data={"words": "x"}).status_code == 404


@pytest.mark.parametrize(
    "address", ["/advisories/CLR-2026-00001", "/advisories/x", "/nothing", "/findings/x", "/%00"]
)
def test_what_is_not_public_is_not_there(counter, address):
    assert counter.get(address).status_code == 404


def test_security_txt_says_where_and_until_when(counter):
    lines = counter.get("/.well-known/security.txt").text.splitlines()
    fields = dict(line.split(": ", 1) for line in lines)
    assert fields["Contact"].startswith(("https://", "http://", "mailto:"))
    assert datetime.fromisoformat(fields["Expires"]) > datetime.now(UTC)


def test_the_api_keeps_its_own_answers_beside_the_pages(counter):
    assert counter.get("/v1/openapi.json").json()["openapi"].startswith("3.1")
    assert counter.get("/v1/nothing").headers["content-type"].startswith("application/problem")
    assert counter.post("/v1/submissions/SUB-aaaaaaaaaaaaaaaaaa").status_code == 405


def test_the_published_files_stand_at_the_counter_as_on_any_web_server(app, counter):
    published(app)
    answer = counter.get("/csaf/white/csaf-feed-tlp-white.json")
    [entry] = answer.json()["feed"]["entry"]
    year = entry["id"][4:8]
    assert answer.headers["content-type"] == "application/json"
    base = app.desk.outside.counter_address
    path = entry["content"]["src"].removeprefix(base)
    document = counter.get(path)
    assert document.content == counter.get(f"/{year}/{entry['id']}/csaf.json").content
    again = counter.get(path, headers={"If-None-Match": document.headers["etag"]})
    assert again.status_code == 304
    assert counter.head(path).headers["content-length"] == str(len(document.content))
    assert f"{entry['id'].lower()}.json" in counter.get(f"/csaf/white/{year}/").text
    assert f"CSAF: {base}/.well-known/csaf/" in counter.get("/.well-known/security.txt").text
    assert counter.get("/atom.xml").headers["content-type"] == "application/atom+xml"
    for_good = counter.get(f"/history/{entry['id']}/1/osv.json").headers["cache-control"]
    assert "immutable" in for_good


@pytest.mark.parametrize(
    "path",
    [
        "/.head/.cards", "/.batches/", "/feed/../.head/.cards", "/csaf/%2e%2e/.head/.cards",
        "/csaf/.note", "/2026/", "/2026/CLR-2026-99999/osv.json", "/history/%00", "/99999/x",
        "/feed/lists/..%2f..%2f.head/.cards",
    ],
)  # fmt: skip
def test_nothing_else_of_the_folder_is_there(app, counter, path):
    published(app)
    assert counter.get(path).status_code == 404
