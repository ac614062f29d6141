"""Checks parts of the ledger for people who look at a page, each check with its numbers.

In: a proof, a signed head, or the size and root of a tree that somebody saw earlier. Out: one
`Check` for each thing looked at, whether it holds, and what was computed. Refused: nothing; what
does not hold is said. Whoever trusts nobody takes the export and checks it alone.
Source: RFC 9162 §2.1.3 (inclusion), §2.1.4 (consistency); DSSE (signature).
"""

import json
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from clearhouse.formats import dsse, merkle
from clearhouse.kernel import ledger
from clearhouse.kernel.ledger import TREE_HEAD_TYPE, Proof, TreeHead
from clearhouse.kernel.store.database import Transaction


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """One thing that was looked at."""

    name: str
    holds: bool
    said: str
    """What was computed, in numbers."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Earlier:
    """A tree that somebody saw earlier."""

    size: int
    root: bytes


def check_event(proof: Proof, key: Ed25519PublicKey) -> tuple[Check, ...]:
    """Check that an event is in the signed tree."""
    leaf = merkle.leaf_hash(proof.event)
    head = proof.head
    inside = merkle.inclusion_holds(leaf, proof.leaf_index, head.size, proof.path, head.root)
    return (
        Check(
            name="inclusion",
            holds=inside,
            said=f"leaf {proof.leaf_index:,} has the hash {leaf.hex()[:16]}… of the event as it"
            f" stands here; {len(proof.path)} hashes lead from it to the root"
            f" {head.root.hex()[:16]}… of {head.size:,} events",
        ),
        check_head(head, key),
    )


def check_head(head: TreeHead, key: Ed25519PublicKey) -> Check:
    """Check the signature of a head, and that it signs this size and root."""
    name = "signature"
    spelt = f"Ed25519 key {key.public_bytes_raw().hex()[:16]}…"
    try:
        opened = dsse.open_envelope(head.envelope, [key])
    except dsse.UntrustedEnvelopeError as error:
        return Check(name=name, holds=False, said=f"not signed by the {spelt}: {error}")
    statement = json.loads(opened.payload)
    signed = (opened.payload_type, statement.get("size"), statement.get("root"))
    holds = signed == (TREE_HEAD_TYPE, head.size, head.root.hex())
    said = f"the {spelt} signed the size {head.size:,} and this root"
    return Check(
        name=name, holds=holds, said=said if holds else f"the {spelt} signed another size or root"
    )


def check_growth(transaction: Transaction, earlier: Earlier) -> Check:
    """Check that the newest signed tree only adds to an earlier one."""
    name = "consistency"
    newest = ledger.head(transaction)
    if newest is None:
        return Check(name=name, holds=False, said="no head was signed yet")
    if earlier.size > newest.size:
        return Check(
            name=name,
            holds=False,
            said=f"the signed tree has {newest.size:,} events, fewer than {earlier.size:,}",
        )
    proved = ledger.prove_extends(transaction, earlier.size)
    path = proved[1] if proved else []
    holds = merkle.consistency_holds(earlier.size, newest.size, earlier.root, newest.root, path)
    numbers = f"{len(path)} hashes, from {earlier.size:,} to {newest.size:,} events"
    return Check(
        name=name,
        holds=holds,
        said=f"nothing was changed or taken away since: {numbers}"
        if holds
        else f"the tree of {earlier.size:,} events with the root {earlier.root.hex()[:16]}… is no"
        " beginning of the signed one",
    )


def heads(transaction: Transaction, *, most: int = 10) -> tuple[TreeHead, ...]:
    """Return some signed heads from the newest to the first, ever farther apart."""
    newest = ledger.head(transaction)
    if newest is None:
        return ()
    rows = transaction.all(
        "(SELECT h.* FROM generate_series(0, %s) AS step, LATERAL (SELECT size, root, at, envelope"
        "  FROM tree_head WHERE size <= %s - (power(4, step)::bigint - 1)"
        "  ORDER BY size DESC LIMIT 1) AS h)"
        " UNION ALL (SELECT size, root, at, envelope FROM tree_head ORDER BY size LIMIT 1)"
        " ORDER BY size DESC",
        [most, newest.size],
    )
    found = {row["size"]: TreeHead(**row) for row in rows}
    return tuple(found.values())
