"""A coordinator hands a case to a peer, and people see what became of it.

In: a case, a peer, a label and the reason. Out: the matter with the peer: its party is in the case,
read in like any other, and the first envelope waits to go out. Refused: a peer that is not there or
over, a label that is stricter than agreed with it or freer than the embargo allows, mail under an
embargo (it travels in the clear), a peer that is in the chain already, a case that it has already,
and whoever may not read the case or is no person. Ending the read-in ends the relay.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from clearhouse.clearing.coordinate import _store as cases
from clearhouse.clearing.coordinate import casework, read_ins
from clearhouse.clearing.coordinate.casework import case_file, embargo_policy
from clearhouse.clearing.coordinate.letters import as_vultron
from clearhouse.clearing.coordinate.machine import Refused
from clearhouse.clearing.coordinate.record import Case, PartyRole
from clearhouse.clearing.coordinate.relay import _store, compose, following, rules
from clearhouse.clearing.coordinate.relay.keys import relay_policy
from clearhouse.clearing.coordinate.relay.record import Code, Heard, Link, Peer, PeerKind, Sent
from clearhouse.formats.relay import Kind, Original
from clearhouse.formats.tlp import Tlp
from clearhouse.kernel import identity
from clearhouse.kernel.identity import Actor, PartyKind
from clearhouse.kernel.ids import new_id
from clearhouse.kernel.services import Desk
from clearhouse.kernel.store.database import Transaction


@dataclass(frozen=True, kw_only=True, slots=True)
class Relayed:
    """Everything between one case and one peer."""

    link: Link
    peer: str
    """Its name."""
    sent: tuple[Sent, ...]
    heard: tuple[Heard, ...]
    told: following.ToldByPeer | None
    """What the other side last said of its case, in its own words."""


def send(
    desk: Desk,
    transaction: Transaction,
    actor: Actor,
    case_id: str,
    peer_id: str,
    *,
    tlp: Tlp,
    reason: str,
) -> Link | Refused:
    """Hand a case to a peer.

    Raises: NoSuchCaseError, ForbiddenError.
    """
    stored = case_file(desk, transaction, actor, case_id, to_change=True)
    desk.authority.demand_person(actor, "relay.send", stored.readers)
    peer = _store.peer(transaction, peer_id)
    refused = _not_to(transaction, stored.case, peer, tlp)
    if refused is not None or peer is None:
        return refused or Refused(code="unknown-peer", reason=_NO_PEER)
    reports, handle = cases.reports_of(transaction, case_id), new_id("hnd")
    originals = compose.originals_of(desk, transaction, reports, handle)
    refused = _loops(originals, peer) or _read_in(desk, transaction, actor, case_id, peer, reason)
    if refused is not None:
        return refused
    box = desk.vault.new_box(transaction, sorted(casework.house_readers(stored.case)))
    link = _store.open_link(transaction, box, case_id, peer_id, ours=handle, theirs=None)
    case = casework.case(desk, transaction, actor, case_id)
    envelope = replace(
        compose.blank(desk, transaction, link, peer, Kind.CASE),
        tlp=tlp,
        terms=compose.terms_of(desk, transaction, case, reports),
        claims=compose.claims_of(desk, transaction, reports),
        originals=originals,
        status=as_vultron(case, following.address_of(desk)),
    )
    compose.lay_out(desk, transaction, link, envelope)
    return link


def relays(desk: Desk, transaction: Transaction, actor: Actor, case_id: str) -> list[Relayed]:
    """Return what was relayed of a case, to whom, and what came back.

    None to whoever may not know the peers. Raises: NoSuchCaseError, ForbiddenError.
    """
    casework.case(desk, transaction, actor, case_id)
    if not desk.authority.may(actor, "relay.read").allowed:
        return []
    names = {one.peer_id: one.name for one in _store.peers(transaction)}
    sent, heard = _store.sent_of(transaction, case_id), _store.heard_of(transaction, case_id)
    return [
        Relayed(
            link=link,
            peer=names.get(link.peer_id, link.peer_id),
            sent=tuple(one for one in sent if one.link_id == link.link_id),
            heard=tuple(one for one in heard if one.link_id == link.link_id),
            told=following.told(desk, transaction, link),
        )
        for link in _store.links(transaction, case_id)
    ]


_NO_PEER = "the house has no live peer of that id"


def _not_to(transaction: Transaction, case: Case, peer: Peer | None, tlp: Tlp) -> Refused | None:
    """Return why this case may not go to this peer under this label."""
    if peer is None or peer.revoked_at is not None:
        return Refused(code="unknown-peer", reason=_NO_PEER)
    if not rules.may_carry(tlp, peer.sends_up_to):
        reason = f"nothing stricter than {peer.sends_up_to.value} goes to {peer.name}"
        return Refused(code=Code.TLP_TOO_STRICT, reason=reason)
    holds = case.embargo.holds(transaction.now)
    freest = min((one.tlp for one in embargo_policy().tiers), key=lambda one: one.rank)
    if holds and tlp.rank < freest.rank:
        reason = f"under an embargo nothing is freer than {freest.value}"
        return Refused(code="label-too-free", reason=reason)
    clear = relay_policy().in_the_clear_up_to
    if peer.kind is PeerKind.MAIL and (holds or not rules.may_carry(tlp, clear)):
        reason = f"mail travels in the clear: nothing under an embargo, or above {clear.value}"
        return Refused(code="in-the-clear", reason=reason)
    live = [one for one in _store.links(transaction, case.id) if one.closed_because is None]
    if any(one.peer_id == peer.peer_id for one in live):
        return Refused(code="relayed-already", reason=f"{peer.name} has this case already")
    return None


def _loops(originals: Sequence[Original], peer: Peer) -> Refused | None:
    if peer.node_id is not None and any(rules.knows(one, peer.node_id) for one in originals):
        return Refused(code=Code.LOOP, reason=f"{peer.name} is in the chain: it came from there")
    return None


def _read_in(
    desk: Desk, transaction: Transaction, actor: Actor, case_id: str, peer: Peer, reason: str
) -> Refused | None:
    """Give the peer's party its part, and read the peer in, as anybody else is."""
    case = casework.case(desk, transaction, actor, case_id)
    vendor = identity.party_kind(transaction, peer.party_id) is PartyKind.VENDOR
    role = PartyRole.VENDOR if vendor else PartyRole.COORDINATOR
    if case.party(peer.party_id) is None:
        joined = casework.join(desk, transaction, actor, case_id, party=peer.party_id, role=role)
        if isinstance(joined, Refused):
            return joined
    if any(one.actor == peer.actor_id and one.reads(transaction.now) for one in case.participants):
        return None
    who = identity.actor(transaction, peer.actor_id)
    if who is None:
        return Refused(code="unknown-peer", reason=_NO_PEER)
    done = read_ins.read_in(desk, transaction, actor, case_id, who=who, tier=0, reason=reason)
    if isinstance(done, Refused):
        return done
    if not any(
        one.actor == peer.actor_id and one.reads(transaction.now) for one in done.participants
    ):
        why = "a second person must grant that the peer is read in; hand the case over after that"
        return Refused(code="waits", reason=why)
    return None
