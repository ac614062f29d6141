"""Words in a case reach who reads them; outside it goes only that there is something to read."""

import base64
import email
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from casebook import DRAFT, acting, do, move, opened, read, register, set_clock
from clearhouse.clearing import route
from clearhouse.clearing.coordinate import (
    _threads,
    casework,
    channels,
    messages,
    pacing,
    read_ins,
    shredding,
)
from clearhouse.clearing.coordinate._threads import File
from clearhouse.clearing.coordinate.embargo import News
from clearhouse.clearing.coordinate.messages import NoSuchThreadError
from clearhouse.clearing.coordinate.pacing import Wish
from clearhouse.clearing.coordinate.record import PartyRole
from clearhouse.formats import http_signature
from clearhouse.formats.tlp import Tlp
from clearhouse.kernel.addresses import AddressRefusedError, demand_private
from clearhouse.kernel.identity import PartyKind
from clearhouse.kernel.outside import Outside, OutsideError
from clearhouse.kernel.policy import ForbiddenError
from clearhouse.kernel.vault import SealedError
from house import coordinator, outsider, person, reporter
from smtp_house import hook_server, mail_server

NOW = datetime(2026, 11, 10, 12, 0, tzinfo=UTC)
SECRET = "SECRET-QUESTION about the loader"


@pytest.fixture
def house(app):
    set_clock(app, NOW)
    with mail_server() as mail:
        object.__setattr__(
            app.desk,
            "outside",
            Outside(
                desk_address="https://desk.example", mail=mail.address, sender="house@house.example"
            ),
        )
        yield app, mail


@pytest.fixture
def case(house):
    app, _ = house
    register(app, contact="security@yaml.example")
    return opened(app)


def vera(app):
    return person(app, "The example-yaml project", PartyKind.VENDOR, "Vera", "vendor")


def thread_with(app, case, party):
    return do(app, coordinator(app), messages.open_thread, case.id, party=party)


def says(app, actor, thread, text=SECRET, **more):
    return do(app, actor, messages.post, thread.thread_id, text=text,
              **{"tlp": Tlp.AMBER_STRICT} | more)  # fmt: skip


def hears(app, actor, thread):
    return [one.words.text for one in do(app, actor, messages.messages, thread.thread_id)[1]]


def finder_of(case):
    return next(one.id for one in case.parties if one.role is PartyRole.FINDER)


def test_a_question_goes_to_the_finder_and_the_answer_comes_back_and_nobody_else_reads(house, case):
    app, _ = house
    rita = reporter(app)
    thread = thread_with(app, case, finder_of(case))
    says(app, coordinator(app), thread)
    assert hears(app, rita, thread) == [SECRET]
    move(app, seconds=1)
    says(app, rita, thread, "It needs a tag.")
    assert hears(app, coordinator(app), thread) == [SECRET, "It needs a tag."]
    assert do(app, rita, messages.threads) == [_newest(app, thread)]
    for stranger in (vera(app), reporter(app, "Rob")):
        with pytest.raises(NoSuchThreadError):
            hears(app, stranger, thread)
        with pytest.raises(NoSuchThreadError):
            says(app, stranger, thread)
        assert do(app, stranger, messages.threads) == []
    with pytest.raises(ForbiddenError):
        do(app, app.desk.clearing_actor, messages.threads)


def _newest(app, thread):
    with acting(app, coordinator(app)) as transaction:
        return _threads.thread(transaction, thread.thread_id)


def test_a_thread_opens_with_a_read_in_and_closes_with_its_end(house, case):
    app, _ = house
    who, cora = vera(app), coordinator(app)
    everybody, own = thread_with(app, case, None), thread_with(app, case, who.party_id)
    for thread in (everybody, own):
        says(app, cora, thread)
    do(app, cora, read_ins.read_in, case.id, who=who, tier=0)
    assert hears(app, who, everybody) == hears(app, who, own) == [SECRET]
    do(app, cora, read_ins.revoke, case.id, who=who.actor_id)
    for thread in (everybody, own):
        with pytest.raises(NoSuchThreadError):
            hears(app, who, thread)
    assert thread_with(app, case, None).thread_id == everybody.thread_id


