"""What was determined and released: the list, and one statement for people and for machines.

Everything here comes from the signed statements themselves, so a page cannot say more than they do.
Of a clause with a sealed threshold no number stands in them.
"""

import base64
import json
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response

from clearhouse.criteria.determine import operations as determinations
from clearhouse.criteria.determine.record import Released
from clearhouse.surfaces.web.counter.front import counter_of
from clearhouse.surfaces.web.counter.refusals import NotPublicError
from clearhouse.surfaces.web.downloads import as_attachment
from clearhouse.surfaces.web.pictures.determination import IntervalRow, interval_picture
from clearhouse.surfaces.web.rendering import page

router = APIRouter(include_in_schema=False)
_Id = Annotated[str, Path(pattern="^det_[a-z2-7]{26}$")]


@router.get("/determinations")
def show_list(request: Request) -> Response:
    """List what is released, the newest first."""
    with counter_of(request).database.transaction(None) as transaction:
        found = determinations.released(transaction)
    lines = [(one, _predicate(one)) for one in found]
    values = {"door": "counter", "path": "/determinations", "lines": lines}
    return page("counter/determinations.html", values)


@router.get("/determinations/{determination_id}")
def show(request: Request, determination_id: _Id) -> Response:
    """Show one statement, with the intervals that it releases."""
    one = _released(request, determination_id)
    said = _predicate(one)
    rows = [
        IntervalRow(
            label=f"{clause['clause']}, {each['scaffold']}",
            value=each["value"],
            low=each["low"],
            high=each["high"],
            threshold=clause.get("threshold"),
            alert=clause.get("alert"),
        )
        for clause in said["clauses"]
        for each in clause.get("estimates", ())
    ]
    return page(
        "counter/determination.html",
        {
            "door": "counter",
            "path": "/determinations",
            "one": one,
            "said": said,
            "picture": interval_picture(rows) if rows else None,
        },
    )


@router.get("/determinations/{determination_id}/statement.json")
def statement(request: Request, determination_id: _Id) -> Response:
    """Send the signed statement, byte for byte."""
    one = _released(request, determination_id)
    headers = as_attachment(f"{determination_id}.dsse.json")
    return Response(one.envelope, media_type="application/json", headers=headers)


def _released(request: Request, determination_id: str) -> Released:
    with counter_of(request).database.transaction(None) as transaction:
        found = determinations.released_one(transaction, determination_id)
    if found is None:
        raise NotPublicError
    return found


def _predicate(one: Released) -> dict[str, Any]:
    payload = base64.b64decode(json.loads(one.envelope)["payload"])
    predicate: dict[str, Any] = json.loads(payload)["predicate"]
    return predicate
