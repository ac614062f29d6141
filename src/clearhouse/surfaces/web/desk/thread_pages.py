"""Messages: the threads that somebody may read, one thread, and what is said in it.

Open to whoever may read a thread, also to a finder who is read in to nothing else.
"""

import base64
from typing import Annotated, Literal

from fastapi import APIRouter, Form, Path, Response, UploadFile
from fastapi import File as Uploaded
from fastapi.responses import RedirectResponse

from clearhouse.clearing.coordinate import mail_in, messages
from clearhouse.clearing.coordinate.machine import Refused
from clearhouse.clearing.coordinate.messages import MOST_FILE_BYTES, File, Message, Thread
from clearhouse.formats.tlp import Tlp
from clearhouse.kernel import identity
from clearhouse.kernel.ids import ActorId, PartyId
from clearhouse.surfaces.web.desk.addresses import CaseAddress, MailAddress, ThreadAddress
from clearhouse.surfaces.web.desk.entrance import Act, Here, NotHereError, Visit
from clearhouse.surfaces.web.downloads import as_attachment

router = APIRouter(include_in_schema=False)
_LABELS = [one for one in Tlp if one is not Tlp.CLEAR]


@router.get("/threads")
def show_list(here: Here) -> Response:
    """Show the threads that this actor may read."""
    with here.transaction() as transaction:
        found = messages.threads(here.desk, transaction, here.actor)
        ids = sorted({PartyId(one.party_id) for one in found if one.party_id})
        names = identity.party_names(transaction, ids)
        may = here.desk.authority.may(here.actor, "case.read_in").allowed
        aside = mail_in.received(here.desk, transaction, here.actor) if may else []
    return here.page("threads.html", threads=found, names=names, aside=aside)


@router.get("/mail/{mail_id}")
def mail(here: Here, mail_id: MailAddress) -> Response:
    """Hand one mail out as it came, as a download that no browser opens."""
    with here.transaction() as transaction:
        found = mail_in.original(here.desk, transaction, here.actor, mail_id)
    if found is None:
        raise NotHereError
    return Response(
        found, media_type="application/octet-stream", headers=as_attachment(f"{mail_id}.eml")
    )


@router.get("/threads/{thread_id}")
def show(here: Here, thread_id: ThreadAddress) -> Response:
    """Show one thread."""
    return _page(here, thread_id)


@router.post("/cases/{case_id}/threads")
def open_thread(
    here: Act, case_id: CaseAddress, party: Annotated[str, Form(max_length=500)] = ""
) -> Response:
    """Open the thread with a party of the case, or with everybody who is read in."""
    with here.transaction() as transaction:
        done = messages.open_thread(
            here.desk, transaction, here.actor, case_id, party=party or None
        )
    where = f"/cases/{case_id}" if isinstance(done, Refused) else f"/threads/{done.thread_id}"
    return RedirectResponse(where, status_code=303)


@router.post("/threads/{thread_id}")
def post(
    here: Act,
    thread_id: ThreadAddress,
    text: Annotated[str, Form(max_length=200_000)],
    tlp: Annotated[Tlp, Form()] = Tlp.AMBER_STRICT,
    files: Annotated[list[UploadFile | Literal[""]], Uploaded()] = [],  # noqa: B006 - FastAPI copies it
) -> Response:
    """Say something."""
    sent = [
        File(
            name=one.filename or "file",
            content_type=one.content_type or "application/octet-stream",
            # One byte more than allowed is enough to be refused.
            data=base64.b64encode(one.file.read(MOST_FILE_BYTES + 1)).decode(),
        )
        for one in files
        if one != "" and one.filename  # no file was chosen
    ]
    with here.transaction() as transaction:
        done = messages.post(
            here.desk, transaction, here.actor, thread_id, text=text, tlp=tlp, files=sent
        )
    if isinstance(done, Refused):
        return _page(here, thread_id, refused=done.reason, status=409)
    return RedirectResponse(f"/threads/{thread_id}", status_code=303)


@router.get("/threads/{thread_id}/files/{message_id}/{place}")
def file(
    here: Here,
    thread_id: ThreadAddress,
    message_id: Annotated[str, Path(pattern="^msg_[a-z2-7]{26}$")],
    place: Annotated[int, Path(ge=0, le=999)],
) -> Response:
    """Hand one file out, as a download that no browser opens."""
    with here.transaction() as transaction:
        _, said = messages.messages(here.desk, transaction, here.actor, thread_id)
    found = next((one for one in said if one.message_id == message_id), None)
    if found is None or place >= len(found.words.files):
        raise NotHereError
    one = found.words.files[place]
    return Response(
        one.content, media_type="application/octet-stream", headers=as_attachment(one.name)
    )


def _page(
    here: Visit, thread_id: str, *, refused: str | None = None, status: int = 200
) -> Response:
    with here.transaction() as transaction:
        thread, said = messages.messages(here.desk, transaction, here.actor, thread_id)
        names = identity.party_names(transaction, _parties(thread, said))
        speakers = identity.actor_names(transaction, [ActorId(one.actor_id) for one in said])
    return here.page(
        "thread.html",
        thread=thread,
        messages=said,
        names=names,
        speakers=speakers,
        labels=_LABELS,
        may_write=here.desk.authority.may(here.actor, "message.write").allowed,
        refused=refused,
        status=status,
    )


def _parties(thread: Thread, said: list[Message]) -> list[PartyId]:
    own = [PartyId(thread.party_id)] if thread.party_id else []
    return [*own, *(PartyId(one.party_id) for one in said)]
