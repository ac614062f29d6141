"""Requests and answers of the gateway on the wire, with nothing in them that reads two ways.

In: an ASGI request. Out: its method, path, the few headers that count, and its body within the
limit. Refused: headers that count given twice, codings that hide the length, queries, bodies that
are too large, too slow or broken off.
Source: ASGI 3.0; RFC 9110 §5.3, §8.4; RFC 9112 §6.1.
"""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

from clearhouse.access.serve import refusals
from clearhouse.access.serve.limits import Limits
from clearhouse.access.serve.refusals import Code, RefusedCallError

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_ONCE = frozenset(
    {b"authorization", b"dpop", b"content-length", b"content-type", b"transfer-encoding", b"host"}
)
_NEVER = frozenset({b"content-encoding", b"upgrade", b"x-http-method-override", b"trailer"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Heard:
    """What counts of one request."""

    method: str
    path: str
    client: str
    token: str | None
    proof: str | None
    length: int | None
    sent_on: dict[str, str]


def hear(scope: Scope, limits: Limits) -> Heard:
    """Read the head of a request.

    Raises: RefusedCallError when it could be read two ways.
    """
    found: dict[bytes, bytes] = {}
    for name, value in scope["headers"]:
        if name in _NEVER or (name in _ONCE and name in found):
            raise RefusedCallError(Code.HEADERS, name.decode("ascii", "replace"))
        found[name] = value
    if scope.get("query_string") or (b"content-length" in found and b"transfer-encoding" in found):
        raise RefusedCallError(Code.HEADERS)
    client = scope.get("client")
    return Heard(
        method=scope["method"],
        path=_path(scope),
        client=client[0] if client else "",
        token=_token(found.get(b"authorization")),
        proof=_text(found.get(b"dpop")),
        length=_length(found.get(b"content-length")),
        sent_on={
            name.decode(): text
            for name in limits.headers_sent_on
            if (text := _text(found.get(name))) is not None
        },
    )


async def body(heard: Heard, receive: Receive, limits: Limits) -> bytes:
    """Read the body of a request.

    Raises: RefusedCallError.
    """
    if heard.length is not None and heard.length > limits.body_bytes:
        raise RefusedCallError(Code.TOO_LARGE, f"more than {limits.body_bytes} bytes")
    try:
        async with asyncio.timeout(limits.body_timeout_s):
            return await _read(receive, limits.body_bytes)
    except TimeoutError as error:
        raise RefusedCallError(Code.TOO_SLOW) from error


async def drain(receive: Receive, limits: Limits) -> None:
    """Read what is still coming and throw it away, so that the sender sees the refusal."""
    size = 0
    try:
        async with asyncio.timeout(limits.body_timeout_s):
            while size < limits.drain_bytes:
                message = await receive()
                size += len(message.get("body", b""))
                if message["type"] != "http.request" or not message.get("more_body"):
                    return
    except TimeoutError:
        return


async def refuse(send: Send, refused: RefusedCallError, request_id: str | None) -> None:
    """Answer with a problem document."""
    document = refusals.document(refused, request_id)
    await answer(send, refused.status, refusals.headers(refused), document, request_id)


async def answer(
    send: Send,
    status: int,
    headers: list[tuple[bytes, bytes]],
    data: bytes,
    request_id: str | None = None,
) -> None:
    """Send a whole answer."""
    length = (b"content-length", str(len(data)).encode())
    await begin(send, status, [*headers, length], request_id)
    await send({"type": "http.response.body", "body": data})


async def begin(
    send: Send, status: int, headers: list[tuple[bytes, bytes]], request_id: str | None
) -> None:
    """Send the head of an answer; the request id is where its receipts are."""
    if request_id is not None:
        mark = request_id.encode()
        headers = [*headers, (b"x-request-id", mark), (b"request-id", mark)]
    await send({"type": "http.response.start", "status": status, "headers": headers})


async def _read(receive: Receive, limit: int) -> bytes:
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise RefusedCallError(Code.BROKEN_OFF)
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > limit:
            raise RefusedCallError(Code.TOO_LARGE, f"more than {limit} bytes")
        chunks.append(chunk)
        if not message.get("more_body"):
            return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def _path(scope: Scope) -> str:
    raw = scope.get("raw_path") or scope["path"].encode()
    return bytes(raw).decode("latin-1")


def _token(value: bytes | None) -> str | None:
    text = _text(value)
    if text is None:
        return None
    scheme, _, token = text.partition(" ")
    return token if scheme.lower() == "dpop" and token and " " not in token else None


def _text(value: bytes | None) -> str | None:
    if value is None or not value.isascii():
        return None
    return value.decode("ascii")


def _length(value: bytes | None) -> int | None:
    if value is None:
        return None
    if not value.isdigit() or len(value) > 15:
        raise RefusedCallError(Code.HEADERS, "content-length")
    return int(value)
