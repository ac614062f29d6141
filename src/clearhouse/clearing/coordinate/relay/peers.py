"""Who the house relays to and takes relays from.

In: the document that another node signed, checked by people against its fingerprint, or the address
and token of another system; a peer to end; the clock, which brings new keys. Out: the peer, with a
party and an actor of its own. Refused: a document that its own keys did not sign, a fingerprint
that is not the one that was read out, the house itself, a node or key that is enrolled already, an
address that leads inside, and whoever is no administrator. Both sides enroll each other; until then
nothing travels. A peer's later document counts when a key signed it that was trusted before.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from clearhouse.clearing.coordinate.machine import Refused
from clearhouse.clearing.coordinate.relay import _store, keys
from clearhouse.clearing.coordinate.relay.record import NOTED_TO, PEER_READERS, Peer, PeerKind
from clearhouse.formats import relay_node
from clearhouse.formats.canonical import Json
from clearhouse.formats.relay_node import Node, NodeError, NodeKey
from clearhouse.formats.tlp import Tlp
from clearhouse.kernel import identity, ledger
from clearhouse.kernel.addresses import AddressRefusedError, demand_outside
from clearhouse.kernel.identity import Actor, ActorKind, PartyKind
from clearhouse.kernel.ids import Compartment, PartyId, new_id
from clearhouse.kernel.outside import OutsideError
from clearhouse.kernel.services import Desk
from clearhouse.kernel.store.database import Transaction

_HEX = re.compile("[^0-9a-f]")
_GITHUB = re.compile(r"https?://[^/]+(/api/v3)?/repos/[\w.-]+/[\w.-]+")


@dataclass(frozen=True, kw_only=True, slots=True)
class Other:
    """A system that is no Clearhouse, to which cases can be handed."""

    kind: PeerKind
    name: str
    address: str
    secret: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """How strict a label may be, on the way to a peer and from it."""

    sends_up_to: Tlp
    takes_up_to: Tlp


def enroll(
    desk: Desk,
    transaction: Transaction,
    actor: Actor,
    document: bytes,
    *,
    fingerprint: str,
    limits: Limits,
    name: str | None = None,
) -> Peer | Refused:
    """Enroll another Clearhouse by its node document and the fingerprint that its people read out.

    Raises: ForbiddenError.
    """
    decision = desk.authority.demand_person(actor, "relay.enroll")
    try:
        node = relay_node.read(document)
    except NodeError as error:
        return Refused(code="no-node", reason=str(error))
    refused = _stranger(desk, transaction, node, fingerprint)
    if refused is not None:
        return refused
    peer = _enrolled(
        desk,
        transaction,
        Other(kind=PeerKind.CLEARHOUSE, name=name or node.name, address=node.address),
        limits,
        node=node,
    )
    if not isinstance(peer, Refused):
        _note(transaction, "relay.peer_enrolled", peer, {
            "kind": peer.kind.value, "node": node.id, "keys": list(peer.key_ids),
            "sends_up_to": limits.sends_up_to.value, "takes_up_to": limits.takes_up_to.value,
            "authority": decision.policy,
        })  # fmt: skip
    return peer


def enroll_other(
    desk: Desk, transaction: Transaction, actor: Actor, other: Other, *, limits: Limits
) -> Peer | Refused:
    """Enroll a system that is no Clearhouse.

    Raises: ForbiddenError.
    """
    decision = desk.authority.demand_person(actor, "relay.enroll")
    if other.kind is PeerKind.CLEARHOUSE:
        return Refused(code="no-node", reason="a Clearhouse is enrolled by its node document")
    peer = _enrolled(desk, transaction, other, limits)
    if not isinstance(peer, Refused):
        _note(transaction, "relay.peer_enrolled", peer, {
            "kind": peer.kind.value, "sends_up_to": limits.sends_up_to.value,
            "authority": decision.policy,
        })  # fmt: skip
    return peer


def revoke(
    desk: Desk, transaction: Transaction, actor: Actor, peer_id: str, *, because: str
) -> Peer | Refused:
    """End a peer at once: nothing more goes to it, and nothing of it is taken.

    Raises: ForbiddenError.
    """
    decision = desk.authority.demand_person(actor, "relay.enroll")
    peer = _store.peer(transaction, peer_id)
    if peer is None:
        return Refused(code="unknown-peer", reason="the house knows no peer of that id")
    if not because.strip():
        return Refused(code="no-reason", reason="ending a peer needs its reason")
    if _store.revoke_peer(transaction, peer_id):
        identity.revoke_actor(transaction, peer.actor_id)
        facts: dict[str, Json] = {"because": because, "authority": decision.policy}
        _note(transaction, "relay.peer_revoked", peer, facts)
    return replace(peer, revoked_at=peer.revoked_at or transaction.now)


def peers(desk: Desk, transaction: Transaction, actor: Actor) -> list[Peer]:
    """Return the peers, the live ones first.

    Raises: ForbiddenError.
    """
    desk.authority.demand(actor, "relay.read")
    return _store.peers(transaction)


def refresh(desk: Desk) -> int:
    """Ask every live node for its present document, and return how many had news.

    Nonces that have expired are forgotten.
    """
    clearing = desk.clearing_actor.actor_id
    with desk.database.transaction(clearing) as transaction:
        _store.forget_nonces(transaction)
        nodes = [
            one
            for one in _store.peers(transaction)
            if one.node_id is not None and one.revoked_at is None
        ]
    renewed = 0
    for one in nodes:
        try:
            answer = desk.outside.ask("GET", one.address + relay_node.WELL_KNOWN)
        except (OutsideError, AddressRefusedError):
            continue  # its keys stay as they are, and the next hour asks again
        if answer.status == 200:
            with desk.database.transaction(clearing) as transaction:
                renewed += renew(transaction, one, answer.body)
    return renewed


def renew(transaction: Transaction, peer: Peer, document: bytes) -> bool:
    """Take over a peer's later document when a key that was trusted before signed it."""
    try:
        node = relay_node.read(document, _store.public_keys(transaction, peer.peer_id))
    except NodeError:
        return False
    older = peer.document_at is not None and node.at <= peer.document_at
    if node.id != peer.node_id or older:
        return False
    known = set(peer.key_ids)
    _store.renew_peer(transaction, peer.peer_id, node.address, node.at)
    _store.put_keys(transaction, peer.peer_id, peer.compartment, node.keys)
    _note(
        transaction,
        "relay.peer_renewed",
        peer,
        {"new_keys": [one.id for one in node.keys if one.id not in known], "address": node.address},
    )
    return True


