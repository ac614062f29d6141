"""Whom to tell, who says so, and how long they have said nothing."""

import contextlib
import http.server
import json
import threading
from datetime import UTC, date, datetime, timedelta

import pytest

from casebook import acting, do, move, opened, read, register, set_clock
from clearhouse.clearing.coordinate import (
    business_days,
    casework,
    contact_places,
    contact_policy,
    contacts,
    messages,
    reaching,
)
from clearhouse.clearing.coordinate.business_days import CalendarError
from clearhouse.clearing.coordinate.contact_policy import Confidence
from clearhouse.clearing.coordinate.contacts import Document, Kind
from clearhouse.clearing.coordinate.record import Outcome, Way
from clearhouse.clearing.coordinate.silence import Quiet
from clearhouse.formats.tlp import Tlp
from clearhouse.kernel.policy import ForbiddenError
from house import analyst, coordinator, reporter

NOW = datetime(2026, 11, 10, 12, 0, tzinfo=UTC)  # a Tuesday
RULES = contact_policy.in_force()
PACKAGE = "pkg:pypi/example-yaml@5.3"


def resolved(*documents, package=PACKAGE):
    named = [Document(kind=kind, where=kind.value, content=content) for kind, content in documents]
    return contacts.resolve(package, named, RULES, NOW)


TXT = b"Contact: mailto:security@Yaml.Example\nExpires: %s\n"


def test_two_places_that_agree_are_believed_more_than_either():
    found = resolved(
        (Kind.SECURITY_MD, b"Report to security@yaml.example, please."),
        (Kind.SECURITY_TXT, TXT % b"2027-01-01T00:00:00Z"),
    )
    (one,) = found.contacts
    assert one.address == "security@yaml.example"
    assert one.confidence is Confidence.HIGH
    assert [named.source.value for named in one.named_by] == ["security-txt", "security-md"]


def test_an_expired_file_counts_for_less_and_says_so():
    (one,) = resolved((Kind.SECURITY_TXT, TXT % b"2026-01-01T00:00:00Z")).contacts
    assert one.confidence is Confidence.MEDIUM
    assert one.named_by[0].note == "it expired on 2026-01-01"
    (one,) = resolved((Kind.SECURITY_TXT, b"Contact: mailto:a@yaml.example\n")).contacts
    assert one.named_by[0].note == "it does not say until when it holds"


def test_a_project_that_accepts_no_reports_is_shown_as_saying_so():
    insights = (
        b"header: {schema-version: 1.0.0}\nvulnerability-reporting: "
        b"{accepts-vulnerability-reports: false, email-contact: a@yaml.example}"
    )
    (one,) = resolved((Kind.SECURITY_INSIGHTS, insights)).contacts
    assert one.confidence is Confidence.MEDIUM
    assert "accepts no reports" in one.named_by[0].note


DIRECTORY = b"""
- {purl: "pkg:pypi", contact: "mailto:admin@pypi.example"}
- {purl: "pkg:pypi/example-yaml", contact: "mailto:security@yaml.example"}
- {purl: "pkg:pypi/example-yaml", contact: "https://yaml.example/report"}
- {purl: "pkg:pypi/example", contact: "mailto:other@yaml.example"}
"""


def test_the_directory_gives_its_most_special_entry():
    found = resolved((Kind.DIRECTORY, DIRECTORY))
    assert [one.address for one in found.contacts] == [
        "security@yaml.example",
        "https://yaml.example/report",
    ]
    other = resolved((Kind.DIRECTORY, DIRECTORY), package="pkg:pypi/elsewhere")
    assert [one.address for one in other.contacts] == ["admin@pypi.example"]


def test_what_cannot_be_read_is_named_with_its_reason():
    found = resolved(
        (Kind.SECURITY_TXT, b"\xff"),
        (Kind.DIRECTORY, b"{"),
        (Kind.DIRECTORY, b"{}"),
        (Kind.DIRECTORY, b"[{}]"),
        (Kind.PYPI, b"{}"),
        (Kind.SECURITY_INSIGHTS, b"header: 1"),
        (Kind.SECURITY_MD, b"Nothing here."),
    )
    assert found.contacts == ()
    assert len(found.unread) == 7
    assert "it names nobody for reports" in {one.reason for one in found.unread}


def test_a_registrys_people_come_last_and_public_trackers_are_called_public():
    npm = json.dumps({"name": "t", "maintainers": [{"email": "m@x.example"}],
                      "bugs": {"url": "https://x.example/bugs"}}).encode()  # fmt: skip
    found = resolved(
        (Kind.NPM, npm), (Kind.SECURITY_MD, b"Report: https://x.example/security/report")
    )
    assert [one.address for one in found.contacts] == [
        "https://x.example/security/report",
        "https://x.example/bugs",
        "m@x.example",
    ]
    assert found.contacts[1].named_by[0].note == "open to the public"


