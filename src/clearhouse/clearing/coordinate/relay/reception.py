"""The counter takes an envelope from a peer: who sent it, once, and only what can be held.

In: a request's headers and body. Out: `Accepted` once everything is on disk, or `Turned` with a
code that the sender sees. Refused, each with its code and a ledger entry: a signature that does not
hold, is too old, from the future or over, of a key that nobody has or that does not count; a peer
that was ended; a nonce that was used; what `rules.judge` refuses; originals that no reader
understands; a matter that nobody knows; an id with other bytes than before. The same envelope again
is accepted again and has no further effect: at least once on the way, once in the house. The
counter reads no case and opens nothing: what came is sealed, and a job takes it up.
Source: RFC 9421 §7.2 (security considerations), RFC 9530.
"""

import hmac
import json
import re
from collections import Counter as Tally
from collections.abc import Mapping
from dataclasses import dataclass, replace

import psycopg
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from clearhouse.clearing.coordinate.relay import lookup
from clearhouse.clearing.coordinate.relay.keys import relay_policy
from clearhouse.clearing.coordinate.relay.record import NOTED_TO, Caller, Code
from clearhouse.clearing.coordinate.relay.rules import judge
from clearhouse.clearing.intake.operations import Arrival, KeyReusedError, take_in
from clearhouse.clearing.intake.readers import ReadRefusal, read
from clearhouse.clearing.intake.record import Credit
from clearhouse.formats import http_signature, relay_node, relay_reading
from clearhouse.formats.http_signature import SignatureError, Signed
from clearhouse.formats.relay import Envelope, Kind, Original
from clearhouse.formats.relay_node import Node
from clearhouse.formats.relay_reading import RelayError
from clearhouse.formats.tlp import Tlp
from clearhouse.kernel import ledger
from clearhouse.kernel.identity import Actor, ActorKind
from clearhouse.kernel.ids import ActorId, PartyId, Receipt, new_id
from clearhouse.kernel.services import Counter
from clearhouse.kernel.store.database import Transaction

PATH = "/v1/relay"
_QUESTION_ID = re.compile("lkp_[a-z2-7]{26}")
TAKE_RELAYED = "take_relayed"
"""Name of the job that takes up what came in."""
HOLDERS = ("role:clearing", "role:coordinator_on_duty")
"""Who of the house may read what a peer relayed, before a case says so."""
_NOBODY = "nobody"
_STATUS = {Code.UNKNOWN_KEY: 401, Code.KEY_NOT_IN_USE: 401, Code.REVOKED: 403,
           Code.REPLAYED: 409, Code.ID_REUSED: 409}  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class Accepted:
    """The envelope is on disk."""

    envelope_id: str
    known: bool
    """It was there already."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Turned:
    """Nothing of the envelope was stored, and why."""

    code: str
    reason: str
    status: int
    peer_id: str | None = None
    """Whose key it was said to be; None when nobody's."""


def own_document(counter: Counter) -> bytes | None:
    """Return the document by which others know the house, None when it was not set up."""
    file = counter.node_file
    return file.read_bytes() if file is not None and file.exists() else None


