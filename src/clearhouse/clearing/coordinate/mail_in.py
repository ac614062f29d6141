"""Replies that come by mail: matched to their thread, checked, sealed, and nothing executed.

In: a Maildir into which the house's mail server delivers. Out: words in threads, each with its
ledger entry; and mails that were set aside, each with the reason. Refused: nothing is lost: every
mail is kept sealed as it came, once, and only then leaves the folder.

1. What a machine sent is set aside (RFC 3834); the house never answers a mail by itself, so no loop
can begin. 2. The address that it was sent to names thread and party; it is drawn from a key and
cannot be    guessed. Without one the mail is set aside. 3. Its sender must be the party's contact,
or of its domain; where the house names the server that    checks senders, that server must say so
too (RFC 8601). 4. The party must still have the thread open: whoever has left, or declined the
embargo, is set aside.

A mail that comes twice is one mail. More than sixty in an hour to one address are set aside.
"""

import base64
import hmac
import mailbox
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from clearhouse.clearing.coordinate import _store, _threads, casework, notices
from clearhouse.clearing.coordinate._threads import File, Thread, Words
from clearhouse.clearing.coordinate.duty import HOUSE_READERS
from clearhouse.clearing.coordinate.mail_addresses import hashed
from clearhouse.clearing.coordinate.messages import MOST_FILE_BYTES, MOST_FILES, MOST_TEXT
from clearhouse.clearing.coordinate.record import Case, PartyRole
from clearhouse.formats import reply_mail
from clearhouse.formats.reply_mail import MailFile, ReplyMail, ReplyMailError
from clearhouse.formats.tlp import Tlp
from clearhouse.kernel import ledger
from clearhouse.kernel.identity import Actor
from clearhouse.kernel.ids import PayloadId, new_id
from clearhouse.kernel.services import Desk
from clearhouse.kernel.store.database import Transaction

_MOST_AN_HOUR = 60
_MOST_AT_ONCE = 200
_LABEL = Tlp.AMBER_STRICT


class Outcome(StrEnum):
    """What became of a mail."""

    POSTED = "posted"
    AUTOMATIC = "automatic"
    UNMATCHED = "unmatched"
    OTHER_SENDER = "other-sender"
    NOT_A_PARTY = "not-a-party"
    UNREADABLE = "unreadable"
    TOO_MANY = "too-many"


@dataclass(frozen=True, kw_only=True, slots=True)
class Received:
    """A mail that came in."""

    mail_id: str
    at: datetime
    outcome: Outcome
    thread_id: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class _Place:
    thread: Thread
    party_id: str


def receive(desk: Desk) -> int:
    """Take in what lies in the Maildir, and return how many mails that were."""
    folder = desk.outside.maildir
    if folder is None or not (folder / "new").is_dir():
        return 0
    box = mailbox.Maildir(folder, create=False)
    taken = 0
    for key in list(box.keys())[:_MOST_AT_ONCE]:
        with _bytes_of(box, key) as data:
            if data is None:
                continue  # another worker was first
            with desk.database.transaction(desk.clearing_actor.actor_id) as transaction:
                take(desk, transaction, data)
        box.discard(key)  # sealed and committed above; before that a crash only repeats it
        taken += 1
    return taken


def take(desk: Desk, transaction: Transaction, data: bytes) -> Received:
    """Keep one mail sealed, and post it where it belongs; the same mail again changes nothing."""
    mark = hmac.digest(desk.keys.marking_key(), b"mail\n" + data, "sha256")
    known = transaction.one("SELECT * FROM mail_received WHERE mail_hash = %s", [mark])
    if known is not None:
        return Received(
            mail_id=known["mail_id"],
            at=known["at"],
            outcome=Outcome(known["outcome"]),
            thread_id=known["thread_id"],
        )
    outcome, place, letter = _judge(desk, transaction, data)
    if outcome is Outcome.POSTED and place is not None and letter is not None:
        _post(desk, transaction, place, letter)
    return _keep(desk, transaction, mark, data, outcome, place)


