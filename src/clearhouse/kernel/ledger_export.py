"""The ledger as one file, and the verifier that needs nothing but that file.

Lines of JSON: first a header with the public key, then one line a leaf (its hash, and the event
itself where the exporting actor may read it), last the signed tree head.
In: a transaction to export, or the lines of an export. Out: lines, or a report of what holds.
Refused: nothing; every fault is listed, not only the first.
"""

import base64
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from clearhouse.formats import dsse, merkle
from clearhouse.formats.canonical import canonical_bytes
from clearhouse.kernel.ledger import TREE_HEAD_TYPE, head
from clearhouse.kernel.store.database import Transaction

FORMAT = "clearhouse-ledger/1"


@dataclass(frozen=True, kw_only=True, slots=True)
class Verification:
    """What an export proves."""

    size: int
    root: str
    events_shown: int
    """Leaves whose event is in the file; the others are hashes only."""
    faults: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """Whether the file is one unbroken, signed history."""
        return not self.faults


def export(transaction: Transaction, key: Ed25519PublicKey) -> Iterator[str]:
    """Yield the lines of the ledger up to its newest signed head, as this actor may see it."""
    newest = head(transaction)
    size = newest.size if newest else 0
    public_key = base64.b64encode(key.public_bytes_raw()).decode("ascii")
    yield json.dumps({"format": FORMAT, "public_key": public_key, "size": size})
    rows = transaction.all(
        "SELECT leaf_hash, body FROM ledger_leaf LEFT JOIN ledger_event USING (event_id)"
        " WHERE leaf_index < %s ORDER BY leaf_index",
        [size],
    )
    for row in rows:
        line = {"leaf": row["leaf_hash"].hex()}
        yield json.dumps(line | ({"event": json.loads(row["body"])} if row["body"] else {}))
    yield json.dumps({"tree_head": newest.envelope if newest else None})


def verify(lines: Iterable[str], trusted: Ed25519PublicKey | None = None) -> Verification:
    """Check an export: every shown event against its leaf, every leaf against the signed root.

    `trusted` is the key you have from elsewhere; without it the file's own key is used, which
    proves only that the file is whole, not whose it is.
    """
    faults: list[str] = []
    documents = list(_documents(lines, faults))
    header = documents[0] if documents else {}
    if header.get("format") != FORMAT:
        return Verification(
            size=0, root="", events_shown=0, faults=(*faults, f"not a {FORMAT} file")
        )
    leaves, shown = _leaves(documents[1:], faults)
    root = _root(leaves)
    _check_head(documents[-1].get("tree_head"), trusted or _key(header), leaves, root, faults)
    if header.get("size") != len(leaves):
        faults.append(
            f"the header announces {header.get('size')} leaves, the file has {len(leaves)}"
        )
    return Verification(size=len(leaves), root=root.hex(), events_shown=shown, faults=tuple(faults))


def _documents(lines: Iterable[str], faults: list[str]) -> Iterator[dict[str, object]]:
    for number, line in enumerate(lines, start=1):
        try:
            document = json.loads(line)
        except ValueError:
            document = None
        if isinstance(document, dict):
            yield document
        else:
            faults.append(f"line {number} is not a JSON object")


def _leaves(documents: list[dict[str, object]], faults: list[str]) -> tuple[list[bytes], int]:
    leaves: list[bytes] = []
    shown = 0
    for document in documents:
        match document:
            case {"leaf": str(text)}:
                leaf = bytes.fromhex(text) if _is_hash(text) else b""
            case _:
                continue
        if not leaf:
            faults.append(f"leaf {len(leaves)} is not a SHA-256 hash")
        if "event" in document:
            shown += 1
            if merkle.leaf_hash(canonical_bytes(document["event"])) != leaf:  # type: ignore[arg-type]
                faults.append(f"the event of leaf {len(leaves)} was changed")
        leaves.append(leaf)
    return leaves, shown


def _is_hash(text: str) -> bool:
    return len(text) == 64 and all(character in "0123456789abcdef" for character in text)


def _root(leaves: list[bytes]) -> bytes:
    nodes: dict[tuple[int, int], bytes] = {}
    for index, leaf in enumerate(leaves):
        for level, node_index, value in merkle.new_nodes(index, leaf, lambda *at: nodes[at]):
            nodes[level, node_index] = value
    return merkle.root(len(leaves), lambda *at: nodes[at])


def _check_head(
    envelope: object,
    key: Ed25519PublicKey | None,
    leaves: list[bytes],
    root: bytes,
    faults: list[str],
) -> None:
    if envelope is None and not leaves:
        return
    if key is None:
        faults.append("the header holds no usable public key")
        return
    try:
        opened = dsse.open_envelope(envelope, [key])
    except dsse.UntrustedEnvelopeError as error:
        faults.append(f"the tree head is not signed by the ledger's key: {error}")
        return
    statement = json.loads(opened.payload)
    if opened.payload_type != TREE_HEAD_TYPE or statement.get("root") != root.hex():
        faults.append("the leaves do not lead to the signed root: one was changed or moved")
    if statement.get("size") != len(leaves):
        faults.append(f"the signed tree has {statement.get('size')} leaves, not {len(leaves)}")


def _key(header: dict[str, object]) -> Ed25519PublicKey | None:
    try:
        return Ed25519PublicKey.from_public_bytes(base64.b64decode(str(header.get("public_key"))))
    except ValueError:
        return None
