"""Who knows what, at the desk's API: blind lookup, commitments, introductions, the exchange log.

In: requests with a desk token of whoever may scan and ask. Out: JSON, and tables as bytes. Refused:
acts without the role (403), what the rules refuse (409, with code and reason), a quota that is used
up (429). What is looked up never comes through here: elements arrive blinded, and whether something
is known the client finds out itself (`clearhouse known` does so).
"""

import base64
from datetime import datetime
from typing import Annotated, TypeVar

from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import AwareDatetime, BaseModel, Field

from clearhouse.clearing.deconflict import exchanges
from clearhouse.clearing.deconflict.blind import answering, epochs, holding
from clearhouse.clearing.deconflict.blind.record import Allowed, Held
from clearhouse.clearing.deconflict.commitments import operations as commitments
from clearhouse.clearing.deconflict.commitments.record import Commitment
from clearhouse.clearing.deconflict.commitments.rules import read_opening
from clearhouse.clearing.deconflict.exchanges import Exchange
from clearhouse.clearing.deconflict.introductions import operations as introductions
from clearhouse.clearing.deconflict.introductions import record as introduced
from clearhouse.clearing.deconflict.refusal import Refusal
from clearhouse.surfaces.api.acts import Closed
from clearhouse.surfaces.api.desk import _PROBLEM, Calling, bearer_scheme
from clearhouse.surfaces.api.problems import ProblemError

router = APIRouter(
    prefix="/v1/desk",
    tags=["deconflict"],
    dependencies=[Depends(bearer_scheme)],
    responses={"4XX": _PROBLEM, "5XX": _PROBLEM},
)
T = TypeVar("T")
VERSION_HEADER = "Clearhouse-Table-Version"
_Element = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
_Epoch = Annotated[str, Field(pattern="^epo_[a-z2-7]{26}$")]
_EpochAsked = Annotated[str, Query(pattern="^epo_[a-z2-7]{26}$")]
_IntroductionAddress = Annotated[str, Path(pattern="^int_[a-z2-7]{26}$")]
_CommitmentAddress = Annotated[str, Path(pattern="^cmt_[a-z2-7]{26}$")]


class EpochAnswer(BaseModel):
    """One key that answers."""

    epoch: str
    public_key: str
    opened_at: datetime
    answers_until: datetime | None
    entries: int
    version: int
    most_bits: int


class CardAnswer(BaseModel):
    """What a client must know before it asks; the newest key first."""

    suite: str = "ristretto255-SHA512, VOPRF (RFC 9497)"
    epochs: tuple[EpochAnswer, ...]
    asked_at_once: int
    policy: str


class Blinded(Closed):
    """Blinded fingerprints, each 32 bytes in hexadecimal."""

    epoch: _Epoch
    elements: Annotated[tuple[_Element, ...], Field(min_length=1, max_length=1024)]


class EvaluatedAnswer(BaseModel):
    """Evaluated elements, and one proof for all of them."""

    elements: tuple[str, ...]
    proof: str


class WantedBuckets(Closed):
    """How many bits are shown of each output, and which."""

    epoch: _Epoch
    bits: Annotated[int, Field(ge=0, le=40)]
    prefixes: Annotated[
        tuple[Annotated[int, Field(ge=0, lt=2**40)], ...], Field(min_length=1, max_length=1024)
    ]


class BucketsAnswer(BaseModel):
    """Parts of a table in the order asked for, each in base64."""

    version: int
    buckets: tuple[str, ...]


class HeldEntry(Closed):
    """What a party enters of a finding that it holds; nothing in it tells the fingerprint."""

    tag: Annotated[str, Field(pattern="^[0-9a-f]{16}$")]
    mask: Annotated[str, Field(pattern="^[0-9a-f]{4}$")]
    ticket: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class Holding(Closed):
    """Entries of a party, under one of its commitments."""

    epoch: _Epoch
    commitment: Annotated[str, Field(pattern="^cmt_[a-z2-7]{26}$")]
    entries: Annotated[tuple[HeldEntry, ...], Field(min_length=1, max_length=1024)]