def received(
    desk: Desk, transaction: Transaction, actor: Actor, *, aside: bool = True
) -> list[Received]:
    """Return the latest mails, or those alone that were set aside, the newest first.

    Raises: ForbiddenError.
    """
    desk.authority.demand(actor, "case.read_in")
    rows = transaction.all(
        "SELECT * FROM mail_received WHERE outcome <> 'posted' OR NOT %s"
        " ORDER BY at DESC, mail_id LIMIT 500",
        [aside],
    )
    return [
        Received(
            mail_id=row["mail_id"],
            at=row["at"],
            outcome=Outcome(row["outcome"]),
            thread_id=row["thread_id"],
        )
        for row in rows
    ]


def original(desk: Desk, transaction: Transaction, actor: Actor, mail_id: str) -> bytes | None:
    """Return a mail as it came, None when there is none that the actor may read.

    Raises: ForbiddenError.
    """
    desk.authority.demand(actor, "case.read_in")
    row = transaction.one("SELECT * FROM mail_received WHERE mail_id = %s", [mail_id])
    if row is None:
        return None
    return desk.vault.open(transaction, PayloadId(row["content_payload"]))


def _judge(
    desk: Desk, transaction: Transaction, data: bytes
) -> tuple[Outcome, _Place | None, ReplyMail | None]:
    try:
        letter = reply_mail.parse(data)
    except ReplyMailError:
        return Outcome.UNREADABLE, None, None
    place = _place(desk, transaction, letter)
    if letter.automatic is not None or letter.sender == desk.outside.sender:
        return Outcome.AUTOMATIC, place, letter
    if place is None:
        return Outcome.UNMATCHED, None, letter
    return _judge_sender(desk, transaction, letter, place), place, letter


def _judge_sender(
    desk: Desk, transaction: Transaction, letter: ReplyMail, place: _Place
) -> Outcome:
    if not _is_of_party(desk, transaction, letter, place.party_id):
        return Outcome.OTHER_SENDER
    if not _may_speak(desk, transaction, place):
        return Outcome.NOT_A_PARTY
    lately = _lately(transaction, place.thread.thread_id)
    return Outcome.TOO_MANY if lately >= _MOST_AN_HOUR else Outcome.POSTED


def _place(desk: Desk, transaction: Transaction, letter: ReplyMail) -> _Place | None:
    own_local, _, own_domain = desk.outside.sender.lower().rpartition("@")
    for address in letter.recipients:
        local, _, domain = address.rpartition("@")
        name, plus, token = local.partition("+")
        if domain != own_domain or name.lower() != own_local or not plus:
            continue
        row = transaction.one(
            "SELECT thread_id, party_id FROM mail_address WHERE address_hash = %s",
            [hashed(token.lower())],
        )
        thread = None if row is None else _threads.thread(transaction, row["thread_id"])
        if row is not None and thread is not None:
            return _Place(thread=thread, party_id=row["party_id"])
    return None


def _is_of_party(desk: Desk, transaction: Transaction, letter: ReplyMail, party_id: str) -> bool:
    row = transaction.one("SELECT contact FROM party WHERE party_id = %s", [party_id])
    contact = (row["contact"] or "").lower() if row is not None else ""
    sender = (letter.sender or "").lower()
    domain = sender.rpartition("@")[2]
    own = "@" in contact and "@" in sender and domain == contact.rpartition("@")[2]
    checker = desk.outside.mail_checker
    passed = {what for server, what in letter.checks if server == (checker or "").lower()}
    return own and (checker is None or bool(passed & {"dmarc", "dkim"}))


def _may_speak(desk: Desk, transaction: Transaction, place: _Place) -> bool:
    stored = _store.load(desk, transaction, place.thread.case_id)
    if stored is None:
        return False
    readers = casework.thread_readers(stored.case, place.thread.party_id, transaction.now)
    if place.party_id in readers:
        return True  # a finder, in its own thread
    return _reads(stored.case, place.party_id, readers)


