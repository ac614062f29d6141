"""What a mail to a party holds: that there is something, or the words themselves, encrypted.

In: the sentence that tells of it, the messages it is about, and the party's OpenPGP certificate
where it gave one. Out: a letter, and the address to answer to. Refused: nothing; a certificate that
has expired or was revoked since it was given is not used, and the letter says that there is
something. Words that leave encrypted carry the mark of the party's copy, and the first time is in
the ledger. In the clear stands no word of a case: answers quote what they answer, so the letter
asks not to.
Source: RFC 3156; RFC 9580.
"""

from collections.abc import Sequence
from email.message import EmailMessage

from clearhouse.clearing.coordinate import _threads, canary, giving
from clearhouse.clearing.coordinate._threads import Message
from clearhouse.clearing.coordinate.mail_addresses import reply_address
from clearhouse.formats import openpgp_mail
from clearhouse.formats.openpgp_mail import OpenPgpError
from clearhouse.kernel.services import Desk
from clearhouse.kernel.store.database import Transaction

_MOST_MESSAGES = 20


def written(
    desk: Desk,
    transaction: Transaction,
    text: str,
    *,
    party: str,
    openpgp: str | None,
    message_ids: Sequence[str],
    thread_ids: Sequence[str],
) -> tuple[EmailMessage, str | None]:
    """Return the letter, and where its answer goes when it is about one thread."""
    addresses = [
        address
        for one in thread_ids
        if (address := reply_address(desk, transaction, one, party)) is not None
    ]
    sealed = _sealed(desk, transaction, text, party, openpgp, message_ids, addresses)
    if sealed is not None:
        return sealed, addresses[0] if len(addresses) == 1 else None
    letter = EmailMessage()
    letter.set_content(text + _how_to_answer(addresses))
    return letter, addresses[0] if len(addresses) == 1 else None


def _how_to_answer(addresses: Sequence[str]) -> str:
    if not addresses:
        return ""
    if len(addresses) == 1:
        return (
            "\nYou may answer this mail; your answer travels in the clear unless you encrypt its"
            " way, so prefer to sign in.\n"
        )
    listed = "".join(f"  {place}. {one}\n" for place, one in enumerate(addresses, 1))
    return f"\nThere are several conversations; answer each at its own address:\n{listed}"


def _sealed(
    desk: Desk,
    transaction: Transaction,
    text: str,
    party: str,
    openpgp: str | None,
    message_ids: Sequence[str],
    addresses: Sequence[str],
) -> EmailMessage | None:
    """Return the letter with the words in it, encrypted; None when that cannot be."""
    if openpgp is None or not message_ids:
        return None
    try:
        known = openpgp_mail.certificate(openpgp.encode(), transaction.now)
    except OpenPgpError:
        return None
    said = _threads.messages_by_id(desk, transaction, message_ids[:_MOST_MESSAGES])
    inner = EmailMessage()
    words = [_as_copy(desk, transaction, party, case_id, one) for case_id, one in said]
    inner.set_content("\n\n".join([text, *words]) + _how_to_answer(addresses))
    for _, one in said:
        for file in one.words.files:
            inner.add_attachment(
                file.content, maintype="application", subtype="octet-stream", filename=file.name
            )
    return openpgp_mail.encrypted(inner, known.armored)


def _as_copy(desk: Desk, transaction: Transaction, party: str, case_id: str, one: Message) -> str:
    mark = giving.given_to_party(desk, transaction, party, case_id, one.message_id)
    head = f"[{one.tlp.value}, {one.at:%Y-%m-%d %H:%M} UTC, copy {canary.named(mark)}]"
    return f"{head}\n{canary.woven(one.words.text, mark)}"
