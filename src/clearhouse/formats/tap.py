"""Read one TAP submission: strict JSON or multipart/mixed, every rule and every violation.

In come the request's body and content type; out comes a `TapReport`, or a `TapRefusal` that is the
RFC 9457 problem to answer with. Pure: no clock, no store, no network; nothing is unpacked or run.

A report without a package identity is refused; a report that lacks anything else (proof, patch,
severity) is accepted, because partial reports are listed and asked about, not turned away.

Source: Akrites TAP Intake API (text of October 2026).
"""

from collections.abc import Iterator
from typing import cast

from clearhouse.formats.multipart import HeaderValue, MultipartError, Part, read_header, split
from clearhouse.formats.strict_json import (
    Json,
    JsonFault,
    Repeats,
    StrictJsonError,
    Strictness,
    parse,
)
from clearhouse.formats.tap_attachments import Payload, judge_payloads
from clearhouse.formats.tap_fields import judge_metadata
from clearhouse.formats.tap_record import (
    MAX_BODY_BYTES,
    Findings,
    TapCode,
    TapRefusal,
    TapReport,
    TapWarning,
    Violation,
    invalid,
    malformed,
)
from clearhouse.formats.tap_shape import PAYLOAD_FIELDS, shape_fault

_STRICTNESS = Strictness(
    max_bytes=MAX_BODY_BYTES, max_depth=128, repeats=Repeats.NOWHERE, half_surrogates=True
)
_SINGLE_HEADERS = (
    "content-disposition",
    "content-type",
    "content-transfer-encoding",
    "content-description",
    "content-akrites-type",
)
_ATTACHMENT_HEADERS = {"content-description", "content-akrites-type"}
_PARTS = ("report", "exploit", "raw", "attachment")
NamedPart = tuple[str, Part, HeaderValue]
_IDENTITY_ENCODINGS = {"binary", "8bit", "7bit"}


def read(body: bytes, content_type: str) -> TapReport | TapRefusal:
    """Judge one submission."""
    try:
        kind = read_header(content_type)
    except MultipartError:
        return TapRefusal(status=400, detail="the Content-Type header is malformed")
    if kind.value not in {"application/json", "multipart/mixed"}:
        return TapRefusal(
            status=415,
            title="Unsupported media type",
            detail="send application/json or multipart/mixed",
        )
    if len(body) > MAX_BODY_BYTES:
        return TapRefusal(
            status=413,
            title="Body too large",
            detail=f"the body is over {MAX_BODY_BYTES} bytes",
        )
    if kind.value == "application/json":
        charset = kind.parameter("charset")
        if charset is not None and charset.lower() != "utf-8":
            return TapRefusal(status=400, detail="JSON is sent as UTF-8; drop the charset")
        return read_json(body)
    return _read_multipart(body, kind)


def read_json(body: bytes) -> TapReport | TapRefusal:
    """Judge a submission that is one JSON document."""
    members = _parse(body)
    if isinstance(members, TapRefusal):
        return members
    found = Findings()
    return _judge(members, tuple(_json_payloads(members)), found)


def _parse(body: bytes) -> dict[str, Json] | TapRefusal:
    try:
        document = parse(body, _STRICTNESS)
    except StrictJsonError as error:
        if error.code is JsonFault.TOO_DEEP and error.place == "/enrichment":
            return invalid(
                (
                    Violation(
                        code=TapCode.STRUCTURE_TOO_DEEP,
                        field="enrichment",
                        reason=f"{error.reason}; the rest of the report was not read",
                    ),
                )
            )
        where = f" at {error.place}" if error.place else ""
        return malformed(f"{error.reason}{where}")
    fault = shape_fault(document)
    return malformed(fault) if fault else cast("dict[str, Json]", document)


def _json_payloads(members: dict[str, Json]) -> Iterator[Payload]:
    attachments = cast("list[dict[str, str | None] | None]", members.get("attachments") or [])
    for index, entry in enumerate(attachments):
        given = {name: value or "" for name, value in (entry or {}).items()}
        yield Payload(
            field=f"attachments[{index}]",
            data=given.get("data", ""),
            content_type=given.get("content_type", ""),
            filename=given.get("filename", ""),
            description=given.get("description", ""),
            type=given.get("type", ""),
        )
    for name in ("exploit", "raw"):
        yield Payload(
            field=name,
            data=cast("str | None", members.get(name)) or "",
            content_type=cast("str | None", members.get(f"{name}_content_type")) or "",
        )


