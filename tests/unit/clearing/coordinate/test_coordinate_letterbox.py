"""Questions at the counter reach whoever made the report, and nobody else."""

from dataclasses import replace

import psycopg
import pytest

from casebook import DRAFT, acting, do, opened, read, set_clock
from clearhouse.clearing.coordinate import answers_in, letterbox, messages, shredding
from clearhouse.clearing.coordinate.machine import Refused
from clearhouse.formats.tlp import Tlp
from clearhouse.kernel import identity
from clearhouse.kernel.policy import ForbiddenError
from house import coordinator, person, reporter

QUESTION = "Which version did you try this with, and how do the settings of it look like?"


@pytest.fixture
def asked(app):
    """A case with a question to its finder; (app, finder, receipt, thread)."""
    rita = reporter(app)
    case = opened(app, DRAFT, by=rita)
    cora = coordinator(app)
    thread = do(app, cora, messages.open_thread, case.id, party=rita.party_id)
    do(app, cora, messages.post, thread.thread_id, text=QUESTION, tlp=Tlp.AMBER)
    with acting(app, rita) as transaction:
        receipt = transaction.one("SELECT receipt FROM submission")["receipt"]
    return app, rita, receipt, thread


def _answer(app, actor, receipt, text="With 5.3.1."):
    (letter,) = letterbox.letters(app.counter, actor, receipt)
    return letterbox.answer(app.counter, actor, letter.letter_id, text)


def _said(app, thread):
    _, said = do(app, coordinator(app), messages.messages, thread.thread_id)
    return [one.words.text for one in said]


def test_the_party_that_sent_the_report_reads_the_question_with_its_mark(asked):
    app, rita, receipt, _ = asked
    (letter,) = letterbox.letters(app.counter, rita, receipt)
    assert letter.text == QUESTION
    assert letter.answered_at is None
    with acting(app, coordinator(app)) as transaction:
        copy = transaction.one("SELECT mark FROM case_copy WHERE actor_id = %s", [rita.party_id])
    assert copy is not None, "what the party was given is noted"


def test_nobody_else_reads_or_answers_it_even_with_the_receipt(asked):
    app, rita, receipt, _ = asked
    (letter,) = letterbox.letters(app.counter, rita, receipt)
    other = reporter(app, "Otto Other")
    assert letterbox.letters(app.counter, other, receipt) == ()
    refused = letterbox.answer(app.counter, other, letter.letter_id, "x")
    assert isinstance(refused, Refused)
    nothing = letterbox.answer(app.counter, rita, "let_" + "a" * 26, "x")
    assert nothing == refused, "one answer for all that is not there"
    with app.counter.database.transaction(rita.actor_id) as transaction:
        assert transaction.all("SELECT * FROM letters_of(%s)", ["SUB-" + "a" * 18]) == []


def test_another_party_of_the_same_case_gets_no_letter(asked):
    app, _, receipt, _ = asked
    kim = reporter(app, "Kim Second")
    opened(app, replace(DRAFT, title="Also seen"), by=kim)
    with acting(app, kim) as transaction:
        own = transaction.one("SELECT receipt FROM submission")["receipt"]
    assert own != receipt
    assert letterbox.letters(app.counter, kim, own) == ()


def test_an_answer_comes_into_the_thread_once_as_words_of_whoever_gave_it(asked):
    app, rita, receipt, thread = asked
    answer_id = _answer(app, rita, receipt)
    for _ in range(2):
        answers_in.take(app.desk, answer_id)
    assert _said(app, thread) == [QUESTION, "With 5.3.1."]
    (letter,) = letterbox.letters(app.counter, rita, receipt)
    assert letter.answered_at is not None
    with acting(app, rita) as transaction:
        row = transaction.one(
            "SELECT outcome, wrapped FROM counter_answer JOIN data_key USING (compartment)"
        )
    assert (row["outcome"], row["wrapped"]) == ("posted", None), "what lay between is destroyed"


