"""Where peers, matters and envelopes are kept; what an envelope says is sealed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from clearhouse.clearing.coordinate.relay.record import (
    PEER_READERS,
    Heard,
    Link,
    Peer,
    PeerKind,
    Sent,
)
from clearhouse.formats.relay_node import NodeKey
from clearhouse.formats.tlp import Tlp
from clearhouse.kernel.ids import ActorId, Compartment, PartyId, PayloadId, Receipt, new_id
from clearhouse.kernel.services import Desk
from clearhouse.kernel.store.database import Row, Transaction
from clearhouse.kernel.vault import Box


@dataclass(frozen=True, kw_only=True, slots=True)
class Inbound:
    """An envelope that came in, as it is kept."""

    inbound_id: str
    peer_id: str
    envelope_id: str
    kind: str
    handle: str
    receipts: tuple[Receipt, ...]
    received_at: datetime
    taken_at: datetime | None
    content: PayloadId
    compartment: Compartment


_PEERS = (
    "SELECT p.*, coalesce((SELECT array_agg(k.key_id ORDER BY k.since) FROM relay_key k"
    " WHERE k.peer_id = p.peer_id), '{}') AS key_ids FROM relay_peer p"
)


def insert_peer(transaction: Transaction, box: Box, peer: Peer, keys: Sequence[NodeKey]) -> None:
    """Store a peer with its keys."""
    transaction.execute(
        "INSERT INTO relay_peer (peer_id, kind, name, party_id, actor_id, node_id, address,"
        " sends_up_to, takes_up_to, enrolled_at, document_at, secret_payload, compartment, readers)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        [peer.peer_id, peer.kind, peer.name, peer.party_id, peer.actor_id, peer.node_id,
         peer.address, peer.sends_up_to.value, peer.takes_up_to.value, peer.enrolled_at,
         peer.document_at, peer.secret_payload, box.compartment, list(box.readers)],
    )  # fmt: skip
    put_keys(transaction, peer.peer_id, box.compartment, keys)


def put_keys(
    transaction: Transaction, peer_id: str, compartment: Compartment, keys: Sequence[NodeKey]
) -> None:
    """Note a peer's keys; one that is known gets the times that are said now."""
    transaction.many(
        "INSERT INTO relay_key (peer_id, key_id, public, since, until, compartment, readers)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT (peer_id, key_id) DO UPDATE"
        " SET since = excluded.since, until = excluded.until",
        [
            (peer_id, one.id, one.public, one.since, one.until, compartment, list(PEER_READERS))
            for one in keys
        ],
    )


def renew_peer(transaction: Transaction, peer_id: str, address: str, written: datetime) -> None:
    """Note where a peer is now, and of when the document is that says so."""
    transaction.execute(
        "UPDATE relay_peer SET address = %s, document_at = %s WHERE peer_id = %s",
        [address, written, peer_id],
    )


def public_keys(transaction: Transaction, peer_id: str) -> list[bytes]:
    """Return the public keys of a peer that count now or later."""
    rows = transaction.all(
        "SELECT public FROM relay_key WHERE peer_id = %s AND (until IS NULL OR until > %s)",
        [peer_id, transaction.now],
    )
    return [bytes(row["public"]) for row in rows]


def peers(transaction: Transaction) -> list[Peer]:
    """Return the peers that the actor may know, the live ones first."""
    rows = transaction.all(f"{_PEERS} ORDER BY p.revoked_at IS NOT NULL, p.name, p.peer_id")
    return [_peer(row) for row in rows]


def peer(transaction: Transaction, peer_id: str) -> Peer | None:
    """Return one peer."""
    row = transaction.one(f"{_PEERS} WHERE p.peer_id = %s", [peer_id])
    return None if row is None else _peer(row)


def peer_of_party(transaction: Transaction, party_id: str) -> Peer | None:
    """Return the live peer that a party is."""
    row = transaction.one(
        f"{_PEERS} WHERE p.party_id = %s AND p.revoked_at IS NULL ORDER BY p.enrolled_at LIMIT 1",
        [party_id],
    )
    return None if row is None else _peer(row)


def revoke_peer(transaction: Transaction, peer_id: str) -> bool:
    """End a peer; True when it was live."""
    return bool(
        transaction.execute(
            "UPDATE relay_peer SET revoked_at = %s WHERE peer_id = %s AND revoked_at IS NULL",
            [transaction.now, peer_id],
        )
    )


