import dataclasses
import json
from datetime import timedelta

import pytest

import hostile
import house
from clearhouse.clearing import route
from clearhouse.clearing.coordinate import casework
from clearhouse.clearing.coordinate import operations as coordinate
from clearhouse.clearing.coordinate.record import Outcome
from clearhouse.clearing.intake.record import Attachment, AttachmentKind, Draft, Location
from clearhouse.clearing.match import operations as match
from clearhouse.kernel import ledger_export
from clearhouse.kernel.identity import PartyKind
from visitor import Page, Visitor, pages_from

PURL = "pkg:pypi/pyyaml"
POC = Attachment(
    filename="poc.py",
    content_type="text/plain",
    data=b"import yaml\nyaml.load(open('x'))\n" * 4,
    kind=AttachmentKind.POC,
)
YAML = Draft(
    title="The full loader builds objects that it should not",
    description="The loader of the package calls constructors that the document names, so a"
    " document from a stranger runs code of the stranger's choice in the process.",
    trigger="Load a document with a python object tag through the full loader.",
    purl=PURL,
    affected_versions=("5.3",),
    cwes=("CWE-502",),
    severity="high",
    cvss_vectors=("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",),
    locations=(Location(file="lib/yaml/constructor.py", function="make_python_instance"),),
    attachments=(POC,),
)

CALM = dataclasses.replace(YAML, aliases=("CVE-2020-14343",))
"""The same under an id that is public, so that nobody needs to coordinate it."""


@pytest.fixture
def ann(app):
    """An analyst who is also on duty, so that cases stay open to her."""
    roles = ("intake_analyst", "coordinator", "coordinator_on_duty", "auditor")
    return house.person(app, "House", PartyKind.COORDINATOR, "Ann Analyst", *roles)


@pytest.fixture
def desk(app, ann):
    return Visitor(app.desk, ann)


def clear(app, draft, *, by=None, original=b"x"):
    report_id = house.submit(app, draft, by=by, original=original)
    route.clear(app.desk, report_id)
    with app.desk.database.transaction(app.desk.clearing_actor.actor_id) as transaction:
        return report_id, match.finding_of(transaction, report_id)


def like(draft, title):
    """The same flaw in nearly the same words, without the common proof."""
    return dataclasses.replace(draft, title=title, attachments=())


def forms_to(page, end):
    return [form for form in page.forms if form["action"].endswith(end)]


def test_the_morning_shows_what_comes_first_and_why(app, desk):
    clear(app, YAML)
    clear(app, Draft(title="Something small", description="It prints a wrong message."))
    page = desk.page("/")
    assert "The full loader builds objects" in page.words
    assert page.words.index("The full loader") < page.words.index("Something small")
    assert "Comes first by" in page.words
    assert "2reports" in page.words.replace("\n", "")


def test_the_queue_filters_by_what_stands_in_the_clear(app, desk):
    clear(app, YAML)
    clear(app, Draft(title="Something small", description="It prints a wrong message."))
    assert "Something small" not in desk.page("/?severity=critical").words
    assert "full loader" in desk.page("/?severity=critical").words
    assert "full loader" in desk.page("/?severity=nonsense&band=%00&page=1").words


def test_the_queue_pages_on_without_losing_a_finding(app, desk, monkeypatch):
    monkeypatch.setattr("clearhouse.surfaces.web.desk.queue_pages.ROWS", 2)
    titles = {f"Flaw number {n} of many" for n in range(5)}
    for title in sorted(titles):
        clear(app, Draft(title=title))
    pages = list(pages_from(desk, "/"))
    assert len(pages) == 3
    assert all(title in "".join(page.words for page in pages) for title in titles)


def test_a_finding_shows_its_reports_side_by_side_with_what_joins_them(app, desk):
    clear(app, YAML)
    _, finding = clear(app, dataclasses.replace(YAML, title="Loader runs code"))
    page = desk.page(f"/findings/{finding}")
    assert page.tags.count("article") == 2
    assert "The proofs of concept are the same bytes." in page.words
    assert "Loader runs code" in page.words
    assert "E0" in page.words
    assert "not attempted" in page.words


