"""What the counter knows again without being able to read it, and what the ledger commits to."""

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from clearhouse.clearing.intake import operations as intake
from clearhouse.clearing.intake.operations import Arrival, KeyReusedError, take_in
from clearhouse.clearing.intake.record import Draft
from clearhouse.kernel.vault import SealedError
from house import outsider, reporter, submit

ORIGINAL = b'{"purl": "pkg:npm/short-enough-to-guess@1.0.0"}'


def arrival(key="one key", original=ORIGINAL):
    draft = Draft(purl="pkg:npm/short-enough-to-guess")
    return Arrival(original=original, format="test", drafts=(draft,), idempotency_key=key)


def stored(app):
    with app.desk.database.transaction(app.desk.clearing_actor.actor_id) as transaction:
        return transaction.all("SELECT * FROM submission")


def test_the_same_key_sent_many_times_at_once_is_one_submission_with_one_receipt(app):
    rita = reporter(app)
    with ThreadPoolExecutor(6) as clients:
        receipts = set(clients.map(lambda _: take_in(app.counter, rita, arrival()), range(12)))
    assert len(receipts) == 1
    assert len(stored(app)) == 1


def test_a_key_with_other_bytes_is_refused_and_another_actor_may_use_it(app):
    first = take_in(app.counter, reporter(app), arrival())
    with pytest.raises(KeyReusedError):
        take_in(app.counter, reporter(app), arrival(original=b"other"))
    assert take_in(app.counter, reporter(app, "Somebody Else"), arrival()) != first


def test_neither_the_key_nor_a_plain_hash_of_what_came_is_in_the_store(app):
    take_in(app.counter, reporter(app), arrival())
    (row,) = stored(app)
    shown = b" ".join(v if isinstance(v, bytes) else str(v).encode() for v in row.values())
    guesses = [ORIGINAL, row["receipt"].encode() + ORIGINAL, b"one key"]
    assert b"one key" not in shown
    assert not [guess for guess in guesses if hashlib.sha256(guess).digest() in shown]


def test_who_is_handed_the_salt_and_the_original_can_check_what_the_ledger_says(app):
    report_id = submit(app, Draft(title="x"), original=ORIGINAL)
    with app.desk.database.transaction(app.desk.clearing_actor.actor_id) as transaction:
        salt, commitment = intake.commitment_of(app.desk, transaction, report_id)
        event = transaction.one("SELECT body FROM ledger_event WHERE subject = %s", [report_id])
    assert hashlib.sha256(bytes.fromhex(salt) + ORIGINAL).hexdigest() == commitment
    assert json.loads(event["body"])["data"]["original_commitment"] == commitment
    assert salt.encode() not in event["body"]


def test_the_salt_is_closed_to_who_is_not_read_in(app):
    report_id = submit(app, Draft(title="x"), original=ORIGINAL)
    with (
        pytest.raises(SealedError),
        app.desk.database.transaction(outsider(app).actor_id) as transaction,
    ):
        intake.commitment_of(app.desk, transaction, report_id)