def test_files_come_back_byte_for_byte(house, case):
    app, _ = house
    data = bytes(range(256)) * 40
    file = File(name="poc.bin", content_type="application/octet-stream",
                data=base64.b64encode(data).decode())  # fmt: skip
    thread = thread_with(app, case, None)
    says(app, coordinator(app), thread, files=[file])
    said = do(app, coordinator(app), messages.messages, thread.thread_id)[1]
    assert said[0].words.files[0].content == data
    assert said[0].tlp is Tlp.AMBER_STRICT


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"text": " "}, "no-words"),
        ({"text": "x" * 100_001}, "no-words"),
        ({"tlp": Tlp.CLEAR}, "label-too-free"),
        ({"files": [File(name="f", content_type="t", data="?")]}, "no-file"),
        ({"files": [File(name="f", content_type="t", data="")] * 21}, "too-many-files"),
        ({"files": [File(name="f", content_type="t", data="A" * 14_000_000)]}, "file-too-large"),
    ],
)
def test_what_cannot_be_said_is_refused_with_the_reason(house, case, more, code):
    app, _ = house
    thread = thread_with(app, case, None)
    assert says(app, coordinator(app), thread, **more).code == code
    assert hears(app, coordinator(app), thread) == []
    assert thread_with(app, case, "pty_" + "a" * 26).code == "unknown-party"


def test_mail_says_that_there_is_something_and_no_word_of_what(house, case):
    app, mail = house
    do(app, coordinator(app), read_ins.read_in, case.id, who=vera(app), tier=0)
    says(app, coordinator(app), thread_with(app, case, vera(app).party_id))
    route.tell_parties(app.desk)
    (letter,) = mail.letters
    sent = email.message_from_bytes(letter)
    assert sent["To"] == "security@yaml.example"
    assert "New cases: 1. New messages: 1." in sent.get_payload()
    assert "https://desk.example/threads" in sent.get_payload()
    for word in (SECRET, "SECRET", "yaml.load", DRAFT.title, case.id, "example-yaml", "CWE"):
        assert word not in letter.decode().replace("security@yaml.example", "")
    route.tell_parties(app.desk)
    assert len(mail.letters) == 1


def test_a_mail_that_was_refused_is_tried_again_later_and_its_words_are_not_kept(house, case):
    app, mail = house
    mail.refuses = True
    route.tell_parties(app.desk)
    (waiting,) = do(app, coordinator(app), channels.notices, case.id)
    assert (waiting.attempts, waiting.sent_at) == (1, None)
    assert waiting.failure == "mail: SMTPRecipientsRefused"
    mail.refuses = False
    route.tell_parties(app.desk)
    assert mail.letters == []  # not before its time
    move(app, minutes=1)
    route.tell_parties(app.desk)
    (told,) = do(app, coordinator(app), channels.notices, case.id)
    assert (told.attempts, told.failure, told.sent_at) == (2, None, NOW + timedelta(minutes=1))
    assert len(mail.letters) == 1


def test_without_a_mail_server_or_an_address_notices_wait_and_say_why(house, case):
    app, _ = house
    object.__setattr__(app.desk, "outside", Outside(desk_address="https://desk.example"))
    for number in range(20):
        route.tell_parties(app.desk)
        move(app, hours=6)
        (waiting,) = do(app, coordinator(app), channels.notices, case.id)
        assert waiting.attempts == number + 1
        assert waiting.failure == "no mail server is set"
    with acting(app, coordinator(app)) as transaction:
        transaction.execute("UPDATE party SET contact = NULL")
    route.tell_parties(app.desk)
    assert do(app, coordinator(app), channels.notices, case.id)[0].failure == "no address is known"


