"""Receipts: a chain per grant, so that no call can be changed, dropped or added unnoticed.

In: facts about calls, hashes of what was asked and answered, never the words. Out: entries, each
holding the SHA-256 of the one before; and a check of any export that needs nothing but the export.
A call leaves two entries, one when it is let through and one when it ended. Sequence numbers count
calls without gaps, so an opened call without an end, or a missing number, is seen.
Source: RFC 8785 for the bytes that are hashed; RFC 9162 §2.1 for the root over all chains.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

from clearhouse.formats import merkle
from clearhouse.formats.canonical import Json, canonical_bytes


class Kind(StrEnum):
    """What an entry says."""

    OPENED = "opened"
    """A call was let through; tokens are what was reserved."""
    CLOSED = "closed"
    """A call ended; tokens are what it is charged."""
    REFUSED = "refused"
    """A call was not let through."""
    COUNTED = "counted"
    """Refusals that were counted together."""


@dataclass(slots=True)
class Link:
    """Where a chain ends; grows with each entry."""

    chain: str
    entry: int = -1
    hash: bytes = b""
    sequence: int = 0

    def __post_init__(self) -> None:
        """Begin with the name of the chain."""
        self.hash = self.hash or start_of(self.chain)

    def next_sequence(self) -> int:
        """Return the number of the next call."""
        self.sequence += 1
        return self.sequence

    def append(
        self, kind: Kind, at: float, facts: Mapping[str, Json], *, sequence: int, tokens: int = 0
    ) -> str:
        """Return the next entry as canonical JSON; the chain goes on from it."""
        self.entry += 1
        body = _canonical(
            {
                **facts,
                "chain": self.chain,
                "entry": self.entry,
                "previous": self.hash.hex(),
                "kind": kind.value,
                "sequence": sequence,
                "tokens": tokens,
                "at": datetime.fromtimestamp(at, UTC).isoformat(timespec="microseconds"),
            }
        )
        self.hash = hashlib.sha256(body.encode()).digest()
        return body


def start_of(chain: str) -> bytes:
    """Return what the first entry of a chain continues."""
    return hashlib.sha256(chain.encode()).digest()


@dataclass(frozen=True, kw_only=True, slots=True)
class ChainReport:
    """What a check of one chain found."""

    chain: str
    entries: int
    head: str
    """Hex SHA-256 of the last entry."""
    calls: int
    refused: int
    tokens: int
    unfinished: tuple[int, ...]
    """Sequences that were let through and whose end is not in the chain."""
    faults: tuple[str, ...]
    """Why the chain does not hold; none when it does."""

    @property
    def holds(self) -> bool:
        """Whether nothing is wrong with it."""
        return not self.faults


@dataclass(slots=True)
class _Tally:
    opened: dict[int, int] = field(default_factory=dict)
    closed: dict[int, int] = field(default_factory=dict)
    refused: int = 0
    last: int = 0
    faults: list[str] = field(default_factory=list)

    def take(self, place: int, entry: Mapping[str, object]) -> None:
        sequence, tokens = entry.get("sequence"), entry.get("tokens")
        if not isinstance(sequence, int) or not isinstance(tokens, int):
            self.faults.append(f"entry {place} has no sequence or no tokens")
            return
        match entry.get("kind"):
            case Kind.OPENED:
                self._number(place, sequence)
                self.opened[sequence] = tokens
            case Kind.REFUSED:
                self._number(place, sequence)
                self.refused += 1
            case Kind.CLOSED:
                if sequence not in self.opened or sequence in self.closed:
                    self.faults.append(f"entry {place} ends a call that was not open")
                self.closed[sequence] = tokens
            case Kind.COUNTED:
                pass
            case _:
                self.faults.append(f"entry {place} is of no known kind")

    def _number(self, place: int, sequence: int) -> None:
        if sequence != self.last + 1:
            self.faults.append(f"entry {place}: call {sequence} follows call {self.last}")
        self.last = max(self.last, sequence)


def check(chain: str, bodies: Iterable[str]) -> ChainReport:
    """Check one chain, entry by entry, and say everything that is wrong with it."""
    tally, previous, place = _Tally(), start_of(chain), -1
    for place, body in enumerate(bodies):
        entry = _read(body)
        if entry is None:
            tally.faults.append(f"entry {place} is not canonical JSON")
        else:
            if entry.get("chain") != chain or entry.get("entry") != place:
                tally.faults.append(f"entry {place} belongs somewhere else")
            if entry.get("previous") != previous.hex():
                tally.faults.append(f"entry {place} does not continue the one before")
            tally.take(place, entry)
        previous = hashlib.sha256(body.encode("utf-8", "surrogatepass")).digest()
    unfinished = tuple(sorted(set(tally.opened) - set(tally.closed)))
    return ChainReport(
        chain=chain,
        entries=place + 1,
        head=previous.hex(),
        calls=len(tally.opened),
        refused=tally.refused,
        tokens=sum(tally.closed.values()) + sum(tally.opened[one] for one in unfinished),
        unfinished=unfinished,
        faults=tuple(tally.faults),
    )


def root(reports: Sequence[ChainReport]) -> bytes:
    """Return one hash over all chains of a window, in the order of their names."""
    peaks = merkle.Peaks()
    for one in sorted(reports, key=lambda report: report.chain):
        leaf: dict[str, Json] = {"chain": one.chain, "entries": one.entries, "head": one.head}
        peaks.append(merkle.leaf_hash(canonical_bytes(leaf)))
    return peaks.root()


def _canonical(entry: Mapping[str, Json]) -> str:
    """Serialize like RFC 8785, for entries of ASCII keys, texts and whole numbers."""
    return json.dumps(entry, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _read(body: str) -> Mapping[str, object] | None:
    try:
        entry = json.loads(body)
        whole = isinstance(entry, dict) and canonical_bytes(entry).decode() == body
    except (ValueError, RecursionError):
        return None
    return entry if whole else None