def open_link(
    transaction: Transaction,
    box: Box,
    case_id: str,
    peer_id: str,
    *,
    ours: str,
    theirs: str | None,
) -> Link:
    """Begin a matter."""
    row = transaction.one(
        "INSERT INTO relay_link (link_id, case_id, peer_id, our_handle, their_handle, opened_at,"
        " compartment, readers) VALUES (%s, %s, %s, %s, %s, %s, %s, %s) RETURNING *",
        [new_id("lnk"), case_id, peer_id, ours, theirs, transaction.now, box.compartment,
         list(box.readers)],
    )  # fmt: skip
    if row is None:
        raise LookupError("a matter vanished while it was made")
    return _link(row)


def links(transaction: Transaction, case_id: str) -> list[Link]:
    """Return the matters of a case, the oldest first."""
    rows = transaction.all(
        "SELECT * FROM relay_link WHERE case_id = %s ORDER BY opened_at, link_id", [case_id]
    )
    return [_link(row) for row in rows]


def link(transaction: Transaction, link_id: str) -> Link | None:
    """Return one matter."""
    row = transaction.one("SELECT * FROM relay_link WHERE link_id = %s", [link_id])
    return None if row is None else _link(row)


def links_named(
    transaction: Transaction, peer_id: str, *, theirs: str, ours: str | None
) -> list[Link]:
    """Return the matters that a peer means, to be changed: the one we named so, or those it did."""
    rows = transaction.all(
        "SELECT * FROM relay_link WHERE peer_id = %s AND (our_handle = %s OR their_handle = %s)"
        " ORDER BY our_handle = %s DESC, opened_at, link_id FOR UPDATE",
        [peer_id, ours, theirs, ours or ""],
    )
    return [_link(row) for row in rows]


def name_theirs(transaction: Transaction, link_id: str, handle: str) -> None:
    """Note how the other side calls the matter."""
    transaction.execute(
        "UPDATE relay_link SET their_handle = %s WHERE link_id = %s AND their_handle IS NULL",
        [handle, link_id],
    )


def close_link(transaction: Transaction, link_id: str, because: str) -> None:
    """End a matter: nothing more goes out in it, nor what still waits."""
    transaction.execute(
        "UPDATE relay_link SET closed_because = %s WHERE link_id = %s", [because, link_id]
    )
    transaction.execute(
        "UPDATE relay_out SET refused = %s"
        " WHERE link_id = %s AND sent_at IS NULL AND refused IS NULL",
        [because, link_id],
    )


def note_told(
    transaction: Transaction,
    link_: Link,
    *,
    until: datetime | None,
    number: int,
    payload: PayloadId | None,
) -> None:
    """Note what the other side said of its case; what is older than what is known is left."""
    transaction.execute(
        "UPDATE relay_link SET told_at = %s, told_until = %s, heard = %s,"
        " told_payload = coalesce(%s, told_payload) WHERE link_id = %s AND heard < %s",
        [transaction.now, until, number, payload, link_.link_id, number],
    )


def next_number(transaction: Transaction, link_id: str) -> int:
    """Count one envelope more; others wait until this transaction ends."""
    row = transaction.one(
        "UPDATE relay_link SET sent = sent + 1 WHERE link_id = %s RETURNING sent", [link_id]
    )
    if row is None:
        raise LookupError("there is no such matter")
    return int(row["sent"])


def insert_out(
    transaction: Transaction, box: Box, link_id: str, sent: Sent, content: bytes
) -> None:
    """Store an envelope that is to go out."""
    payload = box.seal(transaction, "envelope", content)
    transaction.execute(
        "INSERT INTO relay_out (envelope_id, link_id, number, kind, tlp, made_at, due_at,"
        " content_payload, compartment, readers) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        [sent.envelope_id, link_id, sent.number, sent.kind, sent.tlp.value, sent.made_at,
         sent.due_at, payload, box.compartment, list(box.readers)],
    )  # fmt: skip