class Preference(Closed):
    """What others may learn of what the party enters from now on."""

    answers: bool
    since: bool


class Count(BaseModel):
    """How many were new."""

    entered: int


class Digest(Closed):
    """What is committed to."""

    digest: _Element


class CommitmentAnswer(BaseModel):
    """A commitment, and the ledger's event that proves it."""

    commitment: str
    digest: str
    made_at: datetime
    event: str
    revealed_at: datetime | None


class Ticket(Closed):
    """What a client keeps of something that it found known."""

    ticket: _Element


class LaidDown(Closed):
    """One field, to be shown when the other side lays it down too."""

    field: introduced.Field
    text: Annotated[str, Field(min_length=1, max_length=introductions.MOST_CHARACTERS)]


def answered(said: T | Refusal) -> T:
    """Return an answer. Raises: ProblemError (409, or 429 for a quota) with the reason."""
    if isinstance(said, Refusal):
        raise ProblemError(429 if said.code == "over-quota" else 409, said.reason)
    return said


@router.get("/known", summary="Which keys answer, and what a client needs to ask")
def card(call: Calling) -> CardAnswer:
    """Return the card of blind lookup."""
    call.desk.authority.demand(call.actor, answering.ASK)
    with call.transaction() as transaction:
        found = epochs.card(transaction)
    return CardAnswer(
        epochs=tuple(
            EpochAnswer(
                epoch=one.epoch_id,
                public_key=one.public_key.hex(),
                opened_at=one.opened_at,
                answers_until=one.answers_until,
                entries=one.entries,
                version=one.version,
                most_bits=bits,
            )
            for one, bits in zip(found.epochs, found.most_bits, strict=True)
        ),
        asked_at_once=found.asked_at_once,
        policy=found.policy,
    )


@router.post("/known/evaluations", summary="Evaluate blinded fingerprints")
def evaluate(call: Calling, body: Blinded) -> EvaluatedAnswer:
    """Evaluate what the house cannot read, and count it."""
    elements = [bytes.fromhex(one) for one in body.elements]
    with call.transaction() as transaction:
        done = answered(
            answering.evaluate(call.desk, transaction, call.actor, body.epoch, elements)
        )
    return EvaluatedAnswer(
        elements=tuple(one.hex() for one in done.elements), proof=done.proof.hex()
    )


@router.get(
    "/known/entries",
    summary="The table of a key as bytes",
    response_class=Response,
    responses={200: {"content": {"application/octet-stream": {}}}},
)
def entries(
    call: Calling, epoch: _EpochAsked, after: Annotated[int, Query(ge=0, lt=2**62)] = 0
) -> Response:
    """Return what the table has beyond a version: tags of 8 bytes, each with a label of 2."""
    with call.transaction() as transaction:
        part = answered(answering.table(call.desk, transaction, call.actor, epoch, after))
    return Response(
        part.entries,
        media_type="application/octet-stream",
        headers={VERSION_HEADER: str(part.version), "Cache-Control": "no-store"},
    )


@router.post("/known/buckets", summary="Parts of the table, for bits that the client shows")
def buckets(call: Calling, body: WantedBuckets) -> BucketsAnswer:
    """Return the parts whose tags begin with these bits."""
    with call.transaction() as transaction:
        parts = answered(
            answering.buckets(
                call.desk, transaction, call.actor, body.epoch, body.bits, body.prefixes
            )
        )
    return BucketsAnswer(
        version=parts[0].version,
        buckets=tuple(base64.b64encode(one.entries).decode("ascii") for one in parts),
    )


@router.post("/known/holdings", summary="Let others find what you hold, without telling it")
def hold(call: Calling, body: Holding) -> Count:
    """Enter what the actor's party holds."""
    held = [
        Held(tag=bytes.fromhex(one.tag), mask=bytes.fromhex(one.mask),
             ticket=bytes.fromhex(one.ticket))
        for one in body.entries
    ]  # fmt: skip
    with call.transaction() as transaction:
        entered = answered(
            holding.hold(
                call.desk, transaction, call.actor, body.epoch, held, subject=body.commitment
            )
        )
    return Count(entered=entered)


