"""The ledger for people: its signed head, the events one may read, proofs, a check, an export."""

import json
import time
from collections.abc import Iterator
from typing import Annotated

from fastapi import APIRouter, Query, Response
from fastapi.responses import StreamingResponse

from clearhouse.kernel import ledger, ledger_export, ledger_reading
from clearhouse.kernel.ids import EventId
from clearhouse.kernel.ledger_export import Verification
from clearhouse.surfaces.web.desk.addresses import EventAddress
from clearhouse.surfaces.web.desk.entrance import Act, Here, NotHereError, Visit
from clearhouse.surfaces.web.downloads import as_attachment
from clearhouse.surfaces.web.pages import Pages

router = APIRouter(include_in_schema=False)
_EVENTS = 50
_Before = Annotated[str | None, Query(pattern="^evt_[a-z2-7]{26}$")]


@router.get("/ledger")
def show(here: Here, before: _Before = None) -> Response:
    """Show the newest signed head and the events that this actor may read."""
    return _page(here, before)


@router.post("/ledger/verify")
def verify(here: Act) -> Response:
    """Read the whole chain again and say whether it holds."""
    begin = time.monotonic()
    key = here.desk.keys.signing_key().public_key()
    with here.transaction() as transaction:
        result = ledger_export.verify(ledger_export.export(transaction, key), key)
    return _page(here, None, checked=result, seconds=time.monotonic() - begin)


@router.get("/ledger/export")
def export(here: Here) -> Response:
    """Send the ledger as one file that an outsider verifies alone."""
    lines = _lines(here)
    return StreamingResponse(
        lines,
        media_type="application/octet-stream",
        headers=as_attachment("clearhouse-ledger.jsonl"),
    )


@router.get("/ledger/events/{event_id}")
def event(here: Here, event_id: EventAddress) -> Response:
    """Show one event with everything that it says."""
    with here.transaction() as transaction:
        found = ledger_reading.event(transaction, EventId(event_id))
        if found is None:
            raise NotHereError
        proof = ledger.prove(transaction, found.event_id)
    data = json.dumps(found.data, indent=2, ensure_ascii=False)
    return here.page("event.html", event=found, data=data, proof=proof)


@router.get("/ledger/events/{event_id}/proof")
def proof(here: Here, event_id: EventAddress) -> Response:
    """Send the proof that an event is in the signed tree."""
    with here.transaction() as transaction:
        found = ledger.prove(transaction, EventId(event_id))
    if found is None:
        raise NotHereError
    return Response(
        json.dumps(found.as_json(), indent=2),
        media_type="application/octet-stream",
        headers=as_attachment(f"{event_id}.proof.json"),
    )


def _page(
    here: Visit,
    before: str | None,
    *,
    checked: Verification | None = None,
    seconds: float = 0.0,
) -> Response:
    with here.transaction() as transaction:
        head = ledger.head(transaction)
        events = ledger_reading.newest(
            transaction, before=EventId(before) if before else None, limit=_EVENTS + 1
        )
    pages = Pages(
        said=f"{min(len(events), _EVENTS)} events",
        before="/ledger" if before else None,
        after=f"/ledger?before={events[_EVENTS - 1].event_id}" if len(events) > _EVENTS else None,
    )
    return here.page(
        "ledger.html",
        head=head,
        events=events[:_EVENTS],
        pages=pages,
        checked=checked,
        seconds=seconds,
    )


def _lines(here: Visit) -> Iterator[str]:
    key = here.desk.keys.signing_key().public_key()
    with here.transaction() as transaction:
        for line in ledger_export.export(transaction, key):
            yield f"{line}\n"