def test_a_person_joins_two_findings_and_takes_it_back(app, desk):
    _, one = clear(app, YAML)
    _, other = clear(app, like(YAML, "Full loader of documents builds any object"))
    assert one != other
    page = desk.page(f"/findings/{one}")
    assert "Is it the same bug?" in page.words
    answer = desk.send(page, f"/findings/{one}/same")
    joined = desk.page(answer.headers["location"])
    assert joined.tags.count("article") == 2
    (undo,) = forms_to(joined, undo_of(joined))
    desk.send(joined, undo["action"])
    assert desk.page(f"/findings/{one}").tags.count("article") == 1


def undo_of(page):
    return next(form["action"] for form in page.forms if "/undo/" in form["action"])


COPIES = (
    "Full loader of documents builds any object",
    "The full loader builds objects it should not build",
)


def test_a_person_joins_at_once_what_looks_like_one_bug(app, desk):
    _, one = clear(app, YAML)
    for title in COPIES:
        clear(app, like(YAML, title))
    page = desk.page(f"/findings/{one}")
    assert "Likely one bug with 2 other findings" in page.words
    answer = desk.send(page, f"/findings/{one}/same-all")
    joined = desk.page(answer.headers["location"])
    assert joined.tags.count("article") == 3
    assert "Likely one bug" not in joined.words


@pytest.mark.parametrize("word", ["sibling", "different"])
def test_what_a_person_parted_is_no_longer_called_likely(app, desk, word):
    _, one = clear(app, YAML)
    others = [clear(app, like(YAML, title))[1] for title in COPIES]
    page = desk.page(f"/findings/{one}")
    for other in others:
        desk.send(page, f"/findings/{one}/{word}", other=other)
    assert "Likely one bug" not in desk.page(f"/findings/{one}").words
    assert "Likely one bug" not in desk.page(f"/findings/{others[0]}").words


def test_of_what_looks_like_one_bug_all_is_joined_or_nothing(app, desk):
    _, one = clear(app, YAML)
    others = [clear(app, like(YAML, title))[1] for title in COPIES]
    page = desk.page(f"/findings/{one}")
    desk.send(page, f"/findings/{one}/different", other=others[1])
    answer = desk.send(page, f"/findings/{one}/same-all", others=" ".join(others))
    assert answer.status_code == 409
    assert desk.page(f"/findings/{one}").tags.count("article") == 1


@pytest.mark.parametrize("word", ["sibling", "different"])
def test_a_person_says_that_two_findings_are_not_the_same(app, desk, word):
    _, one = clear(app, YAML)
    clear(app, like(YAML, "Full loader of documents builds any object"))
    page = desk.page(f"/findings/{one}")
    assert desk.send(page, f"/findings/{one}/{word}").status_code == 303
    after = desk.page(f"/findings/{one}")
    assert "Is it the same bug?" not in after.words
    assert word in after.words


def test_a_join_against_a_persons_word_is_refused_in_words(app, desk):
    _, one = clear(app, YAML)
    _, other = clear(app, like(YAML, "Full loader of documents builds any object"))
    page = desk.page(f"/findings/{one}")
    desk.send(page, f"/findings/{one}/different")
    answer = desk.send(page, f"/findings/{one}/same", other=other)
    assert answer.status_code == 409
    assert "Take that back first" in answer.text


def test_a_report_is_split_off(app, desk):
    report, finding = clear(app, CALM)
    clear(app, dataclasses.replace(CALM, title="Loader runs code"))
    page = desk.page(f"/findings/{finding}")
    assert desk.send(page, f"/findings/{finding}/split", report=report).status_code == 303
    assert desk.page(f"/findings/{finding}").tags.count("article") == 1
    again = desk.send(page, f"/findings/{finding}/split", report=report)
    assert again.status_code == 409


def test_what_is_joined_to_a_case_is_closed_with_it(app, desk):
    _, cased = clear(app, YAML)
    report, free = clear(app, like(CALM, "Full loader of documents builds any object"))
    analyst = Visitor(app.desk, house.analyst(app))
    assert analyst.get(f"/reports/{report}").status_code == 200
    page = desk.page(f"/findings/{cased}")
    assert desk.send(page, f"/findings/{cased}/same", other=free).status_code == 303
    app.desk.jobs.run_until_empty(app.desk.database.url)
    assert desk.page(f"/findings/{cased}").tags.count("article") == 2
    for address in (f"/reports/{report}", f"/findings/{free}", f"/findings/{cased}"):
        assert analyst.get(address).status_code == 404


