"""Criteria at the desk's API: profiles, evidence, signed statements, determinations.

The same operations as the pages and the command line, under the same token of the scope `desk`.
Logs come in as the request's body and are kept as what was read of them.
Source: RFC 9457 for refusals.
"""

import asyncio
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi import Path as InPath
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from clearhouse.criteria.define import profiles
from clearhouse.criteria.define.record import CriterionError
from clearhouse.criteria.determine import operations as determinations
from clearhouse.criteria.determine.machine import DeterminationState
from clearhouse.criteria.determine.operations import (
    DeterminationFile,
    NoSuchDeterminationError,
    NotPossibleError,
)
from clearhouse.criteria.determine.record import Determination, Outcome, Subject
from clearhouse.criteria.determine.simulate import Curve, NotSimulatedError, simulate
from clearhouse.criteria.measure import operations as measure
from clearhouse.criteria.measure.attest import AttestationError
from clearhouse.criteria.measure.operations import NoSuchEvidenceError
from clearhouse.criteria.measure.reading import read_evidence
from clearhouse.criteria.measure.record import EvidenceError
from clearhouse.surfaces.api.desk import Call, Calling, Limit, bearer_scheme
from clearhouse.surfaces.api.problems import MEDIA_TYPE, SCHEMA, ProblemError
from clearhouse.surfaces.web.desk.entrance import NotHereError

LARGEST_LOG_BYTES = 512 * 1024 * 1024
_PROBLEM = {"description": "refused, and why", "content": {MEDIA_TYPE: {"schema": SCHEMA}}}
router = APIRouter(
    prefix="/v1/desk/criteria",
    tags=["criteria"],
    dependencies=[Depends(bearer_scheme)],
    responses={"4XX": _PROBLEM, "5XX": _PROBLEM},
)
DeterminationAddress = Annotated[str, InPath(pattern="^det_[a-z2-7]{26}$")]
EvidenceAddress = Annotated[str, InPath(pattern="^evd_[a-z2-7]{26}$")]
ProfileAddress = Annotated[str, InPath(pattern="^[a-z0-9-]{1,80}$")]


@dataclass(frozen=True, kw_only=True, slots=True)
class ProfileAnswer:
    """One criterion that came with the house."""

    profile: str
    title: str
    kind: str
    statement: str
    sha256: str
    metrics: tuple[str, ...]
    facts: tuple[str, ...]
    sealed: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class EvidenceAnswer:
    """One kept log, without its samples."""

    evidence_id: str
    sha256: str
    task: str
    task_version: str
    model: str
    scaffold: str
    samples: int
    dataset_sha256: str | None
    faults: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class KeptAnswer:
    """The id of something that is kept now."""

    id: str


@dataclass(frozen=True, kw_only=True, slots=True)
class DeterminationRow:
    """A determination in a list."""

    determination_id: str
    outcome: Outcome
    state: DeterminationState
    decided_at: datetime
    expires_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class DeterminationAnswer:
    """A determination, whole."""

    determination_id: str
    state: DeterminationState
    expired: bool
    superseded_by: str | None
    determination: Determination
    envelope: dict[str, Any]
    appeals: tuple[str, ...]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


Name = Annotated[str, Field(min_length=1, max_length=200)]


class Proposal(_Body):
    """What is to be decided."""

    profile: Annotated[str, Field(pattern="^[a-z0-9-]{1,80}$")]
    model: Name
    checkpoint: Name
    evidence: Annotated[list[str], Field(max_length=1000)] = []
    facts: Annotated[dict[str, bool | float | str], Field(max_length=50)] = {}


class NewCheckpoint(_Body):
    """Weights that took the place of those that were judged."""

    checkpoint: Name


class Objection(_Body):
    """An appeal in words."""

    words: Annotated[str, Field(min_length=1, max_length=20_000)]


@router.get("/profiles", summary="Criteria that came with the house")
def list_profiles(call: Calling) -> tuple[ProfileAnswer, ...]:
    """List criteria."""
    del call
    return tuple(_profile(name) for name in profiles.names())


@router.get("/profiles/{profile}/curves", summary="What a criterion would decide")
def curves(call: Calling, profile: ProfileAddress) -> tuple[Curve, ...]:
    """Return the operating curves of a criterion."""
    del call
    _profile(profile)
    try:
        return simulate(profiles.load_profile(profile), points=21)
    except NotSimulatedError as error:
        raise ProblemError(409, str(error)) from error


@router.get("/evidence", summary="Kept logs, newest first")
def evidence(call: Calling, limit: Limit = 50) -> tuple[KeptAnswer, ...]:
    """List the logs that the actor may read."""
    with call.transaction() as transaction:
        found = measure.kept(transaction, limit=limit)
    return tuple(KeptAnswer(id=one.evidence_id) for one in found)


@router.get("/evidence/{evidence_id}", summary="One kept log")
def one_log(call: Calling, evidence_id: EvidenceAddress) -> EvidenceAnswer:
    """Return what a log says of itself."""
    try:
        with call.transaction() as transaction:
            log = measure.evidence_of(call.desk, transaction, [evidence_id])[evidence_id]
    except NoSuchEvidenceError as error:
        raise NotHereError from error
    return EvidenceAnswer(
        evidence_id=evidence_id,
        sha256=log.sha256,
        task=log.task,
        task_version=log.task_version,
        model=log.model,
        scaffold=log.scaffold,
        samples=len(log.samples),
        dataset_sha256=log.dataset_sha256,
        faults=log.faults,
    )


