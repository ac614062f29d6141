"""Puts answers that were taken in at the counter into the threads that asked.

In: the id of an answer. Out: a message of whoever answered, once; the copy that lay between is
destroyed. Refused, and noted with the answer: an actor who may act no more by then, a thread that
is closed to it. Running it again changes nothing.
"""

from clearhouse.clearing.coordinate import messages
from clearhouse.clearing.coordinate.machine import Refused
from clearhouse.clearing.coordinate.messages import NoSuchThreadError
from clearhouse.formats.tlp import Tlp
from clearhouse.kernel import identity, vault
from clearhouse.kernel.ids import ActorId, Compartment, PayloadId
from clearhouse.kernel.services import Desk
from clearhouse.kernel.store.database import Row, Transaction

POSTED, REVOKED, CLOSED = "posted", "revoked", "closed"


def take(desk: Desk, answer_id: str) -> None:
    """Post one answer as the actor who gave it."""
    with desk.database.transaction(desk.clearing_actor.actor_id) as transaction:
        row = transaction.one(
            "SELECT actor_id FROM counter_answer WHERE answer_id = %s AND outcome IS NULL",
            [answer_id],
        )
        who = None if row is None else ActorId(row["actor_id"])
        if who is not None and identity.actor(transaction, who) is None:
            _settle(transaction, answer_id, REVOKED)
            return
    if who is None:
        return
    with desk.database.transaction(who) as transaction:
        waiting = _waiting(transaction, answer_id)
        actor = identity.actor(transaction, who)
        if waiting is None or actor is None:
            return
        outcome = _posted(desk, transaction, actor, waiting)
        _settle(transaction, answer_id, outcome)
        if outcome == POSTED:
            transaction.execute(
                "UPDATE counter_letter SET answered_at = %s WHERE letter_id = %s",
                [transaction.now, waiting["letter_id"]],
            )
            vault.shred(transaction, Compartment(waiting["compartment"]))


def _waiting(transaction: Transaction, answer_id: str) -> Row | None:
    return transaction.one(
        "SELECT a.letter_id, a.content_payload, a.compartment, m.thread_id FROM counter_answer a"
        " JOIN counter_letter l USING (letter_id) JOIN case_message m USING (message_id)"
        " WHERE a.answer_id = %s AND a.outcome IS NULL FOR UPDATE OF a",
        [answer_id],
    )


def _posted(desk: Desk, transaction: Transaction, actor: identity.Actor, waiting: Row) -> str:
    words = desk.vault.open(transaction, PayloadId(waiting["content_payload"])).decode()
    try:
        done = messages.post(
            desk, transaction, actor, waiting["thread_id"], text=words, tlp=Tlp.AMBER_STRICT
        )
    except NoSuchThreadError:
        return CLOSED
    return done.code if isinstance(done, Refused) else POSTED


def _settle(transaction: Transaction, answer_id: str, outcome: str) -> None:
    transaction.execute(
        "UPDATE counter_answer SET outcome = %s WHERE answer_id = %s", [outcome, answer_id]
    )
