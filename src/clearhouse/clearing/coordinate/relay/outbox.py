"""Sends what waits for peers, in order within each matter, until the other side has it.

In: the clock. Out: envelopes that were taken, refused, or are to be tried again. Sending the same
envelope twice has the effect of once, because the other side knows it by its id; a system that has
no such rule, and broke off after everything was sent, is not asked again by itself. A failure makes
the next try later; nothing that may still be taken is given up. Every outcome is in the ledger, and
of a failure only its kind, never the words of the other side.
"""

import time
from collections.abc import Callable, Mapping

from clearhouse.clearing.coordinate.relay import _store
from clearhouse.clearing.coordinate.relay.adapters import clearhouse, github, mail, tap, vince
from clearhouse.clearing.coordinate.relay.adapters.way import Refusal, Taken, Way
from clearhouse.clearing.coordinate.relay.keys import relay_policy
from clearhouse.clearing.coordinate.relay.record import FINAL, Code, Link, Peer, PeerKind, Sent
from clearhouse.formats import http_signature, relay_reading
from clearhouse.formats.canonical import Json
from clearhouse.formats.relay import Envelope, Kind
from clearhouse.kernel import ledger
from clearhouse.kernel.addresses import AddressRefusedError
from clearhouse.kernel.outside import OutsideError, UnclearError
from clearhouse.kernel.services import Desk
from clearhouse.kernel.store.database import Transaction

_MOST_S = 10.0
"""After so long a run begins nothing further."""
UNCLEAR = "unclear"
"""The other side may have it, or not, and cannot be asked: a person decides."""
_OVER = {*FINAL, UNCLEAR, *http_signature.Fault} - {
    http_signature.Fault.CLOCK_SKEW, http_signature.Fault.EXPIRED,
    http_signature.Fault.WRONG_SIGNATURE,
}  # fmt: skip
"""Codes after which nothing is sent again; what a clock or a key mends is tried again."""
_SENDERS: Mapping[PeerKind, Callable[[Way, Envelope], Taken | Refusal]] = {
    PeerKind.CLEARHOUSE: clearhouse.send,
    PeerKind.GITHUB: github.send,
    PeerKind.MAIL: mail.send,
    PeerKind.TAP: tap.send,
    PeerKind.VINCE: vince.send,
}


def deliver(desk: Desk) -> int:
    """Send what is due, and return how many envelopes were taken."""
    begin, taken, tried = time.monotonic(), 0, set[str]()
    while time.monotonic() - begin < _MOST_S:
        with desk.database.transaction(desk.clearing_actor.actor_id) as transaction:
            due = [one for one in _store.due(transaction, 100) if one not in tried]
        if not due:
            break
        tried.update(due)
        for envelope_id in due:
            if time.monotonic() - begin > _MOST_S:
                break  # the next run goes on; the clearing of reports must not wait for the deaf
            with desk.database.transaction(desk.clearing_actor.actor_id) as transaction:
                taken += _deliver_one(desk, transaction, envelope_id)
    return taken


def _deliver_one(desk: Desk, transaction: Transaction, envelope_id: str) -> bool:
    held = _store.take_out(transaction, envelope_id)
    link = None if held is None else _store.link(transaction, held[0].link_id)
    peer = None if link is None else _store.peer(transaction, link.peer_id)
    if held is None or link is None or peer is None:
        return False
    sent, content = held
    if peer.revoked_at is not None:
        outcome: Taken | Refusal | str = Refusal(code=Code.REVOKED)
    else:
        envelope = relay_reading.read(desk.vault.open(transaction, content))
        outcome = _asked(desk, transaction, peer, envelope)
    if isinstance(outcome, Taken):
        _taken(transaction, sent, link, peer, outcome)
    elif isinstance(outcome, Refusal) and outcome.code in _OVER:
        _refused(transaction, sent, link, outcome.code)
    else:
        _failed(transaction, sent, link, outcome if isinstance(outcome, str) else outcome.code)
    return isinstance(outcome, Taken)


def _asked(
    desk: Desk, transaction: Transaction, peer: Peer, envelope: Envelope
) -> Taken | Refusal | str:
    """Send an envelope, and return what the other side says, or the kind of failure."""
    way = Way(
        peer=peer,
        outside=desk.outside,
        keys=desk.keys,
        secret=_store.secret_of(desk, transaction, peer),
        now=transaction.now,
    )
    try:
        return _SENDERS[peer.kind](way, envelope)
    except UnclearError as error:
        again = peer.kind is PeerKind.CLEARHOUSE
        return str(error) if again else Refusal(code=UNCLEAR)
    except (OutsideError, AddressRefusedError) as error:
        return str(error)


def _taken(transaction: Transaction, sent: Sent, link: Link, peer: Peer, outcome: Taken) -> None:
    _store.mark_sent(transaction, sent.envelope_id)
    if outcome.reference is not None and sent.kind == Kind.CASE:
        _store.name_theirs(transaction, link.link_id, outcome.reference)
    facts: dict[str, Json] = {"known": outcome.known, "attempts": sent.attempts + 1}
    if peer.kind is not PeerKind.CLEARHOUSE:
        facts["by"] = peer.kind.value
    _note(transaction, "relay.sent", sent, link, facts)


def _refused(transaction: Transaction, sent: Sent, link: Link, code: str) -> None:
    """Note a refusal; without its case, nothing else of the matter has a place over there."""
    _store.mark_refused(transaction, sent.envelope_id, code)
    _note(transaction, "relay.refused", sent, link, {"code": code})
    if sent.kind == Kind.CASE and code != UNCLEAR:
        _store.close_link(transaction, link.link_id, code)


def _failed(transaction: Transaction, sent: Sent, link: Link, failure: str) -> None:
    policy = relay_policy()
    pause = min(policy.first_pause * 2 ** min(sent.attempts, 30), policy.longest_pause)
    again = transaction.now + pause
    _store.mark_failed(transaction, sent.envelope_id, failure, again)
    if failure != sent.failure:
        _note(transaction, "relay.delayed", sent, link, {"failure": failure})


def _note(
    transaction: Transaction, kind: str, sent: Sent, link: Link, facts: Mapping[str, Json]
) -> None:
    ledger.append(
        transaction,
        kind,
        link.case_id,
        {"envelope": sent.envelope_id, "kind": sent.kind, "peer": link.peer_id, **facts},
        readers=link.readers,
        compartment=link.compartment,
    )