async def _log_file(request: Request, call: Calling) -> Any:  # noqa: ANN401 - a dependency that yields
    """Keep the body in a file while the request lasts; who may not add evidence sends nothing."""
    call.desk.authority.demand(call.actor, "evidence.add")
    with tempfile.NamedTemporaryFile(suffix=".log") as kept:
        size = 0
        async for part in request.stream():
            size += len(part)
            if size > LARGEST_LOG_BYTES:
                raise ProblemError(413, "a log may have 512 MiB; split the run")
            await asyncio.to_thread(kept.write, part)
        kept.flush()
        yield Path(kept.name)


@router.post("/evidence", summary="Keep a log: the body is an .eval file or neutral JSON lines")
def add_evidence(call: Calling, log: Annotated[Path, Depends(_log_file)]) -> KeptAnswer:
    """Read a log and keep what was read."""
    try:
        found = read_evidence(log)
    except EvidenceError as error:
        raise ProblemError(422, str(error)) from error
    with call.transaction() as transaction:
        return KeptAnswer(id=measure.add_evidence(call.desk, transaction, call.actor, found))


@router.post("/attestations", summary="Keep a signed statement about logs")
def add_attestation(call: Calling, body: dict[str, JsonValue]) -> KeptAnswer:
    """Keep a DSSE envelope, if a key that is trusted for its kind signed it."""
    try:
        with call.transaction() as transaction:
            found = measure.add_attestation(call.desk, transaction, call.actor, body)
    except AttestationError as error:
        raise ProblemError(422, str(error)) from error
    return KeptAnswer(id=found.sha256)


@router.get("/determinations", summary="Determinations, newest first")
def list_determinations(call: Calling, limit: Limit = 50) -> tuple[DeterminationRow, ...]:
    """List the determinations that the actor may read."""
    with call.transaction() as transaction:
        found = determinations.determinations(transaction, limit=limit)
    return tuple(
        DeterminationRow(
            determination_id=one.determination_id,
            outcome=one.outcome,
            state=one.state,
            decided_at=one.decided_at,
            expires_at=one.expires_at,
        )
        for one in found
    )


@router.get("/determinations/{determination_id}", summary="One determination, whole")
def one_determination(call: Calling, determination_id: DeterminationAddress) -> DeterminationAnswer:
    """Return a determination with its annex and envelope."""
    return _act(call, determination_id, None)


@router.post("/determinations", summary="Decide, and sign as the first person")
def propose(call: Calling, body: Proposal) -> DeterminationAnswer:
    """Decide from kept evidence."""
    _profile(body.profile)
    try:
        with call.transaction() as transaction:
            made = determinations.propose(
                call.desk,
                transaction,
                call.actor,
                profiles.load_profile(body.profile),
                subject=Subject(model=body.model, checkpoint=body.checkpoint),
                evidence_ids=body.evidence,
                facts=dict(body.facts),
            )
    except NoSuchEvidenceError as error:
        raise NotHereError from error
    except CriterionError as error:
        raise ProblemError(409, str(error)) from error
    return _act(call, made, None)


@router.post("/determinations/{determination_id}/countersign", summary="Sign as the second person")
def countersign(call: Calling, determination_id: DeterminationAddress) -> DeterminationAnswer:
    """Sign."""
    return _act(call, determination_id, determinations.countersign)


@router.post("/determinations/{determination_id}/release", summary="Make the statement public")
def release(call: Calling, determination_id: DeterminationAddress) -> DeterminationAnswer:
    """Release."""
    return _act(call, determination_id, determinations.release)


@router.post("/determinations/{determination_id}/withdraw", summary="Take it back")
def withdraw(call: Calling, determination_id: DeterminationAddress) -> DeterminationAnswer:
    """Withdraw."""
    return _act(call, determination_id, determinations.withdraw)


@router.post("/determinations/{determination_id}/supersede", summary="Another checkpoint is out")
def supersede(
    call: Calling, determination_id: DeterminationAddress, body: NewCheckpoint
) -> DeterminationAnswer:
    """End a determination because the model changed."""
    return _act(call, determination_id, determinations.supersede, body.checkpoint)


@router.post("/determinations/{determination_id}/appeal", summary="Write an objection beside it")
def appeal(
    call: Calling, determination_id: DeterminationAddress, body: Objection
) -> DeterminationAnswer:
    """Appeal."""
    return _act(call, determination_id, determinations.appeal, body.words)


def _act(
    call: Call, determination_id: str, verb: Callable[..., object] | None, *arguments: str
) -> DeterminationAnswer:
    try:
        with call.transaction() as transaction:
            if verb is not None:
                verb(call.desk, transaction, call.actor, determination_id, *arguments)
            found = determinations.determination_file(call.desk, transaction, determination_id)
    except NoSuchDeterminationError as error:
        raise NotHereError from error
    except NotPossibleError as error:
        raise ProblemError(409, str(error)) from error
    return _answer(found)


def _answer(found: DeterminationFile) -> DeterminationAnswer:
    return DeterminationAnswer(
        determination_id=found.determination_id,
        state=found.state,
        expired=found.expired,
        superseded_by=found.superseded_by,
        determination=found.determination,
        envelope=dict(found.envelope),
        appeals=tuple(one.words for one in found.appeals),
    )


def _profile(name: str) -> ProfileAnswer:
    if name not in profiles.names():
        raise NotHereError
    criterion = profiles.load_profile(name)
    return ProfileAnswer(
        profile=name,
        title=criterion.title,
        kind=criterion.kind,
        statement=criterion.statement,
        sha256=criterion.sha256,
        metrics=tuple(one.id for one in criterion.metrics),
        facts=tuple(one.fact for one in criterion.facts),
        sealed=tuple(sorted(criterion.sealed)),
    )
