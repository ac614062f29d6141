"""The house answers for fingerprints that it never sees, within each party's quota.

In: blinded elements, or which part of a table is wanted. Out: evaluations with a proof, and tables
of random-looking entries. Refused with a `Refusal`: an epoch that does not answer, more at once or
in all than the policy allows, malformed elements, a part that is smaller than allowed; by
exception, whoever may not ask. What was asked is counted by party and day, and the ledger has the
counts every hour: elements say nothing that could be kept.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from clearhouse.clearing.deconflict.blind import _store, epochs, rules
from clearhouse.clearing.deconflict.blind.record import Card, Epoch, Part
from clearhouse.clearing.deconflict.refusal import Refusal
from clearhouse.formats import voprf
from clearhouse.formats.voprf import Evaluated, VoprfError
from clearhouse.kernel import ledger
from clearhouse.kernel.identity import Actor
from clearhouse.kernel.ids import PartyId
from clearhouse.kernel.services import Desk
from clearhouse.kernel.store.database import Transaction

ASK = "known.ask"
_NOT_OPEN = Refusal(code="no-such-epoch", reason="this key does not answer; fetch the card again")


@dataclass(frozen=True, kw_only=True, slots=True)
class Spent:
    """How much of its quota a party has used."""

    today: int
    in_epoch: int
    most_today: int
    most_in_epoch: int


def evaluate(
    desk: Desk, transaction: Transaction, actor: Actor, epoch_id: str, elements: Sequence[bytes]
) -> Evaluated | Refusal:
    """Evaluate blinded fingerprints, and count them.

    Raises: ForbiddenError.
    """
    desk.authority.demand(actor, ASK)
    return evaluate_for(desk, transaction, actor.party_id, epoch_id, elements)


def evaluate_for(
    desk: Desk,
    transaction: Transaction,
    party_id: PartyId,
    epoch_id: str,
    elements: Sequence[bytes],
) -> Evaluated | Refusal:
    """Evaluate on behalf of a party whose right to ask was looked at."""
    allowed = epochs.known_policy()
    if _open(transaction, epoch_id) is None:
        return _NOT_OPEN
    if not 0 < len(elements) <= allowed.asked_at_once:
        reason = f"ask for 1 to {allowed.asked_at_once} at once"
        return Refusal(code="too-many-at-once", reason=reason)
    within = _store.spend(
        transaction,
        party_id,
        epoch_id,
        len(elements),
        most_a_day=allowed.asked_per_day,
        most_an_epoch=allowed.asked_per_epoch,
    )
    if not within:
        reason = (
            f"a party asks for {allowed.asked_per_day} in a day and {allowed.asked_per_epoch} under"
            " one key; ask again tomorrow, or for fewer"
        )
        return Refusal(code="over-quota", reason=reason)
    try:
        return voprf.evaluate(epochs.secret_of(desk.keys, epoch_id), elements)
    except VoprfError as error:
        return Refusal(code="malformed", reason=str(error))


def table(
    desk: Desk, transaction: Transaction, actor: Actor, epoch_id: str, after: int = 0
) -> Part | Refusal:
    """Return what a table has beyond a version.

    Raises: ForbiddenError.
    """
    desk.authority.demand(actor, ASK)
    epoch = _open(transaction, epoch_id)
    return _NOT_OPEN if epoch is None else _store.table(transaction, epoch, max(0, after))


def buckets(
    desk: Desk,
    transaction: Transaction,
    actor: Actor,
    epoch_id: str,
    bits: int,
    prefixes: Sequence[int],
) -> tuple[Part, ...] | Refusal:
    """Return the parts of a table whose tags begin with these bits.

    Raises: ForbiddenError.
    """
    desk.authority.demand(actor, ASK)
    return buckets_for(transaction, epoch_id, bits, prefixes)


def buckets_for(
    transaction: Transaction, epoch_id: str, bits: int, prefixes: Sequence[int]
) -> tuple[Part, ...] | Refusal:
    """Return parts of a table to whoever was let ask."""
    epoch, allowed = _open(transaction, epoch_id), epochs.known_policy()
    if epoch is None:
        return _NOT_OPEN
    if not 0 < len(prefixes) <= allowed.asked_at_once:
        reason = f"ask for 1 to {allowed.asked_at_once} parts at once"
        return Refusal(code="too-many-at-once", reason=reason)
    most = rules.most_bits(epoch.entries, allowed.bucket_at_least)
    if not 0 <= bits <= most or not all(0 <= prefix < 1 << bits for prefix in prefixes):
        reason = f"at most {most} bits may be shown, so that enough others share them"
        return Refusal(code="bucket-too-small", reason=reason)
    bounds = [rules.bounds(bits, prefix) for prefix in prefixes]
    return _store.buckets(transaction, epoch, bounds)


def spent(desk: Desk, transaction: Transaction, actor: Actor, epoch_id: str) -> Spent:
    """Return how much of its quota the actor's party has used.

    Raises: ForbiddenError.
    """
    desk.authority.demand(actor, ASK)
    allowed = epochs.known_policy()
    today, in_epoch = _store.asked(transaction, actor.party_id, epoch_id)
    return Spent(
        today=today,
        in_epoch=in_epoch,
        most_today=allowed.asked_per_day,
        most_in_epoch=allowed.asked_per_epoch,
    )


def note_asked(transaction: Transaction) -> int:
    """Write to the ledger how many fingerprints each party has had evaluated since last time."""
    fresh = _store.unnoted(transaction)
    ledger.append_all(
        transaction,
        [
            ledger.Event(
                "exchange.asked",
                party_id,
                {"epoch": epoch_id, "day": day.isoformat(), "fingerprints": many},
                (party_id, *_store.HOUSE),
            )
            for party_id, epoch_id, day, many in fresh
        ],
    )
    return len(fresh)


@dataclass(frozen=True, slots=True)
class HouseDoor:
    """The house, asked in this process: each question in a transaction of its own."""

    desk: Desk
    actor: Actor

    def card(self) -> Card:
        """Return which keys answer."""
        with self._transaction() as transaction:
            return epochs.card(transaction)

    def evaluate(self, epoch_id: str, elements: Sequence[bytes]) -> Evaluated | Refusal:
        """Evaluate blinded fingerprints."""
        with self._transaction() as transaction:
            return evaluate(self.desk, transaction, self.actor, epoch_id, elements)

    def table(self, epoch_id: str, after: int) -> Part | Refusal:
        """Return what the table has beyond a version."""
        with self._transaction() as transaction:
            return table(self.desk, transaction, self.actor, epoch_id, after)

    def buckets(
        self, epoch_id: str, bits: int, prefixes: Sequence[int]
    ) -> tuple[Part, ...] | Refusal:
        """Return parts of the table."""
        with self._transaction() as transaction:
            return buckets(self.desk, transaction, self.actor, epoch_id, bits, prefixes)

    def _transaction(self) -> AbstractContextManager[Transaction]:
        return self.desk.database.transaction(self.actor.actor_id)


def _open(transaction: Transaction, epoch_id: str) -> Epoch | None:
    return next((one for one in _store.epochs(transaction) if one.epoch_id == epoch_id), None)
