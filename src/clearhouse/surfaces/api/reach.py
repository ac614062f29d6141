"""How many operators each advisory reached, at the desk's API.

In: requests with a desk token of somebody who may read it. Out: rounded numbers. Refused: an id
that is not public (404).
"""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path

from clearhouse.clearing.deliver import acknowledging
from clearhouse.clearing.deliver.acknowledging import NoSuchAdvisoryError, Released
from clearhouse.formats.osv import instant
from clearhouse.surfaces.api.desk import _PROBLEM, Calling, bearer_scheme
from clearhouse.surfaces.api.problems import ProblemError

router = APIRouter(
    prefix="/v1/desk/reach",
    tags=["reach"],
    dependencies=[Depends(bearer_scheme)],
    responses={"4XX": _PROBLEM, "5XX": _PROBLEM},
)
_Id = Annotated[str, Path(pattern=r"^CLR-[0-9]{4}-[0-9]{5,12}$")]


@router.get("", summary="How many operators each advisory reached")
def all_of_them(call: Calling) -> dict[str, Any]:
    """Return the newest numbers of every public advisory."""
    with call.transaction() as transaction:
        found = acknowledging.reach_of_all(call.desk, transaction, call.actor)
    return {"advisories": [as_json(one) for one in found]}


@router.get("/{advisory_id}", summary="How many operators an advisory reached")
def one(call: Calling, advisory_id: _Id) -> dict[str, Any]:
    """Return the newest numbers of one advisory."""
    try:
        with call.transaction() as transaction:
            return as_json(acknowledging.reach_of(call.desk, transaction, call.actor, advisory_id))
    except NoSuchAdvisoryError as error:
        raise ProblemError(404, "no public advisory has this id") from error


def as_json(one: Released) -> dict[str, Any]:
    """Return the numbers of one advisory as a JSON object."""
    return {
        "advisory": one.advisory_id,
        "published": one.published.isoformat(),
        "releases": one.number,
        "released_at": None if one.released_at is None else instant(one.released_at),
        "reach": None if one.reach is None else one.reach.as_json(),
    }
