"""The index of earlier reports in the database; only the house's machinery may search it.

Holds keyed hashes alone: the tokens a report is filed under, its exact keys, and its packed sketch.
Everything is asked and filed for several reports at once; one is a batch of one.
"""

import sys
from array import array
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from clearhouse.clearing.match.record import ExactKey
from clearhouse.clearing.match.retrieval import Entries, words_of
from clearhouse.clearing.match.shelf import Filed, Shelf
from clearhouse.kernel.ids import ReportId
from clearhouse.kernel.store.database import Transaction


@dataclass(frozen=True, kw_only=True, slots=True)
class Filing:
    """What the index is to hold of one report."""

    serial: int
    entry: int
    packed: bytes
    package: int | None
    tokens: Sequence[int]
    group: int
    """The serial number of the report that began the group that it joins; its own if none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Holder:
    """A report that holds a key."""

    report_id: ReportId
    serial: int
    value: bytes


_ENTRY = 8
"""So many bytes an entry has in the store, the greatest first."""
_SHORT = 64 * _ENTRY
"""Postings of at most so many bytes are read as soon as they are counted."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Held:
    """How many reports are filed under tokens."""

    counts: Counter[int]
    read: defaultdict[int, bytes]
    """Who they are, as far as that was read along."""
    unread: set[int]
    """The tokens under which others are filed too."""


def file(transaction: Transaction, filings: Sequence[Filing]) -> None:
    """Make reports findable by their words."""
    transaction.execute(
        "INSERT INTO match_index_report (serial, package, length, sketch, joined)"
        " SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::integer[], %b::bytea[],"
        "  %s::bigint[])",
        [
            [one.serial for one in filings],
            [one.package for one in filings],
            [words_of(one.entry) for one in filings],
            [one.packed for one in filings],
            [one.group for one in filings],
        ],
    )
    entries: defaultdict[int, list[bytes]] = defaultdict(list)
    for one in filings:
        stored = one.entry.to_bytes(_ENTRY)
        for token in one.tokens:
            entries[token].append(stored)
    transaction.execute(
        "INSERT INTO match_index_recent (token, entries)"
        " SELECT * FROM unnest(%s::bigint[], %b::bytea[])",
        [numbers(entries), [b"".join(some) for some in entries.values()]],
    )


def file_keys(transaction: Transaction, keys: Mapping[int, Mapping[bytes, ExactKey]]) -> None:
    """Make reports, by their serial numbers, findable by their exact keys."""
    rows = [
        (value, serial, str(key.kind)) for serial, own in keys.items() for value, key in own.items()
    ]
    if rows:
        values, serials, kinds = (list(column) for column in zip(*rows, strict=True))
        transaction.execute(
            "INSERT INTO match_index_key (value, serial, kind)"
            " SELECT * FROM unnest(%b::bytea[], %s::bigint[], %s::text[])",
            [values, serials, kinds],
        )


def pack_postings(transaction: Transaction) -> int:
    """Move what was filed lately into packed postings; return how many entries moved."""
    row = transaction.one("SELECT pack_postings() AS moved")
    return int(row["moved"]) if row else 0


def remove(transaction: Transaction, serial: int) -> None:
    """Take a report out of the index, as when its compartment is shredded."""
    transaction.execute("SELECT unfile_report(%s)", [serial])


def clear(transaction: Transaction) -> None:
    """Empty the index, so that every report is filed anew."""
    for statement in (
        "DELETE FROM match_index_report",
        "DELETE FROM match_index_recent",
        "DELETE FROM match_index_posting",
        "DELETE FROM match_index_key",
    ):
        transaction.execute(statement)


def size(transaction: Transaction) -> int:
    """Return about how many reports are filed."""
    row = transaction.one("SELECT coalesce(max(serial), 0) AS reports FROM match_index_report")
    return int(row["reports"]) if row else 0


def held(transaction: Transaction, tokens: Iterable[int]) -> Held:
    """Return how many reports are filed under each token."""
    asked = numbers(tokens)
    # As one join, the store would rather read all postings than look for thousands of them.
    rows = transaction.tuples(
        "SELECT token, octet_length(entries) / %s,"
        "  CASE WHEN octet_length(entries) <= %s THEN entries END"
        " FROM match_index_posting WHERE token = ANY(%s::bigint[])"
        " UNION ALL SELECT token, sum(octet_length(entries)) / %s, string_agg(entries, ''::bytea)"
        " FROM match_index_recent WHERE token = ANY(%s::bigint[]) GROUP BY token",
        [_ENTRY, _SHORT, asked, _ENTRY, asked],
    )
    found = Held(counts=Counter(), read=defaultdict(bytes), unread=set())
    for token, count, entries in rows:
        found.counts[token] += count
        if entries is None:
            found.unread.add(token)
        else:
            found.read[token] += entries
    return found


def postings(transaction: Transaction, known: Held, tokens: Collection[int]) -> dict[int, Entries]:
    """Return who is filed under each token, of which `known` says how many there are."""
    rows = transaction.tuples(
        "SELECT token, entries FROM match_index_posting WHERE token = ANY(%s::bigint[])",
        [numbers(known.unread.intersection(tokens))],
    )
    found = {token: array("q", known.read[token]) for token in known.read.keys() & tokens}
    for token, entries in rows:
        found.setdefault(token, array("q")).frombytes(entries)
    if sys.byteorder == "little":
        for some in found.values():
            some.byteswap()
    return found


def filed(shelf: Shelf, transaction: Transaction, serials: Collection[int]) -> dict[int, Filed]:
    """Return what is filed of reports, by their serial numbers.

    What stands on the shelf is read again only when something was taken out of the index since.
    """
    row = transaction.one("SELECT coalesce(max(removal), 0) AS last FROM match_index_removal")
    removal = int(row["last"]) if row else 0
    found = shelf.of(removal, serials)
    rows = transaction.tuples(
        "SELECT serial, sketch, coalesce(joined, serial) FROM match_index_report"
        " WHERE serial = ANY(%s::bigint[])",
        [numbers(serial for serial in serials if serial not in found)],
    )
    read = {serial: Filed(packed=sketch, group=group) for serial, sketch, group in rows}
    shelf.put(removal, read)
    return found | read


def key_holders(transaction: Transaction, values: Sequence[bytes]) -> list[Holder]:
    """Return who holds these keys: the earliest report of each finding and key."""
    if not values:
        return []
    rows = transaction.all(
        "SELECT DISTINCT ON (k.value, r.finding_id) r.report_id, r.serial, k.value"
        " FROM match_index_key k JOIN match_report r USING (serial)"
        " WHERE k.value = ANY(%s)"
        " ORDER BY k.value, r.finding_id, r.received_at, r.report_id",
        [list(values)],
    )
    return [
        Holder(report_id=ReportId(row["report_id"]), serial=row["serial"], value=row["value"])
        for row in rows
    ]


def numbers(some: Iterable[int]) -> str:
    """Write numbers as an array; the driver's own way takes several times as long."""
    return f"{{{','.join(map(str, some))}}}"
