"""Where words in a case are kept: threads in the clear by their times, what is said sealed."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from pydantic import TypeAdapter

from clearhouse.formats.tlp import Tlp
from clearhouse.kernel import vault
from clearhouse.kernel.ids import Compartment, PayloadId, new_id
from clearhouse.kernel.services import Desk
from clearhouse.kernel.store.database import Row, Transaction


@dataclass(frozen=True, kw_only=True, slots=True)
class File:
    """Something attached to a message; never opened here."""

    name: str
    content_type: str
    data: str
    """Base64."""

    @classmethod
    def of(cls, name: str, content_type: str, content: bytes) -> "File":
        """Return a file of these bytes."""
        data = base64.b64encode(content).decode()
        return cls(name=name, content_type=content_type, data=data)

    @property
    def content(self) -> bytes:
        """Return the bytes."""
        return base64.b64decode(self.data)


@dataclass(frozen=True, kw_only=True, slots=True)
class Words:
    """What one message says."""

    text: str
    files: tuple[File, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """One message as its readers see it."""

    message_id: str
    at: datetime
    actor_id: str
    party_id: str
    tlp: Tlp
    words: Words
    copy: str | None = None
    """The mark of this reader's copy, as three words; None in nobody's hand."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Thread:
    """Words between the house and one party of a case, or between everybody who is read in."""

    thread_id: str
    case_id: str
    party_id: str | None
    opened_at: datetime
    last_at: datetime
    compartment: Compartment
    readers: tuple[str, ...]


_WORDS = TypeAdapter(Words)


def open_thread(
    desk: Desk, transaction: Transaction, case_id: str, party: str | None, readers: Sequence[str]
) -> Thread:
    """Make a thread with a compartment of its own, or return the one that is there."""
    known = transaction.one(
        "SELECT * FROM case_thread WHERE case_id = %s AND party_id IS NOT DISTINCT FROM %s",
        [case_id, party],
    )
    if known is not None:
        return _thread(known)
    box = desk.vault.new_box(transaction, readers)
    row = transaction.one(
        "INSERT INTO case_thread (thread_id, case_id, party_id, opened_at, last_at, compartment,"
        " readers) VALUES (%s, %s, %s, %s, %s, %s, %s) RETURNING *",
        [new_id("thr"), case_id, party, transaction.now, transaction.now, box.compartment,
         list(box.readers)],
    )  # fmt: skip
    if row is None:
        raise LookupError("a thread vanished while it was made")
    return _thread(row)


def thread(transaction: Transaction, thread_id: str) -> Thread | None:
    """Return a thread that the actor may read."""
    row = transaction.one("SELECT * FROM case_thread WHERE thread_id = %s", [thread_id])
    return None if row is None else _thread(row)


def threads(transaction: Transaction, case_id: str | None = None) -> list[Thread]:
    """Return the threads that the actor may read, of one case or of all, the liveliest first."""
    rows = transaction.all(
        "SELECT * FROM case_thread WHERE %s::text IS NULL OR case_id = %s"
        " ORDER BY last_at DESC, thread_id LIMIT 500",
        [case_id, case_id],
    )
    return [_thread(row) for row in rows]


def add(
    desk: Desk,
    transaction: Transaction,
    found: Thread,
    *,
    actor: str,
    party: str,
    tlp: Tlp,
    words: Words,
) -> str:
    """Seal a message into its thread and return its id."""
    box = desk.vault.open_box(transaction, found.compartment)
    payload = box.seal(transaction, "message", _WORDS.dump_json(words))
    message_id = new_id("msg")
    transaction.execute(
        "INSERT INTO case_message (message_id, thread_id, at, actor_id, party_id, tlp,"
        " content_payload, compartment, readers) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
        [message_id, found.thread_id, transaction.now, actor, party, tlp.value, payload,
         box.compartment, list(box.readers)],
    )  # fmt: skip
    transaction.execute(
        "UPDATE case_thread SET last_at = %s WHERE thread_id = %s",
        [transaction.now, found.thread_id],
    )
    return message_id


def messages(desk: Desk, transaction: Transaction, thread_id: str) -> list[Message]:
    """Return what was said in a thread, the oldest first."""
    rows = transaction.all(
        "SELECT * FROM case_message WHERE thread_id = %s ORDER BY at, message_id", [thread_id]
    )
    return _opened(desk, transaction, rows)


def messages_by_id(
    desk: Desk, transaction: Transaction, ids: Sequence[str]
) -> list[tuple[str, Message]]:
    """Return messages with the cases that they belong to, the oldest first."""
    rows = transaction.all(
        "SELECT m.*, t.case_id FROM case_message m JOIN case_thread t USING (thread_id)"
        " WHERE message_id = ANY(%s) ORDER BY m.at, message_id",
        [list(ids)],
    )
    return [
        (row["case_id"], one)
        for row, one in zip(rows, _opened(desk, transaction, rows), strict=True)
    ]


def _opened(desk: Desk, transaction: Transaction, rows: Sequence[Row]) -> list[Message]:
    said = desk.vault.open_many(transaction, [PayloadId(row["content_payload"]) for row in rows])
    return [
        Message(
            message_id=row["message_id"],
            at=row["at"],
            actor_id=row["actor_id"],
            party_id=row["party_id"],
            tlp=Tlp(row["tlp"]),
            words=_WORDS.validate_json(said[row["content_payload"]]),
        )
        for row in rows
    ]


def last_words(transaction: Transaction, case_id: str) -> dict[str, datetime]:
    """Return when each party last said something in the threads of a case."""
    rows = transaction.all(
        "SELECT m.party_id, max(m.at) AS at FROM case_message m JOIN case_thread USING (thread_id)"
        " WHERE case_id = %s GROUP BY 1",
        [case_id],
    )
    return {row["party_id"]: row["at"] for row in rows}


def move(transaction: Transaction, kept: str, other: str) -> None:
    """Let the threads of a case that joined another one stand there too, each as it was."""
    transaction.execute(
        "UPDATE case_thread t SET case_id = %s WHERE case_id = %s AND NOT EXISTS"
        " (SELECT FROM case_thread k WHERE k.case_id = %s AND k.party_id IS NOT DISTINCT FROM"
        " t.party_id)",
        [kept, other, kept],
    )


def set_readers(transaction: Transaction, found: Thread, readers: Sequence[str]) -> None:
    """Let exactly these principals read a thread."""
    if sorted(found.readers) != sorted(readers):
        vault.set_readers(transaction, found.compartment, readers)


def _thread(row: Row) -> Thread:
    return Thread(
        thread_id=row["thread_id"],
        case_id=row["case_id"],
        party_id=row["party_id"],
        opened_at=row["opened_at"],
        last_at=row["last_at"],
        compartment=Compartment(row["compartment"]),
        readers=tuple(row["readers"]),
    )
