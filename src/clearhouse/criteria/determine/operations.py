"""Propose a determination, sign it a second time, release it, appeal against it.

In: a criterion, evidence that is kept here, declared facts. Out: the determination, its releasable
statement signed by two persons, its annex sealed. Each act is in the ledger. Refused
(`ForbiddenError`): actors whose role does not allow it, agents, and the proposer as second signer;
(`NotPossibleError`): acts that do not fit the state.

Sealed thresholds are opened here and nowhere else. The persons' signing keys are held by the house,
one for each person; that the second person acts is what the house answers for (docs/adr/0010).
"""

import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from clearhouse.criteria.define.record import Criterion
from clearhouse.criteria.define.sealing import Opening, opened
from clearhouse.criteria.determine import _store
from clearhouse.criteria.determine._store import Standing
from clearhouse.criteria.determine.machine import Act, DeterminationState, after
from clearhouse.criteria.determine.record import Appeal, Determination, Released, Subject
from clearhouse.criteria.determine.rules import Brought, determine
from clearhouse.criteria.determine.statement import (
    countersign as add_signature,
)
from clearhouse.criteria.determine.statement import (
    read_annex,
    sign,
    statement,
    verify,
)
from clearhouse.criteria.measure import operations as measure
from clearhouse.criteria.measure.operations import READERS
from clearhouse.criteria.measure.record import Evidence
from clearhouse.formats.canonical import Json
from clearhouse.kernel import ledger
from clearhouse.kernel.identity import Actor
from clearhouse.kernel.ids import Compartment
from clearhouse.kernel.services import Desk
from clearhouse.kernel.store.database import Transaction


class NoSuchDeterminationError(LookupError):
    """There is no such determination, or the actor is not read in to it."""


