"""At the holder's own machine: lends a grant's key to any OpenAI or Anthropic client.

In: calls of a client on loopback that shows the local secret. Out: the same calls with a token and
a fresh proof, and the gateway's answer as it came. The key never leaves this machine, and the local
secret opens nothing elsewhere. Refused: clients without the local secret.
With a recipient, each exchange is sealed to the holder's own age key and kept here, so that the
holder, and nobody else, can show later which words a receipt's hashes stand for.
Source: RFC 9449; the age format (age-encryption.org/v1).
"""

import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pyrage

from clearhouse.access.serve import wire
from clearhouse.formats import dpop
from clearhouse.formats.canonical import Json

_SENT_ON = {"content-type", "accept", "anthropic-version", "anthropic-beta"}
_PASSED_BACK = {"content-type", "x-request-id", "request-id", "retry-after", "x-should-retry"}
_LONGEST_BODY = 64 * 1024 * 1024


class NoRecipientError(ValueError):
    """The recipient is no age public key."""


@dataclass(slots=True)
class Keeper:
    """Seals exchanges to the holder's own key."""

    folder: Path
    recipient: pyrage.x25519.Recipient

    @classmethod
    def of(cls, folder: Path, recipient: str) -> "Keeper":
        """Return a keeper for an age recipient such as `age1…`.

        Raises: NoRecipientError.
        """
        try:
            found = pyrage.x25519.Recipient.from_str(recipient)
        except pyrage.RecipientError as error:
            raise NoRecipientError("a recipient looks like age1…; age-keygen makes one") from error
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return cls(folder, found)

    def keep(self, request_id: str, request: bytes, answer: bytes) -> None:
        """Seal one exchange under the name of its receipts."""
        words: dict[str, Json] = {
            "request_id": request_id,
            "request": request.decode("utf-8", "replace"),
            "answer": answer.decode("utf-8", "replace"),
            "request_sha256": hashlib.sha256(request).hexdigest(),
            "answer_sha256": hashlib.sha256(answer).hexdigest(),
        }
        sealed = pyrage.encrypt(json.dumps(words).encode(), [self.recipient])
        name = "".join(one if one.isalnum() or one in "_-" else "-" for one in request_id)
        (self.folder / f"{name}.age").write_bytes(sealed)


@dataclass(slots=True)
class Companion:
    """The ASGI application on loopback."""

    gateway: str
    key: dpop.PrivateKey
    purpose: str | None = None
    keeper: Keeper | None = None
    clock: Callable[[], float] = time.time
    secret: str = field(default_factory=lambda: f"chl_{secrets.token_urlsafe(24)}")
    _session: aiohttp.ClientSession | None = None
    _token: str = ""
    _until: float = 0.0

    async def __call__(self, scope: wire.Scope, receive: wire.Receive, send: wire.Send) -> None:
        """Serve one request, or the application's own life."""
        if scope["type"] == "lifespan":
            await self._life(receive, send)
        elif scope["type"] == "http":
            await self._serve(scope, receive, send)

    async def _serve(self, scope: wire.Scope, receive: wire.Receive, send: wire.Send) -> None:
        headers = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
        }
        shown = headers.get("authorization", "").removeprefix("Bearer ") or headers.get(
            "x-api-key", ""
        )
        if not hmac.compare_digest(shown.encode("latin-1"), self.secret.encode()):
            await _say(send, 401, "use the local secret as the API key")
            return
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if len(body) > _LONGEST_BODY:
                await _say(send, 413, "too much at once")
                return
            if not message.get("more_body"):
                break
        sent = {name: value for name, value in headers.items() if name in _SENT_ON}
        try:
            await self._pass_on(scope["method"], scope["path"], sent, body, send)
        except aiohttp.ClientConnectionError:
            await _say(send, 502, "the gateway does not answer")

    async def _pass_on(
        self, method: str, path: str, sent: dict[str, str], body: bytes, send: wire.Send
    ) -> None:
        session = self._open()
        token = await self._fresh_token(session)
        if token is None:
            await _say(send, 401, self._token or "the gateway gives no token for this key")
            return
        proof = dpop.prove(
            self.key, method, self.gateway + path, now=self.clock(), access_token=token
        )
        shown = {**sent, "authorization": f"DPoP {token}", "dpop": proof}
        async with session.request(
            method, self.gateway + path, data=body, headers=shown, allow_redirects=False
        ) as answer:
            passed = [
                (name.lower().encode(), value.encode())
                for name, value in answer.headers.items()
                if name.lower() in _PASSED_BACK
            ]
            await wire.begin(send, answer.status, passed, None)
            heard = hashlib.sha256()
            kept: list[bytes] = []
            async for piece in answer.content.iter_any():
                heard.update(piece)
                kept += [piece] if self.keeper else []
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
            if self.keeper and (name := answer.headers.get("x-request-id")):
                self.keeper.keep(name, body, b"".join(kept))

    async def _fresh_token(self, session: aiohttp.ClientSession) -> str | None:
        if self._until > self.clock() + 5:
            return self._token
        address = f"{self.gateway}/token"
        proof = dpop.prove(self.key, "POST", address, now=self.clock())
        body = b"" if self.purpose is None else json.dumps({"purpose": self.purpose}).encode()
        async with session.post(address, data=body, headers={"dpop": proof}) as answer:
            said = await answer.json(content_type=None)
            if answer.status != 200:
                self._token = str(said.get("detail", ""))
                return None
        self._token, self._until = said["access_token"], self.clock() + said["expires_in"]
        return self._token

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=None, sock_connect=5)
            self._session = aiohttp.ClientSession(
                timeout=timeout, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False
            )
        return self._session

    async def _life(self, receive: wire.Receive, send: wire.Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        if self._session is not None:
            await self._session.close()
        await send({"type": "lifespan.shutdown.complete"})


async def _say(send: wire.Send, status: int, words: str) -> None:
    data = json.dumps({"error": {"message": words, "type": "local"}}).encode()
    head = [(b"content-type", b"application/json"), (b"x-should-retry", b"false")]
    await wire.answer(send, status, head, data)
