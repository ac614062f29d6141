"""Names of things. Random, so that no id tells when it was made or how many there are.

An id is a prefix that says the kind and 26 characters of base 32 (130 random bits).
Receipts follow the TAP Intake API: `SUB-` and 18 characters (90 bits); whoever holds one may
read the submission's status, so it must not be guessable.
"""

import re
import secrets
from typing import NewType

PartyId = NewType("PartyId", str)
ActorId = NewType("ActorId", str)
TokenId = NewType("TokenId", str)
ReportId = NewType("ReportId", str)
Receipt = NewType("Receipt", str)
FindingId = NewType("FindingId", str)
CaseId = NewType("CaseId", str)
EventId = NewType("EventId", str)
PayloadId = NewType("PayloadId", str)
Compartment = NewType("Compartment", str)
"""Name of a need-to-know compartment: who may read, and which data key seals."""


_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
_PAIRS = tuple(one + other for one in _ALPHABET for other in _ALPHABET)


def _random(length: int) -> str:
    """Return an even number of base 32 characters, 5 random bits each."""
    bits = secrets.randbits(5 * length)
    return "".join([_PAIRS[bits >> shift & 1023] for shift in range(0, 5 * length, 10)])


def new_id(prefix: str) -> str:
    """Return a fresh id such as `rep_k3…`."""
    return f"{prefix}_{_random(26)}"


def new_receipt() -> Receipt:
    """Return a fresh submission receipt. Source: TAP Intake API, 202 Accepted."""
    return Receipt(f"SUB-{_random(18)}")


def is_receipt(text: str) -> bool:
    """Say whether a text has the shape of a receipt; what has not, nobody was given."""
    return re.fullmatch(r"SUB-[a-z2-7]{18}", text) is not None


def new_secret(prefix: str) -> str:
    """Return a fresh bearer secret of 256 bits, recognisable by its prefix."""
    return f"{prefix}_{_random(52)}"