class Reception:
    """Takes envelopes in; of one peer's refusals only so many an hour are written down."""

    def __init__(self, counter: Counter) -> None:
        self._counter = counter
        self._most = relay_policy().refusals_per_hour
        self._hour = -1
        self._noted: Tally[str] = Tally()

    def receive(self, headers: Mapping[str, str], body: bytes) -> Accepted | Turned:
        """Take one envelope in, or turn it away.

        Raises: StoreUnavailableError when nothing is known to be stored.
        """
        document = own_document(self._counter)
        if document is None:
            return Turned(code="not-set-up", reason="this house does not relay", status=503)
        outcome = _receive(self._counter, relay_node.read(document), headers, body)
        if isinstance(outcome, Turned) and self._may_note(outcome.peer_id or _NOBODY):
            _note_turned(self._counter, outcome)
        return outcome

    def look_up(self, headers: Mapping[str, str], body: bytes) -> bytes | Turned | None:
        """Return the answer to a peer's blind question, None while it waits for one.

        Raises: StoreUnavailableError when nothing is known to be stored.
        """
        document = own_document(self._counter)
        if document is None:
            return Turned(code="not-set-up", reason="this house does not relay", status=503)
        outcome = _look_up(self._counter, relay_node.read(document), headers, body)
        if isinstance(outcome, Turned) and self._may_note(outcome.peer_id or _NOBODY):
            _note_turned(self._counter, outcome)
        return outcome

    def _may_note(self, name: str) -> bool:
        hour = int(self._counter.database.clock().timestamp()) // 3600
        if hour != self._hour:
            self._hour = hour
            self._noted.clear()
        self._noted[name] += 1
        return self._noted[name] <= self._most


def _receive(
    counter: Counter, node: Node, headers: Mapping[str, str], body: bytes
) -> Accepted | Turned:
    caller = _caller(counter, http_signature.claimed_key(headers))
    if caller is None:
        reason = "no peer of this house signs with this key; both sides enroll each other"
        return _turned(Code.UNKNOWN_KEY, reason)
    signed = _signed(counter, node, caller, headers, body)
    if isinstance(signed, Turned):
        return replace(signed, peer_id=caller.peer_id)
    try:
        envelope = relay_reading.read(body)
    except RelayError as error:
        return _turned(Code.MALFORMED, str(error), caller)
    refused = judge(envelope, caller, node.id, counter.database.clock())
    if refused is not None:
        return _turned(refused.code, refused.reason, caller)
    return _take(counter, caller, signed, envelope, body)


def _look_up(
    counter: Counter, node: Node, headers: Mapping[str, str], body: bytes
) -> bytes | Turned | None:
    caller = _caller(counter, http_signature.claimed_key(headers))
    if caller is None:
        return _turned(Code.UNKNOWN_KEY, "no peer of this house signs with this key")
    signed = _signed(counter, node, caller, headers, body, path=lookup.PATH)
    if isinstance(signed, Turned):
        return replace(signed, peer_id=caller.peer_id)
    return _asked(counter, caller, signed, body)


def _asked(counter: Counter, caller: Caller, signed: Signed, body: bytes) -> bytes | Turned | None:
    """Keep a new question; answer an earlier one as far as it was answered."""
    lookup_id = _question_id(body)
    if lookup_id is None:
        return _turned(Code.MALFORMED, "a question is a JSON object with its id", caller)
    with counter.database.transaction(caller.actor_id) as transaction:
        if not _fresh(transaction, caller, signed):
            return _turned(Code.REPLAYED, "this very request came before; sign it anew", caller)
        row = transaction.one("SELECT * FROM peer_lookup_of(%s, %s)", [caller.peer_id, lookup_id])
        if row is None:
            _keep_question(counter, transaction, caller, lookup_id, body)
            return None
    if bytes(row["question"]) != body:
        return _turned(Code.ID_REUSED, "another question had this id", caller)
    return None if row["answer"] is None else bytes(row["answer"])


