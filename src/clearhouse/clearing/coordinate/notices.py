"""Tells parties that there is something to read, and nothing of what it is.

In: a case that was opened, a message that was posted, or the clock. Out: notices, each kept until
the other side has accepted it; those of one party that are due go out as one mail, or as one signed
request where the party named an address for that. Refused: an address that others could read along.
A failure makes the next try later, up to six hours apart, and nothing is ever given up.
New cases are paced (`pacing`): what is held back is shown with its reason and its instant.
A mail that was accepted just before a crash goes out again under the same Message-ID.
Where a party gave an OpenPGP certificate, the mail holds the words themselves, encrypted to it.
"""

import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from hashlib import sha256

from clearhouse.clearing.coordinate import letters_out, pacing
from clearhouse.clearing.coordinate._threads import Thread
from clearhouse.clearing.coordinate.pacing import Turn, Wish
from clearhouse.clearing.coordinate.record import CaseFile
from clearhouse.kernel.addresses import AddressRefusedError
from clearhouse.kernel.ids import new_id
from clearhouse.kernel.outside import OutsideError
from clearhouse.kernel.services import Desk
from clearhouse.kernel.store.database import Row, Transaction

_LONGEST_PAUSE = timedelta(hours=6)
_MOST_S = 10.0
"""After so long a run begins no further party."""
_SUBJECT = "There is something to read at the clearinghouse"


def hand_over(transaction: Transaction, stored: CaseFile) -> None:
    """Tell the vendors of a case that they have one, each once and when it is their turn."""
    rules = pacing.in_force()
    urgent = pacing.is_urgent(rules, stored.case.embargo.facts)
    rows = transaction.all(
        "SELECT party_id FROM notice WHERE case_id = %s AND kind = 'case'", [stored.case.id]
    )
    known = {row["party_id"] for row in rows}
    for vendor in stored.case.vendors:
        if vendor.id in known:
            continue
        wish, earlier = _wish(transaction, vendor.id), _turns(transaction, vendor.id)
        at = pacing.turn(rules, wish, earlier, urgent=urgent, now=transaction.now)
        _insert(transaction, stored.case.id, vendor.id, "case", at, stored)


def tell(
    desk: Desk, transaction: Transaction, thread: Thread, *, speaker: str, message_id: str
) -> None:
    """Tell every other party that reads a thread that something was said."""
    house = desk.clearing_actor.party_id
    parties = transaction.all(
        "SELECT DISTINCT party_id FROM (SELECT party_id FROM actor WHERE actor_id = ANY(%s)"
        " UNION SELECT party_id FROM party WHERE party_id = ANY(%s)) AS reading ORDER BY 1",
        [list(thread.readers), list(thread.readers)],
    )
    for row in parties:
        if row["party_id"] not in {speaker, house}:
            turn = Turn(at=transaction.now, held_because=None)
            _insert(
                transaction, thread.case_id, row["party_id"], "message", turn, thread, message_id
            )


def deliver(desk: Desk) -> int:
    """Send what is due, party by party, and return how many notices were accepted."""
    sent = 0
    with desk.database.transaction(desk.clearing_actor.actor_id) as transaction:
        parties = transaction.all(
            "SELECT DISTINCT party_id FROM notice WHERE sent_at IS NULL AND due_at <= %s"
            " ORDER BY 1 LIMIT 500",
            [transaction.now],
        )
    begin = time.monotonic()
    for row in parties:
        if time.monotonic() - begin > _MOST_S:
            break  # the next run goes on; the clearing of reports must not wait for a deaf server
        with desk.database.transaction(desk.clearing_actor.actor_id) as transaction:
            sent += _deliver_to(desk, transaction, row["party_id"])
    return sent


