"""Answers come back by mail to the thread they belong to; nothing else gets in, nothing is lost."""

import email
import smtplib
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.policy import SMTP

import pysequoia
import pytest

from casebook import acting, do, move, opened, read, register, set_clock
from clearhouse.clearing import route
from clearhouse.clearing.coordinate import (
    canary,
    channels,
    copies,
    mail_in,
    messages,
    read_ins,
    standing,
)
from clearhouse.clearing.coordinate.embargo_consent import ConsentEvent
from clearhouse.clearing.coordinate.mail_in import Outcome
from clearhouse.clearing.coordinate.pacing import Wish
from clearhouse.formats import openpgp_mail, reply_mail
from clearhouse.formats.openpgp_mail import OpenPgpError
from clearhouse.formats.reply_mail import ReplyMailError
from clearhouse.formats.tlp import Tlp
from clearhouse.kernel.identity import PartyKind
from clearhouse.kernel.outside import Outside
from clearhouse.kernel.policy import ForbiddenError
from house import coordinator, person, reporter
from smtp_house import mail_server

NOW = datetime(2026, 11, 10, 12, 0, tzinfo=UTC)
PROSE = "The loader trusts the length in the header and copies it into a small buffer. " * 3
VENDOR = "security@yaml.example"


@pytest.fixture
def house(app, tmp_path):
    set_clock(app, NOW)
    with mail_server(tmp_path / "mail") as server:
        ways = Outside(
            desk_address="https://desk.example",
            mail=server.address,
            sender="house@house.example",
            maildir=tmp_path / "mail",
        )
        object.__setattr__(app.desk, "outside", ways)
        yield app, server


@pytest.fixture
def case(house):
    app, _ = house
    register(app, contact=VENDOR)
    return opened(app)


def vera(app, case):
    who = person(app, "The example-yaml project", PartyKind.VENDOR, "Vera", "vendor")
    do(app, coordinator(app), read_ins.read_in, case.id, who=who, tier=0)
    return who


def asked(house, case):
    """Ask the vendor something, let the mail go out, and return the thread and the mail."""
    app, server = house
    who = vera(app, case)
    thread = do(app, coordinator(app), messages.open_thread, case.id, party=who.party_id)
    route.tell_parties(app.desk)
    server.letters.clear()
    _forget(app)
    do(app, coordinator(app), messages.post, thread.thread_id, text=PROSE, tlp=Tlp.RED)
    route.tell_parties(app.desk)
    (letter,) = server.letters
    _forget(app)
    return thread, email.message_from_bytes(letter)


def _forget(app):
    """What the house itself sent went to the parties, not into its own folder."""
    import mailbox

    mailbox.Maildir(app.desk.outside.maildir).clear()


def answer(server, to, text="We look into it.", sender=VENDOR, files=(), **headers):
    """Send an answer as a party's mail program does, through a real server."""
    letter = EmailMessage(policy=SMTP)
    letter["From"], letter["To"], letter["Subject"] = f"Vera <{sender}>", to, "Re: something"
    for name, value in headers.items():
        letter[name.replace("_", "-")] = value
    letter.set_content(text)
    for name, data in files:
        letter.add_attachment(data, maintype="application", subtype="x", filename=name)
    host, port = server.server_address
    with smtplib.SMTP(host, port) as session:
        session.sendmail(sender, [to], letter.as_bytes())


def heard(app, thread):
    return [
        (one.words.text.strip(), one.party_id)
        for one in do(app, coordinator(app), messages.messages, thread.thread_id)[1]
    ]


def outcomes(app):
    with acting(app, app.desk.clearing_actor) as transaction:
        rows = transaction.all("SELECT outcome FROM mail_received ORDER BY at, mail_id")
    return [row["outcome"] for row in rows]


