"""Early access at the desk's API: the same operations as its pages and commands, as JSON.

In: requests with a desk token of somebody of the lab, the government or an applicant. Out: JSON as
far as that actor may read. Refused: what is not there or not for this actor (404, one answer), what
the rules do not allow now (409, with every reason), acts without the role (403).
"""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Body, Depends
from pydantic import Field, TypeAdapter

from clearhouse.access.admit import operations as admit
from clearhouse.access.admit.record import Admission, Application, AssessmentKind, Opinion, Tier
from clearhouse.access.close import dossier as dossiers
from clearhouse.access.close import operations as closing
from clearhouse.access.grant import operations as granting
from clearhouse.access.grant.record import Grant, Kill, Scope, Selector
from clearhouse.access.offer import operations as offer
from clearhouse.access.offer.record import ModelPin, Times, Window, WindowStep
from clearhouse.access.refusal import Refused
from clearhouse.access.serve import operations as serving
from clearhouse.kernel.identity import Actor
from clearhouse.kernel.ids import ActorId, PartyId
from clearhouse.kernel.services import Desk
from clearhouse.kernel.store.database import Transaction
from clearhouse.surfaces.api.acts import Closed
from clearhouse.surfaces.api.desk import _PROBLEM, Call, Calling, bearer_scheme
from clearhouse.surfaces.api.problems import ProblemError
from clearhouse.surfaces.web.desk.access_view import WindowView, window_view
from clearhouse.surfaces.web.desk.addresses import AdmissionAddress, GrantAddress, WindowAddress

T = TypeVar("T")
router = APIRouter(
    prefix="/v1/desk/access",
    tags=["early access"],
    dependencies=[Depends(bearer_scheme)],
    responses={"4XX": _PROBLEM, "5XX": _PROBLEM},
)
_Text = Annotated[str, Field(min_length=1, max_length=4000)]
_Name = Annotated[str, Field(min_length=1, max_length=200)]


class Offered(Closed):
    """What a lab offers."""

    label: _Name
    government: _Name
    model: ModelPin
    times: Times
    capacity: Annotated[int, Field(ge=1, le=1000)]


class Nominated(Closed):
    """Who may apply, and why."""

    party: _Name
    reason: _Text


class Applied(Closed):
    """An application."""

    track: _Name
    tier: Tier = Tier.PARTNER
    application: Application
    for_party: _Name | None = None


class Assessed(Closed):
    """What one person of a side writes."""

    kind: AssessmentKind
    opinion: Opinion


class Issued(Closed):
    """What a grant shall allow."""

    holder: _Name
    scope: Scope
    not_before: datetime
    not_after: datetime


class Activated(Closed):
    """The holder's public key, and the clauses that were read."""

    jwk: dict[str, Any]
    accepted: dict[str, str]


class Killed(Closed):
    """Who is meant, and why."""

    selector: Selector = Selector()
    because: Annotated[str, Field(max_length=4000)] = ""
    dry_run: bool = True


class Stepped(Closed):
    """What is done with a window."""

    step: WindowStep
    because: Annotated[str, Field(max_length=4000)] = ""


class Words(Closed):
    """A text."""

    words: _Text


def _do(call: Call, act: Callable[[Desk, Transaction, Actor], T | Refused]) -> T:
    with call.transaction() as transaction:
        done = act(call.desk, transaction, call.actor)
    if isinstance(done, Refused):
        raise ProblemError(409, f"{done.reason} ({done.code})")
    return done


def _plain(record: object) -> dict[str, Any]:
    """Return a record without what the store alone needs."""
    shown: dict[str, Any] = TypeAdapter(type(record)).dump_python(record, mode="json")
    for name in ("compartment", "readers", "deliberation"):
        shown.pop(name, None)
    return shown


@router.get("/windows", summary="Windows that you may read")
def windows(call: Calling) -> list[dict[str, Any]]:
    """List windows, the newest first."""
    return [_plain(one) for one in _do(call, offer.windows)]


@router.post("/windows", summary="Offer a window of at most thirty days")
def offered(call: Calling, body: Offered) -> dict[str, Any]:
    """Offer a window."""
    if body.times.opens_at.tzinfo is None or body.times.closes_at.tzinfo is None:
        raise ProblemError(400, "an instant needs a time zone")
    done: Window = _do(
        call,
        lambda desk, transaction, me: offer.offer(
            desk,
            transaction,
            me,
            label=body.label,
            government=PartyId(body.government),
            model=body.model,
            times=body.times,
            capacity=body.capacity,
        ),
    )
    return _plain(done)


@router.get("/windows/{window_id}", summary="One window with admissions, grants and alarms")
def window(call: Calling, window_id: WindowAddress) -> WindowView:
    """Return one window as its page shows it."""
    return _do(call, lambda desk, at, me: window_view(desk, at, me, window_id))


