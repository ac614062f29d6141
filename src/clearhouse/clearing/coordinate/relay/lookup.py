"""Blind lookup between houses: each answers under its own key, and no list is exchanged.

In: at the house that asks, a door to a peer; at the one that is asked, signed requests. Out: cards,
evaluations and parts of tables, each signed by the house that answers. A house asks for its own
people, so the other sees which house asks and not who; it answers within the quota of the peer.
Refused: whoever is no live peer, requests that came before, questions that are malformed, parts
smaller than the policy of the answering house allows, and whole tables unless they are that small.
The counter holds no key: it keeps a question until a job of the desk has answered it, and whoever
asks comes again with the same id.
Source: RFC 9421, RFC 9497, DSSE.
"""

import base64
import json
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from clearhouse.clearing.coordinate.relay import _store
from clearhouse.clearing.coordinate.relay.keys import relay_policy, signing
from clearhouse.clearing.coordinate.relay.record import Peer
from clearhouse.clearing.deconflict.blind import answering, epochs
from clearhouse.clearing.deconflict.blind.record import Card, Epoch, Part
from clearhouse.clearing.deconflict.refusal import Refusal
from clearhouse.formats import dsse, http_signature
from clearhouse.formats.canonical import Json, canonical_bytes
from clearhouse.formats.voprf import Evaluated
from clearhouse.kernel import ledger
from clearhouse.kernel.identity import WATCHERS, Actor
from clearhouse.kernel.ids import new_id
from clearhouse.kernel.outside import OutsideError
from clearhouse.kernel.services import Desk
from clearhouse.kernel.store.database import Transaction

PATH = "/v1/relay/known"
MEDIA_TYPE = "application/json"
ANSWER_TYPE = "application/vnd.clearhouse.known-answer+json"
ANSWER_LOOKUPS = "answer_lookups"
"""Name of the job that answers what waits."""
MOST_BYTES = 64 * 1024
AT_ONCE = 16
"""So many parts fit into one answer."""
READERS = ("role:clearing",)
_KEPT = timedelta(hours=1)
_PAUSES_S = (0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 3.2)
"""How long is waited between one try and the next; then the asker tries again later."""
_MALFORMED: dict[str, Json] = {"refused": "malformed", "reason": "the question is malformed"}


def answer_waiting(desk: Desk) -> int:
    """Answer what peers have asked, forget what is old, and return how many were answered."""
    with desk.database.transaction(desk.clearing_actor.actor_id) as transaction:
        transaction.execute(
            "DELETE FROM peer_lookup WHERE asked_at < %s", [transaction.now - _KEPT]
        )
        rows = transaction.all(
            "SELECT peer_id, lookup_id, question FROM peer_lookup WHERE answer IS NULL"
            " ORDER BY asked_at LIMIT 100 FOR UPDATE SKIP LOCKED"
        )
        for row in rows:
            peer = _store.peer(transaction, row["peer_id"])
            said = _MALFORMED if peer is None else _answer(desk, transaction, peer, row["question"])
            body = canonical_bytes({"id": row["lookup_id"], **said})
            envelope = dsse.seal(body, ANSWER_TYPE, [signing(desk.keys, transaction.now)])
            transaction.execute(
                "UPDATE peer_lookup SET answer = %s WHERE peer_id = %s AND lookup_id = %s",
                [json.dumps(envelope).encode(), row["peer_id"], row["lookup_id"]],
            )
        return len(rows)


def _answer(desk: Desk, transaction: Transaction, peer: Peer, question: bytes) -> dict[str, Json]:
    try:
        asked = json.loads(question)
        kind = asked["ask"]
        if kind == "card":
            return _card(transaction)
        if kind == "evaluate":
            elements = [bytes.fromhex(one) for one in asked["elements"]]
            return _evaluated(
                answering.evaluate_for(
                    desk, transaction, peer.party_id, str(asked["epoch"]), elements
                )
            )
        if kind == "buckets":
            prefixes = [int(one) for one in asked["prefixes"]][: AT_ONCE + 1]
            if len(prefixes) > AT_ONCE:
                return _MALFORMED
            return _parts(
                answering.buckets_for(
                    transaction, str(asked["epoch"]), int(asked["bits"]), prefixes
                )
            )
    except (ValueError, KeyError, TypeError, OverflowError):
        return _MALFORMED
    return _MALFORMED


def _card(transaction: Transaction) -> dict[str, Json]:
    found = epochs.card(transaction)
    return {
        "epochs": [
            {"epoch": one.epoch_id, "public_key": one.public_key.hex(),
             "opened_at": one.opened_at.isoformat(), "version": one.version, "most_bits": bits}
            for one, bits in zip(found.epochs, found.most_bits, strict=True)
        ],
        "policy": found.policy,
    }  # fmt: skip


def _evaluated(said: Evaluated | Refusal) -> dict[str, Json]:
    if isinstance(said, Refusal):
        return {"refused": said.code, "reason": said.reason}
    return {"elements": [one.hex() for one in said.elements], "proof": said.proof.hex()}


def _parts(said: tuple[Part, ...] | Refusal) -> dict[str, Json]:
    if isinstance(said, Refusal):
        return {"refused": said.code, "reason": said.reason}
    return {
        "version": said[0].version,
        "parts": [base64.b64encode(one.entries).decode("ascii") for one in said],
    }


