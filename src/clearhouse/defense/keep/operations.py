"""Take result cards in, and pool what was shared.

In: signed cards, keys that speak for an organisation. Out: ids, and the same again for those who
are read in: a whole card for its organisation, a shared one for the pooling desk too, a released
pool for every operator. Each act is in the ledger with hashes and no results. Refused: cards that
no key of the actor's organisation signed; pools of fewer than three networks.
"""

from collections.abc import Mapping

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from clearhouse.defense.compare.card import verify
from clearhouse.defense.compare.pooling import Contribution
from clearhouse.defense.compare.sharing import Shared
from clearhouse.defense.keep import _store, rules
from clearhouse.defense.keep.record import CardFile, CardKind, KeptCard, Pool, ReleasedPool
from clearhouse.defense.keep.refusal import NoSuchCardError
from clearhouse.kernel import identity, ledger
from clearhouse.kernel.identity import Actor
from clearhouse.kernel.ids import PartyId
from clearhouse.kernel.services import Desk
from clearhouse.kernel.store.database import Transaction

HAND_IN, TRUST, POOL = "defense.hand_in", "defense.trust", "defense.pool"


def trust_key(
    desk: Desk, transaction: Transaction, actor: Actor, party_id: PartyId, key: Ed25519PublicKey
) -> str:
    """Let a key speak for an organisation from now on, and return the key's id.

    Raises: ForbiddenError; NoSuchCardError for an organisation that is not here; KeyTakenError for
    a key that speaks for another one.
    """
    allowed = desk.authority.demand(actor, TRUST)
    if identity.party_kind(transaction, party_id) is None:
        raise NoSuchCardError("there is no such organisation")
    box = desk.vault.new_box(transaction, (party_id, rules.POOLERS))
    key_id = _store.insert_key(transaction, box, party_id, key)
    ledger.append(
        transaction, "defense.key_trusted", key_id, {"authority": allowed.policy},
        readers=box.readers, compartment=box.compartment,
    )  # fmt: skip
    return key_id


def end_key(desk: Desk, transaction: Transaction, actor: Actor, key_id: str) -> None:
    """Believe a key no more; what it signed is not pooled any longer.

    Raises: ForbiddenError; NoSuchCardError when no such key is trusted.
    """
    allowed = desk.authority.demand(actor, TRUST)
    ended = _store.end_key(transaction, key_id)
    if ended is None:
        raise NoSuchCardError("no such key is trusted")
    ledger.append(
        transaction, "defense.key_ended", key_id, {"authority": allowed.policy},
        readers=ended.readers, compartment=ended.compartment,
    )  # fmt: skip


def hand_in(
    desk: Desk, transaction: Transaction, actor: Actor, envelope: Mapping[str, object]
) -> str:
    """Keep a signed card for the actor's organisation and return its id; the same is kept once.

    This house's own key counts as well as those that speak for the organisation.
    Raises: ForbiddenError; CardError; UntrustedEnvelopeError.
    """
    allowed = desk.authority.demand(actor, HAND_IN)
    own = desk.keys.signing_key().public_key()
    signed = verify(envelope, [own, *_store.keys_of(transaction, actor.party_id)])
    here = _store.known(transaction, actor.party_id, signed.sha256)
    if here is not None:
        return here
    kind = CardKind.SHARED if isinstance(signed.content, Shared) else CardKind.WHOLE
    box = desk.vault.new_box(transaction, rules.readers(kind, actor.party_id))
    card_id = _store.insert(transaction, actor, box, signed, kind)
    ledger.append(
        transaction,
        "defense.card_kept",
        card_id,
        {
            "kind": str(kind),
            "sha256": signed.sha256,
            "pack_sha256": signed.pack_sha256,
            "key": signed.key_id,
            "authority": allowed.policy,
        },
        readers=box.readers,
        compartment=box.compartment,
    )
    return card_id


def cards(transaction: Transaction, *, limit: int = 100) -> list[KeptCard]:
    """Return the cards that the actor may read, the newest first."""
    return _store.newest(transaction, limit)


def card_file(desk: Desk, transaction: Transaction, card_id: str) -> CardFile:
    """Return one card whole.

    Raises: NoSuchCardError.
    """
    found = _store.files(desk, transaction, [card_id])
    if not found:
        raise NoSuchCardError("there is no such card, or you are not read in to it")
    return found[0]


def pooled(desk: Desk, transaction: Transaction, actor: Actor) -> Pool:
    """Pool what was shared and signed by keys that are still trusted.

    Raises: ForbiddenError; TooFewNetworksError.
    """
    desk.authority.demand(actor, POOL)
    given = _store.files(desk, transaction, _store.shared_ids(transaction, _own(desk)))
    return rules.pooled([
        Contribution(
            network=one.kept.party_id, pack_sha256=one.kept.pack_sha256, shared=one.content
        )
        for one in given
        if isinstance(one.content, Shared)
    ])  # fmt: skip


def release(desk: Desk, transaction: Transaction, actor: Actor) -> str:
    """Let every operator read what is pooled now, and return the id of it.

    Raises: ForbiddenError for all but persons who pool; TooFewNetworksError.
    """
    allowed = desk.authority.demand_person(actor, POOL)
    made = pooled(desk, transaction, actor)
    box = desk.vault.new_box(transaction, (rules.OPERATORS, rules.POOLERS))
    pool_id = _store.insert_pool(transaction, actor, box, made)
    ledger.append(
        transaction, "defense.pool_released", pool_id,
        {"networks": made.networks, "tools": len(made.tools), "authority": allowed.policy},
        readers=box.readers, compartment=box.compartment,
    )  # fmt: skip
    return pool_id


def pools(desk: Desk, transaction: Transaction, *, limit: int = 20) -> list[ReleasedPool]:
    """Return the pools that the actor may read, the newest first."""
    return _store.pools(desk, transaction, limit=limit)


def pool(desk: Desk, transaction: Transaction, pool_id: str) -> ReleasedPool:
    """Return one pool.

    Raises: NoSuchCardError.
    """
    found = _store.pools(desk, transaction, limit=1, pool_id=pool_id)
    if not found:
        raise NoSuchCardError("there is no such pool, or you are not read in to it")
    return found[0]


def _own(desk: Desk) -> Ed25519PublicKey:
    return desk.keys.signing_key().public_key()
