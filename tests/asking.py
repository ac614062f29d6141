"""Asks an application of this process as a browser or a program would, without a network.

Starlette's client begins an event loop and its thread for every request, and hands each piece of it
from thread to thread. Here all requests share one loop, as they do in a served process, which takes
a third of the time. Whoever needs an application's lifespan takes Starlette's.
"""

import asyncio
import atexit
import threading

import httpx2

_LOOP = asyncio.new_event_loop()
atexit.register(_LOOP.close)


class Client(httpx2.Client):
    def __init__(
        self, app, base_url="http://testserver", *, headers=None, address="testclient", **options
    ):
        raising = options.pop("raise_server_exceptions", True)
        super().__init__(
            base_url=base_url,
            headers={"user-agent": "testclient", **(headers or {})},
            transport=_InProcess(app, raising=raising, address=address),
            **{"follow_redirects": True, **options},
        )


class _InProcess(httpx2.BaseTransport):
    def __init__(self, app, *, raising, address):
        self.asgi = httpx2.ASGITransport(app, raise_app_exceptions=raising, client=(address, 50000))

    def handle_request(self, request):
        asked = self._asked(request)
        if threading.current_thread() is threading.main_thread():
            return _LOOP.run_until_complete(asked)
        return asyncio.run(asked)

    async def _asked(self, request):
        answer = await self.asgi.handle_async_request(request)
        body = b"".join([part async for part in answer.stream])
        return httpx2.Response(
            answer.status_code,
            headers=answer.headers.raw,
            stream=httpx2.ByteStream(body),
            request=request,
        )
