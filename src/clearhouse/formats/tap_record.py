"""The nouns of the TAP Intake API: reports, violations, refusals, and their limits.

Nothing is decided here. Codes and problem types are the wire contract and are never renamed.

Source: Akrites TAP Intake API, The report object, Errors, Limits (text of October 2026).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from clearhouse.formats.strict_json import Json

KIB = 1024
MAX_BODY_BYTES = 3 * KIB * KIB
MAX_PAYLOAD_BYTES = KIB * KIB
MAX_ATTACHMENTS = 16
MALFORMED = "tag:akrites.dev,2026-07:problem/malformed-json"
VALIDATION = "tag:akrites.dev,2026-07:problem/validation"
BLANK = "about:blank"

AttachmentType = Literal["patch", "exploit-proof-of-concept", "reproducer", "threat-model", "other"]
Notify = Literal["off", "final", "milestones", "all"]
Status = Literal[400, 413, 415]


class TapCode(StrEnum):
    """Why a field was refused."""

    MISSING_FIELD = "missing_field"
    FIELD_TOO_LARGE = "field_too_large"
    TOO_MANY_ITEMS = "too_many_items"
    INVALID_UTF8 = "invalid_utf8"
    CONTROL_CHARACTERS = "control_characters"
    DEGENERATE_VALUE = "degenerate_value"
    UNKNOWN_ECOSYSTEM = "unknown_ecosystem"
    INVALID_PURL = "invalid_purl"
    PURL_ECOSYSTEM_MISMATCH = "purl_ecosystem_mismatch"
    INVALID_REFERENCE = "invalid_reference"
    INVALID_COMMIT = "invalid_commit"
    INVALID_UPSTREAM_ID = "invalid_upstream_id"
    INVALID_SYMBOL_LINE = "invalid_symbol_line"
    INVALID_NOTIFY = "invalid_notify"
    INVALID_EMAIL = "invalid_email"
    INVALID_REPO_URL = "invalid_repo_url"
    INVALID_CONTENT_TYPE = "invalid_content_type"
    FIELD_NOT_ALLOWED = "field_not_allowed"
    STRUCTURE_TOO_DEEP = "structure_too_deep"
    INVALID_FILENAME = "invalid_filename"
    INVALID_ATTACHMENT_TYPE = "invalid_attachment_type"
    INVALID_BASE64 = "invalid_base64"


SIZE_CODES = frozenset(
    {TapCode.FIELD_TOO_LARGE, TapCode.TOO_MANY_ITEMS, TapCode.STRUCTURE_TOO_DEEP}
)
"""The codes that make the answer a 413."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Violation:
    """One field that breaks one rule."""

    code: TapCode
    field: str
    """Path within the report, such as `versions[0]`."""
    reason: str
    also_field: str | None = None
    """The second field of a rule about two."""

    def document(self) -> dict[str, str]:
        """Return the entry as it goes over the wire."""
        entry = {"code": str(self.code), "field": self.field, "reason": self.reason}
        return entry | ({"also_field": self.also_field} if self.also_field else {})


@dataclass(frozen=True, kw_only=True, slots=True)
class TapWarning:
    """Something that was accepted and will not always be."""

    field: str
    reason: str
    code: Literal["deprecated_field"] = "deprecated_field"

    def document(self) -> dict[str, str]:
        """Return the entry as it goes over the wire."""
        return {"code": self.code, "field": self.field, "reason": self.reason}


@dataclass(frozen=True, kw_only=True, slots=True)
class TapRefusal:
    """Why a submission was not accepted: an RFC 9457 problem."""

    status: Status
    detail: str
    type: str = BLANK
    title: str = "Bad request"
    errors: tuple[Violation, ...] = ()

    def document(self) -> dict[str, object]:
        """Return the problem document that answers the request."""
        body: dict[str, object] = {
            "type": self.type,
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
        }
        return body | ({"errors": [e.document() for e in self.errors]} if self.errors else {})


def malformed(detail: str) -> TapRefusal:
    """Refuse a body that is not exactly one JSON report."""
    return TapRefusal(
        status=400, type=MALFORMED, title="Body is not one JSON report", detail=detail
    )


def invalid(violations: tuple[Violation, ...]) -> TapRefusal:
    """Refuse a report that parsed and breaks at least one rule."""
    count = len(violations)
    return TapRefusal(
        status=413 if any(v.code in SIZE_CODES for v in violations) else 400,
        type=VALIDATION,
        title="Report failed validation",
        detail=f"{count} violation{'s' if count > 1 else ''}; see errors",
        errors=violations,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class TapSymbol:
    """The affected place in the source."""

    file: str | None = None
    function: str | None = None
    line: int | None = None
    """For display only."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TapAttachment:
    """One file of a report, as the bytes it downloads as."""

    filename: str
    content_type: str
    data: bytes
    type: AttachmentType = "other"
    description: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class TapReport:
    """One accepted report. Absence is `None` or an empty tuple."""

    purl: str | None = None
    """Canonical, with its version when it has one."""
    identity: str | None = None
    """Canonical, without version: what two reports about one package share."""
    software: str | None = None
    ecosystem: str | None = None
    versions: tuple[str, ...] = ()
    """Those listed and the one of the purl."""
    code_path: str | None = None
    affected_symbol: TapSymbol | None = None
    references: tuple[str, ...] = ()
    upstream_ids: tuple[str, ...] = ()
    introduced_commit: str | None = None
    fixed_commit: str | None = None
    package_repo_url: str | None = None
    discovery_method: str | None = None
    discovery_tooling: str | None = None
    email: str | None = None
    notify: Notify | None = None
    """`None` when nobody asked and no address is given."""
    enrichment: Mapping[str, Json] = field(default_factory=dict)
    attachments: tuple[TapAttachment, ...] = ()
    warnings: tuple[TapWarning, ...] = ()


class Findings:
    """Collects every violation of one report, in the order in which the fields are judged."""

    def __init__(self) -> None:
        self._found: list[Violation] = []

    def add(self, code: TapCode, field: str, reason: str, also_field: str | None = None) -> None:
        """Record one violation."""
        self._found.append(Violation(code=code, field=field, reason=reason, also_field=also_field))

    def all(self) -> tuple[Violation, ...]:
        """Return what was recorded."""
        return tuple(self._found)
