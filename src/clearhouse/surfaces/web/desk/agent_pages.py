"""Activity of agents: which of them did what, for whom, how often, as the ledger has it."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from clearhouse.kernel import activity, ledger_reading
from clearhouse.kernel.ids import ActorId, EventId
from clearhouse.kernel.ledger_reading import Wanted
from clearhouse.surfaces.web.desk.addresses import ActorAddress
from clearhouse.surfaces.web.desk.entrance import Here, NotHereError
from clearhouse.surfaces.web.pages import Pages
from clearhouse.surfaces.web.pictures.hours import hour_bars

router = APIRouter(include_in_schema=False)
_EVENTS = 50
_Before = Annotated[str | None, Query(pattern="^evt_[a-z2-7]{26}$")]


@router.get("/agents")
def show_list(here: Here) -> Response:
    """Show the agents of whose acts this actor may know."""
    with here.transaction() as transaction:
        found = activity.agents(transaction, here.actor)
    return here.page("agents.html", agents=found)


@router.get("/agents/{actor_id}")
def show(here: Here, actor_id: ActorAddress, before: _Before = None) -> Response:
    """Show what one agent did, as far as this actor may know."""
    who = ActorId(actor_id)
    with here.transaction() as transaction:
        found = activity.agent(transaction, here.actor, who)
        if found is None:
            raise NotHereError
        hours = activity.by_hour(transaction, who)
        tokens = activity.tokens_of(transaction, here.actor, who)
        events = ledger_reading.newest(
            transaction,
            before=EventId(before) if before else None,
            limit=_EVENTS + 1,
            wanted=Wanted(actor_id=who),
        )
    more = len(events) > _EVENTS
    pages = Pages(
        said=f"{min(len(events), _EVENTS)} acts",
        before=f"/agents/{who}" if before else None,
        after=f"/agents/{who}?before={events[_EVENTS - 1].event_id}" if more else None,
    )
    return here.page(
        "agent.html",
        agent=found,
        hours=hour_bars(hours),
        tokens=tokens,
        events=events[:_EVENTS],
        pages=pages,
    )
