"""The ledger as one file, and the verifier that needs nothing but that file.

Lines of JSON: first a header with the public key, then one line a leaf (its hash, and the event
itself where the exporting actor may read it), last the signed tree head.
In: a transaction to export, or the lines of an export. Out: lines, or a report of what holds.
Refused: nothing; every fault is listed, not only the first. A line that is not understood is a
fault, because whoever reads the file with other eyes could take it for part of the ledger.
"""

import base64
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import cast

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from clearhouse.formats import dsse, merkle
from clearhouse.formats.canonical import Json, canonical_bytes
from clearhouse.kernel.ledger import TREE_HEAD_TYPE, head
from clearhouse.kernel.store.database import Transaction

FORMAT = "clearhouse-ledger/1"
_HEADER = {"format", "public_key", "size"}
_HASH = re.compile("[0-9a-f]{64}")
_BATCH = 5000
_SAFE_DIGITS = 15
"""Whole numbers up to 2**53 are exact; longer ones were doubles. Source: RFC 8785 appendix D."""

Document = dict[str, object]
"""One line of an export, read."""


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
    yield json.dumps({"format": FORMAT, "public_key": _spell(key), "size": size})
    for start in range(0, size, _BATCH):
        rows = transaction.all(
            "SELECT leaf_hash, body FROM ledger_leaf LEFT JOIN ledger_event USING (event_id)"
            " WHERE leaf_index >= %s AND leaf_index < %s ORDER BY leaf_index",
            [start, min(start + _BATCH, size)],
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
    audit = _Audit(trusted)
    for number, line in enumerate(lines, start=1):
        audit.read(number, line)
    return audit.result()


class _Audit:
    """Reads an export line by line and keeps little of it: a ledger may be long."""

    def __init__(self, trusted: Ed25519PublicKey | None) -> None:
        self.faults: list[str] = []
        self._trusted = trusted
        self._header: Document | None = None
        self._head: Document | None = None
        self._tree = merkle.Peaks()
        self._shown = 0

    def read(self, number: int, line: str) -> None:
        """Take in one line."""
        document = _parse(line)
        if document is None:
            self.faults.append(f"line {number} is not a JSON object with distinct names")
        elif number == 1:
            self._read_header(document)
        elif self._head is not None:
            self.faults.append(f"line {number} comes after the tree head")
        elif document.keys() == {"tree_head"}:
            self._head = document
        elif document.keys() in ({"leaf"}, {"leaf", "event"}):
            self._read_leaf(document)
        else:
            self.faults.append(f"line {number} is neither a leaf nor the tree head")

    def result(self) -> Verification:
        """Compare what was read with what was signed, and list every fault."""
        if self._header is not None:
            self._check_header(self._header)
            self._check_head()
        elif not self.faults:
            self.faults.append(f"not a {FORMAT} file")
        return Verification(
            size=self._tree.size,
            root=self._tree.root().hex(),
            events_shown=self._shown,
            faults=tuple(self.faults),
        )

    def _read_header(self, document: Document) -> None:
        if document.get("format") != FORMAT or document.keys() != _HEADER:
            self.faults.append(f"not a {FORMAT} file")
        else:
            self._header = document

    def _read_leaf(self, document: Document) -> None:
        index, text = self._tree.size, document["leaf"]
        leaf = bytes.fromhex(text) if isinstance(text, str) and _HASH.fullmatch(text) else b""
        if not leaf:
            self.faults.append(f"leaf {index} is not a SHA-256 hash")
        if "event" in document:
            self._shown += 1
            if _event_hash(document["event"]) != leaf:
                self.faults.append(f"the event of leaf {index} was changed")
        self._tree.append(leaf)

    def _check_header(self, header: Document) -> None:
        size, known = header["size"], self._tree.size
        if type(size) is not int or size != known:
            self.faults.append(f"the header announces {size!r} leaves, the file has {known}")
        if self._trusted is not None and header["public_key"] != _spell(self._trusted):
            self.faults.append("the header names another key than the one you trust")

    def _check_head(self) -> None:
        if self._head is None or self._head["tree_head"] is None:
            self.faults.append("no signed tree head at the end: cut short, or never signed")
            return
        key = self._trusted or _key(self._header or {})
        if key is None:
            self.faults.append("the header holds no usable public key")
            return
        try:
            opened = dsse.open_envelope(self._head["tree_head"], [key])
        except dsse.UntrustedEnvelopeError as error:
            self.faults.append(f"the tree head is not signed by the ledger's key: {error}")
            return
        statement = _parse(opened.payload.decode("utf-8", "replace")) or {}
        if (
            opened.payload_type != TREE_HEAD_TYPE
            or statement.get("root") != self._tree.root().hex()
        ):
            self.faults.append(
                "the leaves do not lead to the signed root: one was changed or moved"
            )
        if statement.get("size") != self._tree.size:
            self.faults.append(
                f"the signed tree has {statement.get('size')!r} leaves, not {self._tree.size}"
            )


def _parse(line: str) -> Document | None:
    """Return a JSON object, None when it is none or two readers could read it differently."""
    try:
        document = json.loads(line, object_pairs_hook=_distinct, parse_int=_number)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _distinct(pairs: list[tuple[str, object]]) -> Document:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise ValueError("a name occurs twice")
    return document


def _number(text: str) -> int | float:
    """Read a whole number as its double where only a double can have been written."""
    return int(text) if len(text) <= _SAFE_DIGITS else float(text)


def _event_hash(event: object) -> bytes | None:
    """Return the leaf hash of an event, None when it has no canonical form."""
    try:
        return merkle.leaf_hash(canonical_bytes(cast("Json", event)))
    except ValueError:
        return None


def _spell(key: Ed25519PublicKey) -> str:
    return base64.b64encode(key.public_bytes_raw()).decode("ascii")


def _key(header: Document) -> Ed25519PublicKey | None:
    try:
        raw = base64.b64decode(str(header.get("public_key")), validate=True)
        key = Ed25519PublicKey.from_public_bytes(raw)
    except ValueError:
        return None
    return key if header.get("public_key") == _spell(key) else None