def _reads(case: Case, party_id: str, readers: list[str]) -> bool:
    party = case.party(party_id)
    if party is None or party.role is PartyRole.FINDER:
        return False
    return any(one.party == party_id and one.actor in readers for one in case.participants)


def _lately(transaction: Transaction, thread_id: str) -> int:
    row = transaction.one(
        "SELECT count(*) AS n FROM mail_received WHERE thread_id = %s AND at > %s",
        [thread_id, transaction.now - timedelta(hours=1)],
    )
    return int(row["n"]) if row else 0


def _post(desk: Desk, transaction: Transaction, place: _Place, letter: ReplyMail) -> None:
    thread, actor = place.thread, desk.clearing_actor
    message_id = _threads.add(
        desk,
        transaction,
        thread,
        actor=actor.actor_id,
        party=place.party_id,
        tlp=_LABEL,
        words=_words(letter),
    )
    ledger.append(
        transaction,
        "message.posted",
        message_id,
        {
            "case": thread.case_id,
            "thread": thread.thread_id,
            "party": place.party_id,
            "tlp": _LABEL.value,
            "files": len(letter.files),
            "by": "mail",
            "authority": desk.authority.name,
        },
        readers=thread.readers,
        compartment=thread.compartment,
    )
    notices.tell(desk, transaction, thread, speaker=place.party_id, message_id=message_id)


def _words(letter: ReplyMail) -> Words:
    kept = [one for one in letter.files if len(one.data) <= MOST_FILE_BYTES][:MOST_FILES]
    text = letter.text
    if len(text) > MOST_TEXT:
        whole = MailFile(name="whole.txt", content_type="text/plain", data=text.encode())
        kept, text = [whole, *kept][:MOST_FILES], f"{text[: MOST_TEXT - 100]}\n[cut; see whole.txt]"
    left = len(letter.files) - sum(one in letter.files for one in kept)
    if left:
        text += (
            f"\n[{left} attached files were too large or too many; they stay in the mail itself]"
        )
    return Words(
        text=text if text.strip() else "[no plain text; see the files]",
        files=tuple(
            File(
                name=one.name,
                content_type=one.content_type,
                data=base64.b64encode(one.data).decode(),
            )
            for one in kept
        ),
    )


def _keep(
    desk: Desk,
    transaction: Transaction,
    mark: bytes,
    data: bytes,
    outcome: Outcome,
    place: _Place | None,
) -> Received:
    mail_id = new_id("mai")
    box = desk.vault.new_box(transaction, _house_of(place))
    payload = box.seal(transaction, "mail", data)
    thread_id = None if place is None else place.thread.thread_id
    transaction.execute(
        "INSERT INTO mail_received (mail_hash, mail_id, at, outcome, thread_id, content_payload,"
        " compartment, readers) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
        [mark, mail_id, transaction.now, outcome, thread_id, payload, box.compartment,
         list(box.readers)],
    )  # fmt: skip
    ledger.append(
        transaction,
        "mail.received",
        mail_id,
        {"outcome": outcome.value, "thread": thread_id, "authority": desk.authority.name},
        readers=box.readers,
        compartment=box.compartment,
    )
    return Received(mail_id=mail_id, at=transaction.now, outcome=outcome, thread_id=thread_id)


def _house_of(place: _Place | None) -> tuple[str, ...]:
    """Return who of the house reads a mail as it came: those who read its thread, and no party."""
    if place is None:
        return HOUSE_READERS
    barred = (one for one in place.thread.readers if one.startswith("!"))
    return (*HOUSE_READERS, *barred)


@contextmanager
def _bytes_of(box: mailbox.Maildir, key: str) -> Iterator[bytes | None]:
    """Yield the bytes of a mail, cut at one more than is read; None when it is gone."""
    try:
        with box.get_file(key) as file:
            data: bytes = file.read(reply_mail.MOST_BYTES + 1)
    except (KeyError, FileNotFoundError):
        yield None
        return
    yield data
