"""Where the steps of the tour lead in this installation, and which of them somebody has done.

In: a transaction of the traveller. Out: each step with the address of something that this person
may read, or none where nothing of the kind is here. A step that asks for an act is done once its
traveller has done it since the tour began; any other once its traveller was there.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from clearhouse.clearing.coordinate import casework
from clearhouse.clearing.coordinate.record import Case, Outcome
from clearhouse.clearing.match import deciding
from clearhouse.clearing.validate import operations as validate
from clearhouse.clearing.validate.record import VerdictKind
from clearhouse.kernel import ledger_reading, tours
from clearhouse.kernel.identity import Actor
from clearhouse.kernel.ids import ActorId
from clearhouse.kernel.services import Desk
from clearhouse.kernel.store.database import Transaction
from clearhouse.surfaces.web.desk.tour_steps import STEPS, Place, Step


@dataclass(frozen=True, kw_only=True, slots=True)
class Stop:
    """One step, here and for this traveller."""

    number: int
    step: Step
    address: str | None
    """None where there is nothing of the kind in this installation."""
    done: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Tour:
    """The tour of one traveller."""

    stops: tuple[Stop, ...]
    away: bool

    @property
    def done(self) -> int:
        """How many steps are done."""
        return sum(stop.done for stop in self.stops)

    @property
    def next(self) -> Stop | None:
        """The first step that can be gone and is not done."""
        return next((stop for stop in self.stops if stop.address and not stop.done), None)


def tour_of(desk: Desk, transaction: Transaction, actor: Actor) -> Tour:
    """Return the tour of the transaction's actor."""
    marks = tours.marks(transaction, actor.actor_id)
    begun = marks.get(tours.BEGUN)

    def done(place: Place) -> bool:
        act = _ACTS.get(place)
        if act is None or begun is None:
            return act is None and place in marks
        return act(transaction, actor.actor_id, begun)

    # Two steps lead to the same case, which is looked for once.
    found = {find: find(desk, transaction, actor) for find in dict.fromkeys(_FINDS.values())}
    stops = tuple(
        Stop(
            number=number,
            step=step,
            address=found[_FINDS[step.place]],
            done=done(step.place),
        )
        for number, step in enumerate(STEPS, start=1)
    )
    return Tour(stops=stops, away=tours.AWAY in marks)


def address_of(desk: Desk, transaction: Transaction, actor: Actor, place: Place) -> str | None:
    """Return where a step leads for this actor, None when nothing of the kind is here."""
    return _FINDS[place](desk, transaction, actor)


def _to_decide(desk: Desk, transaction: Transaction, actor: Actor) -> str | None:  # noqa: ARG001 - as the others
    found = deciding.next_undecided(transaction)
    return None if found is None else f"/decide/{found}"


def _refuted(desk: Desk, transaction: Transaction, actor: Actor) -> str | None:  # noqa: ARG001 - as the others
    found = validate.newest_of_kind(transaction, VerdictKind.CONTRADICTED)
    return None if found is None else f"/reports/{found}"


def _kept_back(desk: Desk, transaction: Transaction, actor: Actor) -> str | None:
    """Return the case that is nearest to its release; those that a vendor accepted come first."""
    if not desk.authority.may(actor, "case.read").allowed:
        return None
    waiting = [
        (not _accepted(case), not case.vendors, case.embargo.instant, case.id)
        for case in casework.cases(desk, transaction, actor)
        if case.published_at is None
        and case.embargo.instant is not None
        and case.embargo.instant > transaction.now
    ]
    return f"/cases/{min(waiting)[-1]}" if waiting else None


def _accepted(case: Case) -> bool:
    return any(verdict.outcome is Outcome.ACCEPTED for verdict in case.verdicts)


_Acts = Callable[[Transaction, ActorId, datetime], bool]
_ACTS: Mapping[Place, _Acts] = {
    Place.DUPLICATES: deciding.decided_since,
    Place.RELEASE: partial(ledger_reading.acted_since, "embargo.agreed"),
}
_Finds = Callable[[Desk, Transaction, Actor], str | None]
_FINDS: Mapping[Place, _Finds] = {
    Place.TODAY: lambda *_: "/",
    Place.DUPLICATES: _to_decide,
    Place.REFUTED: _refuted,
    Place.EMBARGO: _kept_back,
    Place.RELEASE: _kept_back,
    Place.OPERATOR: lambda *_: "/reach",
    Place.LEDGER: lambda *_: "/ledger",
}