@router.get("/windows/{window_id}/dossier", summary="What you may prove about a window")
def dossier(call: Calling, window_id: WindowAddress) -> dict[str, Any]:
    """Return the dossier."""
    return dict(_do(call, lambda desk, at, me: dossiers.dossier(desk, at, me, window_id)))


@router.get("/windows/{window_id}/receipts", summary="The receipts that you may read")
def receipts(call: Calling, window_id: WindowAddress) -> dict[str, list[str]]:
    """Return every entry by chain, as it was hashed."""
    return _do(call, lambda desk, at, me: serving.chains(desk, at, me, window_id))


@router.post("/windows/{window_id}/step", summary="Open, pause, resume or close")
def step(call: Calling, window_id: WindowAddress, body: Stepped) -> dict[str, Any]:
    """Take a window one step."""
    if body.step is WindowStep.CLOSE:
        return _plain(
            _do(
                call,
                lambda desk, at, me: closing.close(desk, at, me, window_id, because=body.because),
            )
        )
    return _plain(
        _do(
            call,
            lambda desk, at, me: offer.step(
                desk, at, me, window_id, body.step, because=body.because
            ),
        )
    )


@router.post("/windows/{window_id}/nominate", summary="Let a party read the window and apply")
def nominate(call: Calling, window_id: WindowAddress, body: Nominated) -> dict[str, Any]:
    """Nominate a party."""
    party = PartyId(body.party)
    return _plain(
        _do(
            call,
            lambda desk, at, me: admit.nominate(
                desk, at, me, window_id, party=party, reason=body.reason
            ),
        )
    )


@router.post("/windows/{window_id}/apply", summary="Apply for a party")
def apply(call: Calling, window_id: WindowAddress, body: Applied) -> dict[str, Any]:
    """Apply."""
    done: Admission = _do(
        call,
        lambda desk, at, me: admit.apply(
            desk,
            at,
            me,
            window_id,
            track=body.track,
            tier=body.tier,
            application=body.application,
            for_party=PartyId(body.for_party) if body.for_party else None,
        ),
    )
    return _plain(done)


@router.post(
    "/windows/{window_id}/kill", summary="End access selectively, or say whose it would be"
)
def kill(call: Calling, window_id: WindowAddress, body: Annotated[Killed, Body()]) -> Kill:
    """Kill, or say who would lose access."""
    return _do(
        call,
        lambda desk, at, me: granting.kill(
            desk, at, me, window_id, body.selector, because=body.because, dry_run=body.dry_run
        ),
    )


@router.post("/admissions/{admission_id}/assess", summary="Score, recuse yourself, or decide")
def assess(call: Calling, admission_id: AdmissionAddress, body: Assessed) -> dict[str, Any]:
    """Write what one side says."""
    return _plain(
        _do(
            call,
            lambda desk, at, me: admit.assess(desk, at, me, admission_id, body.kind, body.opinion),
        )
    )


@router.post("/admissions/{admission_id}/appeal", summary="Ask for a second decision")
def appeal(call: Calling, admission_id: AdmissionAddress, body: Words) -> dict[str, Any]:
    """Appeal."""
    return _plain(
        _do(call, lambda desk, at, me: admit.appeal(desk, at, me, admission_id, words=body.words))
    )


@router.post("/admissions/{admission_id}/grants", summary="Issue a grant to a named holder")
def issue(call: Calling, admission_id: AdmissionAddress, body: Issued) -> dict[str, Any]:
    """Issue a grant."""
    if body.not_before.tzinfo is None or body.not_after.tzinfo is None:
        raise ProblemError(400, "an instant needs a time zone")
    done: Grant = _do(
        call,
        lambda desk, at, me: granting.issue(
            desk,
            at,
            me,
            admission_id,
            holder=ActorId(body.holder),
            scope=body.scope,
            not_before=body.not_before,
            not_after=body.not_after,
        ),
    )
    return _plain(done)


@router.post("/grants/{grant_id}/activate", summary="Bind a grant to your key, accept its terms")
def activate(call: Calling, grant_id: GrantAddress, body: Activated) -> dict[str, Any]:
    """Activate a grant."""
    return _plain(
        _do(
            call,
            lambda desk, at, me: granting.activate(
                desk, at, me, grant_id, jwk=body.jwk, accepted=body.accepted
            ),
        )
    )


@router.post(
    "/grants/{grant_id}/safeguards", summary="Send a weakness of the safeguards to the lab"
)
def safeguards(call: Calling, grant_id: GrantAddress, body: Words) -> dict[str, Any]:
    """Send a weakness of the model's safeguards to its lab, sealed."""
    return _plain(
        _do(call, lambda desk, at, me: closing.route_safeguards(desk, at, me, grant_id, body.words))
    )
