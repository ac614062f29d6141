"""Criteria at the desk: profiles with their curves, evidence, determinations and their gates."""

from collections.abc import Callable
from functools import lru_cache
from typing import Annotated

from fastapi import APIRouter, Form, Response
from fastapi import Path as InPath
from fastapi.responses import RedirectResponse

from clearhouse.criteria.define import profiles
from clearhouse.criteria.define.record import Criterion
from clearhouse.criteria.determine import operations as determinations
from clearhouse.criteria.determine.machine import Act as Step
from clearhouse.criteria.determine.machine import after
from clearhouse.criteria.determine.operations import (
    DeterminationFile,
    NoSuchDeterminationError,
    NotPossibleError,
)
from clearhouse.criteria.determine.simulate import Curve, NotSimulatedError, simulate
from clearhouse.criteria.measure import operations as measure
from clearhouse.criteria.measure.operations import NoSuchEvidenceError
from clearhouse.kernel import ledger_reading
from clearhouse.surfaces.web.desk.criteria_view import curve_lines, interval_rows
from clearhouse.surfaces.web.desk.entrance import Act, Here, NotHereError, Visit
from clearhouse.surfaces.web.pictures.determination import curve_picture, interval_picture

router = APIRouter(include_in_schema=False)
_Determination = Annotated[str, InPath(pattern="^det_[a-z2-7]{26}$")]
_Evidence = Annotated[str, InPath(pattern="^evd_[a-z2-7]{26}$")]
_Profile = Annotated[str, InPath(pattern="^[a-z0-9-]{1,80}$")]
_POINTS = 21


@router.get("/criteria")
def overview(here: Here) -> Response:
    """Show profiles, determinations and evidence."""
    with here.transaction() as transaction:
        made = determinations.determinations(transaction)
        logs = measure.kept(transaction)
    shipped = [(name, profiles.load_profile(name)) for name in profiles.names()]
    return here.page("criteria.html", profiles=shipped, determinations=made, evidence=logs)


@router.get("/criteria/profiles/{name}")
def profile(here: Here, name: _Profile) -> Response:
    """Show one criterion and what it would decide."""
    if name not in profiles.names():
        raise NotHereError
    criterion, curves, why_not = _simulated(name)
    pictures = [(line, curve_picture(line)) for line in curve_lines(curves)]
    return here.page(
        "criteria-profile.html",
        criterion=criterion, curves=curves, pictures=pictures, why_not=why_not,
    )  # fmt: skip


@lru_cache
def _simulated(name: str) -> tuple[Criterion, tuple[Curve, ...], str | None]:
    """Return a shipped criterion with its curves, or why it has none; a curve takes a second."""
    criterion = profiles.load_profile(name)
    try:
        return criterion, simulate(criterion, points=_POINTS), None
    except NotSimulatedError as error:
        return criterion, (), str(error)


@router.get("/criteria/evidence/{evidence_id}")
def evidence(here: Here, evidence_id: _Evidence) -> Response:
    """Show what one log says of itself."""
    try:
        with here.transaction() as transaction:
            log = measure.evidence_of(here.desk, transaction, [evidence_id])[evidence_id]
            events = ledger_reading.history(transaction, (evidence_id,))
    except NoSuchEvidenceError as error:
        raise NotHereError from error
    served = sorted({name for sample in log.samples for name in sample.served})
    broke = sum(1 for sample in log.samples if sample.errored)
    return here.page(
        "criteria-evidence.html",
        evidence_id=evidence_id, log=log, served=served, broke=broke, events=events,
    )  # fmt: skip


@router.get("/criteria/determinations/{determination_id}")
def show(here: Here, determination_id: _Determination) -> Response:
    """Show a determination with its gates and intervals."""
    return _page(here, determination_id)


@router.post("/criteria/determinations/{determination_id}/countersign")
def countersign(here: Act, determination_id: _Determination) -> Response:
    """Sign as the second person."""
    return _do(here, determination_id, determinations.countersign)


@router.post("/criteria/determinations/{determination_id}/release")
def release(here: Act, determination_id: _Determination) -> Response:
    """Make the releasable statement public."""
    return _do(here, determination_id, determinations.release)


@router.post("/criteria/determinations/{determination_id}/withdraw")
def withdraw(here: Act, determination_id: _Determination) -> Response:
    """Take the determination back."""
    return _do(here, determination_id, determinations.withdraw)


@router.post("/criteria/determinations/{determination_id}/appeal")
def appeal(
    here: Act,
    determination_id: _Determination,
    words: Annotated[str, Form(min_length=1, max_length=20_000)],
) -> Response:
    """Write an objection beside it."""
    return _do(here, determination_id, determinations.appeal, words)


def _do(
    here: Visit, determination_id: str, verb: Callable[..., object], *arguments: str
) -> Response:
    try:
        with here.transaction() as transaction:
            verb(here.desk, transaction, here.actor, determination_id, *arguments)
    except NoSuchDeterminationError as error:
        raise NotHereError from error
    except NotPossibleError as error:
        return _page(here, determination_id, refused=str(error), status=409)
    return RedirectResponse(f"/criteria/determinations/{determination_id}", status_code=303)


def _page(
    here: Visit, determination_id: str, *, refused: str | None = None, status: int = 200
) -> Response:
    try:
        with here.transaction() as transaction:
            found = determinations.determination_file(here.desk, transaction, determination_id)
            events = ledger_reading.history(transaction, (determination_id,))
    except NoSuchDeterminationError as error:
        raise NotHereError from error
    rows = interval_rows(found.determination)
    return here.page(
        "criteria-determination.html",
        file=found,
        found=found.determination,
        picture=interval_picture(rows) if rows else None,
        events=events,
        may=_may(here, found),
        refused=refused,
        status=status,
    )


def _may(here: Visit, found: DeterminationFile) -> frozenset[str]:
    """Return the steps that fit the state and that this person may take."""
    authority = here.desk.authority
    steps = {
        str(step)
        for step in (Step.COUNTERSIGN, Step.RELEASE, Step.WITHDRAW)
        if after(found.state, step) is not None
        and authority.may(here.actor, f"determination.{step}").allowed
    }
    if found.proposed_by == here.actor.actor_id:
        steps -= {str(Step.COUNTERSIGN)}
    if authority.may(here.actor, "determination.appeal").allowed:
        steps.add("appeal")
    return frozenset(steps)