def _question_id(body: bytes) -> str | None:
    try:
        said = json.loads(body)["id"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return said if isinstance(said, str) and _QUESTION_ID.fullmatch(said) else None


def _keep_question(
    counter: Counter, transaction: Transaction, caller: Caller, lookup_id: str, body: bytes
) -> None:
    """Keep a question for a job of the desk, which alone holds the key."""
    transaction.execute(
        "INSERT INTO peer_lookup (peer_id, lookup_id, question, asked_at, compartment, readers)"
        " VALUES (%s, %s, %s, %s, %s, %s)",
        [caller.peer_id, lookup_id, body, transaction.now, f"lookups_{caller.peer_id}",
         list(lookup.READERS)],
    )  # fmt: skip
    counter.jobs.ask(transaction, lookup.ANSWER_LOOKUPS)


def _fresh(transaction: Transaction, caller: Caller, signed: Signed) -> bool:
    """Use the nonce of a request up, and say whether it was fresh."""
    used = transaction.one(
        "SELECT relay_use_nonce(%s, %s, %s) AS fresh",
        [caller.peer_id, signed.nonce, signed.expires],
    )
    return used is not None and bool(used["fresh"])


def _caller(counter: Counter, key_id: str | None) -> Caller | None:
    if key_id is None:
        return None
    with counter.database.transaction(None) as transaction:
        row = transaction.one("SELECT * FROM relay_caller(%s)", [key_id])
    if row is None:
        return None
    return Caller(
        peer_id=row["peer_id"],
        party_id=PartyId(row["party_id"]),
        actor_id=ActorId(row["actor_id"]),
        name=row["name"],
        roles=frozenset(row["roles"]),
        node_id=row["node_id"],
        takes_up_to=Tlp(row["takes_up_to"]),
        public=bytes(row["public"]),
        since=row["since"],
        until=row["until"],
        revoked=row["revoked"],
    )


def _signed(
    counter: Counter,
    node: Node,
    caller: Caller,
    headers: Mapping[str, str],
    body: bytes,
    *,
    path: str = PATH,
) -> Signed | Turned:
    """Check the signature first, and only then tell whoever holds the key more of the peer."""
    now = counter.database.clock()
    try:
        signed = http_signature.verify(
            Ed25519PublicKey.from_public_bytes(caller.public),
            method="POST",
            address=node.address + path,
            body=body,
            headers=headers,
            at=now,
        )
    except SignatureError as error:
        reason = f"{error}; it is {now:%Y-%m-%d %H:%M:%S} UTC here"
        return Turned(code=error.code, reason=reason, status=401)
    if caller.revoked:
        return _turned(Code.REVOKED, "this house has ended the exchange")
    if now < caller.since or (caller.until is not None and now >= caller.until):
        return _turned(Code.KEY_NOT_IN_USE, "this key does not count now")
    if signed.nonce is None or signed.expires is None:
        return _turned(Code.NO_NONCE, "a relayed request has a nonce and expires")
    return signed


def _take(
    counter: Counter, caller: Caller, signed: Signed, envelope: Envelope, body: bytes
) -> Accepted | Turned:
    actor = Actor(
        actor_id=caller.actor_id,
        party_id=caller.party_id,
        kind=ActorKind.SYSTEM,
        name=caller.name,
        roles=caller.roles,
    )
    counter.authority.demand(actor, "relay.deliver")
    with counter.database.transaction(actor.actor_id) as transaction:
        earlier = _known(counter, transaction, caller, signed, envelope, body)
    if earlier is not None:
        return earlier
    arrivals = [_arrival(envelope.id, place, one) for place, one in enumerate(envelope.originals)]
    if None in arrivals:
        return _turned(Code.UNREADABLE, "no reader of this house understands an original", caller)
    try:
        receipts = [take_in(counter, actor, one) for one in arrivals if one is not None]
        with counter.database.transaction(actor.actor_id) as transaction:
            _insert(counter, transaction, caller, envelope, receipts, body)
    except KeyReusedError:
        return _turned(Code.ID_REUSED, "another envelope had this id", caller)
    except psycopg.errors.UniqueViolation:
        # The same envelope came twice at once; the other one is on disk by now.
        with counter.database.transaction(actor.actor_id) as transaction:
            twin = _earlier(counter, transaction, caller, envelope, body)
        return twin or _turned(Code.REPLAYED, "another request is just taken; sign it anew", caller)
    return Accepted(envelope_id=envelope.id, known=False)


def _known(
    counter: Counter,
    transaction: Transaction,
    caller: Caller,
    signed: Signed,
    envelope: Envelope,
    body: bytes,
) -> Accepted | Turned | None:
    """Use the nonce up, and look whether the envelope or its matter is known."""
    if not _fresh(transaction, caller, signed):
        return _turned(Code.REPLAYED, "this very request came before; sign it anew", caller)
    earlier = _earlier(counter, transaction, caller, envelope, body)
    if earlier is not None or envelope.kind is Kind.CASE:
        return earlier
    matter = transaction.one(
        "SELECT relay_has_matter(%s, %s, %s) AS found",
        [caller.peer_id, envelope.handle, envelope.answers],
    )
    if matter is None or not matter["found"]:
        return _turned(Code.UNKNOWN_MATTER, "nothing is known here under these names", caller)
    return None


def _earlier(
    counter: Counter, transaction: Transaction, caller: Caller, envelope: Envelope, body: bytes
) -> Accepted | Turned | None:
    row = transaction.one("SELECT * FROM relay_earlier(%s, %s)", [caller.peer_id, envelope.id])
    if row is None:
        return None
    if not hmac.compare_digest(bytes(row["body_mark"]), _mark(counter, caller, body)):
        return _turned(Code.ID_REUSED, "another envelope had this id", caller)
    return Accepted(envelope_id=envelope.id, known=True)


def _arrival(envelope_id: str, place: int, original: Original) -> Arrival | None:
    """Read an original, and give its reports the credits that its provenance carries."""
    found = read(original.data, filename=original.filename, content_type=original.media_type)
    if isinstance(found, ReadRefusal):
        return None
    finders = tuple(Credit(name=one.name, role=one.role) for one in original.provenance.finders)
    return Arrival(
        original=original.data,
        format=found.format,
        drafts=tuple(
            replace(one, credits=tuple(dict.fromkeys((*finders, *one.credits))))
            for one in found.drafts
        ),
        content_type=original.media_type,
        filename=original.filename,
        idempotency_key=f"{envelope_id}:{place}",
        house=HOLDERS,
    )


def _insert(
    counter: Counter,
    transaction: Transaction,
    caller: Caller,
    envelope: Envelope,
    receipts: list[Receipt],
    body: bytes,
) -> None:
    box = counter.sealer.new_box(transaction, HOLDERS)
    inbound_id, payload = new_id("inb"), box.seal(transaction, "envelope", body)
    transaction.execute(
        "INSERT INTO relay_in (inbound_id, peer_id, envelope_id, kind, handle, number, tlp,"
        " received_at, receipts, body_mark, content_payload, compartment, readers)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        [inbound_id, caller.peer_id, envelope.id, envelope.kind, envelope.handle,
         envelope.sequence, envelope.tlp.value, transaction.now, receipts,
         _mark(counter, caller, body), payload, box.compartment, list(box.readers)],
    )  # fmt: skip
    counter.jobs.ask(transaction, TAKE_RELAYED, inbound_id=inbound_id)
    ledger.append(
        transaction,
        "relay.received",
        inbound_id,
        {
            "envelope": envelope.id,
            "kind": envelope.kind.value,
            "peer": caller.peer_id,
            "tlp": envelope.tlp.value,
            "receipts": len(receipts),
            "authority": counter.authority.name,
        },
        readers=box.readers,
        compartment=box.compartment,
    )


def _mark(counter: Counter, caller: Caller, body: bytes) -> bytes:
    return hmac.digest(counter.marking_key, f"relay\n{caller.peer_id}\n".encode() + body, "sha256")


def _turned(code: str, reason: str, caller: Caller | None = None) -> Turned:
    status = _STATUS.get(Code(code), 422)
    return Turned(
        code=code, reason=reason, status=status, peer_id=None if caller is None else caller.peer_id
    )


def _note_turned(counter: Counter, turned: Turned) -> None:
    with counter.database.transaction(None) as transaction:
        ledger.append(
            transaction,
            "relay.turned_away",
            turned.peer_id or _NOBODY,
            {"code": str(turned.code)},
            readers=NOTED_TO,
        )