def test_a_finding_related_to_itself_is_refused_in_words(app, desk):
    _, one = clear(app, YAML)
    clear(app, like(YAML, "Full loader of documents builds any object"))
    page = desk.page(f"/findings/{one}")
    assert desk.send(page, f"/findings/{one}/sibling", other=one).status_code == 409


def test_the_id_of_a_merged_finding_leads_to_what_it_became(app, desk):
    _, one = clear(app, YAML)
    _, other = clear(app, like(YAML, "Full loader of documents builds any object"))
    desk.send(desk.page(f"/findings/{one}"), f"/findings/{one}/same", other=other)
    answer = desk.get(f"/findings/{other}")
    assert (answer.status_code, answer.headers["location"]) == (303, f"/findings/{one}")


def test_an_act_that_the_policy_does_not_give_is_refused_and_not_offered(app):
    _, one = clear(app, CALM)
    _, other = clear(app, like(CALM, "Full loader of documents builds any object"))
    reader = house.person(app, "House", PartyKind.COORDINATOR, "Rae", "auditor")
    with app.desk.database.transaction(app.desk.clearing_actor.actor_id) as transaction:
        found = match.finding(app.desk, transaction, one)
        assert "role:intake_analyst" in found.readers
    analyst = Visitor(app.desk, house.analyst(app))
    page = analyst.page(f"/findings/{one}")
    if forms_to(page, "/case"):
        pytest.fail("an intake analyst may not open cases, so no button should offer it")
    fields = page.form("/sign-out")["fields"]
    assert analyst.client.post(f"/findings/{one}/case", data=fields).status_code == 403
    auditor = Visitor(app.desk, reader)
    assert auditor.get(f"/findings/{one}").status_code == 404
    assert other


def case_of(app, coordinator, draft=YAML):
    with app.desk.database.transaction(coordinator.actor_id) as transaction:
        casework.register_vendor(
            app.desk, transaction, coordinator, name="YAML maintainers", packages=[PURL]
        )
    _, finding = clear(app, draft)
    with app.desk.database.transaction(coordinator.actor_id) as transaction:
        return finding, coordinate.open_case(app.desk, transaction, coordinator, finding)


def test_a_case_names_the_instant_the_rule_and_every_rule_considered(app, ann, desk):
    _, case = case_of(app, ann)
    page = desk.page(f"/cases/{case.id}")
    assert case.embargo.rule in page.words
    for considered in case.embargo.considered:
        assert considered.rule in page.words
    assert "UTC" in page.words
    assert case.id in json.dumps(desk.page("/cases").links)


def test_a_vendors_word_and_another_opinion_stand_side_by_side(app, ann, desk):
    _, case = case_of(app, ann)
    here = f"/cases/{case.id}"
    (vendor,) = [party.id for party in case.parties if party.role == "vendor"]
    sent = {"vendor": vendor, "outcome": "rejected", "reason": "by design"}
    page = desk.page(here)
    assert desk.send(page, f"{here}/verdict", **sent).status_code == 303
    page = desk.page(here)
    assert "by design" in page.words
    desk.send(page, f"{here}/disagree", reason="a stranger can reach it")
    page = desk.page(here)
    assert "by design" in page.words
    assert "a stranger can reach it" in page.words


def test_an_agreed_date_without_a_zone_is_utc_as_the_page_says(app, ann, desk):
    _, case = case_of(app, ann)
    here = f"/cases/{case.id}"
    (vendor,) = [party.id for party in case.parties if party.role == "vendor"]
    soon = case.embargo.facts.received_at + timedelta(days=5)
    when = soon.strftime("%Y-%m-%dT%H:%M")
    page = desk.page(here)
    assert desk.send(page, f"{here}/date", vendor=vendor, when=when).status_code == 303
    assert f"until {soon.strftime('%Y-%m-%d %H:%M')} UTC" in desk.page(here).words


