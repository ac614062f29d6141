"""Cases: who may read one, what waits for a second person, and who was given what."""

from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Form, Response

from clearhouse.clearing.coordinate import copies, read_in_log, read_ins
from clearhouse.kernel import identity
from clearhouse.kernel.ids import ActorId, PartyId
from clearhouse.surfaces.web.desk.addresses import CaseAddress
from clearhouse.surfaces.web.desk.case_pages import answer
from clearhouse.surfaces.web.desk.entrance import Act, Here
from clearhouse.surfaces.web.downloads import as_attachment

router = APIRouter(include_in_schema=False)
_Who = Annotated[str, Form(pattern="^act_[a-z2-7]{26}$")]
_Why = Annotated[str, Form(min_length=1, max_length=400)]
_Number = Annotated[int, Form(ge=0, le=9999)]
_YesNo = Annotated[Literal["yes", "no"], Form()]


@router.post("/cases/{case_id}/decide")
def decide(
    here: Act, case_id: CaseAddress, number: _Number, grant: _YesNo, because: _Why
) -> Response:
    """Grant or refuse what somebody else asked for."""
    with here.transaction() as transaction:
        done = read_ins.decide(
            here.desk,
            transaction,
            here.actor,
            case_id,
            number=number,
            grant=grant == "yes",
            because=because,
        )
    return answer(here, case_id, done)


@router.post("/cases/{case_id}/review")
def review(
    here: Act, case_id: CaseAddress, number: _Number, upheld: _YesNo, because: _Why
) -> Response:
    """Say whether an emergency read-in was right."""
    with here.transaction() as transaction:
        done = read_ins.review(
            here.desk,
            transaction,
            here.actor,
            case_id,
            number=number,
            upheld=upheld == "yes",
            because=because,
        )
    return answer(here, case_id, done)


@router.post("/cases/{case_id}/exception")
def ask_exception(
    here: Act,
    case_id: CaseAddress,
    rule: Annotated[str, Form(max_length=100)],
    until: Annotated[datetime, Form()],
    reason: _Why,
) -> Response:
    """Ask that a rule be set aside; a time without a zone is UTC, as the page says."""
    instant = until if until.tzinfo else until.replace(tzinfo=UTC)
    with here.transaction() as transaction:
        done = read_ins.ask_exception(
            here.desk, transaction, here.actor, case_id, rule=rule, until=instant, reason=reason
        )
    return answer(here, case_id, done)


@router.post("/cases/{case_id}/conflict")
def conflict(here: Act, case_id: CaseAddress, who: _Who, what: _Why) -> Response:
    """Keep somebody out; who declares its own is shown the list without the case."""
    with here.transaction() as transaction:
        done = read_ins.declare_conflict(
            here.desk, transaction, here.actor, case_id, who=who, what=what
        )
    return answer(here, case_id, done)


@router.post("/cases/{case_id}/conflict-lift")
def conflict_lift(here: Act, case_id: CaseAddress, who: _Who, because: _Why) -> Response:
    """End a conflict of interest of somebody else."""
    with here.transaction() as transaction:
        done = read_ins.lift_conflict(
            here.desk, transaction, here.actor, case_id, who=who, because=because
        )
    return answer(here, case_id, done)


@router.get("/cases/{case_id}/read-in-log.csv")
def log(here: Here, case_id: CaseAddress) -> Response:
    """Hand the log of read-ins out."""
    with here.transaction() as transaction:
        rows = read_ins.log(here.desk, transaction, here.actor, case_id)
    return Response(
        read_in_log.as_csv(rows), media_type="text/csv", headers=as_attachment("read-in-log.csv")
    )


@router.get("/cases/{case_id}/copies")
def show_copies(here: Here, case_id: CaseAddress) -> Response:
    """Show who was given what."""
    with here.transaction() as transaction:
        found = copies.seen(here.desk, transaction, here.actor, case_id)
        names = identity.actor_names(transaction, [ActorId(one.actor_id) for one in found])
        parties = identity.party_names(transaction, [PartyId(one.party_id) for one in found])
    return here.page("copies.html", case_id=case_id, copies=found, names=names, parties=parties)