def test_an_answer_by_mail_stands_in_its_thread_with_its_files_and_in_the_ledger(house, case):
    app, server = house
    thread, letter = asked(house, case)
    assert PROSE[:40] not in letter.as_string()
    answer(server, letter["Reply-To"], files=[("fix.diff", b"--- a\n+++ b\n")])
    move(app, minutes=1)
    route.read_mail(app.desk)
    assert heard(app, thread)[1] == ("We look into it.", case.vendors[0].id)
    said = do(app, coordinator(app), messages.messages, thread.thread_id)[1][1]
    assert [(one.name, one.content) for one in said.words.files] == [
        ("fix.diff", b"--- a\n+++ b\n")
    ]
    with acting(app, coordinator(app)) as transaction:
        rows = transaction.all("SELECT body FROM ledger_event WHERE kind = 'message.posted'")
    assert any(b'"by":"mail"' in row["body"] for row in rows)
    assert list((app.desk.outside.maildir / "new").iterdir()) == []
    assert mail_in.receive(app.desk) == 0


def test_the_same_mail_twice_is_one_and_a_crash_before_it_leaves_the_folder_changes_nothing(
    house, case
):
    app, server = house
    thread, letter = asked(house, case)
    answer(server, letter["Reply-To"])
    (path,) = (app.desk.outside.maildir / "new").iterdir()
    data = path.read_bytes()
    for _ in range(2):
        with acting(app, app.desk.clearing_actor) as transaction:
            mail_in.take(app.desk, transaction, data)
    assert mail_in.receive(app.desk) == 1
    assert len(heard(app, thread)) == 2
    assert outcomes(app) == ["posted"]


@pytest.mark.parametrize(
    ("more", "outcome"),
    [
        ({"sender": "mallory@evil.example"}, Outcome.OTHER_SENDER),
        ({"Auto_Submitted": "auto-replied"}, Outcome.AUTOMATIC),
        ({"Precedence": "bulk"}, Outcome.AUTOMATIC),
        ({"List_Id": "<list.yaml.example>"}, Outcome.AUTOMATIC),
        ({"Return_Path": "<>"}, Outcome.AUTOMATIC),
        ({"sender": "mailer-daemon@yaml.example"}, Outcome.AUTOMATIC),
        ({"sender": "house@house.example"}, Outcome.AUTOMATIC),
    ],
)
def test_what_another_sends_or_a_machine_is_set_aside_and_kept(house, case, more, outcome):
    app, server = house
    thread, letter = asked(house, case)
    answer(server, letter["Reply-To"], **more)
    mail_in.receive(app.desk)
    assert len(heard(app, thread)) == 1
    (aside,) = do(app, coordinator(app), mail_in.received)
    assert aside.outcome is outcome
    assert b"We look into it." in do(app, coordinator(app), mail_in.original, aside.mail_id)
    assert len(server.letters) == 2  # the question and this; nothing is answered by itself
    with pytest.raises(ForbiddenError):
        do(app, reporter(app), mail_in.received)


def test_an_address_that_nobody_was_given_leads_nowhere(house, case):
    app, server = house
    thread, _ = asked(house, case)
    for address in (
        "house@house.example",
        f"house+{'a' * 26}@house.example",
        "other+x@house.example",
        "house+x@else.example",
    ):
        answer(server, address, text=address)
    mail_in.receive(app.desk)
    assert outcomes(app) == ["unmatched"] * 4
    assert len(heard(app, thread)) == 1


def test_a_vendor_that_answers_after_leaving_is_set_aside_with_its_reason(house, case):
    app, server = house
    thread, letter = asked(house, case)
    who = read(app, case.id).participants[-1].actor
    do(app, coordinator(app), read_ins.revoke, case.id, who=who, because="left")
    answer(server, letter["Reply-To"])
    mail_in.receive(app.desk)
    assert outcomes(app) == ["not-a-party"]
    assert len(heard(app, thread)) == 1


def test_a_vendor_that_declined_the_embargo_is_set_aside(house, case):
    app, server = house
    _, letter = asked(house, case)
    do(app, coordinator(app), standing.consent, case.id, party=case.vendors[0].id,
       event=ConsentEvent.DECLINE)  # fmt: skip
    answer(server, letter["Reply-To"])
    mail_in.receive(app.desk)
    assert outcomes(app) == ["not-a-party"]


