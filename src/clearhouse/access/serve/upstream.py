"""The model's own endpoints: one address for each vendor's API, and no other, ever.

In: a request that was let through. Out: the endpoint's answer, piece by piece. Sent on are the body
as it came and a short list of headers; the caller's token, proof and address never are. Redirects,
cookies and proxies of the environment are not followed.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Protocol

import aiohttp

from clearhouse.access.serve.dialects import Endpoint
from clearhouse.access.serve.limits import Limits
from clearhouse.access.serve.refusals import Code, RefusedCallError


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where one vendor's API of the model is."""

    address: str
    """Without the path, for example `http://127.0.0.1:8000`."""
    key: str | None = field(default=None, repr=False)


class Pieces(Protocol):
    """An answer that arrives."""

    @property
    def status(self) -> int:
        """The HTTP status."""
        ...

    @property
    def content_type(self) -> str:
        """The media type, without parameters."""
        ...

    def pieces(self) -> AsyncIterator[bytes]:
        """Yield what arrives, as it arrives."""
        ...


@dataclass(frozen=True, slots=True)
class _Arriving:
    status: int
    content_type: str
    _response: aiohttp.ClientResponse

    async def pieces(self) -> AsyncIterator[bytes]:
        try:
            async for piece in self._response.content.iter_any():
                yield piece
        except (aiohttp.ClientPayloadError, aiohttp.ClientConnectionError) as error:
            raise RefusedCallError(Code.UPSTREAM_DIED) from error
        except TimeoutError as error:  # nothing came for too long; the call's own end is not this
            raise RefusedCallError(Code.UPSTREAM_LATE) from error


class Upstream:
    """The connections to the model."""

    def __init__(self, places: Mapping[str, Place], limits: Limits) -> None:
        self._places = dict(places)
        self._limits = limits
        self._session: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        """Begin; needs a running loop."""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ssl=ssl.create_default_context()),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=True,
            trust_env=False,
            timeout=aiohttp.ClientTimeout(
                total=None,
                sock_connect=self._limits.connect_timeout_s,
                sock_read=self._limits.idle_timeout_s,
            ),
            read_bufsize=self._limits.event_bytes,
        )

    async def close(self) -> None:
        """End."""
        if self._session is not None:
            await self._session.close()
            await asyncio.sleep(0)  # lets the transports close

    def serves(self, endpoint: Endpoint) -> bool:
        """Say whether there is a place for this endpoint."""
        return endpoint.vendor in self._places

    @asynccontextmanager
    async def send(
        self, endpoint: Endpoint, body: bytes, headers: Mapping[str, str]
    ) -> AsyncIterator[Pieces]:
        """Send a request on.

        Raises: RefusedCallError.
        """
        place = self._places[endpoint.vendor]
        if self._session is None:
            raise RefusedCallError(Code.UPSTREAM_UNREACHABLE)
        sent = {**headers, "content-type": "application/json", "accept-encoding": "identity"}
        if place.key is not None:
            name = "authorization" if endpoint.vendor == "openai" else "x-api-key"
            sent[name] = f"Bearer {place.key}" if endpoint.vendor == "openai" else place.key
        try:
            response = await self._session.post(
                place.address + endpoint.path, data=body, headers=sent, allow_redirects=False
            )
        except (TimeoutError, aiohttp.ServerTimeoutError) as error:
            raise RefusedCallError(Code.UPSTREAM_LATE) from error
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientPayloadError) as error:
            raise RefusedCallError(Code.UPSTREAM_DIED) from error
        except aiohttp.ClientConnectionError as error:
            raise RefusedCallError(Code.UPSTREAM_UNREACHABLE) from error
        except aiohttp.ClientError as error:
            raise RefusedCallError(Code.UPSTREAM_MALFORMED) from error
        try:
            yield _Arriving(response.status, response.content_type, response)
        finally:
            response.close() if not response.content.at_eof() else response.release()