def _judge(
    members: dict[str, Json], payloads: tuple[Payload, ...], found: Findings
) -> TapReport | TapRefusal:
    fields = judge_metadata(members, found)
    attachments = judge_payloads(list(payloads), found)
    if violations := found.all():
        return invalid(violations)
    warnings = tuple(
        TapWarning(
            field=payload.field,
            reason=f"{payload.field} is deprecated; send it as an attachment",
        )
        for payload in payloads
        if payload.deprecated and payload.data
    )
    return TapReport(**fields, attachments=attachments, warnings=warnings)


def _read_multipart(body: bytes, kind: HeaderValue) -> TapReport | TapRefusal:
    try:
        named = tuple(_named(part) for part in split(body, _boundary(kind)))
        report = _report_part(named)
    except MultipartError as error:
        return TapRefusal(status=400, title="Malformed multipart body", detail=str(error))
    return _judge_parts(report, tuple(_part_payloads(named)))


def _boundary(kind: HeaderValue) -> str:
    boundary = kind.parameter("boundary")
    if boundary is None or kind.repeated():
        raise MultipartError("Content-Type must name one boundary, and each parameter once")
    return boundary


def _judge_parts(report: Part, payloads: tuple[Payload, ...]) -> TapReport | TapRefusal:
    members = _parse(report.data)
    if isinstance(members, TapRefusal):
        return members
    found = Findings()
    for name in PAYLOAD_FIELDS:
        if name in members:
            found.add(
                TapCode.FIELD_NOT_ALLOWED,
                name,
                "in a multipart submission, payloads are parts of their own",
            )
            del members[name]
    return _judge(members, payloads, found)


def _named(part: Part) -> NamedPart:
    """Judge one part's headers and return its name and disposition.

    Raises: MultipartError when a header is missing, repeated or not allowed there.
    """
    _refuse_headers(part)
    disposition = read_header(part.header("content-disposition") or "")
    if disposition.value != "attachment":
        raise MultipartError("every part has Content-Disposition: attachment")
    name = disposition.parameter("name")
    if name not in _PARTS:
        raise MultipartError(f"a part's name must be one of {', '.join(_PARTS)}")
    if disposition.repeated() or any(key.endswith("*") for key, _ in disposition.parameters):
        raise MultipartError("a Content-Disposition parameter is repeated or in RFC 2231's form")
    if name != "attachment" and any(part.header(header) for header in _ATTACHMENT_HEADERS):
        raise MultipartError("only an attachment part has a description or a type")
    return name, part, disposition


def _refuse_headers(part: Part) -> None:
    names = [name for name, _ in part.headers]
    for name in names:
        if name in _SINGLE_HEADERS and names.count(name) > 1:
            raise MultipartError(f"a part repeats its {name} header")
        if name.startswith("content-") and name not in {*_SINGLE_HEADERS, "content-length"}:
            raise MultipartError("a part has a Content header that is not allowed")
    encoding = part.header("content-transfer-encoding")
    if encoding is not None and encoding.lower() not in _IDENTITY_ENCODINGS:
        raise MultipartError("Content-Transfer-Encoding must be binary, 8bit or 7bit")


def _report_part(named: tuple[NamedPart, ...]) -> Part:
    """Find the one report part, once no other part is given twice that must not be."""
    names = [name for name, _, _ in named]
    for name in _PARTS:
        if name != "attachment" and names.count(name) > 1:
            raise MultipartError(f"the part {name} is given twice")
    if "report" not in names:
        raise MultipartError("no part is named report")
    report = named[names.index("report")][1]
    kind = read_header(report.header("content-type") or "text/plain")
    charset = kind.parameter("charset")
    if kind.value != "application/json" or (charset or "utf-8").lower() != "utf-8":
        raise MultipartError("the report part must be application/json in UTF-8")
    return report


def _part_payloads(named: tuple[NamedPart, ...]) -> Iterator[Payload]:
    """Give the attachments in body order, then exploit and raw."""
    attachments = [(part, disposition) for name, part, disposition in named if name == "attachment"]
    for index, (part, disposition) in enumerate(attachments):
        yield Payload(
            field=f"attachments[{index}]",
            data=part.data,
            content_type=part.header("content-type") or "",
            filename=disposition.parameter("filename") or "",
            description=part.header("content-description") or "",
            type=part.header("content-akrites-type") or "",
            part=True,
        )
    for wanted in ("exploit", "raw"):
        for name, part, _ in named:
            if name == wanted:
                yield Payload(
                    field=name,
                    data=part.data,
                    content_type=part.header("content-type") or "",
                    part=True,
                )
