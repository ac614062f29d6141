"""Recognise a document by what it holds, and read it.

In come bytes and what the sender called them; out come the format and its drafts, or a refusal.
The content decides; name and media type only help where the content says nothing, because both are
often wrong and can be chosen to mislead. Archives and programs are refused unopened.
"""

from collections.abc import Callable

from clearhouse.clearing.intake.readers import (
    csaf,
    ghsa,
    interchange,
    mail,
    osv,
    own,
    sarif,
    tap,
    text,
)
from clearhouse.clearing.intake.readers.files import archive_kind
from clearhouse.clearing.intake.readers.result import (
    Drafts,
    Fault,
    Format,
    Reading,
    ReadRefusal,
    ReadResult,
)
from clearhouse.clearing.intake.record import Draft
from clearhouse.formats.strict_json import Json, JsonFault, StrictJsonError, Strictness, parse
from clearhouse.formats.tap_shape import REPORT_FIELDS

MAX_LISTED = 256

_STRICTNESS = Strictness(max_bytes=24 * 1024 * 1024, max_depth=96, byte_order_mark=True)
_BINARIES = ((b"%PDF", "PDF"), (b"\x7fELF", "ELF"), (b"MZ\x90", "PE"), (b"\x89PNG", "PNG"))
_SIZES = {JsonFault.TOO_LARGE, JsonFault.TOO_DEEP}

_Recognised = Callable[[dict[str, Json]], bool]
_Read = Callable[[dict[str, Json]], Drafts]
_JSON_FORMATS: tuple[tuple[Format, _Recognised, _Read], ...] = (
    (Format.OWN, own.recognised, own.read),
    (Format.INTERCHANGE, interchange.recognised, interchange.read),
    (Format.CSAF, csaf.recognised, csaf.read),
    (Format.SARIF, sarif.recognised, sarif.read),
    (Format.OSV, osv.recognised, osv.read),
    (Format.GHSA, ghsa.recognised, ghsa.read),
)
_UNKNOWN_JSON = ReadRefusal(
    code="unknown_format",
    fault=Fault.UNSUPPORTED,
    reason="the JSON document is of no format that is read here",
    remedy="send TAP, OSV, CSAF 2.0 or 2.1, SARIF 2.1.0, a GitHub advisory, e-mail or text",
)
_CVE_RECORD = ReadRefusal(
    code="unknown_format",
    fault=Fault.UNSUPPORTED,
    reason="CVE records describe published flaws and are not read as reports",
    remedy="send OSV or CSAF, or the report in words",
    place="/dataType",
)


def read(
    data: bytes, *, filename: str | None = None, content_type: str | None = None
) -> ReadResult:
    """Recognise and read one document."""
    media = (content_type or "").partition(";")[0].strip().lower()
    if media == "multipart/mixed" and not mail.recognised(data):
        return _reading(Format.TAP, tap.read(data, content_type or ""))
    if refusal := _unreadable(data):
        return refusal
    start = data.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    if start in {b"{", b"["} and (start == b"{" or _says_json(filename, media)):
        return _read_json(data)
    if _says_json(filename, media):
        return _refused_json(data)
    if mail.recognised(data):
        return _reading(Format.EMAIL, mail.read(data))
    return _reading(Format.TEXT, text.read(data))


def _says_json(filename: str | None, media: str) -> bool:
    name = (filename or "").lower()
    return name.endswith((".json", ".sarif")) or media.endswith(("/json", "+json"))


def _reading(kind: Format, drafts: Drafts) -> ReadResult:
    return drafts if isinstance(drafts, ReadRefusal) else Reading(format=kind, drafts=drafts)


def _unreadable(data: bytes) -> ReadRefusal | None:
    """Refuse by the first bytes what is no document; nothing is unpacked to look inside."""
    kind = archive_kind(data) or next((k for magic, k in _BINARIES if data.startswith(magic)), None)
    if kind is not None:
        return ReadRefusal(
            code="not_a_document",
            fault=Fault.UNSUPPORTED,
            reason=f"a {kind} file is not opened as a report",
            remedy="send the report itself and attach files to it",
        )
    return None if data.strip() else text.EMPTY


def _read_json(data: bytes) -> ReadResult:
    try:
        document = parse(data, _STRICTNESS)
    except StrictJsonError as error:
        return _json_refusal(error)
    if isinstance(document, list):
        return _read_list(document)
    if not isinstance(document, dict):
        return _UNKNOWN_JSON
    return _read_object(document, data)


def _refused_json(data: bytes) -> ReadRefusal:
    """Say why a document that is called JSON is none."""
    try:
        parse(data, _STRICTNESS)
    except StrictJsonError as error:
        return _json_refusal(error)
    return _UNKNOWN_JSON


def _json_refusal(error: StrictJsonError) -> ReadRefusal:
    return ReadRefusal(
        code=str(error.code),
        fault=Fault.LIMIT if error.code in _SIZES else Fault.DOCUMENT,
        reason=error.reason,
        remedy="send one JSON document in UTF-8 with each key once",
        place=error.place,
    )


def _read_object(document: dict[str, Json], data: bytes) -> ReadResult:
    for kind, recognised, read_one in _JSON_FORMATS:
        if recognised(document):
            return _reading(kind, read_one(document))
    if document.get("dataType") == "CVE_RECORD":
        return _CVE_RECORD
    own = document.keys() & REPORT_FIELDS
    if document and 2 * len(own) >= len(document):
        return _reading(Format.TAP, tap.read(data))
    return _UNKNOWN_JSON


def _read_list(documents: list[Json]) -> ReadResult:
    """Read a list of OSV documents or GitHub advisories as their interfaces export them."""
    if not documents or len(documents) > MAX_LISTED:
        return ReadRefusal(
            code="too_many_reports" if documents else "empty",
            fault=Fault.LIMIT,
            reason=f"a list is read with 1 to {MAX_LISTED} documents",
            remedy="send each document by itself",
        )
    kinds = {_kind_of(one) for one in documents}
    if len(kinds) != 1 or (kind := kinds.pop()) is None:
        return _UNKNOWN_JSON
    read_one = osv.read if kind is Format.OSV else ghsa.read
    drafts: list[Draft] = []
    for index, one in enumerate(documents):
        found = read_one(one) if isinstance(one, dict) else _UNKNOWN_JSON
        if isinstance(found, ReadRefusal):
            return ReadRefusal(
                code=found.code,
                fault=found.fault,
                reason=found.reason,
                remedy=found.remedy,
                place=f"/{index}{found.place}",
            )
        drafts += found
    return Reading(format=kind, drafts=tuple(drafts))


def _kind_of(document: Json) -> Format | None:
    if not isinstance(document, dict):
        return None
    if osv.recognised(document):
        return Format.OSV
    return Format.GHSA if ghsa.recognised(document) else None
