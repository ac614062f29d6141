"""The agent's own helper: MCP over standard input, on the machine where the agent runs.

In: calls of the agent that started it. Out: what can be answered here is answered here and nothing
of it travels: `check_report` over local copies of public knowledge. Everything else is passed on to
the counter, under the token of whoever runs the agent. Refused: a counter without TLS that is not
on this machine, because the token would travel in the clear.
Source: Model Context Protocol 2026-07-28, Transports (stdio).
"""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar
from urllib.parse import urlsplit

import anyio
import httpx2
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from mcp.types import (
    CallToolRequestParams,
    CallToolResult,
    ListToolsResult,
    PaginatedRequestParams,
    Tool,
)

from clearhouse.kernel.addresses import is_here
from clearhouse.surfaces.mcp import words
from clearhouse.surfaces.mcp.toolbox import Caller, OfferedTool, Toolbox, refusal

logging.getLogger("mcp").addHandler(logging.NullHandler())
logging.getLogger("mcp").propagate = False  # it would repeat what a server says

T = TypeVar("T")
NAME, VERSION = "clearhouse", "1"
_PATIENCE_S = 60.0
_ME = Caller(key="me")
_Context = ServerRequestContext[dict[str, Any], Any]


class ClearTextError(ValueError):
    """The token would travel in the clear."""


def demand_hidden(address: str) -> None:
    """Refuse an address to which a token would travel in the clear.

    Raises: ClearTextError.
    """
    parts = urlsplit(address)
    if parts.scheme != "https" and not (parts.scheme == "http" and is_here(parts.hostname)):
        raise ClearTextError("a house is reached by https://, or on this machine")


class OwnSide:
    """Tools that work here, in front of those of a counter."""

    def __init__(self, counter: str, token: str | None, here: Sequence[OfferedTool]) -> None:
        """Take the counter's address, without a path, and the tools that work here.

        Raises: ClearTextError.
        """
        demand_hidden(counter)
        self._address = f"{counter.rstrip('/')}/mcp"
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._here = Toolbox(here)
        self._names = frozenset(one.name for one in here)

    async def serve(self) -> None:
        """Serve standard input until it ends."""
        server = Server(
            NAME,
            version=VERSION,
            title="Clearhouse",
            instructions=words.RULES,
            on_list_tools=self._list,
            on_call_tool=self._call,
        )
        async with stdio_server() as (read, write):
            await server.run(read, write, server.create_initialization_options())

    async def _list(self, _: _Context, __: PaginatedRequestParams | None) -> ListToolsResult:
        there = await self._asked(lambda client: client.list_tools())
        others = there.tools if isinstance(there, ListToolsResult) else ()
        passed_on: list[Tool] = [one for one in others if one.name not in self._names]
        return ListToolsResult(tools=[*self._here.offered(_ME), *passed_on])

    async def _call(self, _: _Context, asked: CallToolRequestParams) -> CallToolResult:
        arguments: Mapping[str, Any] = asked.arguments or {}
        if asked.name in self._names:
            return await self._here.call(_ME, asked.name, arguments)
        return await self._asked(lambda client: client.call_tool(asked.name, dict(arguments)))

    async def _asked(self, ask: Callable[[Client], Awaitable[T]]) -> T | CallToolResult:
        """Ask the counter; an error that an agent can act on when it does not answer."""
        try:
            with anyio.fail_after(_PATIENCE_S):
                async with self._counter() as client:
                    return await ask(client)
        except* (MCPError, OSError, RuntimeError, TimeoutError, httpx2.HTTPError):
            pass
        return refusal("unavailable", "the counter does not answer; try again shortly")

    @asynccontextmanager
    async def _counter(self) -> AsyncIterator[Client]:
        async with (
            httpx2.AsyncClient(headers=self._headers, timeout=_PATIENCE_S) as http,
            Client(streamable_http_client(self._address, http_client=http)) as client,
        ):
            yield client
