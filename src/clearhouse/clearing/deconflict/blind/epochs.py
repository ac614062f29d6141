"""Which key answers: opened, replaced after its time, and destroyed with everything under it.

In: the clock. Out: an epoch that answers. Under each key every fingerprint is another random
number, so what somebody has collected is worth nothing once its key is gone. Reports are entered
anew by the house, which can open them; what parties entered themselves, they enter anew while both
keys answer. Refused: a second process that turns at the same time waits and finds it done.
"""

import secrets
from collections.abc import Sequence
from datetime import timedelta

from clearhouse.clearing.deconflict.blind import _store, rules
from clearhouse.clearing.deconflict.blind.record import (
    Allowed,
    Card,
    Epoch,
    Grain,
    KnownPolicy,
)
from clearhouse.formats import voprf
from clearhouse.formats.canonical import Json
from clearhouse.kernel import ledger, policy
from clearhouse.kernel.identity import Actor
from clearhouse.kernel.ids import new_id
from clearhouse.kernel.keys import Keys
from clearhouse.kernel.services import Desk
from clearhouse.kernel.store.database import Transaction

_NAME = "known"
_NUMBERS = ("epoch_days", "overlap_days", "asked_per_day", "asked_per_epoch", "asked_at_once",
            "bucket_at_least", "held_per_epoch", "decoys_per_hour")  # fmt: skip


def known_policy(name: str = "deconflict/known-1") -> KnownPolicy:
    """Return the policy in force.

    Raises: PolicyError when it is missing or a number in it is not a positive whole one.
    """
    document = policy.load(name)
    numbers = {one: document.get(one) for one in _NUMBERS}
    if not all(type(value) is int and value > 0 for value in numbers.values()):
        raise policy.PolicyError(f"{name}: {', '.join(_NUMBERS)} are positive whole numbers")
    return KnownPolicy(
        name=f"{document['id']}/{document['version']}",
        grains=_grains(document.get("grains"), name),
        reports=_allowed(document.get("reports"), name),
        relayed=_allowed(document.get("relayed"), name),
        **numbers,  # type: ignore[arg-type] # looked at above
    )


def secret_of(keys: Keys, epoch_id: str) -> bytes:
    """Return the secret scalar of an epoch, made when there is none."""
    return voprf.derive_key(keys.holder.secret(_key_name(epoch_id)), epoch_id.encode())


def card(transaction: Transaction) -> Card:
    """Return which keys answer now."""
    rules_in_force, found = known_policy(), _store.epochs(transaction)
    return Card(
        epochs=found,
        most_bits=tuple(
            rules.most_bits(one.entries, rules_in_force.bucket_at_least) for one in found
        ),
        asked_at_once=rules_in_force.asked_at_once,
        policy=rules_in_force.name,
    )


def newest(transaction: Transaction) -> Epoch | None:
    """Return the epoch in which entries are made now, None before the first."""
    found = _store.epochs(transaction)
    return found[0] if found else None


def turn(desk: Desk, transaction: Transaction) -> str | None:
    """Open the first epoch, or the next when its time has come; return the id of a fresh one.

    Epochs that answer no more are emptied.
    """
    _store.lock_opening(transaction)
    for epoch_id in _store.over(transaction):
        _store.close_epoch(transaction, epoch_id)
        _note(transaction, "known.epoch_closed", epoch_id, {})
    current, rules_in_force = newest(transaction), known_policy()
    age = timedelta(days=rules_in_force.epoch_days)
    if current is not None and transaction.now < current.opened_at + age:
        return None
    return open_epoch(desk, transaction)


def open_epoch(desk: Desk, transaction: Transaction, actor: Actor | None = None) -> str:
    """Open an epoch now, and let the others answer until the overlap is over.

    Raises: ForbiddenError when a person asks who may not rotate keys.
    """
    if actor is not None:
        desk.authority.demand_person(actor, "keys.rotate")
        _store.lock_opening(transaction)
    rules_in_force, epoch_id = known_policy(), new_id("epo")
    public = voprf.public_key(secret_of(desk.keys, epoch_id))
    _store.put_epoch(transaction, epoch_id, public)
    until = transaction.now + timedelta(days=rules_in_force.overlap_days)
    _store.limit_epochs(transaction, epoch_id, until)
    _note(
        transaction,
        "known.epoch_opened",
        epoch_id,
        {"public_key": public.hex(), "suite": voprf.SUITE, "policy": rules_in_force.name},
    )
    return epoch_id


def decoys(transaction: Transaction) -> None:
    """Add random entries, so that an entry more tells nothing."""
    current, wanted = newest(transaction), known_policy().decoys_per_hour
    if current is not None:
        # A number around the wanted one: a fixed one could be taken off again.
        many = secrets.randbelow(2 * wanted + 1)
        _store.enter(transaction, current.epoch_id, [decoy() for _ in range(many)])
        _store.count(transaction, current.epoch_id)


def decoy() -> tuple[bytes, bytes]:
    """Return an entry that nobody holds."""
    return secrets.token_bytes(rules.TAG_BYTES), secrets.token_bytes(rules.LABEL_BYTES)


def outlived(transaction: Transaction, names: Sequence[str]) -> list[str]:
    """Return which of these keys belong to epochs that answer no more, to be destroyed."""
    living = {_key_name(one.epoch_id) for one in _store.epochs(transaction)}
    return [name for name in names if name.startswith(f"{_NAME}-") and name not in living]


def _key_name(epoch_id: str) -> str:
    return f"{_NAME}-{epoch_id}"


def _note(transaction: Transaction, kind: str, epoch_id: str, facts: dict[str, Json]) -> None:
    ledger.append(transaction, kind, epoch_id, facts, readers=_store.HOUSE)


def _grains(said: object, name: str) -> frozenset[Grain]:
    try:
        return frozenset(map(Grain, said if isinstance(said, list) else [said]))
    except ValueError as error:
        raise policy.PolicyError(f"{name}: grains are some of {', '.join(Grain)}") from error


def _allowed(said: object, name: str) -> Allowed:
    if not isinstance(said, dict) or not all(
        isinstance(said.get(key), bool) for key in ("answer", "since")
    ):
        raise policy.PolicyError(f"{name}: reports and relayed say answer and since, true or false")
    return Allowed(answer=said["answer"], since=said["since"])