def test_an_answer_is_on_disk_before_it_is_taken_up_and_sealed(asked):
    app, rita, receipt, _ = asked
    answer_id = _answer(app, rita, receipt, "quartzmerlin")
    with acting(app, rita) as transaction:
        sealed = transaction.one(
            "SELECT sealed FROM counter_answer JOIN payload ON payload_id = content_payload"
            " WHERE answer_id = %s",
            [answer_id],
        )["sealed"]
    assert b"quartzmerlin" not in bytes(sealed)


@pytest.mark.parametrize("text", ["", "  \n", "x" * 20_001])
def test_an_answer_has_words_and_not_too_many(asked, text):
    app, rita, receipt, _ = asked
    assert isinstance(_answer(app, rita, receipt, text), Refused)


def test_whoever_may_not_speak_may_not_answer(asked):
    app, _, receipt, _ = asked
    mute = person(app, "Lab of Rita Reporter", identity.PartyKind.LAB, "Mia Mute")
    (letter,) = letterbox.letters(app.counter, mute, receipt)
    with pytest.raises(ForbiddenError):
        letterbox.answer(app.counter, mute, letter.letter_id, "x")


def test_an_answer_of_somebody_revoked_since_is_kept_and_not_posted(asked):
    app, rita, receipt, thread = asked
    answer_id = _answer(app, rita, receipt)
    with app.desk.database.transaction(None) as transaction:
        identity.revoke_actor(transaction, rita.actor_id)
    answers_in.take(app.desk, answer_id)
    assert _said(app, thread) == [QUESTION]
    with acting(app, app.desk.clearing_actor) as transaction:
        row = transaction.one("SELECT outcome FROM counter_answer")
    assert row["outcome"] == "revoked"


def test_an_answer_into_a_thread_that_is_closed_by_then_is_noted_as_such(asked):
    app, rita, receipt, thread = asked
    answer_id = _answer(app, rita, receipt)
    with acting(app, coordinator(app)) as transaction:
        transaction.execute(
            "SELECT set_readers(%s, %s)", [thread.compartment, ["role:coordinator_on_duty"]]
        )
    answers_in.take(app.desk, answer_id)
    assert _said(app, thread) == [QUESTION]
    assert letterbox.letters(app.counter, rita, receipt) == ()


def test_what_is_shredded_lies_at_the_counter_no_more(asked):
    app, rita, receipt, thread = asked
    case_id = thread.case_id
    end = read(app, case_id).embargo.instant
    set_clock(app, end)
    with acting(app, coordinator(app)) as transaction:
        done = shredding.shred(
            app.desk, transaction, coordinator(app), case_id, because="kept long enough"
        )
    assert not isinstance(done, Refused)
    assert letterbox.letters(app.counter, rita, receipt) == ()
    with acting(app, rita) as transaction:
        assert transaction.all("SELECT letter_id FROM counter_letter") == []


def test_the_counters_role_cannot_read_the_table(asked):
    app = asked[0]
    with (
        pytest.raises(psycopg.errors.InsufficientPrivilege),
        app.counter.database.transaction(None) as transaction,
    ):
        transaction.all("SELECT sealed FROM counter_letter")


def test_a_letter_of_another_marking_key_is_passed_over(asked):
    app, rita, receipt, _ = asked
    other = replace(app.counter, marking_key=b"k" * 32)
    assert letterbox.letters(other, rita, receipt) == ()


def test_words_to_everybody_and_words_of_others_make_no_letters(asked):
    app, rita, receipt, thread = asked
    cora = coordinator(app)
    everybody = do(app, cora, messages.open_thread, thread.case_id, party=None)
    do(app, cora, messages.post, everybody.thread_id, text="To all.", tlp=Tlp.AMBER)
    do(app, rita, messages.post, thread.thread_id, text="By myself.", tlp=Tlp.AMBER)
    assert [one.text for one in letterbox.letters(app.counter, rita, receipt)] == [QUESTION]
