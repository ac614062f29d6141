"""The ledger for people: its signed head, the events one may read, proofs, a check, an export."""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Response
from fastapi.responses import StreamingResponse

from clearhouse.kernel import ledger, ledger_checking, ledger_export, ledger_reading
from clearhouse.kernel.ids import EventId
from clearhouse.kernel.ledger_checking import Earlier
from clearhouse.kernel.ledger_export import Verification
from clearhouse.kernel.ledger_reading import Event, Wanted
from clearhouse.surfaces.web.desk.addresses import EventAddress
from clearhouse.surfaces.web.desk.entrance import Act, Here, NotHereError, Visit
from clearhouse.surfaces.web.downloads import as_attachment
from clearhouse.surfaces.web.pages import Pages

router = APIRouter(include_in_schema=False)
_EVENTS = 50
_Before = Annotated[str | None, Query(pattern="^evt_[a-z2-7]{26}$")]
_Kind = Annotated[str, Query(pattern=r"^[a-z_. -]{0,60}$")]
_Id = Annotated[str, Query(pattern=r"^[A-Za-z0-9_:. -]{0,80}$")]
_Size = Annotated[int | None, Query(ge=1, le=10**15)]
_Root = Annotated[str, Query(pattern="^([0-9a-f]{64})?$")]


@router.get("/ledger")
def show(
    here: Here, before: _Before = None, kind: _Kind = "", who: _Id = "", about: _Id = ""
) -> Response:
    """Show the newest signed head and the events that this actor may read."""
    asked = {"kind": kind.strip(), "who": who.strip(), "about": about.strip()}
    wanted = Wanted(
        kind=asked["kind"] or None, actor_id=asked["who"] or None, subject=asked["about"] or None
    )
    with here.transaction() as transaction:
        head = ledger.head(transaction)
        events = ledger_reading.newest(
            transaction,
            before=EventId(before) if before else None,
            limit=_EVENTS + 1,
            wanted=wanted,
        )
    return here.page(
        "ledger.html",
        head=head,
        events=events[:_EVENTS],
        pages=_pages(events, before, {name: value for name, value in asked.items() if value}),
        asked=asked,
    )


@router.get("/ledger/check")
def check(here: Here, size: _Size = None, root: _Root = "") -> Response:
    """Check signature and growth of the newest head, against earlier heads and one's own copy."""
    return _checks(here, Earlier(size=size, root=bytes.fromhex(root)) if size and root else None)


@router.post("/ledger/verify")
def verify(here: Act) -> Response:
    """Read the whole chain again and say whether it holds."""
    begin = time.monotonic()
    key = here.desk.keys.signing_key().public_key()
    with here.transaction() as transaction:
        result = ledger_export.verify(ledger_export.export(transaction, key), key)
    return _checks(here, None, whole=result, seconds=time.monotonic() - begin)


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
    key = here.desk.keys.signing_key().public_key()
    checks = ledger_checking.check_event(proof, key) if proof else ()
    data = json.dumps(found.data, indent=2, ensure_ascii=False)
    return here.page("event.html", event=found, data=data, proof=proof, checks=checks)


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


def _checks(
    here: Visit,
    mine: Earlier | None,
    *,
    whole: Verification | None = None,
    seconds: float = 0.0,
) -> Response:
    key = here.desk.keys.signing_key().public_key()
    with here.transaction() as transaction:
        heads = ledger_checking.heads(transaction)
        growth = [
            (one, ledger_checking.check_growth(transaction, Earlier(size=one.size, root=one.root)))
            for one in heads[1:]
        ]
        own = ledger_checking.check_growth(transaction, mine) if mine else None
    return here.page(
        "ledger-check.html",
        head=heads[0] if heads else None,
        signature=ledger_checking.check_head(heads[0], key) if heads else None,
        growth=growth,
        mine=mine,
        own=own,
        whole=whole,
        seconds=seconds,
        key=key.public_bytes_raw().hex(),
    )


def _pages(events: Sequence[Event], before: str | None, kept: Mapping[str, str]) -> Pages:
    last = events[_EVENTS - 1].event_id if len(events) > _EVENTS else None
    query = urlencode(kept)
    return Pages(
        said=f"{min(len(events), _EVENTS)} events",
        before=f"/ledger?{query}".rstrip("?") if before else None,
        after=f"/ledger?{urlencode({**kept, 'before': last})}" if last else None,
    )


def _lines(here: Visit) -> Iterator[str]:
    key = here.desk.keys.signing_key().public_key()
    with here.transaction() as transaction:
        for line in ledger_export.export(transaction, key):
            yield f"{line}\n"
