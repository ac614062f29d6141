"""Take evidence in, and what others signed about it.

In: evidence that was read, signed statements, keys to trust. Out: ids, and the same again for those
who are read in. Each act is in the ledger with hashes and no names. Refused: actors whose role does
not allow it; statements that no key signed that is trusted for their kind (`AttestationError`).
"""

from collections.abc import Mapping, Sequence

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from clearhouse.criteria.measure import _store
from clearhouse.criteria.measure._store import Kept
from clearhouse.criteria.measure.attest import (
    Attestation,
    AttestationError,
    Attested,
    Trusted,
    read_attestation,
)
from clearhouse.criteria.measure.fields import as_json, fields
from clearhouse.criteria.measure.record import Evidence
from clearhouse.kernel import ledger
from clearhouse.kernel.identity import Actor
from clearhouse.kernel.services import Desk
from clearhouse.kernel.store.database import Transaction

READERS = ("role:determiner",)
"""Who reads whatever belongs to criteria; submitters also read their own evidence."""


class NoSuchEvidenceError(LookupError):
    """There is no such evidence, or the actor is not read in to it."""


def trust_key(
    desk: Desk,
    transaction: Transaction,
    actor: Actor,
    key: Ed25519PublicKey,
    kinds: Sequence[Attested],
    *,
    holder: str,
) -> str:
    """Believe a key for some kinds of statements, and return its id.

    Raises: ForbiddenError.
    """
    allowed = desk.authority.demand(actor, "criteria.trust")
    box = desk.vault.new_box(transaction, READERS)
    key_id = _store.insert_key(transaction, box, key, kinds, holder)
    ledger.append(
        transaction,
        "criteria.key_trusted",
        key_id,
        {"kinds": sorted(map(str, kinds)), "authority": allowed.policy},
        readers=box.readers,
        compartment=box.compartment,
    )
    return key_id


def trusted_keys(transaction: Transaction) -> list[Trusted]:
    """Return the keys that are trusted now."""
    return _store.trusted(transaction)


def add_evidence(desk: Desk, transaction: Transaction, actor: Actor, evidence: Evidence) -> str:
    """Keep evidence and return its id; the same log is kept once.

    Raises: ForbiddenError.
    """
    allowed = desk.authority.demand(actor, "evidence.add")
    here = _store.known(transaction, evidence.sha256)
    if here is not None:
        return here
    box = desk.vault.new_box(transaction, (*READERS, actor.actor_id))
    evidence_id = _store.insert(transaction, actor, box, evidence)
    ledger.append(
        transaction,
        "evidence.added",
        evidence_id,
        {
            "sha256": evidence.sha256,
            "samples_sha256": evidence.samples_sha256,
            "dataset_sha256": evidence.dataset_sha256,
            "samples": len(evidence.samples),
            "authority": allowed.policy,
        },
        readers=box.readers,
        compartment=box.compartment,
    )
    return evidence_id


def add_attestation(
    desk: Desk, transaction: Transaction, actor: Actor, envelope: Mapping[str, object]
) -> Attestation:
    """Keep a signed statement about evidence.

    Raises: ForbiddenError; AttestationError when no key trusted for its kind signed it.
    """
    allowed = desk.authority.demand(actor, "evidence.add")
    attestation = read_attestation(envelope, _store.trusted(transaction))
    box = desk.vault.new_box(transaction, (*READERS, actor.actor_id))
    kept = {name: as_json(value) for name, value in fields(envelope).items()}
    attestation_id = _store.insert_attestation(transaction, box, attestation, kept)
    ledger.append(
        transaction,
        "evidence.attested",
        attestation_id,
        {
            "kind": str(attestation.kind),
            "sha256": attestation.sha256,
            "keys": list(attestation.key_ids),
            "authority": allowed.policy,
        },
        readers=box.readers,
        compartment=box.compartment,
    )
    return attestation


def kept(transaction: Transaction, *, limit: int = 100) -> list[Kept]:
    """Return the logs that the actor may read, the newest first."""
    return _store.newest(transaction, limit)


def evidence_of(
    desk: Desk, transaction: Transaction, evidence_ids: Sequence[str]
) -> dict[str, Evidence]:
    """Return evidence by id.

    Raises: NoSuchEvidenceError when one of them is not there for the actor.
    """
    found = _store.contents(desk, transaction, evidence_ids)
    if len(found) != len(set(evidence_ids)):
        raise NoSuchEvidenceError("there is no such evidence, or you are not read in to it")
    return {one: found[one] for one in evidence_ids}


def attestations_about(
    desk: Desk, transaction: Transaction, logs: Sequence[Evidence]
) -> tuple[Attestation, ...]:
    """Return what trusted keys signed about these logs, or about the runs that they claim to be.

    Statements whose key is trusted no more are left out.
    """
    trusted, found = _store.trusted(transaction), []
    for envelope in _store.envelopes_about(desk, transaction, [log.sha256 for log in logs]):
        try:
            found.append(read_attestation(envelope, trusted))
        except AttestationError:
            continue
    runs, hashes = {log.run_id for log in logs}, {log.sha256 for log in logs}
    return tuple(one for one in found if one.subjects & hashes or one.facts.get("run_id") in runs)
