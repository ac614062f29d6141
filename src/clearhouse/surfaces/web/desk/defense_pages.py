"""Defense at the desk: result cards of one's organisation, and pools over many networks."""

import json
from typing import Annotated

from fastapi import APIRouter, Response, UploadFile
from fastapi import File as Uploaded
from fastapi.responses import RedirectResponse

from clearhouse.defense.compare.card import Card
from clearhouse.defense.compare.refusal import CardError
from clearhouse.defense.keep import operations as keep
from clearhouse.defense.keep.record import Pool
from clearhouse.defense.keep.refusal import TooFewNetworksError
from clearhouse.formats.dsse import UntrustedEnvelopeError
from clearhouse.kernel import identity, ledger_reading
from clearhouse.surfaces.web import defense_shared_view as sums
from clearhouse.surfaces.web.defense_view import page_values
from clearhouse.surfaces.web.desk.addresses import CardAddress, PoolAddress
from clearhouse.surfaces.web.desk.entrance import Act, Here, Visit

router = APIRouter(include_in_schema=False)
_MOST_BYTES = 8 << 20


@router.get("/defense")
def overview(here: Here) -> Response:
    """Show the cards and pools that this actor may read."""
    return _overview(here)


@router.post("/defense/cards")
def hand_in(here: Act, card: Annotated[UploadFile | None, Uploaded()] = None) -> Response:
    """Keep a signed card."""
    try:
        envelope = json.loads(b"" if card is None else card.file.read(_MOST_BYTES))
        with here.transaction() as transaction:
            card_id = keep.hand_in(here.desk, transaction, here.actor, envelope)
    except (ValueError, RecursionError) as error:
        known = isinstance(error, CardError | UntrustedEnvelopeError)
        return _overview(here, refused=str(error) if known else "this file is no JSON", status=422)
    return RedirectResponse(f"/defense/cards/{card_id}", status_code=303)


@router.get("/defense/cards/{card_id}")
def card(here: Here, card_id: CardAddress) -> Response:
    """Show one card with its pictures."""
    with here.transaction() as transaction:
        file = keep.card_file(here.desk, transaction, card_id)
        names = identity.party_names(transaction, [file.kept.party_id])
        events = ledger_reading.history(transaction, (card_id,))
    kept, organisation = file.kept, names.get(file.kept.party_id, "")
    if isinstance(file.content, Card):
        shown = page_values(file.content) | {"kept": kept, "organisation": organisation}
        return here.page("defense-whole.html", **shown, events=events)  # type: ignore[arg-type] # none is the status
    return here.page(
        "defense-shared.html",
        kept=kept,
        organisation=organisation,
        shared=file.content,
        rows=sums.shared_rows(file.content),
        picture=sums.shared_picture(file.content),
        events=events,
    )


@router.post("/defense/pools")
def release(here: Act) -> Response:
    """Let every operator read what is pooled now."""
    try:
        with here.transaction() as transaction:
            pool_id = keep.release(here.desk, transaction, here.actor)
    except TooFewNetworksError as error:
        return _overview(here, refused=str(error), status=409)
    return RedirectResponse(f"/defense/pools/{pool_id}", status_code=303)


@router.get("/defense/pools/{pool_id}")
def pool(here: Here, pool_id: PoolAddress) -> Response:
    """Show one pool."""
    with here.transaction() as transaction:
        found = keep.pool(here.desk, transaction, pool_id)
        events = ledger_reading.history(transaction, (pool_id,))
    return here.page(
        "defense-pool.html",
        found=found,
        rows=sums.pool_rows(found.pool),
        picture=sums.pool_picture(found.pool),
        techniques=sums.technique_rows(found.pool.tools),
        events=events,
    )


def _overview(here: Visit, *, refused: str | None = None, status: int = 200) -> Response:
    may = {
        act for act in (keep.HAND_IN, keep.POOL) if here.desk.authority.may(here.actor, act).allowed
    }
    with here.transaction() as transaction:
        cards = keep.cards(transaction)
        pools = keep.pools(here.desk, transaction)
        names = identity.party_names(transaction, sorted({one.party_id for one in cards}))
    now, why_not = _pool_now(here) if keep.POOL in may else (None, None)
    return here.page(
        "defense.html",
        cards=cards, pools=pools, names=names, now_pooled=now, why_not=why_not,
        may_hand_in=keep.HAND_IN in may, refused=refused, status=status,
    )  # fmt: skip


def _pool_now(here: Visit) -> tuple[Pool | None, str | None]:
    """Return what would be released, or why nothing would."""
    try:
        with here.transaction() as transaction:
            return keep.pooled(here.desk, transaction, here.actor), None
    except TooFewNetworksError as error:
        return None, str(error)
