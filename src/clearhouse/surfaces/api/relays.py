"""Relays at the desk's API: who the peers are, what went to them of a case, and handing one over.

In: requests with a desk token of the house. Out: JSON. Refused: what is not there or not for this
actor (404, one answer), acts without the role (403), what the rules of the relay refuse (409, with
the reason).
"""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from clearhouse.clearing.coordinate.relay import peers, sending
from clearhouse.clearing.coordinate.relay.following import ToldByPeer
from clearhouse.clearing.coordinate.relay.record import Heard, Peer, PeerKind, Sent
from clearhouse.clearing.coordinate.relay.sending import Relayed
from clearhouse.formats.tlp import Tlp
from clearhouse.surfaces.api.acts import Closed, settled
from clearhouse.surfaces.api.desk import _PROBLEM, Calling, bearer_scheme
from clearhouse.surfaces.web.desk.addresses import CaseAddress

router = APIRouter(
    prefix="/v1/desk",
    tags=["relay"],
    dependencies=[Depends(bearer_scheme)],
    responses={"4XX": _PROBLEM, "5XX": _PROBLEM},
)


class PeerAnswer(BaseModel):
    """One peer; no secret is in it."""

    peer_id: str
    kind: PeerKind
    name: str
    node_id: str | None
    address: str
    sends_up_to: Tlp
    takes_up_to: Tlp
    enrolled_at: datetime
    revoked_at: datetime | None
    key_ids: tuple[str, ...]


class RelayAnswer(BaseModel):
    """One matter between a case and a peer."""

    peer_id: str
    peer: str
    our_handle: str
    their_handle: str | None
    opened_at: datetime
    told_until: datetime | None
    closed_because: str | None
    sent: tuple[Sent, ...]
    heard: tuple[Heard, ...]
    told: ToldByPeer | None


class HandOver(Closed):
    """To whom a case goes, under which label, and why."""

    peer: Annotated[str, Field(pattern="^per_[a-z2-7]{26}$")]
    reason: Annotated[str, Field(min_length=1, max_length=400)]
    tlp: Tlp = Tlp.RED


class HandedOver(BaseModel):
    """Under which name the house handles the matter with the peer."""

    our_handle: str


def peer_answer(peer: Peer) -> PeerAnswer:
    """Return a peer as it is shown."""
    return PeerAnswer(**{name: getattr(peer, name) for name in PeerAnswer.model_fields})


def relay_answer(found: Relayed) -> RelayAnswer:
    """Return a matter as it is shown."""
    return RelayAnswer(
        peer_id=found.link.peer_id,
        peer=found.peer,
        our_handle=found.link.our_handle,
        their_handle=found.link.their_handle,
        opened_at=found.link.opened_at,
        told_until=found.link.told_until,
        closed_because=found.link.closed_because,
        sent=found.sent,
        heard=found.heard,
        told=found.told,
    )


@router.get("/peers", summary="Who the house relays to and takes relays from")
def known(call: Calling) -> list[PeerAnswer]:
    """Return the peers."""
    with call.transaction() as transaction:
        return [peer_answer(one) for one in peers.peers(call.desk, transaction, call.actor)]


@router.get("/cases/{case_id}/relays", summary="What was relayed of a case, and what came back")
def relays(call: Calling, case_id: CaseAddress) -> list[RelayAnswer]:
    """Return the relays of a case."""
    with call.transaction() as transaction:
        return [
            relay_answer(one) for one in sending.relays(call.desk, transaction, call.actor, case_id)
        ]


@router.post("/cases/{case_id}/relays", summary="Hand a case to a peer")
def hand_over(call: Calling, case_id: CaseAddress, body: HandOver) -> HandedOver:
    """Relay a case."""
    with call.transaction() as transaction:
        link = sending.send(
            call.desk,
            transaction,
            call.actor,
            case_id,
            body.peer,
            tlp=body.tlp,
            reason=body.reason,
        )
    return HandedOver(our_handle=settled(link).our_handle)
