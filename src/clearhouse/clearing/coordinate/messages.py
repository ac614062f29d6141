"""Words within a case: with everybody who is read in, or between the house and one party.

In: who speaks, where, under which TLP label. Out: a sealed message, and a notice to each party that
reads along that there is something to read; the notice says nothing else. Refused: a thread with a
party that has no part in the case, empty words, files that are no files, a label that would make it
public or is stricter than a peer may get, and whoever is not read in (one answer for all that is
not there). A finder's own thread is open to the finder's party without a read-in: questions about a
report go back to whoever made it, at the counter too, and tell nothing but what is asked.
Source: TLP 2.0.
"""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import replace

from clearhouse.clearing.coordinate import _threads, canary, giving, letterbox, notices
from clearhouse.clearing.coordinate._threads import File, Message, Thread, Words
from clearhouse.clearing.coordinate.casework import case_file, thread_readers
from clearhouse.clearing.coordinate.machine import Refused
from clearhouse.clearing.coordinate.record import CaseFile
from clearhouse.clearing.coordinate.relay import following
from clearhouse.formats.tlp import Tlp
from clearhouse.kernel import ledger
from clearhouse.kernel.identity import Actor
from clearhouse.kernel.services import Desk
from clearhouse.kernel.store.database import Transaction

_LOOSEST = Tlp.GREEN
MOST_TEXT = 100_000
MOST_FILES = 20
MOST_FILE_BYTES = 10 * 1024 * 1024


__all__ = ["File", "Message", "NoSuchThreadError", "Thread", "as_copy", "messages",
           "open_thread", "post", "threads", "threads_of"]  # fmt: skip


class NoSuchThreadError(LookupError):
    """There is no such thread, or the actor may not read it; both look the same."""


def open_thread(
    desk: Desk, transaction: Transaction, actor: Actor, case_id: str, *, party: str | None
) -> Thread | Refused:
    """Return the thread with a party of the case, or with everybody, made at the first call.

    Raises: NoSuchCaseError, ForbiddenError.
    """
    stored = case_file(desk, transaction, actor, case_id)
    desk.authority.demand(actor, "message.write", stored.readers)
    if party is not None and stored.case.party(party) is None:
        return Refused(code="unknown-party", reason="that party has no part in the case")
    return _open(desk, transaction, stored, party)


def threads(desk: Desk, transaction: Transaction, actor: Actor) -> list[Thread]:
    """Return the threads that the actor may read, the liveliest first.

    Raises: ForbiddenError.
    """
    desk.authority.demand(actor, "message.read")
    return _threads.threads(transaction)


def threads_of(desk: Desk, transaction: Transaction, actor: Actor, case_id: str) -> list[Thread]:
    """Return the threads of a case that the actor may read; none to whoever may read no messages.

    Raises: NoSuchCaseError, ForbiddenError.
    """
    case_file(desk, transaction, actor, case_id)
    may = desk.authority.may(actor, "message.read").allowed
    return _threads.threads(transaction, case_id) if may else []


def messages(
    desk: Desk, transaction: Transaction, actor: Actor, thread_id: str
) -> tuple[Thread, list[Message]]:
    """Return a thread and what was said in it, each message with the mark of this reader's copy.

    Raises: NoSuchThreadError, ForbiddenError.
    """
    found = _found(desk, transaction, actor, thread_id, "message.read")
    said = _threads.messages(desk, transaction, thread_id)
    marks = giving.given(desk, transaction, actor, found.case_id, [one.message_id for one in said])
    return found, [replace(one, copy=canary.named(marks[one.message_id])) for one in said]


def as_copy(said: Message) -> Message:
    """Return a message as its reader is given it, the mark of the copy woven into its words."""
    if said.copy is None:
        return said
    text = canary.woven(said.words.text, canary.mark_of(said.copy))
    return replace(said, words=replace(said.words, text=text))


def post(
    desk: Desk,
    transaction: Transaction,
    actor: Actor,
    thread_id: str,
    *,
    text: str,
    tlp: Tlp,
    files: Sequence[File] = (),
) -> str | Refused:
    """Say something in a thread, and return the id of the message.

    Raises: NoSuchThreadError, ForbiddenError.
    """
    found = _found(desk, transaction, actor, thread_id, "message.write")
    refused = _mistake(text, files, tlp) or following.too_strict(transaction, found, tlp)
    if refused is not None:
        return refused
    words = Words(text=text, files=tuple(files))
    message_id = _threads.add(
        desk, transaction, found, actor=actor.actor_id, party=actor.party_id, tlp=tlp, words=words
    )
    ledger.append(
        transaction,
        "message.posted",
        message_id,
        {
            "case": found.case_id,
            "thread": found.thread_id,
            "party": actor.party_id,
            "tlp": tlp.value,
            "files": len(words.files),
            "authority": desk.authority.name,
        },
        readers=found.readers,
        compartment=found.compartment,
    )
    following.pass_on(desk, transaction, found, speaker=actor.party_id, tlp=tlp, words=words)
    notices.tell(desk, transaction, found, speaker=actor.party_id, message_id=message_id)
    if actor.party_id == desk.clearing_actor.party_id:
        letterbox.lay_out(desk, transaction, found, message_id=message_id, text=text)
    return message_id


def _open(desk: Desk, transaction: Transaction, stored: CaseFile, party: str | None) -> Thread:
    readers = thread_readers(stored.case, party, transaction.now)
    return _threads.open_thread(desk, transaction, stored.case.id, party, readers)


def _found(desk: Desk, transaction: Transaction, actor: Actor, thread_id: str, act: str) -> Thread:
    found = _threads.thread(transaction, thread_id)
    if found is None:
        raise NoSuchThreadError("no thread with this id that you may read")
    desk.authority.demand(actor, act, found.readers)
    return found


def _mistake(text: str, files: Sequence[File], tlp: Tlp) -> Refused | None:
    if tlp.rank < _LOOSEST.rank:
        reason = f"within a case nothing is freer than {_LOOSEST.value}; advisories tell the public"
        return Refused(code="label-too-free", reason=reason)
    if not text.strip() or len(text) > MOST_TEXT:
        reason = f"a message has words, at most {MOST_TEXT} characters"
        return Refused(code="no-words", reason=reason)
    if len(files) > MOST_FILES:
        return Refused(code="too-many-files", reason=f"at most {MOST_FILES} files to a message")
    for one in files:
        try:
            size = len(base64.b64decode(one.data, validate=True))
        except binascii.Error:
            return Refused(code="no-file", reason="the content of a file is base64")
        if size > MOST_FILE_BYTES:
            reason = f"a file has at most {MOST_FILE_BYTES // 1024 // 1024} MiB"
            return Refused(code="file-too-large", reason=reason)
    return None
