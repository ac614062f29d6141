"""What is taken from a peer, and what a case becomes by it.

In: an envelope, who signed it, and the instant; or a case and what a peer says of it. Out: the code
and the sentence of the first rule that refuses, or none; or the next case. Refused: an envelope of
another sender or for another node, a chain that its sender did not sign or that the house is in
already, a label that is stricter than agreed, an embargo that is over, an envelope that holds
nothing of its kind. The embargo of a case only ever gets tighter here: a peer cannot lengthen it.
Source: RFC-AI-0008 (draft), "Provenance fields", "Security model"; TLP 2.0.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from clearhouse.clearing.coordinate import transitions
from clearhouse.clearing.coordinate.embargo_policy import EmbargoPolicy
from clearhouse.clearing.coordinate.machine import Refused
from clearhouse.clearing.coordinate.record import Case, Participant, Party, PartyRole
from clearhouse.clearing.coordinate.relay.record import Caller, Code
from clearhouse.formats.relay import Envelope, Kind, Original, hop_holds
from clearhouse.formats.tlp import Tlp


def judge(envelope: Envelope, caller: Caller, own_node: str, at: datetime) -> Refused | None:
    """Return why an envelope is not taken from a caller whose signature holds, None when it is."""
    return next(_refusals(envelope, caller, own_node, at), None)


def may_carry(label: Tlp, limit: Tlp) -> bool:
    """Say whether something under a label may go where nothing stricter than a limit goes."""
    return label.rank <= limit.rank


def knows(original: Original, node_id: str) -> bool:
    """Say whether a node is in the chain of an original already."""
    return any(hop.node == node_id for hop in original.provenance.reporters)


def taken(
    case: Case,
    peer: Party,
    participant: Participant,
    until: datetime | None,
    policy: EmbargoPolicy,
    at: datetime,
) -> Case:
    """Return a case after a peer relayed it: the peer coordinates along, the tightest date holds.

    `until` is the tightest of the peer's terms. It counts as the date that the other side agreed
    to, and as one that this case has promised.
    """
    parties = [one for one in case.parties if one.id != peer.id]
    reads = any(one.actor == participant.actor and one.reads(at) for one in case.participants)
    joined = replace(
        case,
        parties=(*parties, replace(peer, role=PartyRole.COORDINATOR)),
        participants=case.participants if reads else (*case.participants, participant),
    )
    if until is None:
        return joined
    facts = replace(case.embargo.facts, negotiated=_earlier(case.embargo.facts.negotiated, until))
    return tightened(
        replace(joined, embargo=replace(joined.embargo, facts=facts)), until, policy, at
    )


def tightened(case: Case, until: datetime, policy: EmbargoPolicy, at: datetime) -> Case:
    """Return a case that holds no longer than until an instant that a peer named."""
    facts = case.embargo.facts
    promised = replace(facts, inherited=_earlier(facts.inherited, until))
    return transitions.learn(case, promised, policy, at)


def _earlier(known: datetime | None, new: datetime) -> datetime:
    return new if known is None else min(known, new)


def _refusals(envelope: Envelope, caller: Caller, own_node: str, at: datetime) -> Iterator[Refused]:
    if envelope.sender != caller.node_id:
        yield _no(Code.NOT_THE_SENDER, "the envelope names another sender than who signed it")
    if envelope.recipient != own_node:
        yield _no(Code.NOT_FOR_US, "the envelope is for another node")
    if not may_carry(envelope.tlp, caller.takes_up_to):
        reason = f"nothing stricter than {caller.takes_up_to.value} was agreed on"
        yield _no(Code.TLP_TOO_STRICT, reason)
    yield from _chains(envelope, caller, own_node)
    until = envelope.until
    if envelope.kind is Kind.CASE and until is not None and until <= at:
        yield _no(Code.EMBARGO_PAST, f"the embargo is over since {until:%Y-%m-%d %H:%M} UTC")
    if not _holds_its_kind(envelope):
        yield _no(Code.NOTHING_IN_IT, f"an envelope of the kind {envelope.kind} needs its content")


def _chains(envelope: Envelope, caller: Caller, own_node: str) -> Iterator[Refused]:
    key = Ed25519PublicKey.from_public_bytes(caller.public)
    for original in envelope.originals:
        chain = original.provenance.reporters
        if knows(original, own_node):
            yield _no(Code.LOOP, "this house is in the chain already; it came from here")
        elif not chain or chain[-1].node != caller.node_id or not hop_holds(original, -1, key):
            yield _no(Code.CHAIN_BROKEN, "the last of the chain is not who sent it, or not signed")


def _holds_its_kind(envelope: Envelope) -> bool:
    return {
        Kind.CASE: bool(envelope.originals),
        Kind.MESSAGE: envelope.text is not None,
        Kind.STATUS: envelope.status is not None,
        Kind.PUBLICATION: envelope.published_at is not None,
        Kind.ACKNOWLEDGEMENT: envelope.outcome is not None,
    }[envelope.kind]


def _no(code: Code, reason: str) -> Refused:
    return Refused(code=code, reason=reason)
