"""A case at the counter, for whoever has the link of an invitation; and what is said back there.

In: the code of a link. Out: what its person may see of the case, as the desk laid it out, and once
a statement is on disk, its id; a job enters it into the case. Refused: every other code (no
invitation, whatever is wrong with it), and a statement that says nothing. The counter reads no
case: what it is handed opens only with a key that the code and the counter's folder give together.
"""

import hashlib
import hmac
import os
from dataclasses import dataclass
from datetime import datetime

import psycopg
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import TypeAdapter

from clearhouse.clearing.coordinate.machine import Refused
from clearhouse.clearing.coordinate.record import (
    Justification,
    Outcome,
    ProductState,
    ProductStatus,
)
from clearhouse.kernel.ids import new_id
from clearhouse.kernel.services import Counter

TAKE_STATEMENT = "take_statement"
"""Name of the job that enters a statement into its case."""
MOST_WORDS = 20_000
_NONCE_BYTES = 12


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """One part of the case, with the mark of this reader's copy."""

    share: str
    at: datetime
    text: str
    copy: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One message between the house and the party."""

    at: datetime
    own: bool
    """Whether the party itself said it."""
    text: str
    copy: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What the party said of the report."""

    at: datetime
    outcome: Outcome
    reason: str | None
    fixed_version: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """A case as the link shows it."""

    case_id: str
    person: str
    party: str
    sentence: str
    """What may be done with what is shown."""
    until: datetime | None
    rule: str | None
    parts: tuple[Part, ...]
    consent: str | None
    products: tuple[ProductStatus, ...]
    verdicts: tuple[Verdict, ...]
    lines: tuple[Line, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class OfProduct:
    """What is said of one product."""

    product: str
    state: ProductState
    versions: str | None = None
    justification: Justification | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Statement:
    """What is said back; every part may be missing, not all."""

    outcome: Outcome | None = None
    reason: str | None = None
    fixed_version: str | None = None
    product: OfProduct | None = None
    stands_by_embargo: bool | None = None
    words: str | None = None
    """For the coordinator, in the thread of the party."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """One earlier statement, and what became of it."""

    at: datetime
    outcome: str | None
    """None while nobody has taken it up."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Opened:
    """An invitation that was opened."""

    told: Told
    told_at: datetime
    expires_at: datetime
    said: tuple[Said, ...]


_TOLD = TypeAdapter(Told)
STATEMENT = TypeAdapter(Statement)


def opened(counter: Counter, code: str) -> Opened | None:
    """Return what a link shows; None for every code that shows nothing now."""
    with counter.database.transaction(None) as transaction:
        row = transaction.one("SELECT * FROM invitation_of(%s)", [_hash(code)])
        said = transaction.all("SELECT * FROM statements_of(%s)", [_hash(code)])
        if row is None or row["expires_at"] <= transaction.now:
            return None
    box = bytes(row["sealed"])
    try:
        inside = _cipher(counter.marking_key, code).decrypt(
            box[:_NONCE_BYTES], box[_NONCE_BYTES:], None
        )
    except InvalidTag:
        return None  # sealed under a marking key that this counter no longer has
    return Opened(
        told=_TOLD.validate_json(inside),
        told_at=row["told_at"],
        expires_at=row["expires_at"],
        said=tuple(Said(at=one["at"], outcome=one["outcome"]) for one in said),
    )


def state(counter: Counter, code: str, statement: Statement) -> str | Refused:
    """Take a statement in and return its id; when this returns, it is on disk.

    Raises: StoreUnavailableError when nothing was stored.
    """
    if statement == Statement():
        return Refused(code="nothing-said", reason="nothing was filled in; nothing was stored")
    nothing = Refused(code="no-invitation", reason="this link is no invitation any more")
    hashed, statement_id = _hash(code), new_id("sta")
    try:
        with counter.database.transaction(None) as transaction:
            row = transaction.one("SELECT * FROM invitation_of(%s)", [hashed])
            if row is None or row["expires_at"] <= transaction.now:
                return nothing
            # The party reads it, so that its own actor can enter it into the case.
            box = counter.sealer.new_box(transaction, ("role:clearing", row["party_id"]))
            payload = box.seal(transaction, "statement", STATEMENT.dump_json(statement))
            transaction.execute(
                "INSERT INTO counter_statement (statement_id, invitation_id, hash, at,"
                " content_payload, compartment, readers) VALUES (%s, %s, %s, %s, %s, %s, %s)",
                [statement_id, row["invitation_id"], hashed, transaction.now, payload,
                 box.compartment, list(box.readers)],
            )  # fmt: skip
            counter.jobs.ask(transaction, TAKE_STATEMENT, statement_id=statement_id)
    except psycopg.errors.InsufficientPrivilege:
        return nothing  # it ended in this very moment
    return statement_id


def sealed(marking_key: bytes, code: str, told: Told) -> bytes:
    """Return what a link shows, as it lies at the counter."""
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + _cipher(marking_key, code).encrypt(nonce, _TOLD.dump_json(told), None)


def _cipher(marking_key: bytes, code: str) -> AESGCM:
    return AESGCM(hmac.digest(marking_key, f"invitation:{code}".encode(), "sha256"))


def _hash(code: str) -> bytes:
    return hashlib.sha256(code.encode("utf-8", "replace")).digest()
