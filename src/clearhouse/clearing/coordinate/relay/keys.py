"""The house's own keys on the relay, and the document by which others know them.

In: the holder of keys, the settings, and the instant. Out: the key that signs now, and the signed
node document. A new key is announced for a while before it is used, and the one before it counts
for a while after, so that peers who look once an hour never meet a key that they do not know. The
times are in the names of the keys: `relay` counts from the beginning, `relay-<unix time>` from then
on.
"""

import base64
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import cast

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from clearhouse.clearing.coordinate.relay.record import RelayPolicy
from clearhouse.formats import relay_node
from clearhouse.formats.relay_node import Node, NodeKey
from clearhouse.formats.tlp import Tlp
from clearhouse.kernel import policy
from clearhouse.kernel.keys import Keys
from clearhouse.kernel.outside import Outside

_NAME = "relay"
_BEGINNING = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True, kw_only=True, slots=True)
class OwnKey:
    """One private key of ours and when it counts."""

    name: str
    private: Ed25519PrivateKey
    since: datetime
    until: datetime | None

    @property
    def public(self) -> NodeKey:
        """Return what others may know of it."""
        raw = self.private.public_key().public_bytes_raw()
        return NodeKey(public=raw, since=self.since, until=self.until)


def relay_policy() -> RelayPolicy:
    """Return the policy in force.

    Raises: PolicyError when a number is missing.
    """
    document = policy.load("relay/clearhouse-1")
    try:
        seconds = {
            name: int(cast("int", document[name]))
            for name in (
                "signature_life_s", "first_pause_s", "longest_pause_s", "key_lead_h",
                "key_overlap_h", "refusals_per_hour",
            )
        }  # fmt: skip
        label = Tlp(str(document["in_the_clear_up_to"]))
    except (KeyError, TypeError, ValueError) as error:
        raise policy.PolicyError("the policy relay/clearhouse-1 lacks a number or label") from error
    return RelayPolicy(
        version=f"{document['id']}/{document['version']}",
        signature_life=timedelta(seconds=seconds["signature_life_s"]),
        first_pause=timedelta(seconds=seconds["first_pause_s"]),
        longest_pause=timedelta(seconds=seconds["longest_pause_s"]),
        key_lead=timedelta(hours=seconds["key_lead_h"]),
        key_overlap=timedelta(hours=seconds["key_overlap_h"]),
        in_the_clear_up_to=label,
        refusals_per_hour=seconds["refusals_per_hour"],
    )


def node_id(keys: Keys) -> str:
    """Return the house's id on the relay; it stays when its keys change."""
    digest = hmac.digest(keys.index_key(), b"relay node", "sha256")
    return f"nod_{base64.b32encode(digest).decode().lower()[:26]}"


def own_keys(keys: Keys, at: datetime) -> list[OwnKey]:
    """Return the keys that count now or later, the oldest first; the first is made if need be."""
    keys.holder.secret(_NAME)
    named = sorted((_since(name), name) for name in keys.holder.names() if _is_ours(name))
    overlap = relay_policy().key_overlap
    found = []
    for place, (since, name) in enumerate(named):
        until = named[place + 1][0] + overlap if place + 1 < len(named) else None
        if until is None or at < until:
            private = Ed25519PrivateKey.from_private_bytes(keys.holder.secret(name))
            found.append(OwnKey(name=name, private=private, since=since, until=until))
    return found


def signing(keys: Keys, at: datetime) -> Ed25519PrivateKey:
    """Return the key that signs now: the newest of those that were announced long enough."""
    return max(
        (one for one in own_keys(keys, at) if one.since <= at), key=lambda one: one.since
    ).private


def own_node(keys: Keys, outside: Outside, at: datetime) -> Node:
    """Return the house as a node."""
    return Node(
        id=node_id(keys),
        name=outside.house_name,
        address=outside.counter_address,
        keys=tuple(one.public for one in own_keys(keys, at)),
        at=at.astimezone(UTC).replace(microsecond=0),
    )


def own_document(keys: Keys, outside: Outside, at: datetime) -> bytes:
    """Return the house's node document, signed by every key that it lists."""
    private = [one.private for one in own_keys(keys, at)]
    return relay_node.write(own_node(keys, outside, at), private)


def announce(keys: Keys, at: datetime, *, lead: timedelta | None = None) -> datetime:
    """Make the next key, and return from when on it signs."""
    since = at + (relay_policy().key_lead if lead is None else lead)
    keys.holder.secret(f"{_NAME}-{int(since.timestamp())}")
    return since.replace(microsecond=0)


def outlived(keys: Keys, at: datetime) -> list[str]:
    """Return the names of keys that count no more, to be destroyed by whoever holds them."""
    living = {one.name for one in own_keys(keys, at)}
    return [name for name in keys.holder.names() if _is_ours(name) and name not in living]


def _is_ours(name: str) -> bool:
    return name == _NAME or name.removeprefix(f"{_NAME}-").isdecimal()


def _since(name: str) -> datetime:
    stamp = name.removeprefix(_NAME).removeprefix("-")
    return datetime.fromtimestamp(int(stamp), UTC) if stamp else _BEGINNING