def due(transaction: Transaction, most: int) -> list[str]:
    """Return the envelopes that are due and behind nothing that still waits in their matter."""
    rows = transaction.all(
        "SELECT o.envelope_id FROM relay_out o WHERE o.sent_at IS NULL AND o.refused IS NULL"
        " AND o.due_at <= %s AND NOT EXISTS (SELECT FROM relay_out e WHERE e.link_id = o.link_id"
        " AND e.number < o.number AND e.sent_at IS NULL AND e.refused IS NULL)"
        " ORDER BY o.due_at, o.envelope_id LIMIT %s",
        [transaction.now, most],
    )
    return [row["envelope_id"] for row in rows]


def take_out(transaction: Transaction, envelope_id: str) -> tuple[Sent, PayloadId] | None:
    """Return an envelope that still waits, held by this transaction; None when another has it."""
    row = transaction.one(
        "SELECT * FROM relay_out WHERE envelope_id = %s AND sent_at IS NULL AND refused IS NULL"
        " FOR UPDATE SKIP LOCKED",
        [envelope_id],
    )
    return None if row is None else (_sent(row), PayloadId(row["content_payload"]))


def mark_sent(transaction: Transaction, envelope_id: str) -> None:
    """Note that the other side has an envelope."""
    transaction.execute(
        "UPDATE relay_out SET attempts = attempts + 1, failure = NULL, sent_at = %s"
        " WHERE envelope_id = %s",
        [transaction.now, envelope_id],
    )


def mark_refused(transaction: Transaction, envelope_id: str, code: str) -> None:
    """Note that the other side does not take an envelope."""
    transaction.execute(
        "UPDATE relay_out SET attempts = attempts + 1, failure = NULL, refused = %s"
        " WHERE envelope_id = %s",
        [code, envelope_id],
    )


def refuse_in(transaction: Transaction, link_id: str, envelope_id: str, code: str) -> None:
    """Note that an envelope of this very matter was not taken up over there."""
    transaction.execute(
        "UPDATE relay_out SET refused = %s WHERE envelope_id = %s AND link_id = %s",
        [code, envelope_id, link_id],
    )


def mark_failed(transaction: Transaction, envelope_id: str, failure: str, again: datetime) -> None:
    """Note a failure, and when to try again."""
    transaction.execute(
        "UPDATE relay_out SET attempts = attempts + 1, failure = %s, due_at = %s"
        " WHERE envelope_id = %s",
        [failure, again, envelope_id],
    )


def sent_of(transaction: Transaction, case_id: str) -> list[Sent]:
    """Return what went out of a case, the newest first."""
    rows = transaction.all(
        "SELECT o.* FROM relay_out o JOIN relay_link l USING (link_id) WHERE l.case_id = %s"
        " ORDER BY o.made_at DESC, o.number DESC LIMIT 1000",
        [case_id],
    )
    return [_sent(row) for row in rows]


def heard_of(transaction: Transaction, case_id: str) -> list[Heard]:
    """Return what came in about a case, the newest first."""
    rows = transaction.all(
        "SELECT i.* FROM relay_in i JOIN relay_link l USING (link_id) WHERE l.case_id = %s"
        " ORDER BY i.received_at DESC, i.number DESC LIMIT 1000",
        [case_id],
    )
    return [
        Heard(
            envelope_id=row["envelope_id"],
            link_id=row["link_id"],
            number=row["number"],
            kind=row["kind"],
            tlp=Tlp(row["tlp"]),
            received_at=row["received_at"],
            taken_at=row["taken_at"],
            outcome=row["outcome"],
        )
        for row in rows
    ]


def inbound(transaction: Transaction, inbound_id: str, *, to_take: bool = False) -> Inbound | None:
    """Return an envelope that came in; `to_take` lets others wait until this transaction ends."""
    row = (
        transaction.one("SELECT * FROM relay_in WHERE inbound_id = %s FOR UPDATE", [inbound_id])
        if to_take
        else transaction.one("SELECT * FROM relay_in WHERE inbound_id = %s", [inbound_id])
    )
    return None if row is None else _inbound(row)


def waiting(transaction: Transaction, peer_id: str, handle: str) -> list[str]:
    """Return the envelopes of a matter that nobody has taken yet, in their order."""
    rows = transaction.all(
        "SELECT inbound_id FROM relay_in WHERE peer_id = %s AND handle = %s AND taken_at IS NULL"
        " ORDER BY number, received_at",
        [peer_id, handle],
    )
    return [row["inbound_id"] for row in rows]


