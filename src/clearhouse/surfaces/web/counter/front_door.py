"""One address for the counter: the API, `/mcp` as the agents' entrance, and all else is pages.

The API is below `/v1/` and `/taxii2/`. A mount would hide its own answers to wrong methods, so the
path alone decides.
"""

import contextlib
from collections.abc import Callable

from starlette.types import ASGIApp, Receive, Scope, Send

AGENTS_PATH = "/mcp"
API_PATHS = ("/v1/", "/taxii2/")


class FrontDoor:
    """ASGI application that hands each request to the API, to agents' tools, or to the pages."""

    def __init__(
        self,
        api: ASGIApp,
        pages: ASGIApp,
        agents: ASGIApp | None = None,
        while_serving: Callable[[], contextlib.AbstractAsyncContextManager[None]] = (
            contextlib.nullcontext
        ),
    ) -> None:
        """Take the parts; `while_serving` is entered from start-up to shutdown."""
        self._api = api
        self._pages = pages
        self._agents = agents
        self._while_serving = while_serving

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; start-up and shutdown are the API's."""
        if scope["type"] != "http":
            async with self._while_serving():
                await self._api(scope, receive, send)
        elif scope["path"].startswith(API_PATHS):
            await self._api(scope, receive, send)
        elif self._agents is not None and scope["path"] == AGENTS_PATH:
            await self._agents(scope, receive, send)
        else:
            await self._pages(scope, receive, send)