class _Shelf(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = self.server.shelf.get(self.path)
        self.send_response(404 if body is None else 200)
        self.end_headers()
        self.wfile.write(body or b"")

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def shelf(pages):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Shelf)
    server.shelf = pages
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def through(base):
    """Read addresses of the wide world from one server on this machine."""
    import urllib.error
    import urllib.request

    def get(address):
        path = address.removeprefix(base).removeprefix("https://")
        try:
            with urllib.request.urlopen(f"{base}/{path.lstrip('/')}") as answer:  # noqa: S310
                return answer.read()
        except urllib.error.HTTPError:
            return None

    return get


def test_the_usual_places_are_asked_one_after_the_other(tmp_path):
    info = {"info": {"home_page": "https://yaml.example/docs", "project_urls": {
        "Source": "https://github.com/yaml/tool"}}}  # fmt: skip
    pages = {
        "/pypi/example-yaml/json": json.dumps(info).encode(),
        "/raw.githubusercontent.com/yaml/tool/HEAD/.github/SECURITY.md": b"mail a@yaml.example",
        "/raw.githubusercontent.com/yaml/tool/HEAD/docs/SECURITY.md": b"never read",
        "/yaml.example/.well-known/security.txt": TXT % b"2027-01-01T00:00:00Z",
    }
    (tmp_path / "contacts.yaml").write_bytes(DIRECTORY)
    with shelf(pages) as base:
        found = list(contact_places.look_up(PACKAGE, through(base), pypi=base, folder=tmp_path))
    assert [one.kind for one in found] == [
        Kind.DIRECTORY,
        Kind.PYPI,
        Kind.SECURITY_MD,
        Kind.SECURITY_TXT,
    ]
    kinds = [one.kind for one in contact_places.look_up("pkg:github/yaml/tool", through_none)]
    assert kinds == []


def through_none(_):
    return None


def test_npm_names_and_damaged_registries_are_looked_up_too():
    asked = []

    def get(address):
        asked.append(address)
        return b"{" if "registry" in address else None

    found = list(contact_places.look_up("pkg:npm/%40scope/tool@1", get))
    assert asked == ["https://registry.npmjs.org/@scope%2Ftool"]
    assert [one.kind for one in found] == [Kind.NPM]
    assert list(contact_places.look_up("pkg:cargo/serde", get)) == []


@pytest.mark.parametrize(
    "address",
    [
        "http://yaml.example/",
        "https://127.0.0.1/",
        "https://localhost/",
        "https://10.0.0.1/x",
        "https://169.254.169.254/latest/meta-data",
        "https://[::1]/",
        "https://user:secret@yaml.example/",
        "https://yaml.example:8443/",
        "https://no-such-host.invalid/",
        "https:///x",
        "https://xn--/",
    ],
)
def test_no_address_of_a_stranger_leads_into_our_own_network(address):
    assert contact_places.read_public(address) is None


def test_a_public_address_is_read_over_tls_from_the_number_that_was_looked_at(monkeypatch):
    asked = []
    monkeypatch.setattr(
        contact_places.socket, "getaddrinfo", lambda *_: [(0, 0, 0, "", ("93.184.216.34", 443))]
    )
    monkeypatch.setattr(contact_places, "_read", lambda *parts: asked.append(parts) or b"yes")
    assert contact_places.read_public("https://yaml.example/x") == b"yes"
    assert asked == [("yaml.example", "93.184.216.34", "/x")]


def test_a_server_with_another_name_is_not_believed():
    with shelf({"/": b"x"}) as base:
        port = int(base.rpartition(":")[2])
        connection = contact_places._Pinned("yaml.example", "127.0.0.1")
        connection._number = "127.0.0.1"
        original = contact_places.socket.create_connection
        contact_places.socket.create_connection = lambda *_: original(("127.0.0.1", port), 5)
        try:
            with pytest.raises(OSError, match=r"SSL|ssl|WRONG|record"):
                connection.connect()
        finally:
            contact_places.socket.create_connection = original


# --- the clock ---


@pytest.fixture
def house(app):
    set_clock(app, NOW)
    return app


@pytest.fixture
def case(house):
    register(house)
    return opened(house)


def tries(app, case, note="wrote again", way=Way.EMAIL):
    return do(app, coordinator(app), reaching.attempt, case.id, party=case.vendors[0].id,
              way=way, note=note)  # fmt: skip


def clock(app, case):
    (one,) = do(app, coordinator(app), reaching.silences, case.id)
    return one


def test_the_clock_of_a_silent_maintainer_goes_step_by_step_to_the_last_resort(house, case):
    assert clock(house, case).state is Quiet.NOT_CONTACTED
    tries(house, case)
    first = clock(house, case)
    # Five business days after a Tuesday, with Veterans Day (11 November) between.
    assert (first.state, first.due_at) == (Quiet.WAITING, datetime(2026, 11, 18, 12, 0, tzinfo=UTC))
    assert first.decision_at == NOW + timedelta(days=30)
    set_clock(house, first.due_at - timedelta(seconds=1))
    assert clock(house, case).state is Quiet.WAITING
    set_clock(house, first.due_at)
    assert clock(house, case).state is Quiet.STEP_DUE
    tries(house, case)
    second = clock(house, case)
    # Ten, with Thanksgiving still ahead and Veterans Day behind.
    assert second.due_at == datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
    for _ in range(3):
        tries(house, case)
    assert clock(house, case).next_step is None
    set_clock(house, NOW + timedelta(days=30))
    late = clock(house, case)
    assert late.state is Quiet.DECISION_DUE
    assert {one.id for one in late.last_resort} >= {"coordinator", "publish"}
    assert late.attempts == 5