class NotPossibleError(RuntimeError):
    """The act does not fit the state; the message says which state it is in."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DeterminationFile:
    """A determination as it is kept."""

    determination_id: str
    state: DeterminationState
    determination: Determination
    envelope: Mapping[str, Json]
    proposed_by: str
    countersigned_by: str | None
    superseded_by: str | None
    expired: bool
    appeals: tuple[Appeal, ...]


def keep_openings(
    desk: Desk,
    transaction: Transaction,
    actor: Actor,
    criterion: Criterion,
    openings: Mapping[str, Opening],
) -> None:
    """Keep what opens a criterion's sealed values, after checking that it does.

    Raises: ForbiddenError; CriterionError when an opening does not fit.
    """
    allowed = desk.authority.demand(actor, "criteria.open")
    opened(criterion, openings)
    box = desk.vault.new_box(transaction, READERS)
    _store.keep_openings(transaction, box, criterion.sha256, openings)
    ledger.append(
        transaction,
        "criterion.openings_kept",
        criterion.sha256,
        {
            "criterion": criterion.name,
            "fields": sorted(criterion.sealed),
            "authority": allowed.policy,
        },
        readers=box.readers,
        compartment=box.compartment,
    )


def propose(
    desk: Desk,
    transaction: Transaction,
    actor: Actor,
    criterion: Criterion,
    *,
    subject: Subject,
    evidence_ids: Sequence[str],
    facts: Mapping[str, Json],
) -> str:
    """Decide from what is kept here, sign as the first person, and return the determination's id.

    Raises: ForbiddenError; NoSuchEvidenceError; CriterionError when a sealed value stays sealed.
    """
    allowed = desk.authority.demand_person(actor, "determination.propose")
    logs = list(measure.evidence_of(desk, transaction, evidence_ids).values())
    plain = opened(criterion, _store.openings(desk, transaction, criterion.sha256))
    determination = determine(
        plain,
        Brought(
            subject=subject,
            logs=by_benchmark(criterion, logs),
            facts=facts,
            attestations=measure.attestations_about(desk, transaction, logs),
        ),
        transaction.now,
        sealed={field: one.sha256 for field, one in criterion.sealed.items()},
    )
    box = desk.vault.new_box(transaction, READERS)
    envelope = sign(statement(determination), [_key(desk, actor.actor_id)])
    mark = _mark(desk, criterion.id, subject.model)
    determination_id = _store.insert(transaction, box, actor, determination, envelope, mark)
    _note(transaction, "determination.proposed", determination_id, box.compartment, {
        "outcome": str(determination.outcome),
        "criterion": criterion.name,
        "criterion_sha256": criterion.sha256,
        "logs": [log.sha256 for log in logs],
        "engine": determination.engine,
        "authority": allowed.policy,
    })  # fmt: skip
    return determination_id


def countersign(
    desk: Desk, transaction: Transaction, actor: Actor, determination_id: str
) -> DeterminationFile:
    """Sign as the second person; what stood before for the same criterion and model is superseded.

    Raises: ForbiddenError, also for the first person; NoSuchDeterminationError; NotPossibleError.
    """
    row = _found(transaction, determination_id)
    allowed = desk.authority.demand_second(
        actor, "determination.countersign", row.proposed_by, row.readers
    )
    _fit(row, Act.COUNTERSIGN)
    held = read_annex(desk.vault.open(transaction, row.annex_payload))
    first = _envelope(desk, transaction, row)
    verify(first, [_key(desk, row.proposed_by).public_key()], signers=1)
    envelope = add_signature(first, statement(held), _key(desk, actor.actor_id))
    box = desk.vault.open_box(transaction, row.compartment)
    _store.countersigned(transaction, box, row, actor, envelope)
    _note(transaction, "determination.made", determination_id, row.compartment, {
        "outcome": str(row.outcome), "first": row.proposed_by, "authority": allowed.policy,
    })  # fmt: skip
    for earlier in _store.standing(transaction, row.subject_mark, determination_id):
        _store.set_state(transaction, earlier, DeterminationState.SUPERSEDED, by=determination_id)
        _note(transaction, "determination.superseded", earlier.determination_id,
              earlier.compartment, {"by": determination_id})  # fmt: skip
    return determination_file(desk, transaction, determination_id)


def release(
    desk: Desk, transaction: Transaction, actor: Actor, determination_id: str
) -> DeterminationFile:
    """Make the releasable statement public.

    Raises: ForbiddenError; NoSuchDeterminationError; NotPossibleError.
    """
    row, policy = _may(desk, transaction, actor, determination_id, Act.RELEASE)
    envelope = desk.vault.open(transaction, row.envelope_payload)
    verify(json.loads(envelope), signers_of(desk, row))
    _store.release(transaction, row, envelope)
    _store.set_state(transaction, row, DeterminationState.RELEASED)
    _note(transaction, "determination.released", determination_id, row.compartment,
          {"outcome": str(row.outcome), "authority": policy})  # fmt: skip
    return determination_file(desk, transaction, determination_id)


def supersede(
    desk: Desk, transaction: Transaction, actor: Actor, determination_id: str, checkpoint: str
) -> DeterminationFile:
    """End a determination because the model has another checkpoint.

    Raises: ForbiddenError; NoSuchDeterminationError; NotPossibleError for the same checkpoint.
    """
    row, policy = _may(desk, transaction, actor, determination_id, Act.SUPERSEDE)
    held = read_annex(desk.vault.open(transaction, row.annex_payload))
    if held.subject.checkpoint == checkpoint:
        raise NotPossibleError("that is the checkpoint it is about; it stands")
    _store.set_state(transaction, row, DeterminationState.SUPERSEDED)
    _note(transaction, "determination.superseded", determination_id, row.compartment,
          {"by": None, "authority": policy})  # fmt: skip
    return determination_file(desk, transaction, determination_id)


def withdraw(
    desk: Desk, transaction: Transaction, actor: Actor, determination_id: str
) -> DeterminationFile:
    """Take a determination back; the record stays.

    Raises: ForbiddenError; NoSuchDeterminationError; NotPossibleError.
    """
    row, policy = _may(desk, transaction, actor, determination_id, Act.WITHDRAW)
    _store.set_state(transaction, row, DeterminationState.WITHDRAWN)
    _note(transaction, "determination.withdrawn", determination_id, row.compartment,
          {"authority": policy})  # fmt: skip
    return determination_file(desk, transaction, determination_id)


def appeal(
    desk: Desk, transaction: Transaction, actor: Actor, determination_id: str, words: str
) -> str:
    """Write an objection, or an answer to one, beside a determination; it stands until changed.

    Raises: ForbiddenError; NoSuchDeterminationError.
    """
    row = _found(transaction, determination_id)
    allowed = desk.authority.demand(actor, "determination.appeal", row.readers)
    box = desk.vault.open_box(transaction, row.compartment)
    appeal_id = _store.add_appeal(transaction, box, row, actor, words)
    _note(transaction, "determination.appealed", determination_id, row.compartment,
          {"appeal": appeal_id, "authority": allowed.policy})  # fmt: skip
    return appeal_id


def determination_file(
    desk: Desk, transaction: Transaction, determination_id: str
) -> DeterminationFile:
    """Return a determination, whole.

    Raises: NoSuchDeterminationError.
    """
    row = _found(transaction, determination_id)
    return DeterminationFile(
        determination_id=determination_id,
        state=row.state,
        determination=read_annex(desk.vault.open(transaction, row.annex_payload)),
        envelope=_envelope(desk, transaction, row),
        proposed_by=row.proposed_by,
        countersigned_by=row.countersigned_by,
        superseded_by=row.superseded_by,
        expired=row.expires_at <= transaction.now,
        appeals=tuple(_store.appeals(desk, transaction, determination_id)),
    )


def determinations(transaction: Transaction, *, limit: int = 100) -> list[Standing]:
    """Return the determinations that the actor may read, the newest first."""
    return _store.newest(transaction, limit)


def released(transaction: Transaction) -> list[Released]:
    """Return the statements that everybody may read, the newest first."""
    return _store.released(transaction)


def released_one(transaction: Transaction, determination_id: str) -> Released | None:
    """Return one public statement, None when there is none of that id."""
    return next(iter(_store.released(transaction, determination_id)), None)


def signers_of(desk: Desk, row: Standing) -> list[Ed25519PublicKey]:
    """Return the public keys of the persons who signed, as far as they did."""
    persons = [one for one in (row.proposed_by, row.countersigned_by) if one is not None]
    return [_key(desk, one).public_key() for one in persons]


def person_key(desk: Desk, actor: Actor) -> Ed25519PublicKey:
    """Return the public key under which a person signs here."""
    return _key(desk, actor.actor_id).public_key()


def signing_key(desk: Desk, actor: Actor) -> Ed25519PrivateKey:
    """Return the key with which a person signs here, for the person's own statements.

    Raises: ForbiddenError for agents.
    """
    desk.authority.demand_person(actor, "evidence.add")
    return _key(desk, actor.actor_id)


def by_benchmark(criterion: Criterion, logs: Sequence[Evidence]) -> dict[str, tuple[Evidence, ...]]:
    """Return logs by the criterion's benchmark of their task.

    A log of no benchmark stands with each of them, so that gates name it instead of losing it.
    """
    tasks = {one.task.rsplit("/", 1)[-1] for one in criterion.benchmarks.values()}
    return {
        name: tuple(
            log
            for log in logs
            if log.task.rsplit("/", 1)[-1] == benchmark.task.rsplit("/", 1)[-1]
            or log.task.rsplit("/", 1)[-1] not in tasks
        )
        for name, benchmark in criterion.benchmarks.items()
    }


def _found(transaction: Transaction, determination_id: str) -> Standing:
    row = _store.find(transaction, determination_id, lock=True)
    if row is None:
        raise NoSuchDeterminationError("there is none of that id, or you are not read in to it")
    return row


def _fit(row: Standing, act: Act) -> None:
    if after(row.state, act) is None:
        raise NotPossibleError(f"it is {row.state}; {act} does not fit")


def _may(
    desk: Desk, transaction: Transaction, actor: Actor, determination_id: str, act: Act
) -> tuple[Standing, str]:
    row = _found(transaction, determination_id)
    allowed = desk.authority.demand_person(actor, f"determination.{act}", row.readers)
    _fit(row, act)
    return row, allowed.policy


def _envelope(desk: Desk, transaction: Transaction, row: Standing) -> dict[str, Json]:
    return cast("dict[str, Json]", json.loads(desk.vault.open(transaction, row.envelope_payload)))


def _key(desk: Desk, actor_id: str) -> Ed25519PrivateKey:
    """Return the signing key that the house holds for one person."""
    return Ed25519PrivateKey.from_private_bytes(desk.keys.holder.secret(f"person-{actor_id}"))


def _mark(desk: Desk, criterion_id: str, model: str) -> bytes:
    """Name criterion and model without telling them."""
    return hmac.digest(
        desk.keys.index_key(), f"determination:{criterion_id}\n{model}".encode(), "sha256"
    )


def _note(
    transaction: Transaction, kind: str, subject: str, compartment: str, data: Mapping[str, Json]
) -> None:
    ledger.append(
        transaction, kind, subject, data, readers=READERS, compartment=Compartment(compartment)
    )
