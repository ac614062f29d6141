"""Questions of the house, at the counter for whoever made a report, and the answers taken in there.

In at the desk: a message of the house in the thread of one party. Out: a letter for each submission
of that party in the case. In at the counter: an actor of that party with the receipt. Out: the
questions, and once an answer is on disk, its id; a job puts it into the thread. Refused: everybody
else (no letters, and no answer to any), empty and overlong words. The counter reads no case: a
letter opens only with a key that its receipt and the counter's folder give together. The words have
the mark of the party's copy.
"""

import hmac
import os
from dataclasses import dataclass
from datetime import datetime

import psycopg
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import TypeAdapter

from clearhouse.clearing.coordinate import _store, canary, giving
from clearhouse.clearing.coordinate._threads import Thread
from clearhouse.clearing.coordinate.machine import Refused
from clearhouse.clearing.intake import listing
from clearhouse.kernel.identity import Actor
from clearhouse.kernel.ids import new_id
from clearhouse.kernel.services import Counter, Desk
from clearhouse.kernel.store.database import Transaction

TAKE_ANSWER = "take_answer"
"""Name of the job that puts an answer into its thread."""
MOST_ANSWER = 20_000
_NONCE_BYTES = 12


@dataclass(frozen=True, kw_only=True, slots=True)
class Letter:
    """One question, as whoever holds the receipt reads it."""

    letter_id: str
    at: datetime
    answered_at: datetime | None
    text: str
    copy: str
    """The mark of the party's copy, as three words; not yet woven in."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Inside:
    text: str
    copy: str


_INSIDE = TypeAdapter(_Inside)


def lay_out(
    desk: Desk, transaction: Transaction, thread: Thread, *, message_id: str, text: str
) -> int:
    """Lay a message of the house out for the submissions of the thread's party; say how many."""
    if thread.party_id is None:
        return 0
    reports = _store.reports_of(transaction, thread.case_id)
    receipts = listing.receipts_of(transaction, reports, thread.party_id)
    if not receipts:
        return 0
    mark = giving.given_to_party(desk, transaction, thread.party_id, thread.case_id, message_id)
    inside = _INSIDE.dump_json(_Inside(text=text, copy=canary.named(mark)))
    for receipt in receipts:
        letter_id, nonce = new_id("let"), os.urandom(_NONCE_BYTES)
        cipher = _cipher(desk.keys.marking_key(), receipt)
        transaction.execute(
            "INSERT INTO counter_letter (letter_id, message_id, receipt, at, sealed, compartment,"
            " readers) VALUES (%s, %s, %s, %s, %s, %s, %s)",
            [letter_id, message_id, receipt, transaction.now,
             nonce + cipher.encrypt(nonce, inside, letter_id.encode()), thread.compartment,
             list(thread.readers)],
        )  # fmt: skip
    return len(receipts)


def letters(counter: Counter, actor: Actor, receipt: str) -> tuple[Letter, ...]:
    """Return the questions about a submission of the actor's own party, the oldest first."""
    with counter.database.transaction(actor.actor_id) as transaction:
        rows = transaction.all("SELECT * FROM letters_of(%s)", [receipt])
    found = []
    for row in rows:
        letter_id, sealed = row["letter_id"], bytes(row["sealed"])
        try:
            inside = _INSIDE.validate_json(
                _cipher(counter.marking_key, receipt).decrypt(
                    sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], letter_id.encode()
                )
            )
        except InvalidTag:
            continue  # sealed under a marking key that this counter no longer has
        found.append(
            Letter(
                letter_id=letter_id,
                at=row["at"],
                answered_at=row["answered_at"],
                text=inside.text,
                copy=inside.copy,
            )
        )
    return tuple(found)


def answer(counter: Counter, actor: Actor, letter_id: str, text: str) -> str | Refused:
    """Take an answer in and return its id; when this returns, it is on disk.

    Raises: ForbiddenError; StoreUnavailableError when nothing was stored.
    """
    counter.authority.demand(actor, "message.write")
    if not text.strip() or len(text) > MOST_ANSWER:
        reason = f"an answer has words, at most {MOST_ANSWER} characters"
        return Refused(code="no-words", reason=reason)
    answer_id = new_id("ans")
    try:
        with counter.database.transaction(actor.actor_id) as transaction:
            # The party reads it, so that its own actor can put it into the thread.
            box = counter.sealer.new_box(transaction, ("role:clearing", actor.party_id))
            payload = box.seal(transaction, "answer", text.encode("utf-8", "replace"))
            transaction.execute(
                "INSERT INTO counter_answer (answer_id, letter_id, at, actor_id, content_payload,"
                " compartment, readers) VALUES (%s, %s, %s, %s, %s, %s, %s)",
                [answer_id, letter_id, transaction.now, actor.actor_id, payload, box.compartment,
                 list(box.readers)],
            )  # fmt: skip
            counter.jobs.ask(transaction, TAKE_ANSWER, answer_id=answer_id)
    except psycopg.errors.InsufficientPrivilege:
        return Refused(code="no-question", reason="no question with this id waits for you")
    return answer_id


def _cipher(marking_key: bytes, receipt: str) -> AESGCM:
    return AESGCM(hmac.digest(marking_key, f"letter:{receipt}".encode(), "sha256"))
