"""What every API request is asked first: where from, who, how much.

In: an HTTP request. Out: an authenticated actor, or the body within its limit.
Refused, before the body is read: browser requests from other sites (403), no live token (401).
Refused while reading: too large (413), too slow (408).
Source: TAP Intake API, Submission token, Errors, Limits.
"""

import asyncio
from collections import Counter as Tally

from fastapi import Request
from starlette.requests import ClientDisconnect

from clearhouse.kernel import identity
from clearhouse.kernel.clock import Clock
from clearhouse.kernel.identity import Actor, Scope
from clearhouse.kernel.store.database import Database
from clearhouse.surfaces.api.problems import ProblemError

BODY_TIMEOUT_S = 30.0
_LEGACY_TOKEN_HEADER = "TAP-SUBMISSION-TOKEN"  # noqa: S105 - a header's name


def refuse_other_sites(request: Request) -> None:
    """Refuse what a browser sends on behalf of another site.

    Raises: ProblemError 403.
    """
    if from_another_site(request):
        raise ProblemError(403, "cross-origin requests are not taken; use a client, not a web page")


def from_another_site(request: Request) -> bool:
    """Say whether a browser sent this on behalf of another site; other clients send no hint.

    Browsers that send `Sec-Fetch-Site` are believed; they may hide the origin even from us.
    Source: W3C Fetch Metadata, §2.
    """
    fetch_site = request.headers.get("sec-fetch-site")
    if fetch_site is not None:
        return fetch_site not in {"none", "same-origin"}
    own = f"{request.url.scheme}://{request.headers.get('host', '')}"
    return request.headers.get("origin") not in {None, own}


def bearer(request: Request) -> str | None:
    """Return the token that the request shows.

    Raises: ProblemError 400 when it shows two different ones.
    """
    scheme, _, shown = request.headers.get("authorization", "").partition(" ")
    modern = shown.strip() if scheme.lower() == "bearer" else None
    legacy = request.headers.get(_LEGACY_TOKEN_HEADER)
    if modern and legacy and modern != legacy:
        raise ProblemError(400, "the Authorization and TAP-SUBMISSION-TOKEN headers disagree")
    return modern or legacy


def authenticated(request: Request, database: Database, scope: Scope) -> Actor:
    """Return the actor whose live token with `scope` the request shows.

    Raises: ProblemError 401, which never says what is wrong with the token.
    """
    secret = bearer(request)
    if secret is not None:
        with database.transaction(None, pipelined=True) as transaction:
            actor = identity.authenticate(transaction, secret)
        if actor is not None and scope in actor.scopes:
            return actor
    raise ProblemError(
        401,
        f"send a live token with the scope {scope} as `Authorization: Bearer …`",
        headers={"WWW-Authenticate": "Bearer"},
    )


async def body_within(request: Request, limit_bytes: int) -> bytes:
    """Return the body.

    Raises: ProblemError 400 for a damaged or aborted body, 408 when slow, 413 when too large.
    """
    announced = request.headers.get("content-length", "0")
    if not announced.isdecimal():
        raise ProblemError(400, "Content-Length is not a number")
    if int(announced) > limit_bytes:
        raise _too_large(limit_bytes)
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            return await _read(request, limit_bytes)
    except TimeoutError as error:
        raise ProblemError(408, "the body did not arrive in time; nothing was stored") from error
    except ClientDisconnect as error:
        raise ProblemError(400, "the body broke off; nothing was stored") from error


async def _read(request: Request, limit_bytes: int) -> bytes:
    chunks = bytearray()
    async for chunk in request.stream():
        chunks += chunk
        if len(chunks) > limit_bytes:
            raise _too_large(limit_bytes)
    return bytes(chunks)


def _too_large(limit_bytes: int) -> ProblemError:
    return ProblemError(413, f"the body is over {limit_bytes} bytes; nothing was stored")


class HourlyQuota:
    """Counts in fixed hours what each caller does. Source: TAP Intake API, status 429."""

    _MOST_CALLERS = 100_000
    """Counted apart; those beyond share one count, so that names cost no memory."""

    def __init__(self, clock: Clock, per_hour: int, *, of: str = "reports") -> None:
        self._clock = clock
        self._per_hour = per_hour
        self._of = of
        self._hour = -1
        self._used: Tally[str] = Tally()

    def spend(self, actor: Actor) -> None:
        """Count one request of an actor.

        Raises: ProblemError 429 with Retry-After when the hour's quota is used up.
        """
        self.count(actor.actor_id)

    def count(self, caller: str) -> None:
        """Count one request of whoever has this name.

        Raises: ProblemError 429 with Retry-After when the hour's quota is used up.
        """
        seconds = int(self._clock().timestamp())
        if seconds // 3600 != self._hour:
            self._hour = seconds // 3600
            self._used.clear()
        if caller not in self._used and len(self._used) >= self._MOST_CALLERS:
            caller = "others"
        self._used[caller] += 1
        if self._used[caller] > self._per_hour:
            raise ProblemError(
                429,
                f"more than {self._per_hour} {self._of} in this hour; go on in the next",
                headers={"Retry-After": str(3600 - seconds % 3600)},
            )
