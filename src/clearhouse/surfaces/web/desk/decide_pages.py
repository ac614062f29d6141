"""Pairs that wait for a person, one after the other: read, press one key, and the next one opens.

Each word is an operation of match under the actor who gave it. After it the next pair opens, with a
notice by which the last word is taken back.
"""

from collections.abc import Mapping
from typing import Annotated, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query, Response
from fastapi.responses import RedirectResponse

from clearhouse.clearing.match import deciding
from clearhouse.clearing.match import operations as match
from clearhouse.clearing.match.record import Relation
from clearhouse.kernel.ids import ReportId
from clearhouse.surfaces.web.desk import decisions
from clearhouse.surfaces.web.desk.addresses import EdgeAddress
from clearhouse.surfaces.web.desk.decide_view import decide_view
from clearhouse.surfaces.web.desk.entrance import Act, Here, Visit

router = APIRouter(include_in_schema=False)
_Edge = Annotated[str | None, Query(pattern="^edg_[a-z2-7]{26}$")]
_Id = Annotated[str, Form(pattern="^[a-z]{3}_[a-z2-7]{26}$")]
_Note = Annotated[str, Form(max_length=2000)]
_UNSAID = "decided at the desk, without a note"


@router.get("/decide")
def begin(here: Here, after: _Edge = None, said: _Edge = None, of: _Edge = None) -> Response:
    """Lead to the likeliest undecided pair, or say that there is none."""
    with here.transaction() as transaction:
        found = deciding.next_undecided(transaction, after=after)
        if found is None:
            left = deciding.count_undecided(transaction) if after else 0
            word = deciding.told(transaction, said) if said else None
            return here.page("decide-none.html", skipped=left, said=word, of=of)
    return _to(found, _memory(said, of))


@router.get("/decide/{edge_id}")
def show(here: Here, edge_id: EdgeAddress, said: _Edge = None, of: _Edge = None) -> Response:
    """Show a pair with what speaks for and against, and the last word to take back."""
    with here.transaction() as transaction:
        view = decide_view(here.desk, transaction, here.actor, edge_id)
        waiting = deciding.count_undecided(transaction)
        word = deciding.told(transaction, said) if said else None
    return here.page(
        "decide.html", view=view, waiting=waiting, most=deciding.COUNTED, said=word, of=of
    )


@router.post("/decide/{edge_id}/split")
def split(here: Act, edge_id: EdgeAddress, report: _Id, note: _Note = "") -> Response:
    """Part a report from the others of its finding, and stay with the pair."""
    with here.transaction() as transaction:
        whole = match.finding_of(transaction, ReportId(report))
        decisions.split(
            here.desk, transaction, here.actor, whole, [ReportId(report)], note=note or _UNSAID
        )
    return _to(edge_id)


@router.post("/decide/{edge_id}/undo/{said}")
def undo(here: Act, edge_id: EdgeAddress, said: EdgeAddress) -> Response:
    """Take a word back, and show the pair that it was about."""
    with here.transaction() as transaction:
        decisions.undo(here.desk, transaction, here.actor, said)
    return _to(edge_id)


@router.post("/decide/{edge_id}/{word}")
def say(
    here: Act,
    edge_id: EdgeAddress,
    word: Literal["same", "sibling", "different"],
    note: _Note = "",
) -> Response:
    """Write down what somebody says about the pair, and open the next one."""
    with here.transaction() as transaction:
        said = decisions.say(
            here.desk, transaction, here.actor, edge_id, Relation(word), note=note or _UNSAID
        )
    return _next(here, edge_id, said)


def _next(here: Visit, edge_id: str, said: str | None) -> Response:
    with here.transaction() as transaction:
        found = deciding.next_undecided(transaction, after=edge_id)
    memory = _memory(said, edge_id)
    if found is None:
        return RedirectResponse(f"/decide?{urlencode({'after': edge_id, **memory})}", 303)
    return _to(found, memory)


def _memory(said: str | None, of: str | None) -> Mapping[str, str]:
    """Return what the next page must know so that the last word can be taken back."""
    return {"said": said, "of": of} if said and of else {}


def _to(edge_id: str, memory: Mapping[str, str] | None = None) -> Response:
    query = f"?{urlencode(memory)}" if memory else ""
    return RedirectResponse(f"/decide/{edge_id}{query}", status_code=303)
