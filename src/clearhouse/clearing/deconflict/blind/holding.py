"""What is known: reports that came in, and findings that parties keep to themselves.

In: fingerprints of a report, which the house computes itself; or what a party derived from outputs
that only it learned. Out: entries in the table, and who holds them. Refused with a `Refusal`: an
epoch that takes no entries, more than a party may enter, malformed entries. By exception: whoever
may not. Entries of a report are filled up with decoys to the same number, so that their number does
not tell what the report holds.
"""

from collections.abc import Sequence
from datetime import datetime

from clearhouse.clearing.deconflict.blind import _store, epochs, rules
from clearhouse.clearing.deconflict.blind.record import (
    Allowed,
    Fingerprint,
    Held,
)
from clearhouse.clearing.deconflict.refusal import Refusal
from clearhouse.formats import voprf
from clearhouse.formats.canonical import Json
from clearhouse.kernel import ledger
from clearhouse.kernel.identity import Actor
from clearhouse.kernel.ids import Compartment, PartyId, ReportId
from clearhouse.kernel.services import Desk
from clearhouse.kernel.store.database import Transaction

HOLD = "known.hold"
_SIZES = (rules.TAG_BYTES, rules.LABEL_BYTES, rules.TICKET_BYTES)


def enter_report(
    desk: Desk,
    transaction: Transaction,
    report_id: ReportId,
    fingerprints: Sequence[Fingerprint],
    *,
    party_id: PartyId,
    received_at: datetime,
    relayed: bool,
    compartment: Compartment,
    readers: Sequence[str],
) -> int:
    """Enter a report under the newest key, as far as whoever sent it lets others learn of it.

    Entering it again changes nothing. Returns how many fingerprints it has now entered.
    """
    current, allowed = epochs.newest(transaction), allowed_for(transaction, party_id, relayed)
    if current is None or not allowed.answer:
        return 0
    secret, grains = epochs.secret_of(desk.keys, current.epoch_id), epochs.known_policy().grains
    held = [
        rules.held_of(voprf.evaluate_openly(secret, rules.text_of(one)))
        for one in rules.usable(fingerprints)
        if one.grain in grains
    ]
    new = _store.hold(
        transaction,
        current.epoch_id,
        held,
        party_id=party_id,
        subject=report_id,
        since=received_at,
        compartment=compartment,
        readers=readers,
    )
    if new:
        day = received_at.date() if allowed.since else None
        entries = [(one.tag, rules.label_of(one.mask, day)) for one in held]
        entries += [epochs.decoy() for _ in range(len(grains) - len(entries))]
        _store.enter(transaction, current.epoch_id, entries)
    return new


def hold(
    desk: Desk,
    transaction: Transaction,
    actor: Actor,
    epoch_id: str,
    held: Sequence[Held],
    *,
    subject: str,
) -> int | Refusal:
    """Enter what a party holds itself, under the commitment `subject`; return how many were new.

    The day that others may learn is today: the house vouches for no earlier one.
    Raises: ForbiddenError.
    """
    decision = desk.authority.demand(actor, HOLD)
    current, most = epochs.newest(transaction), epochs.known_policy().held_per_epoch
    if current is None or current.epoch_id != epoch_id:
        return Refusal(code="no-such-epoch", reason="entries are made under the newest key only")
    if not all((len(one.tag), len(one.mask), len(one.ticket)) == _SIZES for one in held):
        return Refusal(code="malformed", reason="a tag has 8 bytes, a mask 2 and a ticket 32")
    if _store.held_by(transaction, actor.party_id, epoch_id) + len(held) > most:
        return Refusal(code="over-quota", reason=f"a party enters at most {most} under one key")
    allowed = allowed_for(transaction, actor.party_id, relayed=False)
    day = transaction.now.date() if allowed.since else None
    readers = (actor.party_id, "role:clearing")
    new = _store.hold(
        transaction,
        epoch_id,
        held,
        party_id=actor.party_id,
        subject=subject,
        since=transaction.now,
        compartment=Compartment(f"known_{actor.party_id}"),
        readers=readers,
    )
    if allowed.answer:
        entries = [(one.tag, rules.label_of(one.mask, day)) for one in held]
        _store.enter(transaction, epoch_id, entries)
    facts: dict[str, Json] = {"entries": new, "epoch": epoch_id}
    facts["authority"] = decision.policy
    ledger.append(
        transaction, "exchange.held", subject, facts, readers=(actor.party_id, *_store.HOUSE)
    )
    return new


def prefer(desk: Desk, transaction: Transaction, actor: Actor, allowed: Allowed) -> Allowed:
    """Say what others may learn of what the actor's party enters from now on.

    Raises: ForbiddenError.
    """
    decision = desk.authority.demand(actor, HOLD)
    _store.put_preference(transaction, actor.party_id, allowed)
    ledger.append(
        transaction,
        "known.preference",
        actor.party_id,
        {"answers": allowed.answer, "since": allowed.since, "authority": decision.policy},
        readers=(actor.party_id, *_store.HOUSE),
    )
    return allowed


def allowed_for(transaction: Transaction, party_id: PartyId, relayed: bool) -> Allowed:
    """Return what others may learn: the party's own word, else the policy's."""
    said = _store.preference(transaction, party_id)
    if said is not None:
        return said
    policy = epochs.known_policy()
    return policy.relayed if relayed else policy.reports
