"""One address for the counter's API and its pages: `/v1/` is the API, all else is pages.

A mount would hide the API's own answers to wrong methods, so the path alone decides.
"""

from starlette.types import ASGIApp, Receive, Scope, Send


class FrontDoor:
    """ASGI application that hands each request to the API or to the pages."""

    def __init__(self, api: ASGIApp, pages: ASGIApp) -> None:
        self._api = api
        self._pages = pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; start-up and shutdown are the API's."""
        is_page = scope["type"] == "http" and not scope["path"].startswith("/v1/")
        await (self._pages if is_page else self._api)(scope, receive, send)
