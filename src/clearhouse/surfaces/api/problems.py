"""Errors of the HTTP API as problem documents, which say whose fault it is and what to do.

Source: RFC 9457; types and titles of the TAP Intake API, Errors.
"""

from collections.abc import Mapping
from typing import Any

from fastapi.responses import JSONResponse

MEDIA_TYPE = "application/problem+json"


class ProblemError(Exception):
    """A refusal on its way to the caller."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        document: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.headers = dict(headers or {})
        self.document = document or {
            "type": "about:blank",
            "title": _TITLES.get(status, "Refused"),
            "status": status,
            "detail": detail,
        }

    def response(self) -> JSONResponse:
        """Return the problem as the HTTP answer."""
        return JSONResponse(
            self.document, status_code=self.status, headers=self.headers, media_type=MEDIA_TYPE
        )


_TITLES = {
    400: "Bad request",
    401: "Token needed",
    403: "Not allowed",
    404: "Not found",
    405: "Wrong method",
    408: "The body did not arrive in time",
    409: "Idempotency key reused",
    413: "Body too large",
    415: "Unsupported media type",
    422: "Not understood",
    429: "Too many reports",
    503: "Nothing was stored",
}

SCHEMA = {
    "type": "object",
    "description": "RFC 9457 problem document",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["code", "field", "reason"],
                "properties": {
                    "code": {"type": "string"},
                    "field": {"type": "string"},
                    "also_field": {"type": "string"},
                    "reason": {"type": "string"},
                },
            },
        },
    },
}


def described(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return OpenAPI responses for these problem statuses."""
    return {
        status: {
            "description": _TITLES[status],
            "content": {MEDIA_TYPE: {"schema": SCHEMA}},
        }
        for status in statuses
    }
