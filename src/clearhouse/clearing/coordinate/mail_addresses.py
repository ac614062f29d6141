"""Addresses at which a party answers in a thread, drawn from a key so that nobody can guess one.

In: a thread and a party. Out: an address below the house's own. The store keeps its hash alone.
Refused: nothing; without a folder into which mail is delivered there is no such address.
Source: RFC 5233 (subaddressing).
"""

import base64
import hashlib
import hmac

from clearhouse.clearing.coordinate.duty import HOUSE_READERS
from clearhouse.kernel.services import Desk
from clearhouse.kernel.store.database import Transaction

_TOKEN_CHARACTERS = 26


def reply_address(
    desk: Desk, transaction: Transaction, thread_id: str, party_id: str
) -> str | None:
    """Return the address to which a party answers in a thread; None when no mail comes in here."""
    if desk.outside.maildir is None:
        return None
    token = _token(desk, thread_id, party_id)
    transaction.execute(
        "INSERT INTO mail_address (address_hash, thread_id, party_id, made_at, readers)"
        " VALUES (%s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
        [hashed(token), thread_id, party_id, transaction.now, list(HOUSE_READERS)],
    )
    local, _, domain = desk.outside.sender.rpartition("@")
    return f"{local}+{token}@{domain}"


def hashed(token: str) -> bytes:
    """Return what the store keeps of a token."""
    return hashlib.sha256(token.encode()).digest()


def _token(desk: Desk, thread_id: str, party_id: str) -> str:
    words = f"reply\n{thread_id}\n{party_id}".encode()
    digest = hmac.digest(desk.keys.marking_key(), words, "sha256")
    return base64.b32encode(digest).decode().lower()[:_TOKEN_CHARACTERS]
