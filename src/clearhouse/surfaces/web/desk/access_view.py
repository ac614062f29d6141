"""One window of early access as its page and the API show it.

In: a window's id. Out: a `WindowView`, with as much as the actor may read. Refused by the rooms:
what the actor is not read in to.
"""

from dataclasses import dataclass
from datetime import datetime

from clearhouse.access.admit import operations as admit
from clearhouse.access.admit.rules import Score, score, selection
from clearhouse.access.grant import operations as granting
from clearhouse.access.offer import operations as offer
from clearhouse.access.offer.record import WINDOW, ModelPin, Side, Times, WindowState, WindowStep
from clearhouse.access.serve import operations as serving
from clearhouse.access.serve.operations import Fingerprint
from clearhouse.kernel import identity
from clearhouse.kernel.identity import Actor
from clearhouse.kernel.services import Desk
from clearhouse.kernel.store.database import Transaction


@dataclass(frozen=True, kw_only=True, slots=True)
class AdmissionRow:
    """One application on the board."""

    admission_id: str
    party: str
    sponsor: str | None
    track: str
    tier: str
    state: str
    codes: tuple[str, ...]
    statement: str
    score: Score | None
    """For the two sides; None for anybody else, and while nobody has scored."""
    words: tuple[str, ...]
    """Which sides have said their word, for the sides."""


@dataclass(frozen=True, kw_only=True, slots=True)
class GrantRow:
    """One grant with its use."""

    grant_id: str
    holder: str
    party: str
    state: str
    because: str | None
    endpoints: tuple[str, ...]
    not_before: datetime
    not_after: datetime
    calls: int
    refused: int
    tokens: int
    budget: int
    last_at: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class AlarmRow:
    """One alarm."""

    at: datetime
    kind: str
    grant_id: str | None
    sequence: int | None
    detail: str


@dataclass(frozen=True, kw_only=True, slots=True)
class WindowView:
    """Everything a page says about one window."""

    window_id: str
    label: str
    lab: str
    government: str
    model: ModelPin
    times: Times
    state: WindowState
    opened_at: datetime | None
    closed_at: datetime | None
    terms: str
    terms_sha256: str
    selection: str
    capacity: int
    side: Side | None
    """The side that the actor is on; None for everybody else."""
    steps: tuple[WindowStep, ...]
    admissions: tuple[AdmissionRow, ...]
    grants: tuple[GrantRow, ...]
    alarms: tuple[AlarmRow, ...]
    fingerprints: tuple[Fingerprint, ...]
    evidence_ends: datetime | None
    """Since when another model may have answered."""


def window_view(desk: Desk, transaction: Transaction, actor: Actor, window_id: str) -> WindowView:
    """Return a window as pages show it.

    Raises: NotThereError, ForbiddenError.
    """
    window = offer.window(desk, transaction, actor, window_id)
    names = identity.party_names(transaction, [window.lab, window.government])
    return WindowView(
        window_id=window.window_id,
        label=window.label,
        lab=names.get(window.lab, ""),
        government=names.get(window.government, ""),
        model=window.model,
        times=window.times,
        state=window.state,
        opened_at=window.opened_at,
        closed_at=window.closed_at,
        terms=window.terms,
        terms_sha256=window.terms_sha256,
        selection=window.selection,
        capacity=window.capacity,
        side=window.side_of(actor.party_id),
        steps=WINDOW.steps(window.state) if window.side_of(actor.party_id) else (),
        admissions=_admissions(desk, transaction, actor, window_id, window.selection),
        grants=_grants(desk, transaction, actor, window_id),
        alarms=tuple(
            AlarmRow(
                at=row["at"],
                kind=row["kind"],
                grant_id=row["grant_id"],
                sequence=row["sequence"],
                detail=row["detail"],
            )
            for row in granting.alarms(desk, transaction, actor, window_id)
        ),
        fingerprints=serving.fingerprints(desk, transaction, actor, window_id),
        evidence_ends=serving.invalid_from(desk, transaction, actor, window_id),
    )


def _admissions(
    desk: Desk, transaction: Transaction, actor: Actor, window_id: str, policy: str
) -> tuple[AdmissionRow, ...]:
    found = admit.admissions(desk, transaction, actor, window_id)
    parties = {one.party for one in found} | {one.sponsor for one in found if one.sponsor}
    names = identity.party_names(transaction, sorted(parties))
    rows = []
    for one in found:
        written = admit.written(desk, transaction, actor, one.admission_id)
        decided = {said.side.value for said in written if said.kind.value == "decision"}
        rows.append(
            AdmissionRow(
                admission_id=one.admission_id,
                party=names.get(one.party, ""),
                sponsor=names.get(one.sponsor) if one.sponsor else None,
                track=one.track,
                tier=one.tier.value,
                state=one.state.value,
                codes=one.reason_codes,
                statement=one.application.statement,
                score=score(selection(policy), one.track, written),
                words=tuple(sorted(decided)),
            )
        )
    return tuple(rows)


def _grants(
    desk: Desk, transaction: Transaction, actor: Actor, window_id: str
) -> tuple[GrantRow, ...]:
    rows = []
    for one, use in granting.grants(desk, transaction, actor, window_id):
        admission = admit.admission(desk, transaction, actor, one.admission_id)
        party = identity.party_names(transaction, [admission.party]).get(admission.party, "")
        rows.append(
            GrantRow(
                grant_id=one.grant_id,
                holder=identity.actor_name(transaction, one.holder) or "",
                party=party,
                state=one.state.value,
                because=one.revoked_because,
                endpoints=one.scope.endpoints,
                not_before=one.not_before,
                not_after=one.not_after,
                calls=use.calls,
                refused=use.refused,
                tokens=use.tokens,
                budget=one.scope.token_budget,
                last_at=use.last_at,
            )
        )
    return tuple(rows)