def test_a_party_that_named_an_address_gets_a_request_signed_by_the_house(house, case):
    app, mail = house
    near = replace(app.desk.outside, desk_address="http://127.0.0.1:8441")
    object.__setattr__(app.desk, "outside", near)
    with hook_server() as hook:
        done = do(app, coordinator(app), channels.set_channel, case.vendors[0].id,
                  webhook=hook.address, wish=Wish())  # fmt: skip
        assert done == Wish()
        hook.answers = 302
        route.tell_parties(app.desk)
        assert do(app, coordinator(app), channels.notices, case.id)[0].failure == "answered 302"
        hook.answers = 204
        move(app, minutes=2)
        route.tell_parties(app.desk)
        path, headers, body = hook.asked[-1]
        assert len(hook.asked) == 2
        signed = http_signature.verify(
            app.desk.keys.signing_key().public_key(),
            method="POST", address=hook.address, body=body, headers=headers,
            at=app.desk.database.clock(),
        )  # fmt: skip
    assert path == "/hook"
    assert signed.created == NOW + timedelta(minutes=2)
    assert json.loads(body) | {"id": ""} == {
        "id": "", "cases": 1, "messages": 0, "read_at": "http://127.0.0.1:8441/threads",
    }  # fmt: skip
    assert mail.letters == []
    route.tell_parties(app.desk)
    move(app, minutes=2)
    assert do(app, coordinator(app), channels.notices, case.id)[0].sent_at is not None


@pytest.mark.parametrize(
    "address",
    ["http://example.test/hook", "ftp://example.test/", "https://", "https://u:p@example.test/",
     "https://example.test/#x", "http://127.0.0.1.example.test/", "https://[::1", "x"],
)  # fmt: skip
def test_an_address_that_others_could_read_along_is_refused(house, case, address):
    app, _ = house
    done = do(app, coordinator(app), channels.set_channel, case.vendors[0].id, webhook=address,
              wish=Wish())  # fmt: skip
    assert done.code == "address-refused"
    with pytest.raises(AddressRefusedError):
        demand_private(address)


def test_a_house_that_is_not_on_this_machine_alone_asks_nothing_inside_for_anybody(house, case):
    app, _ = house
    for address in ("https://127.0.0.1/", "https://localhost/", "https://169.254.169.254/latest"):
        done = do(app, coordinator(app), channels.set_channel, case.vendors[0].id,
                  webhook=address, wish=Wish())  # fmt: skip
        assert done.code == "address-refused"
    with acting(app, coordinator(app)) as transaction:  # of a house that was on loopback before
        transaction.execute(
            "INSERT INTO party_channel VALUES (%s, 'https://127.0.0.1:9/', NULL, NULL)",
            [case.vendors[0].id],
        )
    route.tell_parties(app.desk)
    (waiting,) = do(app, coordinator(app), channels.notices, case.id)
    assert (
        waiting.failure
        == "an address for requests is public; inside networks need the policy `outside`"
    )


def test_a_party_speaks_for_itself_and_a_coordinator_for_it(house, case):
    app, _ = house
    wish = Wish(cases_per_week=1)
    do(app, vera(app), channels.set_channel, vera(app).party_id, webhook=None, wish=wish)
    with pytest.raises(ForbiddenError):
        do(app, vera(app), channels.set_channel, finder_of(case), webhook=None, wish=wish)
    unknown = do(app, coordinator(app), channels.set_channel, "pty_x", webhook=None, wish=wish)
    assert unknown.code == "unknown-party"


def test_mail_never_goes_to_others_without_tls(house):
    far = Outside(desk_address="https://d", mail="smtp://mail.example.test")
    with pytest.raises(AddressRefusedError):
        far.send_mail("a@b.test", "s", "t", message_id="m", at=NOW)
    odd = Outside(desk_address="https://d", mail="telnet://127.0.0.1")
    with pytest.raises(AddressRefusedError):
        odd.send_mail("a@b.test", "s", "t", message_id="m", at=NOW)


@pytest.mark.parametrize("scheme", ["smtps", "smtp+starttls"])
def test_a_server_that_cannot_speak_tls_gets_no_mail(house, scheme):
    _, mail = house
    port = mail.address.rpartition(":")[2]
    way = Outside(desk_address="https://d", mail=f"{scheme}://user:pass@127.0.0.1:{port}")
    with pytest.raises(OutsideError, match="mail: "):
        way.send_mail("a@b.test", "s", "t", message_id="m", at=NOW)
    assert mail.letters == []