def _deliver_to(desk: Desk, transaction: Transaction, party: str) -> int:
    """Send all that is due to one party as one, or note when to try again."""
    rows = transaction.all(
        "SELECT * FROM notice WHERE party_id = %s AND sent_at IS NULL AND due_at <= %s"
        " ORDER BY notice_id FOR UPDATE SKIP LOCKED",
        [party, transaction.now],
    )
    if not rows:
        return 0
    ids = [row["notice_id"] for row in rows]
    try:
        _send(desk, transaction, party, rows)
    except (OutsideError, AddressRefusedError) as error:
        pause = min(timedelta(seconds=30) * 2 ** min(rows[0]["attempts"], 12), _LONGEST_PAUSE)
        transaction.execute(
            "UPDATE notice SET attempts = attempts + 1, failure = %s, due_at = %s"
            " WHERE notice_id = ANY(%s)",
            [str(error), transaction.now + pause, ids],
        )
        return 0
    transaction.execute(
        "UPDATE notice SET attempts = attempts + 1, failure = NULL, sent_at = %s"
        " WHERE notice_id = ANY(%s)",
        [transaction.now, ids],
    )
    return len(ids)


def _send(desk: Desk, transaction: Transaction, party: str, rows: Sequence[Row]) -> None:
    """Say how many things wait, and where to read them: nothing of a case, not even its id.

    Raises: OutsideError, AddressRefusedError.
    """
    to = transaction.one(
        "SELECT contact, webhook, openpgp FROM party LEFT JOIN party_channel USING (party_id)"
        " WHERE party_id = %s",
        [party],
    )
    if to is None:
        raise OutsideError("the party is gone")
    cases = sum(row["kind"] == "case" for row in rows)
    messages = len(rows) - cases
    together = sha256(" ".join(row["notice_id"] for row in rows).encode()).hexdigest()[:32]
    address = f"{desk.outside.desk_address}/threads"
    if to["webhook"]:
        body = {"id": together, "cases": cases, "messages": messages, "read_at": address}
        key = desk.keys.signing_key()
        desk.outside.send_hook(to["webhook"], body, key=key, at=transaction.now)
        return
    if not to["contact"] or "@" not in to["contact"]:
        raise OutsideError("no address is known")
    text = (
        f"New cases: {cases}. New messages: {messages}.\n\nSign in to read them: {address}\n\n"
        "This mail says no more, because what it is about may not travel in the clear.\n"
    )
    letter, reply_to = letters_out.written(
        desk,
        transaction,
        text,
        party=party,
        openpgp=to["openpgp"],
        message_ids=[row["message_id"] for row in rows if row["message_id"]],
        thread_ids=sorted({row["thread_id"] for row in rows if row["thread_id"]}),
    )
    desk.outside.send_letter(
        letter,
        to["contact"],
        _SUBJECT,
        message_id=together,
        at=transaction.now,
        reply_to=reply_to,
    )


def _wish(transaction: Transaction, party: str) -> Wish:
    row = transaction.one("SELECT * FROM party_channel WHERE party_id = %s", [party])
    if row is None:
        return Wish()
    return Wish(cases_per_week=row["cases_per_week"], paused_until=row["paused_until"])


def _turns(transaction: Transaction, party: str) -> list[datetime]:
    """Return when a party was handed cases, or is to be."""
    rows = transaction.all(
        "SELECT coalesce(sent_at, due_at) AS at FROM notice WHERE party_id = %s AND kind = 'case'"
        " AND coalesce(sent_at, due_at) > %s",
        [party, transaction.now - timedelta(days=365)],
    )
    return [row["at"] for row in rows]


def _insert(
    transaction: Transaction,
    case_id: str,
    party: str,
    kind: str,
    turn: Turn,
    within: CaseFile | Thread,
    message_id: str | None = None,
) -> None:
    thread_id = within.thread_id if isinstance(within, Thread) else None
    transaction.execute(
        "INSERT INTO notice (notice_id, case_id, party_id, kind, made_at, due_at, held_because,"
        " compartment, readers, thread_id, message_id)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        [new_id("ntc"), case_id, party, kind, transaction.now, turn.at, turn.held_because,
         within.compartment, list(within.readers), thread_id, message_id],
    )  # fmt: skip
