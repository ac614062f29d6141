"""What stands around every page: headers that forbid foreign content and framing, and a size cap.

In: an ASGI application. Out: the same with security headers on every answer, errors included.
Refused before the application sees anything: bodies over the cap (413), and bodies that do not
announce their length (411), which no browser sends.
Source: Content Security Policy Level 3; RFC 9110 §15.5.12, §15.5.14.
"""

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY_BYTES = 20 * 1024 * 1024

_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; {more}form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
_ALWAYS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "cache-control": "no-store",
}


def content_policy(*, scripts: bool = False, asks: bool = False) -> str:
    """Return the policy of a page: with our script files or without, which may ask us or not."""
    more = "script-src 'self'; " if scripts else ""
    return _POLICY.format(more=more + ("connect-src 'self'; " if asks else ""))


class Protected:
    """ASGI wrapper that adds the headers and holds the cap.

    An answer that sets one of the headers itself keeps its own: files for download are stricter,
    style sheets may be cached.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        scripts: bool = False,
        asks: bool = False,
        max_body_bytes: int = MAX_BODY_BYTES,
    ) -> None:
        self._app = app
        self._limit = max_body_bytes
        policy = content_policy(scripts=scripts, asks=asks)
        self._headers = {**_ALWAYS, "content-security-policy": policy}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
            await send(message)

        refusal = self._refusal(Headers(scope=scope))
        await (refusal or self._app)(scope, receive, send_guarded)

    def _refusal(self, headers: Headers) -> PlainTextResponse | None:
        if "transfer-encoding" in headers:
            return PlainTextResponse("send a Content-Length; nothing was stored\n", 411)
        announced = headers.get("content-length", "0")
        if not (announced.isascii() and announced.isdecimal()):
            return PlainTextResponse("Content-Length is not a number\n", 400)
        if len(announced) > 15 or int(announced) > self._limit:
            return PlainTextResponse(f"over {self._limit} bytes; nothing was stored\n", 413)
        return None
