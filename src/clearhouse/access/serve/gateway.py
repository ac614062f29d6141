"""The gateway: one ASGI application between those who hold grants and one model.

In: calls in the OpenAI or the Anthropic dialect with a DPoP-bound token. Out: the model's answer,
unchanged, with `x-request-id: grant:sequence`, and two receipts in the grant's chain. Refused, each
with a problem document and a receipt: everything that the grant, the window or the limits do not
allow. There is no other model, no second try and no key that opens everything.
Kept of what is said: SHA-256 hashes, and counts. Nothing of a request reaches SQL.
Source: RFC 9449 (DPoP), RFC 9457 (problems).
"""

import asyncio
import contextlib
import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from clearhouse.access.serve import wire
from clearhouse.access.serve.alarms import Alarms, Watch
from clearhouse.access.serve.calls import Accounts, Call
from clearhouse.access.serve.dialects import ENDPOINTS, Asked, Endpoint, asked
from clearhouse.access.serve.heart import Ears, Heart, Tail
from clearhouse.access.serve.journal import Journal
from clearhouse.access.serve.limits import Limits
from clearhouse.access.serve.limits import limits as limits_of
from clearhouse.access.serve.live import Live, LiveGrant, Shown, Token
from clearhouse.access.serve.passage import Passage
from clearhouse.access.serve.refusals import Code, RefusedCallError
from clearhouse.access.serve.upstream import Place, Upstream
from clearhouse.formats.canonical import Json
from clearhouse.formats.strict_json import StrictJsonError, Strictness, parse
from clearhouse.kernel.ids import new_id

_TICK_S = 0.1
_NOBODY = "gtw_"


@dataclass(frozen=True, kw_only=True, slots=True)
class GatewaySettings:
    """What a gateway is told when it starts."""

    database_url: str = field(repr=False)
    public_url: str
    """What callers address, as proofs name it; without a path."""
    folder: Path
    """Where receipts wait for the store."""
    places: Mapping[str, Place]
    """By vendor, `openai` or `anthropic`."""
    limits: Limits = field(default_factory=limits_of)
    clock: Callable[[], float] = time.time


@dataclass(frozen=True, kw_only=True, slots=True)
class _Let:
    """A call that may go on."""

    grant: LiveGrant
    endpoint: Endpoint
    wanted: Asked
    body: bytes
    facts: dict[str, Json]


