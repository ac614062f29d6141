"""What the gateway does not let through, each with a status and a sentence: problem documents.

A document has the `error` member that the clients of both dialects show to people.
Source: RFC 9457.
"""

import json
from dataclasses import dataclass
from enum import StrEnum


class Code(StrEnum):
    """Why a call was refused or cut; a shipped code is never renamed."""

    STORE_UNHEARD = "store-unheard"
    NOT_FOUND = "not-found"
    HEADERS = "headers"
    NO_TOKEN = "no-token"  # noqa: S105 - a code, not a secret
    BAD_TOKEN = "bad-token"  # noqa: S105 - as above
    BAD_PROOF = "bad-proof"
    REPLAYED = "replayed-proof"
    REVOKED = "revoked"
    NOT_YET = "not-yet"
    OVER = "over"
    NETWORK = "network"
    PURPOSE = "purpose"
    ENDPOINT = "endpoint"
    TOO_LARGE = "too-large"
    TOO_SLOW = "too-slow"
    BROKEN_OFF = "broken-off"
    BODY = "body"
    MODEL = "model"
    FIELD = "field"
    MAX_TOKENS = "max-tokens"
    CANARY = "canary"
    RATE = "rate"
    CONCURRENCY = "concurrency"
    BUDGET = "budget"
    UPSTREAM_UNREACHABLE = "upstream-unreachable"
    UPSTREAM_REFUSED = "upstream-refused"
    UPSTREAM_DIED = "upstream-died"
    UPSTREAM_LATE = "upstream-late"
    UPSTREAM_MALFORMED = "upstream-malformed"
    OTHER_MODEL = "other-model"
    JOURNAL = "journal"


SAID: dict[Code, tuple[int, str, str]] = {
    Code.STORE_UNHEARD: (
        503,
        "Not serving",
        "the gateway does not hear the store and serves nothing until it does; try again shortly",
    ),
    Code.NOT_FOUND: (
        404,
        "No such endpoint",
        "ask for an endpoint of the grant by its exact address and method, without a query",
    ),
    Code.HEADERS: (
        400,
        "Ambiguous headers",
        (
            "send authorization, dpop, content-type and content-length once each, and no "
            "content-encoding"
        ),
    ),
    Code.NO_TOKEN: (
        401,
        "Token and proof needed",
        "send `Authorization: DPoP <token>` with a `DPoP` proof; POST /token gives a token",
    ),
    Code.BAD_TOKEN: (
        401,
        "Token not known",
        "the token is unknown or has expired; get another from POST /token",
    ),
    Code.BAD_PROOF: (
        401,
        "Proof does not hold",
        "sign a fresh proof with the key of the grant for this method and address",
    ),
    Code.REPLAYED: (
        401,
        "Proof was used before",
        "sign a fresh proof for every request",
    ),
    Code.REVOKED: (
        403,
        "Access has ended",
        "the grant was ended or the window is paused; ask the lab or the government",
    ),
    Code.NOT_YET: (
        403,
        "Access has not begun",
        "the grant is not valid yet",
    ),
    Code.OVER: (
        403,
        "Access is over",
        "the window has closed",
    ),
    Code.NETWORK: (
        403,
        "Not from here",
        "the grant does not cover this network",
    ),
    Code.PURPOSE: (
        403,
        "Not for this purpose",
        "name one of the purposes of the grant when asking for a token",
    ),
    Code.ENDPOINT: (
        403,
        "Endpoint not granted",
        "the grant does not cover this endpoint",
    ),
    Code.TOO_LARGE: (
        413,
        "Body too large",
        "send less at once",
    ),
    Code.TOO_SLOW: (
        408,
        "Body too slow",
        "the body did not arrive in time",
    ),
    Code.BROKEN_OFF: (
        400,
        "Body broke off",
        "the body ended before it was whole",
    ),
    Code.BODY: (
        400,
        "Body not understood",
        "send one JSON object in UTF-8 with no key twice",
    ),
    Code.MODEL: (
        403,
        "Another model",
        "ask for exactly the model of the grant",
    ),
    Code.FIELD: (
        400,
        "Field not served",
        "leave out what names another model, another place, or earlier state",
    ),
    Code.MAX_TOKENS: (
        400,
        "No upper bound",
        "state the most tokens that the answer may have; they are set aside before the call",
    ),
    Code.CANARY: (
        403,
        "Stopped",
        "the call holds a string that must not pass",
    ),
    Code.RATE: (
        429,
        "Too many calls",
        "wait as long as Retry-After says",
    ),
    Code.CONCURRENCY: (
        429,
        "Too many calls at once",
        "wait until one of the running calls has ended",
    ),
    Code.BUDGET: (
        429,
        "Budget used up",
        "the tokens that are left do not cover this call",
    ),
    Code.UPSTREAM_UNREACHABLE: (
        502,
        "Model not reachable",
        "the model's endpoint did not answer; there is no other",
    ),
    Code.UPSTREAM_REFUSED: (
        502,
        "Model refused",
        "the model's endpoint refused the call",
    ),
    Code.UPSTREAM_DIED: (
        502,
        "Model broke off",
        "the model's endpoint ended its answer early",
    ),
    Code.UPSTREAM_LATE: (
        504,
        "Model too late",
        "the model's endpoint did not answer in time",
    ),
    Code.UPSTREAM_MALFORMED: (
        502,
        "Answer not understood",
        "the model's endpoint sent what is no answer",
    ),
    Code.OTHER_MODEL: (
        502,
        "Another model answered",
        "the endpoint served another model than the one of the grant; nothing of it is passed on",
    ),
    Code.JOURNAL: (
        503,
        "No receipt possible",
        "the gateway cannot write receipts and so serves nothing",
    ),
}
"""Status, title and what to do, by code."""

_TRIED_AGAIN = {Code.STORE_UNHEARD, Code.RATE, Code.CONCURRENCY}


@dataclass(slots=True)
class RefusedCallError(Exception):
    """A call that is not let through, or is cut."""

    code: Code
    detail: str = ""
    retry_after_s: float | None = None
    status_override: int | None = None

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self.status_override or SAID[self.code][0]

    @property
    def sentence(self) -> str:
        """What happened and what to do."""
        usual = SAID[self.code][2]
        return f"{self.detail}; {usual}" if self.detail else usual


def document(refused: RefusedCallError, request_id: str | None) -> bytes:
    """Return the problem document."""
    body = {
        "type": f"urn:clearhouse:access:{refused.code.value}",
        "title": SAID[refused.code][1],
        "status": refused.status,
        "detail": refused.sentence,
        "error": {
            "type": refused.code.value,
            "code": refused.code.value,
            "message": refused.sentence,
        },
    }
    if request_id is not None:
        body["instance"] = f"urn:clearhouse:call:{request_id}"
    return json.dumps(body).encode()


def headers(refused: RefusedCallError) -> list[tuple[bytes, bytes]]:
    """Return the headers of a problem, without its length and request id."""
    made = [
        (b"content-type", b"application/problem+json"),
        (b"cache-control", b"no-store"),
        (b"x-should-retry", b"true" if refused.code in _TRIED_AGAIN else b"false"),
    ]
    if refused.status == 401:
        error = b"invalid_dpop_proof" if "proof" in refused.code else b"invalid_token"
        made.append((b"www-authenticate", b'DPoP algs="ES256 EdDSA", error="%b"' % error))
    if refused.retry_after_s is not None:
        made.append((b"retry-after", b"%d" % (int(refused.retry_after_s) + 1)))
    return made
