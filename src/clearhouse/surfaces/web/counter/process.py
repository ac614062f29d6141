"""How this house decides, from the policies that decide; and what it brought about, in numbers.

Everything here is policy data or comes from published documents, so the pages cannot say more than
they do, and cannot differ from what is done.
"""

import json
from dataclasses import dataclass, field

from fastapi import APIRouter, Request, Response

from clearhouse.clearing.coordinate import (
    casework,
    contact_policy,
    deadlines,
    pacing,
    read_in_policy,
    read_ins,
    transparency,
)
from clearhouse.clearing.publish import operations as publish
from clearhouse.clearing.publish.house import publisher
from clearhouse.clearing.publish.numbers import Numbers, numbers
from clearhouse.clearing.validate import profiles
from clearhouse.surfaces.web.counter.front import counter_of
from clearhouse.surfaces.web.rendering import page

router = APIRouter(include_in_schema=False)


@dataclass(slots=True)
class Counted:
    """Numbers, kept until something new is public."""

    of: object = None
    numbers: Numbers = field(default_factory=lambda: numbers(()))


@router.get("/process")
def show_process() -> Response:
    """Say by which rules this house decides."""
    return page(
        "counter/process.html",
        {
            "door": "counter",
            "path": "/process",
            "house": publisher(),
            "embargo": casework.embargo_policy(),
            "read_in": read_in_policy.in_force(),
            "exceptions": read_ins.exception_policy(),
            "clocks": deadlines.in_force(),
            "contact": contact_policy.in_force(),
            "pacing": pacing.in_force(),
            "projects": profiles.profiles(),
        },
    )


@router.get("/numbers")
def show_numbers(request: Request) -> Response:
    """Say what was brought about, outcomes before volume."""
    counted: Counted = request.app.state.counted
    with counter_of(request).database.transaction(None) as transaction:
        newest = publish.newest_release(transaction)
        if counted.of != newest:
            found = publish.advisories(transaction, form="osv")
            said = numbers(json.loads(one.bodies["osv"]) for one in found)
            request.app.state.counted = counted = Counted(of=newest, numbers=said)
    most = max((count for _, count in counted.numbers.months), default=0)
    values = {"said": counted.numbers, "most": most}
    return page("counter/numbers.html", {"door": "counter", "path": "/numbers"} | values)


@router.get("/notices")
def show_notices(request: Request) -> Response:
    """List the transparency notices: that a report was made, and nothing of what it says."""
    with counter_of(request).database.transaction(None) as transaction:
        found = transparency.public(transaction)
    values = {"door": "counter", "path": "/notices", "notices": found}
    return page("counter/notices.html", values)
