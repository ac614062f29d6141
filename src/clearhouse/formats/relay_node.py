"""Who a node is: its id, its name, where it takes envelopes, and its public keys with their times.

In: a node's facts and its private keys, or the bytes of such a document. Out: a DSSE envelope that
every listed key that was given has signed, or the node. Refused with `NodeError`: a document that
none of its own keys signed, or, where earlier keys are trusted, none of those; another version; a
key that is no Ed25519 key.
The fingerprint is what two people read to each other before they trust a document for the first
time.
Source: DSSE v1.0; RFC 8032 for the keys; RFC 8615 for the address that it is found at.
"""

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from clearhouse.formats import dsse
from clearhouse.formats.canonical import Json, canonical_bytes

MEDIA_TYPE = "application/vnd.clearhouse.relay-node+json"
WELL_KNOWN = "/.well-known/clearhouse-relay.json"
VERSION = "clearhouse-relay-node/1"
MOST_BYTES = 64 * 1024
_MOST_KEYS = 20
_INSTANT = "%Y-%m-%dT%H:%M:%SZ"


class NodeError(ValueError):
    """The bytes are no node document, or nobody who is trusted signed it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NodeKey:
    """One public key and when it counts."""

    public: bytes
    """32 bytes, Ed25519."""
    since: datetime
    until: datetime | None = None
    """None: until the node says otherwise."""

    @property
    def id(self) -> str:
        """Return the id that signatures name."""
        return dsse.key_id(Ed25519PublicKey.from_public_bytes(self.public))

    def counts(self, at: datetime) -> bool:
        """Say whether what was signed with the key at an instant counts."""
        return self.since <= at and (self.until is None or at < self.until)


@dataclass(frozen=True, kw_only=True, slots=True)
class Node:
    """One coordinator's installation, as others know it."""

    id: str
    name: str
    address: str
    """Where its counter is, without a slash at its end; `/v1/relay` takes envelopes there."""
    keys: tuple[NodeKey, ...]
    at: datetime
    """When this was written; an earlier document never replaces a later one."""

    @property
    def fingerprint(self) -> str:
        """Return what two people compare: 40 hex digits over id and keys, in groups of four."""
        text = canonical_bytes([self.id, *sorted(one.public.hex() for one in self.keys)])
        digits = hashlib.sha256(text).hexdigest()[:40]
        return " ".join(digits[place : place + 4] for place in range(0, 40, 4))


def write(node: Node, keys: Sequence[Ed25519PrivateKey]) -> bytes:
    """Return the signed document of a node."""
    facts: dict[str, Json] = {
        "format": VERSION,
        "node": node.id,
        "name": node.name,
        "address": node.address,
        "at": node.at.strftime(_INSTANT),
        "keys": [
            {
                "public": base64.b64encode(one.public).decode(),
                "since": one.since.strftime(_INSTANT),
                "until": None if one.until is None else one.until.strftime(_INSTANT),
            }
            for one in node.keys
        ],
    }
    return json.dumps(dsse.seal(canonical_bytes(facts), MEDIA_TYPE, keys)).encode()


def read(data: bytes, trusted: Sequence[bytes] | None = None) -> Node:
    """Return the node of a document that a trusted key signed; without any, one of its own.

    Raises: NodeError.
    """
    if len(data) > MOST_BYTES:
        raise NodeError(f"a node document has at most {MOST_BYTES} bytes")
    try:
        envelope = json.loads(data)
        node = _node(json.loads(base64.b64decode(envelope["payload"], validate=True)))
        public = [one.public for one in node.keys] if trusted is None else trusted
        keys = [Ed25519PublicKey.from_public_bytes(one) for one in public]
        opened = dsse.open_envelope(envelope, keys)
    except NodeError:
        raise
    except dsse.UntrustedEnvelopeError as error:
        raise NodeError("no key that is trusted signed this document") from error
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise NodeError("this is no document of a node") from error
    if opened.payload_type != MEDIA_TYPE:
        raise NodeError("this is a signed document of another kind")
    return node


def _node(facts: object) -> Node:
    if not isinstance(facts, dict) or facts.get("format") != VERSION:
        raise NodeError(f"the format is not {VERSION}")
    keys = tuple(
        NodeKey(
            public=base64.b64decode(one["public"], validate=True),
            since=_instant(one["since"]),
            until=None if one["until"] is None else _instant(one["until"]),
        )
        for one in facts["keys"][:_MOST_KEYS]
    )
    texts = [facts[name] for name in ("node", "name", "address")]
    if not all(isinstance(one, str) and 0 < len(one) <= 300 for one in texts) or not keys:
        raise NodeError("a node has an id, a name, an address and a key")
    id_, name, address = texts
    return Node(id=id_, name=name, address=address, keys=keys, at=_instant(facts["at"]))


def _instant(written: str) -> datetime:
    return datetime.strptime(written, _INSTANT).replace(tzinfo=UTC)
