"""Rules that find a flaw: for those who are read in at the desk, and for everybody at the counter.

In: at the desk, a rule with its sample, on which it is tried; at the counter, an advisory's id.
Out: JSON. Refused: a rule that does not fire on its sample (422, with every fault); what is not
there or not for this actor (404).
"""

import base64
import binascii
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Path
from pydantic import Field

from clearhouse.clearing.publish import detections
from clearhouse.clearing.publish.detections import (
    Content,
    Detection,
    DetectionRefusedError,
    Kind,
    Leak,
)
from clearhouse.handoffs import keep_detection
from clearhouse.kernel.services import Counter
from clearhouse.surfaces.api.acts import Closed
from clearhouse.surfaces.api.desk import _PROBLEM, Calling, bearer_scheme
from clearhouse.surfaces.api.problems import ProblemError, described
from clearhouse.surfaces.web.desk.addresses import CaseAddress, DetectionAddress

router = APIRouter(
    prefix="/v1/desk/cases/{case_id}/detections",
    tags=["cases"],
    dependencies=[Depends(bearer_scheme)],
    responses={"4XX": _PROBLEM, "5XX": _PROBLEM},
)
_AdvisoryId = Annotated[str, Path(pattern=r"^CLR-[0-9]{4}-[0-9]{5,12}$")]


class Rule(Closed):
    """A rule with its sample, what it needs, what it reveals, and until when it is good."""

    kind: Kind
    leak: Leak
    expires_on: date
    telemetry: Annotated[str, Field(min_length=1, max_length=detections.MOST_TELEMETRY)]
    rule: Annotated[str, Field(min_length=1, max_length=detections.MOST_RULE)]
    sample: Annotated[str, Field(max_length=2 * detections.MOST_SAMPLE)]
    """Base64."""
    sample_name: Annotated[str, Field(max_length=200)] = "sample"


@router.post("", summary="Keep a rule that finds the flaw", status_code=201)
def add(call: Calling, case_id: CaseAddress, body: Rule) -> dict[str, str]:
    """Try a rule on its sample and keep it."""
    try:
        sample = base64.b64decode(body.sample, validate=True)
    except binascii.Error as error:
        raise ProblemError(422, "sample: is no base64") from error
    try:
        id_, seen = keep_detection(
            call.desk,
            call.actor,
            case_id,
            kind=body.kind,
            leak=body.leak,
            expires_on=body.expires_on,
            content=Content(
                rule=body.rule,
                sample=sample,
                sample_name=body.sample_name,
                telemetry=body.telemetry,
            ),
        )
    except DetectionRefusedError as error:
        raise ProblemError(422, str(error)) from error
    return {"detection": id_, "fires_on_its_sample": seen.fires, "how": seen.how}


@router.post("/{detection_id}/expire", summary="Let a rule be good no longer")
def expire(call: Calling, case_id: CaseAddress, detection_id: DetectionAddress) -> dict[str, str]:
    """Let a rule expire today; it leaves the public feed with the next change."""
    try:
        with call.transaction() as transaction:
            detections.expire(call.desk, transaction, call.actor, case_id, detection_id)
    except DetectionRefusedError as error:
        raise ProblemError(409, str(error)) from error
    return {"detection": detection_id, "state": "expired"}


@router.get("", summary="The rules of a case")
def of_case(call: Calling, case_id: CaseAddress) -> dict[str, Any]:
    """Return the rules of a case to those who are read in."""
    with call.transaction() as transaction:
        found = detections.of_case(call.desk, transaction, call.actor, case_id)
    return {"detections": [as_json(one) for one in found]}


def as_json(one: Detection) -> dict[str, Any]:
    """Return a rule of a case as a JSON object, without its sample."""
    return {
        "id": one.detection_id,
        "kind": one.kind,
        "leak": one.leak,
        "expires_on": one.expires_on.isoformat(),
        "fires_on_its_sample": one.fires,
        "how": one.content.how,
        "telemetry": one.content.telemetry,
        "rule": one.content.rule,
        "public": one.released_at is not None,
    }


def add_detections(app: FastAPI, counter: Counter) -> None:
    """Let an application give out the rules of advisories that reveal little."""

    @app.get(
        "/v1/advisories/{advisory_id}/detections",
        summary="Rules that find the flaw of an advisory",
        responses=described(404, 422, 503),
    )
    def public(advisory_id: _AdvisoryId) -> dict[str, Any]:
        with counter.database.transaction(None) as transaction:
            found = detections.public(transaction, advisory_id)
        return {"detections": detections.as_json(found)}
