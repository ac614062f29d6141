"""The form for reports: field by field, with what is there and what would help beside it.

In: what a reporter writes, or a file, and a token. Out: a receipt, and what the report has and
lacks. Before anything is sent the same is said of what stands in the fields, and nothing is kept
of it. The form goes through the same operation as the API. A key that the page carries makes
sending it twice harmless.
"""

from typing import Annotated, cast

from fastapi import APIRouter, Form, Request, Response, UploadFile
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from clearhouse.clearing.intake.completeness import Element
from clearhouse.clearing.intake.operations import KeyReusedError
from clearhouse.clearing.intake.receive import (
    Accepted,
    Answer,
    Incoming,
    Refused,
    look,
    receive,
)
from clearhouse.kernel import identity
from clearhouse.kernel.identity import Actor, Scope
from clearhouse.kernel.ids import new_id
from clearhouse.kernel.policy import ForbiddenError
from clearhouse.kernel.services import Counter
from clearhouse.surfaces.api.requests import HourlyQuota, refuse_other_sites
from clearhouse.surfaces.web.counter.front import counter_of
from clearhouse.surfaces.web.counter.written import Written, as_markdown
from clearhouse.surfaces.web.pictures.completeness import completeness_picture
from clearhouse.surfaces.web.protection import content_policy
from clearhouse.surfaces.web.rendering import page

router = APIRouter(include_in_schema=False)
MAX_FILE_BYTES = 16 * 1024 * 1024
LOOKS_PER_HOUR = 2000
_LONGEST_LINE, _LONGEST_TEXT = 1000, 1024 * 1024
_Line = Annotated[str, Field(max_length=_LONGEST_LINE)]
_Text = Annotated[str, Field(max_length=_LONGEST_TEXT)]


class _Fields(BaseModel):
    """What the form sends of the report itself."""

    title: _Line = ""
    package: _Line = ""
    versions: _Line = ""
    severity: _Line = ""
    description: _Text = ""
    trigger: _Text = ""
    poc: _Text = ""
    patch: _Text = ""
    tests: _Text = ""
    model: _Line = ""
    review: _Line = ""
    text: _Text = ""

    def written(self) -> Written:
        fields = self.model_dump()
        return Written(more=fields.pop("text"), **{name: fields[name] for name in _NAMES})


class _Sent(_Fields):
    """The same with what sending needs."""

    key: Annotated[str, Field(pattern="^frm_[a-z2-7]{26}$")]
    token: Annotated[str, Field(max_length=200)] = ""
    file: UploadFile | None = None


_NAMES = tuple(name for name in _Fields.model_fields if name != "text")


@router.get("/report")
def show_form() -> Response:
    """Show the form."""
    return _form(Written())


@router.post("/report")
def submit(request: Request, sent: Annotated[_Sent, Form()]) -> Response:
    """Take a report in and say what it has and lacks."""
    refuse_other_sites(request)
    said = sent.written()
    actor = _authenticated(counter_of(request), sent.token.strip())
    if actor is None:
        return _form(said, status=401, refused="That is no live token for submissions.")
    incoming = _incoming(said, sent.file, sent.key)
    if incoming is None:
        return _form(
            said, status=400, refused="Write a report or choose a file; nothing was stored."
        )
    if len(incoming.data) > MAX_FILE_BYTES:
        return _form(said, status=413, refused="The file is over 16 MiB; nothing was stored.")
    cast("HourlyQuota", request.app.state.quota).spend(actor)
    return _take(counter_of(request), actor, incoming, said)


@router.post("/report/check")
def check(request: Request, sent: Annotated[_Fields, Form()]) -> Response:
    """Say what the fields have and lack; nothing of them is kept."""
    refuse_other_sites(request)
    looks = cast("HourlyQuota", request.app.state.looks)
    looks.count("" if request.client is None else request.client.host)
    said = sent.written()
    incoming = _incoming(said, None, new_id("frm"))
    found = None if incoming is None else look(incoming)
    if "application/json" in request.headers.get("accept", ""):
        return JSONResponse(_as_json(found))
    if isinstance(found, Refused):
        return _form(said, status=found.status, refused=found.detail)
    return _form(said, answer=None if found is None else found.answers[0])


def _as_json(found: object) -> dict[str, object]:
    if isinstance(found, Refused):
        return {"refused": found.detail}
    answers = getattr(found, "answers", ())
    return answers[0].as_json() if answers else {"present": [], "missing": []}


def _take(counter: Counter, actor: Actor, incoming: Incoming, said: Written) -> Response:
    try:
        outcome = receive(counter, actor, incoming)
    except ForbiddenError:
        return _form(said, status=403, refused="This token's owner may not send reports.")
    except KeyReusedError:
        return _form(said, status=409, refused="This form was sent before. Send it once more.")
    if isinstance(outcome, Refused):
        return _form(said, status=outcome.status, refused=outcome.detail)
    return _accepted(outcome)


def _accepted(outcome: Accepted) -> Response:
    pictures = [completeness_picture(list(Element), one.present) for one in outcome.reports]
    answers = list(zip(outcome.reports, pictures, strict=True))
    return page("counter/accepted.html", _frame() | {"outcome": outcome, "answers": answers})


def _incoming(said: Written, file: UploadFile | None, key: str) -> Incoming | None:
    if file is not None and file.filename:
        data = file.file.read(MAX_FILE_BYTES + 1)
        return Incoming(
            data=data,
            content_type=file.content_type,
            filename=file.filename[:255],
            idempotency_key=key,
        )
    text = as_markdown(said)
    if not text.strip():
        return None
    return Incoming(
        data=text.encode("utf-8", "replace"),
        content_type="text/markdown",
        filename="report.md",
        idempotency_key=key,
    )


def _authenticated(counter: Counter, token: str) -> Actor | None:
    with counter.database.transaction(None) as transaction:
        actor = identity.authenticate(transaction, token)
    return actor if actor is not None and Scope.SUBMIT in actor.scopes else None


def _form(
    said: Written,
    *,
    status: int = 200,
    refused: str | None = None,
    answer: Answer | None = None,
) -> Response:
    """Return the form; alone among the counter's pages it has a script, which asks `check`."""
    values = {
        "key": new_id("frm"),
        "said": said,
        "refused": refused,
        "answer": answer,
        "elements": list(Element),
        "lacks": {} if answer is None else {one.element: one.what_to_do for one in answer.missing},
    }
    shown = page("counter/report.html", _frame() | values, status=status)
    shown.headers["content-security-policy"] = content_policy(scripts=True, asks=True)
    return shown


def _frame() -> dict[str, object]:
    return {"door": "counter", "path": "/report"}