def test_a_request_that_nobody_takes_is_a_failure_of_the_outside(house):
    app, _ = house
    way = Outside(desk_address="http://localhost:8441")
    with pytest.raises(OutsideError, match="request: ConnectionRefusedError"):
        way.send_hook("http://127.0.0.1:9/", {}, key=app.desk.keys.signing_key(), at=NOW)


def test_the_sixth_new_case_of_a_week_waits_and_says_so_and_goes_when_it_is_exploited(house):
    app, mail = house
    register(app, contact="security@yaml.example")
    cases = []
    for number in range(6):
        cases.append(opened(app, replace(DRAFT, title=f"Flaw {number}", cwes=(f"CWE-{100 + number}",),
                                         description=f"Another flaw {number}, of another kind")))  # fmt: skip
        move(app, minutes=1)
    assert len({case.id for case in cases}) == 6
    held = do(app, coordinator(app), channels.notices, cases[-1].id)[0]
    assert held.held_because == "5 new cases in 7 days are enough for this party"
    assert held.due_at == NOW + timedelta(days=7)
    route.tell_parties(app.desk)
    assert "New cases: 5." in email.message_from_bytes(mail.letters[0]).get_payload()
    do(app, coordinator(app), casework.learn, cases[-1].id, news=News(exploited_since=NOW))
    route.tell_parties(app.desk)
    assert "New cases: 1." in email.message_from_bytes(mail.letters[1]).get_payload()
    assert do(app, coordinator(app), channels.notices, cases[-1].id)[0].held_because is None


RULES = pacing.in_force()


@pytest.mark.parametrize(
    ("wish", "earlier", "urgent", "days", "reason"),
    [
        (Wish(), 0, False, 0, None),
        (Wish(), 4, False, 0, None),
        (Wish(), 5, False, 7, "enough"),
        (Wish(), 5, True, 0, None),
        (Wish(cases_per_week=1), 1, False, 7, "enough"),
        (Wish(cases_per_week=0), 0, False, 365, "takes no new cases"),
        (Wish(paused_until=NOW + timedelta(days=3)), 0, False, 3, "paused"),
        (Wish(paused_until=NOW - timedelta(days=3)), 0, False, 0, None),
        (Wish(paused_until=NOW + timedelta(days=3)), 0, True, 0, None),
    ],
)
def test_a_turn_is_when_the_party_can_take_it_and_names_what_holds_it(
    wish, earlier, urgent, days, reason
):
    turn = pacing.turn(RULES, wish, [NOW] * earlier, urgent=urgent, now=NOW)
    assert turn.at == NOW + timedelta(days=days)
    assert (reason or "") in (turn.held_because or "")
    assert (turn.held_because is None) == (reason is None)


def test_whatever_comes_no_window_holds_more_turns_than_allowed():
    turns = []
    for hour in range(0, 24 * 10, 3):
        now = NOW + timedelta(hours=hour)
        turns.append(pacing.turn(RULES, Wish(), turns, urgent=False, now=now).at)
    for at in turns:
        window = [one for one in turns if at <= one < at + timedelta(days=RULES.window_days)]
        assert len(window) <= RULES.cases_per_week


def test_messages_are_shredded_with_their_case(house, case):
    app, _ = house
    cora = coordinator(app)
    thread = thread_with(app, case, None)
    says(app, cora, thread)
    with acting(app, cora) as transaction:
        row = transaction.one("SELECT content_payload FROM case_message")
    move(app, days=60)
    do(app, cora, shredding.shred, case.id, because="old")
    with pytest.raises(NoSuchThreadError):
        hears(app, cora, thread)
    with acting(app, cora) as transaction, pytest.raises(SealedError):
        app.desk.vault.open(transaction, row["content_payload"])


def test_whoever_is_on_no_duty_reads_no_thread(house, case):
    app, _ = house
    thread = thread_with(app, case, None)
    with pytest.raises(NoSuchThreadError):
        hears(app, outsider(app), thread)
    assert read(app, case.id).id == case.id
