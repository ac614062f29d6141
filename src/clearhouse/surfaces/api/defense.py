"""Defense at the desk's API: result cards of one's organisation, and what was pooled of all.

The same operations as the pages and the command line, under the same token of the scope `desk`.
Source: DSSE v1.0 for cards; RFC 9457 for refusals.
"""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from clearhouse.defense.compare.card import Card
from clearhouse.defense.compare.refusal import CardError
from clearhouse.defense.compare.sharing import Shared
from clearhouse.defense.keep import operations as keep
from clearhouse.defense.keep.record import CardFile, KeptCard, Pool, ReleasedPool
from clearhouse.defense.keep.refusal import KeyTakenError, TooFewNetworksError
from clearhouse.formats.dsse import UntrustedEnvelopeError, public_key
from clearhouse.kernel.ids import PartyId
from clearhouse.surfaces.api.desk import Calling, Limit, bearer_scheme
from clearhouse.surfaces.api.problems import MEDIA_TYPE, SCHEMA, ProblemError
from clearhouse.surfaces.web.desk.addresses import CardAddress, PoolAddress

_PROBLEM = {"description": "refused, and why", "content": {MEDIA_TYPE: {"schema": SCHEMA}}}
router = APIRouter(
    prefix="/v1/desk/defense",
    tags=["defense"],
    dependencies=[Depends(bearer_scheme)],
    responses={"4XX": _PROBLEM, "5XX": _PROBLEM},
)


@dataclass(frozen=True, kw_only=True, slots=True)
class CardAnswer:
    """One card: either whole or shared."""

    kept: KeptCard
    whole: Card | None
    shared: Shared | None


@dataclass(frozen=True, kw_only=True, slots=True)
class KeptAnswer:
    """The id of something that is kept now."""

    id: str


class SpeakingKey(BaseModel):
    """A key, and for whom it speaks."""

    model_config = ConfigDict(extra="forbid")
    organisation: Annotated[str, Field(pattern="^pty_[a-z2-7]{26}$")]
    key: Annotated[str, Field(min_length=1, max_length=100)]
    """Base64 of the 32 bytes of an Ed25519 public key."""


@router.get("/cards", summary="Kept cards, newest first")
def list_cards(call: Calling, limit: Limit = 50) -> list[KeptCard]:
    """List the cards that the actor may read."""
    with call.transaction() as transaction:
        return keep.cards(transaction, limit=limit)


@router.post("/cards", summary="Hand in a signed card: the body is a DSSE envelope")
def hand_in(call: Calling, body: dict[str, JsonValue]) -> KeptAnswer:
    """Keep a card of the actor's organisation."""
    try:
        with call.transaction() as transaction:
            return KeptAnswer(id=keep.hand_in(call.desk, transaction, call.actor, body))
    except (CardError, UntrustedEnvelopeError) as error:
        raise ProblemError(422, str(error)) from error


@router.get("/cards/{card_id}", summary="One card, with every number that it holds")
def one_card(call: Calling, card_id: CardAddress) -> CardAnswer:
    """Return a card."""
    with call.transaction() as transaction:
        return _answer(keep.card_file(call.desk, transaction, card_id))


@router.post("/keys", summary="Let a key speak for an organisation")
def trust(call: Calling, body: SpeakingKey) -> KeptAnswer:
    """Trust a key."""
    try:
        key = public_key(body.key)
    except ValueError as error:
        raise ProblemError(422, str(error)) from error
    party = PartyId(body.organisation)
    try:
        with call.transaction() as transaction:
            return KeptAnswer(id=keep.trust_key(call.desk, transaction, call.actor, party, key))
    except KeyTakenError as error:
        raise ProblemError(409, str(error)) from error


@router.post("/keys/{key_id}/end", summary="Believe a key no more")
def end_key(call: Calling, key_id: Annotated[str, Path(pattern="^[0-9a-f]{64}$")]) -> KeptAnswer:
    """End a key."""
    with call.transaction() as transaction:
        keep.end_key(call.desk, transaction, call.actor, key_id)
    return KeptAnswer(id=key_id)


@router.get("/pool", summary="What would be released now")
def pool_now(call: Calling) -> Pool:
    """Pool what was shared."""
    try:
        with call.transaction() as transaction:
            return keep.pooled(call.desk, transaction, call.actor)
    except TooFewNetworksError as error:
        raise ProblemError(409, str(error)) from error


@router.get("/pools", summary="Released pools, newest first")
def list_pools(call: Calling, limit: Limit = 20) -> list[ReleasedPool]:
    """List the pools that the actor may read."""
    with call.transaction() as transaction:
        return keep.pools(call.desk, transaction, limit=limit)


@router.post("/pools", summary="Let every operator read what is pooled now")
def release(call: Calling) -> KeptAnswer:
    """Release a pool."""
    try:
        with call.transaction() as transaction:
            return KeptAnswer(id=keep.release(call.desk, transaction, call.actor))
    except TooFewNetworksError as error:
        raise ProblemError(409, str(error)) from error


@router.get("/pools/{pool_id}", summary="One released pool")
def one_pool(call: Calling, pool_id: PoolAddress) -> ReleasedPool:
    """Return a pool."""
    with call.transaction() as transaction:
        return keep.pool(call.desk, transaction, pool_id)


def _answer(found: CardFile) -> CardAnswer:
    content = found.content
    return CardAnswer(
        kept=found.kept,
        whole=content if isinstance(content, Card) else None,
        shared=content if isinstance(content, Shared) else None,
    )
