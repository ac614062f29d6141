"""One call on its way through: the model's answer is checked before any of it is passed on.

In: an open call and the model's endpoint. Out: the answer to the caller, and what the last receipt
says. Cut: an answer of another model, of no model, in another shape, after the deadline, or whose
access ended meanwhile. A stream is passed on event by event, each looked at first; one that is cut
ends with an error event, never like a whole one.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field

from clearhouse.access.serve import refusals, wire
from clearhouse.access.serve.alarms import Watch
from clearhouse.access.serve.calls import Call
from clearhouse.access.serve.dialects import Answer, Endpoint, event_data, read_json
from clearhouse.access.serve.limits import Limits
from clearhouse.access.serve.refusals import Code, RefusedCallError
from clearhouse.access.serve.upstream import Pieces
from clearhouse.formats.canonical import Json

_JSON = [(b"content-type", b"application/json")]
_EVENTS = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-store")]
_LONGEST_MESSAGE = 400


@dataclass(slots=True)
class Passage:
    """What has passed of one answer."""

    call: Call
    endpoint: Endpoint
    limits: Limits
    send: wire.Send
    canary: Callable[[], None]
    said: Answer = field(default_factory=lambda: Answer(set()))
    status: int = 0
    begun: bool = False
    texts: int = 0
    _sha: "hashlib._Hash" = field(default_factory=hashlib.sha256)
    _watch: Watch = field(default_factory=lambda: Watch(()))

    def __post_init__(self) -> None:
        """Watch for the window's canaries."""
        self._watch = Watch(self.call.grant.canaries)

    async def whole(self, pieces: Pieces) -> None:
        """Pass a whole answer on.

        Raises: RefusedCallError.
        """
        data = await self._gather(pieces)
        fields = read_json(data)
        if pieces.status != 200:
            raise _upstream_refusal(pieces.status, fields)
        if fields is None or pieces.content_type != "application/json":
            raise RefusedCallError(Code.UPSTREAM_MALFORMED)
        self._look(self.said.take(self.endpoint, fields))
        self._demand_model(at_end=True)
        await self._begin(_JSON, len(data))
        await self._pass(data, more=False)

    async def stream(self, pieces: Pieces) -> None:
        """Pass a stream on, event by event.

        Raises: RefusedCallError.
        """
        if pieces.status != 200:
            raise _upstream_refusal(pieces.status, read_json(await self._gather(pieces)))
        if pieces.content_type != "text/event-stream":
            raise RefusedCallError(Code.UPSTREAM_MALFORMED, "no event stream")
        held = b""
        async for piece in pieces.pieces():
            held += piece
            cut = max(held.rfind(b"\n\n") + 2, held.rfind(b"\r\n\r\n") + 4)
            if cut >= 4 or held.startswith(b"\n\n"):
                events, held = held[:cut], held[cut:]
                await self._events(events)
            if len(held) > self.limits.event_bytes:
                raise RefusedCallError(Code.UPSTREAM_MALFORMED, "an event without an end")
        if held.strip():
            raise RefusedCallError(Code.UPSTREAM_DIED)
        if not self.said.finished:
            raise RefusedCallError(Code.UPSTREAM_DIED)
        self._demand_model(at_end=True)
        await self.send({"type": "http.response.body", "body": b""})

    async def fail(self, refused: RefusedCallError) -> None:
        """Tell the caller: by a problem document, or inside a stream that has begun."""
        if not self.begun:
            self.status = refused.status
            data = refusals.document(refused, self.call.request_id)
            self._sha = hashlib.sha256(data)
            head = refusals.headers(refused)
            await wire.answer(self.send, refused.status, head, data, self.call.request_id)
            return
        error = {
            "type": refused.code.value,
            "code": refused.code.value,
            "message": refused.sentence,
        }
        data = json.dumps({"type": "error", "error": error}).encode()
        await self._pass(b"event: error\ndata: " + data + b"\n\n", more=False)

    def charge(self, *, reached: bool) -> int:
        """Return the tokens that the call costs: what was counted, else all that was set aside."""
        if not reached:
            return 0
        counted = self.said.tokens
        if counted is None:
            return self.call.reserved if self.endpoint.answers or self.begun else 0
        return counted

    def facts(self, outcome: str) -> dict[str, Json]:
        """Return what the last receipt says."""
        made: dict[str, Json] = {
            "outcome": outcome,
            "status": self.status,
            "response": self._sha.hexdigest(),
        }
        if self.said.models:
            made["served"] = sorted(self.said.models)
        if self.said.fingerprint:
            made["fingerprint"] = self.said.fingerprint[:100]
        return made

    async def _gather(self, pieces: Pieces) -> bytes:
        chunks, size = [], 0
        async for piece in pieces.pieces():
            size += len(piece)
            if size > self.limits.answer_bytes:
                raise RefusedCallError(Code.UPSTREAM_MALFORMED, "too long an answer")
            chunks.append(piece)
        return b"".join(chunks)

    async def _events(self, events: bytes) -> None:
        for data in event_data(events):
            if data == b"[DONE]":
                self.said.finished = True
                continue
            fields = read_json(data)
            if fields is None:
                raise RefusedCallError(Code.UPSTREAM_MALFORMED, "an event that is no JSON object")
            if fields.get("error"):
                raise _upstream_refusal(502, fields)
            self._look(self.said.take(self.endpoint, fields))
        self._demand_model(at_end=False)
        if not self.begun:
            await self._begin(_EVENTS, None)
        await self._pass(events, more=True)

    def _look(self, text: str) -> None:
        self.texts += len(text)
        if self._watch.sees(text):
            self.canary()

    def _demand_model(self, *, at_end: bool) -> None:
        """Assert the pin: every name that the answer gave is one of the grant's model."""
        stated = self.said.models
        missing = not stated and self.endpoint.states_model and (at_end or not self.begun)
        if stated - self.call.grant.served_names or missing:
            raise RefusedCallError(Code.OTHER_MODEL)

    async def _begin(self, head: list[tuple[bytes, bytes]], length: int | None) -> None:
        self.status = 200
        size = [] if length is None else [(b"content-length", str(length).encode())]
        await wire.begin(self.send, 200, [*head, *size], self.call.request_id)
        self.begun = True

    async def _pass(self, data: bytes, *, more: bool) -> None:
        self._sha.update(data)
        await self.send({"type": "http.response.body", "body": data, "more_body": more})


def _upstream_refusal(status: int, fields: object) -> RefusedCallError:
    """Pass on why the model's endpoint refused, in its own words where they are short."""
    match fields:
        case {"error": {"message": str(message)}} if message.isprintable():
            detail = f"{status}: {message[:_LONGEST_MESSAGE]}"
        case _:
            detail = f"it answered with status {status}"
    kept = status if status in {400, 404, 408, 409, 413, 422, 429} else None
    return RefusedCallError(Code.UPSTREAM_REFUSED, detail, status_override=kept)
