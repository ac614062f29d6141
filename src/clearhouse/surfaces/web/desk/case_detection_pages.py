"""Rules that find the flaw of a case: for those who are read in, to see, to add and to end.

In: forms. Out: the page of a case's rules, and each rule as a download. Refused: who may not, as
what does not exist; a rule that does not fire on its sample, with every reason on the page.
"""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Form, Response, UploadFile
from fastapi import File as Uploaded
from fastapi.responses import RedirectResponse

from clearhouse.clearing.publish import detections
from clearhouse.clearing.publish.detections import (
    ENDINGS,
    MOST_RULE,
    MOST_SAMPLE,
    MOST_TELEMETRY,
    OPEN,
    Content,
    DetectionRefusedError,
    Kind,
    Leak,
)
from clearhouse.handoffs import keep_detection
from clearhouse.surfaces.web.desk.addresses import CaseAddress, DetectionAddress
from clearhouse.surfaces.web.desk.entrance import Act, Here, NotHereError, Visit
from clearhouse.surfaces.web.downloads import as_attachment

router = APIRouter(include_in_schema=False)
_REVEALS = {
    Leak.L0: "nothing of the flaw: everybody, with the advisory",
    Leak.L1: "which product and what kind of flaw: everybody, with the advisory",
    Leak.L2: "what triggers it: those who are read in",
    Leak.L3: "how to use it: those who are read in",
}


@router.get("/cases/{case_id}/detections")
def show(here: Here, case_id: CaseAddress) -> Response:
    """Show the rules of a case."""
    return _page(here, case_id)


@router.post("/cases/{case_id}/detections")
def add(
    here: Act,
    case_id: CaseAddress,
    kind: Annotated[Kind, Form()],
    leak: Annotated[Leak, Form()],
    expires_on: Annotated[date, Form()],
    telemetry: Annotated[str, Form(max_length=MOST_TELEMETRY)],
    rule: Annotated[UploadFile, Uploaded()],
    sample: Annotated[UploadFile, Uploaded()],
) -> Response:
    """Try a rule on its sample and keep it."""
    # One byte more than allowed is enough to be refused.
    content = Content(
        rule=rule.file.read(MOST_RULE + 1).decode("utf-8", "replace"),
        sample=sample.file.read(MOST_SAMPLE + 1),
        sample_name=(sample.filename or "sample")[-200:],
        telemetry=telemetry,
    )
    try:
        keep_detection(
            here.desk,
            here.actor,
            case_id,
            kind=kind,
            leak=leak,
            expires_on=expires_on,
            content=content,
        )
    except DetectionRefusedError as error:
        return _page(here, case_id, refused=str(error), status=409)
    return RedirectResponse(f"/cases/{case_id}/detections", status_code=303)


@router.post("/cases/{case_id}/detections/{detection_id}/expire")
def expire(here: Act, case_id: CaseAddress, detection_id: DetectionAddress) -> Response:
    """Let a rule be good no longer."""
    try:
        with here.transaction() as transaction:
            detections.expire(here.desk, transaction, here.actor, case_id, detection_id)
    except DetectionRefusedError as error:
        return _page(here, case_id, refused=str(error), status=409)
    return RedirectResponse(f"/cases/{case_id}/detections", status_code=303)


@router.get("/cases/{case_id}/detections/{detection_id}")
def rule(here: Here, case_id: CaseAddress, detection_id: DetectionAddress) -> Response:
    """Hand one rule out, as a download that no browser opens."""
    with here.transaction() as transaction:
        found = detections.of_case(here.desk, transaction, here.actor, case_id)
    for one in found:
        if one.detection_id == detection_id:
            return Response(
                one.content.rule,
                media_type="text/plain; charset=utf-8",
                headers=as_attachment(f"{detection_id}{ENDINGS[one.kind]}"),
            )
    raise NotHereError


def _page(here: Visit, case_id: str, *, refused: str | None = None, status: int = 200) -> Response:
    with here.transaction() as transaction:
        found = detections.of_case(here.desk, transaction, here.actor, case_id)
    return here.page(
        "case-detections.html",
        case_id=case_id,
        detections=found,
        today=here.now.date(),
        open_classes=OPEN,
        reveals=_REVEALS,
        kinds=list(Kind),
        may=[one for one in ("detection.add", "detection.expire") if _may(here, one)],
        refused=refused,
        status=status,
    )


def _may(here: Visit, act: str) -> bool:
    return here.desk.authority.may(here.actor, act).allowed