def test_an_agreed_date_in_the_past_is_refused_in_words(app, ann, desk):
    _, case = case_of(app, ann)
    here = f"/cases/{case.id}"
    (vendor,) = [party.id for party in case.parties if party.role == "vendor"]
    refused = desk.send(desk.page(here), f"{here}/date", vendor=vendor, when="2020-01-01T00:00")
    assert refused.status_code == 409
    assert "Not done" in refused.text


def test_what_a_machine_refuses_is_said_in_words(app, ann, desk):
    _, case = case_of(app, ann)
    here = f"/cases/{case.id}"
    fields = desk.page(here).form("/sign-out")["fields"]
    answer = desk.client.post(
        f"{here}/verdict", data=fields | {"vendor": "pty_nobody", "outcome": Outcome.ACCEPTED.value}
    )
    assert answer.status_code == 409
    assert "Not done" in answer.text


def test_the_original_comes_back_byte_for_byte_and_no_browser_opens_it(app, desk):
    body = bytes(range(256)) + b"<script>alert(1)</script>"
    report, _ = clear(app, YAML, original=body)
    answer = desk.get(f"/reports/{report}/original")
    assert answer.content == body
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"].startswith("attachment")
    assert "sandbox" in answer.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("poc.py", "poc.py"),
        ("../../etc/passwd", "passwd"),
        ('a".html\r\nX: y', "a_.html_X_y"),
        ("\u202egnp.exe", "U_202E_gnp.exe"),
        ("...", "file"),
    ],
)
def test_an_attachment_comes_back_under_a_plain_name(app, desk, name, kept):
    file = dataclasses.replace(POC, filename=name)
    report, _ = clear(app, dataclasses.replace(YAML, attachments=(file,)))
    answer = desk.get(f"/reports/{report}/files/0")
    assert answer.content == POC.data
    assert answer.headers["content-disposition"] == f'attachment; filename="{kept}"'
    assert desk.get(f"/reports/{report}/files/1").status_code == 404


def test_a_long_text_is_cut_on_the_page_and_whole_one_link_away(app, desk):
    long = "word " * 20_000
    report, _ = clear(app, dataclasses.replace(YAML, description=long))
    page = desk.page(f"/reports/{report}")
    assert "88" in page.words
    link = f"/reports/{report}/text/description"
    assert link in page.links
    assert desk.get(link).text == long
    assert desk.get(f"/reports/{report}/text/nothing").status_code == 404


def test_a_text_with_control_characters_is_downloaded_as_it_came(app, desk):
    said = "half \x00\x1b of it \u202e " * 3000
    report, _ = clear(app, dataclasses.replace(YAML, description=said))
    assert desk.get(f"/reports/{report}/text/description").content.decode() == said


def test_the_ledger_page_verifies_proves_and_exports(app, desk):
    clear(app, YAML)
    route.seal_ledger(app.desk)
    checked = Page(desk.send(desk.page("/ledger/check"), "/ledger/verify").text)
    assert "It holds." in checked.words
    page = desk.page("/ledger")
    (first, *_) = [link for link in page.links if link.startswith("/ledger/events/")]
    proof = desk.get(f"{first}/proof").json()
    assert proof["event"]["id"] in first
    exported = desk.get("/ledger/export").text.splitlines()
    key = app.desk.keys.signing_key().public_key()
    assert ledger_export.verify(exported, key).holds


def test_the_ledger_pages_on_and_shows_each_event_once(app, ann, desk, monkeypatch):
    monkeypatch.setattr("clearhouse.surfaces.web.desk.ledger_pages._EVENTS", 7)
    for n in range(3):
        clear(app, Draft(title=f"Flaw {n}"))
    pages = list(pages_from(desk, "/ledger"))
    assert len(pages) > 2
    events = [link for page in pages for link in page.links if link.startswith("/ledger/events/")]
    with app.desk.database.transaction(ann.actor_id) as transaction:
        stored = transaction.one("SELECT count(*) AS count FROM ledger_event")["count"]
    assert len(events) == len(set(events)) == stored