class Gateway:
    """The ASGI application."""

    def __init__(self, settings: GatewaySettings) -> None:
        self._settings = settings
        self._limits = settings.limits
        self._now = settings.clock
        self._own_chain = new_id("gtw")
        self.live = Live(self._limits)
        self._journal = Journal(settings.folder)
        ears = Ears(grants=self._hear_grants, tails=self._hear_tails)
        self.heart = Heart(settings.database_url, self._journal, ears)
        self.alarms = Alarms(self._limits.alarms, self.heart.alarm)
        self.accounts = Accounts(self._limits, self._journal, self.alarms)
        self._upstream = Upstream(settings.places, self._limits)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ticking: asyncio.Task[None] | None = None

    async def __call__(self, scope: wire.Scope, receive: wire.Receive, send: wire.Send) -> None:
        """Serve one request, or the application's own life."""
        if scope["type"] == "lifespan":
            await self._life(receive, send)
        elif scope["type"] == "http":
            await self._serve(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1000})

    async def open(self) -> None:
        """Begin to listen to the store and to tidy up."""
        self._loop = asyncio.get_running_loop()
        await self._upstream.open()
        self.heart.start()
        self._ticking = asyncio.create_task(self._tick())

    async def close(self) -> None:
        """Cut what runs, ship what is left, and end."""
        if self._ticking is not None:
            self._ticking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._ticking
        self.accounts.cut_all(Code.STORE_UNHEARD)
        await asyncio.sleep(0.05)
        self.accounts.write_counts(self._now())
        await asyncio.to_thread(self.heart.stop)
        await self._upstream.close()
        self._journal.close()

    @property
    def hears(self) -> bool:
        """Whether the store was heard just now."""
        return self.heart.silent_s() < self._limits.unheard_s

    async def _serve(self, scope: wire.Scope, receive: wire.Receive, send: wire.Send) -> None:
        known: list[LiveGrant] = []
        facts: dict[str, Json] = {}
        drained = False
        try:
            self._demand_store()
            heard = wire.hear(scope, self._limits)
            facts["path"] = heard.path[:100] if heard.path in ENDPOINTS else "other"
            if (heard.method, heard.path) == ("POST", "/token"):
                await self._token(heard, receive, send)
                return
            grant, token = self._authenticate(heard, known)
            known[:] = [grant]
            if (heard.method, heard.path) == ("GET", "/v1/models"):
                await _models(send, grant)
                return
            endpoint = self._endpoint(heard, grant)
            data = await wire.body(heard, receive, self._limits)
            drained = True
            let = self._let(grant, token, endpoint, data, facts)
            call = self.accounts.open(grant, let.wanted.most_tokens, self._now(), let.facts)
        except RefusedCallError as refused:
            request_id = self._note(refused, known, facts)
            await wire.refuse(send, refused, request_id)
            if not drained:
                await wire.drain(receive, self._limits)
            return
        await self._pass_on(call, let, heard, send)

    def _demand_store(self) -> None:
        if not self.hears:
            raise RefusedCallError(Code.STORE_UNHEARD, retry_after_s=1)

    def _authenticate(self, heard: wire.Heard, known: list[LiveGrant]) -> tuple[LiveGrant, Token]:
        if heard.token is None or heard.proof is None:
            raise RefusedCallError(Code.NO_TOKEN)
        spoken_for = self.live.grant(self.live.spoken_for(heard.token) or "")
        known[:] = [spoken_for] if spoken_for else []
        return self.live.authenticate(self._shown(heard), self._now())

    def _shown(self, heard: wire.Heard) -> Shown:
        return Shown(
            token=heard.token,
            proof=heard.proof or "",
            method=heard.method,
            address=self._settings.public_url + heard.path,
            client=heard.client,
        )

    def _endpoint(self, heard: wire.Heard, grant: LiveGrant) -> Endpoint:
        endpoint = ENDPOINTS.get(heard.path)
        if endpoint is None or heard.method != "POST" or not self._upstream.serves(endpoint):
            raise RefusedCallError(Code.NOT_FOUND)
        if endpoint.name not in grant.endpoints:
            raise RefusedCallError(Code.ENDPOINT)
        return endpoint

    def _let(
        self,
        grant: LiveGrant,
        token: Token,
        endpoint: Endpoint,
        data: bytes,
        facts: dict[str, Json],
    ) -> _Let:
        """Look at the whole request before anything of it goes on.

        Raises: RefusedCallError.
        """
        facts["request"] = hashlib.sha256(data).hexdigest()
        wanted = asked(endpoint, data, self._limits.refused_fields)
        if wanted.model != grant.model:
            raise RefusedCallError(Code.MODEL)
        if grant.canaries and Watch(grant.canaries).sees(data.decode("utf-8", "replace")):
            self.alarms.note(grant, None, "canary-asked", "in a request", self._now())
            if self._limits.alarms.canary == "refuse":
                raise RefusedCallError(Code.CANARY)
        told: dict[str, Json] = {
            "endpoint": endpoint.name,
            "purpose": token.purpose,
            "model": wanted.model,
            "request": facts["request"],
            "stream": wanted.stream,
        }
        return _Let(grant=grant, endpoint=endpoint, wanted=wanted, body=data, facts=told)

    async def _pass_on(self, call: Call, let: _Let, heard: wire.Heard, send: wire.Send) -> None:
        def canary() -> None:
            self.alarms.note(call.grant, call.sequence, "canary", "in an answer", self._now())
            if self._limits.alarms.canary == "refuse":
                raise RefusedCallError(Code.CANARY)

        passage = Passage(call, let.endpoint, self._limits, send, canary)
        outcome, reached = "served", True
        try:
            await self._within_time(call, let, heard, passage)
        except RefusedCallError as refused:
            outcome = refused.code.value
            reached = refused.code not in {Code.UPSTREAM_UNREACHABLE, Code.UPSTREAM_REFUSED}
            await passage.fail(refused)
        except asyncio.CancelledError:
            outcome = "caller-gone"
            raise
        finally:
            charged = passage.charge(reached=reached)
            took = int((time.monotonic() - call.began) * 1000)
            facts = passage.facts(outcome) | {"ms": took}
            self.accounts.close(call, charged, self._now(), facts)
        said = passage.said
        if said.tokens_in is not None and said.tokens_out is not None:
            into, out = said.tokens_in, said.tokens_out
            self.alarms.answered(call.grant, call.sequence, into, out, self._now())

    async def _within_time(
        self, call: Call, let: _Let, heard: wire.Heard, passage: Passage
    ) -> None:
        """Let a call run until its deadline, or until it is cut; both by one clock.

        Raises: RefusedCallError.
        """
        left, most = call.grant.not_after - self._now(), self._limits.call_timeout_s
        late = Code.OVER if left <= most else Code.UPSTREAM_LATE
        try:
            async with asyncio.timeout(min(left, most)) as deadline:
                call.deadline = deadline
                sending = self._upstream.send(let.endpoint, let.body, heard.sent_on)
                async with sending as pieces:
                    await (passage.stream if let.wanted.stream else passage.whole)(pieces)
        except TimeoutError as error:
            raise RefusedCallError(call.cut_because or late) from error

    async def _token(self, heard: wire.Heard, receive: wire.Receive, send: wire.Send) -> None:
        """Give a short token for a proof. Source: RFC 9449 §5."""
        if heard.proof is None:
            raise RefusedCallError(Code.NO_TOKEN)
        data = await wire.body(heard, receive, self._limits)
        purpose = _purpose(data)
        secret, token = self.live.issue(self._shown(heard), purpose, self._now())
        document = {
            "access_token": secret,
            "token_type": "DPoP",
            "expires_in": int(token.expires_at - self._now()),
            "grant": token.grant_id,
            "purpose": token.purpose,
        }
        headers = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]
        await wire.answer(send, 200, headers, json.dumps(document).encode())

    def _note(
        self, refused: RefusedCallError, known: Sequence[LiveGrant], facts: dict[str, Json]
    ) -> str | None:
        """Leave a receipt of a refusal; without a grant to name, it is counted."""
        try:
            if known:
                now = self._now()
                return self.accounts.refuse(known[0], refused.code, now, facts)
            self.accounts.count(self._own_chain, refused.code)
        except RefusedCallError as failed:  # the disk is full: refuse for that reason instead
            refused.code = failed.code
        return None

    def _hear_tails(self, tails: Mapping[str, Tail]) -> None:
        self.accounts.begin(tails)

    def _hear_grants(self, grants: Sequence[LiveGrant]) -> None:
        """Take another table; running calls that it does not hold are cut by the loop, at once."""
        self.live.replace(grants)
        live = {one.grant_id: one for one in grants}
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self.accounts.enforce, live)

    async def _tick(self) -> None:
        """Cut everything when the store falls silent; tidy up now and then."""
        tidied = 0.0
        while True:
            await asyncio.sleep(_TICK_S)
            if not self.hears:
                self.accounts.cut_all(Code.STORE_UNHEARD)
            if time.monotonic() - tidied > 1:
                tidied = time.monotonic()
                self.live.forget_expired(self._now())
                with contextlib.suppress(RefusedCallError):
                    self.accounts.write_counts(self._now())

    async def _life(self, receive: wire.Receive, send: wire.Send) -> None:
        await receive()
        await self.open()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.close()
        await send({"type": "lifespan.shutdown.complete"})


def _purpose(data: bytes) -> str | None:
    """Return the purpose that a token is asked for; an empty body asks for the only one.

    Raises: RefusedCallError.
    """
    if not data:
        return None
    try:
        fields = parse(data, Strictness(max_bytes=4096))
    except StrictJsonError as error:
        raise RefusedCallError(Code.BODY, error.code.value) from error
    match fields:
        case {"purpose": str(purpose)}:
            return purpose
        case _:
            raise RefusedCallError(Code.BODY, "name a purpose, or send nothing")


async def _models(send: wire.Send, grant: LiveGrant) -> None:
    """Answer what both vendors' clients ask first: which models there are. There is one."""
    one = {
        "id": grant.model,
        "object": "model",
        "type": "model",
        "owned_by": "early-access",
        "created": 0,
        "display_name": grant.model,
        "created_at": "1970-01-01T00:00:00Z",
    }
    ends = {"first_id": grant.model, "last_id": grant.model, "has_more": False}
    page = json.dumps({"object": "list", "data": [one], **ends}).encode()
    await wire.answer(send, 200, [(b"content-type", b"application/json")], page)