def _stranger(desk: Desk, transaction: Transaction, node: Node, fingerprint: str) -> Refused | None:
    """Return why a node cannot be enrolled: it is not the one that was meant, or not new."""
    if _HEX.sub("", fingerprint.lower()) != _HEX.sub("", node.fingerprint):
        reason = "the fingerprint is not the one of this document; ask them to read it out again"
        return Refused(code="wrong-fingerprint", reason=reason)
    if node.id == keys.node_id(desk.keys):
        return Refused(code="ourselves", reason="this is the document of this house")
    live = [one for one in _store.peers(transaction) if one.revoked_at is None]
    if any(one.node_id == node.id for one in live):
        return Refused(code="known-node", reason="this node is enrolled; end the peer first")
    listed = {one.id for one in node.keys}
    if any(listed & set(one.key_ids) for one in live):
        return Refused(code="known-key", reason="another peer is known by a key of this document")
    return None


def _enrolled(
    desk: Desk,
    transaction: Transaction,
    other: Other,
    limits: Limits,
    *,
    node: Node | None = None,
) -> Peer | Refused:
    refused = _bad_address(desk, other) or _taken_name(transaction, desk, other)
    if refused is not None:
        return refused
    peer_id = new_id("per")
    kind = PartyKind.VENDOR if other.kind is PeerKind.GITHUB else PartyKind.COORDINATOR
    party_id = identity.add_party(transaction, kind, other.name)
    actor_id = identity.add_actor(
        transaction, party_id, ActorKind.SYSTEM, f"relay {peer_id}", roles=["peer"]
    )
    box = desk.vault.new_box(transaction, PEER_READERS)
    secret = other.secret and box.seal(transaction, "relay-secret", other.secret.encode())
    node_keys: Sequence[NodeKey] = () if node is None else node.keys
    peer = Peer(
        peer_id=peer_id,
        kind=other.kind,
        name=other.name,
        party_id=party_id,
        actor_id=actor_id,
        node_id=None if node is None else node.id,
        address=other.address.rstrip("/"),
        sends_up_to=limits.sends_up_to,
        takes_up_to=limits.takes_up_to,
        enrolled_at=transaction.now,
        document_at=None if node is None else node.at,
        revoked_at=None,
        key_ids=tuple(one.id for one in node_keys),
        compartment=Compartment(box.compartment),
        secret_payload=secret or None,
    )
    _store.insert_peer(transaction, box, peer, node_keys)
    return peer


def _bad_address(desk: Desk, other: Other) -> Refused | None:
    if other.kind is PeerKind.MAIL:
        fine = re.fullmatch(r"[^@\s<>]+@[^@\s<>]+", other.address)
        return None if fine else Refused(code="address-refused", reason="this is no mail address")
    if other.kind is PeerKind.GITHUB and not _GITHUB.fullmatch(other.address):
        reason = "name the repository as https://api.github.com/repos/OWNER/NAME"
        return Refused(code="address-refused", reason=reason)
    try:
        demand_outside(other.address, at_home=desk.outside.at_home)
    except AddressRefusedError as error:
        return Refused(code="address-refused", reason=str(error))
    return None


def _taken_name(transaction: Transaction, desk: Desk, other: Other) -> Refused | None:
    """Refuse a name under which the house knows itself, a peer, or somebody of another kind."""
    row = transaction.one("SELECT party_id, kind FROM party WHERE name = %s", [other.name])
    ours = row is not None and row["party_id"] == desk.clearing_actor.party_id
    fits = row is None or row["kind"] in {PartyKind.COORDINATOR, PartyKind.VENDOR}
    live = row is not None and _store.peer_of_party(transaction, PartyId(row["party_id"]))
    if ours or not fits or live:
        return Refused(code="name-taken", reason="the house knows somebody else by this name")
    return None


def _note(transaction: Transaction, kind: str, peer: Peer, facts: dict[str, Json]) -> None:
    ledger.append(
        transaction, kind, peer.peer_id, {"party": peer.party_id, **facts}, readers=NOTED_TO
    )
