"""The entrance over HTTP, at `/mcp` of the counter: streamable HTTP, without sessions.

In: requests of MCP clients. Out: answers of the tools, under the token that the request shows.
Refused before any tool is asked: hosts that are not ours (421) and every browser's origin (403),
so that no page can speak for whoever reads it; bodies over the cap (413). Who shows no live token
is offered what reads, and no more.
Source: Model Context Protocol 2026-07-28, Transports (security warning), Authorization.
"""

import contextlib
import logging
from collections.abc import AsyncIterator, Sequence
from typing import Any

from anyio import to_thread
from fastapi import Request
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.server.transport_security import TransportSecuritySettings
from mcp.types import (
    CallToolRequestParams,
    CallToolResult,
    ListToolsResult,
    PaginatedRequestParams,
)
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Send
from starlette.types import Scope as AsgiScope

from clearhouse.kernel import identity
from clearhouse.kernel.identity import Actor
from clearhouse.kernel.services import Counter
from clearhouse.surfaces.api.problems import ProblemError
from clearhouse.surfaces.api.requests import HourlyQuota, bearer
from clearhouse.surfaces.mcp import words
from clearhouse.surfaces.mcp.counter_tools import tools
from clearhouse.surfaces.mcp.toolbox import Caller, Toolbox, refusal
from clearhouse.surfaces.web.protection import Protected

NAME, VERSION = "clearhouse", "1"
MOST_BODY_BYTES = 4 * 1024 * 1024
LOOPBACK = ("127.0.0.1:*", "localhost:*", "[::1]:*")
"""Hosts that a counter on this machine answers to; a public one is told its own name too."""

logging.getLogger("mcp").addHandler(logging.NullHandler())
logging.getLogger("mcp").propagate = False  # it would repeat headers, and names of tools

_Context = ServerRequestContext[dict[str, Any], Request]


class AgentsDoor:
    """ASGI application that serves MCP while `open` is entered."""

    def __init__(
        self, counter: Counter, quota: HourlyQuota, calls: HourlyQuota, hosts: Sequence[str] = ()
    ) -> None:
        """Serve the tools of `counter`; `hosts` are names that it has besides loopback."""
        self._counter = counter
        self._toolbox = Toolbox(tools(counter, quota), spend=lambda one: calls.count(one.key))
        self._manager = StreamableHTTPSessionManager(
            Server(
                NAME,
                version=VERSION,
                title="Clearhouse",
                instructions=words.RULES,
                on_list_tools=self._list,
                on_call_tool=self._call,
            ),
            json_response=True,
            stateless=True,
            security_settings=TransportSecuritySettings(
                allowed_hosts=[*LOOPBACK, *hosts], allowed_origins=[]
            ),
            max_request_body_size=MOST_BODY_BYTES,
        )
        self._app = Protected(self._manager.handle_request, max_body_bytes=MOST_BODY_BYTES)
        self._is_open = False

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Serve until the block ends."""
        async with self._manager.run():
            self._is_open = True
            yield
            self._is_open = False

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if not self._is_open:
            await PlainTextResponse("the agents' entrance is shut\n", 503)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    async def _list(self, context: _Context, _: PaginatedRequestParams | None) -> ListToolsResult:
        try:
            caller = await self._caller(context)
        except ProblemError:
            caller = Caller(key="nobody")
        return ListToolsResult(tools=self._toolbox.offered(caller))

    async def _call(self, context: _Context, asked: CallToolRequestParams) -> CallToolResult:
        try:
            caller = await self._caller(context)
        except ProblemError as error:
            return refusal("token", str(error))
        return await self._toolbox.call(caller, asked.name, asked.arguments or {})

    async def _caller(self, context: _Context) -> Caller:
        """Return who calls. Raises: ProblemError when the request shows two tokens."""
        request = context.request
        secret = None if request is None else bearer(request)
        actor = None if secret is None else await to_thread.run_sync(self._authenticated, secret)
        if actor is not None:
            return Caller(key=actor.actor_id, actor=actor)
        client = None if request is None else request.client
        return Caller(key=f"from {client.host if client else 'nowhere'}")

    def _authenticated(self, secret: str) -> Actor | None:
        with self._counter.database.transaction(None, pipelined=True) as transaction:
            return identity.authenticate(transaction, secret)
