"""What fingerprints, outputs, tables and quotas are, as pure functions.

In: fingerprints and outputs of the pseudorandom function. Out: the bytes that are asked for, what
an output gives away to whom, and what a table says. An output yields three values that tell nothing
of one another: a tag that stands in the table, a mask over the label, and a ticket.
Refused with `ValueError`: fingerprints of no or of endless content.
Source: RFC 8785 (canonical JSON), RFC 2104 (HMAC).
"""

import bisect
import hmac
from collections.abc import Iterable, Sequence
from datetime import date, timedelta

from clearhouse.clearing.deconflict.blind.record import Fingerprint, Held, Part
from clearhouse.formats.canonical import canonical_bytes

FORMAT = "clearhouse-fingerprint/1"
MOST_CHARACTERS = 4096
TAG_BYTES, LABEL_BYTES, TICKET_BYTES = 8, 2, 32
ENTRY_BYTES = TAG_BYTES + LABEL_BYTES
_FIRST_DAY = date(2020, 1, 1)
_UNTOLD = 0xFFFF
"""The label of an entry whose holder does not say since when."""


def text_of(fingerprint: Fingerprint) -> bytes:
    """Return the bytes that the function is evaluated on; equal for equal fingerprints only."""
    if not fingerprint.value or len(fingerprint.value) > MOST_CHARACTERS:
        raise ValueError(f"a fingerprint has 1 to {MOST_CHARACTERS} characters")
    return canonical_bytes(
        [FORMAT, fingerprint.grain.value, fingerprint.package, fingerprint.value]
    )


def held_of(output: bytes) -> Held:
    """Return what an output gives away in the table and on a ticket."""
    return Held(
        tag=_derived(output, b"tag")[:TAG_BYTES],
        mask=_derived(output, b"label")[:LABEL_BYTES],
        ticket=_derived(output, b"ticket")[:TICKET_BYTES],
    )


def label_of(mask: bytes, since: date | None) -> bytes:
    """Hide a day, or that none is told, behind the mask of an output."""
    day = _UNTOLD if since is None else (since - _FIRST_DAY).days
    return _masked(mask, day.to_bytes(LABEL_BYTES, "big"))


def day_of(mask: bytes, label: bytes) -> date | None:
    """Return the day that a label hides, None when none is told."""
    day = int.from_bytes(_masked(mask, label), "big")
    return None if day == _UNTOLD else _FIRST_DAY + timedelta(days=day)


def most_bits(entries: int, bucket_at_least: int) -> int:
    """Return how many bits may be shown, so that about so many others share them."""
    return max(0, (entries // bucket_at_least).bit_length() - 1)


def prefix_of(tag: bytes, bits: int) -> int:
    """Return the first bits of a tag."""
    return int.from_bytes(tag, "big") >> (8 * TAG_BYTES - bits)


def bounds(bits: int, prefix: int) -> tuple[bytes, bytes | None]:
    """Return the first tag of a bucket, and the first beyond it; None at the end of the table."""
    width = 8 * TAG_BYTES - bits
    high = prefix + 1 << width
    beyond = None if high >> 8 * TAG_BYTES else high.to_bytes(TAG_BYTES, "big")
    return (prefix << width).to_bytes(TAG_BYTES, "big"), beyond


def looked_up(part: Part, tag: bytes) -> bytes | None:
    """Return the label of a tag in a table, None when it is not there."""
    entries = part.entries
    place = bisect.bisect_left(
        range(len(entries) // ENTRY_BYTES),
        tag,
        key=lambda at: entries[at * ENTRY_BYTES : at * ENTRY_BYTES + TAG_BYTES],
    )
    found = entries[place * ENTRY_BYTES : (place + 1) * ENTRY_BYTES]
    return found[TAG_BYTES:] if found[:TAG_BYTES] == tag else None


def joined(parts: Iterable[Part]) -> Part:
    """Join a table and what came to it later, the newest version last."""
    known = list(parts)
    entries = sorted(
        one.entries[at : at + ENTRY_BYTES]
        for one in known
        for at in range(0, len(one.entries), ENTRY_BYTES)
    )
    return Part(entries=b"".join(entries), version=known[-1].version)


def usable(fingerprints: Sequence[Fingerprint]) -> tuple[Fingerprint, ...]:
    """Return the fingerprints that can be asked for, each once, in order."""
    return tuple(
        one for one in dict.fromkeys(fingerprints) if 0 < len(one.value) <= MOST_CHARACTERS
    )


def _derived(output: bytes, purpose: bytes) -> bytes:
    return hmac.digest(output, b"clearhouse-known/1 " + purpose, "sha256")


def _masked(mask: bytes, data: bytes) -> bytes:
    return bytes(one ^ other for one, other in zip(mask, data, strict=True))