@router.post("/known/preference", summary="Say what others may learn of what you hold")
def prefer(call: Calling, body: Preference) -> Preference:
    """Keep the party's word."""
    allowed = Allowed(answer=body.answers, since=body.since)
    with call.transaction() as transaction:
        holding.prefer(call.desk, transaction, call.actor, allowed)
    return body


@router.get("/commitments", summary="What your party has committed to")
def list_commitments(call: Calling) -> list[CommitmentAnswer]:
    """Return the party's commitments."""
    with call.transaction() as transaction:
        found = commitments.mine(call.desk, transaction, call.actor)
    return list(map(_commitment, found))


@router.post("/commitments", summary="Commit to a finding without telling it")
def commit(call: Calling, body: Digest) -> CommitmentAnswer:
    """Write a digest into the ledger."""
    with call.transaction() as transaction:
        return _commitment(
            answered(
                commitments.commit(call.desk, transaction, call.actor, bytes.fromhex(body.digest))
            )
        )


@router.post("/commitments/{commitment_id}/reveal", summary="Open a commitment to the house")
def reveal(
    call: Calling, commitment_id: _CommitmentAddress, body: dict[str, object]
) -> CommitmentAnswer:
    """Reveal what was committed to."""
    try:
        opening = read_opening(body)
    except ValueError as error:
        raise ProblemError(400, str(error)) from error
    with call.transaction() as transaction:
        return _commitment(
            answered(commitments.reveal(call.desk, transaction, call.actor, commitment_id, opening))
        )


@router.get("/introductions", summary="Who else holds what you hold, as far as both want")
def list_introductions(call: Calling) -> list[introduced.Introduction]:
    """Return the party's introductions."""
    with call.transaction() as transaction:
        return introductions.mine(call.desk, transaction, call.actor)


@router.post("/introductions", summary="Ask to be introduced, with the ticket of a hit")
def seek(call: Calling, body: Ticket) -> list[introduced.Introduction]:
    """Open an introduction with each party that holds it."""
    with call.transaction() as transaction:
        return answered(
            introductions.seek(call.desk, transaction, call.actor, bytes.fromhex(body.ticket))
        )


@router.post("/introductions/{introduction_id}/fields", summary="Lay a field down")
def lay_down(
    call: Calling, introduction_id: _IntroductionAddress, body: LaidDown
) -> introduced.Introduction:
    """Show a field if the other side lays it down too."""
    with call.transaction() as transaction:
        return answered(
            introductions.lay_down(
                call.desk, transaction, call.actor, introduction_id, body.field, body.text
            )
        )


@router.post("/introductions/{introduction_id}/decline", summary="Go no further")
def decline(call: Calling, introduction_id: _IntroductionAddress) -> introduced.Introduction:
    """Decline an introduction."""
    with call.transaction() as transaction:
        return answered(introductions.decline(call.desk, transaction, call.actor, introduction_id))


@router.get("/exchanges", summary="What was exchanged between whom")
def list_exchanges(
    call: Calling, since: AwareDatetime, until: AwareDatetime, *, csv: bool = False
) -> Response:
    """Return the exchange log of a period, as JSON or as CSV."""
    with call.transaction() as transaction:
        found = exchanges.exchanges(call.desk, transaction, call.actor, since=since, until=until)
    if csv:
        return Response(exchanges.as_csv(found), media_type="text/csv; charset=utf-8")
    return Response(Log(exchanges=found).model_dump_json(), media_type="application/json")


class Log(BaseModel):
    """Exchanges of a period."""

    exchanges: tuple[Exchange, ...]


def _commitment(one: Commitment) -> CommitmentAnswer:
    return CommitmentAnswer(
        commitment=one.commitment_id,
        digest=one.digest.hex(),
        made_at=one.made_at,
        event=one.event_id,
        revealed_at=one.revealed_at,
    )
