"""Asks a house whether fingerprints are known there, and tells it nothing of them.

In: fingerprints and a door to a house. Out: an answer for each, which only this side learns. The
house sees how many are asked for, and random-looking elements. It hands out its whole table, or,
where a client chooses to show some bits of an output to save the transfer, the part that begins
with them. Refused with `VoprfError`: answers that were not made with the key that the house has
announced.
Source: RFC 9497 §3.3.2.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from clearhouse.clearing.deconflict.blind import rules
from clearhouse.clearing.deconflict.blind.record import (
    Answer,
    Card,
    Door,
    Epoch,
    Fingerprint,
    Held,
    Part,
)
from clearhouse.clearing.deconflict.refusal import Refusal
from clearhouse.formats import voprf


@dataclass
class Tables:
    """The tables that a client has seen, so that it fetches only what came later."""

    known: dict[str, Part] = field(default_factory=dict)

    def fresh(self, door: Door, epoch: Epoch) -> Part | Refusal:
        """Return the present table of an epoch."""
        mine = self.known.get(epoch.epoch_id, Part(entries=b"", version=0))
        if mine.version < epoch.version:
            later = door.table(epoch.epoch_id, mine.version)
            if isinstance(later, Refusal):
                return later
            mine = rules.joined([mine, later])
            self.known[epoch.epoch_id] = mine
        return mine


def ask(
    door: Door,
    fingerprints: Sequence[Fingerprint],
    *,
    bits: int = 0,
    tables: Tables | None = None,
) -> tuple[Answer, ...] | Refusal:
    """Ask for each fingerprint whether it is known, under the house's newest key.

    `bits` is how much of an output is shown to the house to get a part of its table; it is cut to
    what the house allows, and 0 shows nothing.
    Raises: VoprfError when the house's answers do not hold.
    """
    card = door.card()
    if not card.epochs:
        return Refusal(code="no-key", reason="this house does not answer yet")
    held = _evaluated(door, card, rules.usable(fingerprints))
    if isinstance(held, Refusal):
        return held
    parts = _parts(
        door, card, held, min(bits, card.most_bits[0]), Tables() if tables is None else tables
    )
    if isinstance(parts, Refusal):
        return parts
    return tuple(
        _answer(card.epochs[0], fingerprint, one, rules.looked_up(part, one.tag))
        for (fingerprint, one), part in zip(held, parts, strict=True)
    )


def held(door: Door, fingerprints: Sequence[Fingerprint]) -> tuple[str, tuple[Held, ...]] | Refusal:
    """Return the epoch, and what this side may enter there for fingerprints that it holds.

    Raises: VoprfError when the house's answers do not hold.
    """
    card = door.card()
    if not card.epochs:
        return Refusal(code="no-key", reason="this house does not answer yet")
    found = _evaluated(door, card, rules.usable(fingerprints))
    if isinstance(found, Refusal):
        return found
    return card.epochs[0].epoch_id, tuple(one for _, one in found)


def _evaluated(
    door: Door, card: Card, fingerprints: Sequence[Fingerprint]
) -> list[tuple[Fingerprint, Held]] | Refusal:
    epoch, found = card.epochs[0], []
    for start in range(0, len(fingerprints), card.asked_at_once):
        some = fingerprints[start : start + card.asked_at_once]
        blinded = [voprf.blind(rules.text_of(one)) for one in some]
        elements = [one.element for one in blinded]
        evaluated = door.evaluate(epoch.epoch_id, elements)
        if isinstance(evaluated, Refusal):
            return evaluated
        voprf.verify(epoch.public_key, elements, evaluated)
        for one, hidden, answer in zip(some, blinded, evaluated.elements, strict=True):
            output = voprf.finalize(rules.text_of(one), hidden, answer)
            found.append((one, rules.held_of(output)))
    return found


def _parts(
    door: Door, card: Card, held: Sequence[tuple[Fingerprint, Held]], bits: int, tables: Tables
) -> list[Part] | Refusal:
    """Return for each output the table, or the part of it that begins with the bits shown."""
    epoch, found = card.epochs[0], list[Part]()
    if bits == 0:
        whole = tables.fresh(door, epoch)
        return whole if isinstance(whole, Refusal) else [whole] * len(held)
    prefixes = [rules.prefix_of(one.tag, bits) for _, one in held]
    for start in range(0, len(prefixes), card.asked_at_once):
        some = door.buckets(epoch.epoch_id, bits, prefixes[start : start + card.asked_at_once])
        if isinstance(some, Refusal):
            return some
        found += some
    return found


def _answer(epoch: Epoch, fingerprint: Fingerprint, one: Held, label: bytes | None) -> Answer:
    return Answer(
        fingerprint=fingerprint,
        known=label is not None,
        since=None if label is None else rules.day_of(one.mask, label),
        epoch_id=epoch.epoch_id,
        held=one,
    )