def mark_taken(
    transaction: Transaction, inbound_id: str, outcome: str, link_id: str | None
) -> None:
    """Note what became of an envelope that came in."""
    transaction.execute(
        "UPDATE relay_in SET taken_at = %s, outcome = %s, link_id = %s WHERE inbound_id = %s",
        [transaction.now, outcome, link_id, inbound_id],
    )


def carried(transaction: Transaction, receipts: Sequence[Receipt]) -> list[Inbound]:
    """Return the envelopes that these originals came in with."""
    rows = transaction.all(
        "SELECT * FROM relay_in WHERE kind = 'case' AND receipts && %s ORDER BY received_at",
        [list(receipts)],
    )
    return [_inbound(row) for row in rows]


def move(transaction: Transaction, kept: str, other: str) -> None:
    """Let the matters of a case that joined another one be that one's; of twins one is enough."""
    transaction.execute(
        "UPDATE relay_link SET closed_because = 'joined', their_handle = NULL WHERE case_id = %s"
        " AND EXISTS (SELECT FROM relay_link k WHERE k.case_id = %s"
        " AND k.peer_id = relay_link.peer_id AND k.their_handle = relay_link.their_handle)",
        [other, kept],
    )
    transaction.execute("UPDATE relay_link SET case_id = %s WHERE case_id = %s", [kept, other])


def compartments(transaction: Transaction, case_id: str) -> list[Compartment]:
    """Return the compartments of everything that was relayed of a case."""
    rows = transaction.all(
        "SELECT compartment FROM relay_link WHERE case_id = %s UNION"
        " SELECT i.compartment FROM relay_in i JOIN relay_link l USING (link_id)"
        " WHERE l.case_id = %s ORDER BY 1",
        [case_id, case_id],
    )
    return [Compartment(row["compartment"]) for row in rows]


def forget_nonces(transaction: Transaction) -> None:
    """Drop the nonces of signatures that have expired."""
    transaction.execute("DELETE FROM relay_nonce WHERE until < %s", [transaction.now])


def secret_of(desk: Desk, transaction: Transaction, peer_: Peer) -> str | None:
    """Return the token that a peer gave us."""
    if peer_.secret_payload is None:
        return None
    return desk.vault.open(transaction, PayloadId(peer_.secret_payload)).decode()


def _peer(row: Row) -> Peer:
    return Peer(
        peer_id=row["peer_id"],
        kind=PeerKind(row["kind"]),
        name=row["name"],
        party_id=PartyId(row["party_id"]),
        actor_id=ActorId(row["actor_id"]),
        node_id=row["node_id"],
        address=row["address"],
        sends_up_to=Tlp(row["sends_up_to"]),
        takes_up_to=Tlp(row["takes_up_to"]),
        enrolled_at=row["enrolled_at"],
        document_at=row["document_at"],
        revoked_at=row["revoked_at"],
        key_ids=tuple(row["key_ids"]),
        compartment=Compartment(row["compartment"]),
        secret_payload=row["secret_payload"],
    )


def _link(row: Row) -> Link:
    names = ("link_id", "case_id", "peer_id", "our_handle", "their_handle", "opened_at", "sent",
             "heard", "told_at", "told_until", "closed_because", "told_payload")  # fmt: skip
    return Link(
        compartment=Compartment(row["compartment"]),
        readers=tuple(row["readers"]),
        **{name: row[name] for name in names},
    )


def _sent(row: Row) -> Sent:
    names = ("envelope_id", "link_id", "number", "kind", "made_at", "due_at", "attempts", "failure",
             "sent_at", "refused")  # fmt: skip
    return Sent(tlp=Tlp(row["tlp"]), **{name: row[name] for name in names})


def _inbound(row: Row) -> Inbound:
    return Inbound(
        inbound_id=row["inbound_id"],
        peer_id=row["peer_id"],
        envelope_id=row["envelope_id"],
        kind=row["kind"],
        handle=row["handle"],
        receipts=tuple(Receipt(one) for one in row["receipts"]),
        received_at=row["received_at"],
        taken_at=row["taken_at"],
        content=PayloadId(row["content_payload"]),
        compartment=Compartment(row["compartment"]),
    )