def test_any_word_sets_the_clock_back(house, case):
    tries(house, case)
    move(house, days=9)
    do(house, coordinator(house), reaching.answered, case.id, party=case.vendors[0].id,
       note="called back")  # fmt: skip
    assert clock(house, case).state is Quiet.ANSWERED
    move(house, days=1)
    tries(house, case)
    assert clock(house, case).attempts == 1
    do(house, coordinator(house), casework.give_verdict, case.id, vendor=case.vendors[0].id,
       outcome=Outcome.ACCEPTED)  # fmt: skip
    assert clock(house, case).state is Quiet.ANSWERED


def test_a_message_in_a_thread_is_a_word_too(house, case):
    from clearhouse.kernel.identity import PartyKind
    from house import person

    vera = person(house, "The example-yaml project", PartyKind.VENDOR, "Vera", "vendor")
    from clearhouse.clearing.coordinate import read_ins

    do(house, coordinator(house), read_ins.read_in, case.id, who=vera, tier=0)
    thread = do(house, coordinator(house), messages.open_thread, case.id, party=vera.party_id)
    tries(house, case)
    move(house, hours=1)
    do(house, vera, messages.post, thread.thread_id, text="We look.", tlp=Tlp.RED)
    assert clock(house, case).state is Quiet.ANSWERED


def test_attempts_are_of_parties_have_words_and_are_in_the_ledger(house, case):
    unknown = do(house, coordinator(house), reaching.attempt, case.id, party="pty_x",
                 way=Way.PHONE, note="n")  # fmt: skip
    assert unknown.code == "unknown-party"
    assert tries(house, case, note=" ").code == "no-words"
    tries(house, case, way=Way.ISSUE)
    with acting(house, house.desk.clearing_actor) as transaction:
        rows = transaction.all("SELECT kind FROM ledger_event WHERE subject = %s", [case.id])
    assert "contact.attempted" in {row["kind"] for row in rows}
    with pytest.raises((ForbiddenError, casework.NoSuchCaseError)):
        do(house, analyst(house), reaching.silences, case.id)
    with pytest.raises((ForbiddenError, casework.NoSuchCaseError)):
        reaching.look_for(house.desk, reporter(house), case.id)


def test_contacts_of_a_case_are_looked_for_and_kept_with_what_each_place_said(house, case):
    pages = {
        "https://pypi.org/pypi/example-yaml/json": b'{"info": {"author_email": "a@y.example"}}'
    }
    documents = reaching.look_for(house.desk, coordinator(house), case.id, get=pages.get)
    do(house, coordinator(house), reaching.keep_contacts, case.id, documents=documents)
    kept = read(house, case.id).contacts
    assert [one.address for one in kept.contacts] == ["a@y.example"]
    assert kept.policy == "clearhouse-contact/1"


def test_a_case_without_a_package_has_nobody_to_look_for(house):
    from dataclasses import replace

    from casebook import DRAFT

    bare = opened(house, replace(DRAFT, purl=None))
    assert reaching.look_for(house.desk, coordinator(house), bare.id, get=through_none) == ()
    refused = do(house, coordinator(house), reaching.keep_contacts, bare.id, documents=())
    assert refused.code == "no-package"


@pytest.mark.parametrize(
    ("start", "days", "end"),
    [
        ("2026-11-14T09:00+00:00", 0, "2026-11-16T09:00+00:00"),  # Saturday begins on Monday
        ("2026-12-24T09:00+00:00", 1, "2026-12-28T09:00+00:00"),  # Christmas and a weekend
        ("2028-02-28T09:00+00:00", 1, "2028-02-29T09:00+00:00"),  # a leap day
        ("2026-03-27T09:00+00:00", 2, "2026-03-31T09:00+00:00"),  # summer time begins in Europe
        ("2026-11-10T20:00-08:00", 1, "2026-11-13T04:00+00:00"),  # already a holiday in UTC
    ],
)
def test_business_days_are_counted_in_utc_over_weekends_holidays_and_leap_days(start, days, end):
    off = business_days.calendar("US")
    at = business_days.after(datetime.fromisoformat(start), days, off)
    assert at == datetime.fromisoformat(end)


def test_a_country_without_a_calendar_is_refused_and_none_means_weekends_alone():
    with pytest.raises(CalendarError):
        business_days.calendar("XX")
    assert date(2026, 12, 25) not in business_days.calendar("")