def test_the_report_list_pages_on_and_shows_each_once(app, desk, monkeypatch):
    monkeypatch.setattr("clearhouse.surfaces.web.desk.report_pages._ROWS", 2)
    reports = {clear(app, Draft(title=f"Flaw {n}"))[0] for n in range(5)}
    pages = pages_from(desk, "/reports")
    seen = [link for page in pages for link in page.links if link.startswith("/reports/rep_")]
    assert sorted(seen) == sorted(f"/reports/{report}" for report in reports)


# What strangers write


OURS = {
    "html", "head", "meta", "title", "link", "script", "body", "a", "aside", "header", "div", "img", "nav",
    "span", "form", "input", "button", "main", "h1", "h2", "h3", "p", "ul", "ol", "li", "b", "br",
    "dl", "dt", "dd", "table", "thead", "tbody", "tr", "th", "td", "section", "article", "pre",
    "details", "summary", "footer", "dialog", "kbd", "code", "time", "bdi", "label", "select", "mark",
    "option", "textarea", "small", "caption", "fieldset", "legend", "svg", "g", "rect", "line", "circle", "path", "text",
}  # fmt: skip


def test_no_page_grows_with_what_a_stranger_sends(app, desk):
    huge = "<b>" * 400_000
    report, finding = clear(app, hostile.draft(description=huge, trigger=huge, crash_log=huge))
    for address in ("/", "/reports", f"/reports/{report}", f"/findings/{finding}"):
        assert len(desk.get(address).content) < 400_000, address


# Who is not read in


def test_whoever_is_not_read_in_gets_the_answer_of_what_does_not_exist(app, ann, desk):
    finding, case = case_of(app, ann)
    with app.desk.database.transaction(ann.actor_id) as transaction:
        (report,) = match.finding(app.desk, transaction, finding).report_ids
    paths = [
        ("/findings/{}", finding),
        ("/reports/{}", report),
        ("/reports/{}/original", report),
        ("/reports/{}/files/0", report),
        ("/reports/{}/text/description", report),
        ("/cases/{}", case.id),
    ]
    otto = Visitor(app.desk, house.outsider(app))
    for path, real in paths:
        assert desk.get(path.format(real)).status_code == 200, path
        absent = f"{real[:4]}{'a' * 26}"
        hidden, missing, odd = (
            otto.get(path.format(one)) for one in (real, absent, "../../x%00<script>")
        )
        assert hidden.status_code == missing.status_code == 404
        assert hidden.content == missing.content
        assert odd.status_code == 404


def test_an_outsider_learns_nothing_by_forms_either(app, ann, desk):
    finding, case = case_of(app, ann)
    otto = Visitor(app.desk, house.outsider(app))
    fields = otto.page("/me").form("/sign-out")["fields"]
    acts = [
        ("/findings/{}/same", finding, {"other": finding}),
        ("/findings/{}/sibling", finding, {"other": finding}),
        ("/findings/{}/split", finding, {"report": "rep_" + "a" * 26}),
        ("/findings/{}/case", finding, {}),
        ("/cases/{}/verdict", case.id, {"vendor": "x", "outcome": "accepted"}),
        ("/cases/{}/date", case.id, {"vendor": "x", "when": "2030-01-01T00:00"}),
        ("/cases/{}/disagree", case.id, {"verdict": "0", "reason": "x"}),
    ]
    for path, real, more in acts:
        hidden = otto.client.post(path.format(real), data=fields | more)
        missing = otto.client.post(path.format(f"{real[:4]}{'a' * 26}"), data=fields | more)
        assert hidden.status_code == missing.status_code == 404, path
        assert hidden.content == missing.content


def test_no_count_list_or_picture_tells_an_outsider_of_a_case(app, ann, desk):
    otto = Visitor(app.desk, house.outsider(app))
    starts = ["/", "/reports", "/cases", "/ledger", "/?severity=critical"]

    def seen(visitor):
        return {one: visitor.get(one).text.partition("<main")[2] for one in starts}

    before_owner, before = seen(desk), seen(otto)
    case_of(app, ann)
    after = seen(otto)
    after_owner = seen(desk)
    assert after_owner["/cases"] != before_owner["/cases"]  # there is something to see
    assert after_owner["/"] != before_owner["/"]
    size = before["/ledger"].count("<tr")
    assert after["/ledger"].count("<tr") == size
    for address in starts:
        if address != "/ledger":
            assert after[address] == before[address], address