@dataclass(frozen=True, slots=True)
class PeerDoor:
    """A peer's house, asked over the relay for somebody of this one."""

    desk: Desk
    actor: Actor
    peer: Peer
    wait: Callable[[float], None] = time.sleep

    def card(self) -> Card:
        """Return which keys answer there.

        Raises: OutsideError, AddressRefusedError.
        """
        said = self._asked({"ask": "card"})
        if isinstance(said, Refusal):
            raise OutsideError(said.reason)
        listed = [one for one in _list(said, "epochs") if isinstance(one, dict)]
        return Card(
            epochs=tuple(map(_epoch, listed)),
            most_bits=tuple(int(str(one["most_bits"])) for one in listed),
            asked_at_once=AT_ONCE,
            policy=str(said.get("policy")),
        )

    def evaluate(self, epoch_id: str, elements: Sequence[bytes]) -> Evaluated | Refusal:
        """Have blinded fingerprints evaluated."""
        asked: dict[str, Json] = {"ask": "evaluate", "epoch": epoch_id}
        said = self._asked(asked | {"elements": [one.hex() for one in elements]})
        if isinstance(said, Refusal):
            return said
        answers = tuple(bytes.fromhex(str(one)) for one in _list(said, "elements"))
        return Evaluated(answers, bytes.fromhex(str(said.get("proof"))))

    def table(self, epoch_id: str, after: int) -> Part | Refusal:
        """Return a table that is too small for parts; of a larger one, bits must be shown."""
        del after  # a peer keeps no versions for others
        said = self.buckets(epoch_id, 0, [0])
        return said if isinstance(said, Refusal) else said[0]

    def buckets(
        self, epoch_id: str, bits: int, prefixes: Sequence[int]
    ) -> tuple[Part, ...] | Refusal:
        """Return parts of the table."""
        said = self._asked({"ask": "buckets", "epoch": epoch_id, "bits": bits,
                            "prefixes": list(prefixes)})  # fmt: skip
        if isinstance(said, Refusal):
            return said
        version = int(str(said.get("version")))
        return tuple(
            Part(entries=base64.b64decode(str(one), validate=True), version=version)
            for one in _list(said, "parts")
        )

    def _asked(self, question: dict[str, Json]) -> dict[str, Json] | Refusal:
        lookup_id = new_id("lkp")
        body = canonical_bytes({"id": lookup_id, **question})
        for pause in (*_PAUSES_S, 0.0):
            now = self.desk.database.clock()
            headers = self._signed(body, now)
            answer = self.desk.outside.ask("POST", self.peer.address + PATH, body, headers=headers)
            if answer.status == 200:
                return self._opened(lookup_id, answer.body)
            if answer.status != 202:
                return Refusal(code=f"status-{answer.status}", reason="the peer does not answer")
            self.wait(pause)
        return Refusal(code="not-yet", reason="the peer has not answered yet; ask again")

    def _signed(self, body: bytes, now: datetime) -> dict[str, str]:
        key = signing(self.desk.keys, now)
        headers = http_signature.sign(
            key,
            dsse.key_id(key.public_key()),
            method="POST",
            address=self.peer.address + PATH,
            body=body,
            at=now,
            life=relay_policy().signature_life,
            nonce=secrets.token_urlsafe(24),
        )
        return headers | {"Content-Type": MEDIA_TYPE}

    def _opened(self, lookup_id: str, body: bytes) -> dict[str, Json] | Refusal:
        """Return what the peer's own key has signed for this question."""
        with self.desk.database.transaction(self.desk.clearing_actor.actor_id) as transaction:
            public = _store.public_keys(transaction, self.peer.peer_id)
        try:
            trusted = [Ed25519PublicKey.from_public_bytes(one) for one in public]
            opened = dsse.open_envelope(json.loads(body), trusted)
            said = json.loads(opened.payload)
        except (ValueError, dsse.UntrustedEnvelopeError) as error:
            raise OutsideError("the answer is not signed by the peer") from error
        if opened.payload_type != ANSWER_TYPE or said.get("id") != lookup_id:
            raise OutsideError("the answer is to another question")
        if "refused" in said:
            return Refusal(code=str(said["refused"]), reason=str(said.get("reason"))[:400])
        return dict(said)


def door_to(desk: Desk, transaction: Transaction, actor: Actor, peer_id: str) -> PeerDoor | Refusal:
    """Return a door to a peer for somebody who may ask.

    Raises: ForbiddenError.
    """
    desk.authority.demand(actor, answering.ASK)
    with desk.database.transaction(desk.clearing_actor.actor_id) as house:
        peer = _store.peer(house, peer_id)
    if peer is None or peer.revoked_at is not None or peer.node_id is None:
        reason = "the house knows no live Clearhouse of that id"
        return Refusal(code="no-such-peer", reason=reason)
    _note(transaction, actor, peer)
    return PeerDoor(desk, actor, peer)


def _note(transaction: Transaction, actor: Actor, peer: Peer) -> None:
    ledger.append(
        transaction,
        "exchange.asked_a_peer",
        actor.party_id,
        {"peer": peer.peer_id},
        readers=(actor.party_id, *WATCHERS),
    )


def _epoch(said: Mapping[str, Json]) -> Epoch:
    return Epoch(
        epoch_id=str(said["epoch"]),
        public_key=bytes.fromhex(str(said["public_key"])),
        opened_at=datetime.fromisoformat(str(said["opened_at"])),
        answers_until=None,
        entries=0,
        version=int(str(said["version"])),
    )


def _list(said: Mapping[str, Json], name: str) -> list[Json]:
    found = said.get(name)
    return found if isinstance(found, list) else []