def test_where_a_server_checks_senders_its_word_is_needed(house, case):
    app, server = house
    thread, letter = asked(house, case)
    object.__setattr__(app.desk.outside, "mail_checker", "mx.house.example")
    for results in (
        "mx.house.example; dmarc=fail",
        "evil.example; dmarc=pass",
        "mx.house.example; spf=pass",
    ):
        answer(server, letter["Reply-To"], text=results, Authentication_Results=results)
    answer(server, letter["Reply-To"], Authentication_Results="mx.house.example; dmarc=pass")
    mail_in.receive(app.desk)
    assert sorted(outcomes(app)) == ["other-sender"] * 3 + ["posted"]
    assert len(heard(app, thread)) == 2


def test_a_finder_answers_a_question_by_mail_without_a_read_in(house, case):
    app, server = house
    finder = next(one for one in case.parties if one.role.value == "finder")
    with acting(app, app.desk.clearing_actor) as transaction:
        transaction.execute(
            "UPDATE party SET contact = 'rita@lab.example' WHERE party_id = %s", [finder.id]
        )
    route.tell_parties(app.desk)
    server.letters.clear()
    thread = do(app, coordinator(app), messages.open_thread, case.id, party=finder.id)
    do(app, coordinator(app), messages.post, thread.thread_id, text="Which?", tlp=Tlp.RED)
    route.tell_parties(app.desk)
    (letter,) = server.letters
    _forget(app)
    answer(server, email.message_from_bytes(letter)["Reply-To"], sender="rita@lab.example")
    mail_in.receive(app.desk)
    assert outcomes(app) == ["posted"]


def test_a_flood_to_one_address_is_set_aside_after_sixty_an_hour(house, case, monkeypatch):
    app, server = house
    _, letter = asked(house, case)
    monkeypatch.setattr(mail_in, "_MOST_AN_HOUR", 2)
    for number in range(4):
        answer(server, letter["Reply-To"], text=f"answer {number}")
    mail_in.receive(app.desk)
    assert sorted(outcomes(app)) == ["posted", "posted", "too-many", "too-many"]
    move(app, hours=2)
    answer(server, letter["Reply-To"], text="later")
    mail_in.receive(app.desk)
    assert outcomes(app).count("posted") == 3


def test_long_words_and_many_files_are_cut_in_the_thread_and_whole_in_the_mail(house, case):
    app, server = house
    thread, letter = asked(house, case)
    files = [(f"f{n}", b"x") for n in range(25)]
    answer(server, letter["Reply-To"], text="word " * 30_000, files=files)
    move(app, minutes=1)
    mail_in.receive(app.desk)
    said = do(app, coordinator(app), messages.messages, thread.thread_id)[1][-1]
    assert len(said.words.text) < 101_000
    assert "6 attached files were too large or too many" in said.words.text
    assert said.words.files[0].name == "whole.txt"
    assert len(said.words.files) == 20


def test_html_is_a_file_and_never_words(house, case):
    app, server = house
    thread, letter = asked(house, case)
    html = EmailMessage(policy=SMTP)
    html["From"], html["To"] = VENDOR, letter["Reply-To"]
    html.set_content("<script>alert(1)</script>", subtype="html")
    with smtplib.SMTP(*server.server_address) as session:
        session.sendmail(VENDOR, [letter["Reply-To"]], html.as_bytes())
    move(app, minutes=1)
    mail_in.receive(app.desk)
    said = do(app, coordinator(app), messages.messages, thread.thread_id)[1][-1]
    assert said.words.text == "[no plain text; see the files]"
    assert said.words.files[0].name == "part-1.html"


@pytest.mark.parametrize("data", [b"", b"\x00\xff", b"Subject: x\n\ny", b"x" * 26_000_000])
def test_what_is_no_mail_is_kept_and_called_unreadable(house, case, data):
    app, _ = house
    with acting(app, app.desk.clearing_actor) as transaction:
        assert mail_in.take(app.desk, transaction, data).outcome is Outcome.UNREADABLE
    with pytest.raises(ReplyMailError):
        reply_mail.parse(data)


