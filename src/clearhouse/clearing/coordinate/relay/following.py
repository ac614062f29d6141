"""Whoever has a case by relay hears what becomes of it.

In: a case before and after a change, or words in a thread with a peer. Out: an envelope to each
peer that has the case and is read in at that instant: its state, its publication, a message.
Refused: words under a label that is stricter than agreed with the peer. What changes nothing that
others are told sends nothing, and so two houses that tell each other the same come to rest.
"""

import json
from collections.abc import Collection
from dataclasses import dataclass, replace

from clearhouse.clearing.coordinate import correspondence
from clearhouse.clearing.coordinate._threads import Thread, Words
from clearhouse.clearing.coordinate.embargo_policy import EmbargoPolicy
from clearhouse.clearing.coordinate.letters import as_vultron
from clearhouse.clearing.coordinate.machine import Refused
from clearhouse.clearing.coordinate.record import Case, CaseFile
from clearhouse.clearing.coordinate.relay import _store, compose, rules
from clearhouse.clearing.coordinate.relay.keys import node_id
from clearhouse.clearing.coordinate.relay.record import Code, Link, Peer, PeerKind
from clearhouse.clearing.coordinate.told import ToldCase
from clearhouse.formats import relay
from clearhouse.formats.canonical import Json
from clearhouse.formats.relay import File, Kind
from clearhouse.formats.tlp import Tlp
from clearhouse.formats.vultron_reading import VultronError
from clearhouse.kernel.ids import PayloadId
from clearhouse.kernel.services import Desk
from clearhouse.kernel.store.database import Transaction


@dataclass(frozen=True, kw_only=True, slots=True)
class ToldByPeer:
    """What a peer says of its own case; its word, not ours."""

    embargo_state: str
    world: str
    """What it says is known: public, exploit, attacks; capitals where it has happened."""
    parties: tuple[tuple[str, str, str], ...]
    """Name, state of the report, and how far its fix is, of each party over there."""


def address_of(desk: Desk) -> str:
    """Return the name under which the house's cases stand in Vultron messages to peers."""
    return f"urn:clearhouse:{node_id(desk.keys)}"


def follow(
    desk: Desk, transaction: Transaction, before: CaseFile, after: Case, readers: Collection[str]
) -> None:
    """Tell the peers of a case what changed in it, as far as it is theirs to know.

    That it is published hears whoever was read in until then.
    """
    published = after.published_at is not None and before.case.published_at is None
    links = _live(transaction, after.id, {*readers, *before.readers} if published else readers)
    if not links:
        return
    here = address_of(desk)
    status = as_vultron(after, here)
    if not published and status == as_vultron(before.case, here):
        return
    for link, peer in links:
        kind = Kind.PUBLICATION if published else Kind.STATUS
        envelope = replace(
            compose.blank(desk, transaction, link, peer, kind),
            tlp=_label(Tlp.AMBER_STRICT, peer),
            status=status,
            published_at=after.published_at.replace(microsecond=0) if after.published_at else None,
        )
        compose.lay_out(desk, transaction, link, envelope)


def too_strict(transaction: Transaction, thread: Thread, tlp: Tlp) -> Refused | None:
    """Return why words may not be said in a thread with a peer, to whom they would go."""
    peer = _peer_of(transaction, thread)
    if peer is None or rules.may_carry(tlp, peer.sends_up_to):
        return None
    reason = f"nothing stricter than {peer.sends_up_to.value} goes to {peer.name}"
    return Refused(code=Code.TLP_TOO_STRICT, reason=reason)


def pass_on(
    desk: Desk, transaction: Transaction, thread: Thread, *, speaker: str, tlp: Tlp, words: Words
) -> None:
    """Send words in a thread with a peer on to it, unless it said them itself."""
    peer = _peer_of(transaction, thread)
    if peer is None or speaker == peer.party_id:
        return
    for link, _ in _live(transaction, thread.case_id, thread.readers):
        if link.peer_id == peer.peer_id:
            envelope = replace(
                compose.blank(desk, transaction, link, peer, Kind.MESSAGE),
                tlp=tlp,
                text=words.text,
                files=tuple(
                    File(name=one.name, media_type=one.content_type, data=one.content)
                    for one in words.files
                ),
            )
            compose.lay_out(desk, transaction, link, envelope)
            return  # of several matters that are one case here, one carries the words


def told(desk: Desk, transaction: Transaction, link: Link) -> ToldByPeer | None:
    """Return what the other side last said of its case, None while it has not."""
    if link.told_payload is None:
        return None
    found = told_case(json.loads(desk.vault.open(transaction, PayloadId(link.told_payload))))
    if found is None:
        return None
    return ToldByPeer(
        embargo_state=found.embargo_state.value,
        world=found.world,
        parties=tuple((one.name, one.report.value, one.fix) for one in found.parties.values()),
    )


def told_case(status: Json) -> ToldCase | None:
    """Return the one case that a message tells of, None when it is not of the protocol."""
    try:
        cases = list(correspondence.read([status]).cases.values())
    except VultronError:
        return None
    return cases[0] if len(cases) == 1 else None


def as_case(status: Json, policy: EmbargoPolicy, envelope: relay.Envelope) -> Case | None:
    """Return what a peer tells of its case as a case of ours, under our policy."""
    found = told_case(status)
    if found is None:
        return None
    return correspondence.as_case(found, policy, opened_at=envelope.at)


def _peer_of(transaction: Transaction, thread: Thread) -> Peer | None:
    return None if thread.party_id is None else _store.peer_of_party(transaction, thread.party_id)


def _label(wanted: Tlp, peer: Peer) -> Tlp:
    """Return a label that the peer may get; its states are no freer than it may see at all."""
    return wanted if rules.may_carry(wanted, peer.sends_up_to) else peer.sends_up_to


def _live(
    transaction: Transaction, case_id: str, readers: Collection[str]
) -> list[tuple[Link, Peer]]:
    """Return the matters of a case whose peers are read in, and speak the relay's own format."""
    found = []
    for link in _store.links(transaction, case_id):
        peer = _store.peer(transaction, link.peer_id) if link.closed_because is None else None
        if (
            peer is not None
            and peer.kind is PeerKind.CLEARHOUSE
            and peer.revoked_at is None
            and peer.actor_id in readers
        ):
            found.append((link, peer))
    return found
