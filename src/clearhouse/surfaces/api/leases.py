"""Scan leases at the desk's API: who scans what until when, and what maintainers allow.

In: requests with a desk token of whoever may scan. Out: JSON. Refused: acts without the role (403),
what the rules refuse, and claims on what others scan (409, with what may be told of them).
"""

from typing import Annotated

from fastapi import APIRouter, Depends, Path
from pydantic import AwareDatetime, BaseModel, Field

from clearhouse.clearing.deconflict.leases import operations as leases
from clearhouse.clearing.deconflict.leases.record import (
    Authorisation,
    Basis,
    Claim,
    Coverage,
    Disclosure,
    Extent,
    Lease,
    Limit,
    Overlap,
    Overlapping,
    Scanned,
    Scope,
    Tool,
)
from clearhouse.clearing.deconflict.refusal import Refusal
from clearhouse.surfaces.api.acts import Closed
from clearhouse.surfaces.api.deconflict import answered
from clearhouse.surfaces.api.desk import _PROBLEM, Calling, bearer_scheme
from clearhouse.surfaces.api.problems import ProblemError

router = APIRouter(
    prefix="/v1/desk",
    tags=["deconflict"],
    dependencies=[Depends(bearer_scheme)],
    responses={"4XX": _PROBLEM, "5XX": _PROBLEM},
)
_Words = Annotated[str, Field(min_length=1, max_length=2000)]
_Target = Annotated[str, Field(min_length=1, max_length=400)]
_LeaseAddress = Annotated[str, Path(pattern="^lea_[a-z2-7]{26}$")]


class WantedScope(Closed):
    """What is to be scanned, and when."""

    target: _Target
    starts: AwareDatetime
    until: AwareDatetime
    paths: Annotated[tuple[Annotated[str, Field(max_length=400)], ...], Field(max_length=200)] = ()
    versions: Annotated[str | None, Field(max_length=2000)] = None

    def scope(self) -> Scope:
        """Return it as the room takes it."""
        return Scope(target=self.target, starts=self.starts, until=self.until, paths=self.paths,
                     versions=self.versions)  # fmt: skip


class WantedLease(WantedScope):
    """A claim."""

    tool: Tool
    basis: Basis
    reference: _Words
    safe_harbour: Annotated[str, Field(max_length=100)]
    disclosure: Disclosure = Disclosure.OVERLAP
    share: bool = False


class GrantedAnswer(BaseModel):
    """A lease, and what its holder is told of others."""

    lease: Lease
    overlaps: tuple[Overlap, ...]


class Covered(Closed):
    """What was scanned of one path."""

    path: Annotated[str, Field(min_length=1, max_length=400)]
    commit: Annotated[str, Field(max_length=64)]
    extent: Extent
    note: Annotated[str, Field(max_length=2000)] = ""


class Statement(Closed):
    """A coverage statement."""

    coverage: Annotated[tuple[Covered, ...], Field(max_length=500)]


class WantedLimit(Closed):
    """What the maintainers of a target allow, and where they said so."""

    target: _Target
    reference: _Words
    opted_out: bool = False
    at_once: Annotated[int | None, Field(ge=1, le=1000)] = None
    barred_tools: tuple[Tool, ...] = ()


@router.get("/leases", summary="Who scans what, as far as you may read it")
def list_leases(call: Calling) -> list[Lease]:
    """Return the leases of the actor's party; all of them to those on duty."""
    with call.transaction() as transaction:
        return leases.leases(call.desk, transaction, call.actor)


@router.post("/leases", summary="Claim a scan lease")
def claim(call: Calling, body: WantedLease) -> GrantedAnswer:
    """Claim a lease; 409 with what may be told when others do the same."""
    wanted = Claim(
        scope=body.scope(),
        tool=body.tool,
        authorisation=Authorisation(
            basis=body.basis, reference=body.reference, safe_harbour=body.safe_harbour
        ),
        disclosure=body.disclosure,
        share=body.share,
    )
    with call.transaction() as transaction:
        said = leases.claim_lease(call.desk, transaction, call.actor, wanted)
    if isinstance(said, Refusal):
        raise ProblemError(409, said.reason)
    if isinstance(said, Overlapping):
        raise ProblemError(409, "others do the same: " + "; ".join(map(told, said.overlaps)))
    return GrantedAnswer(lease=said.lease, overlaps=said.overlaps)


@router.post("/leases/asked", summary="Ask who scans there, without claiming")
def who_scans(call: Calling, body: WantedScope) -> tuple[Overlap, ...]:
    """Return what overlaps, as much as its holders let be told."""
    with call.transaction() as transaction:
        return answered(leases.who_scans(call.desk, transaction, call.actor, body.scope()))


@router.post("/leases/{lease_id}/hand-back", summary="End a lease with what was scanned")
def hand_back(call: Calling, lease_id: _LeaseAddress, body: Statement) -> Lease:
    """Hand a lease back."""
    coverage = [Coverage(**one.model_dump()) for one in body.coverage]
    with call.transaction() as transaction:
        return answered(leases.hand_back(call.desk, transaction, call.actor, lease_id, coverage))


@router.post("/leases/{lease_id}/withdraw", summary="Give a lease up before it begins")
def withdraw(call: Calling, lease_id: _LeaseAddress) -> Lease:
    """Withdraw a lease."""
    with call.transaction() as transaction:
        return answered(leases.withdraw(call.desk, transaction, call.actor, lease_id))


@router.get("/scanned", summary="What was scanned of a target, at which commit")
def scanned(call: Calling, target: _Target) -> list[Scanned]:
    """Return coverage statements, as much as those who scanned let be told."""
    with call.transaction() as transaction:
        return answered(leases.coverage_of(call.desk, transaction, call.actor, target))


@router.get("/scan-limits", summary="What maintainers allow")
def list_limits(call: Calling) -> list[Limit]:
    """Return what maintainers allow."""
    with call.transaction() as transaction:
        return leases.limits(call.desk, transaction, call.actor)


@router.post("/scan-limits", summary="Write down what the maintainers of a target allow")
def set_limit(call: Calling, body: WantedLimit) -> Limit:
    """Keep the maintainers' word."""
    wanted = Limit(**body.model_dump())
    with call.transaction() as transaction:
        return answered(leases.limit(call.desk, transaction, call.actor, wanted))


def told(one: Overlap) -> str:
    """Say in words what is told of an overlap."""
    said = [f"with {one.tool}" if one.tool else "", f"by {one.party}" if one.party else "",
            f"until {one.until:%Y-%m-%d %H:%M} UTC" if one.until else ""]  # fmt: skip
    return " ".join(["a lease", *filter(None, said)])
