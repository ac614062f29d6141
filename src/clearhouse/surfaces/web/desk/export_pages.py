"""Audit exports: files for those who check the house from outside, as far as one may read.

Every file is written while it is sent, so that a long ledger needs no memory. What the actor is not
read in to is in none of them; the ledger's own file has it as bare hashes.
"""

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Response
from fastapi.responses import StreamingResponse

from clearhouse.formats import spreadsheet
from clearhouse.kernel import activity, ledger_checking, ledger_reading
from clearhouse.kernel.ledger_reading import Wanted
from clearhouse.surfaces.web.desk.decisions import ImpossibleError
from clearhouse.surfaces.web.desk.entrance import Here, Visit
from clearhouse.surfaces.web.downloads import as_attachment

router = APIRouter(include_in_schema=False)
_Day = Annotated[str, Query(pattern=r"^(\d{4}-\d{2}-\d{2})?$")]
_Kind = Annotated[str, Query(pattern=r"^[a-z_.]{0,60}$")]
_A_DAY = timedelta(days=1)
_EVENT = ("at", "kind", "actor", "actor_id", "subject", "leaf", "event", "data")
_AGENT = ("agent", "agent_id", "party", "responsible", "last_act", "in_hour", "in_day", "kind",
          "acts_in_7_days", "older_acts_not_counted")  # fmt: skip


@router.get("/exports")
def show(here: Here) -> Response:
    """Show what can be taken away."""
    return here.page("exports.html", today=here.now.date().isoformat())


@router.get("/exports/events.csv")
def events(here: Here, since: _Day = "", until: _Day = "", kind: _Kind = "") -> Response:
    """Send the events of a time as a table; days are those of UTC, the last one included."""
    wanted = Wanted(
        kind=kind or None,
        since=_instant(since) if since else None,
        until=_instant(until) + _A_DAY if until else None,
    )
    return _table("clearhouse-events.csv", _EVENT, _events(here, wanted))


@router.get("/exports/agents.csv")
def agents(here: Here) -> Response:
    """Send what agents did in the last seven days as a table."""
    return _table("clearhouse-agents.csv", _AGENT, _agents(here))


@router.get("/exports/heads.json")
def heads(here: Here) -> Response:
    """Send signed heads, so that a later tree can be held against them."""
    with here.transaction() as transaction:
        found = ledger_checking.heads(transaction)
    document = {
        "heads": [
            {"size": one.size, "root": one.root.hex(), "tree_head": one.envelope} for one in found
        ]
    }
    return Response(
        json.dumps(document, indent=2),
        media_type="application/octet-stream",
        headers=as_attachment("clearhouse-heads.json"),
    )


def _events(here: Visit, wanted: Wanted) -> Iterator[Sequence[object]]:
    with here.transaction() as transaction:
        for one in ledger_reading.every(transaction, wanted):
            data = json.dumps(one.data, ensure_ascii=False, sort_keys=True)
            yield (one.at, one.kind, one.actor_name, one.actor_id, one.subject, one.leaf_index,
                   one.event_id, data)  # fmt: skip


def _agents(here: Visit) -> Iterator[Sequence[object]]:
    with here.transaction() as transaction:
        found = activity.agents(transaction, here.actor)
    for one in found:
        for kind, count in one.acts or (("", 0),):
            yield (one.name, one.actor_id, one.party, one.responsible, one.last_at, one.in_hour,
                   one.in_day, kind, count, "yes" if one.more else "no")  # fmt: skip


def _table(name: str, header: Sequence[str], rows: Iterator[Sequence[object]]) -> Response:
    return StreamingResponse(
        spreadsheet.lines(header, rows), media_type="text/csv", headers=as_attachment(name)
    )


def _instant(day: str) -> datetime:
    """Return the first instant of a day.

    Raises: ImpossibleError for a day that no calendar has.
    """
    try:
        return datetime.fromisoformat(day).replace(tzinfo=UTC)
    except ValueError as error:
        raise ImpossibleError(f"{day} is no day") from error
