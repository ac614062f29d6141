"""Each user's main task, walked in a real browser at the real doors; screenshots are kept."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from browser import PHONE, needs_chromium, open_doors, shot
from casebook import move
from clearhouse.clearing import route
from clearhouse.kernel import identity
from clearhouse.kernel.identity import Scope
from deciding_by_keys import decide, take_back
from working_house import cleared, clearing

pytestmark = [needs_chromium, pytest.mark.browser, pytest.mark.no_cover]


@pytest.fixture(scope="module")
def doors(lasting):
    made = clearing(lasting)
    with open_doors(lasting) as opened:
        opened.house = made
        yield opened


def expect(page, words):
    """Wait until a page says something."""
    page.get_by_text(words).first.wait_for()


def work(app):
    """Let the house do what waits, as its worker does: beside the loop that steers the browser."""
    with ThreadPoolExecutor(1) as beside:
        beside.submit(app.desk.jobs.run_until_empty, app.desk.database.url).result()


def case_page(doors, package):
    """Return the page of the case about a package, as the coordinator sees it."""
    page = doors.at_desk(doors.house.cora)
    page.goto("/cases")
    page.locator("tr", has_text=package).locator("a.main").first.click()
    page.wait_for_url("**/cases/cas_*")
    return page


def test_an_analyst_reads_the_queue_decides_a_match_and_takes_it_back(doors):
    page = doors.at_desk(doors.house.cora)
    expect(page, "what comes first, first")
    shot(page, "analyst-1-queue")
    page.locator("tr", has_text="to decide").locator("a.main").first.click()
    expect(page, "Is it the same bug?")
    reports = page.locator("article").count()
    shot(page, "analyst-2-is-it-the-same-bug")
    page.get_by_role("button", name="Same bug").first.click()
    page.wait_for_function("n => document.querySelectorAll('article').length > n", arg=reports)
    shot(page, "analyst-3-joined", whole=True)
    by_a_person = page.locator("tr", has_text="on person")
    by_a_person.get_by_role("button", name="Take back").first.click()
    page.wait_for_function("n => document.querySelectorAll('article').length == n", arg=reports)


def test_everything_on_the_queue_is_reached_with_the_keyboard_alone(doors):
    page = doors.at_desk(doors.house.cora)
    page.keyboard.press("?")
    page.get_by_role("dialog").wait_for()
    shot(page, "analyst-4-keys")
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    page.keyboard.press("j")
    chosen = page.locator("tr.chosen a.main").get_attribute("href")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{chosen}")
    page.keyboard.press("g")
    page.keyboard.press("c")
    page.wait_for_url("**/cases")


def test_a_coordinator_takes_a_case_through_its_embargo_to_its_release(doors):
    page, app = case_page(doors, "waitress"), doors.app
    expect(page, "Kept back for")
    shot(page, "coordinator-1-case", whole=True)
    page.get_by_text("Write down a vendor's word").click()
    form = page.locator("form[action$='/verdict']")
    form.get_by_label("Outcome").select_option("accepted")
    form.get_by_label("Fixed version").fill("2.1.1")
    form.get_by_role("button", name="Record").click()
    expect(page, "accepted")
    page.get_by_text("Write down an agreed date").click()
    soon = app.desk.database.clock() + timedelta(hours=1)
    form = page.locator("form[action$='/date']")
    form.get_by_label("Date and time in UTC").fill(soon.strftime("%Y-%m-%dT%H:%M"))
    form.get_by_role("button", name="Record").click()
    expect(page, "minutes more")
    shot(page, "coordinator-2-embargo")
    move(app, hours=2)
    route.sweep_cases(app.desk)
    route.publish_due(app.desk)
    route.seal_ledger(app.desk)
    page.reload()
    expect(page, "Published")
    shot(page, "coordinator-3-released")
    public = doors.page("counter")
    public.goto("/advisories")
    public.locator("tr", has_text="waitress").wait_for()


def test_a_maintainer_reads_a_link_and_states_without_an_account(doors):
    desk = case_page(doors, "pyyaml")
    desk.get_by_text("Write what outsiders may read").click()
    form = desk.locator("form[action$='/part']")
    form.get_by_label("Words").fill("The full loader calls what a document names.")
    form.get_by_role("button").click()
    desk.get_by_text("Invite somebody of a vendor by link").click()
    form = desk.locator("form[action$='/invitations']")
    form.get_by_label("Name of the person").fill("Oskar Maintainer")
    form.get_by_role("button", name="Make the link").click()
    link = desk.locator("#link").text_content()
    page = doors.page("counter", size=PHONE)
    page.goto(re.sub("^https?://[^/]+", "", link))
    expect(page, "Kept back until")
    expect(page, "loader")  # the mark of this copy stands between its words
    shot(page, "maintainer-1-invited", whole=True)
    page.get_by_label("Yes, we accept the report").check()
    page.get_by_label("Fixed in version").fill("5.4")
    page.get_by_label("A question or word").fill("May we have a week for the backport?")
    page.get_by_role("button", name="Send").click()
    expect(page, "Taken, and on disk.")
    work(doors.app)
    page.reload()
    expect(page, "fixed in")
    expect(page, "backport?")
    shot(page, "maintainer-2-stated", whole=True)
    desk.get_by_role("link", name="Back to the case").click()
    expect(desk, "fixed in")
    assert page.context.cookies() == [], "nothing is kept in the maintainer's browser"


REPORT = {
    "Title": "Entries climb out of the folder",
    "Package": "pkg:pypi/waitress",
    "Affected versions": "1.4.2",
    "Description": "The reader joins the name of an entry with the folder and writes outside of it.",
    "Severity": "high",
}


def test_a_lab_writes_a_report_sees_what_would_help_and_follows_it(doors):
    app, rita = doors.app, doors.house.rita
    with app.desk.database.transaction(rita.actor_id) as transaction:
        token = identity.issue_token(transaction, rita.actor_id, label="t", scopes=[Scope.SUBMIT])
    page = doors.page("counter")
    page.goto("/")
    shot(page, "lab-1-counter")
    page.get_by_role("link", name="Report a vulnerability").click()
    for label, words in REPORT.items():
        page.get_by_label(label).first.fill(words)
    expect(page, "2 of 6 elements")
    assert page.locator("li.there b").all_text_contents() == ["description", "severity"]
    shot(page, "lab-2-report", whole=True)
    page.locator("[name=trigger]").fill("Unpack an archive whose entry is named ../../x anywhere.")
    expect(page, "3 of 6 elements")
    page.get_by_label("Submission token").fill(token)
    page.get_by_role("button", name="Send").click()
    expect(page, "Received, and on disk")
    shot(page, "lab-3-receipt")
    page.get_by_role("link", name="how far the report is").click()
    expect(page, "queued")
    work(app)
    page.reload()
    expect(page, "done")
    shot(page, "lab-4-followed")


def test_the_form_says_the_same_without_scripts(doors):
    page = doors.page("counter", scripts=False)
    page.goto("/report")
    for label, words in REPORT.items():
        page.get_by_label(label).first.fill(words)
    page.get_by_role("button", name="See what is there").click()
    expect(page, "2 of 6 elements")
    assert page.get_by_label("Title").input_value() == REPORT["Title"]


def test_an_operator_reads_an_advisory_and_takes_its_documents(doors):
    page = doors.page("counter")
    page.goto("/advisories")
    shot(page, "operator-1-advisories")
    page.locator("a.main").first.click()
    for question in ("Am I affected?", "What do I do?", "What if I cannot update?"):
        expect(page, question)
    expect(page, "clearhouse acknowledge")
    shot(page, "operator-2-advisory", whole=True)
    with page.expect_download() as started:
        page.get_by_role("link", name="OSV").first.click()
    assert started.value.suggested_filename.endswith("osv.json")
    desk = doors.at_desk(doors.house.cora)
    desk.goto("/reach")
    expect(desk, "too few operators have said anything")
    shot(desk, "operator-3-reach")


def test_evaluators_sign_a_determination_together_and_the_public_reads_it(doors):
    where = f"/criteria/determinations/{doors.house.determination}"
    page = doors.at_desk(doors.house.cora)
    page.goto("/criteria")
    shot(page, "evaluator-1-criteria")
    page.goto(where)
    expect(page, "One person signed it")
    shot(page, "evaluator-2-determination", whole=True)
    page.get_by_role("button", name="Sign as the second person").click()
    expect(page, "Two persons signed it")
    page.get_by_role("button", name="Release").click()
    public = doors.page("counter")
    public.goto("/determinations")
    public.locator("a.main").first.click()
    expect(public, "For doubters")
    shot(public, "evaluator-3-statement", whole=True)


def test_an_auditor_verifies_the_chain_and_takes_a_proof_along(doors):
    page = doors.at_desk(doors.house.audra)
    page.goto("/ledger")
    page.get_by_role("button", name="Verify the whole chain").click()
    expect(page, "It holds.")
    shot(page, "auditor-1-ledger")
    with page.expect_download() as started:
        page.get_by_role("link", name="the ledger as one file").click()
    assert started.value.suggested_filename
    page.goto("/ledger")
    sealed = page.locator("tr", has=page.locator("td.number", has_text=re.compile(r"^\d")))
    sealed.locator("a.main").first.click()
    with page.expect_download():
        page.get_by_role("link", name="Download the proof").click()
    shot(page, "auditor-2-event")


def test_a_person_adds_a_passkey_comes_back_with_it_and_ends_it(doors):
    page = doors.at_desk(doors.house.dana)
    devices = page.context.new_cdp_session(page)
    devices.send("WebAuthn.enable")
    device = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True,
              "hasUserVerification": True, "isUserVerified": True,
              "automaticPresenceSimulation": True}  # fmt: skip
    devices.send("WebAuthn.addVirtualAuthenticator", {"options": device})
    page.goto("/me")
    page.get_by_role("button", name="Add a passkey").click()
    page.get_by_label("Name").fill("the laptop")
    page.get_by_role("button", name="Make it").click()
    page.wait_for_url("**/me")
    expect(page, "Passkey the laptop")
    shot(page, "passkey-1-you", whole=True)
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("link", name="Use a passkey").click()
    shot(page, "passkey-2-sign-in")
    page.get_by_role("button", name="Use a passkey").click()
    page.wait_for_url(doors.desk + "/")
    page.goto("/me")
    expect(page, "passkey")
    page.locator("tr", has_text="the laptop").get_by_role("button", name="End").click()
    page.wait_for_url("**/me")
    assert page.get_by_text("Passkey the laptop").count() == 0


def test_ten_pairs_are_decided_by_one_key_each_and_none_by_mistake(doors):
    cleared(doors.app, doors.house.cora, ("0", "1", "2"))
    page = doors.at_desk(doors.house.cora)
    *_, last = decide(page, doors.app, doors.house.cora, 10)
    shot(page, "analyst-5-decided")
    take_back(page, doors.app, doors.house.cora, last)
