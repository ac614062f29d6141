"""Messages at the desk's API: threads that the caller may read, and what is said in them.

In: requests with a desk token of the house, of a vendor that is read in, or of a finder. Out: JSON.
Refused: threads that are not there or not for this actor (404, one answer); words, labels and files
that cannot be taken (409, with the reason); addresses that others could read along (409).
"""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, Field

from clearhouse.clearing.coordinate import channels, mail_in, messages
from clearhouse.clearing.coordinate.machine import Refused
from clearhouse.clearing.coordinate.mail_in import Received
from clearhouse.clearing.coordinate.messages import File, Message, Thread
from clearhouse.clearing.coordinate.pacing import Wish
from clearhouse.formats.tlp import Tlp
from clearhouse.surfaces.api.acts import Closed
from clearhouse.surfaces.api.desk import _PROBLEM, Calling, bearer_scheme
from clearhouse.surfaces.api.problems import ProblemError
from clearhouse.surfaces.web.desk.addresses import MailAddress, PartyAddress, ThreadAddress
from clearhouse.surfaces.web.desk.entrance import NotHereError
from clearhouse.surfaces.web.downloads import as_attachment

router = APIRouter(
    prefix="/v1/desk",
    tags=["messages"],
    dependencies=[Depends(bearer_scheme)],
    responses={"4XX": _PROBLEM, "5XX": _PROBLEM},
)


class ThreadAnswer(BaseModel):
    """One thread."""

    thread_id: str
    case_id: str
    party_id: str | None
    opened_at: datetime
    last_at: datetime
    messages: list[Message] = []


class Said(Closed):
    """What is said, and how far it may travel."""

    text: Annotated[str, Field(min_length=1, max_length=100_000)]
    tlp: Tlp = Tlp.AMBER_STRICT
    files: list[File] = Field(default=[], max_length=20)


class Channel(Closed):
    """Where a party wants to be told, and how many new cases it takes."""

    webhook: Annotated[str | None, Field(max_length=500)] = None
    openpgp: Annotated[str | None, Field(max_length=64 * 1024)] = None
    """A certificate: mail then holds the words themselves, encrypted to it."""
    cases_per_week: Annotated[int | None, Field(ge=0, le=1000)] = None
    paused_until: datetime | None = None


class Posted(BaseModel):
    """The id of a message."""

    message_id: str


def thread_answer(thread: Thread, said: list[Message] | None = None) -> ThreadAnswer:
    """Return a thread as it is sent."""
    return ThreadAnswer(
        thread_id=thread.thread_id,
        case_id=thread.case_id,
        party_id=thread.party_id,
        opened_at=thread.opened_at,
        last_at=thread.last_at,
        messages=[messages.as_copy(one) for one in said or []],
    )


@router.get("/threads", summary="Threads, the liveliest first")
def threads(call: Calling) -> list[ThreadAnswer]:
    """Return the threads that the actor may read, without what is said in them."""
    with call.transaction() as transaction:
        return [thread_answer(one) for one in messages.threads(call.desk, transaction, call.actor)]


@router.get("/threads/{thread_id}", summary="One thread with its messages")
def thread(call: Calling, thread_id: ThreadAddress) -> ThreadAnswer:
    """Return a thread."""
    with call.transaction() as transaction:
        return thread_answer(*messages.messages(call.desk, transaction, call.actor, thread_id))


@router.post("/threads/{thread_id}/messages", summary="Say something")
def post(call: Calling, thread_id: ThreadAddress, body: Said) -> Posted:
    """Post a message."""
    with call.transaction() as transaction:
        done = messages.post(
            call.desk,
            transaction,
            call.actor,
            thread_id,
            text=body.text,
            tlp=body.tlp,
            files=body.files,
        )
    if isinstance(done, Refused):
        raise ProblemError(409, done.reason)
    return Posted(message_id=done)


@router.get("/mail", summary="Mail that was set aside, and why")
def mail_aside(call: Calling) -> list[Received]:
    """Return mail that reached no thread."""
    with call.transaction() as transaction:
        return mail_in.received(call.desk, transaction, call.actor)


@router.get("/mail/{mail_id}", summary="One mail as it came")
def mail(call: Calling, mail_id: MailAddress) -> Response:
    """Hand one mail out, as a file that no browser opens."""
    with call.transaction() as transaction:
        found = mail_in.original(call.desk, transaction, call.actor, mail_id)
    if found is None:
        raise NotHereError
    return Response(
        found, media_type="application/octet-stream", headers=as_attachment(f"{mail_id}.eml")
    )


@router.post("/parties/{party_id}/channel", summary="Say where a party wants to be told")
def channel(call: Calling, party_id: PartyAddress, body: Channel) -> Wish:
    """Set a party's channel and its pace."""
    if body.paused_until is not None and body.paused_until.tzinfo is None:
        raise ProblemError(400, "an instant needs a time zone")
    wish = Wish(cases_per_week=body.cases_per_week, paused_until=body.paused_until)
    with call.transaction() as transaction:
        done = channels.set_channel(
            call.desk,
            transaction,
            call.actor,
            party_id,
            webhook=body.webhook,
            wish=wish,
            openpgp=body.openpgp,
        )
    if isinstance(done, Refused):
        raise ProblemError(409, done.reason)
    return done