def test_hostile_mail_is_read_as_data_or_refused():
    head = b"From: a@b.example\nTo: c@d.example\n"
    bomb = head + b"Content-Type: multipart/mixed; boundary=x\n\n" + b"--x\n\ny\n" * 500
    with pytest.raises(ReplyMailError):
        reply_mail.parse(bomb)
    odd = head + b"Content-Type: text/plain; charset=no-such\n\nwords"
    assert reply_mail.parse(odd).text.strip() == "words"
    two = reply_mail.parse(b"From: a@b.example, c@d.example\nTo: x@y.example\n\nz")
    assert two.sender is None
    bounce = head + b"Content-Type: multipart/report; boundary=x\n\n--x\n\ny\n--x--\n"
    assert reply_mail.parse(bounce).automatic == "it is a report about another mail"


def test_without_a_folder_no_mail_comes_in_and_no_answer_is_asked_for(house, case):
    app, server = house
    object.__setattr__(app.desk.outside, "maildir", None)
    assert mail_in.receive(app.desk) == 0
    who = vera(app, case)
    thread = do(app, coordinator(app), messages.open_thread, case.id, party=who.party_id)
    do(app, coordinator(app), messages.post, thread.thread_id, text=PROSE, tlp=Tlp.RED)
    route.tell_parties(app.desk)
    assert email.message_from_bytes(server.letters[-1])["Reply-To"] is None


def test_several_conversations_are_answered_each_at_its_own_address(house, case):
    app, server = house
    who = vera(app, case)
    route.tell_parties(app.desk)
    for party in (None, who.party_id):
        thread = do(app, coordinator(app), messages.open_thread, case.id, party=party)
        do(app, coordinator(app), messages.post, thread.thread_id, text=PROSE, tlp=Tlp.RED)
    server.letters.clear()
    route.tell_parties(app.desk)
    letter = email.message_from_bytes(server.letters[-1])
    assert letter["Reply-To"] is None
    text = letter.get_payload(decode=True).decode()
    assert text.count("house+") == 2
    assert len({line for line in text.splitlines() if "house+" in line}) == 2


def _key():
    secret = pysequoia.Tsk.generate("Vera <security@yaml.example>", validity_seconds=10**8)
    return secret, str(secret.extract_certificate())


def test_with_a_certificate_the_words_go_out_encrypted_and_marked(house, case):
    app, _ = house
    who = vera(app, case)
    secret, armored = _key()
    done = do(app, who, channels.set_channel, who.party_id, webhook=None, wish=Wish(),
              openpgp=armored)  # fmt: skip
    assert isinstance(done, Wish)
    _, letter = asked(house, case)
    assert letter.get_content_type() == "multipart/encrypted"
    assert PROSE[:30] not in letter.as_string()
    version, sealed = letter.get_payload()
    assert version.get_payload().strip() == "Version: 1"
    opened_ = pysequoia.decrypt(
        bytes=sealed.get_payload(decode=True), decryptor=secret.decryptor()
    ).bytes
    inner = email.message_from_bytes(bytes(opened_), policy=email.policy.default)
    text = inner.get_body().get_content()
    assert PROSE.strip() in " ".join(canary.without(text).split())
    (found,) = do(app, coordinator(app), copies.recipients, text)
    assert found.actor_id == who.party_id


def test_what_is_no_certificate_that_holds_is_refused_with_the_reason(house, case):
    app, _ = house
    who = vera(app, case)

    def refused(openpgp):
        done = do(app, who, channels.set_channel, who.party_id, webhook=None, wish=Wish(),
                  openpgp=openpgp)  # fmt: skip
        return done.code, done.reason

    secret, armored = _key()
    assert refused("no key")[0] == "certificate-refused"
    assert "secret key" in refused(str(secret))[1]
    with pytest.raises(OpenPgpError, match="expired"):
        openpgp_mail.certificate(armored.encode(), NOW + timedelta(days=365 * 9))
    with pytest.raises(OpenPgpError, match="larger"):
        openpgp_mail.certificate(b"x" * 70_000, NOW)
